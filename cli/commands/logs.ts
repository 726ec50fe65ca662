/** `gantry logs`: what a Task's container wrote, through the Task's Pod view. */
import { parseDurationMs } from '../../machinery/duration.ts';
import { CommandError, type Io } from '../io.ts';
import type { Session } from '../session.ts';

export interface LogsFlags {
  readonly follow?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly sinceTime?: string;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly limitBytes?: string;
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
    },
  });
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) await io.stdout.write(chunk);
  } catch (error) {
    if (!io.signal.aborted) throw session.client.explain(error);
  }
}

function wholeNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new CommandError(`${flag}: found "${text}", wanted a whole number`);
}
