/**
 * One watch of one kind: first what the caller does not know yet (the present, or the past since a revision), then
 * every change, in order, without gap or repeat. It ends quietly on abort and when the registry closes, and throws
 * `Expired` when the reader is too slow or the past is gone, `Gone` when the kind itself went away.
 *
 * There are thousands of them and most wait, so one is a single object with a cursor: no buffer, no generator.
 */
import type { Clock, Timer } from '../../../machinery/clock.ts';
import { StoreError } from '../../../machinery/errors.ts';
import type { Store, WatchBatch } from '../../../store/store.ts';
import { asServed, eventAsServed } from '../kinds/versions.ts';
import type { KindEntry } from '../kindtable.ts';
import { apiErrorFromStore, tooOld } from '../storeerrors.ts';
import type { StoredObject, StoredWatchEvent } from '../types.ts';
import { Change, type Matches, watchEvent } from './change.ts';
import type { Cursor, WatchCache, Watcher } from './watchcache.ts';

/** Kubernetes promises a bookmark about once a minute; a client's patience is longer than that. */
const BOOKMARK_EVERY_MS = 60_000;

export interface WatchPlan {
  /** The version that is served. */
  readonly entry: KindEntry;
  /** Told as ADDED before anything else, as far as it matches; objects as they are kept. */
  readonly initial: readonly StoredObject[];
  readonly afterRevision: number;
  /** Undefined for everything. */
  readonly matches: Matches | undefined;
  readonly hasBookmarks: boolean;
  /** Whether the end of `initial` is marked with a bookmark. */
  readonly marksInitialEnd: boolean;
  /** Whether the first moment at which nothing is left to tell is marked with a bookmark. */
  readonly marksPresent: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface WatchSource {
  readonly store: Store;
  readonly cache: WatchCache;
  readonly clock: Clock;
  /** Aborts when the registry closes. */
  readonly closing: AbortSignal;
  /** Told of every change that is given as it happens: the milliseconds since it was committed. */
  readonly delivered: (ms: number) => void;
}

const OVER: IteratorResult<StoredWatchEvent> = { done: true, value: undefined };
const everything: Matches = () => true;

export function watchKind(source: WatchSource, plan: WatchPlan): AsyncIterableIterator<StoredWatchEvent> {
  return new KindWatch(source, plan);
}

class KindWatch implements AsyncIterableIterator<StoredWatchEvent>, Watcher {
  readonly #source: WatchSource;
  readonly #entry: KindEntry;
  readonly #matches: Matches;
  readonly #signal: AbortSignal | undefined;
  readonly #hasBookmarks: boolean;
  /** What is left of the beginning; let go of once it was told. */
  #initial: readonly StoredObject[] | undefined;
  #at = 0;
  #marksInitialEnd: boolean;
  /** Everything up to here has been told, or was known to the caller. */
  #after: number;
  #past: AsyncGenerator<StoredWatchEvent> | undefined;
  #cursor: Cursor | undefined;
  /** What came up to here had happened when this watch began to wait for news. */
  #newsAfter = 0;
  #resume: (() => void) | undefined;
  #timer: Timer | undefined;
  #isBookmarkDue = false;
  #isOver = false;

