/**
 * SPDY/3.1 frames: bytes to frames and frames to bytes, nothing else. Pure.
 *
 * Promises: the same bytes give the same frames however they are cut into chunks (the payload of a data frame comes in
 * as many pieces as it arrived in); bytes that are no SPDY throw `SpdyError` and nothing else; memory is bounded by the
 * largest control frame, for payload of data frames is never gathered.
 * Source: SPDY protocol, draft 3.1, section 2.2 and 2.6.
 */

/** Why a connection has to end: the peer broke the protocol or a bound. */
export class SpdyError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SpdyError';
  }
}

export type SpdyFrame =
  /** A piece of a data frame's payload; `isFin` only with its last piece. */
  | { readonly type: 'data'; readonly streamId: number; readonly data: Buffer; readonly isFin: boolean }
  | {
      readonly type: 'syn-stream';
      readonly streamId: number;
      readonly isFin: boolean;
      /** The opener will read nothing. */
      readonly isUnidirectional: boolean;
      /** Compressed. */
      readonly headerBlock: Buffer;
    }
  | {
      readonly type: 'headers' | 'syn-reply';
      readonly streamId: number;
      readonly isFin: boolean;
      readonly headerBlock: Buffer;
    }
  | { readonly type: 'rst-stream'; readonly streamId: number; readonly status: number }
  /** Of all settings only the one that matters here. */
  | { readonly type: 'settings'; readonly initialWindow: number | undefined }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway'; readonly lastGoodStreamId: number; readonly status: number }
  | { readonly type: 'window-update'; readonly streamId: number; readonly delta: number };

/** Of RST_STREAM. */
export const RST_STATUS = {
  PROTOCOL_ERROR: 1,
  INVALID_STREAM: 2,
  REFUSED_STREAM: 3,
  CANCEL: 5,
  FLOW_CONTROL_ERROR: 7,
} as const;
/** Of GOAWAY. */
export const GOAWAY_STATUS = { OK: 0, PROTOCOL_ERROR: 1 } as const;

/** Control frames are headers and figures; a longer one is an attack or an error. */
export const MAX_CONTROL_BYTES = 64 * 1024;
/** Every stream, and the connection as a whole, may have this many unconsumed bytes until told otherwise. */
export const INITIAL_WINDOW_BYTES = 64 * 1024;
export const MAX_WINDOW_BYTES = 0x7fffffff;

const HEADER_BYTES = 8;
const VERSION = 3;
const FLAG_FIN = 1;
const FLAG_UNIDIRECTIONAL = 2;
const SETTING_INITIAL_WINDOW = 7;
const ID_MASK = 0x7fffffff;

const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const SETTINGS = 4;
const PING = 6;
const GOAWAY = 7;
const HEADERS = 8;
const WINDOW_UPDATE = 9;

/** Cuts a stream of bytes into frames. After it threw, the connection is lost: it must not be used again. */
export class FrameReader {
  /** A header or a control frame that has not wholly arrived. */
  #held: Buffer = Buffer.alloc(0);
  /** The data frame whose payload is arriving. */
  #data: { readonly streamId: number; readonly isFin: boolean; left: number } | undefined;

  /** The frames that these bytes complete, one after another; the caller may take its time between two of them. */
  *read(chunk: Buffer): Generator<SpdyFrame, void, undefined> {
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    for (;;) {
      if (this.#data !== undefined) {
        const data = this.#data;
        const piece = bytes.subarray(0, data.left);
        bytes = bytes.subarray(piece.length);
        data.left -= piece.length;
        const isLast = data.left === 0;
        if (isLast) this.#data = undefined;
        const isFin = isLast && data.isFin;
        if (piece.length > 0 || isFin) yield { type: 'data', streamId: data.streamId, data: piece, isFin };
        if (!isLast) return;
      }
      if (bytes.length < HEADER_BYTES) break;
      const first = bytes.readUInt32BE(0);
      const flags = bytes[4] ?? 0;
      const length = bytes.readUIntBE(5, 3);
      if (first >>> 31 === 0) {
        this.#data = { streamId: first, isFin: (flags & FLAG_FIN) !== 0, left: length };
        bytes = bytes.subarray(HEADER_BYTES);
        continue;
      }
      const version = (first >>> 16) & 0x7fff;
      if (version !== VERSION) throw new SpdyError(`found SPDY version ${version}, wanted ${VERSION}`);
      if (length > MAX_CONTROL_BYTES) {
        throw new SpdyError(`found a control frame of ${length} bytes, wanted at most ${MAX_CONTROL_BYTES}`);
      }
      if (bytes.length < HEADER_BYTES + length) break;
      const payload = bytes.subarray(HEADER_BYTES, HEADER_BYTES + length);
      bytes = bytes.subarray(HEADER_BYTES + length);
      const frame = readControl(first & 0xffff, flags, payload);
      if (frame !== undefined) yield frame;
    }
    // A copy, so that a few held bytes do not keep a whole chunk in memory.
    this.#held = Buffer.from(bytes);
  }
}

