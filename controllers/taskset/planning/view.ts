/**
 * The tasks of a set as its planner sees them: which are its, which count, and how well each does. Pure.
 *
 * A task on its way out (in `status.leaving`, being deleted, or ended for good) counts for nothing.
 */
import { findCondition } from '../../../machinery/conditions.ts';
import { LABEL_REVISION, LABEL_WORKER } from '../../../machinery/labels.ts';
import { labelSelectorText, parseLabelSelector } from '../../../machinery/selectors.ts';
import type { Task, TaskSet } from '../../../schemas/types.gen.ts';
import { revisionName } from '../../revisions/revision.ts';
import type { Leaving, Status, TaskSetWorld } from '../types.ts';

export interface Member {
  readonly task: Task;
  readonly name: string;
  readonly uid: string;
  /** The ControllerRevision it was made from; undefined for an adopted one that does not say. */
  readonly revision: string | undefined;
  /** Where it is. */
  readonly worker: string | undefined;
  /** With mode Global: the worker it is for. */
  readonly place: string | undefined;
  readonly isReady: boolean;
  readonly readySinceMs: number;
  /** Ready for minReadySeconds. */
  readonly isAvailable: boolean;
  /** While it is ready, and not yet for long enough. */
  readonly availableInMs: number | undefined;
  readonly createdMs: number;
}

export interface SetView {
  readonly world: TaskSetWorld;
  readonly set: TaskSet;
  readonly nowMs: number;
  /** As it is stored. */
  readonly status: Status;
  readonly leaving: readonly Leaving[];
  /** Its own and those it is about to adopt, on their way out or not. */
  readonly all: readonly Task[];
  /** Those that count. */
  readonly members: readonly Member[];
  /** Ended for good, and not yet chosen to go. */
  readonly ended: readonly Member[];
  readonly adopted: readonly Task[];
  readonly released: readonly Task[];
}

export function viewOf(world: TaskSetWorld): SetView {
  const { set, nowMs } = world;
  const status = set.status ?? {};
  const leaving = status.leaving ?? [];
  // By name as well: a copy that lags may show another one of that name, which is gone, or comes too early.
  const gone = new Set(leaving.flatMap(({ uid, task }) => [uid, task]));
  const isMatch = parseLabelSelector(labelSelectorText(set.spec.selector));
  const isStaying = set.metadata.deletionTimestamp === undefined;
  const all: Task[] = [];
  const adopted: Task[] = [];
  const released: Task[] = [];
  for (const task of [...world.tasks].sort(byName)) {
    const isMatching = isMatch(task.metadata.labels);
    if (isDeleting(task)) {
      if (isControlled(task, set)) all.push(task);
    } else if (isControlled(task, set)) {
      if (isMatching || !isStaying) all.push(task);
      else released.push(task);
    } else if (isMatching && isStaying && isNobodys(task)) {
      adopted.push(task);
      all.push(task);
    }
  }
  const staying = all
    .filter((task) => !isDeleting(task) && !gone.has(uidOf(task)) && !gone.has(task.metadata.name))
    .map((task) => memberOf(task, world));
  return {
    world,
    set,
    nowMs,
    status,
    leaving,
    all,
    members: staying.filter(({ task }) => !isOver(task)),
    ended: staying.filter(({ task }) => isOver(task)),
    adopted,
    released,
  };
}

function memberOf(task: Task, { set, nowMs, readyMs }: TaskSetWorld): Member {
  const { name, creationTimestamp } = task.metadata;
  const ready = findCondition(task.status?.conditions, 'Ready');
  // What its worker said of it is true no more once it was taken off: it is being stopped.
  const isReady = ready?.status === 'True' && task.spec.workerName !== undefined;
  const readySinceMs = Date.parse(ready?.lastTransitionTime ?? '') || 0;
  const minReadyMs = (set.spec.minReadySeconds ?? 0) * 1000;
  const told = readySinceMs + minReadyMs - nowMs;
  const waitMs = isReady ? Math.min(told, minReadyMs - (readyMs?.get(uidOf(task)) ?? 0)) : 0;
  const isTimed = minReadyMs > 0;
  const isAvailable = isReady && (!isTimed || waitMs <= 0);
  return {
    task,
    name,
    uid: uidOf(task),
    revision: revisionOf(task, set),
    worker: task.spec.workerName,
    place: task.spec.workerSelector?.[LABEL_WORKER] ?? task.spec.workerName,
    isReady,
    readySinceMs,
    isAvailable,
    availableInMs: isReady && !isAvailable ? waitMs : undefined,
    createdMs: Date.parse(creationTimestamp ?? '') || 0,
  };
}

export function revisionOf(task: Task, set: TaskSet): string | undefined {
  const hash = task.metadata.labels?.[LABEL_REVISION];
  return hash === undefined ? undefined : revisionName(set.metadata.name, hash);
}

export function isDeleting(task: Task): boolean {
  return task.metadata.deletionTimestamp !== undefined;
}

export function isControlled(task: Task, set: TaskSet): boolean {
  return (task.metadata.ownerReferences ?? []).some(
    ({ controller, uid }) => controller === true && uid === set.metadata.uid,
  );
}

function isNobodys(task: Task): boolean {
  return !(task.metadata.ownerReferences ?? []).some(({ controller }) => controller === true);
}

/** It runs no more and is not started again, whatever happens. */
export function isOver({ metadata, status }: Task): boolean {
  const isEnd = status?.phase === 'Failed' || status?.phase === 'Succeeded';
  return isEnd && status.observedGeneration === metadata.generation;
}

export function uidOf(task: Task): string {
  return task.metadata.uid ?? '';
}

function byName(a: Task, b: Task): number {
  return a.metadata.name < b.metadata.name ? -1 : 1;
}