  constructor(source: WatchSource, plan: WatchPlan) {
    this.#source = source;
    this.#entry = plan.entry;
    this.#matches = plan.matches ?? everything;
    this.#signal = plan.signal;
    this.#hasBookmarks = plan.hasBookmarks;
    this.#initial = plan.initial.length === 0 ? undefined : plan.initial;
    this.#marksInitialEnd = plan.marksInitialEnd;
    this.#isBookmarkDue = plan.marksPresent;
    this.#after = plan.afterRevision;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  wake(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** The abort signal's listener, without a closure for each watch. */
  handleEvent(): void {
    this.wake();
  }

  async next(): Promise<IteratorResult<StoredWatchEvent>> {
    try {
      for (;;) {
        if (this.#isOver || this.#signal?.aborted === true) return this.#end();
        let event = this.#nextInitial();
        if (event === undefined && this.#cursor === undefined) event = await this.#nextPast();
        event ??= this.#nextChange();
        if (event !== undefined) return { done: false, value: event };
        // What had happened before a cache was closed has been told by now.
        if (this.#isEnded()) return this.#end();
        await new Promise<void>((resolve) => {
          this.#resume = resolve;
        });
      }
    } catch (error) {
      this.#end();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<StoredWatchEvent>> {
    await this.#past?.return(undefined);
    return this.#end();
  }

  #isEnded(): boolean {
    return this.#isOver || this.#signal?.aborted === true || this.#source.cache.isClosed;
  }

  /** Quiet, unless the cache has a last word; said once. */
  #end(): IteratorResult<StoredWatchEvent> {
    if (this.#isOver) return OVER;
    this.#isOver = true;
    this.#initial = undefined;
    this.#timer?.cancel();
    this.#source.cache.unsubscribe(this);
    this.#signal?.removeEventListener('abort', this);
    const { farewell } = this.#source.cache;
    if (farewell !== undefined && this.#signal?.aborted !== true) throw farewell;
    return OVER;
  }

  #nextInitial(): StoredWatchEvent | undefined {
    const initial = this.#initial ?? [];
    for (; this.#at < initial.length; this.#at++) {
      const stored = initial[this.#at];
      if (stored === undefined || !this.#matches(stored)) continue;
      this.#at++;
      return watchEvent('ADDED', asServed(this.#entry, stored), undefined);
    }
    this.#initial = undefined;
    if (!this.#marksInitialEnd) return undefined;
    this.#marksInitialEnd = false;
    return { type: 'BOOKMARK', resourceVersion: this.#after, isInitialEnd: true };
  }

  /** From the store's history, until the cache's log takes over. */
  async #nextPast(): Promise<StoredWatchEvent | undefined> {
    const { cache } = this.#source;
    for (;;) {
      if (this.#past === undefined) {
        // Asked again each time: while the history was told, the cache's log may have run past where it ended.
        if (cache.covers(this.#after)) break;
        this.#past = this.#history();
      }
      const result = await this.#past.next();
      if (result.done !== true) return result.value;
      this.#past = undefined;
      if (this.#isEnded()) return undefined;
    }
    this.#cursor = cache.cursor(this.#after);
    this.#newsAfter = cache.revision;
    cache.subscribe(this);
    this.#signal?.addEventListener('abort', this, { once: true });
    if (this.#hasBookmarks) this.#startTimer();
    return undefined;
  }

  async *#history(): AsyncGenerator<StoredWatchEvent> {
    const { store, cache, closing } = this.#source;
    const afterRevision = this.#after;
    const signal = this.#signal === undefined ? closing : AbortSignal.any([this.#signal, closing]);
    const { prefix } = cache.entry;
    try {
      for await (const batch of store.watch([prefix], { afterRevision, signal, marksPresent: true })) {
        yield* this.#told(batch);
        this.#after = batch.revision;
        if (cache.covers(this.#after)) break;
      }
    } catch (error) {
      if (error instanceof StoreError && error.reason === 'Compacted') {
        throw tooOld(afterRevision, store.compactedRevision(), error);
      }
      throw apiErrorFromStore(error);
    }
  }

  *#told(batch: WatchBatch): Generator<StoredWatchEvent> {
    const { cache } = this.#source;
    for (const written of batch.events) {
      const { current, previous } = written;
      const change = new Change(
        written,
        current === undefined ? undefined : cache.decode(current),
        previous === undefined ? undefined : cache.decode(previous),
      );
      const event = change.eventFor(this.#matches);
      if (event !== undefined) yield eventAsServed(this.#entry, event);
    }
  }

  #nextChange(): StoredWatchEvent | undefined {
    const { cache, clock, delivered } = this.#source;
    const cursor = this.#cursor;
    if (cursor === undefined) return undefined;
    for (let change = cache.read(cursor); change !== undefined; change = cache.read(cursor)) {
      cursor.sequence++;
      // The history comes from the store, which may be ahead of the cache.
      if (change.revision <= this.#after) continue;
      const event = change.eventFor(this.#matches);
      if (event === undefined) continue;
      if (change.revision > this.#newsAfter) delivered(clock.now() - change.writtenAtMs);
      return eventAsServed(this.#entry, event);
    }
    if (!this.#isBookmarkDue) return undefined;
    this.#isBookmarkDue = false;
    if (this.#hasBookmarks && this.#timer === undefined) this.#startTimer();
    // The cursor is at the end: everything up to the cache's revision has been told.
    return { type: 'BOOKMARK', resourceVersion: Math.max(cache.revision, this.#after) };
  }

  #startTimer(): void {
    this.#timer = this.#source.clock.after(BOOKMARK_EVERY_MS, () => {
      this.#timer = undefined;
      this.#isBookmarkDue = true;
      this.wake();
    });
  }
}
