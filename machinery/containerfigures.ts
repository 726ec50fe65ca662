/**
 * What the kernel counts of a container, as plain data that can travel: a runtime reads the figures, an agent says whose they
 * are, the API writes them down for Prometheus. Absent is what a system does not tell.
 */

/** Of one network interface inside a container. Totals since the container's start. */
export interface InterfaceFigures {
  readonly name: string;
  readonly receivedBytes: number;
  readonly receivedPackets: number;
  readonly receiveErrors: number;
  readonly receiveDropped: number;
  readonly sentBytes: number;
  readonly sentPackets: number;
  readonly sendErrors: number;
  readonly sendDropped: number;
}

/** Of one block device. Totals since the container's start. */
export interface DeviceFigures {
  /** `/dev/sda`, or `8:0` where it has no name. */
  readonly device: string;
  readonly reads: number;
  readonly readBytes: number;
  readonly writes: number;
  readonly writtenBytes: number;
}

/** One reading of one container. Totals are since its start. */
export interface ContainerFigures {
  /** When it was read, milliseconds since the epoch. */
  readonly atMs: number;
  /** Its control group, `/docker/<id>`. */
  readonly group: string;
  /** RFC 3339. */
  readonly startedAt?: string | undefined;
  readonly cpuSeconds?: number | undefined;
  readonly cpuUserSeconds?: number | undefined;
  readonly cpuSystemSeconds?: number | undefined;
  /** How long it was held back by its CPU limit. */
  readonly cpuThrottledSeconds?: number | undefined;
  readonly memoryUsageBytes?: number | undefined;
  /** In use without the file pages that are inactive (cAdvisor's rule). */
  readonly memoryWorkingSetBytes?: number | undefined;
  readonly memoryRssBytes?: number | undefined;
  readonly memoryCacheBytes?: number | undefined;
  /** 0 is no limit. */
  readonly memoryLimitBytes?: number | undefined;
  /** Processes that the kernel ended for want of memory. */
  readonly oomKills?: number | undefined;
  readonly processes?: number | undefined;
  /** None for one that is on the machine's own network: those are not its own. */
  readonly interfaces: readonly InterfaceFigures[];
  readonly devices: readonly DeviceFigures[];
}
