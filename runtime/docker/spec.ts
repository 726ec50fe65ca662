/** `ContainerSpec` and `Resources` in the words of Docker's create and update calls. Pure. */
import { isIP } from 'node:net';
import type { ContainerCreateOptions, HostConfig, MountSettings } from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type {
  ContainerSpec,
  LogBounds,
  Mount,
  PublishedPort,
  Resources,
  Seccomp,
} from '../../machinery/runtime.ts';

/** A container may not fill the disk with its log: five files of 10 MiB, the oldest goes first. */
const DEFAULT_LOG: LogBounds = { maxBytes: 10 * 1024 * 1024, maxFiles: 5 };

/** The engine's own networks: what a container on one of them is called elsewhere the engine does not take. */
const OWN_NETWORKS: ReadonlySet<string> = new Set(['bridge', 'default', 'host', 'none']);

/** Throws `InvalidSpec` for what Docker would take and turn into something else. */
export function createBody(spec: ContainerSpec): ContainerCreateOptions {
  const isPublishing = spec.networkMode !== 'host' && spec.networkMode !== 'none';
  const ports = isPublishing ? spec.ports : [];
  return {
    Image: spec.image,
    Labels: { ...spec.labels },
    Env: [...spec.env],
    // An entry point without a command drops the image's command too: Kubernetes' rule for `command` without `args`.
    ...(spec.command === undefined ? {} : { Entrypoint: [...spec.command] }),
    ...(spec.args === undefined ? {} : { Cmd: [...spec.args] }),
    ...(spec.workingDir === undefined ? {} : { WorkingDir: spec.workingDir }),
    ...(spec.stopSignal === undefined ? {} : { StopSignal: spec.stopSignal }),
    ...(spec.hostname === undefined ? {} : { Hostname: spec.hostname }),
    ...(spec.user === undefined ? {} : { User: spec.user }),
    ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
    HostConfig: {
      NetworkMode: spec.networkMode,
      PortBindings: portBindings(ports),
      // Restarts are the controller's: Docker's own backs off, and starts a container behind everyone's back.
      RestartPolicy: { Name: 'no' },
      LogConfig: logConfig(spec.log ?? DEFAULT_LOG),
      Privileged: spec.privileged,
      ReadonlyRootfs: spec.readOnlyRootFilesystem,
      CapAdd: [...spec.capabilities.add],
      CapDrop: [...spec.capabilities.drop],
      ...resourceSettings(spec.resources),
      ...placeSettings(spec),
      ...securitySettings(spec),
    },
    ...networkingConfig(spec),
  };
}

/** Absent limits are left out: at creation that is no limit, in an update it stays as it is. */
export function resourceSettings(
  resources: Resources,
): Pick<HostConfig, 'NanoCpus' | 'Memory' | 'MemorySwap' | 'CpuShares' | 'PidsLimit'> {
  const { nanoCpus, memoryBytes, cpuShares, pidsLimit } = resources;
  return {
    ...(nanoCpus === undefined ? {} : { NanoCpus: nanoCpus }),
    // Memory and swap together, the same figure: no swap beyond the limit, and a limit that can be raised later
    // (Docker refuses one above the old sum).
    ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpuShares === undefined ? {} : { CpuShares: cpuShares }),
    ...(pidsLimit === undefined ? {} : { PidsLimit: pidsLimit }),
  };
}

/** What it has of the machine besides its limits. */
function placeSettings(
  spec: ContainerSpec,
): Pick<HostConfig, 'BlkioWeight' | 'Mounts' | 'ShmSize' | 'Ulimits' | 'Dns' | 'PidMode'> {
  const { mounts = [], ulimits = [], dns = [] } = spec;
  return {
    // Not `Binds`, for which the engine makes a folder of root's wherever there is none.
    ...(mounts.length === 0 ? {} : { Mounts: mounts.map(mountSettings) }),
    ...(spec.ioWeight === undefined ? {} : { BlkioWeight: spec.ioWeight }),
    ...(spec.shmSizeBytes === undefined ? {} : { ShmSize: spec.shmSizeBytes }),
    ...(ulimits.length === 0
      ? {}
      : { Ulimits: ulimits.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })) }),
    ...(dns.length === 0 ? {} : { Dns: [...dns] }),
    ...(spec.hostPid === true ? { PidMode: 'host' } : {}),
  };
}

function securitySettings(spec: ContainerSpec): Pick<HostConfig, 'SecurityOpt' | 'UsernsMode'> {
  const options = [
    ...(spec.noNewPrivileges === true ? ['no-new-privileges'] : []),
    ...seccompOption(spec.seccomp ?? 'default'),
  ];
  // An engine with user namespaces refuses these in one; to an engine without it is all the same.
  const isOfTheMachine = spec.privileged || spec.networkMode === 'host' || spec.hostPid === true;
  return {
    ...(options.length === 0 ? {} : { SecurityOpt: options }),
    ...(isOfTheMachine ? { UsernsMode: 'host' } : {}),
  };
}

/** An engine takes the text of a profile, not the name of a file. */
function seccompOption(seccomp: Seccomp): readonly string[] {
  if (seccomp === 'default') return [];
  return [`seccomp=${seccomp === 'unconfined' ? seccomp : seccomp.profile}`];
}

function mountSettings(mount: Mount): MountSettings {
  const { target, readOnly } = mount;
  const source = mount.kind === 'bind' ? mount.source : mount.name;
  return { Type: mount.kind, Source: source, Target: target, ReadOnly: readOnly };
}

function logConfig({ maxBytes, maxFiles }: LogBounds): HostConfig['LogConfig'] {
  // The `json-file` driver keeps text only: bytes that are not UTF-8 are lost. What is compressed cannot be read in place.
  const bounds = { 'max-size': String(maxBytes), 'max-file': String(maxFiles), compress: 'false' };
  return { Type: 'local', Config: bounds };
}

function networkingConfig(spec: ContainerSpec): Pick<ContainerCreateOptions, 'NetworkingConfig'> {
  const { networkMode, networkAliases = [] } = spec;
  if (networkAliases.length === 0 || OWN_NETWORKS.has(networkMode)) return {};
  return { NetworkingConfig: { EndpointsConfig: { [networkMode]: { Aliases: [...networkAliases] } } } };
}

type PortBindings = Record<string, { HostIp: string; HostPort: string }[]>;

function portBindings(ports: readonly PublishedPort[]): PortBindings {
  const bindings: PortBindings = {};
  for (const port of ports) {
    // Docker 20.10 publishes on every address of the machine when it cannot read this one.
    if (isIP(port.hostIP) === 0) {
      throw new RuntimeError(
        'InvalidSpec',
        `port ${portKey(port)}: found hostIP "${port.hostIP}", wanted an IP address such as 127.0.0.1`,
      );
    }
    const list = (bindings[portKey(port)] ??= []);
    list.push({ HostIp: port.hostIP, HostPort: port.hostPort === 0 ? '' : String(port.hostPort) });
  }
  return bindings;
}

function portKey(port: PublishedPort): string {
  return `${port.containerPort}/${port.protocol.toLowerCase()}`;
}
