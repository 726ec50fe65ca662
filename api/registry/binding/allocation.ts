/**
 * What is set aside on each worker, so that no two schedulers can overfill one or give a host port twice.
 *
 * One record per worker in the store, beside the objects. It changes only in the same commit as the Task it is about:
 * an entry comes with the binding, follows the Task's spec, and goes when the Task has ended or is removed. The
 * functions here are pure: they read a record and say what it becomes, or what does not fit.
 */
import { isRecord, isSameJson } from '../../../machinery/json.ts';
import { formatBytes, formatMilli, milliUnits, wholeUnits } from '../../../machinery/quantity.ts';
import type { PortProtocol } from '../../../machinery/runtime.ts';
import type { Task, Worker } from '../../../schemas/types.gen.ts';

export interface HostPort {
  /** Empty where neither the Task nor its worker says: it clashes with every address. */
  readonly hostIP: string;
  readonly hostPort: number;
  readonly protocol: PortProtocol;
}

export interface Demand {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  /** Of the worker's disk; absent is nothing, as in records of before it was counted. */
  readonly diskBytes?: number;
  readonly hostPorts: readonly HostPort[];
}

export interface AllocationEntry extends Demand {
  readonly namespace: string;
  readonly name: string;
  readonly epoch: number;
}

export interface AllocationRecord {
  readonly worker: string;
  /** By the Task's uid. */
  readonly tasks: Readonly<Record<string, AllocationEntry>>;
}

/** What does not fit, and the field that asks for it. */
export interface Misfit {
  readonly field: string;
  readonly found: unknown;
  readonly message: string;
}

type TaskPort = NonNullable<Task['spec']['ports']>[number];

const WILDCARDS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

export function emptyRecord(worker: string): AllocationRecord {
  return { worker, tasks: {} };
}

/** Throws when the bytes are no allocation record: only this file's writer makes them. */
export function parseRecord(value: Uint8Array, worker: string): AllocationRecord {
  const record: unknown = JSON.parse(
    Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString(),
  );
  if (!isAllocationRecord(record))
    throw new Error(`the allocation record of worker "${worker}" is not readable`);
  return record;
}

function isAllocationRecord(value: unknown): value is AllocationRecord {
  return isRecord(value) && typeof value['worker'] === 'string' && isRecord(value['tasks']);
}

/** What a Task takes on its worker. Requests default to limits; absent is nothing. */
export function demandOf(task: Task, worker: Worker | undefined): Demand {
  const { requests = {}, limits = {} } = task.spec.resources ?? {};
  const disk = requests['ephemeral-storage'] ?? limits['ephemeral-storage'];
  return {
    milliCpu: milliUnits(requests.cpu ?? limits.cpu ?? 0),
    memoryBytes: wholeUnits(requests.memory ?? limits.memory ?? 0),
    ...(disk === undefined ? {} : { diskBytes: wholeUnits(disk) }),
    hostPorts: (task.spec.ports ?? []).flatMap((port) => hostPortOf(task, port, worker) ?? []),
  };
}

/** Undefined where the port takes none that is known beforehand. */
function hostPortOf(task: Task, port: TaskPort, worker: Worker | undefined): HostPort | undefined {
  const protocol = port.protocol ?? 'TCP';
  if (task.spec.network?.mode === 'host')
    return { hostIP: '0.0.0.0', hostPort: port.containerPort, protocol };
  if (port.hostPort === undefined || port.publish === false) return undefined;
  const hostIP = port.hostIP ?? worker?.status?.addresses?.[0]?.address ?? '';
  return { hostIP, hostPort: port.hostPort, protocol };
}

export function isClash(a: HostPort, b: HostPort): boolean {
  return (
    a.hostPort === b.hostPort &&
    a.protocol === b.protocol &&
    (a.hostIP === b.hostIP || WILDCARDS.has(a.hostIP) || WILDCARDS.has(b.hostIP))
  );
}

/**
 * The first thing the worker cannot give to the Task, beside what others hold. What the Task holds already it may
 * keep, even where the worker has become smaller than what was promised.
 */
export function findMisfit(
  record: AllocationRecord,
  task: Task,
  demand: Demand,
  worker: Worker | undefined,
): Misfit | undefined {
  const uid = task.metadata.uid ?? '';
  const held = record.tasks[uid];
  const others = Object.entries(record.tasks).filter(([other]) => other !== uid);
  const { cpu, memory, 'ephemeral-storage': disk } = worker?.status?.allocatable ?? {};
  const used = (of: (entry: AllocationEntry) => number): number =>
    others.reduce((sum, [, entry]) => sum + of(entry), 0);
  const freeCpu = milliUnits(cpu ?? 0) - used((entry) => entry.milliCpu);
  if (demand.milliCpu > Math.max(freeCpu, held?.milliCpu ?? 0)) {
    return resourceMisfit(task, record.worker, 'cpu', formatMilli(Math.max(0, freeCpu)));
  }
  const freeMemory = wholeUnits(memory ?? 0) - used((entry) => entry.memoryBytes);
  if (demand.memoryBytes > Math.max(freeMemory, held?.memoryBytes ?? 0)) {
    return resourceMisfit(task, record.worker, 'memory', formatBytes(Math.max(0, freeMemory)));
  }
  // A worker that does not say how much it has is not counted.
  if (disk !== undefined) {
    const freeDisk = wholeUnits(disk) - used((entry) => entry.diskBytes ?? 0);
    if ((demand.diskBytes ?? 0) > Math.max(freeDisk, held?.diskBytes ?? 0)) {
      return resourceMisfit(task, record.worker, 'ephemeral-storage', formatBytes(Math.max(0, freeDisk)));
    }
  }
  return portMisfit(task, record.worker, others, worker);
}

