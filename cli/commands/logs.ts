/** `gantry logs`: what a Task's containers wrote, and which of it is kept. */
import { parseDurationMs } from '../../machinery/duration.ts';
import { isRecord } from '../../machinery/json.ts';
import { CommandError, type Io } from '../io.ts';
import { CommandMoment } from '../moment.ts';
import type { Session } from '../session.ts';

export interface LogsFlags {
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
  readonly at?: string;
  readonly revision?: string;
}

/** Rejects with `ApiError` or `CommandError`. */
export async function runLogs(word: string, flags: LogsFlags, session: Session, io: Io): Promise<void> {
  const [kind, name] = word.includes('/') ? word.split('/', 2) : ['task', word];
  if (!/^(?:tasks?|gt|pods?|po)(?:\.gantry\.dev)?$/i.test(kind ?? '') || (name ?? '') === '') {
    throw new CommandError(`logs are those of a Task: found "${word}", wanted NAME or task/NAME`);
  }
  const sinceMs = flags.since === undefined ? undefined : parseDurationMs(flags.since);
  if (flags.since !== undefined && (sinceMs === undefined || sinceMs <= 0)) {
    throw new CommandError(`--since: found "${flags.since}", wanted a duration such as 5m`);
  }
  if (flags.sinceTime !== undefined && Number.isNaN(Date.parse(flags.sinceTime))) {
    throw new CommandError(
      `--since-time: found "${flags.sinceTime}", wanted a time such as 2026-01-31T12:00:00Z`,
    );
  }
  if (flags.stream !== undefined && !['stdout', 'stderr'].includes(flags.stream)) {
    throw new CommandError(`--stream: found "${flags.stream}", wanted stdout or stderr`);
  }
  const moment = new CommandMoment({
    ...(flags.at === undefined ? {} : { at: flags.at }),
    ...(flags.revision === undefined ? {} : { revision: flags.revision }),
  }).options();
  const tail = wholeNumber('--tail', flags.tail === '-1' ? undefined : flags.tail);
  const path = ['api', 'v1', 'namespaces', session.namespace, 'pods', name ?? '', 'log']
    .map(encodeURIComponent)
    .join('/');
  const answer = await session.client.raw('GET', `/${path}`, {
    accept: 'text/plain, application/json',
    signal: io.signal,
    query: {
      follow: flags.follow === true ? true : undefined,
      previous: flags.previous === true ? true : undefined,
      timestamps: flags.timestamps === true ? true : undefined,
      tailLines: tail,
      sinceSeconds: sinceMs === undefined ? undefined : Math.max(1, Math.ceil(sinceMs / 1000)),
      sinceTime: flags.sinceTime,
      limitBytes: wholeNumber('--limit-bytes', flags.limitBytes),
      attempt: wholeNumber('--attempt', flags.attempt),
      stream: flags.stream,
      list: flags.attempts === true ? true : undefined,
      at: moment.at,
      resourceVersion: moment.resourceVersion,
      resourceVersionMatch: moment.resourceVersionMatch,
    },
  });
  if (flags.attempts === true) {
    await io.stdout.write(attemptsTable(await json(answer.body as AsyncIterable<Uint8Array>)));
    return;
  }
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) await io.stdout.write(chunk);
  } catch (error) {
    if (!io.signal.aborted) throw session.client.explain(error);
  }
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
