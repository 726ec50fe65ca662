/**
 * The present of one kind in memory, and its recent past: current objects with the bytes they are served as, and a
 * bounded log of changes that every watcher reads with a cursor of its own. Nothing is buffered per watcher; one that
 * lets the log run over its cursor is told so and ended.
 *
 * The cache itself does no I/O: the store feed fills it and applies events to it, in revision order.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { compareKeys } from '../../../store/keys.ts';
import type { KeyValue, StoreEvent } from '../../../store/store.ts';
import { decodeKept } from '../kinds/versions.ts';
import type { KindEntry } from '../kindtable.ts';
import type { StoredObject } from '../types.ts';
import type { CachedObject } from './cachedobject.ts';
import { Change } from './change.ts';

export interface CacheLimits {
  /** Changes kept for watchers that resume or lag. */
  readonly maxChanges: number;
  /** JSON bytes of these changes. */
  readonly maxChangeBytes: number;
}

export const DEFAULT_CACHE_LIMITS: CacheLimits = { maxChanges: 4_096, maxChangeBytes: 16 * 1024 * 1024 };

/** Changes that happen while a cache is filled; one that is slower than these is filled again. */
const MAX_EARLY_EVENTS = 10_000;

export class WatchCache {
  readonly entry: KindEntry;
  readonly #limits: CacheLimits;
  /** By the part of the key after the kind's prefix. */
  #objects = new Map<string, CachedObject>();
  /** Keys of `#objects` in byte order, which is the order of lists. */
  #keys: string[] = [];
  readonly #lists = new Map<string, readonly StoredObject[]>();
  #changes: (Change | undefined)[] = [];
  /** Sequence number of the oldest change kept, and of the next one to come. */
  #first = 0;
  #next = 0;
  #changeBytes = 0;
  #startRevision = 0;
  #lastChange = 0;
  #revision = 0;
  /** Grows when the past is cut off and every cursor is void. */
  #generation = 0;
  #isClosed = false;
  /** Why the watches of this cache end, when it is more than a shutdown. */
  #farewell: ApiError | undefined;
  /** Changes heard of before the first fill; undefined after it. */
  #early: StoreEvent[] | undefined = [];
  readonly #watchers = new Set<Watcher>();

  constructor(entry: KindEntry, limits: CacheLimits = DEFAULT_CACHE_LIMITS) {
    this.entry = entry;
    this.#limits = limits;
  }

  /** What `replace` takes: a stored value under its key within the kind. */
  decode(item: KeyValue): CachedObject {
    return decodeKept(this.entry, item);
  }

