/**
 * `gantry undo`: what an object was is written anew, after a look at what that changes. One that was deleted comes back
 * with what it owned. Everything is tried by the server without writing before the first write; what fails halfway is
 * told, and going on from there is the same command again.
 */
import { ApiError, isApiError } from '../../machinery/errors.ts';
import { fieldChanges } from '../../machinery/fieldchanges.ts';
import { isSameJson } from '../../machinery/json.ts';
import type { DynamicObject, OwnerReference } from '../../machinery/meta.ts';
import { keyOf } from '../../machinery/meta.ts';
import { FIELD_MANAGER } from '../changing.ts';
import { anew, type Comeback, type Found, makerOf, planComeback, uidOf, withWhatWas } from '../comeback.ts';
import { comparable } from '../comparable.ts';
import { confirm } from '../confirming.ts';
import type { ApiKind } from '../discovery.ts';
import { exported } from '../export.ts';
import { CommandError, type Io } from '../io.ts';
import { CommandMoment } from '../moment.ts';
import { namespaceWords } from '../naming.ts';
import { printable } from '../printable.ts';
import { objectName } from '../printers.ts';
import { fromServer } from '../report.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';
import { findUndoTarget, type UndoSubject, type UndoTarget } from '../undotarget.ts';
import { objectsOf } from './get.ts';

