/**
 * `activeDeadlineSeconds`: when a Task has had its time. The start is stored, so a restart forgets nothing; as long as
 * one process looks, time is counted on the clock that never jumps.
 */
import type { Task } from '../../../schemas/types.gen.ts';
import type { Birth, TaskWorld } from '../types.ts';

export interface Deadline {
  /** Wall time as it was foreseen, milliseconds. */
  readonly atMs: number;
  /** 0 or less: it has passed. */
  readonly leftMs: number;
}

/** A machine may sleep, on a clock that does not count it: a far deadline is looked at again in between. */
const LONGEST_LOOK_MS = 60_000;

/** Undefined without one, and before the first start. */
export function deadlineOf(
  task: Task,
  startedAt: string | undefined,
  world: Pick<TaskWorld, 'memory' | 'nowMs' | 'monotonicMs'>,
): Deadline | undefined {
  const limitSeconds = task.spec.activeDeadlineSeconds;
  if (limitSeconds === undefined || startedAt === undefined) return undefined;
  const limitMs = limitSeconds * 1000;
  const { monotonicMs } = birthOf(startedAt, world);
  return { atMs: Date.parse(startedAt) + limitMs, leftMs: monotonicMs + limitMs - world.monotonicMs };
}

/** Known since the first look: what the wall clock did afterwards makes nothing older or younger. */
export function birthOf(
  startedAt: string,
  { memory, nowMs, monotonicMs }: Pick<TaskWorld, 'memory' | 'nowMs' | 'monotonicMs'>,
): Birth {
  if (memory.birth?.startedAt === startedAt) return memory.birth;
  const ageMs = nowMs - Date.parse(startedAt);
  return { startedAt, monotonicMs: monotonicMs - (ageMs > 0 ? ageMs : 0) };
}

/** How long to wait before the next look; undefined where there is nothing to wait for. */
export function deadlineLookMs(deadline: Deadline | undefined): number | undefined {
  return deadline === undefined || deadline.leftMs <= 0
    ? undefined
    : Math.min(deadline.leftMs, LONGEST_LOOK_MS);
}

/** Whether what ended then, while nobody looked, was stopped for that. */
export function isPastDeadline(task: Task, endedAt: string | undefined): boolean {
  const limitMs = (task.spec.activeDeadlineSeconds ?? Number.NaN) * 1000;
  return Date.parse(endedAt ?? '') - Date.parse(task.status?.startedAt ?? '') >= limitMs;
}
