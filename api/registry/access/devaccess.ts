/**
 * What the user of the plain development listener may write: baseline Tasks, and stopping them. Nobody proves who
 * they are there, so nothing may be asked for that reaches beyond a container.
 * Source of "baseline": Kubernetes Pod Security Standards, Baseline.
 */
import { isRecord, isSameJson, readPath } from '../../../machinery/json.ts';
import { ANNOTATION_TRACE, ANNOTATION_TTL, NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WriteToJudge } from './policy.ts';
import type { Restriction } from './restrictions.ts';

/** The group of the development listener's user, whose name is `dev`. */
export const GROUP_DEV = 'system:dev';

const STOP_ONLY = `the development listener may change a task only by stopping it: desiredState: Stopped, with the annotation ${ANNOTATION_TTL} if wanted`;

/** Of Tasks alone: everything else that this user might be granted is an administrator's own choice. */
export const devRestriction: Restriction = {
  group: GROUP_DEV,
  refusal: (write) => (write.request.resource === 'tasks' ? taskRefusal(write) : undefined),
};

function taskRefusal({ before, after }: WriteToJudge): string | undefined {
  if (after === undefined) return STOP_ONLY;
  if (before === undefined) return baselineRefusal(after, 'made');
  const isStop =
    readPath(after, ['spec', 'desiredState']) === 'Stopped' &&
    isSameJson(withoutStop(before), withoutStop(after));
  return isStop ? baselineRefusal(before, 'stopped') : STOP_ONLY;
}

function baselineRefusal(task: DynamicObject, done: 'made' | 'stopped'): string | undefined {
  const refuse = (path: string): string =>
    `${path} is not allowed for tasks ${done} through the development listener; use the TLS listener with a client certificate`;
  if (readPath(task, ['spec', 'securityContext', 'privileged']) === true) {
    return refuse('spec.securityContext.privileged');
  }
  const added = readPath(task, ['spec', 'securityContext', 'capabilities', 'add']);
  if (Array.isArray(added) && added.length > 0) return refuse('spec.securityContext.capabilities.add');
  if (readPath(task, ['spec', 'network', 'mode']) === 'host') return refuse('spec.network.mode: host');
  const ports = readPath(task, ['spec', 'ports']);
  const isOpen = (port: unknown): boolean =>
    isRecord(port) && typeof port.hostIP === 'string' && !/^(?:127\.[\d.]+|::1)$/.test(port.hostIP);
  if (Array.isArray(ports) && ports.some(isOpen))
    return refuse('spec.ports[].hostIP other than a loopback address');
  if (task.metadata.namespace === NAMESPACE_SYSTEM) return refuse(`namespace ${NAMESPACE_SYSTEM}`);
  if (done === 'stopped') return undefined;
  if (task.metadata.finalizers !== undefined) return refuse('metadata.finalizers');
  if (task.metadata.ownerReferences !== undefined) return refuse('metadata.ownerReferences');
  return undefined;
}

/** The object without what a stop may change, and what the server stamps on it. */
function withoutStop(object: DynamicObject): unknown {
  const { spec, metadata, ...rest } = object;
  const { annotations = {}, ...otherMetadata } = metadata;
  const { [ANNOTATION_TTL]: _ttl, [ANNOTATION_TRACE]: _trace, ...otherAnnotations } = annotations;
  const {
    resourceVersion: _version,
    generation: _generation,
    managedFields: _fields,
    ...keptMetadata
  } = otherMetadata;
  const { desiredState: _state, ...otherSpec } = isRecord(spec) ? spec : {};
  return { ...rest, spec: otherSpec, metadata: keptMetadata, annotations: otherAnnotations };
}
