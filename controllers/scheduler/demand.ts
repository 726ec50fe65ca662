/** What a task asks of a worker, what a worker has, and what bound tasks hold of it: plain figures. Pure. */
import { milliUnits, wholeUnits } from '../../machinery/quantity.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';

export interface HostPort {
  /** Empty: the worker's publish address. */
  readonly hostIP: string;
  readonly hostPort: number;
  readonly protocol: 'TCP' | 'UDP';
}

export interface Demand {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  /** Of the worker's disk. */
  readonly diskBytes: number;
  readonly hostPorts: readonly HostPort[];
}

/** Requests; where absent, limits; where both are absent, nothing. Only ports with a fixed number can clash. */
export function demandOf(task: Task): Demand {
  const { requests, limits } = task.spec.resources ?? {};
  const isHostNetwork = task.spec.network?.mode === 'host';
  const hostPorts: HostPort[] = [];
  for (const port of task.spec.ports ?? []) {
    const protocol = port.protocol ?? 'TCP';
    // On the worker's own network the container listens there itself, published or not.
    if (isHostNetwork) hostPorts.push({ hostIP: '0.0.0.0', hostPort: port.containerPort, protocol });
    else if (port.hostPort !== undefined && port.publish !== false) {
      hostPorts.push({ hostIP: port.hostIP ?? '', hostPort: port.hostPort, protocol });
    }
  }
  return {
    milliCpu: milliUnits(requests?.cpu ?? limits?.cpu ?? 0),
    memoryBytes: wholeUnits(requests?.memory ?? limits?.memory ?? 0),
    diskBytes: wholeUnits(requests?.['ephemeral-storage'] ?? limits?.['ephemeral-storage'] ?? 0),
    hostPorts,
  };
}

/** Two ports on one worker clash when number and protocol are equal and their addresses meet. */
export function portsClash(a: HostPort, b: HostPort): boolean {
  if (a.hostPort !== b.hostPort || a.protocol !== b.protocol) return false;
  // Empty where neither the task nor the worker says: it may be any.
  const isEverywhere = (ip: string): boolean => ip === '' || ip === '0.0.0.0' || ip === '::';
  return a.hostIP === b.hostIP || isEverywhere(a.hostIP) || isEverywhere(b.hostIP);
}

export interface Room {
  readonly milliCpu: number;
  readonly memoryBytes: number;
  /** Infinite for a worker that does not say: its disk is not counted. */
  readonly diskBytes: number;
}

/** Read once: a worker's figures are looked at for every task that waits. */
const rooms = new WeakMap<Worker, Room>();

export function allocatableOf(worker: Worker): Room {
  const known = rooms.get(worker);
  if (known !== undefined) return known;
  const room = roomOf(worker);
  rooms.set(worker, room);
  return room;
}

function roomOf(worker: Worker): Room {
  const { allocatable } = worker.status ?? {};
  const disk = allocatable?.['ephemeral-storage'];
  return {
    milliCpu: milliUnits(allocatable?.cpu ?? 0),
    memoryBytes: wholeUnits(allocatable?.memory ?? 0),
    diskBytes: disk === undefined ? Number.POSITIVE_INFINITY : wholeUnits(disk),
  };
}

/** Where a port without an address of its own is published: the worker's first address, when it says so. */
export function atWorker(port: HostPort, worker: Worker): HostPort {
  if (port.hostIP !== '') return port;
  return { ...port, hostIP: worker.status?.addresses?.[0]?.address ?? '' };
}

/** The status speaks of the spec as it is now, and says that the task needs nothing any more. */
export function hasEnded(task: Task): boolean {
  const { phase, observedGeneration } = task.status ?? {};
  const isOver = phase === 'Succeeded' || phase === 'Failed' || phase === 'Stopped';
  return isOver && observedGeneration === task.metadata.generation;
}

/** A bound task holds its share of the worker until its end is recorded (the registry's rule for allocations). */
export function holdsShare(task: Task): boolean {
  return task.spec.workerName !== undefined && !hasEnded(task);
}

/** Waits for a worker: nobody has bound it, and it wants to run. */
export function needsWorker(task: Task): boolean {
  return (
    task.spec.workerName === undefined &&
    task.metadata.deletionTimestamp === undefined &&
    (task.spec.desiredState ?? 'Running') === 'Running' &&
    !hasEnded(task)
  );
}

/** Taken off its worker, and that worker has not said yet that its container has stopped. */
export function isLeaving({ spec, status }: Task): boolean {
  return spec.workerName === undefined && (status?.phase === 'Running' || status?.phase === 'Unknown');
}

/** Absent is 0, as in the schema's words. */
export function priorityOf({ spec }: Task): number {
  return spec.priority ?? 0;
}
