/**
 * What the user of the plain development listeners may write, which is what the requests of the doors there need:
 * - baseline Tasks, whatever the level of their namespace, and stopping them. Nobody proves who they are there, so nothing
 *   may be asked for that reaches beyond a container, nor what is in a Secret, in a ConfigMap or on a kept volume, nor a
 *   place before or in the name of the tasks of others;
 * - Runs of TaskTemplates and Jobs, which somebody with a name has written, as urgent as a dispatch can be, and cancelling
 *   them;
 * - whether all schedules rest.
 */
import { isRecord, isSameJson, readPath } from '../../../machinery/json.ts';
import {
  ANNOTATION_PROTECT,
  ANNOTATION_STARTED_BY,
  ANNOTATION_TRACE,
  ANNOTATION_TTL,
  NAMESPACE_SYSTEM,
} from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { securityProblems } from '../admission/security/problems.ts';
import type { WriteToJudge } from './policy.ts';
import type { Restriction } from './restrictions.ts';

/** The group of the development listener's user, whose name is `dev`. */
export const GROUP_DEV = 'system:dev';

const STOP_ONLY = `the development listener may change a task only by stopping it: desiredState: Stopped, with the annotation ${ANNOTATION_TTL} if wanted`;

/** What an operator allows to those whose names are known is not allowed to anybody. */
const NO_HOST_PATHS = { allowedHostPaths: [] };

const CANCEL_ONLY =
  'the development listener may change a run only by cancelling it: spec.cancel: true, and nothing else';
const SUSPEND_ONLY =
  'the development listener may change of the scheduler settings only spec.suspended; use the TLS listener with a client certificate';

/** What a dispatch of priority 5 asks for. */
const MOST_URGENT = 200;

/** Everything else that this user might be granted is an administrator's own choice. */
const REFUSALS: Readonly<Record<string, (write: WriteToJudge) => string | undefined>> = {
  tasks: taskRefusal,
  runs: runRefusal,
  schedulersettings: settingsRefusal,
};

export const devRestriction: Restriction = {
  group: GROUP_DEV,
  refusal: (write) =>
    Object.hasOwn(REFUSALS, write.request.resource) ? REFUSALS[write.request.resource]?.(write) : undefined,
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
  const reach = reachingField(task['spec']);
  if (reach !== undefined) return refuse(reach);
  // By its labels a task would be taken into a set of others, or answer in a service's name.
  if (task.metadata.labels !== undefined) return refuse('metadata.labels');
  if (task.metadata.finalizers !== undefined) return refuse('metadata.finalizers');
  if (task.metadata.ownerReferences !== undefined) return refuse('metadata.ownerReferences');
  return undefined;
}

type Place = readonly [list: string, ...path: string[]];

/** Where a spec asks for what is in a Secret: its output would show it to whoever has no right to read it. */
function secretField(spec: unknown): string | undefined {
  const found = readPath(spec, ['imagePullSecrets']);
  if (Array.isArray(found) && found.length > 0) return 'spec.imagePullSecrets';
  return fieldAt(spec, [
    ['env', 'valueFrom', 'secretKeyRef'],
    ['envFrom', 'secretRef'],
    ['volumes', 'secret'],
  ]);
}

/** Where a spec asks for what others have written, which its log would show, or to go before them or by their names. */
function reachingField(spec: unknown): string | undefined {
  const place = [['priority'], ['preemptionPolicy'], ['network', 'aliases']].find(
    (path) => readPath(spec, path) !== undefined,
  );
  if (place !== undefined) return `spec.${place.join('.')}`;
  const network = readPath(spec, ['network', 'mode']) ?? 'bridge';
  if (network !== 'bridge' && network !== 'none') return 'spec.network.mode';
  return fieldAt(spec, [
    ['env', 'valueFrom', 'configMapKeyRef'],
    ['envFrom', 'configMapRef'],
    ['volumes', 'configMap'],
    ['volumes', 'volume'],
  ]);
}

/** The first of these that an item of its list has. */
function fieldAt(spec: unknown, places: readonly Place[]): string | undefined {
  for (const [list, ...path] of places) {
    const items = readPath(spec, [list]);
    const index = Array.isArray(items) ? items.findIndex((item) => readPath(item, path) !== undefined) : -1;
    if (index >= 0) return `spec.${list}[${index}].${path.join('.')}`;
  }
  return undefined;
}

