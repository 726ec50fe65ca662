/**
 * One watch of one kind: first what the caller does not know yet (the present, or the past since a revision), then
 * every change, in order, without gap or repeat. It ends quietly on abort and when the registry closes, and throws
 * `Expired` when the reader is too slow or the past is gone.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { StoreError } from '../../../machinery/errors.ts';
import type { Store } from '../../../store/store.ts';
import { decodeStored } from '../payload.ts';
import { apiErrorFromStore, tooOld } from '../storeerrors.ts';
import type { StoredObject, StoredWatchEvent } from '../types.ts';
import { Change, type Matches, type WatchCache, watchEvent } from './watchcache.ts';

/** Kubernetes promises a bookmark about once a minute; a client's patience is longer than that. */
const BOOKMARK_EVERY_MS = 60_000;

export interface WatchPlan {
  /** Told as ADDED before anything else. */
  readonly initial: readonly StoredObject[];
  readonly afterRevision: number;
  readonly matches: Matches;
  readonly hasBookmarks: boolean;
  /** Whether the end of `initial` is marked with a bookmark. */
  readonly marksInitialEnd: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface WatchSource {
  readonly store: Store;
  readonly cache: WatchCache;
  readonly clock: Clock;
  /** Aborts when the registry closes. */
  readonly closing: AbortSignal;
}

export async function* watchKind(source: WatchSource, plan: WatchPlan): AsyncGenerator<StoredWatchEvent> {
  const { cache } = source;
  const isOver = (): boolean => plan.signal?.aborted === true || cache.isClosed;
  for (const stored of plan.initial) {
    if (isOver()) return;
    if (plan.matches(stored.object)) yield watchEvent('ADDED', stored, undefined);
  }
  let after = plan.afterRevision;
  if (plan.marksInitialEnd) yield { type: 'BOOKMARK', resourceVersion: after, isInitialEnd: true };
  // Asked again each time: while the history was told, the cache's log may have run past where it ended.
  while (!isOver() && !cache.covers(after)) after = yield* watchHistory(source, plan, after);
  if (!isOver()) yield* watchPresent(source, plan, after, isOver);
}

/** Reads the past from the store until the cache's log takes over; returns up to which revision it told. */
async function* watchHistory(
  { store, cache, closing }: WatchSource,
  plan: WatchPlan,
  afterRevision: number,
): AsyncGenerator<StoredWatchEvent, number> {
  let after = afterRevision;
  const signal = plan.signal === undefined ? closing : AbortSignal.any([plan.signal, closing]);
  try {
    for await (const batch of store.watch([cache.entry.prefix], { afterRevision, signal })) {
      for (const { revision, current, previous } of batch.events) {
        const change = new Change(
          revision,
          current === undefined ? undefined : decodeStored(current),
          previous === undefined ? undefined : decodeStored(previous),
        );
        const event = change.eventFor(plan.matches);
        if (event !== undefined) yield event;
      }
      after = batch.revision;
      if (cache.covers(after)) break;
    }
  } catch (error) {
    if (error instanceof StoreError && error.reason === 'Compacted') {
      throw tooOld(afterRevision, store.compactedRevision(), error);
    }
    throw apiErrorFromStore(error);
  }
  return after;
}

async function* watchPresent(
  { cache, clock }: WatchSource,
  plan: WatchPlan,
  afterRevision: number,
  isOver: () => boolean,
): AsyncGenerator<StoredWatchEvent> {
  const cursor = cache.cursor(afterRevision);
  let isAwake = false;
  let resume: (() => void) | undefined;
  const wake = (): void => {
    isAwake = true;
    resume?.();
  };
  let isBookmarkDue = false;
  const startTimer = (): { cancel(): void } =>
    clock.after(BOOKMARK_EVERY_MS, () => {
      isBookmarkDue = true;
      wake();
    });
  let timer = plan.hasBookmarks ? startTimer() : undefined;
  const unsubscribe = cache.subscribe(wake);
  plan.signal?.addEventListener('abort', wake, { once: true });
  try {
    while (!isOver()) {
      isAwake = false;
      for (let change = cache.read(cursor); change !== undefined; change = cache.read(cursor)) {
        cursor.sequence++;
        // The history comes from the store, which may be ahead of the cache.
        if (change.revision <= afterRevision) continue;
        const event = change.eventFor(plan.matches);
        if (event !== undefined) yield event;
        if (isOver()) return;
      }
      if (isBookmarkDue) {
        isBookmarkDue = false;
        timer = startTimer();
        // The cursor is at the end: everything up to the cache's revision has been told.
        yield { type: 'BOOKMARK', resourceVersion: Math.max(cache.revision, afterRevision) };
        continue;
      }
      if (isAwake) continue;
      await new Promise<void>((resolve) => {
        resume = resolve;
      });
      resume = undefined;
    }
  } finally {
    timer?.cancel();
    unsubscribe();
    plan.signal?.removeEventListener('abort', wake);
  }
}
