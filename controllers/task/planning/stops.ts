/** Ending containers: which stops to begin, and when to see whether those under way did their work. */
import { LABEL_TASK, LABEL_UID } from '../../../machinery/labels.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { Hook } from '../services.ts';
import type { Action, DriftKind, HistoryEntry, Stopping, StopReason, TaskWorld } from '../types.ts';
import type { Attempt } from './attempts.ts';
import type { TaskView } from './view.ts';

const DEFAULT_GRACE_SECONDS = 30;
/** A stop that has not ended a container this long after its kill is tried again. */
const STOP_OVERDUE_MS = 10_000;

export interface Stops {
  readonly actions: readonly Action[];
  /** When to see whether a stop under way did its work. */
  readonly requeueAfterMs?: number;
}

/** Why containers are stopped, and how much time they get. */
export interface StopWish {
  readonly reason: StopReason;
  readonly gracePeriodMs: number;
  /** Of one container, by its name: the sentence for the Event. */
  readonly message: (name: string) => string;
  readonly detail?: string;
  readonly drift?: DriftKind;
  /** Done before the stop signal. */
  readonly preStop?: Hook;
}

/** What ends with the Task's own grace period and its preStop hook. */
export function stopAll(
  alive: readonly Attempt[],
  { task, world }: TaskView,
  wish: Omit<StopWish, 'preStop' | 'gracePeriodMs'> & { readonly gracePeriodMs?: number },
): Stops {
  const { gracePeriodMs = graceSecondsOf(task) * 1000 } = wish;
  return stopEach(alive, world, { ...wish, gracePeriodMs, ...preStopOf(task) });
}

/** Begun and not overdue: it needs nobody's help. */
export function isUnderWay({ killAtMs }: Stopping, monotonicMs: number): boolean {
  return monotonicMs < killAtMs + STOP_OVERDUE_MS;
}

/** A stop under way is left alone unless this one would kill sooner. */
function stopEach(
  alive: readonly Attempt[],
  { memory, monotonicMs }: TaskWorld,
  { reason, gracePeriodMs, message, detail, drift, preStop }: StopWish,
): Stops {
  const actions: Action[] = [];
  let overdueMs: number | undefined;
  for (const { container } of alive) {
    const { id, name } = container;
    const stopping = memory.stopping.get(id);
    const isBegun = stopping !== undefined && isUnderWay(stopping, monotonicMs);
    if (isBegun && stopping.killAtMs <= monotonicMs + gracePeriodMs) {
      const dueMs = stopping.killAtMs + STOP_OVERDUE_MS;
      overdueMs = Math.min(overdueMs ?? Infinity, dueMs - monotonicMs);
      continue;
    }
    // A container without any grace is killed at once; the hook of a stop under way has been begun already.
    const hook = gracePeriodMs > 0 && !isBegun && container.state === 'running' ? preStop : undefined;
    actions.push({
      kind: 'stop',
      id,
      name,
      gracePeriodMs,
      stopReason: reason,
      reason,
      message: message(name),
      ...(detail === undefined ? {} : { detail }),
      ...(drift === undefined ? {} : { drift }),
      ...(hook === undefined ? {} : { preStop: hook }),
    });
  }
  return { actions, ...(overdueMs === undefined ? {} : { requeueAfterMs: overdueMs }) };
}

/** Stops what has a process and removes what has none, leaving nothing. */
export function clearAway(
  attempts: readonly Attempt[],
  world: TaskWorld,
  wish: { readonly graceMs: number; readonly why: string; readonly preStop?: Hook },
  endOf: (attempt: Attempt) => HistoryEntry | undefined,
): Stops {
  const { graceMs, why, ...preStop } = wish;
  const alive = attempts.filter(({ life }) => life === 'alive');
  const stops = stopEach(alive, world, {
    reason: 'Stopped',
    gracePeriodMs: graceMs,
    message: (name) => stopMessage(name, why),
    ...preStop,
  });
  const removes = attempts
    .filter(
      ({ life, container }) =>
        (life === 'created' || life === 'ended') &&
        container.state !== 'removing' &&
        !world.memory.removing.has(container.id),
    )
    .map((attempt) =>
      removal(attempt, 'Deleted', `Removed container ${attempt.container.name}: ${why}`, endOf(attempt)),
    );
  const isWaiting = attempts.some(
    ({ life, container }) => life === 'leaving' || container.state === 'removing',
  );
  const requeueAfterMs = stops.requeueAfterMs ?? (isWaiting ? 1000 : undefined);
  return {
    actions: [...stops.actions, ...removes],
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/** The end goes with it for those who read the log of a container that is gone. */
export function removal(
  { container, attempt }: Attempt,
  reason: string,
  message: string,
  end: HistoryEntry | undefined,
): Action {
  const { id, name, labels, state } = container;
  const ended = {
    taskKey: labels[LABEL_TASK] ?? '',
    taskUid: labels[LABEL_UID] ?? '',
    attempt,
    ...(end === undefined ? {} : { end }),
  };
  const hasRun = state !== 'created';
  return { kind: 'remove', id, name, reason, message, ...(hasRun ? { ended } : {}) };
}

export function stopMessage(name: string, why: string): string {
  return `Stopping container ${name}: ${why}`;
}

export function preStopOf({ spec }: Task): { readonly preStop?: Hook } {
  const preStop = spec.lifecycle?.preStop;
  return preStop === undefined ? {} : { preStop };
}

export function graceSecondsOf(task: Task): number {
  return task.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}
