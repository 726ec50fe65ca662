/**
 * The `/tasks` door: the plain API of a task manager, and of a worker, over Task objects.
 *
 * - `GET /tasks` lists the tasks of all namespaces; `?watch=true` streams them (`watch.ts`); `?fields=all` shows more.
 * - `GET /tasks/{taskID}`, `POST /tasks` with a TaskEvent, `DELETE /tasks/{taskID}`: only desired state is recorded.
 * Reads take `at` and `resourceVersionMatch=Exact`, as those of the Kubernetes API do.
 * An id is the name of a Task, where that is a UUID, else its uid. Errors are `{HTTPStatusCode, Message}`.
 */
import { Router } from '@koa/router';
import type { Client, MomentOptions } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { ANNOTATION_TTL, NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import { keyOf } from '../../../machinery/meta.ts';
import type { Random } from '../../../machinery/random.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { badAt } from '../../registry/moments.ts';
import type { AppContext, AppMiddleware, AppState } from '../../server/context.ts';
import { methodNotAllowed } from '../../server/errors.ts';
import { mediaType, parseJson, readBody, unsupportedMediaType } from '../../server/middleware/body.ts';
import { WatchLimit } from '../../server/middleware/watchlimit.ts';
import { tellMoment } from '../../server/objects/objects.ts';
import { getOptions } from '../../server/objects/query.ts';
import type { Door } from '../door.ts';
import { parseId, parseTaskEvent, STATE, wrong } from './json.ts';
import { belongsTo, pinnedTo } from './scope.ts';
import { fullItemOf, idOf, itemOf, taskOfEvent } from './translate.ts';
import { isWatch, versionOf, watchTasks } from './watch.ts';

export interface TasksDoorDeps {
  /** Acts as whoever asks. */
  readonly clientOf: (ctx: AppContext) => Client;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a stopped task stays listed, as a duration such as `24h`. */
  readonly retention?: string;
  /** Given: only this worker's tasks, and what is posted goes there and nowhere else. */
  readonly worker?: string;
}

const DEFAULT_RETENTION = '24h';

export function tasksDoor(deps: TasksDoorDeps): Door {
  return {
    name: 'tasks',
    owns: ownsTasks,
    describeError: describeTasksError,
    middleware: tasksRoutes(deps),
  };
}

export function ownsTasks(path: string): boolean {
  return path === '/tasks' || path.startsWith('/tasks/');
}

/** The form of all errors of the manager's and the worker's API. */
export const describeTasksError: Door['describeError'] = (error) => {
  // This API knows one code for a body it cannot use.
  const code = error.reason === 'Invalid' ? 400 : error.code;
  return { code, body: { HTTPStatusCode: code, Message: error.message } };
};

/** What answers the paths under `/tasks`, on the manager's listener and on a worker's. */
export function tasksRoutes(deps: TasksDoorDeps): AppMiddleware {
  const limit = new WatchLimit();
  const router = new Router<AppState, object>();
  router.all('/tasks', async (ctx) => {
    label(ctx, '/tasks');
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
    const isStream = isWatch(ctx);
    if (!isRead || isStream) refuseTime(ctx);
    if (ctx.method === 'POST') return createTask(ctx, deps);
    if (!isRead) throw methodNotAllowed(ctx, ['GET', 'POST']);
    const client = deps.clientOf(ctx);
    if (isStream) return watchTasks(ctx, { ...deps, client, limit, worker: deps.worker, show: shown(ctx) });
    return listTasks(ctx, client, deps);
  });
  router.all('/tasks/:id', async (ctx) => {
    label(ctx, '/tasks/{taskID}');
    const id = ctx.params.id ?? '';
    if (ctx.method === 'DELETE') return stopTask(ctx, id, deps);
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET', 'DELETE']);
    answer(ctx, 200, shown(ctx)(await findTask(deps.clientOf(ctx), id, deps, momentOf(ctx))));
  });
  const routes = router.routes();
  return (ctx, next) => routes(ctx as Parameters<typeof routes>[0], next);
}

function label(ctx: AppContext, path: string): void {
  ctx.state.labels = { verb: ctx.method, group: '', version: '', resource: '', subresource: path, scope: '' };
}

function shown(ctx: AppContext): (task: Task) => object {
  return [ctx.query.fields].flat()[0] === 'all' ? fullItemOf : itemOf;
}

/** Which moment a read asks for: as everywhere, `at`, or `resourceVersion` with `resourceVersionMatch=Exact`. */
function momentOf(ctx: AppContext): MomentOptions {
  const { at, resourceVersion, resourceVersionMatch } = getOptions(ctx.query);
  versionOf('resourceVersion', resourceVersion);
  // The present is not older than any version: only a watch has something to do with one by itself.
  if (at === undefined && (resourceVersionMatch ?? 'NotOlderThan') === 'NotOlderThan') return {};
  return {
    ...(at === undefined ? {} : { at }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(resourceVersionMatch === undefined ? {} : { resourceVersionMatch }),
    onMoment: tellMoment(ctx),
  };
}

/** Throws `BadRequest` for `at` on a watch and on writes. */
function refuseTime({ query, method }: AppContext): void {
  if (query.at === undefined) return;
  const on = method === 'GET' ? 'a watch' : method;
  throw badAt(`at: found it on ${on}, wanted it only where tasks are read: the past is read and not changed`);
}

async function listTasks(ctx: AppContext, client: Client, { worker }: TasksDoorDeps): Promise<void> {
  const list = await client.list(tasks, momentOf(ctx));
  const own = list.items.filter((task) => belongsTo(worker, task));
  ctx.set('X-Resource-Version', list.metadata.resourceVersion ?? '');
  ctx.vary('Accept');
  answer(ctx, 200, own.map(shown(ctx)));
}

async function createTask(ctx: AppContext, deps: TasksDoorDeps): Promise<void> {
  const type = mediaType(ctx);
  if (type !== '' && type !== 'application/json') throw unsupportedMediaType(type, ['application/json']);
  const event = parseTaskEvent(parseJson(await readBody(ctx.req)));
  const client = deps.clientOf(ctx);
  if (event.state === STATE.Completed) {
    if (event.id === undefined) throw wrong('Task.ID', undefined, 'the ID of the task to stop');
    const task = await findTask(client, event.id, deps);
    return answerCreated(ctx, await stop(client, task, deps));
  }
  const id = event.id ?? deps.random.uuid();
  if (event.id !== undefined && (await isShownAs(client, id))) throw exists(id);
  try {
    answerCreated(ctx, await client.create(tasks, pinnedTo(deps.worker, taskOfEvent(event, id))));
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    throw exists(id);
  }
}

function exists(id: string): ApiError {
  return new ApiError('AlreadyExists', `a task with ID ${id} already exists; send State 3 to stop it`);
}

/** Whether a task that came in another way is listed under this id: two of one id could not be told apart. */
async function isShownAs(client: Client, id: string): Promise<boolean> {
  try {
    return (await client.list(tasks)).items.some((task) => idOf(task) === id);
  } catch (error) {
    // Whoever may not list is told of none.
    if (isApiError(error, 'Forbidden')) return false;
    throw error;
  }
}

/** Source of `Prefer`: RFC 7240. */
function answerCreated(ctx: AppContext, task: Task): void {
  ctx.set('Location', `/tasks/${idOf(task)}`);
  if (/(?:^|[,;\s])return=minimal(?:$|[,;\s])/.test(ctx.get('Prefer'))) {
    ctx.set('Preference-Applied', 'return=minimal');
    ctx.set('Content-Type', 'application/json');
    ctx.status = 201;
    ctx.body = Buffer.alloc(0);
    return;
  }
  answer(ctx, 201, shown(ctx)(task));
}

async function stopTask(ctx: AppContext, id: string, deps: TasksDoorDeps): Promise<void> {
  refuseTime(ctx);
  const client = deps.clientOf(ctx);
  await stop(client, await findTask(client, id, deps), deps);
  ctx.status = 204;
  ctx.body = null;
}

/** Records that the task shall be stopped, and how long it stays listed afterwards; once is enough. */
async function stop(client: Client, task: Task, { retention }: TasksDoorDeps): Promise<Task> {
  if (task.spec.desiredState === 'Stopped' || task.metadata.deletionTimestamp !== undefined) return task;
  const body = {
    metadata: { annotations: { [ANNOTATION_TTL]: retention ?? DEFAULT_RETENTION } },
    spec: { desiredState: 'Stopped' },
  };
  return client.patch(tasks, keyOf(task), { type: 'merge', body });
}

/** Throws `BadRequest` for what is not a UUID and `NotFound` for one that no task has here. */
async function findTask(
  client: Client,
  text: string,
  { worker }: TasksDoorDeps,
  moment: MomentOptions = {},
): Promise<Task> {
  const id = parseId(text, 'taskID');
  const found = await lookUp(client, id, moment);
  if (found !== undefined && belongsTo(worker, found)) return found;
  throw new ApiError(
    'NotFound',
    `no task with ID ${id}${worker === undefined ? '' : ` on worker ${worker}`}`,
  );
}

async function lookUp(client: Client, id: string, moment: MomentOptions): Promise<Task | undefined> {
  try {
    return await client.get(tasks, { namespace: NAMESPACE_DEFAULT, name: id }, moment);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
  return (await client.list(tasks, moment)).items.find((task) => idOf(task) === id);
}

function answer(ctx: AppContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json');
  ctx.body = Buffer.from(JSON.stringify(body));
}
