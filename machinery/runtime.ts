/**
 * `Runtime`: what can run a container. Implementations: Docker through dockerode, and a fake with faults on request.
 *
 * Every method rejects with `RuntimeError` and with nothing else the caller is expected to handle. Acts are
 * idempotent where the engine allows it (starting a started container, stopping a stopped one and removing a removed
 * one succeed). Every method takes a signal; an aborted call rejects with `Unavailable` and may or may not have
 * happened: look again. Aborted streams (events, logs) end quietly.
 */
import type { Duplex } from 'node:stream';
import type { ContainerFigures } from './containerfigures.ts';

export interface Resources {
  /** CPU limit in billionths of a core; absent is no limit. */
  readonly nanoCpus?: number;
  /** Memory limit in bytes; absent is no limit. */
  readonly memoryBytes?: number;
  /** Relative CPU weight (Docker's CpuShares, 1024 a core), from the request. */
  readonly cpuShares?: number;
  /** Processes and threads at once; absent is no limit. */
  readonly pidsLimit?: number;
}

/** Where something of the machine appears inside the container. Targets are absolute and unique in a container. */
export type Mount =
  | {
      readonly kind: 'bind';
      /** A path of the engine's machine that is there already: an engine is never asked to make one. */
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
    }
  /** A named volume of the engine, made before. */
  | { readonly kind: 'volume'; readonly name: string; readonly target: string; readonly readOnly: boolean };

export interface Ulimit {
  /** As setrlimit(2) has it, in lower case and without RLIMIT_: `nofile`. */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** How much of a container's output the engine keeps on disk: files of a size, the oldest goes first. */
export interface LogBounds {
  readonly maxBytes: number;
  readonly maxFiles: number;
}

/** Which system calls are filtered: the engine's own list, none, or a profile (its JSON text). */
export type Seccomp = 'default' | 'unconfined' | { readonly profile: string };

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
  /** `bridge` (the engine's own), `host`, `none`, or the name of a network made before. */
  readonly networkMode: string;
  /** Further names under which others on a named network find it. */
  readonly networkAliases?: readonly string[];
  /** Name servers; absent: the engine's choice. */
  readonly dns?: readonly string[];
  readonly hostname?: string;
  readonly mounts?: readonly Mount[];
  /** Bytes of /dev/shm; absent: the engine's default. */
  /** 10 to 1000; where the kernel knows no such weights it is left out. */
  readonly ioWeight?: number;
  readonly shmSizeBytes?: number;
  readonly ulimits?: readonly Ulimit[];
  /** Absent: five files of 10 MiB. */
  readonly log?: LogBounds;
  /** Sees and signals every process of the machine. */
  readonly hostPid?: boolean;
  /** No process in it may gain rights by running a set-user-id file. */
  readonly noNewPrivileges?: boolean;
  /** Absent: `default`. */
  readonly seccomp?: Seccomp;
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
  /** `linux`. */
  readonly os: string;
  /** In Go's words: `amd64`. */
  readonly architecture: string;
  /** `repository@sha256:…`, one for each registry it is known from. */
  readonly digests: readonly string[];
  /** `user[:group]` its processes run as; empty is root. */
  readonly user: string;
  /** On disk; what it shares with other images is counted too. */
  readonly bytes: number;
}

/** One image of the engine, as a list of all tells. */
export interface ImageSummary {
  readonly id: string;
  /** `name:tag` and `name@digest`; none for an image nobody has a name for. */
  readonly references: readonly string[];
  /** On disk; what it shares with other images is counted for each. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number;
}

/** Who pulls. `identityToken` stands for user and password where a registry gave one. */
export interface RegistryAuth {
  /** Images it is for: `host[:port][/path]`, the beginning of their references; wildcards as in Kubernetes. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
}

/** What lies at a path inside a container. A link is told, never followed. */
export type FoundFile =
  | { readonly kind: 'none' }
  /** `what` completes "it is …": `a directory`. */
  | { readonly kind: 'other'; readonly what: string }
  /** Its beginning, as much as was asked for; `isCut`: there is more. */
  | { readonly kind: 'file'; readonly bytes: Uint8Array; readonly isCut: boolean };

/** How far a pull has come. `totalBytes` grows as layers become known. */
export interface PullProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly doneLayers: number;
  readonly layers: number;
}

export interface PullOptions {
  readonly auth?: RegistryAuth;
  /** Called whenever something moved, often; must be cheap and must not throw. */
  readonly onProgress?: (progress: PullProgress) => void;
}

export interface VolumeInfo {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where its files are on the engine's machine. */
  readonly mountpoint: string;
}

export interface NetworkInfo {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `10.201.4.0/24`; absent where the engine has none for it. */
  readonly subnet?: string;
}

export interface NetworkSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `10.201.4.0/24`. */
  readonly subnet: string;
}

