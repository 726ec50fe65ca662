/**
 * SPDY/3 header blocks: names and values, compressed with one zlib stream for each direction of a connection.
 *
 * What comes in is inflated, with a bound on what a small block may become. What goes out is framed for zlib but not
 * compressed: our answers have no headers worth it, and a compressor costs a quarter of a megabyte for each connection.
 * Source: SPDY protocol, draft 3.1, section 2.6.10; RFC 1950 and RFC 1951.
 */
import { constants, createInflate, type Inflate } from 'node:zlib';
import { HEADER_DICTIONARY } from './dictionary.ts';
import { SpdyError } from './frames.ts';

/** Names are lower case; several values of one name are joined with a zero byte, as on the wire. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** A block may not become longer than this, nor hold more names. */
export const MAX_HEADER_BYTES = 64 * 1024;
const MAX_HEADERS = 128;

export class HeaderReader {
  readonly #inflate: Inflate;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #failure: SpdyError | undefined;
  #settle: (() => void) | undefined;

  constructor() {
    this.#inflate = createInflate({ dictionary: HEADER_DICTIONARY, flush: constants.Z_SYNC_FLUSH });
    this.#inflate.on('data', (piece: Buffer) => {
      this.#bytes += piece.length;
      if (this.#bytes <= MAX_HEADER_BYTES) this.#pieces.push(piece);
      else this.#fail(new SpdyError(`found headers of more than ${MAX_HEADER_BYTES} bytes`));
    });
    this.#inflate.on('error', (error) => {
      this.#fail(new SpdyError(`found headers that zlib cannot read: ${error.message}`, { cause: error }));
    });
    this.#inflate.on('end', () => this.#fail(new SpdyError('found the end of the compressed headers')));
  }

  /** One block at a time, in the order of their frames. Rejects with `SpdyError`. */
  async read(block: Buffer): Promise<SpdyHeaders> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#pieces = [];
    this.#bytes = 0;
    await new Promise<void>((resolve) => {
      this.#settle = resolve;
      this.#inflate.write(block, () => resolve());
    });
    if (this.#failure !== undefined) throw this.#failure;
    return parseHeaders(Buffer.concat(this.#pieces));
  }

  /** Gives zlib's memory back; a block that is being read is refused. */
  close(): void {
    this.#fail(new SpdyError('the connection is closed'));
  }

  #fail(error: SpdyError): void {
    this.#failure ??= error;
    this.#inflate.destroy();
    this.#settle?.();
  }
}

function parseHeaders(bytes: Buffer): SpdyHeaders {
  let at = 0;
  const figure = (): number => {
    if (at + 4 > bytes.length) throw new SpdyError('found headers that end within a length');
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = figure();
    if (at + length > bytes.length) throw new SpdyError('found headers that end within a word');
    at += length;
    return bytes.toString('latin1', at - length, at);
  };
  const count = figure();
  if (count > MAX_HEADERS) throw new SpdyError(`found ${count} headers, wanted at most ${MAX_HEADERS}`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index++) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  if (at !== bytes.length) throw new SpdyError(`found ${bytes.length - at} bytes after the last header`);
  return headers;
}

/** Writes blocks for one direction of a connection; each must be sent, and in this order. */
export class HeaderWriter {
  #isFirst = true;

  write(headers: SpdyHeaders): Buffer {
    const words: Buffer[] = [figureOf(headers.size)];
    for (const word of [...headers].flat()) {
      const bytes = Buffer.from(word, 'latin1');
      words.push(figureOf(bytes.length), bytes);
    }
    const text = Buffer.concat(words);
    // zlib's own header comes once; 7801 says: 32 KiB window, no dictionary. Then each block is stored as it is, and an
    // empty one after it makes every inflater give out what it has.
    const start = this.#isFirst ? Buffer.from([0x78, 0x01]) : Buffer.alloc(0);
    this.#isFirst = false;
    return Buffer.concat([start, storedLength(text.length), text, storedLength(0)]);
  }
}

function figureOf(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function storedLength(length: number): Buffer {
  if (length > 0xffff) throw new SpdyError(`headers of ${length} bytes do not fit into one block`);
  const bytes = Buffer.alloc(5);
  bytes.writeUInt16LE(length, 1);
  bytes.writeUInt16LE(~length & 0xffff, 3);
  return bytes;
}
