/**
 * The inside of an archived log: records of `kind, length, bytes` (one byte; big-endian uint32; as many bytes). Kind 0 is
 * standard output, 1 standard error, 2 a mark. The bytes are as the engine gives them with times: every line begins
 * with one, so that what is asked of a living log can be asked of an archived one.
 */
import type { LogChunk } from '../../machinery/runtime.ts';

const HEADER_BYTES = 5;
/** No chunk of a log comes near it. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024;
const STAMP_BYTES = 31;
const NEWLINE = 0x0a;

export function recordHeader({ stream, data, isMark }: LogChunk): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt8(isMark === true ? 2 : stream === 'stderr' ? 1 : 0, 0);
  header.writeUInt32BE(data.length, 1);
  return header;
}

/** Throws an `Error` for what are no records. */
export async function* readRecords(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<LogChunk, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of bytes) {
    rest = rest.length === 0 ? Buffer.from(piece) : Buffer.concat([rest, piece]);
    let at = 0;
    while (rest.length - at >= HEADER_BYTES) {
      const kind = rest.readUInt8(at);
      const length = rest.readUInt32BE(at + 1);
      if (kind > 2 || length > MAX_RECORD_BYTES) throw new Error('found no record where one should begin');
      if (rest.length - at - HEADER_BYTES < length) break;
      const data = rest.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length);
      at += HEADER_BYTES + length;
      if (kind === 2) yield { stream: 'stdout', data, isMark: true };
      else yield { stream: kind === 1 ? 'stderr' : 'stdout', data };
    }
    rest = rest.subarray(at);
  }
  if (rest.length > 0) throw new Error('it ends in the middle of a record');
}

/** One line, or what there is of it, with its time apart. */
export interface StampedLine extends LogChunk {
  /** Empty within a line that began before. */
  readonly stamp: string;
  /** Ends with a newline. */
  readonly isEnd: boolean;
}

/** Splits stamped chunks into lines. After the last chunk, `rest` gives what was held back for a time to become whole. */
export class LineSplitter {
  /** Streams that are in the middle of a line. */
  readonly #open = new Set<LogChunk['stream']>();
  /** Beginnings of times that were cut. */
  readonly #cut = new Map<LogChunk['stream'], Buffer>();

  *split(chunk: LogChunk): Generator<StampedLine, void, undefined> {
    if (chunk.isMark === true) {
      this.#open.clear();
      yield { ...chunk, stamp: '', isEnd: true };
      return;
    }
    const { stream } = chunk;
    const before = this.#cut.get(stream);
    const data = before === undefined ? Buffer.from(chunk.data) : Buffer.concat([before, chunk.data]);
    this.#cut.delete(stream);
    for (let at = 0; at < data.length; ) {
      let stamp = '';
      if (!this.#open.has(stream)) {
        if (data.length - at < STAMP_BYTES) {
          this.#cut.set(stream, Buffer.from(data.subarray(at)));
          return;
        }
        const text = data.toString('latin1', at, at + STAMP_BYTES);
        // After a gap, the rest of a line whose beginning is missing has none.
        if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z $/.test(text)) {
          stamp = text;
          at += STAMP_BYTES;
        }
        this.#open.add(stream);
      }
      const newline = data.indexOf(NEWLINE, at);
      const end = newline < 0 ? data.length : newline + 1;
      if (newline >= 0) this.#open.delete(stream);
      if (end > at || stamp !== '')
        yield { stream, data: data.subarray(at, end), stamp, isEnd: newline >= 0 };
      at = end;
    }
  }

  *rest(): Generator<StampedLine, void, undefined> {
    for (const [stream, data] of this.#cut) yield { stream, data, stamp: '', isEnd: false };
    this.#cut.clear();
  }
}
