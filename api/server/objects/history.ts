/**
 * `GET …/<object>/history`: what became of one object of any stored kind, also of one that is deleted: every version with
 * who wrote it and which fields changed. Needs the permission to get the object, and shows what that shows.
 */

import { ApiError } from '../../../machinery/errors.ts';
import { type FieldChange, fieldChanges } from '../../../machinery/fieldchanges.ts';
import type { HistoryOptions, ObjectHistory, ObjectVersion } from '../../../machinery/history.ts';
import { ANNOTATION_CHANGE_CAUSE } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { Registry, ServedKind } from '../../registry/types.ts';
import type { Catalog } from '../../views/catalog.ts';
import { type AppContext, type AppMiddleware, requestContext } from '../context.ts';
import { methodNotAllowed } from '../errors.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { type ObjectPath, parseActPath } from '../objectpath.ts';
import { requireJson } from './negotiation.ts';
import { flag, type Query, wholeNumber } from './query.ts';

export interface HistoryDeps {
  readonly registry: Pick<Registry, 'history' | 'findKind' | 'settleKinds' | 'revision'>;
  readonly catalog: Pick<Catalog, 'findKind' | 'sourceOf'>;
}

const HISTORY = 'history';
/** Of one version; the number of those that are left out is told. */
const MAX_FIELDS = 200;
/** Of one answer: a page with objects ends there. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Answers these paths and leaves all others to whoever comes next. */
export function servesHistory(deps: HistoryDeps): AppMiddleware {
  return async (ctx, next) => {
    const path = parseActPath(ctx.path, HISTORY);
    if (path === undefined) return next();
    const { group, version, plural, namespace, name } = path;
    if (group !== '' && deps.catalog.findKind(group, version, plural) === undefined) {
      await deps.registry.settleKinds();
    }
    const kind = deps.catalog.findKind(group, version, plural);
    if (kind === undefined || kind.namespaced !== (namespace !== undefined)) return next();
    ctx.state.labels = {
      verb: 'GET',
      group,
      version,
      resource: plural,
      subresource: HISTORY,
      scope: 'resource',
    };
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') throw methodNotAllowed(ctx, ['GET']);
    requireJson(ctx.get('Accept'));
    const stored = storedKind(kind, path, deps);
    const key = namespace === undefined ? { name } : { namespace, name };
    const { stopping } = arrivalOf(ctx.req);
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    ctx.res.once('close', leave);
    try {
      const signal = AbortSignal.any([stopping, gone.signal]);
      const options = { ...historyOptions(ctx.query), signal };
      const history = await deps.registry.history(requestContext(ctx), stored, key, options);
      answer(ctx, history, deps);
    } finally {
      ctx.res.off('close', leave);
    }
  };
}

function historyOptions(query: Query): HistoryOptions {
  const limit = wholeNumber(query, 'limit');
  const beforeRevision = wholeNumber(query, 'before');
  return {
    ...(limit === undefined ? {} : { limit }),
    ...(beforeRevision === undefined ? {} : { beforeRevision }),
    hasStatus: flag(query, 'status'),
  };
}

function answer(ctx: AppContext, history: ObjectHistory, { registry }: HistoryDeps): void {
  const hasStatus = flag(ctx.query, 'status');
  const hasObjects = flag(ctx.query, 'objects');
  const items: string[] = [];
  let bytes = 0;
  let { continueBefore } = history;
  for (const [at, version] of history.versions.entries()) {
    const item = JSON.stringify(itemOf(version, hasStatus, hasObjects));
    bytes += item.length;
    if (bytes > MAX_BYTES && at > 0) {
      continueBefore = history.versions[at - 1]?.revision;
      break;
    }
    items.push(item);
  }
  const metadata = {
    resourceVersion: String(registry.revision()),
    oldestRevision: history.oldestRevision,
    ...(continueBefore === undefined ? {} : { continue: String(continueBefore) }),
  };
  const head = JSON.stringify({ apiVersion: 'gantry.dev/v1', kind: 'ObjectHistory', metadata });
  ctx.set('Content-Type', 'application/json');
  ctx.set('Cache-Control', 'no-cache, private');
  ctx.body = Buffer.from(`${head.slice(0, -1)},"items":[${items.join(',')}]}`);
}

function itemOf(version: ObjectVersion, hasStatus: boolean, hasObjects: boolean): object {
  const { revision, timeMs, operation, author, object } = version;
  const { requestId, traceId, ...who } = author ?? {};
  const { generation, annotations } = object.metadata;
  const changeCause = annotations?.[ANNOTATION_CHANGE_CAUSE];
  return {
    revision,
    time: new Date(timeMs).toISOString(),
    operation,
    ...who,
    ...(requestId === undefined ? {} : { requestID: requestId }),
    ...(traceId === undefined ? {} : { traceID: traceId }),
    ...(generation === undefined ? {} : { generation }),
    ...(changeCause === undefined ? {} : { changeCause }),
    ...changesOf(version, hasStatus),
    ...(hasObjects ? { object } : {}),
  };
}

/** Nothing where it is not known what was before. */
function changesOf({ operation, object, previous }: ObjectVersion, hasStatus: boolean): object {
  if (operation !== 'changed') return { changedFields: [] };
  if (previous === undefined) return {};
  const changes = fieldChanges(compared(previous, hasStatus), compared(object, hasStatus));
  const changedFields = changes
    .slice(0, MAX_FIELDS)
    .map(({ path, operation: what }: FieldChange) => ({ path, operation: what }));
  const left = changes.length - changedFields.length;
  return { changedFields, ...(left === 0 ? {} : { moreChangedFields: left }) };
}

/** Without what the server counts and notes itself. */
function compared({ metadata, status, ...object }: DynamicObject, hasStatus: boolean): unknown {
  const { managedFields: _owners, resourceVersion: _served, generation: _counted, ...kept } = metadata;
  return { ...object, metadata: kept, ...(hasStatus && status !== undefined ? { status } : {}) };
}

/** Throws `BadRequest` for a face, whose object has the history, and for what is made when it is read. */
function storedKind(
  kind: ServedKind,
  { name = '' }: ObjectPath,
  { registry, catalog }: HistoryDeps,
): ServedKind {
  const found = registry.findKind(kind.group, kind.version, kind.plural);
  if (found !== undefined) return found;
  const refuse = (why: string): ApiError =>
    new ApiError('BadRequest', `${kind.plural} "${name}" has no history of its own: ${why}`);
  if (!kind.verbs.includes('get')) throw refuse('it is asked and not stored');
  const source = catalog.sourceOf(kind);
  throw refuse(
    source === kind
      ? 'it is made when it is read'
      : `ask for that of ${source.plural}.${source.group}/${name}, of which it is a view`,
  );
}
