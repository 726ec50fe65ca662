/**
 * Reading the log of one Task, or of several at once with a mark in front of each line. The server's answer about a Task
 * whose container has written nothing yet is an answer like any other.
 */
import { isApiError } from '../machinery/errors.ts';
import { tasks } from '../schemas/kinds.ts';
import type { Task } from '../schemas/types.gen.ts';
import type { Io, Output } from './io.ts';
import { fromServer } from './report.ts';
import type { Session } from './session.ts';
import { waitUntil } from './waiting.ts';

export type LogQuery = Readonly<Record<string, string | number | boolean | undefined>>;

/** A Task, and what stands in front of its lines. */
export interface LogSource {
  readonly task: string;
  readonly prefix: string;
}

const WEEK_MS = 7 * 86_400_000;
/** A line is cut where nothing else ends it. */
const LONGEST_LINE = 1024 * 1024;
const LINE_FEED = 0x0a;

/** The bytes as they come. Rejects with `ApiError`; ends quietly when the signal aborts. */
export async function* taskLog(
  task: string,
  query: LogQuery,
  session: Session,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const path = ['api', 'v1', 'namespaces', session.namespace, 'pods', task, 'log']
    .map(encodeURIComponent)
    .join('/');
  const answer = await session.client.raw('GET', `/${path}`, {
    accept: 'text/plain, application/json',
    signal,
    query,
  });
  try {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (!signal.aborted) throw session.client.explain(error);
  }
}

/**
 * One after the other, or with `follow` all at once. A log that cannot be had is told on standard error and the others
 * go on; resolves to whether there was any.
 */
export async function printLogs(
  sources: readonly LogSource[],
  query: LogQuery,
  session: Session,
  io: Io,
): Promise<boolean> {
  const print = async ({ task, prefix }: LogSource): Promise<boolean> => {
    try {
      await writeLines(taskLog(task, query, session, io.signal), prefix, io.stdout);
      return true;
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (!io.signal.aborted) await io.stderr.write(`${prefix}${fromServer(error)}\n`);
      return false;
    }
  };
  if (query['follow'] === true) return (await Promise.all(sources.map(print))).includes(true);
  let isAny = sources.length === 0;
  for (const source of sources) isAny = (await print(source)) || isAny;
  return isAny;
}

/** Prints a Task's log from its beginning to its end, once its container has started. Rejects with `ApiError`. */
export async function followTask(
  source: LogSource,
  query: LogQuery,
  session: Session,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const { task, prefix } = source;
  const key = { namespace: session.namespace, name: task };
  let isThere = false;
  const hasBegun = (found: Task | undefined): boolean => {
    isThere = found?.status?.container?.startedAt !== undefined;
    return isThere || found === undefined || found.status?.finishedAt !== undefined;
  };
  await waitUntil({ kind: tasks, key }, hasBegun, WEEK_MS, session, { ...io, signal });
  if (!isThere || signal.aborted) return;
  await writeLines(taskLog(task, { ...query, follow: true }, session, signal), prefix, io.stdout);
}

/** Whole lines, each behind the prefix; what comes last without a line feed gets one, unless there is no prefix. */
export async function writeLines(
  chunks: AsyncIterable<Uint8Array>,
  prefix: string,
  output: Output,
): Promise<void> {
  if (prefix === '') {
    for await (const chunk of chunks) await output.write(chunk);
    return;
  }
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const held = Buffer.concat([rest, chunk]);
    const end = held.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) await output.write(marked(held.subarray(0, end), prefix));
    rest = held.subarray(end);
    if (rest.length < LONGEST_LINE) continue;
    await output.write(marked(rest, prefix, '\n'));
    rest = Buffer.alloc(0);
  }
  if (rest.length > 0) await output.write(marked(rest, prefix, '\n'));
}

/** Bytes stay bytes: a line may hold anything. */
function marked(lines: Buffer, prefix: string, ending = ''): Buffer {
  const mark = Buffer.from(prefix);
  const parts: Buffer[] = [];
  for (let at = 0; at < lines.length; ) {
    const found = lines.indexOf(LINE_FEED, at);
    const end = found < 0 ? lines.length : found + 1;
    parts.push(mark, lines.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...parts, Buffer.from(ending)]);
}
