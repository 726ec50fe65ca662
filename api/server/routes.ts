/**
 * One set of routes for every kind and every view: what is served where is data (`ServedKind`), never code.
 */
import { ApiError } from '../../machinery/errors.ts';
import { keyString, objectPath } from '../../machinery/meta.ts';
import { nameObject } from '../../machinery/trace.ts';
import { badAt } from '../registry/moments.ts';
import type { Registry, ServedKind } from '../registry/types.ts';
import { type AppContext, type AppMiddleware, identityOf, type RouteLabels } from './context.ts';
import { methodNotAllowed, unknownPath } from './errors.ts';
import { becomeLongRunning } from './middleware/metrics.ts';
import { WatchLimit } from './middleware/watchlimit.ts';
import { type ObjectPath, parseObjectPath } from './objectpath.ts';
import {
  createObject,
  deleteObject,
  deleteObjects,
  getObject,
  keyOfTarget,
  listObjects,
  patchObject,
  postSubresource,
  type Target,
  updateObject,
  warningHeader,
} from './objects/objects.ts';
import { isWatch } from './objects/query.ts';
import { attachProcess, execProcess, type SessionDeps } from './streams/exec.ts';
import { type LogDeps, streamLog } from './streams/logs.ts';
import { forwardPorts } from './streams/portforward.ts';
import { type WatchDeps, watchObjects } from './streams/watches.ts';

export type RouteDeps = WatchDeps &
  LogDeps &
  SessionDeps & { readonly registry: Pick<Registry, 'settleKinds'> };

/** What a method does to a target: the verb it needs and the verb as metrics spell it. */
interface Action {
  readonly method: string;
  readonly verb: string;
  readonly label: string;
  readonly run: (ctx: AppContext, target: Target, deps: RouteDeps) => Promise<void>;
}

const COLLECTION: readonly Action[] = [
  { method: 'GET', verb: 'list', label: 'LIST', run: listObjects },
  { method: 'POST', verb: 'create', label: 'POST', run: createObject },
  { method: 'DELETE', verb: 'deletecollection', label: 'DELETECOLLECTION', run: deleteObjects },
];
const ITEM: readonly Action[] = [
  { method: 'GET', verb: 'get', label: 'GET', run: getObject },
  { method: 'PUT', verb: 'update', label: 'PUT', run: updateObject },
  { method: 'PATCH', verb: 'patch', label: 'PATCH', run: patchObject },
  { method: 'DELETE', verb: 'delete', label: 'DELETE', run: deleteObject },
];
const SUBRESOURCE: readonly Action[] = [
  ...ITEM.filter((action) => action.method !== 'DELETE'),
  { method: 'POST', verb: 'create', label: 'POST', run: postSubresource },
];
/** Both methods open the same session: WebSocket clients use GET, SPDY clients POST. */
const session = (run: Action['run']): readonly Action[] => [
  { method: 'GET', verb: 'get', label: 'CONNECT', run },
  { method: 'POST', verb: 'create', label: 'CONNECT', run },
];
/** Subresources that are streams. */
const STREAMS: ReadonlyMap<string, readonly Action[]> = new Map([
  ['log', [{ method: 'GET', verb: 'get', label: 'CONNECT', run: streamLog }]],
  ['exec', session(execProcess)],
  ['attach', session(attachProcess)],
  ['portforward', session(forwardPorts)],
]);
const WATCH: Action = { method: 'GET', verb: 'watch', label: 'WATCH', run: watchObjects };

