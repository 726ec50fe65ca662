/**
 * Changing one object as it is now: read, decide, write with the version that was read, and decide anew whenever
 * somebody else was quicker. What was decided on is therefore always what is changed.
 */
import { isApiError } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import type { Io } from './io.ts';
import type { Session } from './session.ts';

/** Statuses move often and count as changes. */
const CONFLICT_TRIES = 10;

/** The name these commands write fields under. */
export const FIELD_MANAGER = 'gantry-cli';

/**
 * @param decide the merge patch to make, undefined when there is nothing to do; may throw to refuse.
 * Resolves to the object as it then is. Rejects with `ApiError`, and with what `decide` throws.
 */
export async function changeObject<T extends KubeObject>(
  subject: { readonly kind: Resource<T>; readonly key: ObjectKey },
  decide: (object: T) => Record<string, unknown> | undefined,
  session: Session,
  io: Pick<Io, 'signal'>,
  options: { readonly dryRun?: boolean } = {},
): Promise<T> {
  const { kind, key } = subject;
  const { signal } = io;
  for (let attempt = 1; ; attempt++) {
    const object = await session.client.get(kind, key, { signal });
    const patch = decide(object);
    if (patch === undefined) return object;
    const body = withVersion(patch, object.metadata.resourceVersion);
    try {
      return await session.client.patch(
        kind,
        key,
        { type: 'merge', body },
        { signal, fieldManager: FIELD_MANAGER, ...(options.dryRun === true ? { dryRun: true } : {}) },
      );
    } catch (error) {
      if (attempt >= CONFLICT_TRIES || !isApiError(error, 'Conflict')) throw error;
    }
  }
}

function withVersion(
  patch: Record<string, unknown>,
  resourceVersion: string | undefined,
): Record<string, unknown> {
  if (resourceVersion === undefined) return patch;
  const { metadata } = patch;
  return { ...patch, metadata: { ...(isRecord(metadata) ? metadata : {}), resourceVersion } };
}
