/**
 * `GET /tasks?watch=true`: every change of a task as a frame `{type, resourceVersion, object}`, one a line, or as
 * server-sent events whose id is the version.
 *
 * - Without a version it begins with all there is, in the order of their versions: whoever is cut off in the middle of
 *   that goes on from the last frame and misses nothing.
 * - `resourceVersion`, or `Last-Event-ID`, which a browser sends by itself and which therefore wins, goes on after it.
 * - A version that is not kept any more is 410. What ends a stream that has begun is a last frame of type ERROR; as an
 *   event it has an empty id, so that a browser connects again without one.
 * Source: HTML Living Standard, "Server-sent events".
 */
import type { Client, WatchEvent } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { type AppContext, identityOf } from '../../server/context.ts';
import { toApiError } from '../../server/errors.ts';
import { becomeLongRunning } from '../../server/middleware/metrics.ts';
import type { WatchLimit } from '../../server/middleware/watchlimit.ts';
import { flag } from '../../server/objects/query.ts';
import { ResponseStream } from '../../server/streams/stream.ts';
import { wrong } from './json.ts';
import { belongsTo, changesOf } from './scope.ts';

export interface WatchDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly limit: WatchLimit;
  readonly worker: string | undefined;
  readonly show: (task: Task) => object;
}

/** How a stream is written. */
interface Form {
  readonly contentType: string;
  /** Sent at once. */
  readonly opening: string;
  readonly keepAlive: string;
  frame(type: string, resourceVersion: string, object: object): string;
  /** That all up to this version has been told. */
  mark(resourceVersion: string): string;
}

const frameOf = (type: string, resourceVersion: string, object: object): string =>
  JSON.stringify({ type, resourceVersion, object });

const LINES: Form = {
  contentType: 'application/json',
  opening: '',
  keepAlive: '\n',
  frame: (type, version, object) => `${frameOf(type, version, object)}\n`,
  mark: () => '',
};

const EVENTS: Form = {
  contentType: 'text/event-stream',
  // Milliseconds until a browser that was cut off connects again.
  opening: 'retry: 1000\n\n',
  keepAlive: ': keep-alive\n\n',
  frame: (type, version, object) => `id: ${version}\ndata: ${frameOf(type, version, object)}\n\n`,
  mark: (version) => `id: ${version}\n\n`,
};

/** A browser's EventSource can say what it takes, and nothing else; `watch=false` is a list all the same. */
export function isWatch(ctx: AppContext): boolean {
  if (ctx.method !== 'GET') return false;
  return ctx.query.watch === undefined ? takesEvents(ctx) : flag(ctx.query, 'watch');
}

export async function watchTasks(ctx: AppContext, deps: WatchDeps): Promise<void> {
  const after = versionToGoOnAfter(ctx);
  const form = takesEvents(ctx) ? EVENTS : LINES;
  const stream = new ResponseStream(ctx, { clock: deps.clock });
  try {
    await deps.limit.run(identityOf(ctx).name, async () => {
      const known = await knownTasks(deps, after);
      const events = await begin(deps.client, known.resourceVersion, stream.signal);
      ctx.vary('Accept');
      stream.begin(form.contentType);
      stream.keepAlive(form.keepAlive);
      becomeLongRunning(ctx);
      if (await tellKnown(stream, form, after === undefined ? known : undefined, deps)) {
        await tellChanges(stream, form, events, known.tasks, deps);
      }
      stream.end();
    });
  } finally {
    stream.release();
  }
}

function takesEvents(ctx: AppContext): boolean {
  return /(?:^|,)\s*text\/event-stream\s*(?:$|[,;])/i.test(ctx.get('Accept'));
}

/** Undefined: from the beginning. Throws `BadRequest`. */
function versionToGoOnAfter(ctx: AppContext): string | undefined {
  const { query } = ctx;
  if (query.resourceVersionMatch !== undefined) {
    throw wrong(
      'resourceVersionMatch',
      query.resourceVersionMatch,
      'it only where tasks are read, not watched',
    );
  }
  const asked = versionOf('resourceVersion', [query.resourceVersion].flat()[0]);
  const version = versionOf('Last-Event-ID', ctx.get('Last-Event-ID')) ?? asked;
  return version === '0' ? undefined : version;
}

