/**
 * What a Task says as it ends (`status.result`): the lines KEY=VALUE of its output file, and the end of standard output.
 * Pure: from bytes to words. Whatever a container wrote, an answer comes of it; what could not be used is told in
 * `message`, by line and by key, never by value.
 */
import type { FoundFile } from '../../../machinery/runtime.ts';
import type { TaskStatus } from '../types.ts';

export type TaskResult = NonNullable<TaskStatus['result']>;

/** Where the container finds its output file, and what it is called there. */
export const OUTPUT_DIRECTORY = '/run/gantry';
export const OUTPUT_NAME = 'output';
export const OUTPUT_PATH = `${OUTPUT_DIRECTORY}/${OUTPUT_NAME}`;
/** Names the file to the container. */
export const OUTPUT_VARIABLE = 'GANTRY_OUTPUT';

const MAX_OUTPUTS = 64;
const MAX_OUTPUT_BYTES = 64 * 1024;
/** `__proto__` is no key of an object in too many languages. */
const KEY = /^(?!__proto__$)[A-Za-z0-9_][-.A-Za-z0-9_]{0,127}$/;
const NEWLINE = 0x0a;
/** So many lines and keys are told one by one. */
const MAX_TOLD = 10;
const MAX_MESSAGE_CHARACTERS = 1024;
/** What the store takes of one object, less what it adds to it, and what others may still write. */
const MAX_OBJECT_BYTES = 1024 * 1024 - 128 * 1024;

/** Why something could not be read. */
export interface Unread {
  readonly problem: string;
}

export interface Words {
  readonly file: FoundFile | Unread;
  /** The last bytes of standard output, one more than wanted where there were more; undefined: not wanted. */
  readonly stdout: Uint8Array | Unread | undefined;
  readonly stdoutBytes: number;
}

export function resultOf({ file, stdout, stdoutBytes }: Words): TaskResult {
  const problems: string[] = [];
  const outputs = outputsOf(file, problems);
  const text = stdout instanceof Uint8Array ? endOf(stdout, stdoutBytes) : undefined;
  if (stdout !== undefined && !(stdout instanceof Uint8Array)) {
    problems.push(`standard output could not be read: ${stdout.problem}`);
  }
  return withMessage(
    {
      ...(outputs.size === 0 ? {} : { outputs: Object.fromEntries(outputs) }),
      ...(text === undefined ? {} : { stdout: text }),
    },
    problems,
  );
}

/**
 * The result as it still fits into the object.
 * @param otherBytes the object without it, as JSON.
 */
export function fitted(result: TaskResult, otherBytes: number): TaskResult {
  const room = MAX_OBJECT_BYTES - otherBytes;
  if (bytesOf(result) <= room) return result;
  const { stdout: _, ...rest } = result;
  const why = 'left out, since the task would be larger than an object can be';
  const message = [rest.message, `standard output is ${why}`];
  if (result.stdout !== undefined && bytesOf(rest) <= room - MAX_MESSAGE_CHARACTERS) {
    return withMessage({ ...rest }, message);
  }
  const { outputs: _outputs, ...told } = rest;
  return withMessage(told, [rest.message, `outputs and standard output are ${why}`]);
}

function outputsOf(file: FoundFile | Unread, problems: string[]): ReadonlyMap<string, string> {
  if ('problem' in file) {
    problems.push(`${OUTPUT_PATH} could not be read: ${file.problem}`);
    return new Map();
  }
  switch (file.kind) {
    case 'none':
      return new Map();
    case 'other':
      problems.push(`${OUTPUT_PATH} is ${file.what}, wanted a file with lines KEY=VALUE`);
      return new Map();
    case 'file':
      if (file.isCut) {
        problems.push(`of ${OUTPUT_PATH} only the first ${file.bytes.byteLength} bytes were looked at`);
      }
      return bounded(parsed(Buffer.from(file.bytes), file.isCut, problems), problems);
  }
}

/** In the order in which the keys first came, each with its last value. */
function parsed(bytes: Buffer, isCut: boolean, problems: string[]): ReadonlyMap<string, string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const found = new Map<string, string>();
  const malformed: number[] = [];
  const undecodable: number[] = [];
  let line = 0;
  for (let at = 0; at < bytes.length; ) {
    line += 1;
    const newline = bytes.indexOf(NEWLINE, at);
    // Half a line is none.
    if (newline < 0 && isCut) break;
    const end = newline < 0 ? bytes.length : newline;
    const part = bytes.subarray(at, end);
    at = end + 1;
    if (part.length === 0) continue;
    let text: string;
    try {
      text = decoder.decode(part);
    } catch {
      undecodable.push(line);
      continue;
    }
    const equals = text.indexOf('=');
    const key = text.slice(0, Math.max(0, equals));
    // No variable can hold a NUL, so nobody after this one could be given it.
    if (KEY.test(key) && !text.includes('\0')) found.set(key, text.slice(equals + 1));
    else malformed.push(line);
  }
  if (malformed.length > 0) problems.push(`${linesOf(malformed)} not KEY=VALUE`);
  if (undecodable.length > 0) problems.push(`${linesOf(undecodable)} not UTF-8`);
  return found;
}

function linesOf(lines: readonly number[]): string {
  const [first = 0] = lines;
  return lines.length === 1
    ? `line ${first} of ${OUTPUT_PATH} is`
    : `lines ${told(lines.map(String))} of ${OUTPUT_PATH} are`;
}

function bounded(found: ReadonlyMap<string, string>, problems: string[]): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  const left: string[] = [];
  let bytes = 0;
  for (const [key, value] of found) {
    const more = Buffer.byteLength(key) + Buffer.byteLength(value);
    if (kept.size >= MAX_OUTPUTS || bytes + more > MAX_OUTPUT_BYTES) {
      left.push(key);
      continue;
    }
    bytes += more;
    kept.set(key, value);
  }
  if (left.length > 0) {
    problems.push(
      `left out ${told(left)}: a task has at most ${MAX_OUTPUTS} outputs, of ${MAX_OUTPUT_BYTES} bytes together`,
    );
  }
  return kept;
}

/** Whole characters; what is none is shown as U+FFFD, and takes the room that this takes. */
function endOf(tail: Uint8Array, limitBytes: number): string {
  let bytes = Buffer.from(tail);
  if (bytes.length > limitBytes) {
    bytes = bytes.subarray(bytes.length - limitBytes);
    for (let cut = 0; cut < 3 && ((bytes[0] ?? 0) & 0xc0) === 0x80; cut++) bytes = bytes.subarray(1);
  }
  const text = bytes.toString('utf8');
  if (Buffer.byteLength(text) <= limitBytes) return text;
  return endOf(Buffer.from(text), limitBytes);
}

function withMessage(result: TaskResult, problems: readonly (string | undefined)[]): TaskResult {
  const message = problems.filter((problem) => problem !== undefined).join('; ');
  return message === '' ? result : { ...result, message: message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

function told(names: readonly string[]): string {
  const more = names.length - MAX_TOLD;
  return more <= 0 ? names.join(', ') : `${names.slice(0, MAX_TOLD).join(', ')} and ${more} more`;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
