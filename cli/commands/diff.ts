/**
 * `gantry diff`: what an object was beside what it is, or what applying manifests would change. Ends as `kubectl diff`
 * does: 0 when there is no difference, 1 when there is one, 2 when it cannot be told.
 */
import { isApiError } from '../../machinery/errors.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import { checkTargets, resolveTargets } from '../applying.ts';
import { type Comparison, comparable } from '../comparable.ts';
import type { ApiKind } from '../discovery.ts';
import { CommandError, Ending, type Io } from '../io.ts';
import { unifiedDiff } from '../linediff.ts';
import { readManifests } from '../manifests.ts';
import { CommandMoment, type MomentFlags } from '../moment.ts';
import { objectName, type Printer } from '../printers.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';

export interface DiffFlags extends MomentFlags {
  /** The moment that it is compared with: as `at`, or a revision's number. Absent is the present. */
  readonly to?: string;
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  /** Also what was seen, not only what is declared. */
  readonly status?: boolean;
}

interface Pair extends Comparison {
  readonly name: string;
}

/** Rejects with `Ending` unless nothing differs. */
export async function runDiff(
  words: readonly string[],
  flags: DiffFlags,
  session: Session,
  io: Io,
): Promise<void> {
  let isDifferent = false;
  try {
    const pairs = await pairsOf(words, flags, session, io);
    const { dump } = await import('js-yaml');
    // Sorted: in what order somebody wrote the fields is no difference.
    const print: Printer = (value) =>
      dump(value, { lineWidth: -1, noRefs: true, seqNoIndent: true, sortKeys: true });
    for (const pair of pairs) {
      const text = diffOf(pair, print, flags.status === true);
      if (text === '') continue;
      isDifferent = true;
      await io.stdout.write(text);
    }
  } catch (error) {
    if (io.signal.aborted) throw error;
    throw new Ending(2, error);
  }
  if (isDifferent) throw new Ending(1);
}

function pairsOf(words: readonly string[], flags: DiffFlags, session: Session, io: Io): Promise<Pair[]> {
  const { filename = [], to } = flags;
  const isPast = (flags.at ?? flags.atRevision ?? flags.revision) !== undefined;
  if (filename.length > 0) {
    if (words.length > 0 || isPast || to !== undefined) {
      throw new CommandError('-f compares manifests with what is: no names, --at or --to beside it');
    }
    return manifestPairs(flags, session, io);
  }
  if (!isPast) {
    throw new CommandError(
      'say what to compare: --at TIME or --at-revision N with KIND/NAME, or -f FILE with manifests',
    );
  }
  return pastPairs(words, flags, session, io);
}

async function manifestPairs(flags: DiffFlags, session: Session, io: Io): Promise<Pair[]> {
  const { filename = [], recursive } = flags;
  const manifests = await readManifests({ files: filename, recursive: recursive === true }, io);
  const targets = resolveTargets(manifests, await session.kinds(), session);
  const verdicts = await checkTargets(targets, 'server', session, io);
  return [...verdicts].map(([{ kind, key }, { before, after, outcome }]) => ({
    name: pathOf(kind, key),
    before,
    // Spelled differently but meaning the same: the server has the last word.
    after: outcome === 'unchanged' ? before : after,
  }));
}

async function pastPairs(
  words: readonly string[],
  flags: DiffFlags,
  session: Session,
  io: Io,
): Promise<Pair[]> {
  const choices = chooseFrom(await session.kinds(), words);
  const from = new CommandMoment(flags);
  const to = new CommandMoment(momentOf(flags.to));
  const pairs: Pair[] = [];
  for (const { kind, names } of choices) {
    if (names.length === 0) throw new CommandError(`name what to compare: ${kind.singular}/NAME`);
    for (const name of names) {
      const key = keyIn(kind, session.namespace, name);
      const before = await objectAt(kind, key, from, session, io);
      const after = await objectAt(kind, key, to, session, io);
      // Neither then nor now: in the server's words, which say at which moment.
      if (before === undefined && after === undefined) {
        await session.client.get(kind, key, { signal: io.signal, ...from.options() });
      }
      pairs.push({ name: pathOf(kind, key), before, after });
    }
  }
  return pairs;
}

function momentOf(text: string | undefined): MomentFlags {
  if (text === undefined) return {};
  return /^\d+$/.test(text) ? { atRevision: text } : { at: text };
}

async function objectAt(
  kind: ApiKind,
  key: ObjectKey,
  moment: CommandMoment,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<DynamicObject | undefined> {
  try {
    const object = await session.client.get(kind, key, { signal: io.signal, ...moment.options() });
    moment.check();
    return object;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

function diffOf({ name, ...pair }: Pair, print: Printer, hasStatus: boolean): string {
  const { before, after } = comparable(pair, hasStatus);
  const text = (object: DynamicObject | undefined): string => (object === undefined ? '' : print(object));
  const side = (object: DynamicObject | undefined, mark: string): string =>
    object === undefined ? '/dev/null' : `${mark}/${name}`;
  return unifiedDiff(text(before), text(after), [side(before, 'a'), side(after, 'b')]);
}

/** `default/task.gantry.dev/hello` */
function pathOf(kind: ApiKind, { namespace, name }: ObjectKey): string {
  return `${namespace === undefined ? '' : `${namespace}/`}${objectName(kind, name)}`;
}
