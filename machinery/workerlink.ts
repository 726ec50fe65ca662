/**
 * `WorkerLink`: what the API asks of a worker, wherever it runs. In one process it is the agent itself, across
 * machines it will be the worker's tunnel. Rejects with `ApiError`.
 */
import type { Duplex } from 'node:stream';
import type { ContainerFigures } from './containerfigures.ts';
import type { ObjectKey } from './meta.ts';
import type { ProcessOptions, ProcessSession } from './runtime.ts';

/** The Task meant, and no later one of the same name. */
export interface TaskRef extends ObjectKey {
  readonly uid: string;
}

export interface TaskLogOptions {
  /** Goes on with what comes, also in the Task's next container, until the Task is over, deleted or elsewhere. */
  readonly follow: boolean;
  /** Which container of the Task; absent: the newest. */
  readonly attempt?: number;
  /** Absent: both. */
  readonly stream?: 'stdout' | 'stderr';
  /** The last ended container instead of the newest one. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** RFC 3339 time or an age in seconds, already turned into seconds since the epoch. */
  readonly sinceSeconds?: number;
  readonly limitBytes?: number;
}

export interface LogEntryOptions {
  /** Goes on with what comes, also in the Task's next containers, until the Task is over, deleted or elsewhere. */
  readonly follow: boolean;
  /** Of this container of the Task alone; absent: of all that are kept, from the oldest on. */
  readonly attempt?: number;
  /** Absent: both. */
  readonly stream?: 'stdout' | 'stderr';
  /** Only so many of the newest container's last lines, then what comes. 0: only what comes. */
  readonly tailLines?: number;
}

/**
 * A piece of what a Task wrote, a line or a part of one. All of one stream and attempt, one after another, are byte for
 * byte what the container wrote: nothing is added between them.
 */
export interface LogEntry {
  /** RFC 3339 with nine decimals: when its line began. */
  readonly time: string;
  /** `gap`: not the container's words, but a sentence that says that something of its output is missing here. */
  readonly stream: 'stdout' | 'stderr' | 'gap';
  readonly data: Uint8Array;
  /** Which container of the Task wrote it, from 1. */
  readonly attempt: number;
}

/** What is kept of one container of a Task, on its worker. Times are RFC 3339. */
export interface KeptLog {
  readonly attempt: number;
  /** The engine's word for a container it still has; else whether its archived log can be read. */
  readonly state: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
  readonly signal?: number;
  readonly reason?: string;
  readonly message?: string;
  /** When it was archived. */
  readonly keptAt?: string;
  /** Of an archived log, times included. */
  readonly bytes?: number;
}

/** What one Task's container uses now. */
export interface TaskUsage extends TaskRef {
  readonly labels: Readonly<Record<string, string>>;
  /** Cores used on average over the window, in billionths. */
  readonly cpuNanocores: number;
  readonly memoryBytes: number;
}

/** What a worker and its Tasks use, read within the last half minute. */
export interface WorkerUsage {
  readonly worker: string;
  /** End of the window, milliseconds since the epoch. */
  readonly atMs: number;
  readonly windowMs: number;
  /** Of the whole machine. */
  readonly cpuNanocores: number;
  readonly memoryBytes: number;
  readonly tasks: readonly TaskUsage[];
}

/** One container of a Task. A Task that is being replaced has two. */
export interface TaskContainerFigures extends ContainerFigures {
  readonly task: TaskRef;
  readonly containerName: string;
  readonly image: string;
}

/** What a worker says of its containers and of the machine they share. */
export interface WorkerContainers {
  readonly worker: string;
  readonly containers: readonly TaskContainerFigures[];
  /** Absent until the engine has told it. */
  readonly machineCores?: number | undefined;
  readonly machineMemoryBytes?: number | undefined;
}

export interface WorkerLink {
  /** Resolves once the log is found; the bytes are standard output and error as the container wrote them. */
  logs(
    worker: string,
    task: TaskRef,
    options: TaskLogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
  /**
   * The same log in pieces that say when and from which stream they are. Read as fast as the reader iterates. Where it is
   * followed, a Task without a container yet is waited for; else `BadRequest` says that there is no log.
   */
  logEntries(
    worker: string,
    task: TaskRef,
    options: LogEntryOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<LogEntry>>;
  /** What is kept of the Task's containers, newest first; also of a Task that is deleted. */
  attempts(worker: string, task: TaskRef, signal: AbortSignal): Promise<readonly KeptLog[]>;
  /** Starts a process in the Task's running container. */
  exec(
    worker: string,
    task: TaskRef,
    command: readonly string[],
    options: ProcessOptions,
    signal: AbortSignal,
  ): Promise<ProcessSession>;
  /** Joins the first process of the Task's running container. */
  attach(
    worker: string,
    task: TaskRef,
    options: ProcessOptions,
    signal: AbortSignal,
  ): Promise<ProcessSession>;
  /** One TCP connection to a port inside the Task's running container. */
  portForward(worker: string, task: TaskRef, port: number, signal: AbortSignal): Promise<Duplex>;
  usage(worker: string, signal: AbortSignal): Promise<WorkerUsage>;
  /** Whether the worker can be asked through this link at all; it may not answer all the same. */
  reaches(worker: string): boolean;
  /** All that the kernel counts of the worker's containers that run, read now. */
  containerMetrics(worker: string, signal: AbortSignal): Promise<WorkerContainers>;
}
