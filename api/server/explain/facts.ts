/**
 * What "why" is answered from: everything that is stored of one object, read as whoever asks. What may not be read, or
 * cannot be now, becomes a sentence among the facts and never an error: the rest is told all the same.
 */
import { isApiError } from '../../../machinery/errors.ts';
import type { ObjectHistory, ObjectVersion } from '../../../machinery/history.ts';
import { NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import { apiVersionOf, type DynamicObject, type ObjectKey } from '../../../machinery/meta.ts';
import type { WhyFacts } from '../../../machinery/why.ts';
import { events, tasks } from '../../../schemas/kinds.ts';
import { InProcessClient } from '../../registry/inprocess.ts';
import type { Registry, RequestContext, ServedKind } from '../../registry/types.ts';
import { readAttempts } from './attempts.ts';
import type { FactDeps, Reader } from './reader.ts';
import { readRelated } from './related.ts';

/** Versions that changed more than status; and the newest of all. Older ones are told of as not read. */
const SPEC_VERSIONS = 100;
const ALL_VERSIONS = 200;
/** Of versions, twice: they are compared between two turns of the event loop. */
const VERSIONS_BYTES = 4 * 1024 * 1024;
const EVENTS = 500;

/**
 * Needs the permission to get the object, which is asked for here. Throws `Forbidden`, and `NotFound` for a name that
 * nothing is stored of.
 * @param context of the request itself
 */
export async function collectFacts(
  context: RequestContext,
  kind: ServedKind,
  key: ObjectKey,
  deps: FactDeps,
  signal: AbortSignal,
): Promise<WhyFacts> {
  const { registry, clock } = deps;
  const { group, plural: resource, version } = kind;
  registry.authorize(context, { verb: 'get', group, version, resource, ...key });
  // What is looked up from here on is no request of the client's own.
  const { origin: _origin, ...asker } = context;
  const reader: Reader = {
    context: asker,
    client: new InProcessClient(registry, asker),
    signal,
    unknown: [],
  };
  const { object, missing } = await readObject(reader, registry, kind, key);
  const past = await readPast(reader, registry, kind, key);
  const about = await readEvents(reader, kind, key);
  if (object === undefined && past.versions.length === 0 && about.length === 0) throw missing;
  const last = object ?? past.versions[0]?.object;
  const isTask = group === tasks.group && resource === tasks.plural;
  const attempts = isTask
    ? await readAttempts(reader, deps, key, [object, ...past.versions.map(objectOf)])
    : [];
  const related = last === undefined ? [] : await readRelated(reader, kind, last);
  return {
    nowMs: clock.now(),
    subject: { apiVersion: apiVersionOf(kind), kind: kind.kind, ...key },
    object,
    ...past,
    events: about,
    attempts,
    related,
    unknown: reader.unknown,
  };
}

function objectOf({ object }: ObjectVersion): DynamicObject {
  return object;
}

/** As it is now; else the error that says that there is none. */
async function readObject(
  { context }: Reader,
  registry: Registry,
  kind: ServedKind,
  key: ObjectKey,
): Promise<{ readonly object: DynamicObject | undefined; readonly missing?: Error }> {
  try {
    return { object: (await registry.get(context, kind, key)).object };
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    return { object: undefined, missing: error };
  }
}

type Past = Pick<WhyFacts, 'versions' | 'statusFromRevision' | 'hasOlderVersions' | 'oldestRevision'>;

const NO_PAST: Past = {
  versions: [],
  statusFromRevision: undefined,
  hasOlderVersions: false,
  oldestRevision: undefined,
};

/** The newest of all versions; of those before them what changed more than status. */
async function readPast(
  { context, unknown, signal }: Reader,
  registry: Registry,
  kind: ServedKind,
  key: ObjectKey,
): Promise<Past> {
  const read = (limit: number, hasStatus: boolean, beforeRevision?: number): Promise<ObjectHistory> =>
    registry.history(context, kind, key, {
      limit,
      hasStatus,
      maxBytes: VERSIONS_BYTES,
      signal,
      ...(beforeRevision === undefined ? {} : { beforeRevision }),
    });
  try {
    const all = await read(ALL_VERSIONS, true);
    const { versions, oldestRevision, continueBefore } = all;
    if (continueBefore === undefined) {
      return { versions, statusFromRevision: 0, hasOlderVersions: false, oldestRevision };
    }
    const older = await read(SPEC_VERSIONS, false, continueBefore);
    const oldest = versions.at(-1)?.revision;
    return {
      versions: [...versions, ...older.versions],
      // What the first of them changed of the status is not known: the version before it may not have been read.
      statusFromRevision: oldest === undefined ? undefined : oldest + 1,
      hasOlderVersions: older.continueBefore !== undefined,
      oldestRevision,
    };
  } catch (error) {
    if (isApiError(error, 'NotFound')) return NO_PAST;
    if (!isApiError(error)) throw error;
    unknown.push(`who changed what, and when: its history cannot be read: ${error.message}`);
    return NO_PAST;
  }
}

/** Events of what has no namespace are in `default`. */
async function readEvents(
  { client, unknown, signal }: Reader,
  { kind, group }: ServedKind,
  { namespace = NAMESPACE_DEFAULT, name }: ObjectKey,
): Promise<readonly DynamicObject[]> {
  try {
    const found = await client.list(events, {
      namespace,
      fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name.replaceAll(/[\\,=]/g, '\\$&')}`,
      limit: EVENTS,
      signal,
    });
    if ((found.metadata.continue ?? '') !== '') {
      unknown.push(`Events beyond the first ${EVENTS} about it: they were not read`);
    }
    // A kind of another group may have the same name.
    return found.items.flatMap((event): DynamicObject[] => {
      const { apiVersion } = event.involvedObject;
      return apiVersion === undefined || groupOf(apiVersion) === group ? [{ ...event }] : [];
    });
  } catch (error) {
    if (!isApiError(error)) throw error;
    unknown.push(`what its Events say: ${error.message}`);
    return [];
  }
}

function groupOf(apiVersion: string): string {
  const [group = '', version] = apiVersion.split('/');
  return version === undefined ? '' : group;
}
