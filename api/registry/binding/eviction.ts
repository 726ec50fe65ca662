/**
 * `tasks/eviction`: takes a Task off its worker, so that it is placed anew. Pure: reads the Task and the worker's
 * allocation record, and says what both become. The Task keeps its wish and its epoch; the worker it leaves stops its
 * container, and the scheduler waits for that before it binds it again.
 * Source of the act: Kubernetes documentation, "API-initiated Eviction" (policy/v1 Eviction).
 */
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
}

/** Throws `BadRequest` naming what is wrong with the body. */
export function readEviction(body: unknown, key: ObjectKey): Eviction {
  const { apiVersion, kind, metadata, deleteOptions } = isRecord(body) ? body : {};
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
  const { preconditions, dryRun } = isRecord(deleteOptions) ? deleteOptions : {};
  const { uid, resourceVersion } = isRecord(preconditions) ? preconditions : {};
  return {
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
    isDryRun: Array.isArray(dryRun) && dryRun.includes('All'),
  };
}

/** The Task and the record after the eviction; undefined when the Task is on no worker, which is what was asked for. */
export function planEviction(
  task: Task,
  eviction: Eviction,
  record: AllocationRecord,
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
  return { task: { ...task, spec }, record: withoutEntry(record, uid) };
}
