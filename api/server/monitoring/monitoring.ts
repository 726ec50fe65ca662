/**
 * The paths that a Prometheus asks beside `/metrics`: the objects, each worker's containers, and where to find both and the
 * Tasks that ask to be scraped. All of them are read only, take a seat like any request, and keep nothing but texts.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError, isApiError, notFound } from '../../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../../machinery/identity.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { workers } from '../../../schemas/kinds.ts';
import type { Registry, RequestContext } from '../../registry/types.ts';
import { containerMetrics } from '../../views/metrics/containers.ts';
import { METRICS_TYPE } from '../../views/metrics/family.ts';
import type { TargetGroup } from '../../views/metrics/targets.ts';
import { type AppContext, type AppMiddleware, requestContext } from '../context.ts';
import { methodNotAllowed, unknownPath } from '../errors.ts';
import { pathRoute } from '../middleware/metrics.ts';
import { ResponseStream } from '../streams/stream.ts';
import { AS_READER, Discovery } from './discovery.ts';
import { StateMetrics } from './statemetrics.ts';

/** What is offered; turned off, a path is not there. */
export interface MonitoringSettings {
  readonly stateMetrics: boolean;
  readonly containerMetrics: boolean;
}

export interface MonitoringDeps {
  readonly registry: Registry;
  readonly workerLink: Pick<WorkerLink, 'containerMetrics' | 'reaches'>;
  readonly clock: Clock;
  readonly settings: MonitoringSettings;
}

export const STATE_PATH = '/metrics/state';
export const DISCOVERY_PATHS = [
  '/discovery/prometheus',
  '/discovery/prometheus/tasks',
  '/discovery/prometheus/workers',
] as const;
/** Kubernetes' own: the kubelet's cAdvisor, through the API server. */
const CONTAINERS = /^\/api\/v1\/nodes\/([^/]+)\/proxy\/metrics\/cadvisor$/;

/** A worker that has not answered by then does not answer this scrape: Prometheus gives up after ten seconds itself. */
const PATIENCE_MS = 10_000;

/** Looks whether there is such a worker, for somebody who may ask it. */
const READER: Identity = { name: 'system:metrics', groups: [GROUP_MASTERS] };

export function servesMonitoring(deps: MonitoringDeps): AppMiddleware {
  const state = new StateMetrics(deps.registry);
  const discovery = new Discovery(deps.registry, (worker) => deps.workerLink.reaches(worker));
  return async (ctx, next) => {
    const path = ctx.path.endsWith('/') ? ctx.path.slice(0, -1) : ctx.path;
    if (path === STATE_PATH) return answerState(ctx, deps, state);
    const found = DISCOVERY_PATHS.find((each) => each === path);
    if (found !== undefined) return answerDiscovery(ctx, found, deps, discovery);
    const worker = CONTAINERS.exec(path)?.[1];
    return worker === undefined ? next() : answerContainers(ctx, deps, worker);
  };
}

async function answerState(ctx: AppContext, deps: MonitoringDeps, state: StateMetrics): Promise<void> {
  ctx.state.labels = pathRoute(ctx.method, STATE_PATH);
  assertRead(ctx);
  deps.registry.authorizePath(requestContext(ctx), 'get', STATE_PATH);
  if (!deps.settings.stateMetrics) throw turnedOff('the state metrics', '--state-metrics');
  const stream = new ResponseStream(ctx, { clock: deps.clock });
  try {
    const pieces = await state.read(stream.signal);
    await send(ctx, stream, pieces);
  } finally {
    stream.release();
  }
}

/** A piece at a time, as the reader takes them; in between others get their turn. */
async function send(
  ctx: AppContext,
  stream: ResponseStream,
  pieces: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  if (ctx.method === 'HEAD') {
    ctx.status = 200;
    ctx.set('Content-Type', METRICS_TYPE);
    return;
  }
  stream.begin(METRICS_TYPE);
  for await (const piece of pieces) {
    if (!(await stream.write(piece))) return;
    await turnOfTheLoop();
  }
  stream.end();
}

async function answerContainers(ctx: AppContext, deps: MonitoringDeps, segment: string): Promise<void> {
  const { registry, workerLink, clock, settings } = deps;
  const name = decoded(segment);
  ctx.state.labels = {
    ...pathRoute(ctx.method, 'proxy'),
    version: 'v1',
    resource: 'nodes',
    scope: 'resource',
  };
  assertRead(ctx);
  registry.authorize(requestContext(ctx), {
    verb: 'get',
    group: '',
    resource: 'nodes',
    subresource: 'proxy',
    name,
  });
  if (!settings.containerMetrics) throw turnedOff('the container metrics', '--container-metrics');
  const kind = registry.findKind(workers.group, workers.version, workers.plural);
  if (kind === undefined) throw notFound(workers, name);
  await registry.get({ identity: READER }, kind, { name }, { resourceVersion: '0' });
  const stream = new ResponseStream(ctx, { clock });
  const late = new AbortController();
  const timer = clock.after(PATIENCE_MS, () => late.abort());
  try {
    const told = await workerLink.containerMetrics(name, AbortSignal.any([stream.signal, late.signal]));
    await send(ctx, stream, containerMetrics(told));
  } finally {
    timer.cancel();
    stream.release();
  }
}

async function answerDiscovery(
  ctx: AppContext,
  path: (typeof DISCOVERY_PATHS)[number],
  deps: MonitoringDeps,
  discovery: Discovery,
): Promise<void> {
  ctx.state.labels = pathRoute(ctx.method, path);
  assertRead(ctx);
  const [all, ofTasks] = DISCOVERY_PATHS;
  const namespace = namespaceIn(ctx);
  const lister = listerOf(ctx, deps, path, path === ofTasks && namespace !== undefined);
  const groups: TargetGroup[] = [];
  const isAll = path === all;
  // Turned off, there is nothing to be found there.
  if (path !== ofTasks && deps.settings.containerMetrics) {
    if (ctx.host === '')
      throw new ApiError('BadRequest', 'header Host: found none, wanted it: targets are told under it', {});
    const scheme = ctx.protocol === 'https' ? 'https' : 'http';
    groups.push(...(await discovery.workers({ host: ctx.host, scheme })));
  }
  if (isAll || path === ofTasks) groups.push(...(await discovery.tasks(lister, namespace)));
  ctx.set('Content-Type', 'application/json');
  ctx.set('Cache-Control', 'no-cache, private');
  ctx.body = Buffer.from(JSON.stringify(groups));
}

/**
 * As whom it is listed: as a reader of everything for who may get the path, as the caller where rights in one namespace
 * may do. Throws `Forbidden`.
 */
function listerOf(
  ctx: AppContext,
  { registry }: MonitoringDeps,
  path: string,
  isOfOneNamespace: boolean,
): RequestContext {
  const context = requestContext(ctx);
  try {
    registry.authorizePath(context, 'get', path);
    return AS_READER;
  } catch (error) {
    if (!isOfOneNamespace || !isApiError(error, 'Forbidden')) throw error;
    // The registry tells the audit of its own what is listed: the request itself is told of as this path.
    const { origin: _origin, ...own } = context;
    return own;
  }
}

function namespaceIn({ query }: AppContext): string | undefined {
  const [namespace = ''] = [query.namespace ?? ''].flat();
  return namespace === '' ? undefined : namespace;
}

function assertRead(ctx: AppContext): void {
  if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
}

function turnedOff(what: string, flag: string): ApiError {
  return new ApiError('NotFound', `${what} are turned off on this server: start it with ${flag}`, {});
}

/** What is no encoding of anything is no name. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw unknownPath();
  }
}