export interface UndoFlags {
  /** A revision. */
  readonly to?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** Nothing is known of them that would have to come back, or they are other objects seen from another side. */
const NEVER_OWNED: ReadonlySet<string> = new Set([
  'events',
  'events.events.k8s.io',
  'leases.coordination.k8s.io',
  'pods',
  'nodes',
  'services',
  'endpoints',
]);
const MAX_VALUE_LENGTH = 80;
const CONFLICT_TRIES = 10;

/** What is to be written, all of it found out before anything is. */
interface Undo {
  readonly subject: UndoSubject;
  readonly target: UndoTarget;
  /** Undefined: the object itself is as it was. */
  readonly root: { readonly isNew: boolean; readonly object: DynamicObject } | undefined;
  readonly comeback: Comeback;
  /** What could not be looked at, and hence does not come back. */
  readonly unseen: readonly string[];
  /** Owners that are there now: the uid they had then, and the one they have. */
  readonly uids: Map<string, string>;
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runUndo(
  words: readonly string[],
  flags: UndoFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const subject = await subjectOf(words, session);
  const target = await findUndoTarget(subject, revisionFrom(flags.to), session, io);
  refuseMade(subject, target);
  const undo = await planUndo(subject, target, session, io);
  if (undo.root === undefined && undo.comeback.returning.length === 0) {
    await io.stdout.write(`${subject.name} is as it was at revision ${target.revision}: nothing to undo\n`);
    return;
  }
  const suffix = flags.dryRun === true ? ' (server dry run)' : '';
  await io.stdout.write(printable(previewOf(undo)));
  await rehearse(undo, session, io);
  if (flags.dryRun !== true && flags.yes !== true) {
    if (!(await confirm('Go on?', io))) throw new CommandError('nothing was changed');
  }
  if (flags.dryRun === true) await io.stdout.write(`${subject.name} would be undone${suffix}\n`);
  else await perform(undo, session, io);
}

async function subjectOf(words: readonly string[], session: Session): Promise<UndoSubject> {
  const [choice, second] = chooseFrom(await session.kinds(), words);
  const [name, other] = choice?.names ?? [];
  if (choice === undefined || second !== undefined || name === undefined || other !== undefined) {
    throw new CommandError(`found "${words.join(' ')}", wanted one object: KIND/NAME, such as task/hello`);
  }
  const { kind } = choice;
  return { kind, key: keyIn(kind, session.namespace, name), name: `${kind.singular}/${name}` };
}

function revisionFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw new CommandError(`--to: found "${text}", wanted a revision, such as gantry history shows them`);
}

/** A Task that a TaskSet makes has another in its place by now. */
function refuseMade({ kind, name }: UndoSubject, { was, live }: UndoTarget): void {
  const maker = live === undefined ? makerOf({ kind, object: was }) : undefined;
  if (maker === undefined) return;
  throw new CommandError(
    `${name} was made by ${maker.kind.toLowerCase()}/${maker.name}, which makes its tasks itself: undo that`,
  );
}

async function planUndo(subject: UndoSubject, target: UndoTarget, session: Session, io: Io): Promise<Undo> {
  const { was, live } = target;
  const found: Found = { kind: subject.kind, object: was };
  const isSameLife = live !== undefined && live.metadata.uid === was.metadata.uid;
  const { others, unseen } = isSameLife
    ? { others: [], unseen: [] }
    : await seenAt(subject, target.revision, session, io);
  const plan = planComeback(found, others);
  const uids = new Map<string, string>();
  if (live?.metadata.uid !== undefined) uids.set(uidOf(found), live.metadata.uid);
  const returning: (typeof plan.returning)[number][] = [];
  for (const item of plan.returning) {
    const uid = await uidNow(item, session, io);
    // One of the name is there: it stays as it is, and is the owner that others name.
    if (uid === undefined) returning.push(item);
    else uids.set(uidOf(item), uid);
  }
  return {
    subject,
    target,
    root: await rootOf(target, session, io, uids),
    comeback: { returning, leftOut: plan.leftOut },
    unseen,
    uids,
  };
}

async function rootOf(
  { was, live }: UndoTarget,
  session: Session,
  io: Io,
  uids: ReadonlyMap<string, string>,
): Promise<Undo['root']> {
  if (live === undefined) {
    return { isNew: true, object: anew(was, await ownersNow(was, uids, session, io)) };
  }
  if (isSameJson(exported(live), exported(was))) return undefined;
  return { isNew: false, object: withWhatWas(live, was) };
}

/** All there was that could be its, kind by kind, at the moment that is gone back to. */
async function seenAt(
  { kind, key }: UndoSubject,
  revision: number,
  session: Session,
  io: Io,
): Promise<{ readonly others: readonly Found[]; readonly unseen: readonly string[] }> {
  const isNamespace = kind.kind === 'Namespace' && kind.group === '';
  const namespace = isNamespace ? key.name : key.namespace;
  const others: Found[] = [];
  const unseen: string[] = [];
  for (const candidate of ownableKinds(await session.kinds(), namespace !== undefined)) {
    const moment = new CommandMoment({ atRevision: String(revision) });
    const scope = { ...session, namespace: namespace ?? session.namespace };
    try {
      const flags = { allNamespaces: namespace === undefined };
      const objects = await objectsOf({ kind: candidate, names: [] }, flags, scope, io, moment);
      for (const object of objects) {
        const isOwned = (object.metadata.ownerReferences ?? []).length > 0;
        if (isNamespace || isOwned) others.push({ kind: candidate, object });
      }
    } catch (error) {
      // Made while it is read, or not to be read by this user: the rest comes back all the same.
      if (isApiError(error, 'Forbidden')) unseen.push(`${candidate.plural}: ${error.message}`);
      else if (!isApiError(error, 'BadRequest', 'NotFound', 'MethodNotAllowed')) throw error;
    }
  }
  return { others, unseen };
}

/** Each once, in the version the server prefers. */
function ownableKinds(kinds: readonly ApiKind[], isNamespaced: boolean): readonly ApiKind[] {
  const chosen = new Map<string, ApiKind>();
  for (const kind of kinds) {
    const name = kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
    const isStored = ['get', 'list', 'create', 'delete'].every((verb) => kind.verbs.includes(verb));
    const isApart = NEVER_OWNED.has(name) || kind.group === 'metrics.k8s.io';
    if (!isStored || isApart || chosen.has(name) || (isNamespaced && !kind.namespaced)) continue;
    chosen.set(name, kind);
  }
  return [...chosen.values()];
}

async function uidNow({ kind, object }: Found, session: Session, io: Io): Promise<string | undefined> {
  try {
    const found = await session.client.get(kind, keyOf(object), { signal: io.signal });
    return found.metadata.uid ?? '';
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Of the owners it had: those that are there now, under the uids they have. Others would have it collected as garbage. */
async function ownersNow(
  object: DynamicObject,
  uids: ReadonlyMap<string, string>,
  session: Session,
  io: Io,
): Promise<readonly OwnerReference[]> {
  const owners: OwnerReference[] = [];
  const kinds = await session.kinds();
  for (const owner of object.metadata.ownerReferences ?? []) {
    const renewed = uids.get(owner.uid);
    if (renewed !== undefined) owners.push({ ...owner, uid: renewed });
    else if (await isThere(owner, object, kinds, session, io)) owners.push(owner);
  }
  return owners;
}

async function isThere(
  owner: OwnerReference,
  { metadata }: DynamicObject,
  kinds: readonly ApiKind[],
  session: Session,
  io: Io,
): Promise<boolean> {
  const kind = kinds.find(
    ({ kind: name, group, version }) =>
      name === owner.kind && owner.apiVersion === (group === '' ? version : `${group}/${version}`),
  );
  if (kind === undefined) return false;
  const key = keyIn(kind, metadata.namespace ?? session.namespace, owner.name);
  try {
    const found = await session.client.get(kind, key, { signal: io.signal });
    return found.metadata.uid === owner.uid;
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Forbidden')) return false;
    throw error;
  }
}

function previewOf({ subject, target, root, comeback, unseen }: Undo): string {
  const { revision, was, live } = target;
  const lines: string[] = [];
  if (root?.isNew === true) lines.push(`${subject.name} comes back as it was at revision ${revision}`);
  else if (root !== undefined) {
    lines.push(`${subject.name} goes back to what it was at revision ${revision}:`);
    lines.push(...changeLines(live, was));
  } else lines.push(`${subject.name} is as it was at revision ${revision}, what it owned is not there`);
  const listed = (item: Found): string => `${item.kind.singular}/${item.object.metadata.name}`;
  if (comeback.returning.length > 0) {
    lines.push('with what it owned:');
    for (const item of comeback.returning) {
      lines.push(`  ${listed(item)}${item.note === undefined ? '' : ` (${item.note})`}`);
    }
  }
  if (comeback.leftOut.length > 0) {
    lines.push('without:');
    for (const item of comeback.leftOut) lines.push(`  ${listed(item)}: ${item.reason}`);
  }
  if (unseen.length > 0) lines.push('not looked at:', ...unseen.map((line) => `  ${line}`));
  return `${lines.join('\n')}\n`;
}

function changeLines(live: DynamicObject | undefined, was: DynamicObject): string[] {
  const shown = comparable(
    {
      before: live === undefined ? undefined : exported(live),
      after: exported(was),
    },
    false,
  );
  return fieldChanges(shown.before, shown.after).map(
    ({ path, before, after }) => `  ${path}: ${valueWords(before)} -> ${valueWords(after)}`,
  );
}

function valueWords(value: unknown): string {
  if (value === undefined) return '(absent)';
  const text = JSON.stringify(value);
  return text.length <= MAX_VALUE_LENGTH ? text : `${text.slice(0, MAX_VALUE_LENGTH)}…`;
}

/** Rejects with `CommandError` that has a line for each refusal. */
async function rehearse(undo: Undo, session: Session, io: Io): Promise<void> {
  const { subject, root, comeback, target } = undo;
  const problems: string[] = [];
  const arriving = new Set(
    [...(root?.isNew === true ? [target.was] : []), ...comeback.returning.map(({ object }) => object)].map(
      ({ metadata }) => metadata.name,
    ),
  );
  const attempt = async (found: Found, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!missesOnly(error, arriving)) problems.push(problemOf(found, error));
    }
  };
  if (root !== undefined) {
    await attempt({ kind: subject.kind, object: target.was }, () => writeRoot(undo, true, session, io));
  }
  for (const item of comeback.returning) {
    await attempt(item, () => writeAnew(item, undo.uids, true, session, io));
  }
  if (problems.length > 0) throw new CommandError(['nothing was changed:', ...problems]);
}

/** What it needs comes back with this very undo (its namespace, its job), so the server cannot see it yet. */
function missesOnly({ reason, message, details }: ApiError, arriving: ReadonlySet<string>): boolean {
  if (reason === 'NotFound') return details?.kind === 'namespaces' && arriving.has(details.name ?? '');
  const causes = details?.causes ?? [];
  return (
    reason === 'Invalid' &&
    causes.length > 0 &&
    causes.every((cause) => cause.reason === 'FieldValueNotFound') &&
    [...arriving].some((name) => message.includes(`Not found: "${name}"`))
  );
}

async function perform(undo: Undo, session: Session, io: Io): Promise<void> {
  const { subject, target, root, comeback, uids } = undo;
  const done: string[] = [];
  const note = async (text: string): Promise<void> => {
    done.push(text);
    await io.stdout.write(`${text}\n`);
  };
  let current: Found = { kind: subject.kind, object: target.was };
  try {
    if (root !== undefined) {
      const written = await writeRoot(undo, false, session, io);
      uids.set(uidOf(current), written.metadata.uid ?? '');
      await note(
        `${objectName(subject.kind, subject.key.name)} ${root.isNew ? 'created' : 'undone'} (as it was at revision ${target.revision})`,
      );
    }
    for (const item of comeback.returning) {
      current = item;
      const { isNew, object: written } = await writeAnew(item, uids, false, session, io);
      uids.set(uidOf(item), written.metadata.uid ?? '');
      const what = isNew ? 'created' : 'is there already, and stays as it is';
      await note(`${objectName(item.kind, item.object.metadata.name)} ${what}`);
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const left = (root === undefined ? 0 : 1) + comeback.returning.length - done.length;
    throw new CommandError(
      [
        problemOf(current, error),
        ...(done.length === 0
          ? ['nothing was changed: run it again']
          : [
              `${done.length} done, ${left} left: gantry undo ${subject.name}${namespaceWords(subject.key)} --to ${target.revision} goes on from here`,
            ]),
      ],
      { cause: error },
    );
  }
}

/**
 * Statuses move often and count as changes: then it is tried again over the newer version. Refused when somebody changed
 * what is declared since it was looked at: what was shown is what is written.
 */
async function writeRoot(
  { subject, target, root }: Undo,
  isDryRun: boolean,
  session: Session,
  io: Io,
): Promise<DynamicObject> {
  if (root === undefined) throw new Error(`${subject.name} is as it was: nothing to write`);
  const { kind, key, name } = subject;
  const options = writeOptions(isDryRun, io);
  if (root.isNew) return session.client.create(kind, root.object, options);
  const { was, live: seen } = target;
  for (let object = root.object, attempt = 1; ; attempt++) {
    try {
      return await session.client.update(kind, object, options);
    } catch (error) {
      if (attempt >= CONFLICT_TRIES || !isApiError(error, 'Conflict')) throw error;
      const live = await session.client.get(kind, key, { signal: io.signal });
      const isSeen =
        seen !== undefined &&
        live.metadata.uid === seen.metadata.uid &&
        isSameJson(exported(live), exported(seen));
      if (!isSeen) {
        throw new CommandError(
          `${name} was changed since it was looked at: nothing was changed, run it again`,
          {
            cause: error,
          },
        );
      }
      object = withWhatWas(live, was);
    }
  }
}

async function writeAnew(
  { kind, object }: Found,
  uids: ReadonlyMap<string, string>,
  isDryRun: boolean,
  session: Session,
  io: Io,
): Promise<{ readonly isNew: boolean; readonly object: DynamicObject }> {
  // Owners that come back, too, have no uid yet while it is only tried.
  const owners = isDryRun
    ? (object.metadata.ownerReferences ?? [])
    : await ownersNow(object, uids, session, io);
  try {
    const made = await session.client.create(kind, anew(object, owners), writeOptions(isDryRun, io));
    return { isNew: true, object: made };
  } catch (error) {
    // A controller was quicker, or somebody: what is there is not written over.
    if (!isApiError(error, 'AlreadyExists')) throw error;
    return { isNew: false, object: await session.client.get(kind, keyOf(object), { signal: io.signal }) };
  }
}

function writeOptions(isDryRun: boolean, { signal }: Pick<Io, 'signal'>) {
  return { signal, fieldManager: FIELD_MANAGER, ...(isDryRun ? { dryRun: true } : {}) };
}

function problemOf({ kind, object }: Found, error: ApiError): string {
  return `${objectName(kind, object.metadata.name)}: ${fromServer(error)}`;
}
