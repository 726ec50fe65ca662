/** `gantry scale`: how many are wanted, through the object's `/scale`, so that it fits every kind that has one. */
import { resourcePath } from '../../client/paths.ts';
import { isApiError } from '../../machinery/errors.ts';
import { readPath } from '../../machinery/json.ts';
import { FIELD_MANAGER } from '../changing.ts';
import type { ApiKind } from '../discovery.ts';
import { CommandError, type Io } from '../io.ts';
import { objectName } from '../printers.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';

export interface ScaleFlags {
  readonly replicas: string;
  /** Refuses when there are not so many now. */
  readonly currentReplicas?: string;
}

const CONFLICT_TRIES = 10;

/** Rejects with `CommandError` or `ApiError`. */
export async function runScale(
  words: readonly string[],
  flags: ScaleFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const replicas = replicasFrom('--replicas', flags.replicas);
  const current =
    flags.currentReplicas === undefined || flags.currentReplicas === '-1'
      ? undefined
      : replicasFrom('--current-replicas', flags.currentReplicas);
  const choices = chooseFrom(await session.kinds(), words);
  if (choices.some(({ names }) => names.length === 0)) {
    throw new CommandError('name what is scaled, for example: gantry scale taskset/web --replicas=3');
  }
  for (const { kind, names } of choices) {
    for (const name of names) {
      await scale(kind, name, { replicas, current }, session, io);
      await io.stdout.write(`${objectName(kind, name)} scaled\n`);
    }
  }
}

async function scale(
  kind: ApiKind,
  name: string,
  wanted: { readonly replicas: number; readonly current: number | undefined },
  session: Session,
  io: Io,
): Promise<void> {
  const key = keyIn(kind, session.namespace, name);
  const path = resourcePath(kind, { ...key, subresource: 'scale' });
  for (let attempt = 1; ; attempt++) {
    const now = await session.client.json('GET', path, { signal: io.signal }).catch((error: unknown) => {
      // The server cannot name what it has no route for.
      if (isApiError(error, 'NotFound') && error.details?.name === undefined) {
        throw new CommandError(`a ${kind.kind} cannot be scaled: it has no /scale`, { cause: error });
      }
      throw error;
    });
    // Where none are named there is one.
    const found = readPath(now, ['spec', 'replicas']) ?? 1;
    if (wanted.current !== undefined && found !== wanted.current) {
      throw new CommandError(
        `${objectName(kind, name)} is not scaled: --current-replicas wants ${wanted.current}, found ${JSON.stringify(found)}`,
      );
    }
    const resourceVersion = readPath(now, ['metadata', 'resourceVersion']);
    const body = { metadata: { resourceVersion }, spec: { replicas: wanted.replicas } };
    try {
      await session.client.patch(
        kind,
        key,
        { type: 'merge', body },
        { subresource: 'scale', signal: io.signal, fieldManager: FIELD_MANAGER },
      );
      return;
    } catch (error) {
      if (attempt >= CONFLICT_TRIES || !isApiError(error, 'Conflict')) throw error;
    }
  }
}

function replicasFrom(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new CommandError(`${flag}: found "${text}", wanted a whole number of at least 0`);
}
