/**
 * Reading the store's present and past from etcd, and what to say of a past that is gone.
 *
 * Reads of the present are linearizable. A read as of a revision within a transaction sees the commit that the revision
 * belongs to and those before it, though etcd itself knows the transaction only as a whole.
 */
import { StoreError } from '../../machinery/errors.ts';
import type { GetOptions, KeyValue, OldestMoment, RangeOptions, RangeResult, StoreMoment } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdHeader, EtcdKeyValue } from './client.ts';
import type { Compaction } from './compaction.ts';
import type { Decoder } from './events.ts';
import type { HistoryBatch, Hub } from './hub.ts';
import type { Newest } from './newest.ts';
import type { EtcdPage, EtcdPageQuery, Past } from './past.ts';
import type { Positions } from './positions.ts';
import type { Place, Versions } from './versions.ts';

/** Keys asked for at once. */
const PAGE_KEYS = 1000;

export interface ReadsOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly versions: Versions;
  readonly decoder: Decoder;
  readonly past: Past;
  readonly compaction: Compaction;
  readonly hub: Hub;
  readonly newest: Newest;
  readonly positions: Positions;
  /** Throws when the answer is from another etcd than this store was opened on. */
  readonly checkHeader: (header: EtcdHeader) => void;
}

export class Reads {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #versions: Versions;
  readonly #decoder: Decoder;
  readonly #past: Past;
  readonly #compaction: Compaction;
  readonly #hub: Hub;
  readonly #newest: Newest;
  readonly #positions: Positions;
  readonly #checkHeader: (header: EtcdHeader) => void;

  constructor(options: ReadsOptions) {
    this.#client = options.client;
    this.#keys = options.keys;
    this.#versions = options.versions;
    this.#decoder = options.decoder;
    this.#past = options.past;
    this.#compaction = options.compaction;
    this.#hub = options.hub;
    this.#newest = options.newest;
    this.#positions = options.positions;
    this.#checkHeader = options.checkHeader;
  }

