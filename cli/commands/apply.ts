/**
 * `gantry apply`: makes the server's objects what the manifests say.
 *
 * All or nothing as far as checking goes: every file is parsed, then the server checks every object in a dry run, and
 * only when nothing is wrong is the first one written.
 */
import { ApiError, isApiError } from '../../machinery/errors.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import { type ApiKind, kindOfManifest } from '../discovery.ts';
import { CommandError, type Io } from '../io.ts';
import { lastAppliedOf, threeWayPatch, withLastApplied } from '../lastapplied.ts';
import { type Manifest, readManifests } from '../manifests.ts';
import { nearest } from '../nearest.ts';
import { objectName } from '../printers.ts';
import { fromServer } from '../report.ts';
import type { Session } from '../session.ts';

export interface ApplyFlags {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: 'none' | 'client' | 'server';
}

/** A manifest and where its object lives. */
interface Target {
  readonly manifest: Manifest;
  readonly kind: ApiKind;
  readonly key: ObjectKey;
  readonly wanted: DynamicObject;
}

type Outcome = 'created' | 'configured' | 'unchanged';

/** The name kubectl writes under, so that both count as one manager of the same fields. */
const FIELD_MANAGER = 'kubectl-client-side-apply';
/** Somebody else may write between our reading and our writing. */
const CONFLICT_TRIES = 5;

/** Rejects with `CommandError` that has a line for each mistake. */
export async function runApply(flags: ApplyFlags, session: Session, io: Io): Promise<void> {
  const manifests = await readManifests(
    { files: flags.filename ?? [], recursive: flags.recursive === true },
    io,
  );
  const targets = inOrder(resolveTargets(manifests, await session.kinds(), session));
  const dryRun = flags.dryRun ?? 'none';
  const verdicts = new Map<Target, Outcome>();
  const problems: string[] = [];
  const arriving = new Set(targets.filter(({ kind }) => isNamespace(kind)).map(({ key }) => key.name));
  for (const target of targets) {
    try {
      verdicts.set(target, await applyOne(target, dryRun === 'client' ? 'client' : 'server', session, io));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // The namespace comes with these very manifests, so the server cannot see it yet.
      const isEarly =
        error.reason === 'NotFound' &&
        error.details?.kind === 'namespaces' &&
        arriving.has(error.details.name ?? '');
      if (isEarly) verdicts.set(target, 'created');
      else problems.push(...located(target, error));
    }
  }
  if (problems.length > 0) throw new CommandError(problems);
  for (const target of targets) {
    const name = objectName(target.kind, target.key.name);
    if (dryRun === 'none') {
      await io.stdout.write(`${name} ${await write(target, session, io)}\n`);
    } else {
      await io.stdout.write(
        `${name} ${verdicts.get(target) ?? ''} (${dryRun === 'server' ? 'server dry run' : 'dry run'})\n`,
      );
    }
  }
}

async function write(target: Target, session: Session, io: Io): Promise<Outcome> {
  try {
    return await applyOne(target, 'none', session, io);
  } catch (error) {
    // What passed the dry run and fails now did so for a reason that came in between.
    if (error instanceof ApiError) throw new CommandError(located(target, error), { cause: error });
    throw error;
  }
}

async function applyOne(
  target: Target,
  dryRun: 'none' | 'client' | 'server',
  session: Session,
  io: Io,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryApply(target, dryRun, session, io);
    } catch (error) {
      // AlreadyExists: created by somebody else since it was looked for.
      if (attempt >= CONFLICT_TRIES || !isApiError(error, 'Conflict', 'AlreadyExists')) throw error;
    }
  }
}

async function tryApply(
  target: Target,
  dryRun: 'none' | 'client' | 'server',
  session: Session,
  io: Io,
): Promise<Outcome> {
  const { kind, key, wanted } = target;
  const { client } = session;
  const { signal } = io;
  const options = {
    signal,
    fieldManager: FIELD_MANAGER,
    fieldValidation: 'Strict' as const,
    ...(dryRun === 'server' ? { dryRun: true } : {}),
  };
  const live = await client.get(kind, key, { signal }).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  if (live === undefined) {
    if (dryRun !== 'client') await client.create(kind, wanted, options);
    return 'created';
  }
  const patch = threeWayPatch(lastAppliedOf(live), wanted, live);
  if (Object.keys(patch).length === 0) return 'unchanged';
  if (dryRun === 'client') return 'configured';
  const after = await client.patch(kind, key, { type: 'merge', body: patch }, options);
  // Spelled differently but meaning the same (defaults within lists): the server saw nothing to do.
  return dryRun === 'none' && after.metadata.resourceVersion === live.metadata.resourceVersion
    ? 'unchanged'
    : 'configured';
}

function resolveTargets(
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
  return targets;
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
function located(target: Target, error: ApiError): string[] {
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
