/**
 * `WorkerLink`: what the API asks of a worker, wherever it runs. In one process it is the agent itself, across
 * machines it will be the worker's tunnel. Rejects with `ApiError`.
 */
import type { ObjectKey } from './meta.ts';

export interface TaskLogOptions {
  readonly follow: boolean;
  /** The last ended container instead of the newest one. */
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** RFC 3339 time or an age in seconds, already turned into seconds since the epoch. */
  readonly sinceSeconds?: number;
  readonly limitBytes?: number;
}

export interface WorkerLink {
  /** Resolves once the log is found; the bytes are standard output and error as the container wrote them. */
  logs(
    worker: string,
    task: ObjectKey & { readonly uid: string },
    options: TaskLogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
}
