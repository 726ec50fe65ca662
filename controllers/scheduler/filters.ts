/**
 * The questions a worker must answer with yes before a task is placed on it. Each filter can check and explain; the
 * reasons are the vocabulary that scripts match. To add one: a filter here, one place in the list, one table row.
 */
import { findCondition } from '../../machinery/conditions.ts';
import { LABEL_WORKER } from '../../machinery/labels.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import { allocatableOf, atWorker, type Demand, type HostPort, portsClash } from './demand.ts';

export const PLACEMENT_REASONS = [
  'InsufficientCPU',
  'InsufficientMemory',
  'InsufficientDisk',
  'PortConflict',
  'SelectorMismatch',
  'TaintNotTolerated',
  'WorkerCordoned',
  'WorkerNotReady',
] as const;
export type PlacementReason = (typeof PLACEMENT_REASONS)[number];

export interface HeldPort extends HostPort {
  /** `namespace/name` of the task that holds it. */
  readonly task: string;
}

/** A worker, and what is held of it as far as the scheduler has seen or assumed. */
export interface Candidate {
  readonly worker: Worker;
  readonly milliCpu: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly ports: readonly HeldPort[];
  readonly taskCount: number;
}

/** The same worker with this much more held of it, or with `-1` less. */
export function withShares(
  candidate: Candidate,
  shares: readonly { readonly task: string; readonly demand: Demand }[],
  sign: 1 | -1,
): Candidate {
  let { milliCpu, memoryBytes, diskBytes, ports } = candidate;
  let hasPorts = false;
  for (const { demand } of shares) {
    milliCpu += sign * demand.milliCpu;
    memoryBytes += sign * demand.memoryBytes;
    diskBytes += sign * demand.diskBytes;
    hasPorts ||= demand.hostPorts.length > 0;
  }
  if (hasPorts && sign > 0) {
    const more = shares.flatMap(({ task, demand }) => demand.hostPorts.map((port) => ({ ...port, task })));
    ports = [...ports, ...more];
  } else if (hasPorts) {
    const keys = new Set(shares.map(({ task }) => task));
    ports = ports.filter(({ task }) => !keys.has(task));
  }
  const taskCount = candidate.taskCount + sign * shares.length;
  return { worker: candidate.worker, milliCpu, memoryBytes, diskBytes, ports, taskCount };
}

/** What is asked: the task, and its demand worked out once. */
export interface Ask {
  readonly task: Task;
  readonly demand: Demand;
}

export interface Filter {
  readonly reason: PlacementReason;
  /** True where it asks only about room that tasks hold: other tasks' leaving can change its answer. */
  readonly isOfRoom?: true;
  /** True when nothing speaks against the worker. */
  check(ask: Ask, candidate: Candidate): boolean;
  /** What was wanted and what was found; called only after `check` said no. */
  explain(ask: Ask, candidate: Candidate): string;
}

/** What cannot change by waiting comes first, so that the one verdict a worker gets is the most telling. */
export const filters: readonly Filter[] = [
  {
    reason: 'SelectorMismatch',
    check: ({ task }, { worker }) => mismatch(task, worker) === undefined,
    explain: ({ task }, { worker }) => {
      const [key, wanted] = mismatch(task, worker) ?? ['', ''];
      const found = workerLabels(worker)[key];
      return `wants ${key}=${wanted}, ${found === undefined ? `has no label ${key}` : `has ${key}=${found}`}`;
    },
  },
  {
    reason: 'WorkerNotReady',
    check: (_, { worker }) =>
      worker.metadata.deletionTimestamp === undefined && readiness(worker)?.status === 'True',
    explain: (_, { worker }) => {
      if (worker.metadata.deletionTimestamp !== undefined) return 'it is being deleted';
      const ready = readiness(worker);
      return ready === undefined
        ? 'it has not reported yet'
        : `Ready is ${ready.status}, reason ${ready.reason}`;
    },
  },
  {
    reason: 'WorkerCordoned',
    check: (_, { worker }) => worker.spec?.unschedulable !== true,
    explain: () => 'spec.unschedulable is true',
  },
  {
    reason: 'TaintNotTolerated',
    check: ({ task }, { worker }) => untolerated(task, worker, 'NoSchedule').length === 0,
    explain: ({ task }, { worker }) => {
      const [taint] = untolerated(task, worker, 'NoSchedule');
      return `the worker has the taint ${taint?.key}${taint?.value === undefined ? '' : `=${taint.value}`}:NoSchedule`;
    },
  },
  {
    reason: 'InsufficientCPU',
    isOfRoom: true,
    check: ({ demand }, candidate) => demand.milliCpu === 0 || demand.milliCpu <= freeMilliCpu(candidate),
    explain: ({ demand }, candidate) =>
      `asks ${demand.milliCpu / 1000}, ${Math.max(0, freeMilliCpu(candidate)) / 1000} free`,
  },
  {
    reason: 'InsufficientMemory',
    isOfRoom: true,
    check: ({ demand }, candidate) => demand.memoryBytes === 0 || demand.memoryBytes <= freeMemory(candidate),
    explain: ({ demand }, candidate) =>
      `asks ${mebibytes(demand.memoryBytes)}, ${mebibytes(Math.max(0, freeMemory(candidate)))} free`,
  },
  {
    reason: 'InsufficientDisk',
    isOfRoom: true,
    check: ({ demand }, candidate) => demand.diskBytes === 0 || demand.diskBytes <= freeDisk(candidate),
    explain: ({ demand }, candidate) =>
      `asks ${mebibytes(demand.diskBytes)} of ephemeral-storage, ${mebibytes(Math.max(0, freeDisk(candidate)))} free`,
  },
  {
    reason: 'PortConflict',
    isOfRoom: true,
    check: (ask, candidate) => clash(ask, candidate) === undefined,
    explain: (ask, candidate) => {
      const found = clash(ask, candidate);
      if (found === undefined) return '';
      const port = `${found.port.protocol} ${found.port.hostPort}`;
      return found.holder === undefined
        ? `the task asks for ${port} twice`
        : `${port} is held by task ${found.holder}`;
    },
  },
];