  get #revision(): number {
    return this.#versions.endOf(this.#newest.known);
  }

  async get(key: string, { revision }: GetOptions): Promise<KeyValue | undefined> {
    const own = this.#keys.of(key);
    if (revision !== undefined) {
      const query = { key: own, end: `${own}\0`, limit: 1 };
      const { items } = await this.#pageAt(query, revision, `key "${key}"`);
      return items[0] === undefined ? undefined : this.#decoder.value(items[0]);
    }
    const { items, header } = await this.#client.range({ key: own });
    this.#checkHeader(header);
    return items[0] === undefined ? undefined : this.seen(items[0]);
  }

  async range(prefix: string, options: RangeOptions): Promise<RangeResult> {
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    if (!(limit >= 1)) throw new RangeError(`range of "${prefix}": limit is ${limit}, wanted 1 or more`);
    const isNow = options.revision === undefined;
    const items: KeyValue[] = [];
    let { revision } = options;
    let query = this.#keys.range(prefix, options.after);
    for (;;) {
      const part = { ...query, limit: Math.min(limit - items.length, PAGE_KEYS) };
      const page =
        revision === undefined
          ? await this.#pageNow(part)
          : await this.#pageAt(part, revision, `keys under "${prefix}"`);
      for (const item of page.items) items.push(isNow ? this.seen(item) : this.#decoder.value(item));
      ({ revision } = page);
      if (!page.more || page.last === undefined || items.length >= limit) {
        return { items, revision, more: page.more };
      }
      query = { key: `${page.last}\0`, end: query.end };
    }
  }

  async momentAt(timeMs: number): Promise<StoreMoment> {
    const oldest = await this.oldestMoment();
    const first = this.#versions.placeOf(oldest.revision).revision;
    const low = Math.max(first, this.#compaction.firstKept);
    const newest = await this.#newest.ask();
    const etcdRevision = await this.#past.revisionAt(timeMs, low, newest);
    const found = etcdRevision === undefined ? undefined : await this.#past.markAt(etcdRevision);
    if (found !== undefined && found.etcdRevision > first) {
      return { revision: this.#versions.endOf(found.etcdRevision), writtenAtMs: found.mark.timeMs };
    }
    if (oldest.writtenAtMs === undefined || timeMs >= oldest.writtenAtMs) return oldest;
    throw new StoreError(
      'Compacted',
      `what was at ${new Date(timeMs).toISOString()} is gone: history is kept from revision ${oldest.revision} of ${new Date(oldest.writtenAtMs).toISOString()} on`,
    );
  }

  async oldestMoment(): Promise<OldestMoment> {
    await this.#compaction.learn();
    const { floor, firstKept, isWhole } = this.#compaction;
    if (isWhole) {
      const began = await this.#past.markAt(firstKept);
      const revision = this.#versions.endOf(firstKept);
      return { revision, writtenAtMs: undefined, beganAtMs: began?.mark.timeMs };
    }
    const { revision: etcdRevision } = this.#versions.placeOf(floor);
    const found = await this.#past.markAt(Math.max(etcdRevision, firstKept));
    return { revision: floor, writtenAtMs: found?.mark.timeMs };
  }

  /** Whole at one moment of this cluster, whatever others write to the same etcd. */
  async #pageNow(query: EtcdPageQuery): Promise<EtcdPage & { readonly revision: number }> {
    const [page, mark] = await Promise.all([
      this.#client.range(query),
      this.#client.range({ key: this.#keys.mark, keysOnly: true }),
    ]);
    this.#checkHeader(page.header);
    const read = page.header.revision;
    let newest = mark.items[0]?.modRevision ?? 0;
    // The two were not asked at the same moment: when something may lie between, ask again for that of the page.
    if (read < newest || read > mark.header.revision) {
      newest = (await this.#past.markAt(read))?.etcdRevision ?? read;
    }
    for (const { modRevision } of page.items) newest = Math.max(newest, modRevision);
    this.#newest.learn(newest);
    return { ...page, last: page.items.at(-1)?.key, revision: this.#versions.endOf(newest) };
  }

  async #pageAt(
    query: EtcdPageQuery,
    revision: number,
    what: string,
  ): Promise<EtcdPage & { readonly revision: number }> {
    if (revision > this.#revision && revision > this.#versions.endOf(await this.#newest.ask())) {
      throw new StoreError(
        'Unavailable',
        `revision ${revision} is not written yet: the store is at ${this.#revision}; ask for that or wait`,
      );
    }
    const place = this.#versions.placeOf(revision);
    try {
      if (revision < this.#compaction.floor) await this.#checkAtFloor(place, revision, what, 'commit');
      const at = Math.max(place.revision, this.#compaction.firstKept);
      const isEnd = this.#versions.isEnd(place) || at > place.revision;
      const [page, within] = await Promise.all([
        this.#client.range({ ...query, revision: at }),
        isEnd ? undefined : this.#past.commitEnd(at, place.position),
      ]);
      this.#checkHeader(page.header);
      if (within === undefined) {
        return { ...page, last: page.items.at(-1)?.key, revision: this.#versions.endOf(place.revision) };
      }
      const part = await this.#past.pageWithin(query, at, within, (item) => {
        return this.#versions.placeOf(this.#decoder.value(item).modRevision).position;
      });
      return { ...part, revision: this.#versions.at(at, within.end - 1) };
    } catch (error) {
      throw await this.#toldCompacted(error, revision, what);
    }
  }

  /** The value at a revision of etcd, or now where that is gone. */
  async readAt(key: string, etcdRevision: number): Promise<KeyValue | undefined> {
    const own = { key: this.#keys.of(key) };
    const { items } = await this.#client.range({ ...own, revision: etcdRevision }).catch((error: unknown) => {
      if (error instanceof StoreError && error.reason === 'Compacted') return this.#client.range(own);
      throw error;
    });
    return items[0] === undefined ? undefined : this.seen(items[0]);
  }

  async *history(
    prefixes: readonly string[],
    position: number,
    signal: AbortSignal,
  ): AsyncIterable<HistoryBatch> {
    const what = `the past of ${prefixes.join(', ')}`;
    const { floor, firstKept } = this.#compaction;
    const place = this.#versions.placeOf(position);
    try {
      if (position < floor) await this.#checkAtFloor(place, position, what, 'transaction');
      const isPassed = position < floor || this.#versions.isEnd(place);
      // What is known is asked for once more: only then does etcd refuse when what comes after it is forgotten.
      const known = isPassed ? place.revision : place.revision - 1;
      yield* this.#hub.history(prefixes, position, Math.max(known, firstKept), signal);
    } catch (error) {
      throw await this.#toldCompacted(error, position, what);
    }
  }

  /**
   * The floor is the end of a transaction. A revision within that transaction is as good when nothing of it comes
   * after; everything else below the floor is gone.
   */
  async #checkAtFloor(
    place: Place,
    revision: number,
    what: string,
    part: 'commit' | 'transaction',
  ): Promise<void> {
    const { floor, firstKept } = this.#compaction;
    const first = this.#versions.placeOf(floor).revision;
    if (place.revision === first) {
      const found = await this.#past.markAt(Math.max(first, firstKept));
      const ends = found?.mark.ends ?? [];
      const last = (part === 'commit' ? ends.at(-2) : (ends.at(-1) ?? 1) - 1) ?? 0;
      if (found?.writtenRevision === first && place.position >= last) return;
    }
    throw compacted(revision, what, floor);
  }

  /** What is gone without this store's doing is learnt from the refusal. */
  async #toldCompacted(error: unknown, revision: number, what: string): Promise<unknown> {
    if (!(error instanceof StoreError) || error.reason !== 'Compacted') return error;
    await this.#compaction.learn();
    const { floor } = this.#compaction;
    return revision < floor ? compacted(revision, what, floor, error) : error;
  }

  /** Opens a value of the present, and remembers what it tells. */
  seen(item: EtcdKeyValue): KeyValue {
    const value = this.#decoder.value(item);
    this.#positions.put(value.key, value.modRevision);
    this.#newest.learn(item.modRevision);
    return value;
  }
}

function compacted(revision: number, what: string, floor: number, cause?: unknown): StoreError {
  return new StoreError(
    'Compacted',
    `revision ${revision} of ${what} is gone: history is kept from revision ${floor} on; read the present and go on from there`,
    { cause },
  );
}
