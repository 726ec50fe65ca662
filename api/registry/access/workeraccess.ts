/**
 * What a worker may touch: itself, its lease, and the status of the Tasks that are its own. A worker that was broken
 * into can lie about its own tasks and do nothing to anybody else's.
 * Source of the idea: Kubernetes' Node authorizer and NodeRestriction admission.
 */
import { type Identity, workerOf } from '../../../machinery/identity.ts';
import { isSameJson, readPath } from '../../../machinery/json.ts';
import { FINALIZER_CONTAINER, NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';
import type { WriteToJudge } from './policy.ts';

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

/** What can be refused before the object is known. */
export function workerReach(identity: Identity, request: AccessRequest): string | undefined {
  const worker = workerOf(identity);
  if (worker === undefined) return 'the identity names no worker';
  const { resource, verb, name, namespace } = request;
  if (resource === 'leases') {
    if (namespace !== NAMESPACE_SYSTEM || (name !== undefined && name !== worker)) return otherLease(worker);
  }
  if (resource === 'workers' && !READS.has(verb) && name !== undefined && name !== worker)
    return otherWorker(worker);
  return undefined;
}

export function workerRefusal({ identity, request, before, after }: WriteToJudge): string | undefined {
  const worker = workerOf(identity);
  if (worker === undefined) return 'the identity names no worker';
  const name = (after ?? before)?.metadata.name;
  switch (request.resource) {
    case 'tasks':
      return taskRefusal(worker, request, before, after);
    case 'workers':
      return name === worker ? undefined : otherWorker(worker);
    case 'leases':
      return name === worker ? undefined : otherLease(worker);
    default:
      return undefined;
  }
}

function taskRefusal(
  worker: string,
  request: AccessRequest,
  before: DynamicObject | undefined,
  after: DynamicObject | undefined,
): string | undefined {
  const owner = before === undefined ? undefined : ownerOf(before);
  if (before === undefined || owner !== worker) {
    return `worker "${worker}" may write only tasks bound to it, this one is ${owner === undefined ? 'bound to none' : `bound to "${owner}"`}`;
  }
  if (request.subresource === 'status') return undefined;
  const isLifting =
    before.metadata.deletionTimestamp !== undefined &&
    isSameJson(withoutFinalizer(before), after === undefined ? undefined : withoutFinalizer(after));
  return isLifting
    ? undefined
    : `worker "${worker}" may write only status, and lift the finalizer ${FINALIZER_CONTAINER} of a task that is being deleted`;
}

/** The worker a Task is bound to, or the one that last told of it while it is bound to none. */
function ownerOf(task: DynamicObject): string | undefined {
  const owner = readPath(task, ['spec', 'workerName']) ?? readPath(task, ['status', 'workerName']);
  return typeof owner === 'string' ? owner : undefined;
}

function withoutFinalizer(object: DynamicObject): unknown {
  const { finalizers = [], resourceVersion: _version, ...metadata } = object.metadata;
  const others = finalizers.filter((finalizer) => finalizer !== FINALIZER_CONTAINER);
  return { ...object, metadata, finalizers: others };
}

function otherWorker(worker: string): string {
  return `worker "${worker}" may write only its own Worker object`;
}

function otherLease(worker: string): string {
  return `worker "${worker}" may use only its own lease, "${worker}" in namespace ${NAMESPACE_SYSTEM}`;
}
