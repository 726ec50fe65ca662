/**
 * Channels over one WebSocket, as ordinary streams: a channel that is not read fast enough holds the client back, one
 * that is written faster than the client reads makes the writer wait. Malformed messages end the connection.
 */
import { type Duplex, Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Clock } from '../machinery/clock.ts';
import { type ChannelProtocol, readChannelMessage, writeChannelMessage } from './channels.ts';
import { report } from './settling.ts';
import { keepAlive, watchPeer } from './websocket.ts';

/** What may wait unread on one channel before the client is held back. */
const CHANNEL_BUFFER_BYTES = 64 * 1024;
/** Longer writes are cut: clients read message by message. */
const MAX_DATA_BYTES = 32 * 1024;
/** How long the client may take to answer our last word. */
const LINGER_MS = 5_000;

const CLOSE_NORMAL = 1000;
const CLOSE_PROTOCOL_ERROR = 1002;

export class ChannelSocket {
  readonly protocol: ChannelProtocol;
  /** Aborts when the connection is gone, whoever closed it. */
  readonly gone: AbortSignal;
  readonly #gone = new AbortController();
  readonly #webSocket: WebSocket;
  readonly #clock: Clock;
  readonly #readables = new Map<number, Readable>();
  /** Channels with more than they should hold. */
  readonly #full = new Set<number>();

  constructor(webSocket: WebSocket, socket: Duplex, protocol: ChannelProtocol, clock: Clock) {
    this.protocol = protocol;
    this.gone = this.#gone.signal;
    this.#webSocket = webSocket;
    this.#clock = clock;
    watchPeer(socket);
    keepAlive(webSocket, socket, clock);
    webSocket.on('message', (message: Buffer) => this.#receive(message));
    // The library closes the connection after an error; there is nothing else to do about a client's mistakes.
    webSocket.on('error', () => webSocket.terminate());
    // Not the WebSocket's own event: it does not come while reading is paused.
    socket.once('close', () => this.#end());
    webSocket.once('close', () => this.#end());
  }

  /** What the client sends on a channel; ends when the client ends it, fails when the client is gone before. */
  readable(channel: number): Readable {
    const makeRoom = (): void => {
      if (this.#full.delete(channel) && this.#full.size === 0) this.#webSocket.resume();
    };
    const readable = new Readable({
      highWaterMark: CHANNEL_BUFFER_BYTES,
      read: makeRoom,
      destroy: (error, done) => {
        this.#readables.delete(channel);
        makeRoom();
        done(error);
      },
    });
    // Whoever reads hears of it; a channel nobody reads any more may fail unheard.
    readable.on('error', () => undefined);
    this.#readables.set(channel, readable);
    return readable;
  }

  /** To the client; a write is done when the bytes are on their way. */
  writable(channel: number): Writable {
    const writable = new Writable({
      highWaterMark: MAX_DATA_BYTES,
      write: (chunk: Buffer, _encoding, done) => {
        void report(this.send(channel, chunk), done);
      },
    });
    writable.on('error', () => undefined);
    return writable;
  }

  /** Also an empty message is one. Rejects when the connection is gone. */
  async send(channel: number, data: Uint8Array): Promise<void> {
    let at = 0;
    do {
      const message = writeChannelMessage(this.protocol, channel, data.subarray(at, at + MAX_DATA_BYTES));
      at += MAX_DATA_BYTES;
      await new Promise<void>((resolve, reject) => {
        this.#webSocket.send(message, (error) => (error ? reject(error) : resolve()));
      });
    } while (at < data.length);
  }

  /** Says goodbye and waits, for a moment, for the client's; then it is gone. */
  async close(): Promise<void> {
    if (this.gone.aborted) return;
    // What still comes is dropped; but it has to be read, or the client's goodbye is not seen.
    for (const readable of this.#readables.values()) readable.destroy();
    this.#webSocket.resume();
    this.#webSocket.close(CLOSE_NORMAL);
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(LINGER_MS, () => this.#webSocket.terminate());
      this.gone.addEventListener('abort', () => {
        timer.cancel();
        resolve();
      });
    });
  }

  #receive(bytes: Buffer): void {
    const message = readChannelMessage(this.protocol, bytes);
    if (message.type === 'empty') return;
    if (message.type === 'malformed') {
      this.#webSocket.close(CLOSE_PROTOCOL_ERROR, message.problem);
      return;
    }
    // Channels that were not asked for are ignored, as Kubernetes does.
    const { channel } = message;
    const readable = this.#readables.get(channel);
    if (readable === undefined || readable.readableEnded) return;
    if (message.type === 'close') {
      this.#readables.delete(channel);
      readable.push(null);
    } else if (message.data.length > 0 && !readable.push(message.data)) {
      this.#full.add(channel);
      this.#webSocket.pause();
    }
  }

  #end(): void {
    if (this.gone.aborted) return;
    this.#gone.abort();
    for (const readable of this.#readables.values()) {
      readable.destroy(new Error('the client closed the connection'));
    }
  }
}
