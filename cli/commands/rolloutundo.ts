/**
 * `gantry rollout undo`: an earlier revision becomes the newest again, with the configuration it had.
 *
 * Where ConfigMaps or Secrets hold something else since, the template first names the revision's own copies of them, so
 * that tasks get template and configuration together and never a mixture. Then the sources are written back, and at last
 * the template names them again, which is the same revision. A source that cannot be written back stays named by its
 * copy: the rollback holds all the same, and is told so.
 */
import {
  type SnapshotInput,
  snapshotTemplate,
  type TaskSetRevisionData,
} from '../../controllers/revisions/snapshots.ts';
import { normalizedTemplate } from '../../controllers/revisions/template.ts';
import { ApiError, isApiError } from '../../machinery/errors.ts';
import { isSameJson } from '../../machinery/json.ts';
import { ANNOTATION_CHANGE_CAUSE } from '../../machinery/labels.ts';
import { apiVersionOf } from '../../machinery/meta.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { changeObject, FIELD_MANAGER } from '../changing.ts';
import {
  type InputState,
  isAsKept,
  keyChanges,
  resourceOf,
  restoringPatch,
  stateOfInput,
} from '../configuration.ts';
import { CommandError, type Io } from '../io.ts';
import { replacement } from '../replacement.ts';
import { fromServer } from '../report.ts';
import type { Session } from '../session.ts';
import {
  inputName,
  type Revision,
  revisionFrom,
  revisionsOf,
  type SetSubject,
  setName,
  setsNamed,
} from '../tasksets.ts';
import { waitUntil } from '../waiting.ts';
import { revisionNumbered } from './rollouthistory.ts';

export interface RolloutUndoFlags {
  readonly toRevision?: string;
  readonly dryRun?: 'none' | 'client' | 'server';
}

/** How long the controller may take to see the copies named, before their sources are changed. */
const OBSERVED_WITHIN_MS = 10_000;

/** What a copy and its source have in common. */
const CREATED_FIELDS: ReadonlySet<string> = new Set(['data', 'binaryData', 'type']);

