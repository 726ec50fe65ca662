/**
 * Get, list and watch, from the caches. A read sees every write that was acknowledged before it began; a list in pages
 * is true for one moment from the first page to the last.
 */
import type { Clock } from '../../machinery/clock.ts';
import { ApiError, isApiError, notFound } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import { parseFieldSelector, parseLabelSelector } from '../../machinery/selectors.ts';
import type { Store } from '../../store/store.ts';
import { forbidden, invalidObject } from './admission/fielderrors.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import type { Matches, WatchCache } from './cache/watchcache.ts';
import { watchKind } from './cache/watcher.ts';
import { relativeKey } from './keys.ts';
import type { KindEntry } from './kindtable.ts';
import { decodeStored } from './payload.ts';
import { apiErrorFromStore, tooNew, tooOld } from './storeerrors.ts';
import type {
  ReadOptions,
  RegistryListOptions,
  RegistryWatchOptions,
  StoredList,
  StoredObject,
  StoredWatchEvent,
} from './types.ts';

/** How long a reader waits for a revision that nobody has written yet. */
const FUTURE_PATIENCE_MS = 3_000;
/** Objects read from the store at once while a page of the past is put together. */
const SNAPSHOT_PAGE = 500;
const LIST_OPTIONS = { group: 'meta.k8s.io', kind: 'ListOptions' };

export interface ReadParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: StoreFeed;
}

interface Page {
  readonly items: readonly StoredObject[];
  /** Key of the last item, when there are more. */
  readonly next: string | undefined;
  readonly remaining: number | undefined;
}

interface Query {
  readonly namespace: string | undefined;
  readonly matches: Matches | undefined;
  readonly limit: number;
  /** Only keys after this one. */
  readonly after: string | undefined;
}

export class Reads {
  readonly #parts: ReadParts;

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** Waits until the caches hold every write acknowledged so far. */
  catchUp(signal?: AbortSignal): Promise<void> {
    return this.#parts.feed.reach(this.#parts.store.revision(), signal);
  }

  async get(cache: WatchCache, key: ObjectKey, options: ReadOptions): Promise<StoredObject> {
    await this.#reach(parseVersion(options.resourceVersion), options.signal);
    const stored = cache.get(relativeKey(key));
    if (stored === undefined) throw notFound(cache.entry.kind, key.name);
    return stored;
  }

  async list(cache: WatchCache, options: RegistryListOptions): Promise<StoredList> {
    checkListOptions(options);
    const { entry } = cache;
    const query = {
      namespace: options.namespace,
      matches: matcherOf(entry, options),
      limit: options.limit === undefined || options.limit <= 0 ? Infinity : options.limit,
      after: undefined,
    };
    if (options.continue !== undefined && options.continue !== '') {
      const { revision, after } = readContinue(options.continue);
      const page = await this.#pageAt(cache, revision, { ...query, after }, true);
      return listOf(page, revision);
    }
    const asked = parseVersion(options.resourceVersion);
    await this.#reach(asked, options.signal);
    const isExact =
      options.resourceVersionMatch === 'Exact' ||
      (options.resourceVersionMatch === undefined && query.limit < Infinity && (asked ?? 0) > 0);
    if (isExact && asked !== undefined && asked > 0) {
      return listOf(await this.#pageAt(cache, asked, query, false), asked);
    }
    return listOf(pageOf(cache.list(query.namespace), query), cache.revision);
  }

  /** What the selectors select now, from the cache as it is. */
  select(
    cache: WatchCache,
    options: Pick<RegistryListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>,
  ): readonly StoredObject[] {
    const matches = matcherOf(cache.entry, options);
    const all = cache.list(options.namespace);
    return matches === undefined ? all : all.filter(({ object }) => matches(object));
  }

  /** Resolves once the start is known to be possible. */
  async watch(cache: WatchCache, options: RegistryWatchOptions): Promise<AsyncIterable<StoredWatchEvent>> {
    const { store, clock, feed } = this.#parts;
    const namespaceMatches = inNamespace(options.namespace);
    const selectorMatches = matcherOf(cache.entry, options);
    const matches: Matches =
      selectorMatches === undefined
        ? namespaceMatches
        : (object) => namespaceMatches(object) && selectorMatches(object);
    const asked = parseVersion(options.resourceVersion);
    await this.#reach(asked, options.signal);
    const wantsInitial = options.sendInitialEvents ?? (asked ?? 0) === 0;
    const afterRevision = wantsInitial || asked === undefined || asked === 0 ? cache.revision : asked;
    if (!cache.covers(afterRevision) && afterRevision < store.compactedRevision()) {
      throw tooOld(afterRevision, store.compactedRevision());
    }
    return watchKind(
      { store, cache, clock, closing: feed.closing },
      {
        initial: wantsInitial ? cache.list(options.namespace) : [],
        afterRevision,
        matches,
        hasBookmarks: options.allowWatchBookmarks === true,
        marksInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks === true,
        signal: options.signal,
      },
    );
  }

  /** Undefined is the present, 0 whatever is there, N at least that. */
  async #reach(asked: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { feed, store } = this.#parts;
    if (asked === undefined) return this.catchUp(signal);
    if (asked <= store.revision()) return feed.reach(asked, signal);
    try {
      await feed.reach(asked, signal, FUTURE_PATIENCE_MS);
    } catch (error) {
      // Out of patience, its own or the caller's: either way the version is what was wrong.
      if (isApiError(error, 'ServiceUnavailable', 'Timeout') && !feed.closing.aborted)
        throw tooNew(asked, store.revision());
      throw error;
    }
  }

