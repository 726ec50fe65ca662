/**
 * The worker's end of `WorkerLink`: what the API asks of this worker. The API has judged who asks and what the Task says;
 * here the container is looked at, by the Task's uid. Streams and sessions end when the agent stops.
 */
import type { Duplex } from 'node:stream';
import { ApiError } from '../machinery/errors.ts';
import type { TaskRef, WorkerLink } from '../machinery/workerlink.ts';
import type { ContainerMetrics } from './containermetrics/containermetrics.ts';
import { type ContainerSource, containerError, findRunningContainer } from './containers.ts';
import type { TaskLogs } from './logs/tasklogs.ts';
import type { UsageSampler } from './usage.ts';

export interface LinkDeps extends ContainerSource {
  readonly sampler: UsageSampler;
  readonly containerMetrics: ContainerMetrics;
  readonly taskLogs: TaskLogs;
}

/** @param stopped aborts when the agent stops: streams that are open then end. */
export function newWorkerLink(deps: LinkDeps, stopped: AbortSignal): WorkerLink {
  const { runtime, sampler } = deps;
  const assertHere = (worker: string): void => {
    if (worker !== deps.worker) {
      throw new ApiError(
        'ServiceUnavailable',
        `worker "${worker}" is not connected to this server, whose own worker is "${deps.worker}": ask the server that runs beside "${worker}"`,
      );
    }
    if (stopped.aborted) {
      throw new ApiError('ServiceUnavailable', `worker "${worker}" is stopping, try again when it is back`);
    }
  };
  const inRunning = async <T>(
    worker: string,
    task: TaskRef,
    signal: AbortSignal,
    act: (containerId: string, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    assertHere(worker);
    const either = AbortSignal.any([signal, stopped]);
    const container = await findRunningContainer(deps, task, either);
    try {
      return await act(container.id, either);
    } catch (error) {
      throw containerError(error, worker, task);
    }
  };
  return {
    async logs(worker, task, options, signal) {
      assertHere(worker);
      return deps.taskLogs.open(task, options, AbortSignal.any([signal, stopped]));
    },
    async logEntries(worker, task, options, signal) {
      assertHere(worker);
      return deps.taskLogs.openEntries(task, options, AbortSignal.any([signal, stopped]));
    },
    async attempts(worker, task, signal) {
      assertHere(worker);
      return deps.taskLogs.list(task, AbortSignal.any([signal, stopped]));
    },
    exec: (worker, task, command, options, signal) =>
      inRunning(worker, task, signal, (id, either) => runtime.exec(id, command, options, either)),
    attach: (worker, task, options, signal) =>
      inRunning(worker, task, signal, (id, either) => runtime.attach(id, options, either)),
    portForward: (worker, task, port, signal) =>
      inRunning(worker, task, signal, async (id, either) =>
        heldBy(either, await runtime.dial(id, port, either)),
      ),
    async usage(worker, signal) {
      assertHere(worker);
      return sampler.usage(signal);
    },
    reaches: (worker) => worker === deps.worker,
    async containerMetrics(worker, signal) {
      assertHere(worker);
      return deps.containerMetrics.read(signal);
    },
  };
}

/** The connection lasts no longer than the signal lets it. */
function heldBy(signal: AbortSignal, connection: Duplex): Duplex {
  const end = (): void => void connection.destroy();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  connection.once('close', () => signal.removeEventListener('abort', end));
  return connection;
}
