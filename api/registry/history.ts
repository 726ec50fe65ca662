/**
 * What became of one object: its versions, each with who wrote it, as the store's history has them. Of all objects that
 * had the name, one after another, as they are read now: in the version and with the schema of today.
 *
 * Bounded like every reading of the past: some readers at a time (`past.ts`), some versions at a time, and no more looked
 * at in one call than `MAX_SCANNED`, however few of them are asked for.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { ApiError, notFound } from '../../machinery/errors.ts';
import type { HistoryOptions, ObjectHistory, ObjectVersion } from '../../machinery/history.ts';
import { isSameJson } from '../../machinery/json.ts';
import { type DynamicObject, type ObjectKey, qualifiedName, type Resource } from '../../machinery/meta.ts';
import type { Store, StoreVersion } from '../../store/store.ts';
import { decodeAuthor } from './authors.ts';
import { relativeKey } from './keys.ts';
import type { ServedEntry } from './kinds/kinds.ts';
import { asServed, decodeKept } from './kinds/versions.ts';
import { isInScope, type Past } from './past.ts';

export const DEFAULT_HISTORY_LIMIT = 100;
export const MAX_HISTORY_LIMIT = 500;
/** Versions looked at in one call: those that changed status alone are seldom asked for, and often most of them. */
const MAX_SCANNED = 2000;
/** JSON of what is looked at in one call. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Read from the store at once: some milliseconds of work between two turns of the event loop. */
const PAGE = 50;
/** Signs of life and reports: much written, and their past is kept for minutes only. */
const WITHOUT_HISTORY: ReadonlySet<string> = new Set(['leases.coordination.k8s.io', 'events']);

type Visible = ((object: DynamicObject) => boolean) | undefined;

/** A version with its object; a deletion has none of its own. */
interface Read {
  readonly version: StoreVersion;
  readonly object: DynamicObject | undefined;
}

export interface HistoryParts {
  readonly store: Store;
  readonly past: Past;
}

export class Histories {
  readonly #parts: HistoryParts;

  constructor(parts: HistoryParts) {
    this.#parts = parts;
  }

  /**
   * Throws `NotFound` for a name of which nothing is known, `BadRequest` for kinds without a history and for a limit
   * that is none, `TooManyRequests` when too many read the past already.
   * @param visible which objects are there for the caller; undefined is all of them.
   * @param user who asks: those who read the past take turns.
   */
  async read(
    served: ServedEntry,
    key: ObjectKey,
    options: HistoryOptions,
    visible: Visible,
    user: string,
  ): Promise<ObjectHistory> {
    const { kind } = served.entry;
    if (!hasHistory(kind)) {
      throw new ApiError(
        'BadRequest',
        `${qualifiedName(kind)} have no history: what they were is kept for minutes only; read them as they were with at or resourceVersionMatch=Exact`,
      );
    }
    const { limit = DEFAULT_HISTORY_LIMIT, beforeRevision } = options;
    checkCount('limit', limit, MAX_HISTORY_LIMIT);
    if (beforeRevision !== undefined) checkCount('before', beforeRevision, Number.MAX_SAFE_INTEGER);
    const seat = await this.#parts.past.seat(user, options.signal);
    try {
      const history = await this.#scan(served, key, { ...options, limit }, visible);
      if (history.versions.length > 0 || history.continueBefore !== undefined) return history;
      if (beforeRevision !== undefined) return history;
      const { message, details } = notFound(kind, key.name);
      throw new ApiError(
        'NotFound',
        `${message}: nothing is known of it since revision ${history.oldestRevision}, from where on the past is kept`,
        details,
      );
    } finally {
      seat.release();
    }
  }

  async #scan(
    served: ServedEntry,
    key: ObjectKey,
    {
      limit,
      beforeRevision,
      hasStatus = false,
      maxBytes = MAX_BYTES,
      signal,
    }: HistoryOptions & { readonly limit: number },
    visible: Visible,
  ): Promise<ObjectHistory> {
    const relative = relativeKey(key);
    const versions: ObjectVersion[] = [];
    let before = beforeRevision;
    let newer: Read | undefined;
    const tell = (older: Read | undefined): void => {
      const version = newer === undefined ? undefined : versionOf(newer, older, hasStatus);
      if (version === undefined || visible?.(version.object) === false) return;
      const { previous, ...bare } = version;
      const isHidden = previous !== undefined && visible?.(previous) === false;
      versions.push(isHidden ? bare : version);
    };
    let scanned = 0;
    for (let bytes = 0; ; await turnOfTheLoop()) {
      const page = await this.#parts.store.history(served.cache.entry.prefix + relative, {
        limit: PAGE,
        ...(before === undefined ? {} : { beforeRevision: before }),
        ...(signal === undefined ? {} : { signal }),
      });
      const { oldestRevision } = page;
      for (const version of isInScope(served, relative) ? page.versions : []) {
        const older = readVersion(served, version);
        tell(older);
        newer = older;
        bytes += version.current?.value.byteLength ?? 0;
        const last = versions.at(-1);
        if (versions.length === limit && last !== undefined) {
          return { versions, continueBefore: last.revision, oldestRevision };
        }
        // What comes before it is not read: what it changed is told by the next call.
        if (bytes >= Math.min(maxBytes, MAX_BYTES) && last !== undefined) {
          return { versions, continueBefore: version.revision + 1, oldestRevision };
        }
      }
      scanned += page.versions.length;
      before = page.versions.at(-1)?.revision;
      if (!page.more || before === undefined || newer === undefined) {
        tell(undefined);
        return { versions, continueBefore: undefined, oldestRevision };
      }
      // The last one is not told yet: what it changed shows in the one before it.
      if (scanned >= MAX_SCANNED || (scanned > 1 && bytes >= Math.min(maxBytes, MAX_BYTES)))
        return { versions, continueBefore: before + 1, oldestRevision };
    }
  }
}

/** Whether the history of its objects is told. */
export function hasHistory(kind: Pick<Resource, 'group' | 'plural'>): boolean {
  return !WITHOUT_HISTORY.has(qualifiedName(kind));
}

function readVersion({ entry, cache }: ServedEntry, version: StoreVersion): Read {
  const { current } = version;
  if (current === undefined) return { version, object: undefined };
  return { version, object: asServed(entry, decodeKept(cache.entry, current, true)).object };
}

/** Undefined for what is not told. @param older undefined: nothing is known of what was before. */
function versionOf(
  { version, object }: Read,
  older: Read | undefined,
  hasStatus: boolean,
): ObjectVersion | undefined {
  const { revision, writtenAtMs: timeMs, note, current } = version;
  const told = { revision, timeMs, author: decodeAuthor(note) };
  const previous = older?.object;
  if (object === undefined) {
    if (previous === undefined) return undefined;
    return { ...told, operation: 'deleted', object: previous, previous };
  }
  if (previous === undefined) {
    const isCreated = older !== undefined || current?.version === 1;
    return { ...told, operation: isCreated ? 'created' : 'changed', object };
  }
  if (!hasStatus && isSameJson(withoutStatus(previous), withoutStatus(object))) return undefined;
  return { ...told, operation: 'changed', object, previous };
}

function withoutStatus({ status: _reported, metadata, ...object }: DynamicObject): unknown {
  const { managedFields: _owners, resourceVersion: _served, ...kept } = metadata;
  return { ...object, metadata: kept };
}

function checkCount(field: string, found: number, most: number): void {
  if (Number.isSafeInteger(found) && found >= 1 && found <= most) return;
  throw new ApiError('BadRequest', `${field}: found ${found}, wanted a whole number from 1 to ${most}`);
}
