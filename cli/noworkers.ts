/** The `WorkerLink` of a server without a worker in its process: nothing can be asked of any. */
import { ApiError } from '../machinery/errors.ts';
import type { WorkerLink } from '../machinery/workerlink.ts';

const refuse = (worker: string): Promise<never> =>
  Promise.reject(
    new ApiError(
      'ServiceUnavailable',
      `worker "${worker}" is not connected to this server, which has none of its own: ask the server that runs beside "${worker}"`,
    ),
  );

export const noWorkers: WorkerLink = {
  logs: refuse,
  logEntries: refuse,
  attempts: refuse,
  exec: refuse,
  attach: refuse,
  portForward: refuse,
  usage: refuse,
  reaches: () => false,
  containerMetrics: refuse,
};