function resourceMisfit(
  task: Task,
  worker: string,
  resource: 'cpu' | 'memory' | 'ephemeral-storage',
  free: string,
): Misfit {
  const { requests = {}, limits = {} } = task.spec.resources ?? {};
  const list = requests[resource] === undefined ? 'limits' : 'requests';
  const found = requests[resource] ?? limits[resource];
  return {
    field: `spec.resources.${list}.${resource}`,
    found,
    message: `worker "${worker}" has ${free} of ${resource} free, the task asks for ${String(found)}`,
  };
}

function portMisfit(
  task: Task,
  worker: string,
  others: readonly (readonly [uid: string, entry: AllocationEntry])[],
  node: Worker | undefined,
): Misfit | undefined {
  const own: HostPort[] = [];
  for (const [index, port] of (task.spec.ports ?? []).entries()) {
    const wanted = hostPortOf(task, port, node);
    if (wanted === undefined) continue;
    const holder = others.find(([, entry]) => entry.hostPorts.some((taken) => isClash(taken, wanted)))?.[1];
    const isOwn = own.some((taken) => isClash(taken, wanted));
    if (holder !== undefined || isOwn) {
      const by =
        holder === undefined ? 'another port of this task' : `task ${holder.namespace}/${holder.name}`;
      return {
        field: `spec.ports[${index}].${port.hostPort === undefined ? 'containerPort' : 'hostPort'}`,
        found: wanted.hostPort,
        message: `host port ${wanted.hostPort}/${wanted.protocol} of worker "${worker}" is taken by ${by}`,
      };
    }
    own.push(wanted);
  }
  return undefined;
}

export function withEntry(
  record: AllocationRecord,
  task: Task,
  demand: Demand,
  epoch: number,
): AllocationRecord {
  const { uid = '', name, namespace = '' } = task.metadata;
  return { ...record, tasks: { ...record.tasks, [uid]: { namespace, name, epoch, ...demand } } };
}

export function withoutEntry(record: AllocationRecord, uid: string): AllocationRecord {
  const { [uid]: _released, ...tasks } = record.tasks;
  return { ...record, tasks };
}

export interface Settlement {
  /** The Task as it is to be written: its binding may have been cleared. */
  readonly task: Task | undefined;
  /** The record as it is to be written; the very same when nothing changes. */
  readonly record: AllocationRecord;
  readonly misfit?: Misfit;
}

const ENDED: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Stopped']);

/** The worker whose record a write of a Task may touch; undefined for writes that leave it alone. */
export function workerToSettle(before: Task, after: Task | undefined): string | undefined {
  const worker = before.spec.workerName;
  if (worker === undefined) return undefined;
  const isTouching = after === undefined || isEnding(before, after) || hasNewSpec(before, after);
  return isTouching ? worker : undefined;
}

/** What a write of a bound Task means for its worker's record. `after` undefined is its removal. */
export function settle(
  before: Task,
  after: Task | undefined,
  record: AllocationRecord,
  worker: Worker | undefined,
): Settlement {
  const uid = before.metadata.uid ?? '';
  const held = record.tasks[uid];
  if (after === undefined) {
    return { task: undefined, record: held === undefined ? record : withoutEntry(record, uid) };
  }
  if (hasNewSpec(before, after)) {
    // Ended and changed: it is to run anew, and must find its place again.
    if (held === undefined) return { task: isToRun(after) ? unbound(after) : after, record };
    const demand = demandOf(after, worker);
    if (isSameDemand(demand, held)) return { task: after, record };
    const misfit = findMisfit(record, after, demand, worker);
    return { task: after, record: withEntry(record, after, demand, held.epoch), ...(misfit && { misfit }) };
  }
  if (isEnding(before, after) && held !== undefined)
    return { task: after, record: withoutEntry(record, uid) };
  return { task: after, record };
}

/** Whether the write says that the Task ended, and not only repeats what was said of an earlier spec. */
function isEnding(before: Task, { status, metadata }: Task): boolean {
  if (!ENDED.has(status?.phase ?? '')) return false;
  return before.status?.phase !== status?.phase || status?.observedGeneration === metadata.generation;
}

function hasNewSpec(before: Task, after: Task): boolean {
  return before.metadata.generation !== after.metadata.generation && !isSameJson(before.spec, after.spec);
}

function isToRun(task: Task): boolean {
  return task.spec.desiredState !== 'Stopped' && task.metadata.deletionTimestamp === undefined;
}

function unbound(task: Task): Task {
  const { workerName: _ended, ...spec } = task.spec;
  return { ...task, spec };
}

function isSameDemand(demand: Demand, entry: AllocationEntry): boolean {
  const { milliCpu, memoryBytes, diskBytes, hostPorts } = entry;
  const held = { milliCpu, memoryBytes, ...(diskBytes === undefined ? {} : { diskBytes }), hostPorts };
  return isSameJson(demand, held);
}
