/**
 * The server's end of a SPDY/3.1 connection: the client opens streams, both sides write on them.
 *
 * Promises: whatever the client sends, the worst that happens is that this connection ends; memory is bounded (streams,
 * headers, what waits unread on a stream, answers the client does not take); a stream nobody reads holds the client
 * back instead of filling memory.
 *
 * Flow control: what is consumed is credited to the client (WINDOW_UPDATE), as the protocol wants. Kubernetes' clients
 * know no windows: they send without asking and never grant any. So a stream that is not read fast enough stops the
 * reading of the whole connection, and the client's own windows are kept from the first word it says about them.
 * Source: SPDY protocol, draft 3.1; the behaviour of moby/spdystream, which kubectl uses.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import {
  dataHeader,
  FrameReader,
  GOAWAY_STATUS,
  goAway,
  INITIAL_WINDOW_BYTES,
  MAX_WINDOW_BYTES,
  ping,
  RST_STATUS,
  rstStream,
  SpdyError,
  type SpdyFrame,
  synReply,
  windowUpdate,
} from './frames.ts';
import { HeaderReader, HeaderWriter, type SpdyHeaders } from './headers.ts';
import { SpdyStream, type StreamHost } from './stream.ts';

export interface SpdyOptions {
  readonly clock: Clock;
  /** Says what speaks against a stream the client opens (it is refused then), or takes it and gives undefined. */
  readonly onStream: (stream: SpdyStream) => string | undefined;
  readonly maxStreams?: number;
}

/** Two for each forwarded connection. */
const MAX_STREAMS = 1024;
/** Waiting unread on one stream. */
const STREAM_BUFFER_BYTES = INITIAL_WINDOW_BYTES;
/** Long writes are cut, so that streams take turns. */
const MAX_DATA_BYTES = 32 * 1024;
/** Credit is told when it is worth a frame. */
const CREDIT_BYTES = INITIAL_WINDOW_BYTES / 2;
/** Answers (to pings, to streams) that the client has not taken. */
const MAX_UNSENT_ANSWERS = 4096;
const PING_MS = 20_000;
/** A client from which nothing came for so long, although it was asked, is gone. */
const SILENCE_MS = 300_000;
/** How long the client may take to hang up after our last word. */
const LINGER_MS = 5_000;

export class SpdyConnection implements StreamHost {
  /** Aborts when the connection is over, however that came; its reason is an Error. */
  readonly ended: AbortSignal;
  readonly #ended = new AbortController();
  readonly #socket: Duplex;
  readonly #options: SpdyOptions;
  readonly #headerReader = new HeaderReader();
  readonly #headerWriter = new HeaderWriter();
  readonly #streams = new Map<number, SpdyStream>();
  #lastStreamId = 0;
  #isGoingAway = false;
  /** Resumes the reading of frames that a full stream holds up. */
  #onRoom: (() => void) | undefined;
  #unsentAnswers = 0;
  #lastPingId = 0;
  #pinging: Timer | undefined;
  #heardMs: number;
  #peerHasWindows = false;
  #peerInitialWindow = INITIAL_WINDOW_BYTES;
  #sessionWindow = INITIAL_WINDOW_BYTES;
  #uncreditedBytes = 0;
  /** Writers that wait for a window. */
  readonly #waiting = new Set<() => void>();

