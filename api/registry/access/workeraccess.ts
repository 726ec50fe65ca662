/**
 * What a worker may touch: itself, its lease, the Tasks that are its own, Events about these, and the ConfigMaps and
 * Secrets that these refer to, read one by one. A worker that was broken into can lie about its own tasks, and neither
 * see nor change anybody else's.
 * Source of the idea: Kubernetes' Node authorizer and NodeRestriction admission.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { GROUP_WORKERS, type Identity, workerOf } from '../../../machinery/identity.ts';
import { isRecord, isSameJson, readPath } from '../../../machinery/json.ts';
import { FINALIZER_CONTAINER, NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { AccessRequest } from '../types.ts';
import type { WriteToJudge } from './policy.ts';
import type { Restriction, Surroundings } from './restrictions.ts';

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);
const NAMELESS = 'the identity names no worker';

export const workerRestriction: Restriction = {
  group: GROUP_WORKERS,
  outOfReach: workerReach,
  needsPresent: (request) => inputKindOf(request) !== undefined,
  refusal: workerRefusal,
  visible: workerSight,
};

/** What can be refused before the object is known. */
function workerReach(
  identity: Identity,
  request: AccessRequest,
  surroundings: Surroundings,
): string | undefined {
  const worker = workerOf(identity);
  if (worker === undefined) return NAMELESS;
  const { resource, verb, name, namespace } = request;
  if (resource === 'leases') {
    if (namespace !== NAMESPACE_SYSTEM || (name !== undefined && name !== worker)) return otherLease(worker);
  }
  if (resource === 'workers' && !READS.has(verb) && name !== undefined && name !== worker)
    return otherWorker(worker);
  const kind = inputKindOf(request);
  return kind === undefined ? undefined : inputRefusal(worker, kind, { namespace, name }, surroundings);
}

function inputKindOf({ group, resource }: AccessRequest): InputKind | undefined {
  return group === '' && (resource === 'configmaps' || resource === 'secrets') ? resource : undefined;
}

/**
 * Why a worker does not get to read a ConfigMap or a Secret. Lists and watches must name one object, too.
 * Source of the rule: Kubernetes documentation, "Using Node Authorization".
 */
function inputRefusal(
  worker: string,
  kind: InputKind,
  { namespace, name }: { readonly namespace: string | undefined; readonly name: string | undefined },
  surroundings: Surroundings,
): string | undefined {
  if (namespace === undefined || name === undefined) {
    return `worker "${worker}" may read ${kind} only one by one: by name, or in a namespace with fieldSelector metadata.name=NAME`;
  }
  return surroundings.isUsedBy(worker, kind, { namespace, name })
    ? undefined
    : `no task of worker "${worker}" refers to it`;
}

/** Which objects are there for a worker: of Tasks and Events only those that concern it. */
function workerSight(
  identity: Identity,
  request: AccessRequest,
  surroundings: Surroundings,
): ((object: DynamicObject) => boolean) | undefined {
  const worker = workerOf(identity);
  if (worker === undefined) return () => false;
  const kind = inputKindOf(request);
  if (kind !== undefined) return inputSight(worker, kind, surroundings);
  switch (request.resource) {
    case 'tasks':
      return (task) => isConcerned(worker, task);
    case 'events':
      return (event) => eventRefusal(worker, event, surroundings) === undefined;
    default:
      return undefined;
  }
}

/**
 * The right is asked for each time: a watch does not outlast it. It ends then, rather than pass over what it must not
 * tell, so that whoever has the right again later knows that something may be missing.
 */
function inputSight(
  worker: string,
  kind: InputKind,
  surroundings: Surroundings,
): (object: DynamicObject) => boolean {
  return ({ metadata: { namespace, name } }) => {
    const refusal = inputRefusal(worker, kind, { namespace, name }, surroundings);
    if (refusal === undefined) return true;
    throw new ApiError('Forbidden', `${kind} "${name}" is forbidden: ${refusal}`, { name, kind });
  };
}

function workerRefusal(write: WriteToJudge, surroundings: Surroundings): string | undefined {
  const { identity, request, before, after } = write;
  const worker = workerOf(identity);
  if (worker === undefined) return NAMELESS;
  const name = (after ?? before)?.metadata.name;
  switch (request.resource) {
    case 'tasks':
      return taskRefusal(worker, request, before, after);
    case 'workers':
      return name === worker ? undefined : otherWorker(worker);
    case 'leases':
      return name === worker ? undefined : otherLease(worker);
    case 'events':
      return [before, after]
        .flatMap((event) => (event === undefined ? [] : [eventRefusal(worker, event, surroundings)]))
        .find((refusal) => refusal !== undefined);
    default:
      return undefined;
  }
}

/** An Event is about the worker itself, about a Task of its, or about one that is gone and can be misled no more. */
function eventRefusal(worker: string, event: DynamicObject, surroundings: Surroundings): string | undefined {
  const refusal = `worker "${worker}" may use only events about itself and the tasks bound to it`;
  const about = isRecord(event['involvedObject']) ? event['involvedObject'] : {};
  const { kind, namespace, name, uid } = about;
  if (kind === 'Worker') return name === worker ? undefined : refusal;
  if (kind !== 'Task' || typeof namespace !== 'string' || typeof name !== 'string') return refusal;
  const task = surroundings.find({ group: 'gantry.dev', plural: 'tasks' }, { namespace, name });
  const isGone = typeof uid === 'string' && task?.metadata.uid !== uid;
  return isGone || (task !== undefined && isConcerned(worker, task)) ? undefined : refusal;
}

/** Bound to the worker, or last told of by it: its container may still be there. */
function isConcerned(worker: string, task: DynamicObject): boolean {
  return (
    readPath(task, ['spec', 'workerName']) === worker || readPath(task, ['status', 'workerName']) === worker
  );
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
  if (request.subresource === 'status') return statusRefusal(worker, before, after);
  const isLifting =
    before.metadata.deletionTimestamp !== undefined &&
    isSameJson(withoutFinalizer(before), after === undefined ? undefined : withoutFinalizer(after));
  return isLifting
    ? undefined
    : `worker "${worker}" may write only status, and lift the finalizer ${FINALIZER_CONTAINER} of a task that is being deleted`;
}

/** Whoever `status.workerName` names is let see what the Task refers to: a worker names itself or leaves it as it is. */
function statusRefusal(
  worker: string,
  before: DynamicObject,
  after: DynamicObject | undefined,
): string | undefined {
  const path = ['status', 'workerName'];
  const named = after === undefined ? undefined : readPath(after, path);
  if (named === undefined || named === worker || named === readPath(before, path)) return undefined;
  return `worker "${worker}" may name only itself in status.workerName, found ${JSON.stringify(named)}`;
}

/** The worker a Task is bound to, or the one that last told of it while it is bound to none. */
function ownerOf(task: DynamicObject): string | undefined {
  const owner = readPath(task, ['spec', 'workerName']) ?? readPath(task, ['status', 'workerName']);
  return typeof owner === 'string' ? owner : undefined;
}

function withoutFinalizer(object: DynamicObject): unknown {
  const { finalizers = [], resourceVersion: _version, managedFields: _fields, ...metadata } = object.metadata;
  const others = finalizers.filter((finalizer) => finalizer !== FINALIZER_CONTAINER);
  return { ...object, metadata, finalizers: others };
}

function otherWorker(worker: string): string {
  return `worker "${worker}" may write only its own Worker object`;
}

function otherLease(worker: string): string {
  return `worker "${worker}" may use only its own lease, "${worker}" in namespace ${NAMESPACE_SYSTEM}`;
}
