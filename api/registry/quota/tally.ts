/**
 * How much each namespace holds: what the caches have, counted change by change, and what is being written now.
 *
 * Promises to be exact for the writers of one process: a write is reserved before its commit, in the same turn of the
 * event loop as the check that there is room, and counts until the cache has it. Nothing is counted before somebody
 * asks, and then only what changed since.
 */
import { isApiError } from '../../../machinery/errors.ts';
import { type DynamicObject, qualifiedName } from '../../../machinery/meta.ts';
import { CachedObject } from '../cache/cachedobject.ts';
import type { Change } from '../cache/change.ts';
import type { Cursor, WatchCache } from '../cache/watchcache.ts';
import type { KindEntry } from '../kindtable.ts';
import type { StoredObject } from '../types.ts';
import { type Amounts, countedResource, TASKS, taskAmounts } from './usage.ts';

/** What a write adds. Negative figures do not occur: less is known when the cache has it. */
export interface Growth {
  readonly objects: number;
  /** Of the objects' JSON as stored. */
  readonly bytes: number;
  readonly amounts: Amounts;
}

/** Room held for a write; disposing gives it back unless the write was committed. */
export interface Reservation extends Disposable {
  /** The write was committed at this revision: it counts until the cache has it. */
  settle(revision: number): void;
}

interface Held {
  readonly namespace: string;
  readonly growth: Growth;
  revision: number | undefined;
}

interface Totals {
  objects: number;
  bytes: number;
  /** Sums over Tasks; undefined until somebody asks, for it takes the whole objects to count them. */
  amounts: Map<string, number> | undefined;
}

/** What is known of one kind: every namespace that was asked for, up to one place in the cache's changes. */
interface Counted {
  readonly cursor: Cursor;
  readonly byNamespace: Map<string, Totals>;
}

/** `"resourceVersion":"",`, which is served with an object and not stored. */
const VERSION_BYTES = 21;

export class Tally {
  readonly #caches: () => readonly WatchCache[];
  readonly #counted = new WeakMap<WatchCache, Counted>();
  /** Writes that their caches do not have yet, by resource. */
  readonly #held = new Map<string, Set<Held>>();

  /** @param caches of all kinds that are served now, one of each. */
  constructor(caches: () => readonly WatchCache[]) {
    this.#caches = caches;
  }

  reserve({ kind }: KindEntry, namespace: string, growth: Growth): Reservation {
    const held: Held = { namespace, growth, revision: undefined };
    const resource = qualifiedName(kind);
    const others = this.#held.get(resource);
    if (others === undefined) this.#held.set(resource, new Set([held]));
    else others.add(held);
    return {
      settle: (revision) => void (held.revision = revision),
      [Symbol.dispose]: () => {
        if (held.revision === undefined) this.#held.get(resource)?.delete(held);
      },
    };
  }

  /** Objects and bytes in a namespace, of the kinds that `isIncluded`. */
  size(
    namespace: string,
    isIncluded: (kind: KindEntry['kind']) => boolean,
  ): { objects: number; bytes: number } {
    const size = { objects: 0, bytes: 0 };
    for (const cache of this.#caches()) {
      const { kind } = cache.entry;
      if (!kind.namespaced || !isIncluded(kind)) continue;
      const totals = this.#totals(cache, namespace);
      size.objects += totals.objects;
      size.bytes += totals.bytes;
      for (const { growth } of this.#heldIn(cache, namespace)) {
        size.objects += growth.objects;
        size.bytes += growth.bytes;
      }
    }
    return size;
  }

  /** How much of one amount that a quota names there is in a namespace. */
  used(namespace: string, name: string): number {
    const resource = countedResource(name);
    const cache = this.#caches().find(({ entry }) => qualifiedName(entry.kind) === (resource ?? TASKS));
    if (cache === undefined || !cache.entry.kind.namespaced) return 0;
    const totals = this.#totals(cache, namespace);
    let used = resource === undefined ? (amountsOf(cache, namespace, totals).get(name) ?? 0) : totals.objects;
    for (const { growth } of this.#heldIn(cache, namespace)) {
      used += resource === undefined ? (growth.amounts.get(name) ?? 0) : growth.objects;
    }
    return used;
  }

