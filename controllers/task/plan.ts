/**
 * The planner of a Task: desired, observed, now -> actions, status, when to look again.
 *
 * Pure. It promises that performing the actions and planning again comes to a plan without actions (a fixed point),
 * that it never plans to start a container while another of the Task has a process, and that every action has a reason.
 */
import { FINALIZER_CONTAINER } from '../../machinery/labels.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { type Attempt, attemptsOf, containerName } from './planning/attempts.ts';
import { identityOf } from './planning/containerspec.ts';
import { isRecorded } from './planning/history.ts';
import { planNext } from './planning/next.ts';
import { noticesOf } from './planning/notices.ts';
import { statusOf, unscheduledVerdict, type Verdict } from './planning/phase.ts';
import { resourceUpdate } from './planning/resources.ts';
import { clearAway, graceSecondsOf, stopAll } from './planning/stops.ts';
import { isStartable, outcomeOf, replacementReason, type TaskView, viewOf } from './planning/view.ts';
import type { Action, DriftKind, TaskPlan, TaskWorld } from './types.ts';

/** For containers whose Task is gone, and with it the grace period it asked for. */
const STRAY_GRACE_MS = 10_000;
/** Objects are read from a copy that may lag; a container from a newer binding says that it does. */
const STALE_READ_MS = 250;

/** The worker that has to do with the Task: the one it is bound to, else the one that had it last. */
export function responsibleWorker(task: Task): string | undefined {
  return task.spec.workerName ?? task.status?.workerName;
}

export function planTask(world: TaskWorld): TaskPlan {
  const { task } = world;
  if (task === undefined || responsibleWorker(task) !== world.worker) return planStrays(world);
  if (task.metadata.deletionTimestamp !== undefined) return planDeletion(task, world);
  const view = viewOf(task, world);
  if (view.attempts.some((attempt) => attempt.epoch > view.epoch)) {
    return { actions: [], status: undefined, events: [], requeueAfterMs: STALE_READ_MS };
  }
  return task.spec.workerName === undefined ? planUnbound(view) : planBound(view);
}

/** Containers whose Task is gone or with another worker. The caller has asked the API itself, not a copy. */
function planStrays(world: TaskWorld): TaskPlan {
  const why = world.task === undefined ? 'its Task is gone' : 'its Task is bound to another worker';
  const attempts = attemptsOf(world.containers, world.memory);
  return { ...clearAway(attempts, world, STRAY_GRACE_MS, why), status: undefined, events: [] };
}

function planDeletion(task: Task, world: TaskWorld): TaskPlan {
  const attempts = attemptsOf(world.containers, world.memory);
  const graceSeconds = task.metadata.deletionGracePeriodSeconds ?? graceSecondsOf(task);
  const cleared = clearAway(attempts, world, graceSeconds * 1000, 'its Task is being deleted');
  const isLast = attempts.every(
    ({ life, container }) => (life === 'ended' || life === 'created') && container.state !== 'removing',
  );
  const holds = task.metadata.finalizers?.includes(FINALIZER_CONTAINER) ?? false;
  const lift: readonly Action[] =
    isLast && holds
      ? [
          {
            kind: 'liftFinalizer',
            reason: 'Deleted',
            message: 'No container of the Task is left on this worker',
          },
        ]
      : [];
  const view = viewOf(task, world);
  const alive = attempts.findLast(({ life }) => life === 'alive');
  const message = 'the Task is being deleted';
  // Nothing of it is left here, and the object stays for somebody else's finalizer: it must not be said to run.
  const isLeft = attempts.length === 0 && !holds && !hasEnded(task);
  const verdict: Verdict | undefined =
    alive !== undefined
      ? { kind: 'stopping', attempt: alive, message }
      : isLeft
        ? { kind: 'stopped', message }
        : undefined;
  const status = verdict === undefined ? undefined : statusOf(view, verdict);
  return { ...cleared, actions: [...cleared.actions, ...lift], status, events: [] };
}

/** Between two bindings: evicted, or changed after it had come to its end; the scheduler has not spoken yet. */
function planUnbound(view: TaskView): TaskPlan {
  const { attempts, task } = view;
  const alive = attempts.filter(({ life }) => life === 'alive');
  const why = 'the Task was taken off this worker';
  const stops = stopAll(alive, view, 'Evicted', why);
  const newest = alive.at(-1);
  // It had ended before it was taken off: that is still what is true of it.
  if (newest === undefined && hasEnded(task) && isSettled(task)) {
    return { actions: removals(view, undefined), status: undefined, events: [] };
  }
  const verdict: Verdict =
    newest === undefined ? unscheduledVerdict(task) : { kind: 'stopping', attempt: newest, message: why };
  return finish(view, verdict, [...stops.actions, ...removals(view, undefined)], stops.requeueAfterMs);
}