function runRefusal({ before, after }: WriteToJudge): string | undefined {
  if (after === undefined) return CANCEL_ONLY;
  if (before === undefined) return newRunRefusal(after);
  const isCancel =
    readPath(after, ['spec', 'cancel']) === true &&
    isSameJson(withoutFields(before, ['cancel']), withoutFields(after, ['cancel']));
  if (!isCancel) return CANCEL_ONLY;
  return before.metadata.namespace === NAMESPACE_SYSTEM
    ? `namespace ${NAMESPACE_SYSTEM} is not allowed for runs cancelled through the development listener; use the TLS listener with a client certificate`
    : undefined;
}

/** What runs is its template's or Job's. Who started it is for those to say who proved to be somebody. */
function newRunRefusal({ metadata, spec }: DynamicObject): string | undefined {
  const refuse = (path: string): string =>
    `${path} is not allowed for runs made through the development listener; use the TLS listener with a client certificate`;
  if (metadata.namespace === NAMESPACE_SYSTEM) return refuse(`namespace ${NAMESPACE_SYSTEM}`);
  if (metadata.finalizers !== undefined) return refuse('metadata.finalizers');
  const job = readPath(spec, ['jobRef', 'name']);
  // Its Job's is put there for whoever makes it.
  const owners = (metadata.ownerReferences ?? []).filter(
    ({ kind, apiVersion, name }) => kind !== 'Job' || !apiVersion.startsWith('gantry.dev/') || name !== job,
  );
  if (owners.length > 0) return refuse('metadata.ownerReferences');
  for (const annotation of [ANNOTATION_STARTED_BY, ANNOTATION_PROTECT]) {
    if (metadata.annotations?.[annotation] !== undefined) return refuse(`annotation ${annotation}`);
  }
  const priority = readPath(spec, ['priority']);
  if (typeof priority === 'number' && Math.abs(priority) > MOST_URGENT)
    return refuse(`spec.priority ${priority}`);
  const trigger = readPath(spec, ['trigger']) ?? 'Manual';
  return trigger === 'Manual' || trigger === 'Rerun'
    ? undefined
    : refuse(`spec.trigger ${JSON.stringify(trigger)}`);
}

function settingsRefusal({ before, after }: WriteToJudge): string | undefined {
  if (after === undefined) return SUSPEND_ONLY;
  const { name, labels, annotations = {}, finalizers, ownerReferences } = after.metadata;
  if (before === undefined) {
    const { [ANNOTATION_TRACE]: _trace, ...others } = annotations;
    const isMore = labels ?? finalizers ?? ownerReferences ?? Object.keys(others)[0];
    const fields = isRecord(after['spec']) ? Object.keys(after['spec']) : [];
    const isSuspension = fields.every((field) => field === 'suspended');
    return isMore === undefined && isSuspension && name === 'default' ? undefined : SUSPEND_ONLY;
  }
  const isSuspension = isSameJson(withoutFields(before, ['suspended']), withoutFields(after, ['suspended']));
  return isSuspension ? undefined : SUSPEND_ONLY;
}

/** The object without what a stop may change. */
function withoutStop(object: DynamicObject): unknown {
  return withoutFields(object, ['desiredState'], [ANNOTATION_TTL]);
}

/** The object without these fields of its spec, these annotations, and what the server stamps on it. */
function withoutFields(
  object: DynamicObject,
  fields: readonly string[],
  annotationNames: readonly string[] = [],
): unknown {
  const { spec, metadata, ...rest } = object;
  const {
    annotations = {},
    resourceVersion: _version,
    generation: _generation,
    managedFields: _fields,
    ...keptMetadata
  } = metadata;
  const left = (from: object, names: readonly string[]): object =>
    Object.fromEntries(Object.entries(from).filter(([name]) => !names.includes(name)));
  return {
    ...rest,
    spec: left(isRecord(spec) ? spec : {}, fields),
    metadata: keptMetadata,
    annotations: left(annotations, [ANNOTATION_TRACE, ...annotationNames]),
  };
}
