/** `gantry rollout history`: the revisions that are kept of a TaskSet, or one of them with all it holds. */
import { humanDuration } from '../../machinery/duration.ts';
import { ANNOTATION_PROMOTED } from '../../machinery/labels.ts';
import { taskSets } from '../../schemas/kinds.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { CommandError, type Io } from '../io.ts';
import { asList, documentPrinter, outputForm } from '../printers.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';
import { inputName, type Revision, revisionFrom, revisionsOf, setName, setsNamed } from '../tasksets.ts';

export interface RolloutHistoryFlags {
  readonly revision?: string;
  readonly output?: string;
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runRolloutHistory(
  words: readonly string[],
  flags: RolloutHistoryFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const number = revisionFrom('--revision', flags.revision);
  const form = await outputForm(flags.output);
  for (const { key } of await setsNamed(words, session)) {
    const set = await session.client.get(taskSets, key, { signal: io.signal });
    const revisions = await revisionsOf(set, session, io);
    if (number !== undefined) {
      const revision = revisionNumbered(revisions, number, key.name);
      if (form.kind === 'objects') await io.stdout.write(form.print(revision.object));
      else if (form.kind === 'name') await io.stdout.write(`${revisionObjectName(revision)}\n`);
      else await io.stdout.write(await details(set, revision, io.clock.now()));
      continue;
    }
    if (form.kind === 'objects') {
      await io.stdout.write(form.print(asList(revisions.map(({ object }) => ({ ...object })))));
    } else if (form.kind === 'name') {
      await io.stdout.write(revisions.map((one) => `${revisionObjectName(one)}\n`).join(''));
    } else {
      const rows = revisionRows(set, revisions, io.clock.now());
      const table =
        rows.length === 0 ? 'No rollout history found.\n' : formatRows([REVISION_TITLES, ...rows]);
      await io.stdout.write(`${setName(key.name)}\n${table}`);
    }
  }
}

function revisionObjectName({ name }: Revision): string {
  return `controllerrevision.apps/${name}`;
}

export const REVISION_TITLES = ['REVISION', 'AGE', 'STATE', 'NAME', 'CHANGE-CAUSE'];

/** A row for each revision, oldest first, under `REVISION_TITLES`. */
export function revisionRows(set: TaskSet, revisions: readonly Revision[], nowMs: number): string[][] {
  return revisions.map((revision) => [
    String(revision.number),
    ageOf(revision.createdAt, nowMs),
    marksOf(set, revision.name).join(',') || '-',
    revision.name,
    revision.changeCause ?? '<none>',
  ]);
}

/** What a revision is to its set just now. */
function marksOf({ metadata, status }: TaskSet, name: string): string[] {
  const roles: readonly (readonly [string, string | undefined])[] = [
    ['current', status?.currentRevision],
    ['update', status?.updateRevision],
    ['target', status?.targetRevision === status?.updateRevision ? undefined : status?.targetRevision],
    ['stable', status?.lastStableRevision],
    ['promoted', status?.promotedRevision ?? metadata.annotations?.[ANNOTATION_PROMOTED]],
    ['rejected', status?.rejectedRevision],
  ];
  return roles.filter(([, holder]) => holder === name).map(([mark]) => mark);
}

function ageOf(createdAt: string | undefined, nowMs: number): string {
  const at = createdAt === undefined ? Number.NaN : Date.parse(createdAt);
  return Number.isNaN(at) ? '-' : humanDuration(nowMs - at);
}

async function details(set: TaskSet, revision: Revision, nowMs: number): Promise<string> {
  const { name } = set.metadata;
  const print = await documentPrinter('yaml');
  const head = formatRows([
    ['Name:', revision.name],
    ['Age:', ageOf(revision.createdAt, nowMs)],
    ['State:', marksOf(set, revision.name).join(', ') || '-'],
    ['Change cause:', revision.changeCause ?? '<none>'],
  ]);
  if (revision.data === undefined) return `${setName(name)} with revision #${revision.number}\n${head}`;
  const { template, inputs } = revision.data;
  const rows = inputs.map((input) => [
    inputName(input),
    `${input.kind === 'configmaps' ? 'configmap' : 'secret'}/${input.snapshot}`,
  ]);
  const configuration =
    rows.length === 0
      ? 'Configuration: <none>\n'
      : `Configuration:\n${indented(formatRows([['FROM', 'KEPT AS'], ...rows]))}`;
  return `${setName(name)} with revision #${revision.number}\n${head}${configuration}Template:\n${indented(print(template))}`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

/** Throws `CommandError` that names those there are. */
export function revisionNumbered(revisions: readonly Revision[], number: number, set: string): Revision {
  const found = revisions.find((revision) => revision.number === number);
  if (found !== undefined) return found;
  const known = revisions.map((revision) => revision.number).join(', ');
  throw new CommandError(
    `unable to find revision ${number} of taskset "${set}": ${known === '' ? 'none is kept' : `there are ${known}`}`,
  );
}
