/**
 * One entry of a log file of Docker's `local` driver, and blocks of them as readers want them.
 *
 * The format (moby, daemon/logger/local and api/types/plugins/logdriver/entry.proto; unchanged since 18.09):
 * `length, message, length`, lengths as big-endian uint32, the message in protocol buffers: 1 source, 2 time in
 * nanoseconds, 3 line, 4 whether it is a part of a longer line, 5 which part (1 whether the last, 3 its number). A
 * line is kept without its newline, exactly as it was written; parts have the time of the line's beginning.
 */
import type { LogChunk } from '../../../machinery/runtime.ts';

const LENGTH_BYTES = 4;
/** Length, message without a line, length: no entry is shorter. */
const MIN_ENTRY_BYTES = 26;
/** No engine cuts lines later than at 1 MiB; a longer entry is none. */
export const MAX_ENTRY_BYTES = 2 * 1024 * 1024;
/** `2026-01-01T00:00:00.000000000Z `. */
const STAMP_BYTES = 31;
const NEWLINE = 0x0a;
/** How every entry's message begins: `stdout` or `stderr`. */
const FIRST_FIELD = Buffer.from('\x0a\x06std', 'latin1');
const NANOSECONDS = 1_000_000_000n;

/** What is not in this format: another engine's, another driver's, or damaged. */
export class LogFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LogFormatError';
  }
}

/** How much at the beginning of these bytes is whole entries. Throws `LogFormatError` when the first cannot be an entry. */
export function wholeEntries(bytes: Buffer): number {
  let end = 0;
  try {
    for (;;) {
      const size = entryBytes(bytes, end);
      if (size === undefined || end + size > bytes.length) return end;
      if (bytes.readUInt32BE(end + size - LENGTH_BYTES) !== size - 2 * LENGTH_BYTES) {
        throw new LogFormatError('an entry of the log file does not end as it begins');
      }
      end += size;
    }
  } catch (error) {
    if (end > 0 && error instanceof LogFormatError) return end;
    throw error;
  }
}

/** Where the next entry may begin, after damage; undefined when none is in sight. */
export function nextEntry(bytes: Buffer): number | undefined {
  for (let at = bytes.indexOf(FIRST_FIELD, LENGTH_BYTES); at >= 0; at = bytes.indexOf(FIRST_FIELD, at + 1)) {
    try {
      if (wholeEntries(bytes.subarray(at - LENGTH_BYTES)) > 0) return at - LENGTH_BYTES;
    } catch (error) {
      if (!(error instanceof LogFormatError)) throw error;
    }
  }
  return undefined;
}

/** Bytes of the entry that begins here, with its lengths; undefined when too little is known of it. */
export function entryBytes(bytes: Buffer, offset: number): number | undefined {
  return offset + LENGTH_BYTES > bytes.length ? undefined : checked(bytes.readUInt32BE(offset));
}

/** Where the entry begins that ends here; undefined when too little of it is there. */
export function entryBefore(bytes: Buffer, end: number): number | undefined {
  if (end < LENGTH_BYTES) return undefined;
  const size = checked(bytes.readUInt32BE(end - LENGTH_BYTES));
  const start = end - size;
  if (start < 0) return undefined;
  if (bytes.readUInt32BE(start) + 2 * LENGTH_BYTES !== size) {
    throw new LogFormatError('an entry of the log file does not begin as it ends');
  }
  return start;
}

function checked(messageBytes: number): number {
  const size = messageBytes + 2 * LENGTH_BYTES;
  if (size >= MIN_ENTRY_BYTES - 8 && size <= MAX_ENTRY_BYTES) return size;
  throw new LogFormatError(`found ${messageBytes} where the length of a log file's entry should be`);
}

/** One entry after the other, looked at in place: nothing is made for each. */
export class EntryView {
  stream: LogChunk['stream'] = 'stdout';
  lineStart = 0;
  lineEnd = 0;
  /** It is the beginning of a line. */
  isBeginning = true;
  /** A newline comes after it. */
  isEnd = true;
  /** The three parts of its time: 28, 28 and the upper bits. */
  #time0 = 0;
  #time1 = 0;
  #time2 = 0;

