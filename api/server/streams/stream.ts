/**
 * An answer that goes on: watch frames, followed logs, NDJSON. One way to begin it, to write with back-pressure, and to
 * end it properly, so that every stream is bounded the same way: at most one write past the socket's own buffer waits,
 * and a reader that takes nothing for a while is cut off.
 */
import type { Clock } from '../../../machinery/clock.ts';
import type { AppContext } from '../context.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { cutShort } from '../sessions.ts';

/** A reader that took nothing for this long is gone or hopeless. */
export const READER_STALL_MS = 30_000;

/** Why a stream is over: its client left, its time is up, its client took nothing for too long, the listener stops. */
export type StreamEnd = 'client' | 'timeout' | 'stalled' | 'stopping';

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
  /** The connection, or on HTTP/2 the stream, is closed. */
  #isGone = false;
  #endedBy: StreamEnd | undefined;

  constructor(ctx: AppContext, options: StreamOptions) {
    this.#ctx = ctx;
    this.#clock = options.clock;
    this.#stallMs = options.stallMs ?? READER_STALL_MS;
    this.signal = this.#ended.signal;
    const stop = (): void => this.#endBy('stopping');
    const gone = (): void => {
      this.#isGone = true;
      this.#endBy('client');
    };
    const { stopping } = arrivalOf(ctx.req);
    if (stopping.aborted) stop();
    stopping.addEventListener('abort', stop);
    ctx.res.on('close', gone);
    const { timeoutMs } = options;
    const timer =
      timeoutMs === undefined ? undefined : options.clock.after(timeoutMs, () => this.#endBy('timeout'));
    this.#cleanups.push(() => {
      stopping.removeEventListener('abort', stop);
      ctx.res.off('close', gone);
      timer?.cancel();
    });
  }

  /** What ended it first; undefined while it goes on, or where what it told of came to its end. */
  get endedBy(): StreamEnd | undefined {
    return this.#endedBy;
  }

  #endBy(by: StreamEnd): void {
    this.#endedBy ??= by;
    this.#ended.abort();
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

  /** Writes an empty line, or what the form of the stream has instead, whenever nothing was written for a while. */
  keepAlive(nothing = '\n'): void {
    let timer = this.#clock.after(HEARTBEAT_MS, () => beat());
    const beat = (): void => {
      if (this.#isClosed()) return;
      if (!this.#wroteSinceBeat && this.#ctx.res.writableLength === 0) this.#ctx.res.write(nothing);
      this.#wroteSinceBeat = false;
      timer = this.#clock.after(HEARTBEAT_MS, beat);
    };
    this.#cleanups.push(() => timer.cancel());
  }

  /** Resolves when there is room for more; false when the stream is over. One write at a time. */
  async write(bytes: Uint8Array | string): Promise<boolean> {
    if (this.#isClosed()) return false;
    this.#wroteSinceBeat = true;
    return this.#ctx.res.write(bytes) || this.#drained();
  }

  /** False when the reader left, or took nothing for too long: then it is cut off. */
  #drained(): Promise<boolean> {
    const { res } = this.#ctx;
    return new Promise((resolve) => {
      const finish = (isDrained: boolean): void => {
        timer.cancel();
        res.off('drain', drained);
        this.signal.removeEventListener('abort', ended);
        resolve(isDrained);
      };
      const drained = (): void => finish(true);
      const ended = (): void => finish(false);
      const timer = this.#clock.after(this.#stallMs, () => {
        this.#isGone = true;
        this.#endBy('stalled');
        cutShort(res);
      });
      res.on('drain', drained);
      this.signal.addEventListener('abort', ended);
    });
  }

  /** Ends the answer with a proper last chunk: the client knows that it is complete. */
  end(): void {
    const { res } = this.#ctx;
    if (res.headersSent && !res.writableEnded && !this.#isGone) res.end();
    this.release();
  }

  /** Lets go of everything the stream holds, however it went; more than once does no harm. */
  release(): void {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#ended.abort();
  }

  #isClosed(): boolean {
    return this.#isGone || this.#ended.signal.aborted;
  }
}
