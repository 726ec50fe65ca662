/**
 * Get, list and watch, from the caches. A read sees every write that was acknowledged before it began; a list in pages
 * is true for one moment from the first page to the last. What was before is `past.ts`'s.
 */
import type { ReadMoment } from '../../machinery/client.ts';
import type { Clock } from '../../machinery/clock.ts';
import { ApiError, notFound } from '../../machinery/errors.ts';
import type { HistoryOptions, ObjectHistory } from '../../machinery/history.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import {
  type LabelSelector,
  parseFieldSelector,
  parseLabelSelector,
  pinnedName,
} from '../../machinery/selectors.ts';
import type { Store } from '../../store/store.ts';
import { CachedObject, keyOfStored, labelsOf } from './cache/cachedobject.ts';
import type { Matches } from './cache/change.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import { watchKind } from './cache/watcher.ts';
import { Freshness } from './freshness.ts';
import { Histories } from './history.ts';
import { relativeKey } from './keys.ts';
import type { ServedEntry } from './kinds/kinds.ts';
import { asServed, listAsServed } from './kinds/versions.ts';
import type { KindEntry } from './kindtable.ts';
import {
  type ContinueToken,
  checkListOptions,
  checkWatchOptions,
  isExactList,
  parseVersion,
  readContinue,
  writeContinue,
} from './listoptions.ts';
import { checkSameMoment, type MomentAsked, mayBePast, momentOfGet, momentText, timeOf } from './moments.ts';
import { type Page, pageOf, type Query } from './pages.ts';
import { Past } from './past.ts';
import { tooOld } from './storeerrors.ts';
import type {
  ReadOptions,
  RegistryListOptions,
  RegistryWatchOptions,
  StoredList,
  StoredObject,
  StoredWatchEvent,
} from './types.ts';

export interface ReadParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly feed: StoreFeed;
  /** Told of every change that a watcher is given: the milliseconds since it was committed. */
  readonly delivered: (ms: number) => void;
}

type Visible = ((object: DynamicObject) => boolean) | undefined;

type Selection = Pick<RegistryListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;

export class Reads {
  readonly #parts: ReadParts;
  readonly #freshness: Freshness;
  readonly #past: Past;
  readonly #histories: Histories;

  constructor(parts: ReadParts) {
    this.#parts = parts;
    this.#freshness = new Freshness(parts);
    this.#past = new Past(parts);
    this.#histories = new Histories({ store: parts.store, past: this.#past });
  }

  /** Waits until the caches hold every write acknowledged so far. */
  catchUp(signal?: AbortSignal): Promise<void> {
    return this.#freshness.catchUp(signal);
  }

