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
import { wholeUnits } from '../../../machinery/quantity.ts';
import type { ContainerSpec, LogBounds, PublishedPort, Seccomp } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { expand, valuesOf } from '../inputs/expansion.ts';
import { containerName } from './attempts.ts';
import { wantedResources } from './resources.ts';
import { specHash } from './spechash.ts';

export interface ContainerContext {
  /** `NAME=value`, references expanded. */
  readonly env: readonly string[];
  readonly worker: string;
  readonly clusterId: string;
  readonly publishAddress: string;
  readonly attempt: number;
  /** Of the engine's machine, where they are known. */
  readonly cores?: number;
  /** Host ports of the container before, to be published again where the Task names none. */
  readonly knownPorts: readonly {
    containerPort: number;
    protocol: string;
    hostIP: string;
    hostPort: number;
  }[];
}

type SecurityContext = NonNullable<Task['spec']['securityContext']>;

/** The kernel's limit for host names. */
const HOSTNAME_LIMIT = 63;
/**
 * What Docker gives by default and Podman does not (containers.conf, default_capabilities): raw sockets, device files,
 * writing to the kernel's audit log. A Task that needs one adds it.
 */
const DROPPED_BY_DEFAULT = ['AUDIT_WRITE', 'MKNOD', 'NET_RAW'];
const DEFAULT_LOG_BYTES = 10 * 1024 * 1024;
const DEFAULT_LOG_FILES = 5;

export function containerSpec(task: Task, context: ContainerContext): ContainerSpec {
  const { spec } = task;
  const security = spec.securityContext ?? {};
  const networkMode = spec.network?.mode ?? 'bridge';
  const isConnected = networkMode !== 'host' && networkMode !== 'none';
  const hostname = hostnameOf(task, networkMode);
  const user = userOf(security);
  const valueOf = valuesOf(context.env);
  const seccomp = seccompOf(security);
  const privileged = security.privileged ?? false;
  return {
    name: containerName(identityOf(task), context.attempt),
    image: spec.image,
    labels: labelsOf(task, context),
    ...(isNonEmpty(spec.command) ? { command: spec.command.map((part) => expand(part, valueOf)) } : {}),
    ...(isNonEmpty(spec.args) ? { args: spec.args.map((part) => expand(part, valueOf)) } : {}),
    ...(spec.workingDir === undefined ? {} : { workingDir: spec.workingDir }),
    env: context.env,
    ports: isConnected ? portsOf(spec, context) : [],
    resources: wantedResources(spec, context.cores),
    ...(spec.stopSignal === undefined ? {} : { stopSignal: spec.stopSignal }),
    networkMode,
    ...(isConnected ? { networkAliases: aliasesOf(task) } : {}),
    ...(isNonEmpty(spec.network?.dns) ? { dns: spec.network.dns } : {}),
    ...(hostname === undefined ? {} : { hostname }),
    ...(spec.ioWeight === undefined ? {} : { ioWeight: spec.ioWeight }),
    ...(spec.shmSize === undefined ? {} : { shmSizeBytes: wholeUnits(spec.shmSize) }),
    ...(isNonEmpty(spec.ulimits) ? { ulimits: spec.ulimits } : {}),
    ...(spec.logs === undefined ? {} : { log: logBoundsOf(spec.logs) }),
    ...(spec.hostPID === true ? { hostPid: true } : {}),
    ...(privileged || security.allowPrivilegeEscalation === true ? {} : { noNewPrivileges: true }),
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(user === undefined ? {} : { user }),
    privileged,
    readOnlyRootFilesystem: security.readOnlyRootFilesystem ?? false,
    capabilities: capabilitiesOf(security),
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

/** Others find it by the Task's name, and by what it is called besides. */
function aliasesOf({ metadata, spec }: Task): readonly string[] {
  return [...new Set([metadata.name, ...(spec.network?.aliases ?? [])])];
}

function logBoundsOf({ maxSize, maxFiles }: NonNullable<Task['spec']['logs']>): LogBounds {
  return {
    maxBytes: maxSize === undefined ? DEFAULT_LOG_BYTES : wholeUnits(maxSize),
    maxFiles: maxFiles ?? DEFAULT_LOG_FILES,
  };
}

/** Undefined for the engine's own list; a profile's text is the worker's to read. */
function seccompOf({ seccompProfile, privileged }: SecurityContext): Seccomp | undefined {
  return seccompProfile?.type === 'Unconfined' && privileged !== true ? 'unconfined' : undefined;
}

/** What a Task adds wins over what is dropped by default; what it drops itself is dropped. */
function capabilitiesOf({ capabilities, privileged }: SecurityContext): ContainerSpec['capabilities'] {
  const { add = [], drop = [] } = capabilities ?? {};
  if (privileged === true || add.includes('ALL') || drop.includes('ALL')) return { add, drop };
  const byDefault = DROPPED_BY_DEFAULT.filter((name) => !add.includes(name) && !drop.includes(name));
  return { add, drop: [...drop, ...byDefault] };
}

function isNonEmpty<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}

function userOf(security: SecurityContext): string | undefined {
  const { runAsUser, runAsGroup } = security;
  if (runAsUser === undefined) return runAsGroup === undefined ? undefined : `0:${runAsGroup}`;
  return runAsGroup === undefined ? String(runAsUser) : `${runAsUser}:${runAsGroup}`;
}
