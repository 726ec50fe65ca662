/** What Docker tells of containers and of itself, in the words of `Runtime`. Pure. */
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type {
  ContainerDetail,
  ContainerState,
  ContainerSummary,
  PublishedPort,
  Resources,
  RuntimeEvent,
  RuntimeInfo,
} from '../../machinery/runtime.ts';

const STATES: ReadonlySet<string> = new Set<ContainerState>([
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
]);

/** Docker's way to say never. */
const NEVER = '0001-01-01T00:00:00Z';

/** Docker names the machine as uname does; images and Kubernetes use Go's names. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'arm',
  armv6l: 'arm',
  i386: '386',
  i686: '386',
};

/** What the engine adds to a container's labels in an event. */
const EVENT_ATTRIBUTES: ReadonlySet<string> = new Set([
  'image',
  'name',
  'oldName',
  'exitCode',
  'execDuration',
  'signal',
  'execID',
]);

export function summaryOf(info: ContainerInfo): ContainerSummary {
  return {
    id: info.Id,
    // Links of other containers to this one show up as further names, with a second slash.
    name: (info.Names.find((name) => name.lastIndexOf('/') === 0) ?? info.Names[0] ?? '').replace(/^\//, ''),
    labels: info.Labels ?? {},
    state: stateOf(info.State, info.Id),
    image: info.Image,
    imageId: info.ImageID,
  };
}

export function detailOf(info: ContainerInspectInfo): ContainerDetail {
  const state = stateOf(info.State.Status, info.Id);
  const isStarted = state === 'running' || state === 'paused' || state === 'restarting';
  const hasEnded = state === 'exited' || state === 'dead';
  const error = info.State.Error === '' ? undefined : info.State.Error;
  const ip = addressOf(info);
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    labels: info.Config.Labels ?? {},
    state,
    image: info.Config.Image,
    imageId: info.Image,
    createdAt: info.Created,
    ...(info.State.StartedAt === NEVER ? {} : { startedAt: info.State.StartedAt }),
    // A container started again by hand still carries the end of its last run: not an end of this one.
    ...(info.State.FinishedAt === NEVER || isStarted ? {} : { finishedAt: info.State.FinishedAt }),
    // A start that failed leaves the state at created, with an exit code and the reason.
    ...(hasEnded || (state === 'created' && error !== undefined) ? { exitCode: info.State.ExitCode } : {}),
    oomKilled: info.State.OOMKilled,
    ...(error === undefined ? {} : { error }),
    resources: resourcesOf(info),
    ports: portsOf(info),
    ...(ip === undefined ? {} : { ip }),
  };
}

/** @param isLocal whether the way to the engine ends on this machine. */
export function infoOf(info: unknown, isLocal: boolean): RuntimeInfo {
  const fields = isRecord(info) ? info : {};
  const text = (name: string): string => (typeof fields[name] === 'string' ? fields[name] : '');
  const figure = (name: string): number => (typeof fields[name] === 'number' ? fields[name] : 0);
  const machine = text('Architecture');
  const options = fields['SecurityOptions'];
  const security = (Array.isArray(options) ? options : []).filter((option) => typeof option === 'string');
  return {
    engineVersion: text('ServerVersion'),
    os: text('OSType'),
    arch: ARCHITECTURES[machine] ?? machine,
    kernel: text('KernelVersion'),
    hostname: text('Name'),
    cpus: figure('NCPU'),
    memoryBytes: figure('MemTotal'),
    dataRoot: text('DockerRootDir'),
    isLocal,
    userNamespaceBase: userNamespaceBaseOf(security, text('DockerRootDir')),
    hasSeccomp: security.some((option) => optionName(option) === 'seccomp'),
  };
}

/** What the container's own layer holds; the engine tells only when it is asked for sizes. */
export function writableBytesOf(info: ContainerInspectInfo): number {
  const bytes: unknown = Reflect.get(info, 'SizeRw');
  return typeof bytes === 'number' ? bytes : 0;
}

/** Security options are written `name=seccomp,profile=default`; engines before 1.13 said `seccomp`. */
function optionName(option: string): string {
  return (option.split(',')[0] ?? '').replace(/^name=/, '');
}

