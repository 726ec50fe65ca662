/**
 * What was: one object, or a page of a list, as it was at a moment of the past, also of what is deleted since. As it is
 * read now: with the schema, the version and the permissions of today.
 *
 * What has not changed since comes from the cache. The rest is read from the store's history, some pages at a time and
 * some readers at a time, who take turns: a past that is dear to read holds nobody up who reads the present.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { ReadMoment } from '../../machinery/client.ts';
import type { Clock } from '../../machinery/clock.ts';
import { ApiError, StoreError } from '../../machinery/errors.ts';
import { FairQueue, type LevelOptions, type Seat } from '../../machinery/fairqueue.ts';
import { type ObjectKey, qualifiedName } from '../../machinery/meta.ts';
import { compareKeys } from '../../store/keys.ts';
import type { KeyValue, Store } from '../../store/store.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import { relativeKey } from './keys.ts';
import type { ServedEntry } from './kinds/kinds.ts';
import { expiredContinue } from './listoptions.ts';
import { type MomentAsked, momentText } from './moments.ts';
import { lastKey, type Page, pageOf, type Query } from './pages.ts';
import { apiErrorFromStore, unavailable } from './storeerrors.ts';
import type { StoredObject } from './types.ts';

/** Objects read from the store at once: some milliseconds of work between two turns of the event loop. */
const HISTORY_PAGE = 100;
/**
 * Lists of the past that read the store at once on one server, and who waits for how long. One reads while another is
 * decoded; more of them would only make the turns of the event loop longer.
 */
const READERS: LevelOptions = {
  name: 'past',
  seats: 3,
  seatsPerUser: 2,
  queueLength: 20,
  waiting: 100,
  waitMs: 15_000,
};
const RETRY_AFTER_SECONDS = 1;
/** JSON of one answer that is not in the caches: a page ends there, and a list without pages is refused. */
const MAX_BYTES = 64 * 1024 * 1024;

export interface PastParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: StoreFeed;
}

export class Past {
  readonly #parts: PastParts;
  readonly #readers: FairQueue;

  constructor(parts: PastParts) {
    this.#parts = parts;
    this.#readers = new FairQueue(READERS, parts.clock);
  }

