/**
 * A cluster as it would be: Tasks, sets and revisions that can be changed without anybody noticing, and what is held of
 * the workers. Begins as the facts are, with what would be written already written.
 */
import { setCondition } from '../../../machinery/conditions.ts';
import { FINALIZER_CONTAINER, NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import { type KubeObject, keyOf, keyString } from '../../../machinery/meta.ts';
import { taskSets as setKind, tasks as taskKind, workers as workerKind } from '../../../schemas/kinds.ts';
import type { ControllerRevision, Task, TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { demandOf, holdsShare } from '../../scheduler/demand.ts';
import { type Candidate, withShares } from '../../scheduler/filters.ts';
import { LatestBinding } from '../../scheduler/latestbinding.ts';
import { holderOf, leavesByMs, type Share } from '../../scheduler/ledger.ts';
import type { Contested } from '../../scheduler/preemption.ts';
import type { PlanFacts, PlannedChange } from './types.ts';

/** By `namespace/name`. */
class ImaginedTasks extends Map<string, Task> {
  /** Another one whenever what is held of workers is: what was worked out from it holds until then. */
  version = 0;

  override set(key: string, task: Task): this {
    if (isHeldOtherwise(this.get(key), task)) this.version++;
    return super.set(key, task);
  }

  override delete(key: string): boolean {
    if (isHeldOtherwise(this.get(key), undefined)) this.version++;
    return super.delete(key);
  }
}

/** Whether one holds more, less or for longer than the other. */
function isHeldOtherwise(before: Task | undefined, after: Task | undefined): boolean {
  const [old, now] = [before, after].map((task) =>
    task !== undefined && holdsShare(task) ? task : undefined,
  );
  if (old === undefined || now === undefined) return old !== now;
  const isSame = old.spec === now.spec && old.metadata === now.metadata;
  return !isSame || old.status?.startedAt !== now.status?.startedAt;
}

export class ImaginedCluster {
  readonly tasks = new ImaginedTasks();
  readonly taskSets = new Map<string, TaskSet>();
  readonly revisions = new Map<string, ControllerRevision>();
  /** Undefined: nobody may know them. */
  readonly workers: ReadonlyMap<string, Worker> | undefined;
  readonly latest = new LatestBinding();
  nowMs: number;
  #contested: { readonly version: number; readonly found: readonly Contested[] } | undefined;

  constructor(facts: PlanFacts) {
    this.nowMs = facts.nowMs;
    for (const task of facts.tasks) {
      this.tasks.set(keyString(keyOf(task)), task);
      this.latest.observe(task);
    }
    for (const set of facts.taskSets) this.taskSets.set(keyString(keyOf(set)), set);
    for (const revision of facts.revisions) this.revisions.set(keyString(keyOf(revision)), revision);
    const workers = new Map((facts.workers ?? []).map((worker) => [worker.metadata.name, worker]));
    for (const change of facts.changes) {
      const { after } = change;
      const stored = asStored(change, this.nowMs);
      const key = keyString(keyOf(stored));
      // The server has said that they are such objects.
      if (after.kind === taskKind.kind) this.tasks.set(key, rebound(change, stored as Task));
      else if (after.kind === setKind.kind) this.taskSets.set(key, stored as TaskSet);
      else if (after.kind === workerKind.kind) workers.set(stored.metadata.name, stored as Worker);
    }
    this.workers = facts.workers === undefined ? undefined : workers;
  }

  /** What is held of each worker, and by whom. */
  contested(): readonly Contested[] {
    const { version } = this.tasks;
    if (this.#contested?.version !== version) this.#contested = { version, found: this.#contest() };
    return this.#contested.found;
  }

  #contest(): readonly Contested[] {
    const byWorker = Map.groupBy(
      [...this.tasks].filter(([, task]) => holdsShare(task)),
      ([, task]) => task.spec.workerName ?? '',
    );
    return [...(this.workers?.values() ?? [])].map((worker) => {
      const shares = (byWorker.get(worker.metadata.name) ?? []).map(
        ([key, task]): Share => ({ key, task, worker: worker.metadata.name, demand: demandOf(task) }),
      );
      const nothing: Candidate = {
        worker,
        milliCpu: 0,
        memoryBytes: 0,
        diskBytes: 0,
        ports: [],
        taskCount: 0,
      };
      const held = withShares(
        nothing,
        shares.map(({ key, demand }) => ({ task: key, demand })),
        1,
      );
      const holders = shares.map((share) =>
        holderOf(share.task.metadata.uid ?? share.key, share, leavesByMs(share.task)),
      );
      return { ...held, holders };
    });
  }

  /** As `tasks/binding` does. */
  bind(key: string, task: Task, worker: string): void {
    const said = {
      type: 'Scheduled',
      status: 'True',
      reason: 'Bound',
      message: `bound to worker ${worker}`,
    } as const;
    const { reason: _reason, message: _message, ...status } = task.status ?? {};
    const finalizers = new Set([...(task.metadata.finalizers ?? []), FINALIZER_CONTAINER]);
    this.latest.assume(worker, this.nowMs);
    this.tasks.set(key, {
      ...task,
      metadata: { ...task.metadata, finalizers: [...finalizers] },
      spec: { ...task.spec, workerName: worker, bindingEpoch: (task.spec.bindingEpoch ?? 0) + 1 },
      status: {
        phase: 'Pending',
        ...status,
        conditions: [...setCondition(status.conditions, said, this.nowMs)],
      },
    });
  }

  /** As `tasks/eviction` does for a Task of higher priority. */
  preempt(key: string, message: string): void {
    const task = this.tasks.get(key);
    if (task === undefined) return;
    const { workerName: _, ...spec } = task.spec;
    const said = { type: 'Scheduled', status: 'False', reason: 'Preempted', message } as const;
    const conditions = [...setCondition(task.status?.conditions, said, this.nowMs)];
    this.tasks.set(key, { ...task, spec, status: { ...task.status, conditions } });
  }

  /** Gone at once where no container can be, else on its way out. */
  delete(key: string): void {
    const task = this.tasks.get(key);
    if (task === undefined || task.metadata.deletionTimestamp !== undefined) return;
    const isHeld = task.metadata.finalizers?.includes(FINALIZER_CONTAINER) ?? false;
    const deletionTimestamp = new Date(this.nowMs).toISOString();
    if (!isHeld) this.tasks.delete(key);
    else this.tasks.set(key, { ...task, metadata: { ...task.metadata, deletionTimestamp } });
  }
}

/** With what a server gives an object that it has stored, where it was not asked. */
export function asStored({ before, after }: PlannedChange, nowMs: number): KubeObject {
  const { metadata } = after;
  const uid = before?.metadata.uid ?? metadata.uid ?? `imagined-${after.kind}-${keyString(keyOf(after))}`;
  const { generation = 1, creationTimestamp = new Date(nowMs).toISOString() } = metadata;
  const { namespace = NAMESPACE_DEFAULT } = metadata;
  return { ...after, metadata: { ...metadata, namespace, uid, generation, creationTimestamp } };
}

/** A Task that has ended and is changed is to run anew, and must find its place again: as the registry has it. */
function rebound({ before }: PlannedChange, task: Task): Task {
  const isChanged = before?.metadata.generation !== task.metadata.generation;
  const old = before as Task | undefined;
  const hasEndedBefore = old !== undefined && !holdsShare(old);
  if (!isChanged || !hasEndedBefore || task.spec.desiredState === 'Stopped') return task;
  const { workerName: _, ...spec } = task.spec;
  return { ...task, spec };
}
