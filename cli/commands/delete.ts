/** `gantry delete`: objects by name, by selector, all of a kind, or those of manifests; waits until they are gone. */
import { isApiError } from '../../machinery/errors.ts';
import { type DynamicObject, keyOf } from '../../machinery/meta.ts';
import { type ApiKind, kindOfManifest, singularName } from '../discovery.ts';
import { CommandError, type Io } from '../io.ts';
import { readManifests } from '../manifests.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';
import { timeoutMsFrom } from '../timeout.ts';
import { type Subject, waitUntil } from '../waiting.ts';
import { objectsOf } from './get.ts';

export interface DeleteFlags {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly all?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly wait?: boolean;
  readonly gracePeriod?: string;
  /** How long to wait for the objects to go; absent: as long as it takes. */
  readonly timeout?: string;
  readonly ignoreNotFound?: boolean;
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runDelete(
  words: readonly string[],
  flags: DeleteFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const gracePeriodSeconds = parseGrace(flags.gracePeriod);
  const timeoutMs = timeoutMsFrom(flags.timeout);
  const deadlineMs = io.clock.monotonicMs() + timeoutMs;
  const subjects = await subjectsOf(words, flags, session, io);
  if (subjects.length === 0) return io.stdout.write('No resources found\n');
  const going: { readonly subject: Subject; readonly uid: string | undefined }[] = [];
  const problems: unknown[] = [];
  for (const subject of subjects) {
    const { kind, key } = subject;
    try {
      const last = await session.client.delete(kind, key, {
        signal: io.signal,
        propagationPolicy: 'Background',
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
      });
      going.push({ subject, uid: last.metadata.uid });
      await io.stdout.write(`${singularName(kind)} "${key.name}" deleted\n`);
    } catch (error) {
      // The others are still to be deleted; the first mistake is reported at the end.
      if (!(flags.ignoreNotFound === true && isApiError(error, 'NotFound'))) problems.push(error);
    }
  }
  if (flags.wait !== false) {
    for (const { subject, uid } of going) {
      const isGone = (object: DynamicObject | undefined): boolean =>
        // Another object of the same name is not the one that was deleted.
        object === undefined || (uid !== undefined && object.metadata.uid !== uid);
      const leftMs = Math.max(0, deadlineMs - io.clock.monotonicMs());
      const showing = { goal: `${singularName(subject.kind)} "${subject.key.name}" to go` };
      if (!(await waitUntil(subject, isGone, leftMs, session, io, showing)) && !io.signal.aborted) {
        problems.push(
          new CommandError(
            `timed out after ${timeoutMs / 1000} s waiting for ${subject.kind.plural}/${subject.key.name} to go`,
          ),
        );
      }
    }
  }
  if (problems.length > 0) throw problems.length === 1 ? problems[0] : new AggregateError(problems);
}

async function subjectsOf(
  words: readonly string[],
  flags: DeleteFlags,
  session: Session,
  io: Io,
): Promise<Subject[]> {
  const kinds = await session.kinds();
  if (flags.filename !== undefined && flags.filename.length > 0) {
    if (words.length > 0) throw new CommandError('give either -f or names, not both');
    const manifests = await readManifests({ files: flags.filename, recursive: flags.recursive === true }, io);
    return manifests.map((manifest) => {
      const { object } = manifest;
      const kind = kindOfManifest(kinds, object.apiVersion, object.kind);
      if (kind === undefined)
        throw new CommandError(
          `${manifest.locate('kind')}: the server has no kind "${object.kind}" in ${object.apiVersion}`,
        );
      return { kind, key: keyIn(kind, object.metadata.namespace ?? session.namespace, object.metadata.name) };
    });
  }
  const choices = chooseFrom(kinds, words);
  const isChoosing = flags.all === true || flags.selector !== undefined || flags.fieldSelector !== undefined;
  const subjects: Subject[] = [];
  for (const choice of choices) {
    if (choice.names.length > 0 && isChoosing)
      throw new CommandError('give either names or --all, -l or --field-selector, not both');
    if (choice.names.length === 0 && !isChoosing)
      throw new CommandError(`name the ${choice.kind.plural} to delete, or choose with -l or --all`);
    const { kind, names } = choice;
    if (names.length > 0)
      subjects.push(...names.map((name) => ({ kind, key: keyIn(kind, session.namespace, name) })));
    else subjects.push(...(await chosen(kind, flags, session, io)));
  }
  return subjects;
}

async function chosen(kind: ApiKind, flags: DeleteFlags, session: Session, io: Io): Promise<Subject[]> {
  const objects = await objectsOf({ kind, names: [] }, flags, session, io);
  return objects.map((object) => ({ kind, key: keyOf(object) }));
}

function parseGrace(text: string | undefined): number | undefined {
  // kubectl's -1: the object's own.
  if (text === undefined || text === '-1') return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new CommandError(`--grace-period: found "${text}", wanted a whole number of seconds`);
}