  /** The moment asked for. Throws `Expired` naming the oldest one that is kept. */
  async moment(served: ServedEntry, asked: MomentAsked): Promise<ReadMoment> {
    const { store } = this.#parts;
    const timeMs = asked.kind === 'time' ? asked.timeMs : undefined;
    return this.#kept(served, asked, async () => {
      const revision = asked.kind === 'time' ? (await store.momentAt(asked.timeMs)).revision : asked.revision;
      const compacted = store.compactedRevision();
      if (revision < compacted) throw new StoreError('Compacted', `history is kept from ${compacted} on`);
      return { revision, timeMs };
    });
  }

  /** Undefined when it did not exist. Throws `Expired`. */
  async get(
    served: ServedEntry,
    key: ObjectKey,
    moment: ReadMoment,
    signal: AbortSignal | undefined,
  ): Promise<StoredObject | undefined> {
    const { store, feed } = this.#parts;
    const { cache } = served;
    const { revision } = moment;
    await feed.reach(revision, signal);
    const relative = relativeKey(key);
    const known = cache.get(relative);
    if (known !== undefined && known.resourceVersion <= revision) return known;
    if (!isInScope(served, relative)) return undefined;
    const item = await this.#kept(served, moment, () =>
      store.get(cache.entry.prefix + relative, { revision }),
    );
    return item === undefined ? undefined : cache.decode(item);
  }

  /** @param user who asks. Throws `Expired`, and `TooManyRequests` when too many read the past already. */
  async page(
    served: ServedEntry,
    query: Query,
    moment: ReadMoment,
    user: string,
    signal: AbortSignal | undefined,
  ): Promise<Page> {
    const { cache } = served;
    await this.#parts.feed.reach(moment.revision, signal);
    if (cache.lastChange <= moment.revision) return pageOf(cache.list(query.namespace), query);
    const seat = await this.seat(user, signal);
    try {
      return await this.#kept(served, moment, () => this.#read(served, query, moment.revision, signal));
    } catch (error) {
      const isCutOff = error instanceof ApiError && error.reason === 'Expired' && query.after !== undefined;
      // Of a list by time there is no rest of another time.
      if (isCutOff && moment.timeMs === undefined) throw expiredContinue(query.after, error);
      throw error;
    } finally {
      seat.release();
    }
  }

  async #read(
    served: ServedEntry,
    query: Query,
    revision: number,
    signal: AbortSignal | undefined,
  ): Promise<Page> {
    const { cache } = served;
    const found: StoredObject[] = [];
    let bytes = 0;
    for await (const items of this.#history(served, query, revision)) {
      for (const item of items) {
        const relative = item.key.slice(cache.entry.prefix.length);
        if (!isInScope(served, relative)) continue;
        const known = cache.get(relative);
        const stored = known?.resourceVersion === item.modRevision ? known : cache.decode(item);
        if (query.matches?.(stored) === false) continue;
        if (stored !== known) bytes += stored.json.byteLength;
        if (bytes > MAX_BYTES && found.length > 0) {
          if (query.limit === Infinity) throw tooLarge(served, revision);
          return { items: found, next: lastKey(found), remaining: undefined };
        }
        found.push(stored);
        if (found.length > query.limit) break;
      }
      if (found.length > query.limit) break;
      // Node delivers up to a thousand messages of the store's thread before it looks at anything else: several readers
      // whose pages come one after the other would keep the loop among themselves.
      await turnOfTheLoop();
      if (signal?.aborted === true) throw cancelled(signal);
    }
    const items = found.slice(0, query.limit);
    return { items, next: found.length > items.length ? lastKey(items) : undefined, remaining: undefined };
  }

  /** What may match, in key order, some at a time. */
  async *#history(
    { entry, cache }: ServedEntry,
    { namespace, name, after, limit, matches }: Query,
    revision: number,
  ): AsyncGenerator<readonly KeyValue[]> {
    const { store } = this.#parts;
    const { prefix } = cache.entry;
    if (name !== undefined && entry.kind.namespaced === (namespace !== undefined)) {
      const key = relativeKey(namespace === undefined ? { name } : { namespace, name });
      const item = await store.get(prefix + key, { revision });
      if (item !== undefined && (after === undefined || compareKeys(key, after) > 0)) yield [item];
      return;
    }
    const range = namespace === undefined ? prefix : `${prefix}${namespace}/`;
    // One more than is wanted tells whether there are more; with a selector nobody knows how many to read.
    const size = matches === undefined ? Math.min(limit + 1, HISTORY_PAGE) : HISTORY_PAGE;
    let last = after === undefined ? undefined : prefix + after;
    for (let more = true; more; ) {
      const page = await store.range(range, {
        limit: size,
        revision,
        ...(last === undefined ? {} : { after: last }),
      });
      yield page.items;
      last = page.items.at(-1)?.key;
      more = page.more && last !== undefined;
    }
  }

  /** Leave to read the store's past. Throws `TooManyRequests` when too many wait for it already. */
  async seat(user: string, signal: AbortSignal | undefined): Promise<Seat> {
    const { closing } = this.#parts.feed;
    const gone = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    const seat = this.#readers.take(user) ?? (await this.#readers.wait(user, gone));
    if (typeof seat !== 'string') return seat;
    if (closing.aborted) throw unavailable('the server is shutting down');
    if (signal?.aborted === true) throw cancelled(signal);
    throw new ApiError(
      'TooManyRequests',
      `Too many requests, please try again later: ${READERS.seats} lists of the past are read at once, and ${
        seat === 'queue-full'
          ? 'too many of yours are waiting already'
          : 'this one waited too long for its turn'
      }`,
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  /** Says since when there is a past when what was asked for is gone. */
  async #kept<T>(
    { entry }: ServedEntry,
    asked: MomentAsked | ReadMoment,
    read: () => Promise<T>,
  ): Promise<T> {
    try {
      return await read();
    } catch (error) {
      const translated = apiErrorFromStore(error);
      if (translated.reason !== 'Expired') throw translated;
      const { revision, writtenAtMs } = await this.#parts.store.oldestMoment(entry.prefix);
      const oldest = `revision ${revision}${writtenAtMs === undefined ? '' : ` (${new Date(writtenAtMs).toISOString()})`}`;
      throw new ApiError(
        'Expired',
        `too old: ${qualifiedName(entry.kind)} ${momentText(asked)} are gone: their past is kept from ${oldest} on; ask for that or for something later`,
        undefined,
        { cause: error },
      );
    }
  }
}

/** A definition may have had this name before and another scope: what was kept then is not of this kind. */
export function isInScope({ entry }: ServedEntry, relative: string): boolean {
  return relative.split('/').length === (entry.kind.namespaced ? 2 : 1);
}

function tooLarge({ entry }: ServedEntry, revision: number): ApiError {
  return new ApiError(
    'RequestEntityTooLarge',
    `${qualifiedName(entry.kind)} at revision ${revision} are more than ${MAX_BYTES / (1024 * 1024)} MiB: read them in pages, with limit and continue`,
  );
}

function cancelled(signal: AbortSignal): ApiError {
  return new ApiError('Timeout', 'the request was cancelled by its caller', undefined, {
    cause: signal.reason,
  });
}
