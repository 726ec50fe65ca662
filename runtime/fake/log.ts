/**
 * The log of one fake container, kept as Docker's drivers keep it: whole lines of each stream in the order
 * in which they were completed; a last line without its newline is kept when the container ends.
 */
import type { Clock } from '../../machinery/clock.ts';
import type { LogBounds, LogChunk, LogOptions } from '../../machinery/runtime.ts';

interface Line extends LogChunk {
  readonly writtenAtMs: number;
}

/** Older lines are forgotten past this, as a rotated log would be. */
const MAX_LINES = 10_000;
const NEWLINE = 0x0a;

export class FakeLog {
  readonly #clock: Clock;
  readonly #mostBytes: number;
  #bytes = 0;
  /** Number of lines ever forgotten, so that positions of followers stay true. */
  #forgotten = 0;
  readonly #lines: Line[] = [];
  readonly #partial = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  #isEnded = true;
  readonly #waiters = new Set<() => void>();

  constructor(clock: Clock, bounds: LogBounds | undefined) {
    this.#clock = clock;
    this.#mostBytes = bounds === undefined ? Number.POSITIVE_INFINITY : bounds.maxBytes * bounds.maxFiles;
  }

  write(stream: LogChunk['stream'], data: Uint8Array | string): void {
    let rest = Buffer.concat([this.#partial[stream], Buffer.from(data)]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      this.#append(stream, rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
    this.#partial[stream] = rest;
    this.#wake();
  }

  /** The container runs: followers wait for more. */
  open(): void {
    this.#isEnded = false;
  }

  /** The container ended: unfinished lines are kept as they are, and followers end. */
  close(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#partial[stream].length > 0) this.#append(stream, this.#partial[stream]);
      this.#partial[stream] = Buffer.alloc(0);
    }
    this.#isEnded = true;
    this.#wake();
  }

  /** @param assertReadable called before each step; throws what the reader shall see when the engine is gone. */
  async *read(
    options: LogOptions,
    signal: AbortSignal,
    assertReadable: () => void,
  ): AsyncGenerator<LogChunk, void, undefined> {
    let position = this.#forgotten + this.#start(options);
    for (;;) {
      assertReadable();
      position = Math.max(position, this.#forgotten);
      for (let line = this.#lines[position - this.#forgotten]; line !== undefined; ) {
        if (signal.aborted) return;
        if (options.stream === undefined || line.stream === options.stream) yield present(line, options);
        position += 1;
        line = this.#lines[position - this.#forgotten];
      }
      if (options.follow !== true || this.#isEnded || signal.aborted) return;
      await this.#more(signal);
    }
  }

  /** Wakes followers without a new line, so that they look at the engine again. */
  nudge(): void {
    this.#wake();
  }

  #start(options: LogOptions): number {
    const sinceMs = (options.sinceSeconds ?? 0) * 1000;
    const firstInTime = this.#lines.findIndex((line) => line.writtenAtMs >= sinceMs);
    const start = firstInTime < 0 ? this.#lines.length : firstInTime;
    if (options.tailLines === undefined) return start;
    const wanted = this.#lines.flatMap(({ stream }, index) =>
      options.stream === undefined || stream === options.stream ? [index] : [],
    );
    const tail = options.tailLines === 0 ? this.#lines.length : (wanted.at(-options.tailLines) ?? 0);
    return Math.max(start, tail);
  }

  #append(stream: LogChunk['stream'], data: Uint8Array): void {
    this.#lines.push({ stream, data: Uint8Array.from(data), writtenAtMs: this.#clock.now() });
    this.#bytes += data.length;
    while (this.#lines.length > MAX_LINES || this.#bytes > this.#mostBytes) {
      this.#bytes -= this.#lines.shift()?.data.length ?? 0;
      this.#forgotten += 1;
    }
  }

  #more(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter();
  }
}

function present(line: Line, options: LogOptions): LogChunk {
  if (options.timestamps !== true) return { stream: line.stream, data: line.data };
  const prefix = `${new Date(line.writtenAtMs).toISOString().slice(0, -1)}000000Z `;
  return { stream: line.stream, data: Buffer.concat([Buffer.from(prefix), line.data]) };
}