  /** A page as it was at a revision: from the cache when nothing changed since, else from the store's history. */
  async #pageAt(cache: WatchCache, revision: number, query: Query, isContinued: boolean): Promise<Page> {
    await this.catchUp();
    if (cache.lastChange <= revision) return pageOf(cache.list(query.namespace), query);
    const { prefix } = cache.entry;
    const range = query.namespace === undefined ? prefix : `${prefix}${query.namespace}/`;
    const found: StoredObject[] = [];
    let after = query.after === undefined ? undefined : prefix + query.after;
    try {
      for (let more = true; more && found.length <= query.limit; ) {
        const page = await this.#parts.store.range(range, {
          limit: SNAPSHOT_PAGE,
          revision,
          ...(after === undefined ? {} : { after }),
        });
        for (const item of page.items) {
          const known = cache.get(item.key.slice(prefix.length));
          const stored = known?.resourceVersion === item.modRevision ? known : decodeStored(item);
          if (query.matches?.(stored.object) !== false) found.push(stored);
        }
        after = page.items.at(-1)?.key;
        more = page.more && after !== undefined;
      }
    } catch (error) {
      const translated = apiErrorFromStore(error);
      if (translated.reason !== 'Expired') throw translated;
      throw new ApiError(
        'Expired',
        isContinued
          ? 'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.'
          : `The resourceVersion for the provided list is too old: ${revision}`,
        undefined,
        { cause: error },
      );
    }
    const items = found.slice(0, query.limit);
    return { items, next: found.length > items.length ? lastKey(items) : undefined, remaining: undefined };
  }
}

/** What the options select, undefined for everything. */
function matcherOf(
  entry: KindEntry,
  options: { readonly labelSelector?: string; readonly fieldSelector?: string },
): Matches | undefined {
  const { labelSelector, fieldSelector } = options;
  if ((labelSelector ?? '') === '' && (fieldSelector ?? '') === '') return undefined;
  const byLabels = parseLabelSelector(labelSelector);
  const byFields = parseFieldSelector(fieldSelector, entry.fields);
  return (object) => byLabels(object.metadata.labels) && byFields((field) => entry.readField(object, field));
}

function inNamespace(namespace: string | undefined): Matches {
  if (namespace === undefined) return () => true;
  return (object: DynamicObject) => object.metadata.namespace === namespace;
}

function pageOf(all: readonly StoredObject[], query: Query): Page {
  const { matches, limit, after } = query;
  if (matches === undefined && limit === Infinity && after === undefined) {
    return { items: all, next: undefined, remaining: undefined };
  }
  const start = after === undefined ? 0 : firstAfter(all, after);
  const items: StoredObject[] = [];
  let at = start;
  for (; at < all.length && items.length <= limit; at++) {
    const stored = all[at];
    if (stored !== undefined && matches?.(stored.object) !== false) items.push(stored);
  }
  if (items.length <= limit) return { items, next: undefined, remaining: undefined };
  items.pop();
  // With a selector nobody knows how many more match; Kubernetes then says nothing.
  const remaining = matches === undefined ? all.length - start - items.length : undefined;
  return { items, next: lastKey(items), remaining };
}

function firstAfter(all: readonly StoredObject[], after: string): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const stored = all[middle];
    if (stored !== undefined && keyOf(stored) <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}

function keyOf({ object }: StoredObject): string {
  const { name, namespace } = object.metadata;
  return relativeKey(namespace === undefined ? { name } : { namespace, name });
}

function lastKey(items: readonly StoredObject[]): string | undefined {
  const last = items.at(-1);
  return last === undefined ? undefined : keyOf(last);
}

function listOf({ items, next, remaining }: Page, revision: number): StoredList {
  return {
    items,
    resourceVersion: revision,
    ...(next === undefined ? {} : { continue: writeContinue(revision, next) }),
    ...(next === undefined || remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}

function writeContinue(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: 'gantry.dev/v1', rv: revision, after })).toString('base64url');
}

function readContinue(token: string): { readonly revision: number; readonly after: string } {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (isRecord(value) && value['v'] === 'gantry.dev/v1') {
      const { rv, after } = value;
      if (Number.isSafeInteger(rv) && typeof rv === 'number' && typeof after === 'string') {
        return { revision: rv, after };
      }
    }
  } catch (error) {
    throw new ApiError(
      'BadRequest',
      'continue key is not valid: it is not a token of this server',
      undefined,
      {
        cause: error,
      },
    );
  }
  throw new ApiError('BadRequest', 'continue key is not valid: it is not a token of this server');
}

/** Undefined when absent. Throws `BadRequest` for anything but a number. */
function parseVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const version = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version;
  throw new ApiError('BadRequest', `resourceVersion must be a number, found "${text}"`);
}

function checkListOptions(options: RegistryListOptions): void {
  const { resourceVersion = '', resourceVersionMatch: match = '', continue: token = '' } = options;
  const refuse = (field: string, why: string): ApiError =>
    invalidObject(LIST_OPTIONS, '', [forbidden(field, why)]);
  if (token !== '' && resourceVersion !== '' && resourceVersion !== '0') {
    throw refuse('resourceVersion', 'specifying resource version is not allowed when using continue');
  }
  if (match === '') return;
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    throw refuse('resourceVersionMatch', `supported values: "Exact", "NotOlderThan", found "${match}"`);
  }
  if (token !== '')
    throw refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
  if (resourceVersion === '') {
    throw refuse(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden unless resourceVersion is provided',
    );
  }
  if (match === 'Exact' && resourceVersion === '0') {
    throw refuse('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
}
