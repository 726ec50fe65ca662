/** What became of one object, as `GET <object path>/history` tells it. */
import { resourcePath } from '../client/paths.ts';
import { isDynamicObject, isRecord } from '../machinery/json.ts';
import type { DynamicObject, KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import { CommandError, type Io } from './io.ts';
import type { Session } from './session.ts';

export interface Version {
  readonly revision: number;
  /** RFC 3339; empty where it is not known. */
  readonly time: string;
  readonly operation: 'created' | 'changed' | 'deleted';
  readonly object?: DynamicObject;
  /** As the server told it. */
  readonly entry: Readonly<Record<string, unknown>>;
}

export interface VersionsPage {
  /** Newest first. */
  readonly versions: readonly Version[];
  /** Older ones there may be: ask with `before`. */
  readonly continueBefore: number | undefined;
  /** The whole answer. */
  readonly document: Readonly<Record<string, unknown>>;
}

export interface VersionsOptions {
  readonly limit: number;
  /** Only versions older than this revision. */
  readonly before?: number | undefined;
  readonly hasStatus?: boolean;
  readonly hasObjects?: boolean;
}

/** Rejects with `ApiError`. */
export async function readVersions(
  kind: Resource<KubeObject>,
  key: ObjectKey,
  { limit, before, hasStatus, hasObjects }: VersionsOptions,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<VersionsPage> {
  const answer = await session.client.json('GET', resourcePath(kind, { ...key, subresource: 'history' }), {
    query: {
      limit,
      ...(before === undefined ? {} : { before }),
      ...(hasStatus === true ? { status: true } : {}),
      ...(hasObjects === true ? { objects: true } : {}),
    },
    signal: io.signal,
  });
  if (!isRecord(answer) || !Array.isArray(answer['items'])) {
    throw new CommandError(`the answer about the history of ${kind.plural} "${key.name}" is not understood`);
  }
  const { metadata } = answer;
  const next = isRecord(metadata) ? Number(metadata['continue'] ?? '') : 0;
  return {
    versions: answer['items'].filter(isRecord).map(versionOf),
    continueBefore: next > 0 ? next : undefined,
    document: answer,
  };
}

function versionOf(entry: Record<string, unknown>): Version {
  const { revision, time, operation, object } = entry;
  return {
    revision: Number(revision),
    time: typeof time === 'string' ? time : '',
    operation: operation === 'created' || operation === 'deleted' ? operation : 'changed',
    ...(isDynamicObject(object) ? { object } : {}),
    entry,
  };
}