  /**
   * Replaces everything with the state at a revision, in key order; watchers that were here are ended as expired. Says
   * false when more happened meanwhile than could be kept: read again and fill again.
   */
  replace(items: readonly CachedObject[], revision: number): boolean {
    const early = this.#early;
    if (early === undefined && revision < this.#revision) return true;
    if (early !== undefined && early.length > MAX_EARLY_EVENTS) {
      this.#early = [];
      return false;
    }
    this.#objects = new Map(items.map((item) => [item.key, item]));
    this.#keys = items.map(({ key }) => key);
    this.#lists.clear();
    this.#changes = [];
    this.#first = this.#next;
    this.#changeBytes = 0;
    this.#startRevision = revision;
    this.#lastChange = revision;
    this.#revision = revision;
    this.#generation++;
    this.#early = undefined;
    for (const event of early ?? []) this.apply(event);
    this.#wake();
    return true;
  }

  apply(event: StoreEvent): void {
    if (this.#early !== undefined) {
      if (this.#early.length <= MAX_EARLY_EVENTS) this.#early.push(event);
      return;
    }
    // The fill was read ahead of the feed: it has this already.
    if (event.revision <= this.#revision) return;
    const current = event.current === undefined ? undefined : decodeKept(this.entry, event.current, true);
    const key = current?.key ?? event.key.slice(this.entry.prefix.length);
    const previous = this.#objects.get(key);
    if (current === undefined) {
      if (previous === undefined) return;
      this.#objects.delete(key);
      this.#keys.splice(position(this.#keys, key), 1);
    } else {
      this.#objects.set(key, current);
      if (previous === undefined) this.#keys.splice(position(this.#keys, key), 0, key);
    }
    this.#lists.clear();
    this.#lastChange = event.revision;
    this.#remember(new Change(event, current, previous));
  }

  /** Everything up to this revision has been applied. */
  advance(revision: number): void {
    if (this.#early !== undefined) return;
    const isNews = this.#lastChange > this.#revision;
    this.#revision = Math.max(this.#revision, revision);
    if (isNews) this.#wake();
  }

  /** Ends all watches: quietly, or with the error. */
  close(farewell?: ApiError): void {
    this.#isClosed = true;
    this.#farewell ??= farewell;
    this.#wake();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get farewell(): ApiError | undefined {
    return this.#farewell;
  }

  /** The store revision this cache is at. */
  get revision(): number {
    return this.#revision;
  }

  /** The revision of the last change of this kind that is known of. */
  get lastChange(): number {
    return this.#lastChange;
  }

  get size(): number {
    return this.#objects.size;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key);
  }

  /** In key order; the same array until something of the kind changes. */
  list(namespace?: string): readonly StoredObject[] {
    const known = this.#lists.get(namespace ?? '');
    if (known !== undefined) return known;
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const items: StoredObject[] = [];
    for (let at = position(this.#keys, prefix); at < this.#keys.length; at++) {
      const key = this.#keys[at] ?? '';
      if (!key.startsWith(prefix)) break;
      const stored = this.#objects.get(key);
      if (stored !== undefined) items.push(stored);
    }
    this.#lists.set(namespace ?? '', items);
    return items;
  }

  /** Whether every change after this revision is still in the log. */
  covers(revision: number): boolean {
    return revision >= this.#startRevision;
  }

  cursor(afterRevision: number): Cursor {
    let low = this.#first;
    let high = this.#next;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#at(middle)?.revision ?? 0) > afterRevision) high = middle;
      else low = middle + 1;
    }
    return { sequence: low, generation: this.#generation };
  }

  /** The change under the cursor, undefined when there is none yet. Throws `Expired` when it is gone. */
  read(cursor: Cursor): Change | undefined {
    if (cursor.generation !== this.#generation) {
      throw new ApiError('Expired', 'the watch was interrupted by a gap in the history: list again');
    }
    if (cursor.sequence < this.#first) {
      throw new ApiError(
        'Expired',
        `the watch is too slow: more than ${this.#limits.maxChanges} changes or ${this.#limits.maxChangeBytes} bytes behind; resume from the last resourceVersion you saw, or list again`,
      );
    }
    return cursor.sequence < this.#next ? this.#at(cursor.sequence) : undefined;
  }

  /** Wakes the watcher whenever there may be something new, until it is taken off again. */
  subscribe(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  unsubscribe(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  #at(sequence: number): Change | undefined {
    return this.#changes[sequence % this.#limits.maxChanges];
  }

  #remember(change: Change): void {
    if (this.#next - this.#first >= this.#limits.maxChanges) this.#forgetOldest();
    this.#changes[this.#next % this.#limits.maxChanges] = change;
    this.#next++;
    this.#changeBytes += change.bytes;
    while (this.#changeBytes > this.#limits.maxChangeBytes && this.#next - this.#first > 1)
      this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#at(this.#first);
    this.#changes[this.#first % this.#limits.maxChanges] = undefined;
    this.#first++;
    this.#changeBytes -= oldest?.bytes ?? 0;
    this.#startRevision = oldest?.revision ?? this.#startRevision;
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher.wake();
  }
}

export interface Cursor {
  sequence: number;
  readonly generation: number;
}

/** Somebody who waits for news; an object rather than a function, since there are thousands. */
export interface Watcher {
  wake(): void;
}

/** Where the key is, or would go, in a list sorted as the store sorts: by bytes, which is not how JavaScript compares. */
function position(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKeys(keys[middle] ?? '', key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