  /** @param visible which objects are there for the caller; undefined is all of them. So in all reads. */
  async get(
    { entry, cache }: ServedEntry,
    key: ObjectKey,
    options: ReadOptions,
    visible?: Visible,
  ): Promise<StoredObject> {
    const asked = mayBePast(options) ? momentOfGet(options, this.#parts.clock.now()) : undefined;
    if (asked !== undefined) return this.#getPast({ entry, cache }, key, asked, options, visible);
    await this.#freshness.reach(parseVersion(options.resourceVersion), options.signal);
    const stored = cache.get(relativeKey(key));
    if (stored === undefined || visible?.(stored.object) === false) throw notFound(entry.kind, key.name);
    return asServed(entry, stored);
  }

  history(
    served: ServedEntry,
    key: ObjectKey,
    options: HistoryOptions,
    visible: Visible,
    user: string,
  ): Promise<ObjectHistory> {
    return this.#histories.read(served, key, options, visible, user);
  }

  /** @param user who asks: those who read the past take turns. */
  async list(
    served: ServedEntry,
    options: RegistryListOptions,
    visible?: Visible,
    user = '',
  ): Promise<StoredList> {
    checkListOptions(options);
    const { entry, cache } = served;
    const token = (options.continue ?? '') === '' ? undefined : readContinue(options.continue ?? '');
    const query: Query = {
      namespace: options.namespace,
      name: pinnedName(options.fieldSelector),
      matches: both(selectorOf(entry, options), visible),
      limit: options.limit === undefined || options.limit <= 0 ? Infinity : options.limit,
      after: token?.after,
    };
    const moment = await this.#momentOfList(served, options, token);
    if (moment === undefined) return listOf(entry, pageOf(candidates(served, options), query), cache);
    options.onMoment?.(moment);
    const page = await this.#past.page(served, query, moment, user, options.signal);
    return listOf(entry, page, moment);
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
    await this.#freshness.reach(asked, options.signal);
    const wantsInitial = options.sendInitialEvents ?? (asked ?? 0) === 0;
    const afterRevision = wantsInitial || asked === undefined || asked === 0 ? cache.revision : asked;
    if (!cache.covers(afterRevision) && afterRevision < store.compactedRevision()) {
      throw tooOld(afterRevision, store.compactedRevision());
    }
    return watchKind(
      { store, cache, clock, closing: feed.closing, delivered: this.#parts.delivered },
      {
        entry,
        initial: wantsInitial ? candidates({ entry, cache }, options) : [],
        afterRevision,
        matches,
        hasBookmarks: options.allowWatchBookmarks === true,
        marksInitialEnd: options.sendInitialEvents === true && options.allowWatchBookmarks === true,
        marksPresent: options.marksPresent === true,
        signal: options.signal,
      },
    );
  }

  async #getPast(
    served: ServedEntry,
    key: ObjectKey,
    asked: MomentAsked,
    options: ReadOptions,
    visible: Visible,
  ): Promise<StoredObject> {
    const { entry } = served;
    if (asked.kind === 'revision') await this.#freshness.reach(asked.revision, options.signal);
    const moment = await this.#past.moment(served, asked);
    options.onMoment?.(moment);
    const stored = await this.#past.get(served, key, moment, options.signal);
    if (stored !== undefined && visible?.(stored.object) !== false) return asServed(entry, stored);
    const { message, details } = notFound(entry.kind, key.name);
    throw new ApiError('NotFound', `${message} ${momentText(moment)}`, details);
  }

  /** The moment a list is of when it is not of the present, which the caches hold when this has resolved. */
  async #momentOfList(
    served: ServedEntry,
    options: RegistryListOptions,
    token: ContinueToken | undefined,
  ): Promise<ReadMoment | undefined> {
    const { clock } = this.#parts;
    const timeMs = options.at === undefined ? undefined : timeOf(options, clock.now());
    if (token?.revision !== undefined) {
      checkSameMoment(options.at, timeMs, token);
      // Of another store, or made up: nobody may be told that this is how things will be.
      await this.#freshness.reachWritten(token.revision, options.signal);
      return { revision: token.revision, timeMs: token.timeMs };
    }
    if (timeMs !== undefined) {
      if (token !== undefined) checkSameMoment(options.at, timeMs, token);
      return this.#past.moment(served, { kind: 'time', timeMs });
    }
    const asked = token === undefined ? parseVersion(options.resourceVersion) : undefined;
    await this.#freshness.reach(asked, options.signal);
    if (asked === undefined || !isExactList(options, asked)) return undefined;
    return options.resourceVersionMatch === 'Exact'
      ? this.#past.moment(served, { kind: 'revision', revision: asked })
      : { revision: asked, timeMs: undefined };
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

/** A page as it is served. The cache's own moment is that of the present. */
function listOf(
  entry: KindEntry,
  { items, next, remaining }: Page,
  { revision, timeMs }: { readonly revision: number; readonly timeMs?: number | undefined },
): StoredList {
  return {
    items: listAsServed(entry, items),
    resourceVersion: revision,
    ...(next === undefined ? {} : { continue: writeContinue({ revision, timeMs, after: next }) }),
    ...(next === undefined || remaining === undefined ? {} : { remainingItemCount: remaining }),
  };
}
