/**
 * Manifests against the server's objects: which object each one is, what applying it would write, and the writing. `apply`
 * writes, `plan` and `diff` only ask, all by the same comparison.
 */
import { ApiError, isApiError } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import type { DynamicObject, ObjectKey } from '../machinery/meta.ts';
import { type ApiKind, kindOfManifest } from './discovery.ts';
import { CommandError, type Io } from './io.ts';
import { lastAppliedOf, threeWayPatch, withLastApplied } from './lastapplied.ts';
import type { Manifest } from './manifests.ts';
import { nearest } from './nearest.ts';
import { objectName } from './printers.ts';
import { fromServer } from './report.ts';
import type { Session } from './session.ts';

/** A manifest and where its object lives. */
export interface Target {
  readonly manifest: Manifest;
  readonly kind: ApiKind;
  readonly key: ObjectKey;
  readonly wanted: DynamicObject;
}

export type Outcome = 'created' | 'configured' | 'unchanged';

export type DryRun = 'none' | 'client' | 'server';

/** What became, or would become, of one object. */
export interface Applied {
  readonly outcome: Outcome;
  /** As it was read; undefined where there was none. */
  readonly before: DynamicObject | undefined;
  /** As the server has it then; what only the server could say is missing where it was not asked. */
  readonly after: DynamicObject;
}

/** The name kubectl writes under, so that both count as one manager of the same fields. */
const FIELD_MANAGER = 'kubectl-client-side-apply';
/** Somebody else may write between our reading and our writing. */
const CONFLICT_TRIES = 5;

/**
 * All of them, by the server, without writing any.
 * Rejects with `CommandError` that has a line for each mistake.
 */
export async function checkTargets(
  targets: readonly Target[],
  dryRun: 'client' | 'server',
  session: Session,
  io: Io,
): Promise<ReadonlyMap<Target, Applied>> {
  const verdicts = new Map<Target, Applied>();
  const problems: string[] = [];
  const arriving = new Set(targets.filter(({ kind }) => isNamespace(kind)).map(({ key }) => key.name));
  for (const target of targets) {
    try {
      verdicts.set(target, await applyTarget(target, dryRun, session, io));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // The namespace comes with these very manifests, so the server cannot see it yet.
      const isEarly =
        error.reason === 'NotFound' &&
        error.details?.kind === 'namespaces' &&
        arriving.has(error.details.name ?? '');
      if (isEarly) verdicts.set(target, { outcome: 'created', before: undefined, after: target.wanted });
      else problems.push(...located(target, error));
    }
  }
  if (problems.length > 0) throw new CommandError(problems);
  return verdicts;
}

/** Rejects with `CommandError` that names the place in the file. */
export async function writeTarget(target: Target, session: Session, io: Io): Promise<Outcome> {
  try {
    return (await applyTarget(target, 'none', session, io)).outcome;
  } catch (error) {
    // What passed the dry run and fails now did so for a reason that came in between.
    if (error instanceof ApiError) throw new CommandError(located(target, error), { cause: error });
    throw error;
  }
}

async function applyTarget(target: Target, dryRun: DryRun, session: Session, io: Io): Promise<Applied> {
  for (let attempt = 1; ; attempt++) {
    try {
      const live = await readTarget(target, session, io);
      return await applyOver(live, target, dryRun, session, io);
    } catch (error) {
      // AlreadyExists: created by somebody else since it was looked for.
      if (attempt >= CONFLICT_TRIES || !isApiError(error, 'Conflict', 'AlreadyExists')) throw error;
    }
  }
}

