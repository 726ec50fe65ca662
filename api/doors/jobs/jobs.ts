/**
 * The jobs door: Jobs and their Runs for tools that know nothing of Kubernetes. `/api/jobs`, `/api/runs`, `/api/health`
 * and `/api/scheduler`, and nothing else under `/api`.
 *
 * A Run is known by its name, a Job by its id (annotation `gantry.dev/job-id`) or its name. What is asked for is done as
 * whoever asks. Errors are `{error, code}`.
 */
import { Router } from '@koa/router';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { LABEL_JOB } from '../../../machinery/labels.ts';
import { keyOf } from '../../../machinery/meta.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import { hasEnded, isOf } from '../../../schemas/runlives.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import type { Registry } from '../../registry/types.ts';
import { type AppContext, type AppState, clientOf, identityOf } from '../../server/context.ts';
import { methodNotAllowed } from '../../server/errors.ts';
import { pathRoute } from '../../server/middleware/metrics.ts';
import { WatchLimit } from '../../server/middleware/watchlimit.ts';
import type { Door } from '../door.ts';
import { parametersIn, readFields, textIn, wholeIn } from './body.ts';
import { streamRunLogs } from './logs.ts';
import { findJob, findRun, jobOfRun } from './lookup.ts';
import { readState, setPaused } from './pausing.ts';
import { byNewest, jobDetailsOf, jobIdOf, jobItemOf, runItemOf, runTasksOf } from './translate.ts';
import { rerun, type TriggerDeps, triggerJob, type Wish } from './trigger.ts';

export interface JobsDoorDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly productVersion: string;
  /** Where Jobs and Runs are. */
  readonly namespace: string;
  /** Whether controllers run that begin what is due: here, or on the server that leads. */
  readonly isScheduling: () => Promise<boolean>;
  /** How many logs may be read at once. */
  readonly logLimit?: WatchLimit;
}

const OWN = /^\/api\/(?:(?:jobs|runs|scheduler)(?:\/|$)|health$)/;
const DEFAULT_LIMIT = 20;
const MOST_RUNS = 1000;

export function jobsDoor(deps: JobsDoorDeps): Door {
  const router = new Router<AppState, object>();
  for (const [path, acts] of Object.entries(routesOf(deps))) {
    router.all(path.replace(/\{(\w+)\}/g, ':$1'), async (ctx) => {
      ctx.state.labels = pathRoute(ctx.method, path);
      const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
      const act = isRead ? acts.GET : ctx.method === 'POST' ? acts.POST : undefined;
      if (act === undefined) throw methodNotAllowed(ctx, Object.keys(acts));
      const body = await act(
        ctx,
        clientOf(deps.registry, ctx),
        ctx.params['job_id'] ?? ctx.params['run_id'] ?? '',
      );
      if (body === undefined) return;
      ctx.status = 200;
      ctx.set('Content-Type', 'application/json');
      ctx.body = Buffer.from(JSON.stringify(body));
    });
  }
  const routes = router.routes();
  return {
    name: 'jobs',
    owns: (path) => OWN.test(path),
    describeError,
    middleware: (ctx, next) => routes(ctx as Parameters<typeof routes>[0], next),
  };
}

/** Gives the answer's body; undefined when it has answered itself. */
type Act = (ctx: AppContext, client: Client, id: string) => Promise<object | undefined>;
type Acts = Readonly<{ GET?: Act; POST?: Act }>;

