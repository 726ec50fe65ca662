/** `gantry history`: what became of an object, version by version, also of one that is deleted. */
import { type HistoryEntry, type HistoryPage, readHistory } from '../../client/history.ts';
import { resourcePath } from '../../client/paths.ts';
import { humanDuration } from '../../machinery/duration.ts';
import { CommandError, type Io } from '../io.ts';
import { namespaceWords } from '../naming.ts';
import { documentPrinter } from '../printers.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';

export interface HistoryFlags {
  readonly output?: string;
  /** Also versions that changed only what was seen. */
  readonly status?: boolean;
  readonly limit: string;
  /** Only versions older than this revision. */
  readonly before?: string;
  readonly headers?: boolean;
}

const MAX_LIMIT = 500;
/** Of the fields that a version changed; more of them with `-o wide`. */
const SHOWN_FIELDS = 3;
const MARKS = { added: '+', removed: '-', changed: '' } as const;

/** Rejects with `ApiError` or `CommandError`. */
export async function runHistory(
  words: readonly string[],
  flags: HistoryFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const { output } = flags;
  if (output !== undefined && output !== 'json' && output !== 'yaml' && output !== 'wide') {
    throw new CommandError(`unknown output "${output}": wanted json, yaml or wide`);
  }
  const choices = chooseFrom(await session.kinds(), words);
  const [choice, second] = choices;
  const [name, other] = choice?.names ?? [];
  if (choice === undefined || second !== undefined || name === undefined || other !== undefined) {
    throw new CommandError(`found "${words.join(' ')}", wanted one object: KIND/NAME, such as task/hello`);
  }
  const { kind } = choice;
  const key = keyIn(kind, session.namespace, name);
  const limit = numberFrom('--limit', flags.limit, MAX_LIMIT);
  const before =
    flags.before === undefined ? undefined : numberFrom('--before', flags.before, Number.MAX_SAFE_INTEGER);
  if (output === 'json' || output === 'yaml') {
    const document = await session.client.json(
      'GET',
      resourcePath(kind, { ...key, subresource: 'history' }),
      {
        query: { limit, before, objects: true, ...(flags.status === true ? { status: true } : {}) },
        signal: io.signal,
      },
    );
    return io.stdout.write((await documentPrinter(output))(document));
  }
  const page = await readHistory(session.client, kind, key, {
    limit,
    ...(before === undefined ? {} : { beforeRevision: before }),
    hasStatus: flags.status === true,
    signal: io.signal,
  });
  await io.stdout.write(tableOf(page.entries, output === 'wide', flags.headers !== false, io.clock.now()));
  await tellRest(page, `${kind.singular}/${name}${namespaceWords(key)}`, io);
}

/** On standard error: it is no row. */
async function tellRest({ entries, continueBefore }: HistoryPage, name: string, io: Io): Promise<void> {
  if (continueBefore !== undefined) {
    await io.stderr.write(`there is more: gantry history ${name} --before ${continueBefore}\n`);
  } else if (entries.length === 0) {
    await io.stderr.write(`nothing of ${name} changed within the past that is kept\n`);
  }
}

function numberFrom(flag: string, text: string, most: number): number {
  const number = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
  if (number !== undefined && number <= most) return number;
  const bound = most === Number.MAX_SAFE_INTEGER ? '' : ` up to ${most}`;
  throw new CommandError(`${flag}: found "${text}", wanted a number from 1${bound}`);
}

function tableOf(
  entries: readonly HistoryEntry[],
  isWide: boolean,
  hasHeader: boolean,
  nowMs: number,
): string {
  if (entries.length === 0) return '';
  const header = [
    'REVISION',
    'AGE',
    'WHAT',
    'BY',
    'MANAGER',
    ...(isWide ? ['TIME', 'VERB', 'GENERATION', 'REQUEST', 'TRACE', 'CAUSE'] : []),
    'CHANGED',
  ];
  const rows = entries.map((entry) => rowOf(entry, isWide, nowMs));
  return formatRows(hasHeader ? [header, ...rows] : rows);
}

function rowOf(entry: HistoryEntry, isWide: boolean, nowMs: number): string[] {
  const { revision, timeMs, operation, author, generation, changeCause } = entry;
  const act = author?.subresource === undefined ? author?.verb : `${author.verb} ${author.subresource}`;
  const whose = author?.impersonator === undefined ? author?.user : `${author.user} (${author.impersonator})`;
  return [
    String(revision),
    humanDuration(Math.max(0, nowMs - timeMs)),
    operation,
    cell(whose),
    cell(author?.manager),
    ...(isWide
      ? [
          new Date(timeMs).toISOString(),
          cell(act),
          cell(generation),
          cell(author?.requestId),
          cell(author?.traceId),
          cell(changeCause),
        ]
      : []),
    fieldsOf(entry, isWide),
  ];
}

/** `-` for what is gone, `+` for what is new, as they stand in a difference. */
function fieldsOf({ changedFields, moreChangedFields }: HistoryEntry, isWide: boolean): string {
  // The version before it is not known any more, or there was none.
  if (changedFields === undefined) return '<unknown>';
  const words = changedFields.map(({ path, operation }) => `${MARKS[operation]}${path}`);
  const shown = isWide ? words : words.slice(0, SHOWN_FIELDS);
  const left = words.length - shown.length + moreChangedFields;
  if (shown.length === 0) return left === 0 ? '<none>' : `${left} fields`;
  return left === 0 ? shown.join(', ') : `${shown.join(', ')} and ${left} more`;
}

function cell(value: string | number | undefined): string {
  return value === undefined || value === '' ? '<none>' : String(value).replaceAll(/\s*\n\s*/g, ' ');
}