/** Undefined: none was given. Throws `BadRequest` for one that nobody has been told. */
export function versionOf(field: string, text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return text;
  throw wrong(field, text, 'a version such as "42", from X-Resource-Version or a frame');
}

interface Known {
  /** In the order of their versions. */
  readonly tasks: readonly Task[];
  readonly resourceVersion: string;
}

/** What the reader will know, or knows already, when the changes begin. */
async function knownTasks({ client, worker }: WatchDeps, after: string | undefined): Promise<Known> {
  // Only who is told of some tasks must know which of them they were told of before.
  if (after !== undefined && worker === undefined) return { tasks: [], resourceVersion: after };
  const exact = { resourceVersion: after ?? '', resourceVersionMatch: 'Exact' };
  const list = await client.list(tasks, after === undefined ? {} : exact).catch(explainExpired);
  const version = ({ metadata }: Task): number => Number(metadata.resourceVersion);
  return {
    tasks: list.items.toSorted((one, other) => version(one) - version(other)),
    resourceVersion: after ?? list.metadata.resourceVersion ?? '',
  };
}

/** Resolves once the watch can begin, so that a refusal still is an answer of its own. */
async function begin(
  client: Client,
  resourceVersion: string,
  signal: AbortSignal,
): Promise<AsyncIterable<WatchEvent<Task>>> {
  const started = Promise.withResolvers<void>();
  const options = { resourceVersion, signal, allowWatchBookmarks: true, onStart: started.resolve };
  const iterator = client.watch(tasks, options)[Symbol.asyncIterator]();
  const first = iterator.next();
  await Promise.race([started.promise, first]).catch(explainExpired);
  // It is read below, maybe only after it has failed.
  first.catch(() => undefined);
  return goOn(first, iterator);
}

async function* goOn<T>(first: Promise<IteratorResult<T>>, iterator: AsyncIterator<T>): AsyncGenerator<T> {
  for (let result = await first; result.done !== true; result = await iterator.next()) yield result.value;
}

function explainExpired(error: unknown): never {
  if (!isApiError(error, 'Expired', 'Gone')) throw error;
  const next = 'watch without a version, or read GET /tasks and go on from its X-Resource-Version';
  throw new ApiError('Expired', `${error.message}: ${next}`, error.details, { cause: error });
}

/** False when the reader is gone. */
async function tellKnown(
  stream: ResponseStream,
  form: Form,
  known: Known | undefined,
  { worker, show }: WatchDeps,
): Promise<boolean> {
  if (form.opening !== '' && !(await stream.write(form.opening))) return false;
  if (known === undefined) return true;
  for (const task of known.tasks.filter((one) => belongsTo(worker, one))) {
    const { resourceVersion = '' } = task.metadata;
    if (!(await stream.write(form.frame('ADDED', resourceVersion, show(task))))) return false;
  }
  const mark = form.mark(known.resourceVersion);
  return mark === '' || stream.write(mark);
}

async function tellChanges(
  stream: ResponseStream,
  form: Form,
  events: AsyncIterable<WatchEvent<Task>>,
  known: readonly Task[],
  { worker, show }: WatchDeps,
): Promise<void> {
  const typeOf = changesOf(worker, known);
  const written = (event: WatchEvent<Task>): string => {
    if (event.type === 'BOOKMARK') return form.mark(event.resourceVersion);
    const type = typeOf(event);
    return type === undefined
      ? ''
      : form.frame(type, event.object.metadata.resourceVersion ?? '', show(event.object));
  };
  try {
    for await (const event of events) {
      const text = written(event);
      if (text !== '' && !(await stream.write(text))) return;
    }
  } catch (error) {
    const { code, message } = toApiError(error);
    await stream.write(form.frame('ERROR', '', { HTTPStatusCode: code, Message: message }));
  }
}
