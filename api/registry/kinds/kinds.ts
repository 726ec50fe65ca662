/**
 * The kinds that are served now: a live table from paths to versions and their caches. Built-in kinds are in it from
 * the start and stay; the kinds of users come, change and go while everything runs. Whoever holds the list it gave
 * out can tell by its identity whether anything changed since.
 */
import type { ApiError } from '../../../machinery/errors.ts';
import { qualifiedName } from '../../../machinery/meta.ts';
import type { StoreFeed } from '../cache/storefeed.ts';
import type { WatchCache } from '../cache/watchcache.ts';
import type { KindDefinition, KindEntry } from '../kindtable.ts';
import type { ServedKind } from '../types.ts';

/** One served version, and the cache of its kind. */
export interface ServedEntry {
  readonly entry: KindEntry;
  readonly cache: WatchCache;
}

export interface CachedKind {
  readonly definition: KindDefinition;
  readonly cache: WatchCache;
}

export class Kinds {
  readonly #feed: StoreFeed;
  readonly #builtin: readonly CachedKind[];
  /** By `<plural>.<group>`, in the order they came. */
  readonly #cached = new Map<string, CachedKind>();
  #served = new Map<string, ServedEntry>();
  #list: readonly ServedKind[] = [];

  /** @param builtin whose caches the feed has already. */
  constructor(feed: StoreFeed, builtin: readonly CachedKind[]) {
    this.#feed = feed;
    this.#builtin = builtin;
    for (const kind of builtin) this.#cached.set(kind.definition.name, kind);
    this.#refresh();
  }

  /** The very same array until the set changes. */
  list(): readonly ServedKind[] {
    return this.#list;
  }

  find(kind: {
    readonly group: string;
    readonly version: string;
    readonly plural: string;
  }): ServedEntry | undefined {
    return this.#served.get(pathOf(kind));
  }

  cacheOf(kind: { readonly group: string; readonly plural: string }): WatchCache | undefined {
    return this.#cached.get(qualifiedName(kind))?.cache;
  }

  /** @param name `<plural>.<group>`. */
  get(name: string): CachedKind | undefined {
    return this.#cached.get(name);
  }

  /** The kinds that no user may take. */
  builtin(): readonly CachedKind[] {
    return this.#builtin;
  }

  caches(): readonly WatchCache[] {
    return [...this.#cached.values()].map(({ cache }) => cache);
  }

  /**
   * Serves the kind from now on, in place of what had its name. A cache that is replaced ends its watches quietly:
   * they come back with the version they had seen, and miss nothing.
   */
  serve(kind: CachedKind): void {
    const { name } = kind.definition;
    const before = this.#cached.get(name);
    this.#cached.set(name, kind);
    this.#refresh();
    if (before !== undefined && before.cache !== kind.cache) this.#feed.remove(before.cache);
  }

  /** Serves the kind no more; its watches end with the error. */
  withdraw(name: string, farewell: ApiError): void {
    const before = this.#cached.get(name);
    if (before === undefined) return;
    this.#cached.delete(name);
    this.#refresh();
    this.#feed.remove(before.cache, farewell);
  }

  #refresh(): void {
    this.#served = new Map();
    for (const { definition, cache } of this.#cached.values()) {
      for (const entry of definition.served) this.#served.set(pathOf(entry.kind), { entry, cache });
    }
    this.#list = [...this.#served.values()].map(({ entry }) => entry.kind);
    // What no version serves must still be deletable when its definition goes; it is found, and not listed.
    for (const { definition, cache } of this.#cached.values()) {
      const { storage: entry } = definition;
      if (entry.isTerminating) this.#served.set(pathOf(entry.kind), { entry, cache });
    }
  }
}

function pathOf({ group, version, plural }: { group: string; version: string; plural: string }): string {
  return `${group}/${version}/${plural}`;
}
