/** A Task's requests and limits as an engine's settings, and the difference between wanted and found ones. */
import { parseQuantity, wholeUnits } from '../../../machinery/quantity.ts';
import type { Resources } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';

/** The engine's weight of a container that asked for none. */
const DEFAULT_CPU_SHARES = 1024;
const MIN_CPU_SHARES = 2;
/** Enough for anything but a fork bomb. */
const DEFAULT_PIDS_LIMIT = 4096;

/**
 * Limits are limits; the CPU request (by default the limit) becomes the weight, 1024 a core as Kubernetes has it.
 * @param cores of the machine: an engine refuses a limit above them, which for Kubernetes is none.
 */
export function wantedResources(spec: Task['spec'], cores = Number.POSITIVE_INFINITY): Resources {
  const { limits, requests } = spec.resources ?? {};
  const nanoCpus =
    limits?.cpu === undefined ? undefined : Math.min(Number(parseQuantity(limits.cpu) ?? 0n), cores * 1e9);
  const request = requests?.cpu ?? limits?.cpu;
  return {
    ...(nanoCpus === undefined ? {} : { nanoCpus }),
    ...(limits?.memory === undefined ? {} : { memoryBytes: wholeUnits(limits.memory) }),
    ...(request === undefined ? {} : { cpuShares: cpuSharesOf(request) }),
    pidsLimit: spec.pidsLimit ?? DEFAULT_PIDS_LIMIT,
  };
}

function cpuSharesOf(cpu: string | number): number {
  const nano = Number(parseQuantity(cpu) ?? 0n);
  return Math.max(MIN_CPU_SHARES, Math.floor((nano * DEFAULT_CPU_SHARES) / 1e9));
}

/** The limits that the container has and the Task does not want: only a new container is without them. */
export function surplusLimits(wanted: Resources, found: Resources): readonly string[] {
  const surplus: string[] = [];
  if (wanted.nanoCpus === undefined && found.nanoCpus !== undefined) surplus.push('cpu');
  if (wanted.memoryBytes === undefined && found.memoryBytes !== undefined) surplus.push('memory');
  return surplus;
}

/**
 * What to change in place; undefined when everything is as wanted. A container without a limit on processes was made
 * before there was one by default, and stays as it is: an upgrade changes nothing that runs.
 */
export function resourceUpdate(wanted: Resources, found: Resources): Resources | undefined {
  const shares = wanted.cpuShares ?? DEFAULT_CPU_SHARES;
  const update: Resources = {
    ...(wanted.nanoCpus === undefined || wanted.nanoCpus === found.nanoCpus
      ? {}
      : { nanoCpus: wanted.nanoCpus }),
    ...(wanted.memoryBytes === undefined || wanted.memoryBytes === found.memoryBytes
      ? {}
      : { memoryBytes: wanted.memoryBytes }),
    ...(shares === (found.cpuShares ?? DEFAULT_CPU_SHARES) ? {} : { cpuShares: shares }),
    ...(wanted.pidsLimit === undefined ||
    wanted.pidsLimit === found.pidsLimit ||
    (wanted.pidsLimit === DEFAULT_PIDS_LIMIT && found.pidsLimit === undefined)
      ? {}
      : { pidsLimit: wanted.pidsLimit }),
  };
  return Object.keys(update).length === 0 ? undefined : update;
}
