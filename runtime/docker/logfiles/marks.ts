/** What is written into a log where something of it is missing: lines that begin with `--- gantry: `. See docs/logs.md. */
import type { LogChunk } from '../../../machinery/runtime.ts';

export const ROTATED = 'output is missing here: the log was rotated before it was read';
export const REMOVED = 'output is missing here: the container was removed before its log was read';
export const UNREADABLE = 'output is missing here: a part of the log file is damaged';
export const ENGINE_LOST =
  'the container engine went away here: output that it had taken and not yet written may be missing';

export function markOf(text: string): LogChunk {
  return { stream: 'stdout', data: Buffer.from(`--- gantry: ${text}\n`), isMark: true };
}
