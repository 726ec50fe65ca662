/**
 * The dispatch door: work is handed in under a task id of the client's own, asked about, and cancelled; agents are listed.
 *
 * - `POST /api/v1/dispatch` makes a Run of the TaskTemplate that `work_type` names; the same request again is the same Run.
 * - `GET /api/v1/status/{task_id}`, `POST /api/v1/cancel/{task_id}`; `?output=none` leaves the log unread.
 * - `GET /api/v1/agents?agent_type=&status=` shows Workers; `GET /health` the store's and theirs.
 * The Kubernetes API lives under `/api/v1`, too: this door owns these paths and nothing else there.
 * Errors are `{error_code, message, trace_id}`. `X-Trace-Id` is the trace of the task that an answer is about.
 */
import { Router } from '@koa/router';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import type { Log } from '../../../machinery/log.ts';
import { keyOf } from '../../../machinery/meta.ts';
import { nameWork } from '../../../machinery/trace.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { leases, runs, tasks, workers } from '../../../schemas/kinds.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import { InProcessClient } from '../../registry/inprocess.ts';
import type { Registry, RequestContext } from '../../registry/types.ts';
import { type AppContext, type AppState, requestContext } from '../../server/context.ts';
import { methodNotAllowed, toApiError } from '../../server/errors.ts';
import type { Door } from '../door.ts';
import { AGENT_STATES, type Agent, agentOfWorker, heldIn } from './agents.ts';
import { CODES, DispatchError, describeError, inTrace } from './errors.ts';
import { answerHealth } from './health.ts';
import { agentOf, outputOf, triesOf } from './output.ts';
import { type DispatchRequest, readDispatch, taskIdProblem } from './request.ts';
import {
  factsOf,
  hasEnded,
  isMadeBy,
  isWaiting,
  requestIdOf,
  runNameOf,
  runOf,
  taskIdOf,
  traceOf,
} from './translate.ts';

export interface DispatchDoorDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
  readonly log: Log;
  /** Where Runs are made, and TaskTemplates looked for. */
  readonly namespace: string;
  /** Reads from the store itself; rejects when it does not answer. */
  readonly checkStore: () => Promise<void>;
}

/** What is below is nobody else's either: a task id whose slashes nobody escaped is told in this door's form. */
const OWNED = /^(?:\/api\/v1\/(?:dispatch|agents|status|cancel)(?:\/.*)?|\/health)$/s;

export function dispatchDoor(deps: DispatchDoorDeps): Door {
  const router = new Router<AppState, object>();
  /** One path with one method; a GET is a HEAD, too. */
  const route = (method: 'GET' | 'POST', path: string, handle: (asking: Asking) => Promise<void>): void => {
    router.all(path, async (ctx) => {
      const shown = path.replace(':id', '{task_id}');
      const labels = { group: '', version: '', resource: '', subresource: shown, scope: '' };
      ctx.state.labels = { verb: ctx.method, ...labels };
      const isAllowed = ctx.method === method || (method === 'GET' && ctx.method === 'HEAD');
      if (!isAllowed) throw methodNotAllowed(ctx, [method]);
      try {
        await handle(asking(ctx, ctx.params['id'] ?? '', deps));
      } catch (error) {
        // The header has the trace of the task by now, where the request is about one.
        throw inTrace(toApiError(error), ctx.response.get('X-Trace-Id'));
      }
    });
  };
  route('POST', '/api/v1/dispatch', dispatchWork);
  route('GET', '/api/v1/status/:id', tellStatus);
  route('GET', '/api/v1/agents', listAgents);
  route('POST', '/api/v1/cancel/:id', cancelWork);
  route('GET', '/health', tellHealth);
  const routes = router.routes();
  return {
    name: 'dispatch',
    owns: (path) => OWNED.test(path),
    describeError,
    middleware: (ctx, next) => routes(ctx as Parameters<typeof routes>[0], next),
  };
}

/** One request, and who it acts as. */
interface Asking {
  readonly ctx: AppContext;
  readonly id: string;
  readonly deps: DispatchDoorDeps;
  readonly context: RequestContext;
  /** What the request is for: the audit tells of it as the request's own. */
  readonly client: Client;
  /** What is looked up on the way. */
  readonly reader: Client;
}

function asking(ctx: AppContext, id: string, deps: DispatchDoorDeps): Asking {
  const context = requestContext(ctx);
  const { origin: _origin, ...lookingUp } = context;
  return {
    ctx,
    id,
    deps,
    context,
    client: new InProcessClient(deps.registry, context),
    reader: new InProcessClient(deps.registry, lookingUp),
  };
}

