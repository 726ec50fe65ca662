/**
 * Get, list and watch, from the caches. A read sees every write that was acknowledged before it began; a list in pages
 * is true for one moment from the first page to the last.
 */
import type { Clock } from '../../machinery/clock.ts';
import { ApiError, isApiError, notFound } from '../../machinery/errors.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import {
  type LabelSelector,
  parseFieldSelector,
  parseLabelSelector,
  pinnedName,
} from '../../machinery/selectors.ts';
import { compareKeys } from '../../store/keys.ts';
import type { Store } from '../../store/store.ts';
import { CachedObject, keyOfStored, labelsOf } from './cache/cachedobject.ts';
import type { Matches } from './cache/change.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import { watchKind } from './cache/watcher.ts';
import { relativeKey } from './keys.ts';
import type { ServedEntry } from './kinds/kinds.ts';
import { asServed, listAsServed } from './kinds/versions.ts';
import type { KindEntry } from './kindtable.ts';
import {
  checkListOptions,
  checkWatchOptions,
  expiredContinue,
  isExactList,
  parseVersion,
  readContinue,
  writeContinue,
} from './listoptions.ts';
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

export interface ReadParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: StoreFeed;
}

/** Objects as they are kept; served at the version asked for when the page is whole. */
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

type Visible = ((object: DynamicObject) => boolean) | undefined;

type Selection = Pick<RegistryListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;

export class Reads {
  readonly #parts: ReadParts;

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** Waits until the caches hold every write acknowledged so far. */
  catchUp(signal?: AbortSignal): Promise<void> {
    return this.#parts.feed.reach(this.#parts.store.revision(), signal);
  }

  /** @param visible which objects are there for the caller; undefined is all of them. So in all reads. */
  async get(
    { entry, cache }: ServedEntry,
    key: ObjectKey,
    options: ReadOptions,
    visible?: Visible,
  ): Promise<StoredObject> {
    await this.#reach(parseVersion(options.resourceVersion), options.signal);
    const stored = cache.get(relativeKey(key));
    if (stored === undefined || visible?.(stored.object) === false) throw notFound(entry.kind, key.name);
    return asServed(entry, stored);
  }

  async list(served: ServedEntry, options: RegistryListOptions, visible?: Visible): Promise<StoredList> {
    checkListOptions(options);
    const { entry, cache } = served;
    const first: Query = {
      namespace: options.namespace,
      matches: both(selectorOf(entry, options), visible),
      limit: options.limit === undefined || options.limit <= 0 ? Infinity : options.limit,
      after: undefined,
    };
    const token = (options.continue ?? '') === '' ? undefined : readContinue(options.continue ?? '');
    const query = { ...first, after: token?.after };
    if (token?.revision !== undefined) {
      // Of another store, or made up: nobody may be told that this is how things will be.
      const { store } = this.#parts;
      if (token.revision > store.revision()) throw tooNew(token.revision, store.revision());
      return listOf(entry, await this.#pageAt(served, token.revision, query), token.revision);
    }
    const asked = token === undefined ? parseVersion(options.resourceVersion) : undefined;
    await this.#reach(asked, options.signal);
    if (asked !== undefined && isExactList(options, asked)) {
      return listOf(entry, await this.#pageAt(served, asked, query), asked);
    }
    return listOf(entry, pageOf(candidates(served, options), query), cache.revision);
  }

  /** What the selectors select now, in key order, from the cache as it is; every match when there is no limit. */
  select({ entry, cache }: ServedEntry, selection: Selection): readonly StoredObject[] {
    const matches = selectorOf(entry, selection);
    const all = candidates({ entry, cache }, selection);
    return listAsServed(entry, matches === undefined ? all : all.filter(matches));
  }

  /** Resolves once the start is known to be possible. */
  async watch(
    { entry, cache }: ServedEntry,
    options: RegistryWatchOptions,
    visible?: Visible,
  ): Promise<AsyncIterable<StoredWatchEvent>> {
    checkWatchOptions(options);
    const { store, clock, feed } = this.#parts;
    const matches = withNamespace(options.namespace, both(selectorOf(entry, options), visible));
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
        entry,
        initial: wantsInitial ? candidates({ entry, cache }, options) : [],
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
  async #pageAt({ cache }: ServedEntry, revision: number, query: Query): Promise<Page> {
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
          const stored = known?.resourceVersion === item.modRevision ? known : cache.decode(item);
          if (query.matches?.(stored) !== false) found.push(stored);
        }
        after = page.items.at(-1)?.key;
        more = page.more && after !== undefined;
      }
    } catch (error) {
      const translated = apiErrorFromStore(error);
      if (translated.reason !== 'Expired') throw translated;
      if (query.after !== undefined) throw expiredContinue(query.after, error);
      throw new ApiError(
        'Expired',
        `The resourceVersion for the provided list is too old: ${revision}`,
        undefined,
        { cause: error },
      );
    }
    const items = found.slice(0, query.limit);
    return { items, next: found.length > items.length ? lastKey(items) : undefined, remaining: undefined };
  }
}

