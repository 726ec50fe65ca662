/** How long to wait before the next try: computed from what happened, never from what is remembered of a timer. */
import type { Task } from '../../../schemas/types.gen.ts';
import type { HistoryEntry } from '../types.ts';
import { HISTORY_LIMIT } from './history.ts';

export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
  readonly resetMs: number;
}

/** The schema's defaults, for objects older than the field. */
export function backoffOf(spec: Task['spec']): Backoff {
  const { initialSeconds = 1, maxSeconds = 60, resetSeconds = 600 } = spec.backoff ?? {};
  return { initialMs: initialSeconds * 1000, maxMs: maxSeconds * 1000, resetMs: resetSeconds * 1000 };
}

/**
 * Milliseconds between the newest end and the next start: none for the first restart, then `initialMs`, doubling up to
 * `maxMs`. A container that ran `resetMs` starts the count anew.
 * @param run ended containers of the current run, newest first.
 */
export function restartDelayMs(run: readonly HistoryEntry[], backoff: Backoff): number {
  const longRun = run.findIndex((entry) => ranMs(entry) >= backoff.resetMs);
  const ends = longRun < 0 ? run.length : longRun + 1;
  if (ends <= 1) return 0;
  const byCount = backoff.initialMs * 2 ** (ends - 2);
  const isCountComplete = longRun >= 0 || ends < HISTORY_LIMIT;
  return Math.min(backoff.maxMs, isCountComplete ? byCount : Math.max(byCount, 2 * lastRungMs(run, backoff)));
}

/** 10 s, doubling up to 300 s: Kubernetes' ImagePullBackOff. @param failures in a row, from 1. */
export function pullDelayMs(failures: number): number {
  return Math.min(300_000, 10_000 * 2 ** Math.min(failures - 1, 10));
}

/** @param failures in a row, from 1. */
export function createDelayMs(failures: number, backoff: Backoff): number {
  return Math.min(backoff.maxMs, backoff.initialMs * 2 ** Math.min(failures - 1, 20));
}

/**
 * The history is too short to count all restarts of a long crash loop: the last wait is read off the times instead,
 * rounded down to a rung of the ladder so that the time a start takes does not add up.
 */
function lastRungMs([newest, before]: readonly HistoryEntry[], backoff: Backoff): number {
  const gapMs =
    Date.parse(newest?.startedAt ?? newest?.finishedAt ?? '') - Date.parse(before?.finishedAt ?? '');
  if (!(gapMs >= backoff.initialMs)) return 0;
  return backoff.initialMs * 2 ** Math.floor(Math.log2(gapMs / backoff.initialMs));
}

function ranMs(entry: HistoryEntry): number {
  const ms = Date.parse(entry.finishedAt ?? '') - Date.parse(entry.startedAt ?? '');
  return Number.isNaN(ms) ? 0 : ms;
}