  /** Returns where the next entry begins. The entry must be whole. Throws `LogFormatError`. */
  read(bytes: Buffer, offset: number): number {
    const size = entryBytes(bytes, offset) ?? 0;
    const end = offset + size - LENGTH_BYTES;
    let at = offset + LENGTH_BYTES;
    let isPart = false;
    let isLast = false;
    let part = 0;
    this.lineStart = 0;
    this.lineEnd = 0;
    while (at < end) {
      const tag = bytes[at++];
      if (tag === 0x10) at = this.#readTime(bytes, at);
      else if (tag === 0x20) isPart = bytes[at++] !== 0;
      else if (tag === 0x0a || tag === 0x1a || tag === 0x2a) {
        let length = 0;
        for (let shift = 0; ; shift += 7) {
          const byte = bytes[at++] ?? 0;
          length += (byte & 0x7f) * 2 ** shift;
          if (byte < 0x80 || shift > 28) break;
        }
        if (at + length > end)
          throw new LogFormatError('a field of a log file entry is longer than the entry');
        if (tag === 0x0a) this.stream = bytes[at + 3] === 0x65 ? 'stderr' : 'stdout';
        else if (tag === 0x1a) [this.lineStart, this.lineEnd] = [at, at + length];
        else [isLast, part] = partOf(bytes, at, at + length);
        at += length;
      } else throw new LogFormatError(`found field ${String(tag)} in a log file entry, which has none such`);
    }
    this.isBeginning = !isPart || part === 1;
    this.isEnd = !isPart || isLast;
    return offset + size;
  }

  get timeNanoseconds(): bigint {
    return BigInt(this.#time0) + (BigInt(this.#time1) << 28n) + (BigInt(this.#time2) << 56n);
  }

  #readTime(bytes: Buffer, from: number): number {
    let at = from;
    const groups = [0, 0, 0];
    for (let index = 0; ; index++) {
      const byte = bytes[at++] ?? 0;
      const third = index >> 2;
      groups[third] = (groups[third] ?? 0) + (byte & 0x7f) * 2 ** (7 * (index & 3));
      if (byte < 0x80 || index >= 9) break;
    }
    this.#time0 = groups[0] ?? 0;
    this.#time1 = groups[1] ?? 0;
    this.#time2 = groups[2] ?? 0;
    return at;
  }
}

/** Whether it is the last part of its line, and its number from 1. */
function partOf(bytes: Buffer, start: number, end: number): [boolean, number] {
  let isLast = false;
  let part = 0;
  for (let at = start; at < end; ) {
    const tag = bytes[at++];
    const value = bytes[at++] ?? 0;
    if (tag === 0x08) isLast = value !== 0;
    else if (tag === 0x12) at += value;
    else if (tag === 0x18) {
      part = value & 0x7f;
      if (value >= 0x80) {
        part += 128;
        while ((bytes[at++] ?? 0) >= 0x80) continue;
      }
    }
  }
  return [isLast, part];
}

/** What of the entries a reader wants, and how. */
export interface Rendering {
  readonly timestamps: boolean;
  readonly stream: LogChunk['stream'] | undefined;
  /** Entries of before are left out. */
  readonly sinceNanoseconds: bigint | undefined;
}

/** Entries as chunks: those of one stream that follow each other are one. */
export function renderEntries(
  bytes: Buffer,
  { timestamps, stream, sinceNanoseconds }: Rendering,
): LogChunk[] {
  const chunks: LogChunk[] = [];
  const entry = new EntryView();
  // A time and a newline are little more than what they stand for.
  const output = Buffer.allocUnsafe(timestamps ? Math.ceil(bytes.length * 1.3) + 64 : bytes.length);
  let filled = 0;
  let begun = 0;
  let present: LogChunk['stream'] = 'stdout';
  for (let at = 0; at < bytes.length; ) {
    at = entry.read(bytes, at);
    if (stream !== undefined && entry.stream !== stream) continue;
    if (sinceNanoseconds !== undefined && entry.timeNanoseconds < sinceNanoseconds) continue;
    if (entry.stream !== present) {
      if (filled > begun) chunks.push({ stream: present, data: output.subarray(begun, filled) });
      begun = filled;
      present = entry.stream;
    }
    if (timestamps && entry.isBeginning) {
      filled += output.write(stampOf(entry.timeNanoseconds), filled, STAMP_BYTES, 'latin1');
    }
    filled += bytes.copy(output, filled, entry.lineStart, entry.lineEnd);
    if (entry.isEnd) output[filled++] = NEWLINE;
  }
  if (filled > begun) chunks.push({ stream: present, data: output.subarray(begun, filled) });
  return chunks;
}

/** `2026-01-01T00:00:00.000000000Z `, as the engine writes it. */
export function stampOf(timeNanoseconds: bigint): string {
  const seconds = timeNanoseconds / NANOSECONDS;
  const fraction = String(timeNanoseconds % NANOSECONDS).padStart(9, '0');
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${fraction}Z `;
}
