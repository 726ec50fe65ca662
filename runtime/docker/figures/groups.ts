/**
 * A container's control groups, v1 and v2, as figures.
 * Sources: the kernel's documentation, "Control Group v2" and cgroup-v1 "cpuacct", "memory", "blkio-controller"; what is
 * counted as what follows cAdvisor.
 */
import type { ContainerFigures, DeviceFigures } from '../../../machinery/containerfigures.ts';
import { countLines, figureOf, type ReadNow, scaled, wholeOf } from './kernelfiles.ts';

export type GroupFigures = Omit<ContainerFigures, 'atMs' | 'startedAt' | 'interfaces'>;

/** Device of `8:0`. */
export type NameDevice = (number: string) => string;

const NS = 1e9;
const US = 1e6;
/** Of user programs: 100 on every machine that engines run on (sysconf(3), _SC_CLK_TCK). */
const TICKS = 100;
/** v1 writes no limit as the largest multiple of a page that it can count to. */
const NO_LIMIT = 2 ** 62;

/** Undefined when the groups are not where they usually are, or have gone. */
export function readGroups(
  groups: ReadonlyMap<string, string>,
  read: ReadNow,
  nameDevice: NameDevice,
): GroupFigures | undefined {
  return groups.has('memory') ? readV1(groups, read, nameDevice) : readV2(groups, read, nameDevice);
}

function readV1(
  groups: ReadonlyMap<string, string>,
  read: ReadNow,
  nameDevice: NameDevice,
): GroupFigures | undefined {
  const of = (controller: string, file: string): string | undefined =>
    groups.has(controller)
      ? read(`/sys/fs/cgroup/${controller}${groups.get(controller)}/${file}`)
      : undefined;
  const usageNs = wholeOf(of('cpuacct', 'cpuacct.usage'));
  const memoryUsage = wholeOf(of('memory', 'memory.usage_in_bytes'));
  if (usageNs === undefined || memoryUsage === undefined) return undefined;
  const times = of('cpuacct', 'cpuacct.stat');
  const memory = of('memory', 'memory.stat');
  const limit = figureOf(memory, 'hierarchical_memory_limit');
  return {
    group: groups.get('memory') ?? '',
    cpuSeconds: usageNs / NS,
    cpuUserSeconds: scaled(figureOf(times, 'user'), TICKS),
    cpuSystemSeconds: scaled(figureOf(times, 'system'), TICKS),
    cpuThrottledSeconds: scaled(figureOf(of('cpu', 'cpu.stat'), 'throttled_time'), NS),
    memoryUsageBytes: memoryUsage,
    memoryWorkingSetBytes: workingSet(memoryUsage, figureOf(memory, 'total_inactive_file')),
    memoryRssBytes: figureOf(memory, 'total_rss'),
    memoryCacheBytes: figureOf(memory, 'total_cache'),
    memoryLimitBytes: limit === undefined || limit < NO_LIMIT ? limit : 0,
    oomKills: figureOf(of('memory', 'memory.oom_control'), 'oom_kill'),
    processes: countLines(of('memory', 'cgroup.procs')),
    devices: devicesOfV1(
      of('blkio', 'blkio.throttle.io_service_bytes_recursive') ??
        of('blkio', 'blkio.throttle.io_service_bytes'),
      of('blkio', 'blkio.throttle.io_serviced_recursive') ?? of('blkio', 'blkio.throttle.io_serviced'),
      nameDevice,
    ),
  };
}

function readV2(
  groups: ReadonlyMap<string, string>,
  read: ReadNow,
  nameDevice: NameDevice,
): GroupFigures | undefined {
  const group = groups.get('');
  if (group === undefined) return undefined;
  const of = (file: string): string | undefined => read(`/sys/fs/cgroup${group}/${file}`);
  const cpu = of('cpu.stat');
  const usageUs = figureOf(cpu, 'usage_usec');
  const memoryUsage = wholeOf(of('memory.current'));
  if (usageUs === undefined || memoryUsage === undefined) return undefined;
  const memory = of('memory.stat');
  const limit = of('memory.max');
  return {
    group,
    cpuSeconds: usageUs / US,
    cpuUserSeconds: scaled(figureOf(cpu, 'user_usec'), US),
    cpuSystemSeconds: scaled(figureOf(cpu, 'system_usec'), US),
    // Only where the controller is on for the group, as it is for every container.
    cpuThrottledSeconds: scaled(figureOf(cpu, 'throttled_usec'), US),
    memoryUsageBytes: memoryUsage,
    memoryWorkingSetBytes: workingSet(memoryUsage, figureOf(memory, 'inactive_file')),
    memoryRssBytes: figureOf(memory, 'anon'),
    memoryCacheBytes: figureOf(memory, 'file'),
    memoryLimitBytes: limit?.trim() === 'max' ? 0 : wholeOf(limit),
    oomKills: figureOf(of('memory.events'), 'oom_kill'),
    processes: countLines(of('cgroup.procs')),
    devices: devicesOfV2(of('io.stat'), nameDevice),
  };
}

function workingSet(usage: number, inactive = 0): number {
  return Math.max(0, usage - inactive);
}

/** Lines of `8:0 Read 4096`. */
function devicesOfV1(
  bytes: string | undefined,
  times: string | undefined,
  nameDevice: NameDevice,
): readonly DeviceFigures[] {
  const found = new Map<string, { reads: number; readBytes: number; writes: number; writtenBytes: number }>();
  const add = (
    text: string | undefined,
    read: 'reads' | 'readBytes',
    write: 'writes' | 'writtenBytes',
  ): void => {
    for (const [, number = '', what = '', figure = ''] of (text ?? '').matchAll(
      /^(\d+:\d+) (Read|Write) (\d+)$/gm,
    )) {
      const device = found.get(number) ?? { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0 };
      device[what === 'Read' ? read : write] = Number(figure);
      found.set(number, device);
    }
  };
  add(bytes, 'readBytes', 'writtenBytes');
  add(times, 'reads', 'writes');
  return [...found].map(([number, figures]) => ({ device: nameDevice(number), ...figures }));
}

/** Lines of `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
function devicesOfV2(text: string | undefined, nameDevice: NameDevice): readonly DeviceFigures[] {
  const lines = [...(text ?? '').matchAll(/^(\d+:\d+) (.+)$/gm)];
  return lines.map(([, number = '', rest = '']) => {
    const of = (name: string): number => Number(new RegExp(`\\b${name}=(\\d+)`).exec(rest)?.[1] ?? 0);
    return {
      device: nameDevice(number),
      reads: of('rios'),
      readBytes: of('rbytes'),
      writes: of('wios'),
      writtenBytes: of('wbytes'),
    };
  });
}