/** What `workerSelector` is compared with: a worker's labels, and its own name, whatever its labels say. */
export function workerLabels({ metadata }: Worker): Readonly<Record<string, string>> {
  return { ...metadata.labels, [LABEL_WORKER]: metadata.name };
}

/** Whether nothing speaks against it: `planSchedule` would say that it fits. */
export function isFitting(ask: Ask, candidate: Candidate): boolean {
  return obstacle(ask, candidate) === undefined;
}

export function obstacle(ask: Ask, candidate: Candidate): Filter | undefined {
  return filters.find((filter) => !filter.check(ask, candidate));
}

function mismatch(task: Task, worker: Worker): readonly [key: string, wanted: string] | undefined {
  const wishes = Object.entries(task.spec.workerSelector ?? {});
  if (wishes.length === 0) return undefined;
  const labels = workerLabels(worker);
  return wishes.find(([key, wanted]) => labels[key] !== wanted);
}

type Taint = NonNullable<NonNullable<Worker['spec']>['taints']>[number];

/**
 * What keeps tasks away from a worker that is short of something, as if it were written in its spec. A task that asks for
 * CPU or memory bears with little memory, since its share is counted.
 * Source of the names and of that exception: Kubernetes documentation, "Taint nodes by condition".
 */
function pressureTaints(task: Task, worker: Worker): readonly Taint[] {
  const taints: Taint[] = [];
  for (const { type, status } of worker.status?.conditions ?? []) {
    if (status !== 'True') continue;
    if (type === 'DiskPressure') taints.push(DISK_PRESSURE);
    if (type === 'MemoryPressure' && !isCounted(task)) taints.push(MEMORY_PRESSURE);
  }
  return taints;
}

const DISK_PRESSURE: Taint = { key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' };
const MEMORY_PRESSURE: Taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };

function isCounted({ spec: { resources: { requests = {}, limits = {} } = {} } }: Task): boolean {
  return [requests.cpu, requests.memory, limits.cpu, limits.memory].some((figure) => figure !== undefined);
}

/**
 * The worker's taints of this effect that nothing in the task tolerates.
 * Source of the rules: Kubernetes documentation, "Taints and Tolerations".
 */
export function untolerated(task: Task, worker: Worker, effect: Taint['effect']): readonly Taint[] {
  const tolerations = task.spec.tolerations ?? [];
  return [...(worker.spec?.taints ?? []), ...pressureTaints(task, worker)].filter(
    (taint) =>
      taint.effect === effect &&
      !tolerations.some(
        (toleration) =>
          (toleration.effect === undefined || toleration.effect === effect) &&
          (toleration.key === undefined || toleration.key === taint.key) &&
          (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? '')),
      ),
  );
}

function readiness(worker: Worker): { status: string; reason: string } | undefined {
  return findCondition(worker.status?.conditions, 'Ready');
}

function freeMilliCpu(candidate: Candidate): number {
  return allocatableOf(candidate.worker).milliCpu - candidate.milliCpu;
}

function freeMemory(candidate: Candidate): number {
  return allocatableOf(candidate.worker).memoryBytes - candidate.memoryBytes;
}

function freeDisk(candidate: Candidate): number {
  return allocatableOf(candidate.worker).diskBytes - candidate.diskBytes;
}

/** What the task lacks there, in figures: nothing below 0, and nothing of what it does not ask for. */
export function shortfall({ demand }: Ask, candidate: Candidate): Omit<Demand, 'hostPorts'> {
  const lack = (asked: number, free: number): number => (asked === 0 ? 0 : Math.max(0, asked - free));
  return {
    milliCpu: lack(demand.milliCpu, freeMilliCpu(candidate)),
    memoryBytes: lack(demand.memoryBytes, freeMemory(candidate)),
    diskBytes: lack(demand.diskBytes, freeDisk(candidate)),
  };
}

/** The tasks that hold a port the task asks for. */
export function portHolders({ demand }: Ask, { worker, ports }: Candidate): ReadonlySet<string> {
  const held = ports.filter((other) =>
    demand.hostPorts.some((port) => portsClash(atWorker(port, worker), atWorker(other, worker))),
  );
  return new Set(held.map(({ task }) => task));
}

/** The first port that cannot be had there; without a holder it is the task itself that asks for it twice. */
function clash(
  { demand }: Ask,
  { worker, ports }: Candidate,
): { readonly port: HostPort; readonly holder?: string } | undefined {
  const own: HostPort[] = [];
  for (const wanted of demand.hostPorts) {
    const port = atWorker(wanted, worker);
    const held = ports.find((other) => portsClash(port, atWorker(other, worker)));
    if (held !== undefined) return { port, holder: held.task };
    if (own.some((other) => portsClash(port, other))) return { port };
    own.push(port);
  }
  return undefined;
}

/** `512Mi`, `0.5Mi`: one unit, so that figures in one message compare at a glance. */
function mebibytes(bytes: number): string {
  return `${Math.round((bytes / 2 ** 20) * 100) / 100}Mi`;
}
