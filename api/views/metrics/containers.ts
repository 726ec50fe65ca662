/**
 * A worker's containers as metrics, under the names and labels of cAdvisor as the kubelet serves it, so that dashboards made
 * for it show Tasks: `pod` and `container` are the Task's name. Pure.
 * Source of the names: cAdvisor's documentation, "Monitoring cAdvisor with Prometheus".
 */
import type {
  ContainerFigures,
  DeviceFigures,
  InterfaceFigures,
} from '../../../machinery/containerfigures.ts';
import type { TaskContainerFigures, WorkerContainers } from '../../../machinery/workerlink.ts';
import type { Tails } from './described.ts';
import { type Family, familyHead, lineHead, lineTail, unixSeconds } from './family.ts';

interface ContainerFamily extends Family {
  readonly tell: (figures: ContainerFigures) => Tails;
}

const one =
  (read: (figures: ContainerFigures) => number | undefined) =>
  (figures: ContainerFigures): Tails => {
    const value = read(figures);
    return value === undefined ? [] : [lineTail(value)];
  };
const eachInterface =
  (read: (figures: InterfaceFigures) => number) =>
  ({ interfaces }: ContainerFigures): Tails =>
    interfaces.map((each) => lineTail(read(each), [['interface', each.name]]));
const eachDevice =
  (read: (figures: DeviceFigures) => number) =>
  ({ devices }: ContainerFigures): Tails =>
    devices.map((each) => lineTail(read(each), [['device', each.device]]));
const counter = (name: string, help: string, tell: ContainerFamily['tell']): ContainerFamily => ({
  name,
  help,
  type: 'counter',
  tell,
});
const gauge = (name: string, help: string, tell: ContainerFamily['tell']): ContainerFamily => ({
  name,
  help,
  type: 'gauge',
  tell,
});

export const containerFamilies: readonly ContainerFamily[] = [
  counter(
    'container_cpu_usage_seconds_total',
    'CPU time used.',
    one(({ cpuSeconds }) => cpuSeconds),
  ),
  counter(
    'container_cpu_user_seconds_total',
    'CPU time in user mode.',
    one(({ cpuUserSeconds }) => cpuUserSeconds),
  ),
  counter(
    'container_cpu_system_seconds_total',
    'CPU time in the kernel.',
    one(({ cpuSystemSeconds }) => cpuSystemSeconds),
  ),
  counter(
    'container_cpu_cfs_throttled_seconds_total',
    'Time the container was held back by its CPU limit.',
    one(({ cpuThrottledSeconds }) => cpuThrottledSeconds),
  ),
  gauge(
    'container_memory_usage_bytes',
    'Memory charged to the container, file pages included.',
    one(({ memoryUsageBytes }) => memoryUsageBytes),
  ),
  gauge(
    'container_memory_working_set_bytes',
    'Memory in use without file pages that are inactive.',
    one(({ memoryWorkingSetBytes }) => memoryWorkingSetBytes),
  ),
  gauge(
    'container_memory_rss',
    'Anonymous memory, bytes.',
    one(({ memoryRssBytes }) => memoryRssBytes),
  ),
  gauge(
    'container_memory_cache',
    'File pages, bytes.',
    one(({ memoryCacheBytes }) => memoryCacheBytes),
  ),
  gauge(
    'container_spec_memory_limit_bytes',
    'Memory limit of the container; 0 without one.',
    one(({ memoryLimitBytes }) => memoryLimitBytes),
  ),
  counter(
    'container_oom_events_total',
    'Processes that the kernel ended for want of memory.',
    one(({ oomKills }) => oomKills),
  ),
  counter(
    'container_network_receive_bytes_total',
    'Bytes received.',
    eachInterface(({ receivedBytes }) => receivedBytes),
  ),
  counter(
    'container_network_receive_packets_total',
    'Packets received.',
    eachInterface(({ receivedPackets }) => receivedPackets),
  ),
  counter(
    'container_network_receive_errors_total',
    'Errors on receiving.',
    eachInterface(({ receiveErrors }) => receiveErrors),
  ),
  counter(
    'container_network_receive_packets_dropped_total',
    'Packets dropped on receiving.',
    eachInterface(({ receiveDropped }) => receiveDropped),
  ),
  counter(
    'container_network_transmit_bytes_total',
    'Bytes sent.',
    eachInterface(({ sentBytes }) => sentBytes),
  ),
  counter(
    'container_network_transmit_packets_total',
    'Packets sent.',
    eachInterface(({ sentPackets }) => sentPackets),
  ),
  counter(
    'container_network_transmit_errors_total',
    'Errors on sending.',
    eachInterface(({ sendErrors }) => sendErrors),
  ),
  counter(
    'container_network_transmit_packets_dropped_total',
    'Packets dropped on sending.',
    eachInterface(({ sendDropped }) => sendDropped),
  ),
  counter(
    'container_fs_reads_total',
    'Reads from block devices.',
    eachDevice(({ reads }) => reads),
  ),
  counter(
    'container_fs_writes_total',
    'Writes to block devices.',
    eachDevice(({ writes }) => writes),
  ),
  counter(
    'container_fs_reads_bytes_total',
    'Bytes read from block devices.',
    eachDevice(({ readBytes }) => readBytes),
  ),
  counter(
    'container_fs_writes_bytes_total',
    'Bytes written to block devices.',
    eachDevice(({ writtenBytes }) => writtenBytes),
  ),
  gauge(
    'container_processes',
    'Processes in the container.',
    one(({ processes }) => processes),
  ),
  gauge(
    'container_start_time_seconds',
    'When the container was started, Unix time.',
    one(({ startedAt }) => unixSeconds(startedAt)),
  ),
  gauge(
    'container_last_seen',
    'When the container was last read, Unix time.',
    one(({ atMs }) => atMs / 1000),
  ),
];

const machineFamilies = {
  cores: { name: 'machine_cpu_cores', help: 'Processors of the machine.', type: 'gauge' },
  memory: { name: 'machine_memory_bytes', help: 'Memory of the machine.', type: 'gauge' },
} as const satisfies Record<string, Family>;

/** In pieces, one for each family: those of hundreds of containers are a millisecond or so. */
export function* containerMetrics(told: WorkerContainers): Generator<string, void, undefined> {
  const heads = told.containers.map((container) => headOf(container, told.worker));
  for (const { tell, ...family } of containerFamilies) {
    let piece = familyHead(family);
    for (const [at, container] of told.containers.entries()) {
      for (const tail of tell(container)) piece += `${family.name}${heads[at] ?? ''}${tail}\n`;
    }
    yield piece;
  }
  yield machineText(told);
}

function machineText({ worker, machineCores, machineMemoryBytes }: WorkerContainers): string {
  const head = lineHead([['worker', worker]]);
  const line = (family: Family, value: number | undefined): string =>
    value === undefined ? '' : `${familyHead(family)}${family.name}${head}${lineTail(value)}\n`;
  return line(machineFamilies.cores, machineCores) + line(machineFamilies.memory, machineMemoryBytes);
}

function headOf({ task, containerName, group, image }: TaskContainerFigures, worker: string): string {
  return lineHead([
    ['container', task.name],
    ['id', group],
    ['image', image],
    ['name', containerName],
    ['namespace', task.namespace ?? ''],
    ['pod', task.name],
    ['worker', worker],
  ]);
}
