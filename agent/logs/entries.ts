/**
 * A container's log as entries: each piece of a line with its time and stream apart from its bytes, which are the
 * container's and nothing else.
 */
import type { LogChunk } from '../../machinery/runtime.ts';
import type { LogEntry } from '../../machinery/workerlink.ts';
import { LineSplitter, type StampedLine } from './records.ts';

/**
 * @param chunks with times: every line begins with one.
 * @param nowMs the time of a piece of which nothing tells when it was written: the rest of a line whose beginning is lost.
 */
export async function* entriesOf(
  chunks: AsyncIterable<LogChunk>,
  attempt: number,
  nowMs: () => number,
): AsyncGenerator<LogEntry, void, undefined> {
  const splitter = new LineSplitter();
  const times = new Map<LogEntry['stream'], string>();
  let newest: string | undefined;
  const entryOf = ({ stream: from, stamp, data, isMark }: StampedLine): LogEntry => {
    const stream = isMark === true ? 'gap' : from;
    if (stamp !== '') {
      newest = stamp.trimEnd();
      times.set(stream, newest);
    }
    const time = times.get(stream) ?? newest ?? `${new Date(nowMs()).toISOString().slice(0, -1)}000000Z`;
    return { time, stream, data, attempt };
  };
  for await (const chunk of chunks) {
    // What ends the line before a mark is the reader's, and no sentence.
    if (chunk.isMark === true && chunk.data.length <= 1) continue;
    for (const line of splitter.split(chunk)) {
      // A chunk may end behind a time: it is that of what comes.
      const entry = entryOf(line);
      if (entry.data.length > 0) yield entry;
    }
  }
  for (const line of splitter.rest()) yield entryOf(line);
}
