/**
 * `Runtime`: what can run a container. Implementations: Docker through dockerode, and a fake with faults on request.
 *
 * Every method rejects with `RuntimeError` and with nothing else the caller is expected to handle. Acts are
 * idempotent where the engine allows it (starting a started container, stopping a stopped one and removing a removed
 * one succeed). Every method takes a signal; an aborted call rejects with `Unavailable` and may or may not have
 * happened: look again. Aborted streams (events, logs) end quietly.
 */
import type { Duplex } from 'node:stream';

export interface Resources {
  /** CPU limit in billionths of a core; absent is no limit. */
  readonly nanoCpus?: number;
  /** Memory limit in bytes; absent is no limit. */
  readonly memoryBytes?: number;
  /** Relative CPU weight (Docker's CpuShares, 1024 a core), from the request. */
  readonly cpuShares?: number;
}

export type PortProtocol = 'TCP' | 'UDP';

export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: PortProtocol;
  readonly hostIP: string;
  /** 0 asks the engine for a free one; what the engine reports is never 0. */
  readonly hostPort: number;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Replaces the image's entry point when present. */
  readonly command?: readonly string[];
  /** Replaces the image's command when present. */
  readonly args?: readonly string[];
  readonly workingDir?: string;
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly ports: readonly PublishedPort[];
  readonly resources: Resources;
  readonly stopSignal?: string;
  readonly networkMode: 'bridge' | 'host' | 'none';
  readonly hostname?: string;
  /** `uid[:gid]`. */
  readonly user?: string;
  readonly privileged: boolean;
  readonly readOnlyRootFilesystem: boolean;
  readonly capabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
}

export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** What a list tells, without resource settings. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: ContainerState;
  readonly image: string;
  readonly imageId: string;
}

/** What an inspection tells. Times are RFC 3339 as the engine gave them, absent where it never happened. */
export interface ContainerDetail extends ContainerSummary {
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly oomKilled: boolean;
  /** The engine's own words, for example why a start failed. */
  readonly error?: string;
  readonly resources: Resources;
  readonly ports: readonly PublishedPort[];
  readonly ip?: string;
}

export interface ImageInfo {
  readonly id: string;
}

export interface RuntimeInfo {
  readonly engineVersion: string;
  readonly os: string;
  readonly arch: string;
  readonly kernel: string;
  readonly hostname: string;
  readonly cpus: number;
  readonly memoryBytes: number;
}

/** Something about a container changed: look at it. Nothing but the hint is promised. */
export interface RuntimeEvent {
  readonly containerId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly action: string;
  /**
   * The process has ended, as the engine's event says it. An engine may clean up for a while before it lists or
   * inspects the container as ended; what is written down about an end is always read from an inspection.
   */
  readonly ended?: { readonly exitCode: number; readonly finishedAt: string };
}

export interface LogChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly data: Uint8Array;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly tailLines?: number;
  /** Seconds since the epoch, fractions allowed. */
  readonly sinceSeconds?: number;
  readonly timestamps?: boolean;
}

/** What a process is given and what is read of it. */
export interface ProcessOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** With a terminal everything the process writes is stdout. */
  readonly tty: boolean;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The two ends of a process that runs in a container: what goes in, what comes out, how it ended. */
export interface ProcessSession {
  /** What it wrote, in order; ends when it has ended and everything was read. */
  readonly output: AsyncIterable<LogChunk>;
  /**
   * Resolves after the last output. The exit code is undefined when the session ended and the process did not (a
   * detached attach). Rejects with `RuntimeError` when the connection was lost.
   */
  readonly ended: Promise<{ readonly exitCode: number | undefined }>;
  /** Resolves when there is room for more; input after the process's end is dropped, as by a pipe nobody reads. */
  write(data: Uint8Array): Promise<void>;
  /** The end of standard input; output goes on. */
  endInput(): void;
  resize(size: TerminalSize): Promise<void>;
  /** Lets go of the connection, at any time, more than once. What was started by exec is not killed by it. */
  close(): void;
}

/** One reading of one container. */
export interface ContainerStats {
  readonly atMs: number;
  /** Since the container's start. */
  readonly cpuNanoseconds: bigint;
  /** Memory in use without the file cache that could be dropped (Kubernetes' working set). */
  readonly memoryBytes: number;
}

export interface Runtime {
  info(signal: AbortSignal): Promise<RuntimeInfo>;
  /** Containers in any state that carry all of the labels; never from a cache. */
  list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ContainerSummary[]>;
  /** Undefined when there is no such container. */
  inspect(id: string, signal: AbortSignal): Promise<ContainerDetail | undefined>;
  create(spec: ContainerSpec, signal: AbortSignal): Promise<{ readonly id: string }>;
  start(id: string, signal: AbortSignal): Promise<void>;
  /** Sends the stop signal, waits up to the grace period, then kills; resolves when the container has ended. */
  stop(
    id: string,
    options: { readonly gracePeriodMs: number; readonly stopSignal?: string },
    signal: AbortSignal,
  ): Promise<void>;
  unpause(id: string, signal: AbortSignal): Promise<void>;
  rename(id: string, name: string, signal: AbortSignal): Promise<void>;
  /** Changes limits in place. A limit that is absent stays as it is: no engine can lift one. */
  update(id: string, resources: Resources, signal: AbortSignal): Promise<void>;
  /** Removes the container, killing it first if it runs. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** Undefined when the image is not present. */
  image(reference: string, signal: AbortSignal): Promise<ImageInfo | undefined>;
  pull(reference: string, signal: AbortSignal): Promise<ImageInfo>;
  /**
   * What happens from the call on, however late reading begins. Throws when the connection to the engine is lost;
   * events in between are lost too: list again.
   */
  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  /** Chunks as the container wrote them, in order; ends at the end of the log, or with `follow` when it stops. */
  logs(id: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk>;
  /** Starts a process in a running container. Rejects `NotFound` for no such container, `Conflict` for one not running. */
  exec(
    id: string,
    command: readonly string[],
    options: ProcessOptions,
    signal: AbortSignal,
  ): Promise<ProcessSession>;
  /** Joins the container's own first process. */
  attach(id: string, options: ProcessOptions, signal: AbortSignal): Promise<ProcessSession>;
  /** Undefined when there is no such container or it does not run. */
  stats(id: string, signal: AbortSignal): Promise<ContainerStats | undefined>;
  /** A TCP connection to a port inside the container. */
  dial(id: string, port: number, signal: AbortSignal): Promise<Duplex>;
}
