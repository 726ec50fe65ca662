/** How a try of a step ended, whether it is worth another one, and when. */
import { findCondition } from '../../../machinery/conditions.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { PinnedStep } from '../types.ts';

export interface End {
  /** `stopped`: somebody asked for it. `vanished`: the Task was deleted, and how it ended is not known. */
  readonly kind: 'completed' | 'failed' | 'stopped' | 'vanished';
  readonly reason: string;
  readonly message: string;
  readonly exitCode?: number;
  /** Wall time, milliseconds. */
  readonly finishedMs: number;
}

/** sysexits.h, EX_TEMPFAIL: "the user is invited to retry". */
const TEMPORARY_FAILURE = 75;
/** Not the program's own doing. */
const TRANSIENT: ReadonlySet<string> = new Set([
  'WorkerLost',
  'Preempted',
  'Evicted',
  'Stopped',
  'Interrupted',
  'ErrImagePull',
  'ImagePullBackOff',
]);
const LONGEST_BACKOFF_SECONDS = 3_600;
/** A try whose image cannot be had is given up after this long on its worker, or its timeout when that is shorter. */
const IMAGE_PATIENCE_SECONDS = 300;
const MAX_MESSAGE = 256;

/** Undefined while the Task goes on. */
export function endOf(task: Task, nowMs: number): End | undefined {
  const { status = {}, spec, metadata } = task;
  const { phase } = status;
  const said = Date.parse(status.finishedAt ?? '');
  const finishedMs = Number.isNaN(said) ? nowMs : Math.min(said, nowMs);
  const exitCode = status.container?.exitCode ?? status.history?.[0]?.exitCode;
  const end = (kind: End['kind'], reason: string, otherwise: string): End => ({
    kind,
    reason,
    message: shortened(status.message ?? otherwise),
    ...(exitCode === undefined ? {} : { exitCode }),
    finishedMs,
  });
  if (status.observedGeneration === metadata.generation) {
    if (phase === 'Succeeded') return end('completed', status.reason ?? 'Completed', 'it ended with 0');
    if (phase === 'Failed') return end('failed', status.reason ?? 'Error', 'it failed');
    if (phase === 'Stopped' && spec.desiredState === 'Stopped')
      return end('stopped', 'Stopped', 'it was stopped');
  }
  // One that no worker ever had is stopped by the wish alone: nobody is there to say so.
  const isNobodys = spec.workerName === undefined && (phase === undefined || phase === 'Pending');
  if (spec.desiredState === 'Stopped' && isNobodys) {
    return {
      kind: 'stopped',
      reason: 'Stopped',
      message: 'it was stopped before it had a worker',
      finishedMs,
    };
  }
  return undefined;
}

export function vanished(name: string, nowMs: number): End {
  return {
    kind: 'vanished',
    reason: 'Interrupted',
    message: `task "${name}" was deleted before it was seen to end`,
    finishedMs: nowMs,
  };
}

/** Milliseconds before the next try, from the end of this one; undefined: there is none. */
export function backoffMs({ retries }: PinnedStep, attempt: number, end: End): number | undefined {
  const { limit, backoffSeconds, on } = retries;
  if (attempt > limit || on === 'Never') return undefined;
  const isTransient = TRANSIENT.has(end.reason) || end.exitCode === TEMPORARY_FAILURE;
  if (on === 'Transient' && !isTransient) return undefined;
  const longest = Math.max(backoffSeconds, LONGEST_BACKOFF_SECONDS);
  return Math.min(backoffSeconds * 2 ** Math.min(attempt - 1, 60), longest) * 1000;
}

export interface ImageTrouble {
  readonly reason: string;
  readonly message: string;
  /** 0 or less: it is time to give up. */
  readonly leftMs: number;
}

/** Why a Task that has not started may never do so: its image cannot be had. */
export function imageTrouble(task: Task, step: PinnedStep, nowMs: number): ImageTrouble | undefined {
  const { phase, reason, message = '' } = task.status ?? {};
  const told = task.status?.startedAt === undefined && phase === 'Pending' ? reason : undefined;
  if (told === 'InvalidImageName') return { reason: told, message: shortened(message), leftMs: 0 };
  if (told !== 'ErrImagePull' && told !== 'ImagePullBackOff') return undefined;
  const since = Date.parse(
    findCondition(task.status?.conditions, 'Scheduled')?.lastTransitionTime ??
      task.metadata.creationTimestamp ??
      '',
  );
  const patienceMs = Math.min(IMAGE_PATIENCE_SECONDS, step.timeoutSeconds ?? Infinity) * 1000;
  // One that is ahead of the clock is from before a jump of it.
  const ageMs = Number.isNaN(since) ? 0 : Math.max(0, nowMs - since);
  return { reason: 'ImagePullBackOff', message: shortened(message), leftMs: patienceMs - ageMs };
}

/** A cancelled run does not wait longer for the word of a worker that is lost. */
const LOST_PATIENCE_MS = 60_000;

export interface LostWorker {
  readonly reason: string;
  readonly message: string;
  /** 0 or less: whoever wants the step to end need not wait any more. */
  readonly leftMs: number;
}

/** Nobody knows how the Task is: its worker has not been heard of. */
export function lostWorker({ status, spec }: Task, nowMs: number): LostWorker | undefined {
  if (status?.phase !== 'Unknown') return undefined;
  const { reason = 'WorkerLost', message = `worker ${spec.workerName ?? ''} is lost` } = status;
  const since = Date.parse(findCondition(status.conditions, 'Ready')?.lastTransitionTime ?? '');
  // One that is ahead of the clock is from before a jump of it.
  const ageMs = Number.isNaN(since) ? 0 : Math.max(0, nowMs - since);
  return { reason, message: shortened(message), leftMs: LOST_PATIENCE_MS - ageMs };
}

/** Why a try was given up although its Task had not ended; kept as the step's reason before it is stopped. */
export function isGivenUp(reason: string | undefined): boolean {
  return reason === 'ImagePullBackOff' || reason === 'InvalidImageName';
}

export function shortened(text: string): string {
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1).toWellFormed()}…`;
}
