/** What became of an object, as a Gantry server tells it: `GET …/<object>/history`. */
import { ApiError } from '../machinery/errors.ts';
import type { FieldChange } from '../machinery/fieldchanges.ts';
import type { Author, HistoryOptions, ObjectVersion } from '../machinery/history.ts';
import { isDynamicObject, isRecord } from '../machinery/json.ts';
import type { DynamicObject, KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import type { HttpClient } from './http.ts';
import { resourcePath } from './paths.ts';

export interface HistoryEntry extends Omit<ObjectVersion, 'object' | 'previous'> {
  readonly generation?: number;
  /** What the annotation `gantry.dev/change-cause` said then. */
  readonly changeCause?: string;
  /** Against the version before it; undefined where that is not known any more. */
  readonly changedFields: readonly Pick<FieldChange, 'path' | 'operation'>[] | undefined;
  /** Further ones that are not told. */
  readonly moreChangedFields: number;
  /** Where it was asked for: as it was written; of a deletion, as it was last. */
  readonly object?: DynamicObject;
}

export interface HistoryPage {
  /** Newest first; of all objects that had the name, one after another. */
  readonly entries: readonly HistoryEntry[];
  /** Older ones there may be: ask with `beforeRevision`. */
  readonly continueBefore: number | undefined;
  /** The past is kept from here on. */
  readonly oldestRevision: number;
}

export interface HistoryRequest extends HistoryOptions {
  readonly hasObjects?: boolean;
}

/** One page. Rejects with `ApiError`: `NotFound` where nothing is known of the name. */
export async function readHistory(
  http: Pick<HttpClient, 'json'>,
  resource: Resource<KubeObject>,
  key: ObjectKey,
  { limit, beforeRevision, hasStatus, hasObjects, signal }: HistoryRequest = {},
): Promise<HistoryPage> {
  const path = resourcePath(resource, { ...key, subresource: 'history' });
  const query = {
    limit,
    before: beforeRevision,
    status: hasStatus === true ? true : undefined,
    objects: hasObjects === true ? true : undefined,
  };
  const answer = await http.json('GET', path, { query, ...(signal === undefined ? {} : { signal }) });
  const { metadata, items } = isRecord(answer) ? answer : {};
  if (!isRecord(metadata) || !Array.isArray(items)) throw noHistory(path);
  const { oldestRevision, continue: next } = metadata;
  return {
    entries: items.map((item) => entryOf(item, path)),
    continueBefore: typeof next === 'string' ? Number(next) : undefined,
    oldestRevision: typeof oldestRevision === 'number' ? oldestRevision : 0,
  };
}

function entryOf(item: unknown, path: string): HistoryEntry {
  if (!isRecord(item)) throw noHistory(path);
  const { revision, time, operation, generation, changeCause, changedFields, moreChangedFields, object } =
    item;
  const timeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (typeof revision !== 'number' || Number.isNaN(timeMs) || !isOperation(operation)) throw noHistory(path);
  return {
    revision,
    timeMs,
    operation,
    author: authorOf(item),
    ...(typeof generation === 'number' ? { generation } : {}),
    ...(typeof changeCause === 'string' ? { changeCause } : {}),
    changedFields: Array.isArray(changedFields) ? changedFields.filter(isFieldChange) : undefined,
    moreChangedFields: typeof moreChangedFields === 'number' ? moreChangedFields : 0,
    ...(isDynamicObject(object) ? { object } : {}),
  };
}

function authorOf(item: Readonly<Record<string, unknown>>): Author | undefined {
  const { user, verb, impersonator, manager, subresource, requestID, traceID } = item;
  if (typeof user !== 'string' || typeof verb !== 'string') return undefined;
  return {
    user,
    ...(typeof impersonator === 'string' ? { impersonator } : {}),
    ...(typeof manager === 'string' ? { manager } : {}),
    verb,
    ...(typeof subresource === 'string' ? { subresource } : {}),
    ...(typeof requestID === 'string' ? { requestId: requestID } : {}),
    ...(typeof traceID === 'string' ? { traceId: traceID } : {}),
  };
}

function isOperation(value: unknown): value is ObjectVersion['operation'] {
  return value === 'created' || value === 'changed' || value === 'deleted';
}

function isFieldChange(value: unknown): value is Pick<FieldChange, 'path' | 'operation'> {
  if (!isRecord(value) || typeof value.path !== 'string') return false;
  const { operation } = value;
  return operation === 'added' || operation === 'removed' || operation === 'changed';
}

function noHistory(path: string): ApiError {
  return new ApiError('InternalError', `the answer to GET ${path} is no ObjectHistory`);
}
