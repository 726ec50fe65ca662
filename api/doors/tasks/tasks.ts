/**
 * The `/tasks` door: the plain API of a task manager over Task objects.
 *
 * - `GET /tasks` lists the tasks of all namespaces; `?watch=true` streams them as NDJSON `{type, resourceVersion,
 *   object}`, resumable by `resourceVersion`; `?fields=all` shows more.
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
import type { Registry, StoredWatchEvent } from '../../registry/types.ts';
import { type AppContext, type AppState, identityOf, requestContext } from '../../server/context.ts';
import { methodNotAllowed, toApiError } from '../../server/errors.ts';
import { mediaType, parseJson, readBody, unsupportedMediaType } from '../../server/middleware/body.ts';
import { tellMoment } from '../../server/objects/objects.ts';
import { flag, getOptions } from '../../server/objects/query.ts';
import { ResponseStream } from '../../server/streams/stream.ts';
import { asTask } from '../../views/pod.ts';
import type { Door } from '../door.ts';
import { parseId, parseTaskEvent, STATE } from './json.ts';
import { fullItemOf, idOf, itemOf, taskOfEvent } from './translate.ts';

export interface TasksDoorDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a stopped task stays listed, as a duration such as `24h`. */
  readonly retention?: string;
}

const DEFAULT_RETENTION = '24h';

export function tasksDoor(deps: TasksDoorDeps): Door {
  const router = new Router<AppState, object>();
  router.all('/tasks', async (ctx) => {
    label(ctx, '/tasks');
    const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
    if (!isRead || flag(ctx.query, 'watch')) refuseTime(ctx);
    if (ctx.method === 'POST') return createTask(ctx, deps);
    if (!isRead) throw methodNotAllowed(ctx, ['GET', 'POST']);
    return flag(ctx.query, 'watch') ? watchTasks(ctx, deps) : listTasks(ctx, deps);
  });
  router.all('/tasks/:id', async (ctx) => {
    label(ctx, '/tasks/{taskID}');
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') refuseTime(ctx);
    if (ctx.method === 'DELETE') return stopTask(ctx, ctx.params.id ?? '', deps);
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET', 'DELETE']);
    answer(ctx, 200, shown(ctx)(await findTask(clientOf(ctx, deps), ctx.params.id ?? '', momentOf(ctx))));
  });
  const routes = router.routes();
  return {
    name: 'tasks',
    owns: (path) => path === '/tasks' || path.startsWith('/tasks/'),
    describeError(error) {
      // This API knows one code for a body it cannot use.
      const code = error.reason === 'Invalid' ? 400 : error.code;
      return { code, body: { HTTPStatusCode: code, Message: error.message } };
    },
    middleware: (ctx, next) => routes(ctx as Parameters<typeof routes>[0], next),
  };
}

function label(ctx: AppContext, path: string): void {
  ctx.state.labels = { verb: ctx.method, group: '', version: '', resource: '', subresource: path, scope: '' };
}

function clientOf(ctx: AppContext, deps: TasksDoorDeps): Client {
  return deps.registry.as(identityOf(ctx));
}

function shown(ctx: AppContext): (task: Task) => object {
  return [ctx.query.fields].flat()[0] === 'all' ? fullItemOf : itemOf;
}

/** Which moment a read asks for: as everywhere, `at`, or `resourceVersion` with `resourceVersionMatch=Exact`. */
function momentOf(ctx: AppContext): MomentOptions {
  const { at, resourceVersion, resourceVersionMatch } = getOptions(ctx.query);
  // A watch alone has something to do with a version by itself.
  if (at === undefined && resourceVersionMatch !== 'Exact') return {};
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
  const on = method === 'GET' || method === 'HEAD' ? 'a watch' : method;
  throw badAt(`at: found it on ${on}, wanted it only where tasks are read: the past is read and not changed`);
}

