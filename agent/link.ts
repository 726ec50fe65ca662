/** The worker's end of `WorkerLink`: what the API asks of this worker. */
import { ApiError } from '../machinery/errors.ts';
import type { WorkerLink } from '../machinery/workerlink.ts';
import { findLogContainer, type LogSource, readLog } from './logs.ts';

/** @param stopped aborts when the agent stops: streams that are open then end. */
export function newWorkerLink(source: LogSource, stopped: AbortSignal): WorkerLink {
  return {
    async logs(worker, task, options, signal) {
      if (worker !== source.worker) {
        throw new ApiError(
          'NotFound',
          `workers.gantry.dev "${worker}" not found here, this is "${source.worker}"`,
        );
      }
      if (stopped.aborted) {
        throw new ApiError('ServiceUnavailable', `worker "${worker}" is stopping, try again when it is back`);
      }
      const either = AbortSignal.any([signal, stopped]);
      const container = await findLogContainer(source, task, options.previous, either);
      return readLog(source, container.id, options, either);
    },
  };
}
