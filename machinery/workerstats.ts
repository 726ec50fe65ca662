/** What a worker tells of its machine: the kernel's own figures, each in the kernel's own unit. */

/** Source of the figures: proc(5), "/proc/meminfo". Each in KiB. */
export const MEMORY_FIGURES = [
  'MemTotal',
  'MemFree',
  'MemAvailable',
  'Buffers',
  'Cached',
  'SwapCached',
  'Active',
  'Inactive',
  'SwapTotal',
  'SwapFree',
] as const;
export type MemoryFigure = (typeof MEMORY_FIGURES)[number];

/** Source of the figures: proc(5), "/proc/stat". Of all cores together since the boot, in hundredths of a second. */
export const CPU_FIGURES = [
  'user',
  'nice',
  'system',
  'idle',
  'iowait',
  'irq',
  'softirq',
  'steal',
  'guest',
  'guest_nice',
] as const;
export type CpuFigure = (typeof CPU_FIGURES)[number];

/** Source of the figures: proc(5), "/proc/loadavg". */
export interface LoadFigures {
  /** Processes that run or wait for a core or a disk, on average over so many minutes. */
  readonly last1Min: number;
  readonly last5Min: number;
  readonly last15Min: number;
  readonly running: number;
  readonly total: number;
  readonly lastPid: number;
}

/** Of the file system where the engine keeps images and containers. */
export interface DiskFigures {
  readonly totalBytes: number;
  /** For whoever is not root. */
  readonly availableBytes: number;
  readonly freeInodes: number;
}

export interface WorkerStats {
  /** Each undefined where the system does not tell. */
  readonly memory: Readonly<Record<MemoryFigure, number>> | undefined;
  readonly disk: DiskFigures | undefined;
  readonly cpu: Readonly<Record<CpuFigure, number>> | undefined;
  readonly load: LoadFigures | undefined;
  /** Tasks that are the worker's and have not ended. */
  readonly taskCount: number;
}

/** Cheap: nothing is measured over time. */
export type ReadWorkerStats = () => Promise<WorkerStats>;