/** Undefined for a kind of frame that is not known: the protocol says to ignore it. */
function readControl(kind: number, flags: number, payload: Buffer): SpdyFrame | undefined {
  const isFin = (flags & FLAG_FIN) !== 0;
  const id = (at: number): number => payload.readUInt32BE(at) & ID_MASK;
  const need = (name: string, bytes: number): void => {
    if (payload.length < bytes) {
      throw new SpdyError(`found ${name} of ${payload.length} bytes, wanted at least ${bytes}`);
    }
  };
  switch (kind) {
    case SYN_STREAM:
      need('SYN_STREAM', 10);
      return {
        type: 'syn-stream',
        streamId: id(0),
        isFin,
        isUnidirectional: (flags & FLAG_UNIDIRECTIONAL) !== 0,
        headerBlock: payload.subarray(10),
      };
    case SYN_REPLY:
    case HEADERS:
      need(kind === HEADERS ? 'HEADERS' : 'SYN_REPLY', 4);
      return {
        type: kind === HEADERS ? 'headers' : 'syn-reply',
        streamId: id(0),
        isFin,
        headerBlock: payload.subarray(4),
      };
    case RST_STREAM:
      need('RST_STREAM', 8);
      return { type: 'rst-stream', streamId: id(0), status: payload.readUInt32BE(4) };
    case SETTINGS:
      return { type: 'settings', initialWindow: readInitialWindow(payload) };
    case PING:
      need('PING', 4);
      return { type: 'ping', id: payload.readUInt32BE(0) };
    case GOAWAY:
      need('GOAWAY', 8);
      return { type: 'goaway', lastGoodStreamId: id(0), status: payload.readUInt32BE(4) };
    case WINDOW_UPDATE:
      need('WINDOW_UPDATE', 8);
      return { type: 'window-update', streamId: id(0), delta: id(4) };
    default:
      return undefined;
  }
}

function readInitialWindow(payload: Buffer): number | undefined {
  if (payload.length < 4) throw new SpdyError(`found SETTINGS of ${payload.length} bytes, wanted at least 4`);
  const count = payload.readUInt32BE(0);
  if (payload.length !== 4 + count * 8) {
    throw new SpdyError(`found SETTINGS of ${payload.length} bytes, wanted ${4 + count * 8}`);
  }
  let found: number | undefined;
  for (let at = 4; at < payload.length; at += 8) {
    if (payload.readUIntBE(at + 1, 3) === SETTING_INITIAL_WINDOW) found = payload.readUInt32BE(at + 4);
  }
  if (found !== undefined && found > MAX_WINDOW_BYTES) {
    throw new SpdyError(`found an initial window of ${found} bytes, wanted at most ${MAX_WINDOW_BYTES}`);
  }
  return found;
}

/** The header of a data frame; its payload, `length` bytes, follows. */
export function dataHeader(streamId: number, length: number, isFin: boolean): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(streamId, 0);
  header[4] = isFin ? FLAG_FIN : 0;
  header.writeUIntBE(length, 5, 3);
  return header;
}

function control(kind: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(0x8000 | VERSION, 0);
  header.writeUInt16BE(kind, 2);
  header[4] = flags;
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

export function synStream(streamId: number, headerBlock: Buffer, isFin: boolean): Buffer {
  const start = Buffer.concat([words(streamId, 0), Buffer.alloc(2)]);
  return control(SYN_STREAM, isFin ? FLAG_FIN : 0, Buffer.concat([start, headerBlock]));
}

export function synReply(streamId: number, headerBlock: Buffer): Buffer {
  return control(SYN_REPLY, 0, Buffer.concat([words(streamId), headerBlock]));
}

export function rstStream(streamId: number, status: number): Buffer {
  return control(RST_STREAM, 0, words(streamId, status));
}

export function settings(initialWindow: number): Buffer {
  return control(SETTINGS, 0, words(1, SETTING_INITIAL_WINDOW, initialWindow));
}

export function ping(id: number): Buffer {
  return control(PING, 0, words(id));
}

export function goAway(lastGoodStreamId: number, status: number): Buffer {
  return control(GOAWAY, 0, words(lastGoodStreamId, status));
}

export function windowUpdate(streamId: number, delta: number): Buffer {
  return control(WINDOW_UPDATE, 0, words(streamId, delta));
}
