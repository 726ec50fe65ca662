/**
 * What a process wrote and nobody has read yet: a bounded queue between an engine that pushes and one `for await`
 * that pulls.
 *
 * Promises order, an end that comes after everything that was pushed, and to say when it is full and when it has room
 * again: who pushes then stops the engine, so a slow reader costs the mark and one chunk, never more.
 */
import type { LogChunk } from '../machinery/runtime.ts';

/** Bytes that may wait. As much as a socket of the system holds: enough to keep both sides busy. */
export const OUTPUT_MARK_BYTES = 256 * 1024;

export class OutputQueue implements AsyncIterableIterator<LogChunk> {
  readonly #chunks: LogChunk[] = [];
  readonly #markBytes: number;
  readonly #onRoom: () => void;
  #bytes = 0;
  #isFull = false;
  #hasEnded = false;
  #wake: (() => void) | undefined;

  /** @param onRoom called when a full queue has room again, and when its reader left. */
  constructor(onRoom: () => void, markBytes: number = OUTPUT_MARK_BYTES) {
    this.#onRoom = onRoom;
    this.#markBytes = markBytes;
  }

  /** Takes the chunk in any case; false asks for no more until `onRoom`. What comes after the end is dropped. */
  push(chunk: LogChunk): boolean {
    if (this.#hasEnded || chunk.data.length === 0) return !this.#isFull;
    this.#chunks.push(chunk);
    this.#bytes += chunk.data.length;
    this.#isFull ||= this.#bytes >= this.#markBytes;
    this.#wake?.();
    return !this.#isFull;
  }

  end(): void {
    this.#hasEnded = true;
    this.#wake?.();
  }

  async next(): Promise<IteratorResult<LogChunk>> {
    while (this.#chunks.length === 0 && !this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return { done: true, value: undefined };
    this.#bytes -= chunk.data.length;
    if (this.#isFull && this.#bytes <= this.#markBytes / 2) this.#makeRoom();
    return { done: false, value: chunk };
  }

  /** The reader leaves: what it did not read is dropped, and so is what is still to come. */
  return(): Promise<IteratorResult<LogChunk>> {
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.end();
    this.#makeRoom();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #makeRoom(): void {
    this.#isFull = false;
    this.#onRoom();
  }
}
