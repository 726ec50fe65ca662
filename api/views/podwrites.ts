/**
 * What writing to a Pod means for the Task behind it. Pure. Changing one: labels, annotations and the image, which is
 * what Kubernetes lets be changed of a Pod too. Making one (`kubectl run`): a Task of the same name with the one
 * container's wishes; whatever a Task cannot do is refused by name, never dropped.
 */
import { isRecord } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject } from '../../machinery/meta.ts';
import type { Schema } from '../../schemas/crd.ts';
import { builtinKinds, tasks } from '../../schemas/kinds.ts';
import {
  type FieldProblem,
  forbidden,
  invalid,
  invalidObject,
  required,
} from '../registry/admission/fielderrors.ts';
import { pruneObject } from '../registry/admission/structural.ts';
import { podKind } from './podkind.ts';
import { foldMetadata, type NewObject, refuseOtherChanges } from './view.ts';

/** Annotations that the Pod does not show. */
export function isHiddenAnnotation(name: string): boolean {
  return name.startsWith('gantry.dev/') || name === 'kubectl.kubernetes.io/last-applied-configuration';
}

const CONTAINER = 'spec.containers[0]';
const IMAGE = `${CONTAINER}.image`;

/** @param before the Pod as it was shown. Throws `Invalid`. */
export function foldPod(face: DynamicObject, before: DynamicObject, stored: DynamicObject): DynamicObject {
  refuseOtherChanges(
    podKind,
    before,
    face,
    ['metadata.labels', 'metadata.annotations', IMAGE],
    `pod updates may not change fields other than labels, annotations and ${IMAGE}; change the task of the same name instead`,
  );
  const image = containersOf(face)[0]?.['image'];
  const spec = isRecord(stored['spec']) ? stored['spec'] : {};
  return { ...stored, metadata: foldMetadata(face, stored, isHiddenAnnotation), spec: { ...spec, image } };
}

/** Fields of a container, and of a Pod, that a Task has under the same name. */
const SAME_CONTAINER: readonly string[] = [
  'args',
  'command',
  'envFrom',
  'image',
  'imagePullPolicy',
  'livenessProbe',
  'ports',
  'readinessProbe',
  'resources',
  'startupProbe',
  'workingDir',
];
const SAME_SPEC: readonly string[] = [
  'activeDeadlineSeconds',
  'imagePullSecrets',
  'restartPolicy',
  'terminationGracePeriodSeconds',
  'tolerations',
];

type Idle = Readonly<Record<string, readonly unknown[] | undefined>>;

/** Fields that say nothing a Task would do otherwise, with the values (absent: any) for which that is so. */
const IDLE_CONTAINER: Idle = {
  name: undefined,
  terminationMessagePath: undefined,
  terminationMessagePolicy: undefined,
  stdin: [false],
  stdinOnce: [false],
  tty: [false],
};
const IDLE_SPEC: Idle = {
  containers: undefined,
  automountServiceAccountToken: [false],
  dnsPolicy: ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'],
  enableServiceLinks: undefined,
  hostIPC: [false],
  hostNetwork: [false],
  hostUsers: [true],
  schedulerName: ['default-scheduler'],
  serviceAccount: ['default'],
  serviceAccountName: ['default'],
  setHostnameAsFQDN: [false],
  shareProcessNamespace: [false],
};
const IDLE_MOUNT: Idle = { mountPropagation: ['None'], recursiveReadOnly: ['Disabled'] };
const IDLE_CLAIM: Idle = { claimName: undefined, readOnly: [false] };
const IDLE_SECURITY: Idle = { procMount: ['Default'] };
const IDLE_FIELD: Idle = { apiVersion: ['v1'] };
const IDLE_DNS: Idle = { nameservers: undefined };
/** Of a Pod's own security context what its container may say, too. */
const SHARED_SECURITY: readonly string[] = ['runAsGroup', 'runAsNonRoot', 'runAsUser', 'seccompProfile'];

type Fields = Readonly<Record<string, unknown>>;
type Wish = Record<string, unknown>;

