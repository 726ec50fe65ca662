/**
 * Docker's multiplexed log and attach stream, taken apart: `[stream, 0, 0, 0, length as big-endian uint32]`, then
 * that many bytes (Docker Engine API, "Attach to a container", stream format).
 *
 * Promises bytes in order whatever way the frames are cut into chunks, and to hold back no more than a header: a
 * frame's bytes are handed on as they arrive, so one frame may come out in several pieces.
 */
import { RuntimeError } from '../../machinery/errors.ts';
import type { LogChunk } from '../../machinery/runtime.ts';

export interface FramePiece extends LogChunk {
  /** Whether it is the beginning of its frame. */
  readonly isFirst: boolean;
}

const HEADER_BYTES = 8;
const STDERR = 2;
/** The engine's own complaint about the stream. */
const SYSTEM_ERROR = 3;

export class Demultiplexer {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #stream = 0;
  /** Bytes of the present frame that are still to come. */
  #remaining = 0;
  #isFirst = true;

  /** The pieces in this chunk. They share its memory. Throws `Failed` when it cannot be a multiplexed stream. */
  push(chunk: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = [];
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#remaining === 0) {
        offset += this.#readHeader(chunk.subarray(offset));
        continue;
      }
      const data = chunk.subarray(offset, offset + this.#remaining);
      offset += data.length;
      this.#remaining -= data.length;
      if (this.#stream === SYSTEM_ERROR) {
        throw new RuntimeError(
          'Failed',
          `the engine broke off the stream: ${Buffer.from(data).toString('utf8')}`,
        );
      }
      pieces.push({ stream: this.#stream === STDERR ? 'stderr' : 'stdout', data, isFirst: this.#isFirst });
      this.#isFirst = false;
    }
    return pieces;
  }

  /** Throws `Unavailable` when the stream ended in the middle of a frame: the connection was cut. */
  end(): void {
    if (this.#headerBytes === 0 && this.#remaining === 0) return;
    throw new RuntimeError('Unavailable', 'the stream from the engine ended in the middle of a frame');
  }

  /** Takes what it needs for a header; returns how many bytes that were. */
  #readHeader(bytes: Uint8Array): number {
    const taken = bytes.subarray(0, HEADER_BYTES - this.#headerBytes);
    this.#header.set(taken, this.#headerBytes);
    this.#headerBytes += taken.length;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#stream = this.#header.readUInt8(0);
      if (this.#stream > SYSTEM_ERROR || this.#header.readUIntBE(1, 3) !== 0) {
        throw new RuntimeError(
          'Failed',
          `expected a multiplexed stream from the engine, found a frame that starts with ${this.#header.toString('hex')}`,
        );
      }
      this.#remaining = this.#header.readUInt32BE(4);
      this.#isFirst = true;
      this.#headerBytes = 0;
    }
    return taken.length;
  }
}
