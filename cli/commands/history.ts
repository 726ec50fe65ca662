/** `gantry history`: what became of an object, version by version, also of one that is deleted. */
import { humanDuration } from '../../machinery/duration.ts';
import { isRecord } from '../../machinery/json.ts';
import { CommandError, type Io } from '../io.ts';
import { documentPrinter } from '../printers.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';
import { readVersions, type Version, type VersionsPage } from '../versions.ts';

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
  const isDocument = output === 'json' || output === 'yaml';
  const page = await readVersions(
    choice.kind,
    keyIn(choice.kind, session.namespace, name),
    {
      limit: numberFrom('--limit', flags.limit, MAX_LIMIT),
      ...(flags.before === undefined
        ? {}
        : { before: numberFrom('--before', flags.before, Number.MAX_SAFE_INTEGER) }),
      hasStatus: flags.status === true,
      hasObjects: isDocument,
    },
    session,
    io,
  );
  if (isDocument) return io.stdout.write((await documentPrinter(output))(page.document));
  await io.stdout.write(tableOf(page.versions, output === 'wide', flags.headers !== false, io.clock.now()));
  await tellRest(page, `${choice.kind.singular}/${name}`, io);
}

/** On standard error: it is no row. */
async function tellRest({ versions, continueBefore }: VersionsPage, name: string, io: Io): Promise<void> {
  if (continueBefore !== undefined) {
    await io.stderr.write(`there is more: gantry history ${name} --before ${continueBefore}\n`);
  } else if (versions.length === 0) {
    await io.stderr.write('nothing of it changed within the past that is kept\n');
  }
}

function numberFrom(flag: string, text: string, most: number): number {
  const number = /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined;
  if (number !== undefined && number <= most) return number;
  const bound = most === Number.MAX_SAFE_INTEGER ? '' : ` up to ${most}`;
  throw new CommandError(`${flag}: found "${text}", wanted a number from 1${bound}`);
}

function tableOf(versions: readonly Version[], isWide: boolean, hasHeader: boolean, nowMs: number): string {
  if (versions.length === 0) return '';
  const header = [
    'REVISION',
    'AGE',
    'WHAT',
    'BY',
    'MANAGER',
    ...(isWide ? ['TIME', 'VERB', 'GENERATION', 'REQUEST', 'TRACE', 'CAUSE'] : []),
    'CHANGED',
  ];
  const rows = versions.map((version) => rowOf(version, isWide, nowMs));
  return formatRows(hasHeader ? [header, ...rows] : rows);
}

function rowOf({ revision, time, operation, entry }: Version, isWide: boolean, nowMs: number): string[] {
  const timeMs = Date.parse(time);
  const age = Number.isNaN(timeMs) ? '<unknown>' : humanDuration(Math.max(0, nowMs - timeMs));
  const { verb, subresource } = entry;
  const act = typeof subresource === 'string' ? `${cell(verb)} ${subresource}` : cell(verb);
  return [
    String(revision),
    age,
    operation,
    userOf(entry),
    cell(entry['manager']),
    ...(isWide
      ? [
          time === '' ? '<unknown>' : time,
          act,
          cell(entry['generation']),
          cell(entry['requestID']),
          cell(entry['traceID']),
          cell(entry['changeCause']),
        ]
      : []),
    fieldsOf(entry, isWide),
  ];
}

function userOf({ user, impersonator }: Version['entry']): string {
  return typeof impersonator === 'string' ? `${cell(user)} (${impersonator})` : cell(user);
}

/** `-` for what is gone, `+` for what is new, as they stand in a difference. */
function fieldsOf({ changedFields }: Version['entry'], isWide: boolean): string {
  const fields = Array.isArray(changedFields) ? changedFields.filter(isRecord) : [];
  if (fields.length === 0) return '<none>';
  const marks: Readonly<Record<string, string>> = { added: '+', removed: '-' };
  const words = fields.map(({ path, operation }) => `${marks[String(operation)] ?? ''}${String(path)}`);
  const left = words.length - SHOWN_FIELDS;
  if (isWide || left <= 0) return words.join(', ');
  return `${words.slice(0, SHOWN_FIELDS).join(', ')} and ${left} more`;
}

function cell(value: unknown): string {
  if (value === undefined || value === null || value === '') return '<none>';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