async function listTasks(ctx: AppContext, deps: TasksDoorDeps): Promise<void> {
  const list = await clientOf(ctx, deps).list(tasks, momentOf(ctx));
  ctx.set('X-Resource-Version', list.metadata.resourceVersion ?? '');
  answer(ctx, 200, list.items.map(shown(ctx)));
}

async function watchTasks(ctx: AppContext, deps: TasksDoorDeps): Promise<void> {
  const { registry, clock } = deps;
  const kind = registry.findKind(tasks.group, tasks.version, tasks.plural);
  if (kind === undefined) throw new ApiError('ServiceUnavailable', 'tasks are not served yet; try again');
  const stream = new ResponseStream(ctx, { clock });
  const resourceVersion = [ctx.query.resourceVersion].flat()[0] ?? '';
  const options = { ...(resourceVersion === '' ? {} : { resourceVersion }), signal: stream.signal };
  try {
    const events = await registry.watch(requestContext(ctx), kind, options);
    stream.begin('application/json');
    stream.keepAlive();
    ctx.state.isLongRunning = true;
    await sendFrames(stream, events, shown(ctx));
    stream.end();
  } finally {
    stream.release();
  }
}

async function sendFrames(
  stream: ResponseStream,
  events: AsyncIterable<StoredWatchEvent>,
  show: (task: Task) => object,
): Promise<void> {
  const frame = (type: string, resourceVersion: string, object: object): string =>
    `${JSON.stringify({ type, resourceVersion, object })}\n`;
  try {
    for await (const event of events) {
      if (event.type === 'BOOKMARK') continue;
      const { object, resourceVersion } = event.stored;
      if (!(await stream.write(frame(event.type, String(resourceVersion), show(asTask(object)))))) return;
    }
  } catch (error) {
    const { code, message } = toApiError(error);
    await stream.write(frame('ERROR', '', { HTTPStatusCode: code, Message: message }));
  }
}

async function createTask(ctx: AppContext, deps: TasksDoorDeps): Promise<void> {
  const type = mediaType(ctx);
  if (type !== '' && type !== 'application/json') throw unsupportedMediaType(type, ['application/json']);
  const event = parseTaskEvent(parseJson(await readBody(ctx.req)));
  const client = clientOf(ctx, deps);
  if (event.state === STATE.Completed && event.id !== undefined) {
    const stopped = await stop(client, await findTask(client, event.id), deps);
    return answerCreated(ctx, stopped);
  }
  const id = event.id ?? deps.random.uuid();
  try {
    answerCreated(ctx, await client.create(tasks, taskOfEvent(event, id)));
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    throw new ApiError('AlreadyExists', `a task with ID ${id} already exists; send State 3 to stop it`);
  }
}

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
  const client = clientOf(ctx, deps);
  await stop(client, await findTask(client, id), deps);
  ctx.status = 204;
  ctx.body = null;
}

/** Records that the task shall be stopped, and how long it stays listed afterwards; once is enough. */
async function stop(client: Client, task: Task, deps: TasksDoorDeps): Promise<Task> {
  if (task.spec.desiredState === 'Stopped' || task.metadata.deletionTimestamp !== undefined) return task;
  const body = {
    metadata: { annotations: { [ANNOTATION_TTL]: deps.retention ?? DEFAULT_RETENTION } },
    spec: { desiredState: 'Stopped' },
  };
  return client.patch(tasks, keyOf(task), { type: 'merge', body });
}

/** Throws `BadRequest` for what is not a UUID and `NotFound` for one that nobody has. */
async function findTask(client: Client, text: string, moment: MomentOptions = {}): Promise<Task> {
  const id = parseId(text);
  try {
    return await client.get(tasks, { namespace: NAMESPACE_DEFAULT, name: id }, moment);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
  const found = (await client.list(tasks, moment)).items.find((task) => idOf(task) === id);
  if (found === undefined) throw new ApiError('NotFound', `no task with ID ${id}`);
  return found;
}

function answer(ctx: AppContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json');
  ctx.body = Buffer.from(JSON.stringify(body));
}
