/**
 * The planner of a Task: desired, observed, now -> actions, status, when to look again.
 *
 * Pure. It promises that performing the actions and planning again comes to a plan without actions (a fixed point),
 * that it never plans to start a container while another of the Task has a process, and that every action has a reason.
 */
import { FINALIZER_CONTAINER } from '../../machinery/labels.ts';
import type { Resources } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { least } from './delays.ts';
import { type Attempt, attemptsOf, containerName } from './planning/attempts.ts';
import { createDelayMs } from './planning/backoff.ts';
import { identityOf } from './planning/containerspec.ts';
import { deadlineLookMs } from './planning/deadline.ts';
import { type Doom, doomOf } from './planning/doom.ts';
import { departureOf, isRecorded } from './planning/history.ts';
import { planNext } from './planning/next.ts';
import { noticesOf } from './planning/notices.ts';
import { statusOf, unscheduledVerdict, type Verdict } from './planning/phase.ts';
import { isPostStartDue, probingOf } from './planning/readiness.ts';
import { resourceUpdate } from './planning/resources.ts';
import {
  clearAway,
  graceSecondsOf,
  preStopOf,
  removal,
  type Stops,
  stopAll,
  stopMessage,
} from './planning/stops.ts';
import {
  DEADLINE_MESSAGE,
  isStartable,
  outcomeOf,
  replacementReason,
  type TaskView,
  viewOf,
} from './planning/view.ts';
import type { Action, DriftKind, HistoryEntry, StopReason, TaskPlan, TaskWorld } from './types.ts';

/** For containers whose Task is gone, and with it the grace period it asked for. */
const STRAY_GRACE_MS = 10_000;
/** For the case that nobody hears of what was told. */
const TIDY_MS = 1_000;
/** Between two tries of limits that an engine refused. */
const RESIZE_BACKOFF = { initialMs: 10_000, maxMs: 300_000, resetMs: 0 };
/** A container that was stopped for good is looked at for a moment (`docker logs`, `docker inspect`); its log is kept. */
const STOPPED_KEPT_MS = 10_000;
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
  const cleared = clearAway(attempts, world, { graceMs: STRAY_GRACE_MS, why }, () => undefined);
  return { ...cleared, status: undefined, events: [] };
}

function planDeletion(task: Task, world: TaskWorld): TaskPlan {
  const attempts = attemptsOf(world.containers, world.memory);
  const graceSeconds = task.metadata.deletionGracePeriodSeconds ?? graceSecondsOf(task);
  const view = viewOf(task, world);
  const cleared = clearAway(
    attempts,
    world,
    { graceMs: graceSeconds * 1000, why: 'its Task is being deleted', ...preStopOf(task) },
    ({ container }) => endOf(view, container.id),
  );
  // Those that ran have a log, which is kept first: their removal is over in a later pass.
  const isLast = attempts.every(({ container }) => container.state === 'created');
  const holds = task.metadata.finalizers?.includes(FINALIZER_CONTAINER) ?? false;
  const lift: readonly Action[] =
    isLast && holds
      ? [
          {
            kind: 'releaseVolumes',
            reason: 'Deleted',
            message: 'No container of the Task is left that could use them',
          },
          {
            kind: 'liftFinalizer',
            reason: 'Deleted',
            message: 'No container of the Task is left on this worker',
          },
        ]
      : [];
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
  const { reason, ...detail } = departureOf(task);
  const why = `the Task was taken off this worker${detail.detail === undefined ? '' : `: ${detail.detail}`}`;
  const stops = stopAll(alive, view, { reason, ...detail, message: (name) => stopMessage(name, why) });
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
  const { attempts, task } = view;
  const alive = attempts.filter(({ life }) => life === 'alive');
  const end = outcomeOf(view);
  const isWanted = task.spec.desiredState !== 'Stopped' && end === undefined;
  const keep = isWanted
    ? alive.findLast((attempt) => replacementReason(attempt, view) === undefined)
    : undefined;
  const surplus = alive.filter((attempt) => attempt !== keep);
  const why = stopWords(view, isWanted, keep, surplus);
  const stops = stopAll(surplus, view, {
    reason: why.reason,
    message: (name) => stopMessage(name, why.message),
    ...(why.detail === undefined ? {} : { detail: why.detail }),
    ...(why.drift === undefined ? {} : { drift: why.drift }),
  });
  const tidy = removals(view, keep);
  if (keep !== undefined) {
    const doom = doomOf(view, keep);
    if (doom !== undefined) return planDoomed(view, keep, doom, stops, tidy);
    return planKept(view, keep, stops, tidy);
  }
  const underWay = attempts.findLast(({ life }) => life === 'alive' || life === 'leaving');
  if (underWay !== undefined) {
    const verdict: Verdict = { kind: 'stopping', attempt: underWay, message: why.message };
    // An engine's removal is heard of as an event; the second look is for the case that it is not.
    return finish(view, verdict, [...stops.actions, ...tidy], stops.requeueAfterMs ?? 1000);
  }
  if (isWanted) {
    const next = planNext(view);
    // What is of no further use can wait until the next one runs, and is told to.
    const actions = next.actions.length > 0 ? next.actions : tidy;
    return finish(view, next.verdict, actions, next.requeueAfterMs);
  }
  const isStopped = end === undefined || task.spec.desiredState === 'Stopped';
  const letGoMs = newest(view) === undefined ? undefined : letGoInMs(view);
  // While its removal goes on there is nothing to do: looking again at once would leave the engine no time to answer.
  const lookMs = letGoMs === 0 ? TIDY_MS : letGoMs;
  return finish(view, isStopped ? { kind: 'stopped' } : { kind: 'ended', end }, tidy, lookMs);
}