interface Undo {
  readonly subject: SetSubject;
  readonly revision: Revision;
  readonly data: TaskSetRevisionData;
  /** Sources that hold something else now. */
  readonly changed: readonly InputState[];
  /** Those that may not be read, and hence not be written back. */
  readonly hidden: readonly { readonly input: SnapshotInput; readonly error: ApiError }[];
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runRolloutUndo(
  words: readonly string[],
  flags: RolloutUndoFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const number = revisionFrom('--to-revision', flags.toRevision);
  const dryRun = flags.dryRun ?? 'none';
  const suffix = { none: '', client: ' (dry run)', server: ' (server dry run)' }[dryRun];
  for (const subject of await setsNamed(words, session)) {
    const set = await session.client.get(subject.kind, subject.key, { signal: io.signal });
    const { name } = subject.key;
    refusePaused(set);
    const revision = chooseRevision(set, await revisionsOf(set, session, io), number);
    const undo = await planUndo(subject, revision, session, io);
    const isSame = isSameJson(normalizedTemplate(set.spec.template), undo.data.template);
    if (isSame && undo.changed.length === 0 && undo.hidden.length === 0) {
      await io.stdout.write(
        `${setName(name)} skipped rollback (current template already matches revision ${revision.number})${suffix}\n`,
      );
      continue;
    }
    if (dryRun === 'none') await perform(undo, session, io);
    else await rehearse(undo, dryRun === 'server', suffix, session, io);
    await io.stdout.write(`${setName(name)} rolled back to revision ${revision.number}${suffix}\n`);
  }
}

function refusePaused({ metadata, spec }: TaskSet): void {
  if (spec.paused !== true) return;
  throw new CommandError(
    `you cannot roll back the paused taskset "${metadata.name}": run gantry rollout resume taskset/${metadata.name} first and try again`,
  );
}

/**
 * Without a number: the one before the newest; where the newest was given up, the one that took its place; where it is
 * canaries that nobody promoted, the stable one that they are beside, which other canaries may have come after.
 */
function chooseRevision(set: TaskSet, revisions: readonly Revision[], number: number | undefined): Revision {
  const { name, generation = 0 } = set.metadata;
  if (number !== undefined) return revisionNumbered(revisions, number, name);
  const { status } = set;
  // What was not looked at yet has no revision: then the newest is the one before.
  const isObserved = (status?.observedGeneration ?? 0) >= generation;
  const newest = isObserved ? status?.updateRevision : undefined;
  const isRejected = newest !== undefined && status?.rejectedRevision === newest;
  const isCanary =
    newest !== undefined && set.spec.strategy?.canary !== undefined && status?.promotedRevision !== newest;
  const stable = isRejected
    ? (status?.targetRevision ?? status?.lastStableRevision)
    : isCanary && status?.lastStableRevision !== newest
      ? status?.lastStableRevision
      : undefined;
  const found =
    revisions.find((revision) => revision.name === stable) ??
    revisions.findLast((revision) => revision.name !== newest);
  if (found !== undefined) return found;
  throw new CommandError(
    revisions.length === 0
      ? `no rollout history found for taskset "${name}"`
      : `taskset "${name}" has no earlier revision than ${revisions.at(-1)?.number ?? 0}: there is nothing to go back to`,
  );
}

async function planUndo(subject: SetSubject, revision: Revision, session: Session, io: Io): Promise<Undo> {
  const { data } = revision;
  if (data === undefined) {
    throw new CommandError(
      `revision ${revision.number} (${revision.name}) of taskset "${subject.key.name}" holds no template: it cannot be brought back`,
    );
  }
  const changed: InputState[] = [];
  const hidden: { input: SnapshotInput; error: ApiError }[] = [];
  for (const input of data.inputs) {
    try {
      const state = await stateOfInput(input, session.namespace, session, io);
      if (state.kept === undefined) {
        throw new CommandError(
          `revision ${revision.number} cannot be brought back whole: its copy "${input.snapshot}" of ${inputName(input)} is gone`,
        );
      }
      if (!isAsKept(state)) changed.push(state);
    } catch (error) {
      if (!isApiError(error, 'Forbidden')) throw error;
      hidden.push({ input, error });
    }
  }
  return { subject, revision, data, changed, hidden };
}

async function perform(undo: Undo, session: Session, io: Io): Promise<void> {
  const { subject, data, changed, hidden } = undo;
  const inputsHeld = [...changed.map(({ input }) => input), ...hidden.map(({ input }) => input)];
  const written = await writeTemplate(undo, inputsHeld, false, session, io);
  for (const { input, error } of hidden) await warn(undo, input, error, io);
  if (changed.length === 0) return;
  const { generation = 0 } = written.metadata;
  // Who looks at the sources while the set does not name their copies yet would make a revision of a mixture.
  await waitUntil(
    subject,
    (set) => set === undefined || (set.status?.observedGeneration ?? 0) >= generation,
    OBSERVED_WITHIN_MS,
    session,
    io,
  );
  const left: SnapshotInput[] = hidden.map(({ input }) => input);
  for (const state of changed) {
    try {
      await writeBack(state, session.namespace, false, session, io);
      await io.stdout.write(writtenBack(undo, state, ''));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      left.push(state.input);
      await warn(undo, state.input, error, io);
    }
  }
  if (left.length < inputsHeld.length) await writeTemplate({ ...undo, data }, left, false, session, io);
}

async function rehearse(
  undo: Undo,
  isAsked: boolean,
  suffix: string,
  session: Session,
  io: Io,
): Promise<void> {
  if (isAsked) await writeTemplate(undo, [], true, session, io);
  for (const { input, error } of undo.hidden) await warn(undo, input, error, io);
  for (const state of undo.changed) {
    try {
      if (isAsked) await writeBack(state, session.namespace, true, session, io);
      await io.stdout.write(writtenBack(undo, state, suffix));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      await warn(undo, state.input, error, io);
    }
  }
}

/** @param held inputs that are named by their copies */
function writeTemplate(
  { subject, revision, data }: Undo,
  held: readonly SnapshotInput[],
  isDryRun: boolean,
  session: Session,
  io: Io,
): Promise<TaskSet> {
  const template = snapshotTemplate({ template: data.template, inputs: held });
  return changeObject(
    subject,
    (set) => {
      refusePaused(set);
      return {
        metadata: { annotations: { [ANNOTATION_CHANGE_CAUSE]: revision.changeCause ?? null } },
        spec: { template: replacement({ ...set.spec.template }, { ...template }) },
      };
    },
    session,
    io,
    { dryRun: isDryRun },
  );
}

/** With the version that was compared: what somebody has written since is not lost. */
async function writeBack(
  state: InputState,
  namespace: string,
  isDryRun: boolean,
  session: Session,
  io: Io,
): Promise<void> {
  const { input, source, kept } = state;
  const resource = resourceOf(input);
  const options = {
    signal: io.signal,
    fieldManager: FIELD_MANAGER,
    ...(isDryRun ? { dryRun: true } : {}),
  };
  if (source === undefined) {
    const contents = Object.entries(kept ?? {}).filter(([field]) => CREATED_FIELDS.has(field));
    await session.client.create(
      resource,
      {
        apiVersion: apiVersionOf(resource),
        kind: resource.kind,
        metadata: { name: input.name, namespace },
        ...Object.fromEntries(contents),
      },
      options,
    );
    return;
  }
  const { resourceVersion } = source.metadata;
  const body = { metadata: { resourceVersion }, ...restoringPatch(state) };
  await session.client.patch(resource, { namespace, name: input.name }, { type: 'merge', body }, options);
}

function writtenBack({ revision }: Undo, state: InputState, suffix: string): string {
  const what = state.source === undefined ? 'created anew' : 'written back';
  const changes = keyChanges(state);
  return `${inputName(state.input)} ${what} as it was in revision ${revision.number}${changes === '' ? '' : ` (${changes})`}, for everything that uses it${suffix}\n`;
}

async function warn({ subject }: Undo, input: SnapshotInput, error: ApiError, io: Io): Promise<void> {
  await io.stderr.write(
    `Warning: ${inputName(input)} is not written back: ${fromServer(error)}; ${setName(subject.key.name)} uses its copy "${input.snapshot}" instead, until its template names "${input.name}" again\n`,
  );
}
