/**
 * Which tasks a listener speaks of: the manager's of all, a worker's of its own, which are those bound to it and those
 * that wait to be bound and may go nowhere else. Pure.
 */

import type { WatchEvent } from '../../../machinery/client.ts';
import { LABEL_WORKER } from '../../../machinery/labels.ts';
import type { Task } from '../../../schemas/types.gen.ts';

type Change = Extract<WatchEvent<Task>, { readonly object: Task }>;

/** @param worker undefined: every task. */
export function belongsTo(worker: string | undefined, { spec }: Task): boolean {
  if (worker === undefined) return true;
  return (spec.workerName ?? spec.workerSelector?.[LABEL_WORKER]) === worker;
}

/** The task as it is recorded when it was sent to a worker: it is placed there or nowhere. */
export function pinnedTo(worker: string | undefined, task: Task): Task {
  if (worker === undefined) return task;
  return { ...task, spec: { ...task.spec, workerSelector: { [LABEL_WORKER]: worker } } };
}

/**
 * The changes of all tasks as the changes of a worker's: a task that comes there is added, one that leaves is deleted.
 * @param told the tasks that the reader knows of already.
 */
export function changesOf(
  worker: string | undefined,
  told: readonly Task[],
): (change: Change) => Change['type'] | undefined {
  if (worker === undefined) return ({ type }) => type;
  const own = new Set(told.filter((task) => belongsTo(worker, task)).map(({ metadata }) => metadata.uid));
  return ({ type, object }) => {
    const { uid } = object.metadata;
    if (type === 'DELETED' || !belongsTo(worker, object)) return own.delete(uid) ? 'DELETED' : undefined;
    const isKnown = own.has(uid);
    own.add(uid);
    return isKnown ? 'MODIFIED' : 'ADDED';
  };
}
