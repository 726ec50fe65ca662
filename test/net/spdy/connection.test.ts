/** The SPDY server against a client made of bare frames: streams, windows, back-pressure, bounds, and the end. */
import { once } from 'node:events';
import { type Duplex, duplexPair } from 'node:stream';
import { constants, createDeflate } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { SpdyConnection } from '../../../net/spdy/connection.ts';
import { HEADER_DICTIONARY } from '../../../net/spdy/dictionary.ts';
import {
  dataHeader,
  FrameReader,
  goAway,
  ping,
  rstStream,
  type SpdyFrame,
  settings,
  synReply,
  synStream,
  windowUpdate,
} from '../../../net/spdy/frames.ts';
import type { SpdyStream } from '../../../net/spdy/stream.ts';

class Client {
  readonly frames: SpdyFrame[] = [];
  readonly socket: Duplex;
  /** The server said that nothing more comes. */
  readonly hungUp: Promise<void>;
  readonly #deflate = createDeflate({ dictionary: HEADER_DICTIONARY });
  #arrived = Promise.withResolvers<void>();

  constructor(socket: Duplex) {
    this.socket = socket;
    const reader = new FrameReader();
    socket.on('data', (chunk: Buffer) => {
      this.frames.push(...reader.read(chunk));
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    socket.on('error', () => undefined);
    this.hungUp = new Promise((resolve) => socket.once('end', resolve));
  }

  send(...frames: readonly Buffer[]): void {
    for (const frame of frames) this.socket.write(frame);
  }

  async open(id: number, type = 'data', isFin = false): Promise<void> {
    const text = Buffer.concat([
      Buffer.from([0, 0, 0, 1, 0, 0, 0, 10]),
      Buffer.from('streamtype'),
      Buffer.from([0, 0, 0, type.length]),
      Buffer.from(type),
    ]);
    const pieces: Buffer[] = [];
    this.#deflate.on('data', (piece: Buffer) => pieces.push(piece));
    this.#deflate.write(text);
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    this.#deflate.removeAllListeners('data');
    this.send(synStream(id, Buffer.concat(pieces), isFin));
  }

  data(id: number, text: string | Buffer, isFin = false): void {
    const bytes = Buffer.from(text);
    this.send(Buffer.concat([dataHeader(id, bytes.length, isFin), bytes]));
  }

  async until(what: string, isThere: (frames: readonly SpdyFrame[]) => boolean): Promise<void> {
    const end = Date.now() + 5_000;
    while (!isThere(this.frames)) {
      const left = end - Date.now();
      if (left <= 0) throw new Error(`waited in vain for ${what}: ${JSON.stringify(this.frames)}`);
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, left);
      await Promise.race([this.#arrived.promise, timeout.promise]);
      clearTimeout(timer);
    }
  }

  has(type: SpdyFrame['type'], streamId?: number): Promise<void> {
    return this.until(`${type} ${streamId ?? ''}`, (frames) =>
      frames.some(
        (frame) =>
          frame.type === type &&
          (streamId === undefined || ('streamId' in frame && frame.streamId === streamId)),
      ),
    );
  }

  received(id: number): number {
    return this.frames.reduce(
      (sum, frame) => sum + (frame.type === 'data' && frame.streamId === id ? frame.data.length : 0),
      0,
    );
  }
}

/** Resolves when it is over, however it came to that. */
function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (stream.closed) resolve();
    stream.once('close', resolve);
  });
}

