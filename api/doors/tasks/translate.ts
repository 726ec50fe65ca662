/**
 * Between the /tasks API and Task objects. Pure, both ways.
 *
 * The object's name is the client's UUID; the client's free-form name is an annotation. A Task that came in another way
 * is shown under its uid. RestartPolicy `""` means OnFailure here, and OnFailure is shown as `""`.
 */
import { ANNOTATION_TASK_NAME, NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import { parseQuantity } from '../../../machinery/quantity.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import {
  type FullTaskItem,
  isId,
  type PortBindings,
  type PortSet,
  STATE,
  type TaskEvent,
  type TaskItem,
  type TaskState,
  wrong,
} from './json.ts';

/** Go's zero time, which this API's clients know as "never". */
const NEVER = '0001-01-01T00:00:00Z';
const NANO = 1_000_000_000n;

type TaskPort = NonNullable<Task['spec']['ports']>[number];
type RestartPolicy = NonNullable<Task['spec']['restartPolicy']>;

/** Docker's spellings and Kubernetes'. */
const RESTART_POLICIES: Readonly<Record<string, RestartPolicy>> = {
  '': 'OnFailure',
  'on-failure': 'OnFailure',
  OnFailure: 'OnFailure',
  always: 'Always',
  'unless-stopped': 'Always',
  Always: 'Always',
  no: 'Never',
  never: 'Never',
  Never: 'Never',
};

/** @param id the object's name. Throws `BadRequest`. */
export function taskOfEvent(event: TaskEvent, id: string): Task {
  const restartPolicy = Object.hasOwn(RESTART_POLICIES, event.restartPolicy)
    ? RESTART_POLICIES[event.restartPolicy]
    : undefined;
  if (restartPolicy === undefined) {
    throw wrong(
      'Task.RestartPolicy',
      event.restartPolicy,
      '"", "on-failure", "always", "unless-stopped" or "no"',
    );
  }
  if (event.image === '') throw wrong('Task.Image', event.image, 'an image reference');
  const ports = portsOf(event);
  const livenessProbe = probeOf(event.healthCheck, ports);
  const limits = {
    ...(event.cpu === 0 ? {} : { cpu: String(event.cpu) }),
    ...(event.memoryBytes === 0 ? {} : { memory: String(event.memoryBytes) }),
    ...(event.diskBytes === 0 ? {} : { 'ephemeral-storage': String(event.diskBytes) }),
  };
  return {
    apiVersion: apiVersionOf(tasks),
    kind: tasks.kind,
    metadata: {
      name: id,
      namespace: NAMESPACE_DEFAULT,
      ...(event.name === '' ? {} : { annotations: { [ANNOTATION_TASK_NAME]: event.name } }),
    },
    spec: {
      image: event.image,
      restartPolicy,
      ...(ports.length === 0 ? {} : { ports }),
      ...(livenessProbe === undefined ? {} : { livenessProbe }),
      ...(Object.keys(limits).length === 0 ? {} : { resources: { limits } }),
    },
  };
}

/** Exposed ones come first, in their order: the first of them is the one whose health is asked for. */
function portsOf(event: TaskEvent): TaskPort[] {
  const ports = new Map<string, TaskPort>();
  for (const text of event.exposedPorts) {
    const port = parsePort(text, 'Task.ExposedPorts');
    ports.set(portKey(port), port);
  }
  for (const [text, places] of Object.entries(event.portBindings)) {
    const field = `Task.PortBindings["${text}"]`;
    const port = parsePort(text, field);
    if (places.length > 1) throw wrong(field, places, 'one host port for each port');
    ports.set(portKey(port), { ...port, ...parseHostPort(places[0] ?? '', field) });
  }
  return [...ports.values()];
}

function firstTcp(ports: readonly TaskPort[] | undefined): TaskPort | undefined {
  return ports?.find(({ protocol }) => protocol !== 'UDP');
}

/** As often as Kubernetes asks where nothing is said; a container that fails is started again. */
function probeOf(path: string, ports: readonly TaskPort[]): Task['spec']['livenessProbe'] {
  if (path === '') return undefined;
  const port = firstTcp(ports);
  if (port === undefined) {
    throw wrong('Task.HealthCheck', path, '"", or a TCP port in Task.ExposedPorts that can be asked');
  }
  return { httpGet: { path, port: port.containerPort } };
}

/** Empty also for what this API has no words for: another kind of probe, port or host. */
function healthCheckOf({ livenessProbe, ports }: Task['spec']): string {
  const { path = '/', port, ...more } = livenessProbe?.httpGet ?? {};
  const first = firstTcp(ports);
  const isFirst = port !== undefined && (port === first?.containerPort || port === first?.name);
  return isFirst && Object.keys(more).length === 0 ? path : '';
}

/** `80/tcp`, `53/udp`, `80`. */
function parsePort(text: string, field: string): TaskPort {
  const match = /^(\d{1,5})(?:\/(tcp|udp))?$/i.exec(text);
  if (match === null) throw wrong(field, text, 'a port such as "80/tcp" or "53/udp"');
  return { containerPort: Number(match[1]), protocol: match[2]?.toLowerCase() === 'udp' ? 'UDP' : 'TCP' };
}

