/** The doors beside the Kubernetes API, put together from what the process has. */
import { dispatchDoor } from '../api/doors/dispatch/dispatch.ts';
import { documentsDoor } from '../api/doors/documents/documents.ts';
import type { Door } from '../api/doors/door.ts';
import { jobsDoor } from '../api/doors/jobs/jobs.ts';
import { tasksDoor } from '../api/doors/tasks/tasks.ts';
import { tracesDoor } from '../api/doors/traces/traces.ts';
import { nodesDoor } from '../api/doors/worker/nodes.ts';
import { workerDoor } from '../api/doors/worker/worker.ts';
import type { Registry } from '../api/registry/types.ts';
import { type AppContext, clientOf as actingFor } from '../api/server/context.ts';
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Random } from '../machinery/random.ts';
import type { WorkerLink } from '../machinery/workerlink.ts';
import type { ReadWorkerStats } from '../machinery/workerstats.ts';
import type { Settings } from './settings.ts';

export interface DoorsDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly productVersion: string;
  readonly isScheduling: () => Promise<boolean>;
  /** Reads from the store itself; rejects when it does not answer. */
  readonly checkStore: () => Promise<void>;
  /** Of the worker in this process; undefined where there is none. */
  readonly readStats: ReadWorkerStats | undefined;
}

export interface Doors {
  /** On the listener of the Kubernetes API, and the manager's of `--dev`. */
  readonly main: readonly Door[];
  /** On the jobs API's own listener. */
  readonly jobs: readonly Door[];
  /** On the worker's listener of `--dev`; none where no worker is in this process. */
  readonly worker: readonly Door[];
  /** Ends what goes on: subscriptions. */
  close(): Promise<void>;
}

export function openDoors(settings: Settings, deps: DoorsDeps): Doors {
  const { registry } = deps;
  const retention = `${settings.taskRetentionMs / 1000}s`;
  const namespace = settings.doorNamespace;
  const documents = documentsDoor();
  const jobs = jobsDoor({ ...deps, namespace });
  const traces = tracesDoor(deps);
  const clientOf = (ctx: AppContext): Client => actingFor(registry, ctx);
  const { readStats } = deps;
  const { workerName } = settings;
  const worker =
    readStats === undefined ? [] : [workerDoor({ ...deps, clientOf, workerName, retention, readStats })];
  const ownApi = settings.dev && worker.length > 0 ? apiUrl(settings) : undefined;
  return {
    main: [
      tasksDoor({ ...deps, clientOf, retention }),
      nodesDoor({ clientOf, apiOf: (name) => (name === workerName ? ownApi : undefined) }),
      dispatchDoor({ ...deps, namespace }),
      traces,
      jobs,
      documents,
    ],
    // What is unknown there is told in the form of the only API that is.
    jobs: [documents, { ...jobs, owns: () => true }],
    worker,
    close: () => traces.close(),
  };
}

/** Of the worker in this process; undefined where the system chooses its port. */
function apiUrl({ workerHost, workerPort }: Settings): string | undefined {
  if (workerPort === 0) return undefined;
  return `http://${workerHost.includes(':') ? `[${workerHost}]` : workerHost}:${workerPort}`;
}