/** What may be selected at all, in key order: one object where its name is given, and all of a namespace otherwise. */
function candidates({ entry, cache }: ServedEntry, selection: Selection): readonly StoredObject[] {
  const { namespace, fieldSelector } = selection;
  const name = pinnedName(fieldSelector);
  if (name === undefined || entry.kind.namespaced !== (namespace !== undefined)) return cache.list(namespace);
  const found = cache.get(relativeKey(namespace === undefined ? { name } : { namespace, name }));
  return found === undefined ? [] : [found];
}

/**
 * What the selectors select, undefined for everything. Asks of a cached object only what is kept beside its bytes.
 * Throws `BadRequest`.
 */
function selectorOf(entry: KindEntry, { labelSelector, fieldSelector }: Selection): Matches | undefined {
  const byLabels = (labelSelector ?? '') === '' ? undefined : parseLabelSelector(labelSelector);
  const byFields = (fieldSelector ?? '') === '' ? undefined : fieldMatcher(entry, fieldSelector);
  if (byLabels === undefined) return byFields;
  if (byFields === undefined) return (stored) => matchesLabels(byLabels, stored);
  return (stored) => matchesLabels(byLabels, stored) && byFields(stored);
}

/** What is selected and there for the caller. */
function both(selected: Matches | undefined, visible: Visible): Matches | undefined {
  if (visible === undefined) return selected;
  return (stored) => selected?.(stored) !== false && visible(stored.object);
}

function matchesLabels(selector: LabelSelector, stored: StoredObject): boolean {
  return selector(labelsOf(stored));
}

function fieldMatcher(entry: KindEntry, fieldSelector: string | undefined): Matches {
  const selector = parseFieldSelector(fieldSelector, entry.fields);
  return (stored) => {
    const face = asServed(entry, stored);
    return selector((field) => {
      if (!(face instanceof CachedObject)) return entry.readField(face.object, field);
      const slash = face.key.indexOf('/');
      if (field === 'metadata.name') return face.key.slice(slash + 1);
      if (field === 'metadata.namespace') return slash < 0 ? undefined : face.key.slice(0, slash);
      const index = entry.declaredFields.indexOf(field);
      return index < 0 ? entry.readField(face.object, field) : face.field(index);
    });
  };
}

function withNamespace(namespace: string | undefined, matches: Matches | undefined): Matches | undefined {
  if (namespace === undefined) return matches;
  const prefix = `${namespace}/`;
  if (matches === undefined) return (stored) => keyOfStored(stored).startsWith(prefix);
  return (stored) => keyOfStored(stored).startsWith(prefix) && matches(stored);
}

function pageOf(all: readonly StoredObject[], query: Query): Page {
  const { matches, limit, after } = query;
  if (matches === undefined && limit === Infinity && after === undefined) {
    return { items: all, next: undefined, remaining: undefined };
  }
  const start = after === undefined ? 0 : firstAfter(all, after);
  const items: StoredObject[] = [];
  for (let at = start; at < all.length && items.length <= limit; at++) {
    const stored = all[at];
    if (stored !== undefined && matches?.(stored) !== false) items.push(stored);
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
    if (stored !== undefined && compareKeys(keyOfStored(stored), after) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastKey(items: readonly StoredObject[]): string | undefined {
  const last = items.at(-1);
  return last === undefined ? undefined : keyOfStored(last);
}

function listOf(entry: KindEntry, { items, next, remaining }: Page, revision: number): StoredList {
  return {
    items: listAsServed(entry, items),
    resourceVersion: revision,
    ...(next === undefined ? {} : { continue: writeContinue({ revision, after: next }) }),
    ...(next === undefined || remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}
