/**
 * The worker's side of the plain API: `/tasks` for its own tasks, and `GET /stats`.
 *
 * It needs a `Client` and a reader of the machine and nothing else, so that it serves in a process that is a worker
 * alone, too. What is posted is recorded at the control plane, pinned to this worker; where that is not reached the
 * answer is 503 and nothing is kept. Who may read the Worker may read its stats.
 */
import { isApiError } from '../../../machinery/errors.ts';
import type { ReadWorkerStats } from '../../../machinery/workerstats.ts';
import { workers } from '../../../schemas/kinds.ts';
import type { AppContext } from '../../server/context.ts';
import { methodNotAllowed } from '../../server/errors.ts';
import { pathRoute } from '../../server/middleware/metrics.ts';
import type { Door } from '../door.ts';
import { describeTasksError, ownsTasks, type TasksDoorDeps, tasksRoutes } from '../tasks/tasks.ts';
import { statsItem } from './stats.ts';

export interface WorkerDoorDeps extends Omit<TasksDoorDeps, 'worker'> {
  readonly workerName: string;
  readonly readStats: ReadWorkerStats;
}

const STATS = '/stats';

export function workerDoor(deps: WorkerDoorDeps): Door {
  const tasks = tasksRoutes({ ...deps, worker: deps.workerName });
  return {
    name: 'worker',
    owns: (path) => path === STATS || ownsTasks(path),
    describeError: describeTasksError,
    middleware: (ctx, next) => (ctx.path === STATS ? answerStats(ctx, deps) : tasks(ctx, next)),
  };
}

async function answerStats(ctx: AppContext, deps: WorkerDoorDeps): Promise<void> {
  ctx.state.labels = pathRoute(ctx.method, STATS);
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
  await authorizeStats(ctx, deps);
  const body = JSON.stringify(statsItem(await deps.readStats()));
  ctx.set('Content-Type', 'application/json');
  ctx.body = Buffer.from(body);
}

async function authorizeStats(ctx: AppContext, { clientOf, workerName }: WorkerDoorDeps): Promise<void> {
  try {
    await clientOf(ctx).get(workers, { name: workerName });
  } catch (error) {
    // Allowed, and the worker has not told of itself yet.
    if (!isApiError(error, 'NotFound')) throw error;
  }
}
