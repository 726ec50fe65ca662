/**
 * What the user of the plain development listener may write: baseline Tasks, whatever the level of their namespace, and
 * stopping them. Nobody proves who they are there, so nothing may be asked for that reaches beyond a container, nor what
 * is in a Secret.
 */
import { isRecord, isSameJson, readPath } from '../../../machinery/json.ts';
import { ANNOTATION_TRACE, ANNOTATION_TTL, NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { securityProblems } from '../admission/security/problems.ts';
import type { WriteToJudge } from './policy.ts';
import type { Restriction } from './restrictions.ts';

/** The group of the development listener's user, whose name is `dev`. */
export const GROUP_DEV = 'system:dev';

const STOP_ONLY = `the development listener may change a task only by stopping it: desiredState: Stopped, with the annotation ${ANNOTATION_TTL} if wanted`;

/** What an operator allows to those whose names are known is not allowed to anybody. */
const NO_HOST_PATHS = { allowedHostPaths: [] };

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
  const refuse = (path: string, why = ''): string =>
    `${path} is not allowed for tasks ${done} through the development listener${why}; use the TLS listener with a client certificate`;
  const [problem] = securityProblems(task['spec'], 'baseline', NO_HOST_PATHS);
  if (problem !== undefined) return refuse(problem.field, `, and ${problem.message}`);
  const secret = secretField(task['spec']);
  if (secret !== undefined) return refuse(secret);
  if (task.metadata.namespace === NAMESPACE_SYSTEM) return refuse(`namespace ${NAMESPACE_SYSTEM}`);
  if (done === 'stopped') return undefined;
  if (task.metadata.finalizers !== undefined) return refuse('metadata.finalizers');
  if (task.metadata.ownerReferences !== undefined) return refuse('metadata.ownerReferences');
  return undefined;
}

/** Where a spec asks for what is in a Secret: its output would show it to whoever has no right to read it. */
function secretField(spec: unknown): string | undefined {
  const at = (field: string): readonly unknown[] => {
    const found = readPath(spec, [field]);
    return Array.isArray(found) ? found : [];
  };
  if (at('imagePullSecrets').length > 0) return 'spec.imagePullSecrets';
  const places = [
    ['env', 'valueFrom', 'secretKeyRef'],
    ['envFrom', 'secretRef'],
    ['volumes', 'secret'],
  ] as const;
  for (const [field, ...path] of places) {
    const index = at(field).findIndex((item) => readPath(item, path) !== undefined);
    if (index >= 0) return `spec.${field}[${index}].${path.join('.')}`;
  }
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
