/** What a worker says of itself. Pure: from what the engine answered to the Worker's status. */
import { type ConditionInput, setCondition } from '../machinery/conditions.ts';
import { formatBytes, formatMilli } from '../machinery/quantity.ts';
import type { RuntimeInfo } from '../machinery/runtime.ts';
import type { Worker } from '../schemas/types.gen.ts';
import type { Pressure } from './disk/pressure.ts';

export type WorkerStatus = NonNullable<Worker['status']>;

/** Kept back for the machine itself: what tasks may ask for is the capacity without it. */
export interface Reserve {
  readonly milliCpu: number;
  readonly memoryBytes: number;
}

export type EngineReport =
  | { readonly isUp: true; readonly info: RuntimeInfo }
  /** `message`: the engine's or the connection's own words. */
  | { readonly isUp: false; readonly message: string };

export interface WorkerFacts {
  readonly report: EngineReport;
  /** What the machine is short of; undefined where nobody could tell. */
  readonly pressure?: Pressure;
  readonly reserve: Reserve;
  readonly publishAddress: string;
  readonly agentVersion: string;
  readonly nowMs: number;
}

/** The stored status with what is known now; the very same object when it says so already. */
export function workerStatus(worker: Worker, facts: WorkerFacts): WorkerStatus {
  const old = worker.status ?? {};
  const { report, pressure = {}, nowMs } = facts;
  const generation = worker.metadata.generation;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  let conditions = old.conditions;
  for (const condition of [...conditionsOf(report), ...pressureConditions(pressure)]) {
    conditions = [...setCondition(conditions, { ...condition, ...observed }, nowMs)];
  }
  const next: WorkerStatus = {
    ...old,
    // An engine that is down says nothing: what it said last is still the best that is known.
    ...(report.isUp ? machineOf(report.info, facts) : {}),
    addresses: addressesOf(facts.publishAddress, report, old),
    ...(conditions === undefined ? {} : { conditions }),
    ...observed,
  };
  return next;
}

function conditionsOf(report: EngineReport): readonly ConditionInput[] {
  if (report.isUp) {
    return [
      {
        type: 'Ready',
        status: 'True',
        reason: 'AgentReady',
        message: 'the agent runs and its engine answers',
      },
      {
        type: 'RuntimeReady',
        status: 'True',
        reason: 'RuntimeReady',
        message: 'the container engine answers',
      },
    ];
  }
  const down = { status: 'False', reason: 'RuntimeDown', message: report.message } as const;
  return [
    { type: 'Ready', ...down },
    { type: 'RuntimeReady', ...down },
  ];
}

/** In kubelet's words, with the agent in its place. */
function pressureConditions({ disk, memory }: Pressure): readonly ConditionInput[] {
  const conditions: ConditionInput[] = [];
  if (memory !== undefined) {
    const reason = memory.isShort ? 'AgentHasInsufficientMemory' : 'AgentHasSufficientMemory';
    const status = memory.isShort ? 'True' : 'False';
    conditions.push({ type: 'MemoryPressure', status, reason, message: memory.message });
  }
  if (disk !== undefined) {
    const reason = disk.isShort ? 'AgentHasDiskPressure' : 'AgentHasNoDiskPressure';
    const status = disk.isShort ? 'True' : 'False';
    conditions.push({ type: 'DiskPressure', status, reason, message: disk.message });
  }
  return conditions;
}

function machineOf(
  info: RuntimeInfo,
  { reserve, agentVersion, pressure }: WorkerFacts,
): Pick<WorkerStatus, 'capacity' | 'allocatable' | 'info'> {
  const milliCpu = info.cpus * 1000;
  const diskBytes = pressure?.disk?.totalBytes;
  const disk = (bytes: number): { 'ephemeral-storage'?: string } =>
    diskBytes === undefined ? {} : { 'ephemeral-storage': formatBytes(Math.floor(bytes)) };
  return {
    capacity: {
      cpu: formatMilli(milliCpu),
      memory: formatBytes(info.memoryBytes),
      ...disk(diskBytes ?? 0),
    },
    allocatable: {
      cpu: formatMilli(Math.max(0, milliCpu - reserve.milliCpu)),
      memory: formatBytes(Math.max(0, info.memoryBytes - reserve.memoryBytes)),
      // What is below the threshold of pressure nobody may ask for.
      ...disk((diskBytes ?? 0) * (1 - (pressure?.disk?.reservedShare ?? 0))),
    },
    info: {
      os: info.os,
      arch: info.arch,
      kernel: info.kernel,
      dockerVersion: info.engineVersion,
      agentVersion,
    },
  };
}

function addressesOf(
  publishAddress: string,
  report: EngineReport,
  old: WorkerStatus,
): NonNullable<WorkerStatus['addresses']> {
  const hostname = report.isUp
    ? report.info.hostname
    : old.addresses?.find(({ type }) => type === 'Hostname')?.address;
  return [
    { type: 'InternalIP', address: publishAddress },
    ...(hostname === undefined ? [] : [{ type: 'Hostname' as const, address: hostname }]),
  ];
}