/** With user namespaces everything the engine has is in a folder of its data root named after them: `/var/lib/docker/165536.165536`. */
function userNamespaceBaseOf(security: readonly string[], dataRoot: string): number {
  if (!security.some((option) => optionName(option) === 'userns')) return 0;
  return Number(/\/(\d+)\.\d+\/?$/.exec(dataRoot)?.[1] ?? 0);
}

/** Undefined for an event that is not about a container. */
export function eventOf(line: Readonly<Record<string, unknown>>): RuntimeEvent | undefined {
  const { Type: type, Action: action, Actor: actor } = line;
  if (type !== 'container' || typeof action !== 'string' || !isRecord(actor)) return undefined;
  const { ID: containerId, Attributes: attributes } = actor;
  if (typeof containerId !== 'string') return undefined;
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(isRecord(attributes) ? attributes : {})) {
    if (typeof value === 'string' && !EVENT_ATTRIBUTES.has(key)) labels[key] = value;
  }
  const ended = action === 'die' && isRecord(attributes) ? endOf(line, attributes) : undefined;
  return { containerId, labels, action, ...(ended === undefined ? {} : { ended }) };
}

function endOf(
  { timeNano }: Readonly<Record<string, unknown>>,
  { exitCode }: Readonly<Record<string, unknown>>,
): RuntimeEvent['ended'] {
  if (typeof timeNano !== 'number' || typeof exitCode !== 'string' || !/^\d{1,3}$/.test(exitCode))
    return undefined;
  return { exitCode: Number(exitCode), finishedAt: new Date(timeNano / 1e6).toISOString() };
}

function stateOf(text: string, id: string): ContainerState {
  if (isState(text)) return text;
  throw new RuntimeError(
    'Failed',
    `container ${id}: the engine says its state is "${text}", wanted one of ${[...STATES].join(', ')}`,
  );
}

function isState(text: string): text is ContainerState {
  return STATES.has(text);
}

function resourcesOf(info: ContainerInspectInfo): Resources {
  const { NanoCpus, CpuQuota, CpuPeriod, Memory, CpuShares, PidsLimit } = info.HostConfig;
  // A limit set by hand may be written as a quota of a period (100 ms unless said) instead.
  const quota = (CpuQuota ?? 0) > 0 ? ((CpuQuota ?? 0) / (CpuPeriod || 100_000)) * 1e9 : 0;
  const nanoCpus = NanoCpus || Math.round(quota);
  return {
    ...(nanoCpus > 0 ? { nanoCpus } : {}),
    ...((Memory ?? 0) > 0 ? { memoryBytes: Memory ?? 0 } : {}),
    ...((CpuShares ?? 0) > 0 ? { cpuShares: CpuShares ?? 0 } : {}),
    ...((PidsLimit ?? 0) > 0 ? { pidsLimit: PidsLimit ?? 0 } : {}),
  };
}

/** What is really published. An address of IPv6 is told only where there is no IPv4 one for the same port. */
function portsOf(info: ContainerInspectInfo): PublishedPort[] {
  const published: PublishedPort[] = [];
  for (const [key, bindings] of Object.entries(info.NetworkSettings.Ports ?? {})) {
    const [port = '', protocol = ''] = key.split('/');
    if (protocol !== 'tcp' && protocol !== 'udp') continue;
    const all = bindings ?? [];
    const ipv4 = all.filter((binding) => !binding.HostIp.includes(':'));
    for (const binding of ipv4.length > 0 ? ipv4 : all) {
      const candidate: PublishedPort = {
        containerPort: Number(port),
        protocol: protocol === 'tcp' ? 'TCP' : 'UDP',
        hostIP: binding.HostIp === '' ? '0.0.0.0' : binding.HostIp,
        hostPort: Number(binding.HostPort),
      };
      const isKnown = published.some(
        (other) =>
          other.containerPort === candidate.containerPort &&
          other.protocol === candidate.protocol &&
          other.hostIP === candidate.hostIP &&
          other.hostPort === candidate.hostPort,
      );
      if (!isKnown && candidate.hostPort > 0) published.push(candidate);
    }
  }
  return published;
}

function addressOf(info: ContainerInspectInfo): string | undefined {
  const networks = Object.values(info.NetworkSettings.Networks ?? {});
  return networks.map((network) => network.IPAddress).find((address) => address !== '');
}
