/**
 * The bare connection that the engine hands over for a process (exec, attach): bytes in, bytes out, each side with an
 * end of its own.
 *
 * Promises that everything the engine sent is seen before the connection's end or error, and never to hold more than
 * the reader asked for.
 *
 * Why not the socket's own stream: a process may end without having read its input. The engine then closes a connection
 * on which input is still waiting, the system reports that as a broken pipe or a reset, and a socket of Node drops
 * what it has read and not yet handed on, and what it has not yet read: the last words of the process. So the socket's
 * stream is bypassed at the two places that are made for it, `push` (what was read) and `_write` (what shall be
 * written): what was read is handed on at once, and a failed write only means that nobody reads any more.
 */
import { Socket } from 'node:net';
import { RuntimeError } from '../../machinery/errors.ts';

export interface WireEvents {
  /** False stops reading until `resume`. */
  data(chunk: Uint8Array): boolean;
  /** Once, after all data; an error when the connection broke. */
  end(error?: Error): void;
}

export class EngineWire {
  readonly #socket: Socket;
  readonly #events: WireEvents;
  #isPaused = false;
  #hasEnded = false;
  #isInputGone = false;
  #lastWrite: Promise<void> = Promise.resolve();

  /** Throws `Failed` for what is not a socket. Nothing comes before `start`. */
  constructor(stream: unknown, events: WireEvents) {
    if (!(stream instanceof Socket)) {
      throw new RuntimeError('Failed', 'expected the engine to hand its connection over, it did not');
    }
    this.#socket = stream;
    this.#events = events;
    this.#bypassStream();
    stream.on('error', (error: Error) => this.#end(error));
    stream.on('close', () => this.#end(new Error('the engine closed the connection')));
  }

  /** In the turn of the constructor. */
  start(): void {
    // What came with the answer's head was put back into the stream.
    const head: unknown = this.#socket.read();
    if (head instanceof Buffer) this.#take(head);
    if (!this.#isPaused) this.resume();
  }

  /** Resolves when the system has taken the bytes, or when nobody reads them any more. */
  write(data: Uint8Array): Promise<void> {
    // One at a time, so that the bytes wait at their source and not here.
    const written = this.#lastWrite.then(() => this.#write(data));
    this.#lastWrite = written;
    return written;
  }

  /** After what was written before. */
  endInput(): void {
    void this.#endAfterLastWrite();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#hasEnded && !this.#socket.destroyed) this.#socket._read(0);
  }

  /** Breaks the connection off, at any time. No event comes after it. */
  close(): void {
    this.#hasEnded = true;
    this.#isInputGone = true;
    this.#socket.destroy();
  }

  #bypassStream(): void {
    const socket = this.#socket;
    const write = socket._write.bind(socket);
    socket.push = (chunk: unknown) => {
      if (chunk === null) this.#end();
      else if (chunk instanceof Buffer) this.#take(chunk);
      return !this.#isPaused && !this.#hasEnded;
    };
    socket._write = (chunk, encoding, callback) =>
      write(chunk, encoding, (error) => {
        if (error !== undefined && error !== null) this.#isInputGone = true;
        callback();
      });
  }

  #take(chunk: Buffer): void {
    if (!this.#hasEnded && !this.#events.data(chunk)) this.#isPaused = true;
  }

  #end(error?: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isInputGone = true;
    this.#events.end(error);
    this.#socket.destroy();
  }

  async #endAfterLastWrite(): Promise<void> {
    await this.#lastWrite;
    if (!this.#isInputGone && !this.#socket.destroyed) this.#socket.end();
    this.#isInputGone = true;
  }

  #write(data: Uint8Array): Promise<void> {
    if (this.#isInputGone || data.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#socket.write(data, () => resolve());
    });
  }
}
