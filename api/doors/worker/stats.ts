/**
 * `GET /stats` of a worker: what its machine has and uses, spelled as in the documents this API comes from. Pure.
 *
 * What the system does not tell is null, as a Go pointer to nothing is.
 */
import {
  CPU_FIGURES,
  type LoadFigures,
  MEMORY_FIGURES,
  type MemoryFigure,
  type WorkerStats,
} from '../../../machinery/workerstats.ts';

type Figures = Readonly<Record<string, number | string>>;

export interface StatsItem {
  /** KiB. */
  readonly MemStats: Figures | null;
  /** Bytes, and inodes. */
  readonly DiskStats: Figures | null;
  /** Hundredths of a second of all cores since the boot. */
  readonly CpuStats: Figures | null;
  /** Processes. */
  readonly LoadStats: Figures | null;
  readonly TaskCount: number;
}

export function statsItem({ memory, disk, cpu, load, taskCount }: WorkerStats): StatsItem {
  return {
    MemStats:
      memory === undefined
        ? null
        : Object.fromEntries(MEMORY_FIGURES.map((name) => [snakeCase(name), memory[name]])),
    DiskStats:
      disk === undefined
        ? null
        : {
            all: disk.totalBytes,
            used: disk.totalBytes - disk.availableBytes,
            free: disk.availableBytes,
            freeInodes: disk.freeInodes,
          },
    CpuStats:
      cpu === undefined
        ? null
        : { id: 'cpu', ...Object.fromEntries(CPU_FIGURES.map((name) => [name, cpu[name]])) },
    LoadStats: load === undefined ? null : loadItem(load),
    TaskCount: taskCount,
  };
}

function loadItem({ last1Min, last5Min, last15Min, running, total, lastPid }: LoadFigures): Figures {
  return {
    last1min: last1Min,
    last5min: last5Min,
    last15min: last15Min,
    process_running: running,
    process_total: total,
    last_pid: lastPid,
  };
}

/** `MemTotal` -> `mem_total`. */
function snakeCase(name: MemoryFigure): string {
  return name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}
