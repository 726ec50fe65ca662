/**
 * The ConfigMaps and Secrets that a revision's tasks use: what their sources hold now beside what the revision's own
 * copies hold. Only keys are ever told of a Secret.
 */
import type { SnapshotInput } from '../controllers/revisions/snapshots.ts';
import { isApiError } from '../machinery/errors.ts';
import { isRecord, isSameJson } from '../machinery/json.ts';
import type { DynamicObject, ObjectKey, Resource } from '../machinery/meta.ts';
import { configMaps, secrets } from '../schemas/kinds.ts';
import type { TaskReference } from '../schemas/taskreferences.ts';
import type { Io } from './io.ts';
import { replacement } from './replacement.ts';
import type { Session } from './session.ts';

/** Which fields of an object are its contents. */
const CONTENTS = ['data', 'binaryData'] as const;

export interface InputState {
  readonly input: SnapshotInput;
  /** What the tasks of a new revision would get; undefined: there is none. */
  readonly source: DynamicObject | undefined;
  /** The revision's copy; undefined: it is gone. */
  readonly kept: DynamicObject | undefined;
}

/** Rejects with `ApiError`, also where it may not be read. */
export async function stateOfInput(
  input: SnapshotInput,
  namespace: string,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<InputState> {
  const read = (name: string): Promise<DynamicObject | undefined> =>
    found(resourceOf(input), { namespace, name }, session, io);
  const [source, kept] = await Promise.all([read(input.name), read(input.snapshot)]);
  return { input, source, kept };
}

async function found(
  resource: Resource,
  key: ObjectKey,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<DynamicObject | undefined> {
  try {
    return await session.client.get(resource, key, { signal: io.signal });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

export function resourceOf({ kind }: Pick<TaskReference, 'kind'>): Resource {
  const { group, version, plural, kind: name, namespaced } = kind === 'secrets' ? secrets : configMaps;
  return { group, version, plural, kind: name, namespaced };
}

/** Whether the source holds what the copy holds; also where both are absent. */
export function isAsKept({ source, kept }: InputState): boolean {
  return isSameJson(contentsOf(source), contentsOf(kept));
}

/** The contents alone; an empty field and an absent one are the same. */
function contentsOf(object: DynamicObject | undefined): unknown {
  if (object === undefined) return null;
  return CONTENTS.map((field) => entriesOf(object, field));
}

function entriesOf(
  object: DynamicObject | undefined,
  field: (typeof CONTENTS)[number],
): Record<string, unknown> {
  const value = object?.[field];
  return isRecord(value) ? value : {};
}

/** The merge patch that gives the source the copy's contents, removing what the copy has not. */
export function restoringPatch({ source, kept }: InputState): Record<string, unknown> {
  const parts = CONTENTS.map(
    (field) => [field, replacement(entriesOf(source, field), entriesOf(kept, field))] as const,
  );
  // Not every kind has every field.
  return Object.fromEntries(parts.filter(([, part]) => Object.keys(part).length > 0));
}

/** `changes level; adds mode; removes old`: keys, never values. */
export function keyChanges({ source, kept }: InputState): string {
  const now = allEntries(source);
  const then = allEntries(kept);
  const has = (holder: Record<string, unknown>, key: string): boolean => Object.hasOwn(holder, key);
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['changes', Object.keys(then).filter((key) => has(now, key) && !isSameJson(now[key], then[key]))],
    ['adds', Object.keys(then).filter((key) => !has(now, key))],
    ['removes', Object.keys(now).filter((key) => !has(then, key))],
  ];
  return lists
    .filter(([, keys]) => keys.length > 0)
    .map(([verb, keys]) => `${verb} ${keys.join(', ')}`)
    .join('; ');
}

function allEntries(object: DynamicObject | undefined): Record<string, unknown> {
  return Object.fromEntries(CONTENTS.flatMap((field) => Object.entries(entriesOf(object, field))));
}
