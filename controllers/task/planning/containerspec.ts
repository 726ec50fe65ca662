/** A Task as the settings of its next container. */
import {
  LABEL_ATTEMPT,
  LABEL_CLUSTER,
  LABEL_EPOCH,
  LABEL_SPEC_HASH,
  LABEL_TASK,
  LABEL_UID,
  LABEL_WORKER,
  NAMESPACE_DEFAULT,
} from '../../../machinery/labels.ts';
import type { ContainerSpec, PublishedPort } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { containerName } from './attempts.ts';
import { wantedResources } from './resources.ts';
import { specHash } from './spechash.ts';

export interface ContainerContext {
  readonly worker: string;
  readonly clusterId: string;
  readonly publishAddress: string;
  readonly attempt: number;
  /** Host ports of the container before, to be published again where the Task names none. */
  readonly knownPorts: readonly {
    containerPort: number;
    protocol: string;
    hostIP: string;
    hostPort: number;
  }[];
}

/** The kernel's limit for host names. */
const HOSTNAME_LIMIT = 63;

export function containerSpec(task: Task, context: ContainerContext): ContainerSpec {
  const { spec } = task;
  const security = spec.securityContext ?? {};
  const networkMode = spec.network?.mode ?? 'bridge';
  const hostname = hostnameOf(task, networkMode);
  const user = userOf(security);
  return {
    name: containerName(identityOf(task), context.attempt),
    image: spec.image,
    labels: labelsOf(task, context),
    ...(spec.command === undefined || spec.command.length === 0 ? {} : { command: spec.command }),
    ...(spec.args === undefined || spec.args.length === 0 ? {} : { args: spec.args }),
    ...(spec.workingDir === undefined ? {} : { workingDir: spec.workingDir }),
    env: (spec.env ?? []).map(({ name, value }) => `${name}=${value ?? ''}`),
    ports: networkMode === 'bridge' ? portsOf(spec, context) : [],
    resources: wantedResources(spec),
    ...(spec.stopSignal === undefined ? {} : { stopSignal: spec.stopSignal }),
    networkMode,
    ...(hostname === undefined ? {} : { hostname }),
    ...(user === undefined ? {} : { user }),
    privileged: security.privileged ?? false,
    readOnlyRootFilesystem: security.readOnlyRootFilesystem ?? false,
    capabilities: { add: security.capabilities?.add ?? [], drop: security.capabilities?.drop ?? [] },
  };
}

export function identityOf(task: Task): { namespace: string; name: string; uid: string } {
  const { namespace = NAMESPACE_DEFAULT, name, uid = '' } = task.metadata;
  return { namespace, name, uid };
}

function labelsOf(task: Task, context: ContainerContext): Record<string, string> {
  const { namespace, name, uid } = identityOf(task);
  return {
    ...task.metadata.labels,
    [LABEL_CLUSTER]: context.clusterId,
    [LABEL_WORKER]: context.worker,
    [LABEL_TASK]: `${namespace}/${name}`,
    [LABEL_UID]: uid,
    [LABEL_EPOCH]: String(task.spec.bindingEpoch ?? 0),
    [LABEL_ATTEMPT]: String(context.attempt),
    [LABEL_SPEC_HASH]: specHash(task.spec),
  };
}

/** A port without hostPort gets the one it had under this binding, else whatever the engine finds free (0). */
function portsOf(spec: Task['spec'], context: ContainerContext): PublishedPort[] {
  return (spec.ports ?? [])
    .filter((port) => port.publish !== false)
    .map(({ containerPort, protocol = 'TCP', hostIP = context.publishAddress, hostPort }) => {
      const known = context.knownPorts.find(
        (port) =>
          port.containerPort === containerPort && port.protocol === protocol && port.hostIP === hostIP,
      );
      return { containerPort, protocol, hostIP, hostPort: hostPort ?? known?.hostPort ?? 0 };
    });
}

function hostnameOf(task: Task, mode: ContainerSpec['networkMode']): string | undefined {
  if (task.spec.network?.hostname !== undefined) return task.spec.network.hostname;
  // A container on the worker's own network keeps the worker's name.
  if (mode === 'host') return undefined;
  return task.metadata.name.slice(0, HOSTNAME_LIMIT).replace(/[^a-z0-9]+$/, '');
}

function userOf(security: NonNullable<Task['spec']['securityContext']>): string | undefined {
  const { runAsUser, runAsGroup } = security;
  if (runAsUser === undefined) return runAsGroup === undefined ? undefined : `0:${runAsGroup}`;
  return runAsGroup === undefined ? String(runAsUser) : `${runAsUser}:${runAsGroup}`;
}