/** The object as it is now; undefined where there is none. */
export async function readTarget(
  { kind, key }: Target,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<DynamicObject | undefined> {
  const { signal } = io;
  return session.client.get(kind, key, { signal }).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
}

/**
 * @param live as it was read.
 * @param isPinned writes only over this very version: anything else is a `Conflict`.
 */
export async function applyOver(
  live: DynamicObject | undefined,
  { kind, key, wanted }: Target,
  dryRun: DryRun,
  session: Session,
  io: Pick<Io, 'signal'>,
  isPinned = false,
): Promise<Applied> {
  const { client } = session;
  const options = {
    signal: io.signal,
    fieldManager: FIELD_MANAGER,
    fieldValidation: 'Strict' as const,
    ...(dryRun === 'server' ? { dryRun: true } : {}),
  };
  if (live === undefined) {
    const after = dryRun === 'client' ? wanted : await client.create(kind, wanted, options);
    return { outcome: 'created', before: undefined, after };
  }
  const patch = threeWayPatch(lastAppliedOf(live), wanted, live);
  if (Object.keys(patch).length === 0) return { outcome: 'unchanged', before: live, after: live };
  if (dryRun === 'client') return { outcome: 'configured', before: live, after: wanted };
  const body = isPinned ? pinned(patch, live) : patch;
  const after = await client.patch(kind, key, { type: 'merge', body }, options);
  // Spelled differently but meaning the same (defaults within lists): the server saw nothing to do.
  const isSame = dryRun === 'none' && after.metadata.resourceVersion === live.metadata.resourceVersion;
  return { outcome: isSame ? 'unchanged' : 'configured', before: live, after };
}

function pinned(patch: Record<string, unknown>, live: DynamicObject): Record<string, unknown> {
  const { uid, resourceVersion } = live.metadata;
  const { metadata } = patch;
  return { ...patch, metadata: { ...(isRecord(metadata) ? metadata : {}), uid, resourceVersion } };
}

/** Namespaces first. Rejects with `CommandError` that has a line for each mistake. */
export function resolveTargets(
  manifests: readonly Manifest[],
  kinds: readonly ApiKind[],
  session: Session,
): Target[] {
  const problems: string[] = [];
  const targets = manifests.flatMap((manifest): Target[] => {
    const { apiVersion, kind: kindName, metadata } = manifest.object;
    const kind = kindOfManifest(kinds, apiVersion, kindName);
    if (kind === undefined) {
      problems.push(`${manifest.locate('kind')}: ${unknownKind(kinds, apiVersion, kindName)}`);
      return [];
    }
    if (
      kind.namespaced &&
      session.isNamespaceGiven &&
      (metadata.namespace ?? session.namespace) !== session.namespace
    ) {
      problems.push(
        `${manifest.locate('metadata.namespace')}: the object is in namespace "${metadata.namespace}", but -n says "${session.namespace}"`,
      );
      return [];
    }
    const namespace = kind.namespaced ? (metadata.namespace ?? session.namespace) : undefined;
    const { namespace: _given, ...rest } = metadata;
    const object = {
      ...manifest.object,
      metadata: { ...rest, ...(namespace === undefined ? {} : { namespace }) },
    };
    const key = { name: metadata.name, ...(namespace === undefined ? {} : { namespace }) };
    return [{ manifest, kind, key, wanted: withLastApplied(object) }];
  });
  if (problems.length > 0) throw new CommandError(problems);
  return inOrder(targets);
}

function unknownKind(kinds: readonly ApiKind[], apiVersion: string, kind: string): string {
  const isHere = (candidate: ApiKind): boolean =>
    apiVersion === (candidate.group === '' ? candidate.version : `${candidate.group}/${candidate.version}`);
  const known = kinds.filter(isHere).map((candidate) => candidate.kind);
  if (known.length === 0) {
    const versions = [
      ...new Set(kinds.map(({ group, version }) => (group === '' ? version : `${group}/${version}`))),
    ];
    return `the server has no apiVersion "${apiVersion}": there are ${versions.join(', ')}`;
  }
  const guess = nearest(kind, known);
  return `no kind "${kind}" in ${apiVersion}${guess === undefined ? `: there are ${known.join(', ')}` : `; did you mean ${guess}?`}`;
}

/** What others live in comes first; otherwise as given. */
function inOrder(targets: readonly Target[]): Target[] {
  return [
    ...targets.filter(({ kind }) => isNamespace(kind)),
    ...targets.filter(({ kind }) => !isNamespace(kind)),
  ];
}

function isNamespace(kind: ApiKind): boolean {
  return kind.group === '' && kind.plural === 'namespaces';
}

/** The server's error with the place in the file of every field it names. */
export function located(target: Target, error: ApiError): string[] {
  const { manifest, kind, key } = target;
  const fields = [...error.message.matchAll(/(?:unknown|duplicate) field "([^"]+)"/g)].map(
    ([text, field = '']) => ({
      field,
      text,
    }),
  );
  const causes = (error.details?.causes ?? []).flatMap(({ field, message }) =>
    field === undefined || field === ''
      ? []
      : [{ field, text: message.startsWith(field) ? message : `${field}: ${message}` }],
  );
  const found = causes.length > 0 ? causes : fields;
  if (found.length === 0)
    return [`${manifest.locate('metadata.name')}: ${objectName(kind, key.name)}: ${fromServer(error)}`];
  return found.map(({ field, text }) => `${manifest.locate(field)}: ${text}`);
}
