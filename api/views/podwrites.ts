/**
 * What writing to a Pod means for the Task behind it. Pure. Changing one: labels, annotations and the image, which is
 * what Kubernetes lets be changed of a Pod too. Making one (`kubectl run`): a Task of the same name with the one
 * container's wishes; whatever a Task cannot do is refused by name, never dropped.
 */
import { isRecord } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject } from '../../machinery/meta.ts';
import { tasks } from '../../schemas/kinds.ts';
import {
  type FieldProblem,
  forbidden,
  invalid,
  invalidObject,
  required,
} from '../registry/admission/fielderrors.ts';
import { podKind } from './podkind.ts';
import { foldMetadata, type NewObject, refuseOtherChanges } from './view.ts';

/** Annotations that the Pod does not show. */
export function isHiddenAnnotation(name: string): boolean {
  return name.startsWith('gantry.dev/') || name === 'kubectl.kubernetes.io/last-applied-configuration';
}

const IMAGE = 'spec.containers[0].image';

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

/** Fields of a container that a Task has under the same name. */
const SAME = ['image', 'imagePullPolicy', 'command', 'args', 'workingDir', 'env', 'ports', 'resources'];
/** Fields that say nothing a Task would do otherwise, with the values (absent: any) for which that is so. */
const IDLE_CONTAINER: Readonly<Record<string, readonly unknown[] | undefined>> = {
  name: undefined,
  terminationMessagePath: undefined,
  terminationMessagePolicy: undefined,
  stdin: [false],
  stdinOnce: [false],
  tty: [false],
};
const IDLE_SPEC: Readonly<Record<string, readonly unknown[] | undefined>> = {
  containers: undefined,
  dnsPolicy: ['ClusterFirst', 'Default'],
  schedulerName: ['default-scheduler'],
  enableServiceLinks: undefined,
  hostNetwork: [false],
};

/** The Task that a new Pod asks for. Throws `Invalid` naming every field that cannot be had. */
export function taskOfPod(pod: DynamicObject): NewObject {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
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
  const wish: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(container)) {
    if (SAME.includes(field)) {
      if (!isEmpty(value)) wish[field] = value;
    } else if (field === 'securityContext' && isRecord(value)) {
      if (Object.keys(value).length > 0) wish['securityContext'] = value;
    } else if (!isIdle(IDLE_CONTAINER, field, value)) {
      problems.push(notOfTasks(`spec.containers[0].${field}`));
    }
  }
  for (const [field, value] of Object.entries(spec)) {
    if (field === 'restartPolicy' || field === 'terminationGracePeriodSeconds' || field === 'tolerations') {
      if (!isEmpty(value)) wish[field] = value;
    } else if (field === 'nodeSelector') wish['workerSelector'] = value;
    else if (field === 'hostname') wish['network'] = { hostname: value };
    else if (!isIdle(IDLE_SPEC, field, value)) problems.push(notOfTasks(`spec.${field}`));
  }
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

function containersOf(pod: DynamicObject): readonly Record<string, unknown>[] {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  return Array.isArray(spec['containers']) ? spec['containers'].filter(isRecord) : [];
}

/** Clients write out what they did not set. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isIdle(
  idle: Readonly<Record<string, readonly unknown[] | undefined>>,
  field: string,
  value: unknown,
): boolean {
  if (isEmpty(value)) return true;
  if (!Object.hasOwn(idle, field)) return false;
  return idle[field] === undefined || idle[field].includes(value);
}

function notOfTasks(field: string): FieldProblem {
  return forbidden(field, 'a pod here is the view of a task, and tasks have nothing like it');
}