describe('a SPDY connection', () => {
  let clock: FakeClock;
  let client: Client;
  let server: Duplex;
  let connection: SpdyConnection;
  let streams: SpdyStream[];

  function connect(maxStreams?: number): void {
    clock = new FakeClock();
    const [ours, theirs] = duplexPair();
    server = ours;
    streams = [];
    connection = new SpdyConnection(ours, {
      clock,
      ...(maxStreams === undefined ? {} : { maxStreams }),
      onStream(stream) {
        if (stream.headers.get('streamtype') === 'bad') return 'not this one';
        streams.push(stream);
        return undefined;
      },
    });
    client = new Client(theirs);
  }
  async function opened(id: number): Promise<SpdyStream> {
    await client.open(id);
    await client.has('syn-reply', id);
    const found = streams.find((stream) => stream.id === id);
    if (found === undefined) throw new Error(`stream ${id} did not open`);
    return found;
  }
  const ended = async (): Promise<Error> => {
    if (!connection.ended.aborted) await once(connection.ended, 'abort');
    return connection.ended.reason as Error;
  };

  beforeEach(() => connect());
  afterEach(() => {
    server.destroy();
    client.socket.destroy();
  });

  it('carries both directions of a stream, each ended by itself', async () => {
    const stream = await opened(1);
    client.data(1, 'ping', true);
    expect(Buffer.concat(await stream.toArray()).toString()).to.equal('ping');
    stream.end('pong');
    await client.until('the end', (frames) => frames.some((frame) => frame.type === 'data' && frame.isFin));
    expect(client.received(1)).to.equal(4);
  });

  it('keeps streams apart', async () => {
    const [first, second] = [await opened(1), await opened(3)];
    client.data(3, 'b');
    client.data(1, 'a', true);
    client.data(3, 'b', true);
    expect(String(await first.toArray())).to.equal('a');
    expect(Buffer.concat(await second.toArray()).toString()).to.equal('bb');
  });

  it('answers pings, and not the answers to its own', async () => {
    client.send(ping(7), ping(2), ping(9));
    await client.until('two answers', (frames) => frames.length === 2);
    expect(client.frames).to.deep.equal([
      { type: 'ping', id: 7 },
      { type: 'ping', id: 9 },
    ]);
  });

  it('refuses a stream that is not wanted, and goes on', async () => {
    await client.open(1, 'bad');
    await client.has('rst-stream', 1);
    expect(client.frames.at(-1)).to.deep.include({ status: 3 });
    await opened(3);
  });

  it('refuses more streams than it may have, until one is over', async () => {
    connect(1);
    const first = await opened(1);
    await client.open(3);
    await client.has('rst-stream', 3);
    first.destroy();
    await client.has('rst-stream', 1);
    await opened(5);
  });

  it('holds back a client whose stream nobody reads, and takes it all in the end', async () => {
    const stream = await opened(1);
    const total = 4 * 1024 * 1024;
    for (let sent = 0; sent < total; sent += 64 * 1024) client.data(1, Buffer.alloc(64 * 1024, 1));
    client.send(dataHeader(1, 0, true));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(stream.readableLength).to.be.at.most(192 * 1024);
    expect(client.socket.writableLength).to.be.greaterThan(total / 2);
    let read = 0;
    for await (const chunk of stream) read += (chunk as Buffer).length;
    expect(read).to.equal(total);
  });

  it('credits what was consumed, for the stream and for the connection', async () => {
    const stream = await opened(1);
    stream.resume();
    client.data(1, Buffer.alloc(40_000));
    await client.has('window-update', 1);
    await client.has('window-update', 0);
    expect(client.frames.find((frame) => frame.type === 'window-update')).to.deep.include({ delta: 40_000 });
  });

  it('keeps the windows of a client that has them', async () => {
    client.send(settings(1000));
    const stream = await opened(1);
    stream.write(Buffer.alloc(5000));
    await client.until('the window is used', () => client.received(1) === 1000);
    client.send(ping(1));
    await client.has('ping');
    expect(client.received(1)).to.equal(1000);
    client.send(windowUpdate(1, 1500));
    await client.until('more came', () => client.received(1) === 2500);
    client.send(settings(3000));
    await client.until('the rest came', () => client.received(1) === 4500);
    client.send(windowUpdate(1, 500));
    await client.until('all came', () => client.received(1) === 5000);
  });

  it('sends without asking to a client that knows no windows', async () => {
    const stream = await opened(1);
    stream.write(Buffer.alloc(1_000_000));
    await client.until('all came', () => client.received(1) === 1_000_000);
  });

  it('drops what comes for a stream that is over', async () => {
    const stream = await opened(1);
    stream.destroy();
    await client.has('rst-stream', 1);
    client.data(1, 'late');
    client.send(ping(1));
    await client.has('ping');
    expect(connection.ended.aborted).to.equal(false);
  });

  it('tells a stream of its reset, and no other', async () => {
    const [first, second] = [await opened(1), await opened(3)];
    client.send(rstStream(1, 5));
    await closed(first);
    expect([first.destroyed, second.destroyed]).to.deep.equal([true, false]);
  });

  it('resets a stream whose window grows beyond all bounds', async () => {
    await opened(1);
    client.send(windowUpdate(1, 0x7fffffff));
    await client.has('rst-stream', 1);
    expect(connection.ended.aborted).to.equal(false);
  });

  const faults: readonly (readonly [what: string, frames: readonly Buffer[]])[] = [
    ['data of a stream that never was', [dataHeader(9, 0, true)]],
    ['an answer to a stream nobody opened', [synReply(2, Buffer.alloc(0))]],
    ['headers that are no zlib', [synStream(1, Buffer.from('garbage'), false)]],
    ['an even stream', [synStream(2, Buffer.alloc(0), false)]],
    ['a window of the connection without bounds', [windowUpdate(0, 0x7fffffff)]],
    ['no SPDY at all', [Buffer.from('\x80\x0fGET / HTTP/1.1\r\n\r\n', 'latin1')]],
  ];
  for (const [what, frames] of faults) {
    it(`ends with a GOAWAY on ${what}`, async () => {
      client.send(...frames);
      await ended();
      await client.has('goaway');
      expect(client.frames.at(-1)).to.deep.include({ type: 'goaway', status: 1 });
    });
  }

  it('ends when a stream goes on after its end', async () => {
    await opened(1);
    client.data(1, '', true);
    client.data(1, 'more');
    expect((await ended()).message).to.match(/after its end/);
  });

  it('survives any bytes: the worst is its own end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 8, maxLength: 300 }),
        fc.boolean(),
        async (bytes, isControl) => {
          connect();
          const noise = Buffer.from(bytes);
          if (isControl) {
            noise.set([0x80, 3, 0, 1 + ((noise[3] ?? 0) % 9)]);
            noise.set([0, 0], 5);
          }
          client.send(noise);
          client.socket.end();
          expect(await ended()).to.be.instanceOf(Error);
        },
      ),
    );
  });

  it('takes no new streams after the client said goodbye, and serves those it has', async () => {
    const stream = await opened(1);
    client.send(goAway(0, 0));
    await client.open(3);
    await client.has('rst-stream', 3);
    stream.end('rest');
    await client.until('the rest', () => client.received(1) === 4);
  });

  it('says goodbye, hangs up and leaves nothing', async () => {
    const stream = await opened(1);
    connection.close();
    await client.has('goaway');
    await client.hungUp;
    expect(stream.destroyed).to.equal(true);
    client.socket.end();
    await closed(server);
  });

  it('does not wait for ever for the client to hang up', async () => {
    connection.close();
    await client.hungUp;
    clock.advance(5_000);
    expect(server.destroyed).to.equal(true);
  });

  it('asks a silent client, and gives it up when it never answers', async () => {
    clock.advance(20_000);
    await client.has('ping');
    for (let asked = 0; asked < 15; asked++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(20_000);
    }
    expect((await ended()).message).to.match(/nothing came from the client for 300 s/);
    expect(server.destroyed).to.equal(true);
  });

  it('does not count the silence of a client that it holds back', async () => {
    await opened(1);
    for (let sent = 0; sent < 4; sent++) client.data(1, Buffer.alloc(64 * 1024));
    await new Promise((resolve) => setImmediate(resolve));
    for (let asked = 0; asked < 40; asked++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(20_000);
    }
    expect(connection.ended.aborted).to.equal(false);
  });

  it('cuts off a client that asks and never takes an answer', async () => {
    client.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 5_000 }, (_, index) => ping(index * 2 + 1)));
    for (let sent = 0; sent < 20 && !connection.ended.aborted; sent++) {
      client.send(flood);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await ended()).message).to.match(/takes no answers/);
  });

  it('ends its streams when the client is gone', async () => {
    const stream = await opened(1);
    client.socket.destroy();
    await closed(stream);
    expect(connection.ended.aborted).to.equal(true);
  });
});