/** Subresources of a namespace share their place in the path with the kinds inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

/** Answers every path of an object or of a collection, and leaves all others to whoever comes next. */
export function newRoutes(deps: RouteDeps): AppMiddleware {
  const watches = new WatchLimit();
  return async (ctx, next) => {
    const path = parseObjectPath(ctx.path);
    if (path === undefined) return next();
    // Kinds of users may have been established by another server a moment ago.
    if (path.group !== '' && deps.catalog.findKind(path.group, path.version, path.plural) === undefined) {
      await deps.registry.settleKinds();
    }
    const target = findTarget(path, deps);
    const action = chooseAction(ctx, target);
    if (ctx.querystring.includes('at=')) refuseTime(ctx, action);
    if (target.kind.deprecation !== undefined) ctx.append('Warning', warningHeader(target.kind.deprecation));
    ctx.state.labels = labelsOf(target, action);
    if (target.name !== undefined) nameObject(objectPath(target.kind, keyString(keyOfTarget(target))));
    if (action.label === 'CONNECT') becomeLongRunning(ctx);
    if (action === WATCH || target.subresource === 'log') {
      await watches.run(identityOf(ctx).name, () => action.run(ctx, target, deps));
    } else await action.run(ctx, target, deps);
  };
}

/** Throws `BadRequest` for `at` on anything but a get or a list. */
function refuseTime({ query }: AppContext, { run, label }: Action): void {
  if (query.at === undefined || run === getObject || run === listObjects || run === streamLog) return;
  const found = `query parameter at: found "${[query.at].flat()[0]}"`;
  if (label === 'WATCH') {
    throw badAt(
      `${found} beside watch, wanted one of them: list at that time, then watch from the list's resourceVersion`,
    );
  }
  throw badAt(`${found} on ${label}, wanted it on get, list and log only: the past is read and not changed`);
}

function findTarget(path: ObjectPath, deps: RouteDeps): Target {
  const { group, version, namespace, plural, name, subresource } = path;
  if (group === '' && namespace !== undefined && name === undefined && NAMESPACE_SUBRESOURCES.has(plural)) {
    return findTarget({ group, version, plural: 'namespaces', name: namespace, subresource: plural }, deps);
  }
  const kind = deps.catalog.findKind(group, version, plural);
  if (kind === undefined) throw unknownPath();
  // A cluster-scoped kind is not inside a namespace, and one object of a namespaced kind is nowhere else.
  if (kind.namespaced ? namespace === undefined && name !== undefined : namespace !== undefined)
    throw unknownPath();
  return { kind, namespace, name, subresource };
}

function chooseAction(ctx: AppContext, target: Target): Action {
  const { kind, name, subresource } = target;
  const method = ctx.method === 'HEAD' ? 'GET' : ctx.method;
  const [actions, verbs] = offered(target);
  const isWatching =
    method === 'GET' && subresource === undefined && isWatch(ctx.query) && kind.verbs.includes('watch');
  if (isWatching && ctx.method === 'GET') return WATCH;
  const isEverywhere = kind.namespaced && target.namespace === undefined && name === undefined;
  const possible = actions.filter(
    (action) => verbs.includes(action.verb) && (!isEverywhere || action.method === 'GET'),
  );
  const action = possible.find((candidate) => candidate.method === method);
  if (action !== undefined) return action;
  throw methodNotAllowed(
    ctx,
    possible.map((candidate) => candidate.method),
  );
}

function offered({
  kind,
  name,
  subresource,
}: Target): readonly [actions: readonly Action[], verbs: readonly string[]] {
  if (subresource === undefined) return [name === undefined ? COLLECTION : ITEM, kind.verbs];
  const found: ServedKind['subresources'][number] | undefined = kind.subresources.find(
    (candidate) => candidate.name === subresource,
  );
  if (found === undefined)
    throw new ApiError('NotFound', 'the server could not find the requested resource', {});
  return [STREAMS.get(subresource) ?? SUBRESOURCE, found.verbs];
}

function labelsOf({ kind, namespace, name, subresource = '' }: Target, action: Action): RouteLabels {
  return {
    verb: action.label,
    group: kind.group,
    version: kind.version,
    resource: kind.plural,
    subresource,
    scope: name !== undefined ? 'resource' : namespace !== undefined ? 'namespace' : 'cluster',
  };
}