function planBound(view: TaskView): TaskPlan {
  const { attempts, task, run } = view;
  const alive = attempts.filter(({ life }) => life === 'alive');
  const outcome = outcomeOf(view);
  const isWanted = task.spec.desiredState !== 'Stopped' && outcome === undefined;
  const keep = isWanted
    ? alive.findLast((attempt) => replacementReason(attempt, view) === undefined)
    : undefined;
  const surplus = alive.filter((attempt) => attempt !== keep);
  const why = stopWords(view, isWanted, keep, surplus);
  const stops = stopAll(surplus, view, isWanted ? 'Superseded' : 'Stopped', why.message, why.drift);
  const tidy = removals(view, keep);
  if (keep !== undefined) {
    const actions = [...stops.actions, ...repairs(view, keep), ...tidy];
    return finish(view, { kind: 'running', attempt: keep }, actions, stops.requeueAfterMs);
  }
  const underWay = attempts.findLast(({ life }) => life === 'alive' || life === 'leaving');
  if (underWay !== undefined) {
    const verdict: Verdict = { kind: 'stopping', attempt: underWay, message: why.message };
    // An engine's removal is heard of as an event; the second look is for the case that it is not.
    return finish(view, verdict, [...stops.actions, ...tidy], stops.requeueAfterMs ?? 1000);
  }
  if (isWanted) {
    const next = planNext(view);
    return finish(view, next.verdict, [...tidy, ...next.actions], next.requeueAfterMs);
  }
  const [end] = run;
  const verdict: Verdict =
    outcome === undefined || task.spec.desiredState === 'Stopped' || end === undefined
      ? { kind: 'stopped' }
      : { kind: 'ended', phase: outcome, end };
  return finish(view, verdict, tidy);
}

function hasEnded({ status }: Task): boolean {
  return ['Stopped', 'Succeeded', 'Failed'].includes(status?.phase ?? '');
}

/** Whether what the status says is said of the present wish. */
function isSettled({ metadata, status }: Task): boolean {
  return status?.observedGeneration === metadata.generation;
}

function stopWords(
  view: TaskView,
  isWanted: boolean,
  keep: Attempt | undefined,
  surplus: readonly Attempt[],
): { readonly message: string; readonly drift?: DriftKind } {
  const { task } = view;
  if (!isWanted) {
    const message =
      task.spec.desiredState === 'Stopped' ? 'desiredState is Stopped' : 'the Task has come to its end';
    return hasEnded(task) && isSettled(task) ? { message, drift: 'started' } : { message };
  }
  const replaced = surplus
    .map((attempt) => replacementReason(attempt, view))
    .find((why) => why !== undefined);
  if (replaced !== undefined) return { message: replaced.message };
  if (keep === undefined) return { message: 'the container is being removed' };
  return { message: `container ${keep.container.name} already runs for this Task`, drift: 'duplicate' };
}

/** What somebody changed on the running container, put back; and limits the user changed, in place. */
function repairs({ task, wanted }: TaskView, { container, attempt }: Attempt): Action[] {
  const actions: Action[] = [];
  const { id } = container;
  if (container.state === 'paused') {
    const message = `Container ${container.name} was paused; resumed it`;
    actions.push({ kind: 'unpause', id, reason: 'Drifted', message, drift: 'paused' });
  }
  const name = containerName(identityOf(task), attempt);
  if (container.name !== name && attempt > 0) {
    const message = `Container ${name} had been renamed to ${container.name}; gave it its name back`;
    actions.push({ kind: 'rename', id, name, reason: 'Drifted', message, drift: 'renamed' });
  }
  const resources = resourceUpdate(wanted, container.resources);
  if (resources !== undefined) {
    const isByHand = task.status?.observedGeneration === task.metadata.generation;
    const figures = Object.entries(resources)
      .map(([what, value]) => `${what} ${value}`)
      .join(', ');
    actions.push({
      kind: 'update',
      id,
      resources,
      reason: isByHand ? 'Drifted' : 'ResourcesChanged',
      message: `Set ${figures} on container ${container.name}`,
      ...(isByHand ? { drift: 'resources' as const } : {}),
    });
  }
  return actions;
}

/**
 * Containers of no further use: never started and not to be, and ended ones whose end is kept in the stored status,
 * except the newest that has logs. Never one with a process.
 */
function removals(view: TaskView, keep: Attempt | undefined): Action[] {
  const { attempts, task } = view;
  const stored = task.status?.history ?? [];
  const withLogs = attempts.findLast(
    ({ life, container }) =>
      life === 'ended' && (container.state === 'exited' || container.startedAt !== undefined),
  );
  const isBound = task.spec.workerName !== undefined && task.spec.desiredState !== 'Stopped';
  return attempts.flatMap((attempt): Action[] => {
    const { container, life } = attempt;
    const { id, name } = container;
    if (life === 'created') {
      const mayStart = keep === undefined && isBound && isStartable(view, attempt);
      if (mayStart) return [];
      return [
        { kind: 'remove', id, name, reason: 'Unused', message: `Removed container ${name}, never started` },
      ];
    }
    if (life !== 'ended' || container.state === 'removing' || !isRecorded(stored, attempt)) return [];
    if (attempt === withLogs && container.state !== 'dead') return [];
    return [{ kind: 'remove', id, name, reason: 'Ended', message: `Removed ended container ${name}` }];
  });
}

function finish(
  view: TaskView,
  verdict: Verdict,
  actions: readonly Action[],
  requeueAfterMs?: number,
): TaskPlan {
  return {
    actions,
    status: statusOf(view, verdict),
    events: noticesOf(view, verdict),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}
