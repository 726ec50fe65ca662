/**
 * `GET …/<object>/history`: what became of one object of any stored kind, also of one that is deleted: every version with
 * who wrote it and which fields changed. Needs the permission to get the object, and shows what that shows.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { fieldChanges, namedChanges } from '../../../machinery/fieldchanges.ts';
import type { HistoryOptions, ObjectHistory, ObjectVersion } from '../../../machinery/history.ts';
import { ANNOTATION_CHANGE_CAUSE } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { Registry } from '../../registry/types.ts';
import { type AppContext, type AppMiddleware, requestContext } from '../context.ts';
import { flag, type Query, wholeNumber } from './query.ts';
import { type QuestionDeps, servesQuestion } from './questions.ts';

export interface HistoryDeps extends QuestionDeps {
  readonly registry: Pick<Registry, 'history' | 'findKind' | 'settleKinds' | 'revision'>;
}

/** Of one version; the number of those that are left out is told. */
const MAX_FIELDS = 200;
/** Versions between two turns of the event loop. */
const TOLD_AT_ONCE = 5;
/** Of one answer: a page with objects ends there. */
const MAX_BYTES = 16 * 1024 * 1024;

export function servesHistory(deps: HistoryDeps): AppMiddleware {
  return servesQuestion('history', deps, async (ctx, kind, key, signal) => {
    const options = { ...historyOptions(ctx.query), signal };
    await answer(ctx, await deps.registry.history(requestContext(ctx), kind, key, options), deps);
  });
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

async function answer(ctx: AppContext, history: ObjectHistory, { registry }: HistoryDeps): Promise<void> {
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
    // Large objects take a while to be compared: others have their turn in between.
    if (at % TOLD_AT_ONCE === TOLD_AT_ONCE - 1) await turnOfTheLoop();
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
  const changedFields = namedChanges(changes, MAX_FIELDS);
  const left = changes.length - changedFields.length;
  return { changedFields, ...(left === 0 ? {} : { moreChangedFields: left }) };
}

/** Without what the server counts and notes itself. */
function compared({ metadata, status, ...object }: DynamicObject, hasStatus: boolean): unknown {
  const { managedFields: _owners, resourceVersion: _served, generation: _counted, ...kept } = metadata;
  return { ...object, metadata: kept, ...(hasStatus && status !== undefined ? { status } : {}) };
}