/** The Task that a new Pod asks for. Throws `Invalid` naming every field that cannot be had. */
export function taskOfPod(pod: DynamicObject): NewObject {
  const spec = recordIn(pod, 'spec');
  const containers = containersOf(pod);
  const [container = {}] = containers;
  const problems: FieldProblem[] = [];
  if (containers.length === 0) problems.push(required('spec.containers'));
  if (containers.length > 1) {
    problems.push(invalid('spec.containers', containers.length, 'a task is one container'));
  }
  const name = pod.metadata.name;
  if (containers.length > 0 && name !== '' && container['name'] !== name) {
    problems.push(
      invalid(
        'spec.containers[0].name',
        container['name'],
        `the container of a task has its name, "${name}"`,
      ),
    );
  }
  const wish: Wish = {};
  for (const [field, value] of Object.entries(container)) {
    if (!takeOfContainer(wish, field, value, container) && !isIdle(IDLE_CONTAINER, field, value)) {
      problems.push(notOfTasks(`${CONTAINER}.${field}`));
    }
  }
  for (const [field, value] of Object.entries(spec)) {
    if (!takeOfSpec(wish, field, value, problems) && !isIdle(IDLE_SPEC, field, value)) {
      problems.push(notOfTasks(`spec.${field}`));
    }
  }
  // Whatever lies deeper than the fields above is the Task's schema's to know.
  const schema = tasksSchema();
  for (const path of pruneObject(schema, { spec: wish }).unknown) problems.push(notOfTasks(podPath(path)));
  if (problems.length > 0) throw invalidObject(podKind, name, problems);
  const { generateName, namespace, labels, annotations } = pod.metadata;
  const metadata = {
    ...(name === '' ? {} : { name }),
    ...(generateName === undefined ? {} : { generateName }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { apiVersion: apiVersionOf(tasks), kind: tasks.kind, metadata, spec: wish };
}

/** Whether the field is one that a Task has, taken over where it says anything. */
function takeOfContainer(wish: Wish, field: string, value: unknown, container: Fields): boolean {
  const take = (as: string, taken: unknown): true => {
    if (!isEmpty(taken)) wish[as] = taken;
    return true;
  };
  if (SAME_CONTAINER.includes(field)) return take(field, withoutNothing(value));
  switch (field) {
    case 'env':
      return take(
        field,
        eachOf(value, (item) => variableOf(item, container['name'])),
      );
    case 'volumeMounts':
      return take(
        field,
        eachOf(value, (item) => without(IDLE_MOUNT, item)),
      );
    case 'securityContext':
      return isRecord(value) && take(field, without(IDLE_SECURITY, value));
    case 'lifecycle': {
      if (!isRecord(value)) return false;
      const { stopSignal, ...hooks } = value;
      return take('stopSignal', stopSignal) && take(field, withoutNothing(hooks));
    }
    default:
      return false;
  }
}

function takeOfSpec(wish: Wish, field: string, value: unknown, problems: FieldProblem[]): boolean {
  if (SAME_SPEC.includes(field)) {
    if (!isEmpty(value)) wish[field] = value;
    return true;
  }
  const connect = (part: Fields): true => {
    wish['network'] = { ...recordIn(wish, 'network'), ...part };
    return true;
  };
  switch (field) {
    case 'nodeSelector':
      wish['workerSelector'] = value;
      return true;
    case 'hostname':
      return isEmpty(value) || connect({ hostname: value });
    case 'hostNetwork':
      return value === true && connect({ mode: 'host' });
    case 'hostPID':
      if (value === true) wish[field] = value;
      return typeof value === 'boolean';
    case 'dnsConfig':
      if (!isRecord(value)) return false;
      problems.push(...strangers(IDLE_DNS, value, `spec.${field}`));
      return isEmpty(value['nameservers']) || connect({ dns: value['nameservers'] });
    case 'securityContext': {
      if (!isRecord(value)) return false;
      const shared = Object.entries(value).filter(([part]) => SHARED_SECURITY.includes(part));
      const own = { ...Object.fromEntries(shared), ...recordIn(wish, field) };
      if (Object.keys(own).length > 0) wish[field] = own;
      const rest = Object.entries(value).filter(([part]) => !SHARED_SECURITY.includes(part));
      problems.push(...strangers({}, Object.fromEntries(rest), `spec.${field}`));
      return true;
    }
    case 'volumes':
      wish[field] = eachOf(value, (item, index) => volumeOf(item, `spec.volumes[${index}]`, problems));
      return true;
    default:
      return false;
  }
}

function variableOf(variable: Fields, containerName: unknown): Fields {
  const valueFrom = variable['valueFrom'];
  if (!isRecord(valueFrom)) return variable;
  const { fieldRef, resourceFieldRef } = valueFrom;
  const idleResource: Idle = { containerName: [containerName], divisor: ['0', 0] };
  return {
    ...variable,
    valueFrom: {
      ...valueFrom,
      ...(isRecord(fieldRef) ? { fieldRef: without(IDLE_FIELD, fieldRef) } : {}),
      ...(isRecord(resourceFieldRef) ? { resourceFieldRef: without(idleResource, resourceFieldRef) } : {}),
    },
  };
}

/** A claim is a named volume of the worker's engine; a volume of no kind is an empty one, as on Kubernetes. */
function volumeOf(volume: Fields, field: string, problems: FieldProblem[]): Fields {
  const { persistentVolumeClaim: claim, ...rest } = volume;
  if (Object.keys(volume).length === 1) return { ...volume, emptyDir: {} };
  if (!isRecord(claim)) return volume;
  problems.push(...strangers(IDLE_CLAIM, claim, `${field}.persistentVolumeClaim`));
  return { ...rest, volume: { name: claim['claimName'] } };
}

/** What an object says beside what is idle. */
function strangers(idle: Idle, object: Fields, path: string): readonly FieldProblem[] {
  return Object.entries(object)
    .filter(([field, value]) => !isIdle(idle, field, value))
    .map(([field]) => notOfTasks(`${path}.${field}`));
}

/** Without what is idle or says nothing. */
function without(idle: Idle, object: Fields): Fields {
  const kept = Object.entries(object).filter(
    ([field, value]) =>
      value !== null && value !== '' && !(Object.hasOwn(idle, field) && isIdle(idle, field, value)),
  );
  return Object.fromEntries(kept);
}

function withoutNothing(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNothing);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([, part]) => part !== null && part !== undefined);
  return Object.fromEntries(kept.map(([field, part]) => [field, withoutNothing(part)]));
}

