/**
 * An answer that goes on: watch frames, followed logs, NDJSON. One way to begin it, to write with back-pressure, and to
 * end it properly, so that every stream is bounded the same way: at most one write past the socket's own buffer waits,
 * and a reader that takes nothing for a while is cut off.
 */
import { once } from 'node:events';
import type { Clock } from '../../../machinery/clock.ts';
import type { AppContext } from '../context.ts';
import { arrivalOf } from '../middleware/arrival.ts';

/** A reader that took nothing for this long is gone or hopeless. */
export const READER_STALL_MS = 30_000;

/** Some clients give up a stream on which nothing came for 30 s; an empty line is nothing to all of them. */
const HEARTBEAT_MS = 20_000;

export interface StreamOptions {
  readonly clock: Clock;
  /** Ends the stream after this long; undefined is never. */
  readonly timeoutMs?: number | undefined;
  readonly stallMs?: number;
}

export class ResponseStream {
  /** Aborts when the client left, the listener stops, the time is up, or the reader stalled. */
  readonly signal: AbortSignal;
  readonly #ctx: AppContext;
  readonly #clock: Clock;
  readonly #stallMs: number;
  readonly #ended = new AbortController();
  readonly #cleanups: (() => void)[] = [];
  #wroteSinceBeat = false;

  constructor(ctx: AppContext, options: StreamOptions) {
    this.#ctx = ctx;
    this.#clock = options.clock;
    this.#stallMs = options.stallMs ?? READER_STALL_MS;
    this.signal = this.#ended.signal;
    const end = (): void => this.#ended.abort();
    const { stopping } = arrivalOf(ctx.req);
    if (stopping.aborted) end();
    stopping.addEventListener('abort', end, { once: true });
    ctx.res.once('close', end);
    const timer = options.timeoutMs === undefined ? undefined : options.clock.after(options.timeoutMs, end);
    this.#cleanups.push(() => {
      stopping.removeEventListener('abort', end);
      ctx.res.off('close', end);
      timer?.cancel();
    });
  }

  /** Sends status 200 and the headers at once: the client learns that the stream has begun. */
  begin(contentType: string): void {
    const { res } = this.#ctx;
    this.#ctx.status = 200;
    this.#ctx.respond = false;
    res.statusCode = 200;
    res.setHeader('Content-Type', contentType);
    res.setHeader('Cache-Control', 'no-cache, private');
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.flushHeaders();
  }

  /** Writes an empty line whenever nothing was written for a while; for streams of lines. */
  keepAlive(): void {
    let timer = this.#clock.after(HEARTBEAT_MS, () => beat());
    const beat = (): void => {
      if (this.#isClosed()) return;
      if (!this.#wroteSinceBeat && !this.#ctx.res.writableNeedDrain) this.#ctx.res.write('\n');
      this.#wroteSinceBeat = false;
      timer = this.#clock.after(HEARTBEAT_MS, beat);
    };
    this.#cleanups.push(() => timer.cancel());
  }

  /** Resolves when there is room for more; false when the stream is over. */
  async write(bytes: Uint8Array | string): Promise<boolean> {
    const { res } = this.#ctx;
    if (this.#isClosed()) return false;
    this.#wroteSinceBeat = true;
    if (res.write(bytes)) return true;
    const stalled = new AbortController();
    const timer = this.#clock.after(this.#stallMs, () => stalled.abort());
    const signal = AbortSignal.any([stalled.signal, this.#ended.signal]);
    const isDrained = await once(res, 'drain', { signal }).then(
      () => true,
      () => false,
    );
    timer.cancel();
    if (isDrained) return true;
    if (stalled.signal.aborted) {
      this.#ended.abort();
      res.destroy();
    }
    return false;
  }

  /** Ends the answer with a proper last chunk: the client knows that it is complete. */
  end(): void {
    const { res } = this.#ctx;
    if (res.headersSent && !res.writableEnded && !res.destroyed) res.end();
    this.release();
  }

  /** Lets go of everything the stream holds, however it went; more than once does no harm. */
  release(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#ended.abort();
  }

  #isClosed(): boolean {
    return this.#ended.signal.aborted || this.#ctx.res.destroyed;
  }
}