export interface RuntimeInfo {
  readonly engineVersion: string;
  readonly os: string;
  readonly arch: string;
  readonly kernel: string;
  readonly hostname: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Where the engine keeps images and containers, on its machine. */
  readonly dataRoot: string;
  /** The engine's files and sockets are this machine's: paths mean the same to both. */
  readonly isLocal: boolean;
  /** True where only `dial` leads to its containers: their addresses are not of any network. */
  readonly isDialOnly?: boolean;
  /** First user id of the engine's user namespace: root inside a container is this outside. 0 without one. */
  readonly userNamespaceBase: number;
  readonly hasSeccomp: boolean;
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
  /** Not the container's own words: they say that something of its output is missing here. Only in logs. */
  readonly isMark?: true;
}

export interface LogOptions {
  readonly follow?: boolean;
  readonly tailLines?: number;
  /** Seconds since the epoch, fractions allowed. */
  readonly sinceSeconds?: number;
  readonly timestamps?: boolean;
  /** Absent: both. Marks come with either. */
  readonly stream?: LogChunk['stream'];
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
  /**
   * Ends a process that was started by exec, as far as the engine allows (on its own machine, by KILL, with all it started;
   * elsewhere by closing its connection); the session then ends. Also after `close`. Nothing for an attach. Never rejects.
   */
  kill(): Promise<void>;
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
  /** Rejects `ImageNotFound` for an image that is not here, `InvalidSpec` also for one of another platform. */
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
  /** Bytes in the container's own writable layer; undefined when there is no such container. Costs a walk of its files. */
  writableBytes(id: string, signal: AbortSignal): Promise<number | undefined>;
  /** The first bytes of a file in the container or a volume of it, also once it has ended. Rejects `NotFound` for no such container. */
  readFile(id: string, path: string, maxBytes: number, signal: AbortSignal): Promise<FoundFile>;
  /** Undefined when the image is not present. */
  image(reference: string, signal: AbortSignal): Promise<ImageInfo | undefined>;
  /**
   * Rejects `ImageNotFound` (no such name, tag or platform), `Unauthorized` (the registry wants other credentials),
   * `RegistryUnavailable` (no answer from it, or the line broke), `InvalidSpec` (not a reference), `Unavailable` (the engine
   * itself).
   */
  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<ImageInfo>;
  images(signal: AbortSignal): Promise<readonly ImageSummary[]>;
  /** Removes the image with all its names. Rejects `Conflict` while a container uses it; done when it is gone already. */
  removeImage(id: string, signal: AbortSignal): Promise<void>;
  /** Volumes that carry all of the labels. */
  volumes(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly VolumeInfo[]>;
  /** Makes the volume or finds it; the labels of one that is there stay as they are. */
  createVolume(
    name: string,
    labels: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<VolumeInfo>;
  /** Rejects `Conflict` while a container uses it; done when it is gone already. */
  removeVolume(name: string, signal: AbortSignal): Promise<void>;
  /** Networks that carry all of the labels. */
  networks(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly NetworkInfo[]>;
  /** Rejects `Conflict` when the name is taken, `AddressConflict` when the subnet overlaps another. */
  createNetwork(spec: NetworkSpec, signal: AbortSignal): Promise<{ readonly id: string }>;
  /** Rejects `Conflict` while a container is on it; done when it is gone already. */
  removeNetwork(id: string, signal: AbortSignal): Promise<void>;
  /**
   * What happens from the call on, however late reading begins. Throws when the connection to the engine is lost;
   * events in between are lost too: list again.
   */
  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<RuntimeEvent>;
  /**
   * Chunks as the container wrote them, in order; ends at the end of the log, or with `follow` when it stops. What was
   * rotated away before it was read, or lost with the engine, is marked where it is missing (`isMark`): a line of its own.
   */
  logs(id: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk>;
  /**
   * Starts a process in a running container. Rejects `NotFound` for no such container, `Conflict` for one not running. A
   * command that cannot be run ends as in a shell: with 126 or 127, and why on its standard error.
   * @param signal is the process's life: aborted, during the call or at any time after, the process ends as by `kill`.
   */
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
  /**
   * All that is counted of the containers, by their whole ids; those that do not run, or do not answer for themselves, are
   * left out. For many at once, and cheap where the engine is on this machine.
   */
  figures(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ContainerFigures>>;
  /** A TCP connection to a port inside the container. */
  dial(id: string, port: number, signal: AbortSignal): Promise<Duplex>;
}