  /** What the cache has by now. */
  #totals(cache: WatchCache, namespace: string): Totals {
    let counted = this.#counted.get(cache);
    if (counted === undefined || !catchUp(cache, counted)) {
      counted = { cursor: cache.cursor(cache.lastChange), byNamespace: new Map() };
      this.#counted.set(cache, counted);
    }
    let totals = counted.byNamespace.get(namespace);
    if (totals === undefined) counted.byNamespace.set(namespace, (totals = countAll(cache, namespace)));
    return totals;
  }

  /** Writes in a namespace that the cache does not have yet; ends those that it has. */
  *#heldIn(cache: WatchCache, namespace: string): Generator<Held> {
    const all = this.#held.get(qualifiedName(cache.entry.kind));
    if (all === undefined) return;
    for (const held of all) {
      if (held.revision !== undefined && held.revision <= cache.lastChange) all.delete(held);
      else if (held.namespace === namespace) yield held;
    }
  }
}

/** False when the cache no longer has all changes since the last count. */
function catchUp(cache: WatchCache, { cursor, byNamespace }: Counted): boolean {
  try {
    for (let change = cache.read(cursor); change !== undefined; change = cache.read(cursor)) {
      addChange(cache, byNamespace, change);
      cursor.sequence++;
    }
    return true;
  } catch (error) {
    if (isApiError(error, 'Expired')) return false;
    throw error;
  }
}

function countAll(cache: WatchCache, namespace: string): Totals {
  const totals: Totals = { objects: 0, bytes: 0, amounts: undefined };
  for (const stored of cache.list(namespace)) add(cache, totals, stored, 1);
  return totals;
}

function addChange(cache: WatchCache, byNamespace: ReadonlyMap<string, Totals>, change: Change): void {
  if (byNamespace.size === 0) return;
  const event = change.eventFor(() => true);
  const totals = event === undefined ? undefined : byNamespace.get(namespaceOf(event.stored));
  if (event === undefined || totals === undefined) return;
  if (event.type === 'DELETED') {
    add(cache, totals, event.stored, -1);
    return;
  }
  if (event.previous !== undefined) add(cache, totals, event.previous, -1);
  add(cache, totals, event.stored, 1);
}

/** Without parsing the object where that can be avoided. */
function namespaceOf(stored: StoredObject): string {
  return stored instanceof CachedObject
    ? stored.key.slice(0, Math.max(0, stored.key.indexOf('/')))
    : (stored.object.metadata.namespace ?? '');
}

function add({ entry }: WatchCache, totals: Totals, stored: StoredObject, sign: 1 | -1): void {
  totals.objects += sign;
  totals.bytes += sign * storedBytes(stored);
  if (totals.amounts !== undefined) addAmounts(totals.amounts, taskAmounts(entry.kind, stored.object), sign);
}

/** The sums over Tasks, counted from now on. */
function amountsOf(cache: WatchCache, namespace: string, totals: Totals): ReadonlyMap<string, number> {
  if (totals.amounts === undefined) {
    totals.amounts = new Map();
    for (const { object } of cache.list(namespace))
      addAmounts(totals.amounts, taskAmounts(cache.entry.kind, object), 1);
  }
  return totals.amounts;
}

function addAmounts(sums: Map<string, number>, amounts: Amounts, sign: 1 | -1): void {
  for (const [name, amount] of amounts) sums.set(name, (sums.get(name) ?? 0) + sign * amount);
}

/** The bytes of an object's JSON as stored: without the version it is served with. */
function storedBytes({ json, resourceVersion }: StoredObject): number {
  return json.length - VERSION_BYTES - String(resourceVersion).length;
}

/** What a write adds to its namespace. */
export function growthOf(
  { kind }: KindEntry,
  before: StoredObject | undefined,
  after: DynamicObject,
  payloadBytes: number,
): Growth {
  const old = taskAmounts(kind, before?.object);
  const amounts = new Map<string, number>();
  for (const [name, amount] of taskAmounts(kind, after)) {
    const more = amount - (old.get(name) ?? 0);
    if (more > 0) amounts.set(name, more);
  }
  return {
    objects: before === undefined ? 1 : 0,
    bytes: Math.max(0, payloadBytes - (before === undefined ? 0 : storedBytes(before))),
    amounts,
  };
}
