/** Jobs on the real registry: the Job controller at work, and somebody who ends the runs that may begin. */

import type { EventInput } from '../../../controllers/engine/event.ts';
import { type Informers, newInformers } from '../../../controllers/informers.ts';
import { openJobs } from '../../../controllers/job/controller.ts';
import type { Client } from '../../../machinery/client.ts';
import { timestamp } from '../../../machinery/clock.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { keyOf } from '../../../machinery/meta.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import type { World } from '../../world.ts';

export const STEP = { name: 'only', template: { spec: { image: 'gantry/hello:1' } } };

export function jobManifest(name: string, spec: Partial<Job['spec']> = {}): Job {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default' },
    spec: { tasks: [STEP], ...spec },
  };
}

export function runManifest(name: string, job: string, spec: Partial<Run['spec']> = {}): Run {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { name, namespace: 'default' },
    spec: { jobRef: { name: job }, ...spec },
  };
}

export interface Leader {
  readonly informers: Informers;
  readonly events: EventInput[];
  stop(): Promise<void>;
}

/** One control plane's Job controller, with copies of its own. */
export async function startLeader(
  world: World,
  clientOf: (client: Client, name: 'job' | 'informers') => Client = (client) => client,
): Promise<Leader> {
  const stop = new AbortController();
  const events: EventInput[] = [];
  const { clock, random, metrics } = world;
  const context = { clock, random, metrics, log: silentLog };
  const informers = newInformers({
    ...context,
    client: clientOf(world.controllerClient('informers'), 'informers'),
  });
  const client = clientOf(world.controllerClient('job'), 'job');
  const recorder = { record: (event: EventInput): void => void events.push(event) };
  const { loop, close } = openJobs({ ...context, client, recorder }, informers);
  const copies = [informers.jobs, informers.runs, informers.schedulerSettings];
  const copying = copies.map((informer) => informer.start(stop.signal));
  await Promise.all(copies.map((informer) => informer.synced(stop.signal)));
  const running = loop.run(stop.signal);
  return {
    informers,
    events,
    async stop() {
      stop.abort();
      close();
      // A reconcile that hangs in a call is given up after a while, of the fake clock.
      await Promise.all([running, ...copying]);
    },
  };
}

/** Begins every run that its Job lets begin, as the run controller would. */
export async function beginRuns(world: World): Promise<readonly Run[]> {
  const allowed = (await world.admin.list(jobs)).items.flatMap(({ status }) => status?.active ?? []);
  const uids = new Set(allowed.map(({ uid }) => uid));
  const begun: Run[] = [];
  for (const run of (await world.admin.list(runs)).items) {
    const { status = {} } = run;
    if (
      !uids.has(run.metadata.uid ?? '') ||
      status.finishedAt !== undefined ||
      status.startedAt !== undefined
    )
      continue;
    const next = { ...status, state: 'running', startedAt: timestamp(world.clock.now()) } as const;
    begun.push(await world.admin.update(runs, { ...run, status: next }, { subresource: 'status' }));
  }
  return begun;
}

/** Ends a run; one that has gone in the meantime is passed over. */
export async function endRun(
  world: World,
  run: Run,
  state: 'completed' | 'failed' | 'cancelled' = 'completed',
): Promise<void> {
  try {
    const body = {
      status: {
        state,
        startedAt: run.status?.startedAt ?? timestamp(world.clock.now()),
        finishedAt: timestamp(world.clock.now()),
      },
    };
    await world.admin.patch(runs, keyOf(run), { type: 'merge', body }, { subresource: 'status' });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