async function dispatchWork(asking: Asking): Promise<void> {
  const { ctx, deps, context } = asking;
  const asked = await readDispatch(ctx);
  const { taskId } = asked;
  const name = runNameOf(taskId);
  const { registry, namespace } = deps;
  nameWork({ taskId, requestId: asked.requestId ?? ctx.state.trace.requestId });
  registry.authorize(context, { verb: 'create', group: runs.group, resource: runs.plural, namespace, name });
  // Who asks again is answered before anything is judged anew: the work type may be another one by now.
  const known = await findRun(asking, taskId, asking.reader);
  const run = known === undefined ? await makeRun(asking, asked) : sameRun(asking, known, asked);
  tellTrace(ctx, run);
  if (known === undefined) deps.log.info({ run: name, work_type: asked.workType }, 'work dispatched');
  answer(ctx, 200, {
    trace_id: traceOf(run),
    request_id: requestIdOf(run),
    task_id: taskId,
    status: 'pending',
  });
}

/** Of many who ask at once, one makes it; the others find it. */
async function makeRun(asking: Asking, asked: DispatchRequest): Promise<Run> {
  const { ctx, deps, client, reader } = asking;
  await requireTasks(asking, asked.dependsOn);
  try {
    return await client.create(runs, runOf(asked, deps.namespace, ctx.state.trace.requestId));
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    const run = await findRun(asking, asked.taskId, reader);
    if (run !== undefined) return sameRun(asking, run, asked);
    const what = `task ${JSON.stringify(asked.taskId)} would be run "${runNameOf(asked.taskId)}"`;
    const why =
      'that is there already, as another task or as one that you may not read: choose another task_id';
    throw new DispatchError('Conflict', CODES.CONFLICT, `${what}, and ${why}`);
  }
}

function sameRun({ ctx }: Asking, run: Run, asked: DispatchRequest): Run {
  if (isMadeBy(run, asked)) return run;
  tellTrace(ctx, run);
  const what = `task ${JSON.stringify(asked.taskId)} is there already, and asked for something else`;
  throw new DispatchError('Conflict', CODES.CONFLICT, `${what}: send that request, or another task_id`);
}

async function requireTasks(asking: Asking, ids: readonly string[]): Promise<void> {
  const found = await Promise.all(ids.map((id) => getRun(asking, id, asking.reader)));
  const missing = ids.flatMap((id, index) =>
    found[index] === undefined ? [`depends_on[${index}]: no task ${JSON.stringify(id)}`] : [],
  );
  if (missing.length > 0) throw new DispatchError('BadRequest', CODES.DEPENDS_ON, missing.join('; '));
}

/** Undefined also where who asks may not know. */
async function findRun(asking: Asking, taskId: string, client: Client): Promise<Run | undefined> {
  try {
    return await getRun(asking, taskId, client);
  } catch (error) {
    if (isApiError(error, 'Forbidden')) return undefined;
    throw error;
  }
}

