/** What an engine elsewhere answers to "stats", in both of its forms, as figures. Pure. */
import type {
  ContainerFigures,
  DeviceFigures,
  InterfaceFigures,
} from '../../../machinery/containerfigures.ts';
import { isRecord } from '../../../machinery/json.ts';

/** Docker's way to say that the container does not run. */
const NEVER = '0001-01-01T00:00:00Z';
const NS = 1e9;

/** What the inspection of a container tells beside it. */
export interface Inspected {
  readonly id: string;
  readonly startedAt: string;
  /** 0 is no limit. */
  readonly memoryLimitBytes: number;
}

/** A one-shot answer; undefined for a container that does not run. How many processes there are it does not say, only threads. */
export function figuresOfAnswer(answer: unknown, inspected: Inspected): ContainerFigures | undefined {
  const { read, cpu_stats: cpu, memory_stats: memory, blkio_stats: io, networks } = recordOf(answer);
  if (typeof read !== 'string' || read === NEVER) return undefined;
  const times = recordOf(recordOf(cpu)['cpu_usage']);
  const throttling = recordOf(recordOf(cpu)['throttling_data']);
  const { usage, stats: memoryStats } = recordOf(memory);
  const stats = recordOf(memoryStats);
  const inactive = numberIn(stats, 'total_inactive_file') ?? numberIn(stats, 'inactive_file') ?? 0;
  const seconds = (figures: Readonly<Record<string, unknown>>, name: string): number | undefined => {
    const figure = numberIn(figures, name);
    return figure === undefined ? undefined : figure / NS;
  };
  return {
    atMs: Date.parse(read),
    group: `/docker/${inspected.id}`,
    startedAt: inspected.startedAt,
    cpuSeconds: seconds(times, 'total_usage'),
    cpuUserSeconds: seconds(times, 'usage_in_usermode'),
    cpuSystemSeconds: seconds(times, 'usage_in_kernelmode'),
    cpuThrottledSeconds: seconds(throttling, 'throttled_time'),
    memoryUsageBytes: typeof usage === 'number' ? usage : undefined,
    memoryWorkingSetBytes: typeof usage === 'number' ? Math.max(0, usage - inactive) : undefined,
    memoryRssBytes: numberIn(stats, 'total_rss') ?? numberIn(stats, 'anon'),
    memoryCacheBytes: numberIn(stats, 'total_cache') ?? numberIn(stats, 'file'),
    memoryLimitBytes: inspected.memoryLimitBytes,
    interfaces: Object.entries(recordOf(networks)).map(([name, figures]) =>
      interfaceOf(name, recordOf(figures)),
    ),
    devices: devicesOf(recordOf(io)),
  };
}

function interfaceOf(name: string, figures: Readonly<Record<string, unknown>>): InterfaceFigures {
  const of = (figure: string): number => numberIn(figures, figure) ?? 0;
  return {
    name,
    receivedBytes: of('rx_bytes'),
    receivedPackets: of('rx_packets'),
    receiveErrors: of('rx_errors'),
    receiveDropped: of('rx_dropped'),
    sentBytes: of('tx_bytes'),
    sentPackets: of('tx_packets'),
    sendErrors: of('tx_errors'),
    sendDropped: of('tx_dropped'),
  };
}

/** Entries of `{major: 8, minor: 0, op: "Read", value: 4096}`, in lower case with control groups v2. */
function devicesOf(io: Readonly<Record<string, unknown>>): readonly DeviceFigures[] {
  const found = new Map<string, { reads: number; readBytes: number; writes: number; writtenBytes: number }>();
  const add = (list: unknown, read: 'reads' | 'readBytes', write: 'writes' | 'writtenBytes'): void => {
    if (!Array.isArray(list)) return;
    for (const entry of list) {
      const { major, minor, op, value } = recordOf(entry);
      const what = String(op).toLowerCase();
      if (typeof value !== 'number' || (what !== 'read' && what !== 'write')) continue;
      const device = `${String(major)}:${String(minor)}`;
      const figures = found.get(device) ?? { reads: 0, readBytes: 0, writes: 0, writtenBytes: 0 };
      figures[what === 'read' ? read : write] += value;
      found.set(device, figures);
    }
  };
  add(io['io_service_bytes_recursive'], 'readBytes', 'writtenBytes');
  add(io['io_serviced_recursive'], 'reads', 'writes');
  return [...found].map(([device, figures]) => ({ device, ...figures }));
}

function numberIn(record: Readonly<Record<string, unknown>>, name: string): number | undefined {
  const value = record[name];
  return typeof value === 'number' ? value : undefined;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
