/** `gantry logs`: what the containers of a Task, a Run or a TaskSet wrote, and which of it is kept. */
import { parseDurationMs } from '../../machinery/duration.ts';
import { isRecord } from '../../machinery/json.ts';
import { CommandError, type Io } from '../io.ts';
import { CommandMoment, type MomentFlags } from '../moment.ts';
import type { Session } from '../session.ts';
import { type LogQuery, taskLog, writeLines } from '../tasklogs.ts';

export interface LogsFlags extends MomentFlags {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly sinceTime?: string;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly limitBytes?: string;
  readonly attempt?: string;
  /** List what is kept. */
  readonly attempts?: boolean;
  readonly stream?: string;
  /** Of a Run: only this one. */
  readonly step?: string;
  /** Of a TaskSet: all of its Tasks instead of one. */
  readonly all?: boolean;
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runLogs(word: string, flags: LogsFlags, session: Session, io: Io): Promise<void> {
  const { kind, name } = subjectOf(word);
  checkFlags(flags, kind);
  const moment = new CommandMoment(flags);
  const query = queryFrom(flags);
  if (kind !== 'task') {
    const { runRunLogs, runTaskSetLogs } = await import('./workloadlogs.ts');
    const request = {
      name,
      query: () => ({ ...query, ...momentQuery(moment) }),
      isFollowing: flags.follow === true,
      moment,
    };
    if (kind === 'run') return runRunLogs(request, flags.step, session, io);
    return runTaskSetLogs(request, flags.all === true, session, io);
  }
  const log = taskLog(name, { ...query, ...momentQuery(moment) }, session, io.signal);
  if (flags.attempts === true) await io.stdout.write(attemptsTable(await json(log)));
  else await writeLines(log, '', io.stdout);
}

type LogsKind = 'task' | 'run' | 'taskset';

const KINDS: readonly (readonly [RegExp, LogsKind])[] = [
  [/^(?:tasks?|gt|pods?|po)(?:\.gantry\.dev)?$/i, 'task'],
  [/^runs?(?:\.gantry\.dev)?$/i, 'run'],
  [/^(?:tasksets?|gts)(?:\.gantry\.dev)?$/i, 'taskset'],
];

function subjectOf(word: string): { readonly kind: LogsKind; readonly name: string } {
  const [kindWord = '', name = ''] = word.includes('/') ? word.split('/', 2) : ['task', word];
  const kind = KINDS.find(([pattern]) => pattern.test(kindWord))?.[1];
  if (kind !== undefined && name !== '') return { kind, name };
  throw new CommandError(
    `logs are those of a Task, or of the Tasks of a Run or a TaskSet: found "${word}", wanted NAME, task/NAME, run/NAME or taskset/NAME`,
  );
}

function checkFlags(flags: LogsFlags, kind: LogsKind): void {
  if (flags.step !== undefined && kind !== 'run') {
    throw new CommandError('--step is of a Run: wanted run/NAME');
  }
  if (flags.all === true && kind !== 'taskset') {
    throw new CommandError('--all is of a TaskSet: wanted taskset/NAME');
  }
  if (flags.attempts === true && kind !== 'task') {
    throw new CommandError('--attempts lists those of one Task: wanted task/NAME');
  }
  if (
    flags.follow === true &&
    kind !== 'task' &&
    (flags.at ?? flags.atRevision ?? flags.revision) !== undefined
  ) {
    throw new CommandError('the past does not change: --follow cannot follow it');
  }
  if (flags.sinceTime !== undefined && Number.isNaN(Date.parse(flags.sinceTime))) {
    throw new CommandError(
      `--since-time: found "${flags.sinceTime}", wanted a time such as 2026-01-31T12:00:00Z`,
    );
  }
  if (flags.stream !== undefined && !['stdout', 'stderr'].includes(flags.stream)) {
    throw new CommandError(`--stream: found "${flags.stream}", wanted stdout or stderr`);
  }
}

function queryFrom(flags: LogsFlags): LogQuery {
  const sinceMs = flags.since === undefined ? undefined : parseDurationMs(flags.since);
  if (flags.since !== undefined && (sinceMs === undefined || sinceMs <= 0)) {
    throw new CommandError(`--since: found "${flags.since}", wanted a duration such as 5m`);
  }
  return {
    follow: flags.follow === true ? true : undefined,
    previous: flags.previous === true ? true : undefined,
    timestamps: flags.timestamps === true ? true : undefined,
    tailLines: wholeNumber('--tail', flags.tail === '-1' ? undefined : flags.tail),
    sinceSeconds: sinceMs === undefined ? undefined : Math.max(1, Math.ceil(sinceMs / 1000)),
    sinceTime: flags.sinceTime,
    limitBytes: wholeNumber('--limit-bytes', flags.limitBytes),
    attempt: wholeNumber('--attempt', flags.attempt),
    stream: flags.stream,
    list: flags.attempts === true ? true : undefined,
  };
}

function momentQuery(moment: CommandMoment): LogQuery {
  const { at, resourceVersion, resourceVersionMatch } = moment.options();
  return { at, resourceVersion, resourceVersionMatch };
}

async function json(body: AsyncIterable<Uint8Array>): Promise<unknown> {
  return JSON.parse(Buffer.concat(await Array.fromAsync(body)).toString());
}

const COLUMNS = ['attempt', 'state', 'reason', 'exitCode', 'startedAt', 'finishedAt', 'bytes'] as const;
const TITLES = ['ATTEMPT', 'STATE', 'REASON', 'EXIT', 'STARTED', 'FINISHED', 'BYTES'];

/** A line for each container whose log is kept, newest first. */
function attemptsTable(list: unknown): string {
  const items = isRecord(list) && Array.isArray(list['items']) ? list['items'].filter(isRecord) : [];
  if (items.length === 0) return 'No logs are kept.\n';
  const rows = items.map((item) =>
    COLUMNS.map((column) => {
      const value = item[column];
      return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 63) : '-';
    }),
  );
  const table = [TITLES, ...rows];
  const widths = TITLES.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd();
  return `${table.map(line).join('\n')}\n`;
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new CommandError(`${flag}: found "${text}", wanted a whole number`);
}
