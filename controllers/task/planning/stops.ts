/** Ending containers: which stops to begin, and when to see whether those under way did their work. */
import type { Task } from '../../../schemas/types.gen.ts';
import type { Action, DriftKind, StopReason, TaskWorld } from '../types.ts';
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

export function stopAll(
  alive: readonly Attempt[],
  view: TaskView,
  reason: StopReason,
  why: string,
  drift?: DriftKind,
): Stops {
  return stopEach(alive, view.world, graceSecondsOf(view.task) * 1000, reason, why, drift);
}

/** A stop under way is left alone unless this one would kill sooner. */
function stopEach(
  alive: readonly Attempt[],
  { memory, nowMs }: TaskWorld,
  gracePeriodMs: number,
  stopReason: StopReason,
  why: string,
  drift?: DriftKind,
): Stops {
  const actions: Action[] = [];
  let overdueMs: number | undefined;
  for (const { container } of alive) {
    const { id, name } = container;
    const stopping = memory.stopping.get(id);
    const dueMs = (stopping?.killAtMs ?? 0) + STOP_OVERDUE_MS;
    if (stopping !== undefined && stopping.killAtMs <= nowMs + gracePeriodMs && nowMs < dueMs) {
      overdueMs = Math.min(overdueMs ?? Infinity, dueMs - nowMs);
      continue;
    }
    const message = `Stopping container ${name}: ${why}`;
    actions.push({
      kind: 'stop',
      id,
      name,
      gracePeriodMs,
      stopReason,
      reason: stopReason,
      message,
      ...(drift === undefined ? {} : { drift }),
    });
  }
  return { actions, ...(overdueMs === undefined ? {} : { requeueAfterMs: overdueMs }) };
}

/** Stops what has a process and removes what has none, leaving nothing. */
export function clearAway(
  attempts: readonly Attempt[],
  world: TaskWorld,
  graceMs: number,
  why: string,
): { readonly actions: readonly Action[]; readonly requeueAfterMs?: number } {
  const alive = attempts.filter(({ life }) => life === 'alive');
  const stops = stopEach(alive, world, graceMs, 'Stopped', why);
  const removes = attempts
    .filter(
      ({ life, container }) => (life === 'created' || life === 'ended') && container.state !== 'removing',
    )
    .map(({ container: { id, name } }): Action => {
      return { kind: 'remove', id, name, reason: 'Deleted', message: `Removed container ${name}: ${why}` };
    });
  const isWaiting = attempts.some(
    ({ life, container }) => life === 'leaving' || container.state === 'removing',
  );
  const requeueAfterMs = stops.requeueAfterMs ?? (isWaiting ? 1000 : undefined);
  return {
    actions: [...stops.actions, ...removes],
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

export function graceSecondsOf(task: Task): number {
  return task.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
}
