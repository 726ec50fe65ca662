/**
 * `tasks/eviction`: takes a Task off its worker, so that it is placed anew. Pure: reads the Task and the worker's
 * allocation record, and says what both become. The Task keeps its wish and its epoch; the worker it leaves stops its
 * container, and the scheduler waits for that before it binds it again. Where it makes room for a Task of higher priority,
 * condition Scheduled says Preempted in the same commit, and the worker carries that into the container's history.
 * Source of the act: Kubernetes documentation, "API-initiated Eviction" (policy/v1 Eviction).
 */
import { type Condition, setCondition } from '../../../machinery/conditions.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { ObjectKey } from '../../../machinery/meta.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { preconditionFailed } from '../admission/metadata.ts';
import { type AllocationRecord, withoutEntry } from './allocation.ts';

export interface Eviction {
  /** Only of this very Task, when the caller says. */
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly isDryRun: boolean;
  /** Preempted: its room is for a Task of higher priority. */
  readonly reason: EvictionReason;
  readonly message: string;
}

type EvictionReason = (typeof REASONS)[number];

const REASONS = ['Evicted', 'Preempted'] as const;
const DEFAULT_MESSAGE = 'it was taken off its worker';
const MESSAGE_LIMIT = 512;

/** Throws `BadRequest` naming what is wrong with the body. */
export function readEviction(body: unknown, key: ObjectKey): Eviction {
  const { apiVersion, kind, metadata, deleteOptions, reason, message } = isRecord(body) ? body : {};
  if (kind !== 'Eviction' || (apiVersion !== 'policy/v1' && apiVersion !== 'policy/v1beta1')) {
    throw new ApiError(
      'BadRequest',
      `an eviction needs a policy/v1 Eviction as its body, found ${JSON.stringify(apiVersion)} ${JSON.stringify(kind)}`,
    );
  }
  const { name, namespace } = isRecord(metadata) ? metadata : {};
  if ((name ?? key.name) !== key.name || (namespace ?? key.namespace) !== key.namespace) {
    throw new ApiError(
      'BadRequest',
      `the eviction is for ${JSON.stringify(namespace ?? key.namespace)}/${JSON.stringify(name ?? key.name)}, the path is for ${key.namespace}/${key.name}`,
    );
  }
  const known = REASONS.find((word) => word === (reason ?? 'Evicted'));
  if (known === undefined) {
    throw new ApiError(
      'BadRequest',
      `the reason of an eviction is ${REASONS.join(' or ')}, found ${JSON.stringify(reason)}; leave it out`,
    );
  }
  const { preconditions, dryRun } = isRecord(deleteOptions) ? deleteOptions : {};
  const { uid, resourceVersion } = isRecord(preconditions) ? preconditions : {};
  return {
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
    isDryRun: Array.isArray(dryRun) && dryRun.includes('All'),
    reason: known,
    message: typeof message === 'string' ? message.slice(0, MESSAGE_LIMIT) : DEFAULT_MESSAGE,
  };
}

/** The Task and the record after the eviction; undefined when the Task is on no worker, which is what was asked for. */
export function planEviction(
  task: Task,
  eviction: Eviction,
  record: AllocationRecord,
  nowMs: number,
): { readonly task: Task; readonly record: AllocationRecord } | undefined {
  const { name, uid = '', resourceVersion } = task.metadata;
  if (eviction.uid !== undefined && eviction.uid !== uid) {
    throw preconditionFailed(tasks, name, `UID in precondition: ${eviction.uid}, UID in object meta: ${uid}`);
  }
  if (eviction.resourceVersion !== undefined && eviction.resourceVersion !== resourceVersion) {
    throw preconditionFailed(
      tasks,
      name,
      `ResourceVersion in precondition: ${eviction.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
  const { workerName, ...spec } = task.spec;
  // Meanwhile bound to another worker, it was taken off this one already.
  if (workerName !== record.worker || task.metadata.deletionTimestamp !== undefined) return undefined;
  const status = { ...task.status, conditions: toldConditions(task, eviction, nowMs) };
  return { task: { ...task, spec, status }, record: withoutEntry(record, uid) };
}

/** An ordinary eviction says nothing; what a preemption before it said is not true of it. */
function toldConditions({ status }: Task, { reason, message }: Eviction, nowMs: number): Condition[] {
  const conditions = status?.conditions ?? [];
  if (reason === 'Preempted') {
    return [...setCondition(conditions, { type: 'Scheduled', status: 'False', reason, message }, nowMs)];
  }
  return conditions.filter((condition) => condition.type !== 'Scheduled' || condition.reason !== 'Preempted');
}