function routesOf(deps: JobsDoorDeps): Readonly<Record<string, Acts>> {
  const { namespace, clock, isScheduling, productVersion, logLimit = new WatchLimit() } = deps;
  const triggerDeps = (client: Client): TriggerDeps => ({
    client,
    namespace,
    isScheduling,
    nowMs: clock.now(),
  });
  const pausing =
    (isPaused: boolean): Act =>
    async (ctx, client) => {
      await readFields(ctx, []);
      return setPaused(client, isPaused, await isScheduling());
    };
  return {
    '/api/jobs': {
      GET: async (_ctx, client) => {
        const { items } = await client.list(jobs, { namespace });
        return { jobs: items.map(jobItemOf), count: items.length };
      },
    },
    '/api/jobs/{job_id}': {
      GET: async (_ctx, client, id) => jobDetailsOf(await findJob(client, namespace, id)),
    },
    '/api/jobs/{job_id}/runs': {
      GET: async (ctx, client, id) => {
        const limit = wholeIn(ctx, 'limit', { least: 1, most: MOST_RUNS }) ?? DEFAULT_LIMIT;
        const job = await findJob(client, namespace, id);
        const shown = (await runsOf(client, job)).sort(byNewest).slice(0, limit);
        return { runs: shown.map((run) => runItemOf(run, job)), count: shown.length };
      },
    },
    '/api/jobs/{job_id}/trigger': {
      POST: async (ctx, client, id) => {
        const { parameters } = await readFields(ctx, ['parameters']);
        const job = await findJob(client, namespace, id);
        const run = await triggerJob(job, wishOf(ctx, parameters), triggerDeps(client));
        return told(run, job, `job "${jobIdOf(job)}" was triggered`);
      },
    },
    '/api/runs/{run_id}': {
      GET: async (_ctx, client, id) => {
        const run = await findRun(client, namespace, id);
        return runItemOf(run, await jobOfRun(client, run));
      },
    },
    '/api/runs/{run_id}/tasks': {
      GET: async (_ctx, client, id) => {
        const run = await findRun(client, namespace, id);
        const shown = runTasksOf(run, await jobOfRun(client, run));
        return { tasks: shown, count: shown.length };
      },
    },
    '/api/runs/{run_id}/logs': {
      GET: async (ctx, client, id) => {
        const run = await findRun(client, namespace, id);
        await logLimit.run(identityOf(ctx).name, () => streamRunLogs(ctx, run, { ...deps, client }));
        return undefined;
      },
    },
    '/api/runs/{run_id}/cancel': {
      POST: async (ctx, client, id) => {
        await readFields(ctx, []);
        const run = await findRun(client, namespace, id);
        const job = await jobOfRun(client, run);
        return told(run, job, await cancel(client, run));
      },
    },
    '/api/runs/{run_id}/rerun': {
      POST: async (ctx, client, id) => {
        const { from_task: fromTask, parameters } = await readFields(ctx, ['from_task', 'parameters']);
        const run = await findRun(client, namespace, id);
        const job = await jobOfRun(client, run);
        const wish = wishOf(ctx, parameters);
        const again = await rerun(run, textIn('from_task', fromTask), wish, triggerDeps(client));
        return told(again, job, `run "${run.metadata.name}" is run again`);
      },
    },
    '/api/scheduler/state': {
      GET: async (_ctx, client) => readState(client, await isScheduling()),
    },
    '/api/scheduler/pause': { POST: pausing(true) },
    '/api/scheduler/resume': { POST: pausing(false) },
    '/api/health': {
      GET: () => Promise.resolve({ status: 'ok', version: productVersion }),
    },
  };
}

async function runsOf(client: Client, job: Job): Promise<Run[]> {
  const { namespace = '', name } = job.metadata;
  const { items } = await client.list(runs, { namespace, labelSelector: `${LABEL_JOB}=${name}` });
  return items.filter((run) => isOf(job, run));
}

/** Gives what has become of it. Throws `Conflict` for a Run that ended otherwise. */
async function cancel(client: Client, run: Run): Promise<string> {
  const { name } = run.metadata;
  const { state = 'pending' } = run.status ?? {};
  if (state === 'cancelled') return `run "${name}" is cancelled already`;
  if (hasEnded(run))
    throw new ApiError('Conflict', `run "${name}" is ${state} already: it cannot be cancelled`);
  if (run.spec.cancel !== true) {
    await client.patch(runs, keyOf(run), { type: 'merge', body: { spec: { cancel: true } } });
  }
  return `run "${name}" is being cancelled`;
}

function told(run: Run, job: Job | undefined, message: string): object {
  const { id, job_id } = runItemOf(run, job);
  return { run_id: id, job_id, message };
}

function wishOf(ctx: AppContext, parameters: unknown): Wish {
  const key = ctx.get('Idempotency-Key');
  return { parameters: parametersIn(parameters), idempotencyKey: key === '' ? undefined : key };
}

/** Of the reasons that have no code of their own here. */
const CODES: Readonly<Partial<Record<ApiError['reason'], string>>> = {
  AlreadyExists: 'CONFLICT',
  Invalid: 'BAD_REQUEST',
};

function describeError(error: ApiError): { readonly code: number; readonly body: unknown } {
  const code = CODES[error.reason] ?? error.reason.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase();
  return { code: error.reason === 'Invalid' ? 400 : error.code, body: { error: error.message, code } };
}
