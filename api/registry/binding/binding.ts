/**
 * `tasks/binding`: gives a Task to a worker. Pure: reads the Task, the worker and its allocation record, and says what
 * both become, or refuses with `Conflict`, which a scheduler answers by looking again.
 */
import { setCondition } from '../../../machinery/conditions.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import { FINALIZER_CONTAINER } from '../../../machinery/labels.ts';
import { apiVersionOf, type ObjectKey } from '../../../machinery/meta.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task, Worker } from '../../../schemas/types.gen.ts';
import { typeName } from '../admission/fielderrors.ts';
import { conflict, preconditionFailed } from '../admission/metadata.ts';
import { type AllocationRecord, demandOf, findMisfit, withEntry } from './allocation.ts';

export interface Binding {
  readonly worker: string;
  readonly epoch: number;
  /** Of the Task meant, when the caller says. */
  readonly uid: string | undefined;
}

/** Throws `BadRequest` naming what is wrong with the body. */
export function readBinding(body: unknown, key: ObjectKey): Binding {
  if (!isRecord(body)) throw wrong('the body', typeName(body), 'a Binding object');
  const wanted = apiVersionOf(tasks);
  if (body['kind'] !== 'Binding' || body['apiVersion'] !== wanted) {
    throw wrong('the body', `${String(body['apiVersion'])} ${String(body['kind'])}`, `${wanted} Binding`);
  }
  const { metadata, target, epoch } = body;
  const { name, namespace, uid } = isRecord(metadata) ? metadata : {};
  if ((name ?? key.name) !== key.name || (namespace ?? key.namespace) !== key.namespace) {
    throw wrong('metadata', `${String(namespace)}/${String(name)}`, `${String(key.namespace)}/${key.name}`);
  }
  const worker = isRecord(target) ? target['name'] : undefined;
  if (typeof worker !== 'string' || worker === '')
    throw wrong('target.name', typeName(worker), "a worker's name");
  if (typeof epoch !== 'number' || !Number.isSafeInteger(epoch)) {
    throw wrong('epoch', typeName(epoch), 'an integer, one more than spec.bindingEpoch');
  }
  return { worker, epoch, uid: typeof uid === 'string' ? uid : undefined };
}

/** The Task and the record after the binding. The generation stays: being placed is not a wish of the user's. */
export function planBinding(
  task: Task,
  binding: Binding,
  worker: Worker | undefined,
  record: AllocationRecord,
  nowMs: number,
): { readonly task: Task; readonly record: AllocationRecord } {
  const { name, uid, deletionTimestamp, finalizers = [] } = task.metadata;
  const refuse = (why: string): ApiError => conflict(tasks, name, why);
  if (binding.uid !== undefined && binding.uid !== uid) {
    throw preconditionFailed(tasks, name, `UID in precondition: ${binding.uid}, UID in object meta: ${uid}`);
  }
  if (task.spec.workerName !== undefined) {
    throw refuse(`it is already bound to worker "${task.spec.workerName}" (epoch ${task.spec.bindingEpoch})`);
  }
  if (deletionTimestamp !== undefined) throw refuse('it is being deleted');
  // Whoever stopped it has been told that nothing of it runs: no scheduler that has yet to see that gives it a worker.
  if (task.spec.desiredState === 'Stopped') throw refuse('its desiredState is Stopped');
  const next = (task.spec.bindingEpoch ?? 0) + 1;
  if (binding.epoch !== next)
    throw refuse(`the binding's epoch is ${binding.epoch}, the next one is ${next}`);
  if (worker === undefined) throw refuse(`there is no worker "${binding.worker}"`);
  const demand = demandOf(task, worker);
  const misfit = findMisfit(record, task, demand, worker);
  if (misfit !== undefined) throw refuse(misfit.message);
  const bound: Task = {
    ...task,
    metadata: { ...task.metadata, finalizers: [...new Set([...finalizers, FINALIZER_CONTAINER])] },
    spec: { ...task.spec, workerName: binding.worker, bindingEpoch: binding.epoch },
    status: boundStatus(task, binding.worker, nowMs),
  };
  return { task: bound, record: withEntry(record, task, demand, binding.epoch) };
}

/** Why it waited is not true any more. */
const WAITING: ReadonlySet<string | undefined> = new Set(['Unschedulable', 'Preempted']);

/**
 * Condition Scheduled comes with the binding, so that no second write of it meets the worker's first.
 * Source: Kubernetes does so with PodScheduled in `pods/binding`.
 */
function boundStatus({ status = {} }: Task, worker: string, nowMs: number): NonNullable<Task['status']> {
  const { reason, message: _message, ...rest } = status;
  const words = WAITING.has(reason) ? rest : status;
  const said = {
    type: 'Scheduled',
    status: 'True',
    reason: 'Bound',
    message: `bound to worker ${worker}`,
  } as const;
  return { phase: 'Pending', ...words, conditions: [...setCondition(status.conditions, said, nowMs)] };
}

function wrong(field: string, found: string, wanted: string): ApiError {
  return new ApiError('BadRequest', `a binding needs ${wanted} as ${field}, found ${found}`);
}