function newest({ attempts }: TaskView): Attempt | undefined {
  return attempts.findLast(({ life }) => life === 'ended');
}

/**
 * Until the container of a Task that shall be stopped goes as well, milliseconds; undefined for one that may run again
 * by itself, and for one of which it is not stored yet that it has ended.
 */
function letGoInMs({ task, world }: TaskView): number | undefined {
  const { finishedAt } = task.status ?? {};
  if (task.spec.desiredState !== 'Stopped' || finishedAt === undefined || !hasEnded(task)) return undefined;
  return Math.max(0, Date.parse(finishedAt) + STOPPED_KEPT_MS - world.nowMs);
}

/** It runs, fits, and must end all the same. */
function planDoomed(
  view: TaskView,
  keep: Attempt,
  doom: Doom,
  surplus: Stops,
  tidy: readonly Action[],
): TaskPlan {
  const { message, ...wish } = doom;
  const stops = stopAll([keep], view, { ...wish, message: () => message });
  const verdict: Verdict = { kind: 'stopping', attempt: keep, message };
  const actions = [...surplus.actions, ...stops.actions, ...tidy];
  return finish(view, verdict, actions, least(surplus.requeueAfterMs, stops.requeueAfterMs));
}

/** It runs and is to go on running: what is done for it meanwhile. */
function planKept(view: TaskView, keep: Attempt, surplus: Stops, tidy: readonly Action[]): TaskPlan {
  const resize = planResize(view, keep);
  // To keep a log takes its time: that it runs is told first, and that it was told leads to the next look.
  const isTold = view.task.status?.container?.id === keep.container.id;
  const tidyMs = isTold || tidy.length === 0 ? undefined : TIDY_MS;
  const actions = [
    ...surplus.actions,
    ...repairs(view, keep),
    ...resize.actions,
    ...firstSteps(view, keep),
    ...freshVolumes(view),
    ...(isTold ? tidy : []),
  ];
  const { trouble } = resize;
  const verdict: Verdict = { kind: 'running', attempt: keep, ...(trouble === undefined ? {} : { trouble }) };
  const delayMs = least(surplus.requeueAfterMs, resize.requeueAfterMs);
  return finish(view, verdict, actions, least(delayMs, tidyMs));
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
): {
  readonly reason: StopReason;
  readonly message: string;
  readonly detail?: string;
  readonly drift?: DriftKind;
} {
  const { task, deadline } = view;
  if (!isWanted) {
    const isStopped = task.spec.desiredState === 'Stopped';
    const reason: StopReason = 'Stopped';
    if (hasEnded(task) && isSettled(task)) {
      const message = isStopped ? 'desiredState is Stopped' : 'the Task has come to its end';
      return { reason, message, drift: 'started' };
    }
    if (isStopped) return { reason, message: 'desiredState is Stopped' };
    const isLate = deadline !== undefined && deadline.leftMs <= 0;
    return isLate
      ? { reason: 'DeadlineExceeded', message: DEADLINE_MESSAGE, detail: DEADLINE_MESSAGE }
      : { reason, message: 'the Task has come to its end' };
  }
  const reason: StopReason = 'Superseded';
  const replaced = surplus
    .map((attempt) => replacementReason(attempt, view))
    .find((why) => why !== undefined);
  if (replaced !== undefined) return { reason, message: replaced.message };
  if (keep === undefined) return { reason, message: 'the container is being removed' };
  return {
    reason,
    message: `container ${keep.container.name} already runs for this Task`,
    drift: 'duplicate',
  };
}

/** What somebody changed on the running container, put back. */
function repairs({ task }: TaskView, { container, attempt }: Attempt): Action[] {
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
  return actions;
}