function eachOf(value: unknown, change: (item: Fields, index: number) => Fields): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown, index) => (isRecord(item) ? change(item, index) : item));
}

/** Where in the Pod a field of the Task's wish came from. */
function podPath(path: string): string {
  const [, field = ''] = /^spec\.(\w+)/.exec(path) ?? [];
  const isOfContainer = SAME_CONTAINER.includes(field) || OTHER_OF_CONTAINER.includes(field);
  return isOfContainer ? path.replace(/^spec/, CONTAINER) : path;
}

const OTHER_OF_CONTAINER: readonly string[] = ['env', 'lifecycle', 'securityContext', 'volumeMounts'];

/** The schema that a Task's wish is held against. */
function tasksSchema(): Schema {
  const document = builtinKinds.find(
    ({ spec }) => spec.group === tasks.group && spec.names.plural === tasks.plural,
  );
  return document?.spec.versions.find(({ storage }) => storage)?.schema.openAPIV3Schema ?? {};
}

function recordIn(object: Fields, field: string): Fields {
  const value = object[field];
  return isRecord(value) ? value : {};
}

function containersOf(pod: DynamicObject): readonly Record<string, unknown>[] {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  return Array.isArray(spec['containers']) ? spec['containers'].filter(isRecord) : [];
}

/** Clients write out what they did not set. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isIdle(idle: Idle, field: string, value: unknown): boolean {
  if (isEmpty(value)) return true;
  if (!Object.hasOwn(idle, field)) return false;
  return idle[field] === undefined || idle[field].includes(value);
}

function notOfTasks(field: string): FieldProblem {
  return forbidden(field, 'a pod here is the view of a task, and tasks have nothing like it');
}
