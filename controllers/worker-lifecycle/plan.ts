/**
 * What a silent worker means for it and for its tasks. Pure.
 *
 * The lifecycle controller only ever says Unknown. Everything better is said by the worker's agent when it is back, so
 * a worker whose lease is alive is left alone whatever its conditions say.
 */
import { findCondition, setCondition } from '../../machinery/conditions.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import { hasEnded } from '../scheduler/demand.ts';

export interface LifecycleInput {
  readonly worker: Worker;
  /** Since the lease was last seen to change, on the observer's clock. */
  readonly leaseAgeMs: number;
  readonly lostAfterMs: number;
  /** Bound to this worker. */
  readonly tasks: readonly Task[];
  /** Wall time, for what people read. */
  readonly nowMs: number;
}

export interface LifecyclePlan {
  readonly isLost: boolean;
  /** The worker's status to write; absent when it says so already. */
  readonly workerStatus?: NonNullable<Worker['status']>;
  readonly tasks: readonly { readonly task: Task; readonly status: NonNullable<Task['status']> }[];
  /** Look again after this long. */
  readonly lookAgainMs: number;
}

/** While a worker is lost, tasks bound to it in the meantime are found by looking this often. */
const LOST_RECHECK_MS = 5_000;

export function planLifecycle(input: LifecycleInput): LifecyclePlan {
  const { worker, leaseAgeMs, lostAfterMs, nowMs } = input;
  if (leaseAgeMs < lostAfterMs) return { isLost: false, tasks: [], lookAgainMs: lostAfterMs - leaseAgeMs };
  const { name } = worker.metadata;
  const seconds = lostAfterMs / 1000;
  const conditions = setCondition(
    worker.status?.conditions,
    {
      type: 'Ready',
      status: 'Unknown',
      reason: 'LeaseExpired',
      message: `worker ${name} has not renewed its lease for ${seconds} s; what runs there is not known`,
    },
    nowMs,
  );
  const isToldAlready = conditions === worker.status?.conditions;
  return {
    isLost: true,
    ...(isToldAlready ? {} : { workerStatus: { ...worker.status, conditions: [...conditions] } }),
    tasks: input.tasks.filter(isInDoubt).map((task) => ({ task, status: unknownStatus(task, name, nowMs) })),
    lookAgainMs: LOST_RECHECK_MS,
  };
}

/** Its status claims to know something that only the lost worker could know. */
function isInDoubt(task: Task): boolean {
  if (hasEnded(task)) return false;
  const ready = findCondition(task.status?.conditions, 'Ready');
  return (
    task.status?.phase !== 'Unknown' || task.status.reason !== 'WorkerLost' || ready?.status !== 'Unknown'
  );
}

function unknownStatus(task: Task, worker: string, nowMs: number): NonNullable<Task['status']> {
  const message = `worker ${worker} is lost; whether the task runs is not known`;
  const conditions = setCondition(
    task.status?.conditions,
    { type: 'Ready', status: 'Unknown', reason: 'WorkerLost', message },
    nowMs,
  );
  return { ...task.status, phase: 'Unknown', reason: 'WorkerLost', message, conditions: [...conditions] };
}
