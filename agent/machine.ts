/** What the whole machine uses, from /proc. Source of the figures: proc(5), "/proc/stat" and "/proc/meminfo". */
import { readFile } from 'node:fs/promises';

export interface MachineReading {
  /** Of all cores since the boot, idle time left out. */
  readonly cpuNanoseconds: bigint;
  /** In use without what the system could take back at once. */
  readonly memoryBytes: number;
  /** What the machine has. */
  readonly totalMemoryBytes: number;
}

/** Undefined where the system does not tell. */
export type ReadMachine = () => Promise<MachineReading | undefined>;

/** The unit of /proc/stat is a hundredth of a second on every Linux (USER_HZ). */
const NANOSECONDS_A_TICK = 10_000_000n;

export const readProcMachine: ReadMachine = async () => {
  if (process.platform !== 'linux') return undefined;
  const [stat, meminfo] = await Promise.all([
    readFile('/proc/stat', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
  ]);
  return machineReading(stat, meminfo);
};

/** Pure, from the two files' texts. */
export function machineReading(stat: string, meminfo: string): MachineReading | undefined {
  const fields = /^cpu +(.*)$/m.exec(stat)?.[1]?.split(' ').map(Number) ?? [];
  // Time of guests is in the users' already.
  const [user = 0, nice = 0, system = 0, _idle, _ioWait, interrupts = 0, softInterrupts = 0, stolen = 0] =
    fields;
  const total = kibibytesIn(meminfo, 'MemTotal');
  const available = kibibytesIn(meminfo, 'MemAvailable');
  if (fields.length < 4 || total === undefined || available === undefined) return undefined;
  const ticks = user + nice + system + interrupts + softInterrupts + stolen;
  return {
    cpuNanoseconds: BigInt(ticks) * NANOSECONDS_A_TICK,
    memoryBytes: (total - available) * 1024,
    totalMemoryBytes: total * 1024,
  };
}

function kibibytesIn(meminfo: string, name: string): number | undefined {
  const figure = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(meminfo)?.[1];
  return figure === undefined ? undefined : Number(figure);
}