interface Resize {
  readonly actions: readonly Action[];
  readonly trouble?: { readonly reason: string; readonly message: string };
  readonly requeueAfterMs?: number;
}

/** Limits that the user changed, or somebody by hand, in place. What the engine refused is tried again after a while. */
function planResize({ task, wanted, world }: TaskView, { container }: Attempt): Resize {
  const update = resourceUpdate(wanted, container.resources);
  if (update === undefined) return { actions: [] };
  const { failure } = world.memory;
  const isRefused =
    failure?.step === 'update' &&
    failure.containerId === container.id &&
    failure.generation === (task.metadata.generation ?? 0);
  const refusal = isRefused ? { reason: 'ResizeRefused', message: failure.message } : undefined;
  const trouble = refusal === undefined ? {} : { trouble: refusal };
  if (isRefused) {
    const leftMs = failure.atMs + createDelayMs(failure.count, RESIZE_BACKOFF) - world.monotonicMs;
    if (leftMs > 0) return { actions: [], requeueAfterMs: leftMs, ...trouble };
  }
  const isByHand = task.status?.observedGeneration === task.metadata.generation && !isRefused;
  return {
    ...trouble,
    actions: inSteps(update, container.resources).map((resources): Action => {
      const figures = Object.entries(resources)
        .map(([what, value]) => `${what} ${value}`)
        .join(', ');
      return {
        kind: 'update',
        id: container.id,
        resources,
        reason: isByHand ? 'Drifted' : 'ResourcesChanged',
        message: `Set ${figures} on container ${container.name}`,
        ...(isByHand ? { drift: 'resources' } : {}),
      };
    }),
  };
}

/** Less memory than is in use is refused: that takes nothing else with it. */
function inSteps({ memoryBytes, ...rest }: Resources, found: Resources): readonly Resources[] {
  const isLess = memoryBytes !== undefined && memoryBytes < (found.memoryBytes ?? Infinity);
  if (!isLess || Object.keys(rest).length === 0) {
    return [{ ...rest, ...(memoryBytes === undefined ? {} : { memoryBytes }) }];
  }
  return [rest, { memoryBytes }];
}

/** What is done once for a container that was just started. */
function firstSteps(view: TaskView, { container }: Attempt): Action[] {
  const { id, name, state } = container;
  const hook = view.task.spec.lifecycle?.postStart;
  if (hook === undefined || state !== 'running' || !isPostStartDue(view, id)) return [];
  return [{ kind: 'postStart', id, name, hook, reason: 'Started', message: `Runs postStart in ${name}` }];
}

/** The files of ConfigMaps and Secrets as they are now. Objects that went away meanwhile leave what is there. */
function freshVolumes({ world: { inputs, memory } }: TaskView): Action[] {
  if (inputs.kind !== 'ready' || inputs.files.size === 0) return [];
  const { files, filesVersion } = inputs;
  if (filesVersion === memory.filesVersion) return [];
  const message = 'Brings the volumes of ConfigMaps and Secrets up to date';
  return [{ kind: 'refreshVolumes', files, filesVersion, reason: 'InputsChanged', message }];
}

/**
 * Containers of no further use: never started and not to be, and ended ones whose end is kept in the stored status,
 * except the newest that has logs, which goes only when the Task shall be stopped. Never one with a process.
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
    if (view.world.memory.removing.has(id)) return [];
    if (life === 'created') {
      const mayStart = keep === undefined && isBound && isStartable(view, attempt);
      if (mayStart) return [];
      return [removal(attempt, 'Unused', `Removed container ${name}, never started`, undefined)];
    }
    if (life !== 'ended' || container.state === 'removing' || !isRecorded(stored, attempt)) return [];
    if (attempt === withLogs && container.state !== 'dead' && letGoInMs(view) !== 0) return [];
    return [removal(attempt, 'Ended', `Removed ended container ${name}`, endOf(view, id))];
  });
}

/** How the container ended, as far as it is known. */
function endOf({ history }: TaskView, id: string): HistoryEntry | undefined {
  return history.entries.find((entry) => entry.id === id);
}

function finish(
  view: TaskView,
  verdict: Verdict,
  actions: readonly Action[],
  requeueAfterMs?: number,
): TaskPlan {
  const probing = verdict.kind === 'running' ? probingOf(view, verdict.attempt) : undefined;
  const isOver = verdict.kind === 'ended' || verdict.kind === 'stopped';
  const delayMs = isOver ? requeueAfterMs : least(requeueAfterMs, deadlineLookMs(view.deadline));
  return {
    actions,
    status: statusOf(view, verdict),
    events: noticesOf(view, verdict),
    ...(probing === undefined ? {} : { probing }),
    ...(delayMs === undefined ? {} : { requeueAfterMs: delayMs }),
  };
}
