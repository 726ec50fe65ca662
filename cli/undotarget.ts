/**
 * Which version an undo goes back to: the one that is named, or the newest one that says something else than what is.
 * Of an object that is deleted, that is what it was before its deletion began.
 */
import { type HistoryEntry, readHistory } from '../client/history.ts';
import { isApiError } from '../machinery/errors.ts';
import { isSameJson } from '../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../machinery/meta.ts';
import type { ApiKind } from './discovery.ts';
import { exported } from './export.ts';
import { CommandError, type Io } from './io.ts';
import { CommandMoment } from './moment.ts';
import type { Session } from './session.ts';

export interface UndoSubject {
  readonly kind: ApiKind;
  readonly key: ObjectKey;
  /** `task/hello` */
  readonly name: string;
}

export interface UndoTarget {
  readonly revision: number;
  /** As it was. */
  readonly was: DynamicObject;
  /** Undefined: there is none. */
  readonly live: DynamicObject | undefined;
}

const PAGE = 50;
/** That are looked through for a version that differs; one may be empty where there were only statuses. */
const MAX_PAGES = 40;

/** @param revision the one asked for. Rejects with `ApiError` or `CommandError`. */
export async function findUndoTarget(
  subject: UndoSubject,
  revision: number | undefined,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<UndoTarget> {
  const live = await readLive(subject, session, io);
  if (live?.metadata.deletionTimestamp !== undefined) {
    throw new CommandError(
      `${subject.name} is being deleted, and that cannot be taken back: wait until it is gone (gantry wait ${subject.name} --for=delete), then undo it`,
    );
  }
  const found = revision ?? (await searched(subject, live, session, io));
  return { revision: found, was: await readWas(subject, found, session, io), live };
}

async function readWas(
  { kind, key }: UndoSubject,
  revision: number,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<DynamicObject> {
  const moment = new CommandMoment({ atRevision: String(revision) });
  try {
    const was = await session.client.get(kind, key, { signal: io.signal, ...moment.options() });
    moment.check();
    return was;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    // A moment within the commit that deleted it is read as that commit left it; its history knows better.
    const [version] = await newestUpTo({ kind, key }, revision, session, io);
    if (version?.object === undefined || version.operation === 'deleted') throw error;
    return version.object;
  }
}

async function newestUpTo(
  { kind, key }: Pick<UndoSubject, 'kind' | 'key'>,
  revision: number,
  session: Session,
  { signal }: Pick<Io, 'signal'>,
): Promise<readonly HistoryEntry[]> {
  const asked = { limit: 1, beforeRevision: revision + 1, hasStatus: true, hasObjects: true, signal };
  return (await readHistory(session.client, kind, key, asked)).entries;
}

async function readLive(
  { kind, key }: UndoSubject,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<DynamicObject | undefined> {
  return session.client.get(kind, key, { signal: io.signal }).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
}

async function searched(
  subject: UndoSubject,
  live: DynamicObject | undefined,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<number> {
  const now = live === undefined ? undefined : exported(live);
  let before: number | undefined;
  /** The oldest version known of the deletion that is gone back behind. */
  let deletion: HistoryEntry | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await readHistory(session.client, subject.kind, subject.key, {
      limit: PAGE,
      hasObjects: true,
      signal: io.signal,
      ...(before === undefined ? {} : { beforeRevision: before }),
    });
    for (const version of page.entries) {
      const { object, operation, revision } = version;
      const isDeletion = operation === 'deleted' || object?.metadata.deletionTimestamp !== undefined;
      if (isDeletion) deletion = version;
      else if (deletion !== undefined) return deletion.revision - 1;
      else if (object !== undefined && !isSameJson(exported(object), now)) return revision;
    }
    before = page.continueBefore;
    if (before === undefined) break;
  }
  // Its last version before that may be out of history, and what it was then not.
  if (deletion !== undefined) return deletion.revision - 1;
  throw new CommandError(
    `${subject.name} has not changed within the past that is kept: there is nothing to go back to`,
  );
}