  /** @param socket already past the HTTP answer, with nothing of it read ahead. */
  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket;
    this.#options = options;
    this.ended = this.#ended.signal;
    this.#heardMs = options.clock.monotonicMs();
    socket.on('error', (error) => this.#end(error));
    socket.once('close', () => this.#end(new SpdyError('the client closed the connection')));
    void this.#readFrames();
    this.#schedulePing();
  }

  /** Says that nothing more comes and hangs up once everything is sent. Streams are reset: end them before. */
  close(): void {
    if (this.ended.aborted) return;
    this.#answer(goAway(this.#lastStreamId, GOAWAY_STATUS.OK));
    this.#end(new SpdyError('the server closed the connection'));
  }

  async sendData(stream: SpdyStream, data: Buffer): Promise<void> {
    for (let at = 0; at < data.length; ) {
      const room = await this.#room(stream);
      const piece = data.subarray(at, at + Math.min(MAX_DATA_BYTES, room));
      at += piece.length;
      stream.sendWindow -= piece.length;
      this.#sessionWindow -= piece.length;
      await this.#send([dataHeader(stream.id, piece.length, false), piece]);
    }
  }

  async sendFin(stream: SpdyStream): Promise<void> {
    if (stream.hasEnded) return;
    stream.hasEnded = true;
    await this.#send([dataHeader(stream.id, 0, true)]);
  }

  onRoom(stream: SpdyStream): void {
    this.#onRoom?.();
    this.#credit(stream);
  }

  onDestroyed(stream: SpdyStream): void {
    this.#streams.delete(stream.id);
    const isWhole = stream.hasEnded && stream.hasPeerEnded;
    if (!isWhole && !this.ended.aborted) this.#answer(rstStream(stream.id, RST_STATUS.CANCEL));
    this.#onRoom?.();
    this.#wakeWriters();
  }

  async #readFrames(): Promise<void> {
    const reader = new FrameReader();
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
        this.#heardMs = this.#options.clock.monotonicMs();
        // After our last word everything is read, so that the client's next byte does not reset what it has not read.
        if (this.ended.aborted) continue;
        for (const frame of reader.read(chunk)) {
          await this.#handle(frame);
          if (this.ended.aborted) break;
        }
      }
      this.#end(new SpdyError('the client closed the connection'));
    } catch (error) {
      if (error instanceof SpdyError && !this.ended.aborted) {
        this.#answer(goAway(this.#lastStreamId, GOAWAY_STATUS.PROTOCOL_ERROR));
      }
      this.#end(error instanceof Error ? error : new SpdyError(messageOf(error)));
      this.#socket.resume();
    }
  }

  async #handle(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case 'data':
        return this.#receive(frame.streamId, frame.data, frame.isFin);
      case 'syn-stream':
        return this.#open(frame, await this.#headerReader.read(frame.headerBlock));
      case 'headers':
        // Read for the compressor's sake: every block changes how the next one is read.
        await this.#headerReader.read(frame.headerBlock);
        if (frame.isFin) await this.#receive(frame.streamId, Buffer.alloc(0), true);
        return;
      case 'syn-reply':
        throw new SpdyError(`found a reply to stream ${frame.streamId}, which nobody opened`);
      case 'rst-stream':
        this.#reset(frame.streamId);
        return;
      case 'settings':
        if (frame.initialWindow !== undefined) this.#resizeWindows(frame.initialWindow);
        return;
      case 'ping':
        // Odd ones are the client's question, even ones its answer to ours.
        if (frame.id % 2 === 1) this.#answer(ping(frame.id));
        return;
      case 'goaway':
        this.#isGoingAway = true;
        return;
      case 'window-update':
        this.#widen(frame.streamId, frame.delta);
        return;
    }
  }

  #open(frame: SpdyFrame & { readonly type: 'syn-stream' }, headers: SpdyHeaders): void {
    const { streamId, isFin, isUnidirectional } = frame;
    if (streamId % 2 !== 1 || streamId <= this.#lastStreamId) {
      throw new SpdyError(`found a new stream ${streamId}, wanted an odd one after ${this.#lastStreamId}`);
    }
    this.#lastStreamId = streamId;
    if (this.#isGoingAway || this.#streams.size >= (this.#options.maxStreams ?? MAX_STREAMS)) {
      this.#answer(rstStream(streamId, RST_STATUS.REFUSED_STREAM));
      return;
    }
    const stream = new SpdyStream(this, streamId, headers, {
      bufferBytes: STREAM_BUFFER_BYTES,
      sendWindow: this.#peerInitialWindow,
    });
    this.#streams.set(streamId, stream);
    if (this.#options.onStream(stream) !== undefined) {
      stream.hasEnded = true;
      stream.hasPeerEnded = true;
      stream.destroy();
      this.#answer(rstStream(streamId, RST_STATUS.REFUSED_STREAM));
      return;
    }
    this.#answer(synReply(streamId, this.#headerWriter.write(new Map())));
    if (isUnidirectional) {
      stream.hasEnded = true;
      stream.end();
    }
    if (isFin) this.#endOfPeer(stream);
  }

  async #receive(streamId: number, data: Buffer, isFin: boolean): Promise<void> {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) {
      // What was under way when a stream was reset is dropped; a stream that never was is an error.
      if (streamId > this.#lastStreamId || streamId % 2 === 0) {
        throw new SpdyError(`found data of stream ${streamId}, which nobody opened`);
      }
      this.#creditSession(data.length);
      return;
    }
    if (stream.hasPeerEnded) throw new SpdyError(`found data of stream ${streamId} after its end`);
    if (data.length > 0) {
      stream.uncreditedBytes += data.length;
      this.#uncreditedBytes += data.length;
      if (stream.push(data)) this.#credit(stream);
      else await this.#roomOn(stream);
    }
    if (isFin) this.#endOfPeer(stream);
  }

  /** Resolves when the stream has room again, or is no more, or the connection is over. */
  async #roomOn(stream: SpdyStream): Promise<void> {
    while (!this.ended.aborted && !stream.destroyed && stream.readableLength >= STREAM_BUFFER_BYTES) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
      this.#onRoom = undefined;
    }
  }

  #endOfPeer(stream: SpdyStream): void {
    stream.hasPeerEnded = true;
    stream.push(null);
  }

  #reset(streamId: number): void {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return;
    stream.hasPeerEnded = true;
    stream.hasEnded = true;
    stream.destroy(new SpdyError(`the client reset stream ${streamId}`));
  }

  #credit(stream: SpdyStream): void {
    if (stream.uncreditedBytes >= CREDIT_BYTES && !stream.hasPeerEnded) {
      this.#answer(windowUpdate(stream.id, stream.uncreditedBytes));
      stream.uncreditedBytes = 0;
    }
    this.#creditSession(0);
  }

  #creditSession(droppedBytes: number): void {
    this.#uncreditedBytes += droppedBytes;
    if (this.#uncreditedBytes < CREDIT_BYTES) return;
    this.#answer(windowUpdate(0, this.#uncreditedBytes));
    this.#uncreditedBytes = 0;
  }

  #resizeWindows(initialWindow: number): void {
    this.#peerHasWindows = true;
    const growth = initialWindow - this.#peerInitialWindow;
    this.#peerInitialWindow = initialWindow;
    for (const stream of this.#streams.values()) stream.sendWindow += growth;
    this.#wakeWriters();
  }

  #widen(streamId: number, delta: number): void {
    if (!this.#peerHasWindows) {
      // What went out before the client's first word about windows was not counted against it.
      this.#peerHasWindows = true;
      this.#sessionWindow = Math.max(this.#sessionWindow, 0);
      for (const stream of this.#streams.values()) stream.sendWindow = Math.max(stream.sendWindow, 0);
    }
    const stream = this.#streams.get(streamId);
    if (streamId === 0) this.#sessionWindow += delta;
    else if (stream !== undefined) stream.sendWindow += delta;
    if (this.#sessionWindow > MAX_WINDOW_BYTES) {
      throw new SpdyError(`found a window of the connection of more than ${MAX_WINDOW_BYTES} bytes`);
    }
    if (stream !== undefined && stream.sendWindow > MAX_WINDOW_BYTES) {
      this.#answer(rstStream(streamId, RST_STATUS.FLOW_CONTROL_ERROR));
      this.#reset(streamId);
    }
    this.#wakeWriters();
  }

  #wakeWriters(): void {
    for (const wake of this.#waiting) wake();
  }

  /** How many bytes may be sent now; waits until it is at least one. */
  async #room(stream: SpdyStream): Promise<number> {
    for (;;) {
      if (this.ended.aborted) throw this.ended.reason;
      if (stream.destroyed) throw new SpdyError(`stream ${stream.id} is closed`);
      if (!this.#peerHasWindows) return MAX_DATA_BYTES;
      const room = Math.min(stream.sendWindow, this.#sessionWindow);
      if (room > 0) return room;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  /** Resolves when the bytes have left this process. */
  #send(pieces: readonly Buffer[]): Promise<void> {
    if (this.ended.aborted) return Promise.reject(this.ended.reason);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.ended.removeEventListener('abort', fail);
        resolve();
      };
      const fail = (): void => reject(this.ended.reason);
      this.ended.addEventListener('abort', fail, { once: true });
      this.#socket.cork();
      for (const [index, piece] of pieces.entries()) {
        if (index < pieces.length - 1) this.#socket.write(piece);
        else this.#socket.write(piece, (error) => (error ? reject(error) : settle()));
      }
      this.#socket.uncork();
    });
  }

  /** Small frames nobody waits for; a client that makes many and takes none is cut off. */
  #answer(frame: Buffer): void {
    if (!this.#socket.writable) return;
    this.#unsentAnswers++;
    this.#socket.write(frame, () => {
      this.#unsentAnswers--;
    });
    if (this.#unsentAnswers > MAX_UNSENT_ANSWERS) {
      this.#end(new SpdyError(`the client takes no answers: ${MAX_UNSENT_ANSWERS} wait`));
      this.#socket.destroy();
    }
  }

  #schedulePing(): void {
    const { clock } = this.#options;
    this.#pinging = clock.after(PING_MS, () => {
      // While we hold the client back, or it has not taken what was sent, its silence means nothing.
      const isHeldUp = this.#onRoom !== undefined || this.#socket.writableLength > 0;
      if (isHeldUp) this.#heardMs = clock.monotonicMs();
      if (clock.monotonicMs() - this.#heardMs > SILENCE_MS) {
        this.#end(new SpdyError(`nothing came from the client for ${SILENCE_MS / 1000} s`));
        this.#socket.destroy();
        return;
      }
      this.#lastPingId = (this.#lastPingId + 2) % 0x40000000;
      this.#answer(ping(this.#lastPingId));
      this.#schedulePing();
    });
  }

  #end(reason: Error): void {
    if (this.ended.aborted) return;
    this.#ended.abort(reason);
    this.#pinging?.cancel();
    this.#headerReader.close();
    for (const stream of this.#streams.values()) stream.destroy(reason);
    this.#onRoom?.();
    this.#wakeWriters();
    if (this.#socket.destroyed) return;
    this.#socket.end();
    const timer = this.#options.clock.after(LINGER_MS, () => this.#socket.destroy());
    this.#socket.once('close', () => timer.cancel());
  }
}
