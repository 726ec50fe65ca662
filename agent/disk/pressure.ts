/**
 * Whether the machine is short of disk or memory, as its Worker's conditions say it.
 *
 * Source of the thresholds: kubelet's hard eviction signals (nodefs.available<10%, imagefs.available<15%,
 * nodefs.inodesFree<5%, memory.available<100Mi). Pressure is said at once, and taken back only after none was seen for a while
 * (a minute; kubelet's eviction-pressure-transition-period is five), so that it does not come and go with every file.
 */
import { statfs } from 'node:fs/promises';
import type { Clock } from '../../machinery/clock.ts';
import type { ReadMachine } from '../machine.ts';
import { hasCode } from '../volumes/beneath.ts';

export interface FileSystemReading {
  readonly totalBytes: number;
  /** For whoever is not root. */
  readonly availableBytes: number;
  /** 0 where the file system does not count them. */
  readonly totalInodes: number;
  readonly freeInodes: number;
}

/** Undefined for a path that is not there, or not to be looked at. */
export type ReadFileSystem = (path: string) => Promise<FileSystemReading | undefined>;

export interface Pressure {
  /** Undefined where nobody can tell. */
  readonly disk?: {
    readonly isShort: boolean;
    readonly message: string;
    readonly totalBytes: number;
    /** The part that is to stay free. */
    readonly reservedShare: number;
  };
  readonly memory?: { readonly isShort: boolean; readonly message: string };
}

export interface PressureGaugeOptions {
  readonly clock: Clock;
  readonly readFileSystem: ReadFileSystem;
  readonly readMachine: ReadMachine;
  /** Where volumes of Tasks are; absent: with the engine's data. */
  readonly volumesDirectory?: string;
  /** Of the file system with the engine's images and containers: the part that is to stay free; 0: disks are never short. */
  readonly reservedShare?: number;
}

const VOLUMES_AVAILABLE = 0.1;
const ENGINE_AVAILABLE = 0.15;
const INODES_FREE = 0.05;
const MEMORY_AVAILABLE_BYTES = 100 * 2 ** 20;
const SETTLE_MS = 60_000;

export const readStatfs: ReadFileSystem = async (path) => {
  try {
    const found = await statfs(path);
    return {
      totalBytes: found.blocks * found.bsize,
      availableBytes: found.bavail * found.bsize,
      totalInodes: found.files,
      freeInodes: found.ffree,
    };
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return undefined;
    throw error;
  }
};

/** What the file system at the path is short of, in a sentence; undefined when of nothing. Pure. */
export function shortageOf(path: string, reading: FileSystemReading, available: number): string | undefined {
  const percent = (share: number): string => `${Math.round(share * 100)}%`;
  if (reading.availableBytes < available * reading.totalBytes) {
    return `less than ${percent(available)} of the file system of ${path} is free`;
  }
  if (reading.totalInodes > 0 && reading.freeInodes < INODES_FREE * reading.totalInodes) {
    return `less than ${percent(INODES_FREE)} of the inodes of the file system of ${path} are free`;
  }
  return undefined;
}

/** A shortage that stays said for a while after it was last seen. */
class Shortage {
  readonly #clock: Clock;
  #seen: { readonly message: string; readonly atMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param message what is short now; undefined when nothing is. */
  observe(message: string | undefined): string | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (message !== undefined) this.#seen = { message, atMs: nowMs };
    else if (this.#seen !== undefined && nowMs - this.#seen.atMs >= SETTLE_MS) this.#seen = undefined;
    return this.#seen?.message;
  }
}

export class PressureGauge {
  readonly #options: PressureGaugeOptions;
  readonly #disk: Shortage;
  readonly #memory: Shortage;

  constructor(options: PressureGaugeOptions) {
    this.#options = options;
    this.#disk = new Shortage(options.clock);
    this.#memory = new Shortage(options.clock);
  }

  /** Cheap: three readings of the kernel's own figures. */
  async look(engine: { readonly isLocal: boolean; readonly dataRoot: string }): Promise<Pressure> {
    if (!engine.isLocal) return {};
    const { readFileSystem, readMachine, volumesDirectory } = this.#options;
    const [data, volumes, machine] = await Promise.all([
      readFileSystem(engine.dataRoot),
      volumesDirectory === undefined ? undefined : readFileSystem(volumesDirectory),
      readMachine(),
    ]);
    return { ...this.#diskOf(engine.dataRoot, data, volumes), ...this.#memoryOf(machine) };
  }

  #diskOf(
    dataRoot: string,
    data: FileSystemReading | undefined,
    volumes: FileSystemReading | undefined,
  ): Pick<Pressure, 'disk'> {
    if (data === undefined) return {};
    const { volumesDirectory = '', reservedShare = ENGINE_AVAILABLE } = this.#options;
    const short =
      shortageOf(dataRoot, data, reservedShare) ??
      (volumes === undefined
        ? undefined
        : shortageOf(volumesDirectory, volumes, Math.min(VOLUMES_AVAILABLE, reservedShare)));
    const message = this.#disk.observe(reservedShare === 0 ? undefined : short);
    return {
      disk: {
        isShort: message !== undefined,
        message: message ?? 'the worker has enough disk space',
        totalBytes: data.totalBytes,
        reservedShare,
      },
    };
  }

  #memoryOf(machine: Awaited<ReturnType<ReadMachine>>): Pick<Pressure, 'memory'> {
    if (machine === undefined) return {};
    const isShort = machine.totalMemoryBytes - machine.memoryBytes < MEMORY_AVAILABLE_BYTES;
    const message = this.#memory.observe(isShort ? 'less than 100Mi of memory is available' : undefined);
    return { memory: { isShort: message !== undefined, message: message ?? 'the worker has enough memory' } };
  }
}
