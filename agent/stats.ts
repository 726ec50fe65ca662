/** What the machine has and uses at this moment, read from the kernel. */
import { readFile } from 'node:fs/promises';
import {
  CPU_FIGURES,
  type CpuFigure,
  type LoadFigures,
  MEMORY_FIGURES,
  type MemoryFigure,
  type ReadWorkerStats,
  type WorkerStats,
} from '../machinery/workerstats.ts';
import type { ReadFileSystem } from './disk/pressure.ts';
import { hasCode } from './volumes/beneath.ts';

/** The text of a file of /proc; undefined where there is none. */
export type ReadProc = (name: 'loadavg' | 'meminfo' | 'stat') => Promise<string | undefined>;

export const readSystemProc: ReadProc = async (name) => {
  try {
    return await readFile(`/proc/${name}`, 'utf8');
  } catch (error) {
    // Only Linux has them.
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
};

export interface StatsSource {
  readonly readProc: ReadProc;
  readonly readFileSystem: ReadFileSystem;
  /** Where the engine keeps its data, if that is on this machine and known. */
  readonly dataRoot: () => string | undefined;
  readonly countTasks: () => number;
}

export function newStatsReader(source: StatsSource): ReadWorkerStats {
  return async (): Promise<WorkerStats> => {
    const [meminfo, stat, loadavg, disk] = await Promise.all([
      source.readProc('meminfo'),
      source.readProc('stat'),
      source.readProc('loadavg'),
      source.readFileSystem(source.dataRoot() ?? '/'),
    ]);
    return {
      memory: meminfo === undefined ? undefined : memoryFigures(meminfo),
      cpu: stat === undefined ? undefined : cpuFigures(stat),
      load: loadavg === undefined ? undefined : loadFigures(loadavg),
      disk,
      taskCount: source.countTasks(),
    };
  };
}

/** Undefined for a text that is none; what a kernel does not tell is 0. */
export function memoryFigures(meminfo: string): Record<MemoryFigure, number> | undefined {
  const known = new Map<string, number>();
  for (const [, name = '', figure] of meminfo.matchAll(/^(\w+): +(\d+) kB$/gm))
    known.set(name, Number(figure));
  if (!known.has('MemTotal')) return undefined;
  return figures(MEMORY_FIGURES, (name) => known.get(name));
}

/** Undefined for a text that is none; what an old kernel does not tell is 0. */
export function cpuFigures(stat: string): Record<CpuFigure, number> | undefined {
  const fields = /^cpu +([\d ]+)$/m.exec(stat)?.[1]?.split(' ').map(Number);
  if (fields === undefined) return undefined;
  return figures(CPU_FIGURES, (_, at) => fields[at]);
}

/** Undefined for a text that is none. */
export function loadFigures(loadavg: string): LoadFigures | undefined {
  const found = /^([\d.]+) ([\d.]+) ([\d.]+) (\d+)\/(\d+) (\d+)$/m.exec(loadavg);
  if (found === null) return undefined;
  const [last1Min = 0, last5Min = 0, last15Min = 0, running = 0, total = 0, lastPid = 0] = found
    .slice(1)
    .map(Number);
  return { last1Min, last5Min, last15Min, running, total, lastPid };
}

function figures<Name extends string>(
  names: readonly Name[],
  read: (name: Name, at: number) => number | undefined,
): Record<Name, number> {
  const entries = names.map((name, at) => [name, read(name, at) ?? 0] as const);
  return Object.fromEntries(entries) as Record<Name, number>;
}
