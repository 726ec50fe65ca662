/** Whom a change concerns: the Tasks and sets that something may be done about because of it. Pure. */
import { findCondition } from '../../../machinery/conditions.ts';
import { keyOf, keyString } from '../../../machinery/meta.ts';
import { taskSets as setKind, tasks as taskKind, workers as workerKind } from '../../../schemas/kinds.ts';
import type { Task, TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { templateInputs } from '../../revisions/snapshots.ts';
import { needsWorker } from '../../scheduler/demand.ts';
import { asStored, type ImaginedCluster } from './cluster.ts';
import { contentKey, contentsOf, inputKindOf, MISSING_INPUT } from './inputs.ts';
import type { PlanFacts } from './types.ts';

export interface Affected {
  readonly tasks: ReadonlySet<string>;
  readonly taskSets: ReadonlySet<string>;
  /** ConfigMaps and Secrets that would have other content. */
  readonly contents: ReadonlySet<string>;
  /** What is left out, in sentences. */
  readonly notes: readonly string[];
}

/** Of Tasks that wait for a worker: as many may get one because of what happens. */
const MAX_WAITING = 1_000;

export function affectedBy(facts: PlanFacts, cluster: ImaginedCluster): Affected {
  const changed = facts.changes.map((change) => ({ after: change.after, stored: asStored(change, 0) }));
  const keysOf = (kind: string): Set<string> =>
    new Set(changed.filter(({ after }) => after.kind === kind).map(({ stored }) => keyString(keyOf(stored))));
  const contents = new Set(
    changed.flatMap(({ after, stored }) => {
      const kind = inputKindOf(after);
      return kind === undefined
        ? []
        : [contentKey(kind, stored.metadata.namespace ?? '', stored.metadata.name)];
    }),
  );
  const taskSets = keysOf(setKind.kind);
  const hasNewWorkers = keysOf(workerKind.kind).size > 0;
  for (const [key, set] of cluster.taskSets) {
    const isForWorkers = hasNewWorkers && set.spec.mode === 'Global';
    if (isForWorkers || usesOf(set, facts).some((content) => contents.has(content))) taskSets.add(key);
  }
  const tasks = keysOf(taskKind.kind);
  let waiting = 0;
  for (const [key, task] of cluster.tasks) {
    const isWaiting = isUnplaced(task) && ++waiting <= MAX_WAITING;
    const isHeld = isHeldBy(task, contents) && task.spec.workerName !== undefined;
    if (isWaiting || isHeld) tasks.add(key);
  }
  const left = waiting - MAX_WAITING;
  const notes =
    left <= 0
      ? []
      : [
          `${left} more tasks wait for a worker than the ${MAX_WAITING} that were looked at: what becomes of them is not told`,
        ];
  return { tasks, taskSets, contents, notes };
}

/** Whether it may go on because of what comes: of contents only by those that come. */
function isHeldBy(task: Task, contents: ReadonlySet<string>): boolean {
  const reason = task.status?.reason;
  if (reason === 'DependencyNotReady') return true;
  return reason === MISSING_INPUT && contentsOf(task).some((content) => contents.has(content));
}

function isUnplaced(task: Task): boolean {
  return needsWorker(task) && findCondition(task.status?.conditions, 'Scheduled')?.status === 'False';
}

/** The contents that a set's revision is made from. */
function usesOf({ metadata, spec }: TaskSet, { revisions }: PlanFacts): readonly string[] {
  const { references } = templateInputs(spec.template, revisions);
  return references
    .filter(({ pinned }) => pinned === undefined)
    .map(({ kind, name }) => contentKey(kind, metadata.namespace ?? '', name));
}

/** Whether anybody acts there. */
export function isSettledWorker(workers: ReadonlyMap<string, Worker> | undefined, name: string): boolean {
  if (workers === undefined) return true;
  return findCondition(workers.get(name)?.status?.conditions, 'Ready')?.status === 'True';
}