/** `8080`, `127.0.0.1:8080`, `[::1]:8080`; empty asks for a free one. */
function parseHostPort(text: string, field: string): Pick<TaskPort, 'hostIP' | 'hostPort'> {
  const match = /^(?:(?:\[([0-9a-f:]+)\]|([\d.]+)):)?(\d{0,5})$/i.exec(text);
  if (match === null) throw wrong(field, text, 'a host port such as "8080"');
  const hostIP = match[1] ?? match[2];
  const hostPort = Number(match[3] ?? '');
  return { ...(hostIP === undefined ? {} : { hostIP }), ...(hostPort === 0 ? {} : { hostPort }) };
}

export function idOf(task: Task): string {
  return isId(task.metadata.name) ? task.metadata.name : (task.metadata.uid ?? task.metadata.name);
}

export function itemOf(task: Task): TaskItem {
  const { metadata, spec, status = {} } = task;
  return {
    ID: idOf(task),
    // One that was removed after its end is still the one it was.
    ContainerID: status.container?.id ?? status.history?.[0]?.id ?? '',
    Name: metadata.annotations?.[ANNOTATION_TASK_NAME] ?? (isId(metadata.name) ? '' : metadata.name),
    State: stateOf(task),
    Image: spec.image,
    Memory: bytesOf(spec.resources?.limits?.memory),
    Disk: bytesOf(spec.resources?.limits?.['ephemeral-storage']),
    ExposedPorts: exposedPorts(spec.ports),
    PortBindings: portBindings(spec.ports),
    RestartPolicy: restartPolicyOf(spec.restartPolicy),
    StartsAt: status.startedAt ?? NEVER,
    FinishedAt: status.finishedAt ?? NEVER,
    CreatedAt: metadata.creationTimestamp ?? NEVER,
    UpdatedAt: status.observedAt ?? metadata.creationTimestamp ?? NEVER,
  };
}

function bytesOf(quantity: number | string | undefined): number {
  return Number((parseQuantity(quantity ?? 0) ?? 0n) / NANO);
}

export function fullItemOf(task: Task): FullTaskItem {
  const { spec, status = {} } = task;
  const hostPorts = (status.ports ?? []).map((port) => [
    `${port.containerPort}/${port.protocol.toLowerCase()}`,
    [{ HostIp: port.hostIP, HostPort: String(port.hostPort) }],
  ]);
  return {
    ...itemOf(task),
    CPU: Number(parseQuantity(spec.resources?.limits?.cpu ?? 0) ?? 0n) / Number(NANO),
    HealthCheck: healthCheckOf(spec),
    RestartCount: status.restartCount ?? 0,
    HostPorts: hostPorts.length === 0 ? null : Object.fromEntries(hostPorts),
  };
}

function stateOf(task: Task): TaskState {
  const { spec, status = {} } = task;
  if (isOver(task)) return STATE.Completed;
  switch (status.phase ?? 'Pending') {
    case 'Running':
      return STATE.Running;
    case 'Succeeded':
    case 'Stopped':
      return STATE.Completed;
    case 'Failed':
      return STATE.Failed;
    case 'Unknown':
      return lastSeen(task);
    case 'Pending':
      // One that was taken off its worker is on its way to the next: it does not begin anew.
      if (spec.bindingEpoch !== undefined) return STATE.Scheduled;
      return spec.desiredState === 'Stopped' ? STATE.Completed : STATE.Pending;
  }
}

/** Nobody hears from the worker: what was seen of the container last still stands. */
function lastSeen({ spec, status = {} }: Task): TaskState {
  const { state, exitCode } = status.container ?? {};
  if (state === 'running') return STATE.Running;
  if (state !== 'exited' && state !== 'dead') return STATE.Scheduled;
  if (exitCode !== 0 && spec.restartPolicy === 'Never') return STATE.Failed;
  return exitCode === 0 && spec.restartPolicy !== 'Always' ? STATE.Completed : STATE.Scheduled;
}

/**
 * The worker knows that the task shall be stopped, and its last container has ended: what somebody starts again by hand
 * is not the task, and is stopped, too.
 */
function isOver({ metadata, spec, status = {} }: Task): boolean {
  if (spec.desiredState !== 'Stopped' || status.observedGeneration !== metadata.generation) return false;
  const id = status.container?.id;
  return id === undefined ? status.finishedAt !== undefined : status.history?.[0]?.id === id;
}

function restartPolicyOf(policy: RestartPolicy | undefined): string {
  if (policy === 'OnFailure') return '';
  return policy === 'Never' ? 'no' : 'always';
}

function portKey(port: TaskPort): string {
  return `${port.containerPort}/${(port.protocol ?? 'TCP').toLowerCase()}`;
}

function exposedPorts(ports: readonly TaskPort[] | undefined): PortSet | null {
  if (ports === undefined || ports.length === 0) return null;
  return Object.fromEntries(ports.map((port) => [portKey(port), {}]));
}

function portBindings(ports: readonly TaskPort[] | undefined): PortBindings | null {
  const bound = (ports ?? []).filter((port) => port.hostPort !== undefined);
  if (bound.length === 0) return null;
  return Object.fromEntries(
    bound.map((port) => {
      const ip = port.hostIP;
      const at = ip === undefined ? '' : `${ip.includes(':') ? `[${ip}]` : ip}:`;
      return [portKey(port), `${at}${port.hostPort}`];
    }),
  );
}