async function getRun({ deps }: Asking, taskId: string, client: Client): Promise<Run | undefined> {
  try {
    const run = await client.get(runs, { namespace: deps.namespace, name: runNameOf(taskId) });
    // Two ids never have one name, but a client may call its task as another one's Run is called.
    return taskIdOf(run) === taskId ? run : undefined;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Throws `NotFound`, and `BadRequest` for what no task can be called. */
async function requireRun(asking: Asking): Promise<Run> {
  const { ctx, id, client } = asking;
  const problem = taskIdProblem(id);
  if (problem !== undefined) {
    throw new DispatchError(
      'BadRequest',
      CODES.ID,
      `task_id: found ${JSON.stringify(id)}, wanted ${problem}`,
    );
  }
  const run = await getRun(asking, id, client);
  if (run === undefined)
    throw new DispatchError('NotFound', CODES.NOT_FOUND, `no task ${JSON.stringify(id)}`);
  nameWork({ taskId: id, requestId: requestIdOf(run) });
  tellTrace(ctx, run);
  return run;
}

async function tellStatus(asking: Asking): Promise<void> {
  const { ctx, deps, context, reader } = asking;
  const wanted = oneOf(ctx, 'output', ['tail', 'none']) ?? 'tail';
  const run = await requireRun(asking);
  const tries = await triesOf(run, reader);
  const { origin: _origin, ...lookingUp } = context;
  const output =
    wanted === 'none'
      ? { text: null, unavailable: 'output=none leaves the log unread', agent: agentOf(tries) }
      : await outputOf(tries, {
          ...deps,
          client: reader,
          authorize: (task) =>
            deps.registry.authorize(lookingUp, {
              verb: 'get',
              group: tasks.group,
              resource: tasks.plural,
              subresource: 'log',
              ...task,
            }),
        });
  answer(ctx, 200, {
    ...factsOf(run, deps.clock.now(), isWaiting(run, tries)),
    agent_id: output.agent,
    output: output.text,
    output_unavailable: output.unavailable,
  });
}

async function cancelWork(asking: Asking): Promise<void> {
  const { ctx, deps, id, client } = asking;
  for (let attempt = 1; ; attempt++) {
    const run = await requireRun(asking);
    const traceId = traceOf(run);
    if (hasEnded(run)) {
      const { status } = factsOf(run, deps.clock.now());
      const message = `task ${JSON.stringify(id)} is ${status}, wanted it pending or running: there is nothing to cancel`;
      throw new DispatchError('BadRequest', CODES.STATE, message);
    }
    try {
      if (run.spec.cancel !== true) {
        const { resourceVersion = '' } = run.metadata;
        // Not one that has ended in the meantime.
        const body = { metadata: { resourceVersion }, spec: { cancel: true } };
        await client.patch(runs, keyOf(run), { type: 'merge', body });
        deps.log.info({ run: run.metadata.name }, 'work is being cancelled');
      }
      return answer(ctx, 200, { task_id: id, status: 'cancelled', trace_id: traceId ?? null });
    } catch (error) {
      if (!isApiError(error, 'Conflict') || !(await deps.registry.mayTryAgain(attempt))) throw error;
    }
  }
}

async function listAgents(asking: Asking): Promise<void> {
  const { ctx, client } = asking;
  const state = oneOf(ctx, 'status', AGENT_STATES);
  const type = one(ctx, 'agent_type');
  const agents = await agentsOf(asking, client);
  answer(
    ctx,
    200,
    agents.filter(
      ({ agent_type, status }) =>
        (type === undefined || agent_type === type) && (state === undefined || status === state),
    ),
  );
}

async function agentsOf(asking: Asking, client: Client): Promise<readonly Agent[]> {
  const { deps, context, reader } = asking;
  const { items } = await client.list(workers);
  const kind = deps.registry.findKind(tasks.group, tasks.version, tasks.plural);
  const { origin: _origin, ...lookingUp } = context;
  const [found, beats] = await Promise.all([
    kind === undefined ? undefined : unlessForbidden(deps.registry.list(lookingUp, kind)),
    unlessForbidden(reader.list(leases, { namespace: NAMESPACE_SYSTEM })),
  ]);
  const holdings = found === undefined ? undefined : heldIn(found.items);
  const byWorker = new Map(beats?.items.map((lease) => [lease.metadata.name, lease]));
  const nowMs = deps.clock.now();
  return items.map((worker) => {
    const { name } = worker.metadata;
    const seen = {
      lease: byWorker.get(name),
      held: holdings?.get(name),
      isHeldKnown: holdings !== undefined,
    };
    return agentOfWorker(worker, seen, nowMs);
  });
}

/** What is told beside the thing itself is left out for those who may not see it. */
async function unlessForbidden<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isApiError(error, 'Forbidden')) return undefined;
    throw error;
  }
}

async function tellHealth(asking: Asking): Promise<void> {
  const { ctx, deps, reader } = asking;
  const { status, body } = await answerHealth(deps, () => unlessForbidden(agentsOf(asking, reader)));
  answer(ctx, status, { ...body, trace_id: ctx.state.trace.traceId });
}

function one(ctx: AppContext, name: string): string | undefined {
  const [value, second] = [ctx.query[name]].flat();
  if (second === undefined) return value === '' ? undefined : value;
  throw new DispatchError('BadRequest', CODES.QUERY, `${name}: found it twice, wanted it once`);
}

function oneOf<T extends string>(ctx: AppContext, name: string, allowed: readonly T[]): T | undefined {
  const value = one(ctx, name);
  if (value === undefined) return undefined;
  const known = allowed.find((item) => item === value);
  if (known !== undefined) return known;
  const wanted = `one of ${allowed.join(', ')}`;
  throw new DispatchError(
    'BadRequest',
    CODES.QUERY,
    `${name}: found ${JSON.stringify(value)}, wanted ${wanted}`,
  );
}

/** What a header can hold of the client's own. */
const PRINTABLE = /^[\x21-\x7e]{1,255}$/;

function tellTrace(ctx: AppContext, run: Run): void {
  const requestId = requestIdOf(run);
  const traceId = traceOf(run);
  if (traceId !== undefined) ctx.set('X-Trace-Id', traceId);
  if (PRINTABLE.test(requestId)) ctx.set('X-Request-Id', requestId);
}

function answer(ctx: AppContext, status: number, body: unknown): void {
  ctx.status = status;
  ctx.set('Content-Type', 'application/json');
  ctx.body = Buffer.from(JSON.stringify(body));
}
