/**
 * One stream of a SPDY connection, as an ordinary duplex: reading too slowly holds the peer back, writing waits for
 * room, ending one direction leaves the other open, destroying resets it.
 */
import { Duplex } from 'node:stream';
import { report } from '../settling.ts';
import type { SpdyHeaders } from './headers.ts';

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Resolves when the bytes are on their way; rejects when the stream or the connection is over. */
  sendData(stream: SpdyStream, data: Buffer): Promise<void>;
  sendFin(stream: SpdyStream): Promise<void>;
  /** There is room for more of what the peer sends on it. */
  onRoom(stream: SpdyStream): void;
  onDestroyed(stream: SpdyStream): void;
}

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** True once the peer has said that it sends no more. */
  hasPeerEnded = false;
  /** True once we have said it. */
  hasEnded = false;
  /** How much more the peer takes; only counted down for peers that know windows. */
  sendWindow: number;
  /** Consumed, and not yet told to the peer. */
  uncreditedBytes = 0;
  readonly #host: StreamHost;

  /** @param bufferBytes how much may wait unread before the connection is held back. */
  constructor(
    host: StreamHost,
    id: number,
    headers: SpdyHeaders,
    options: { readonly bufferBytes: number; readonly sendWindow: number },
  ) {
    super({ readableHighWaterMark: options.bufferBytes });
    this.#host = host;
    this.id = id;
    this.headers = headers;
    this.sendWindow = options.sendWindow;
    // A reset is no surprise; whoever uses the stream hears of it by its own listener.
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#host.onRoom(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    void report(this.#host.sendData(this, chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    void report(this.#host.sendFin(this), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#host.onDestroyed(this);
    done(error);
  }
}
