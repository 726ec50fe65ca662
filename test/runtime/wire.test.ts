/** The engine's bare connection, against a peer that treats it badly. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EngineWire } from '../../runtime/docker/wire.ts';
import { eventually } from './expectations.ts';

describe('EngineWire', () => {
  let folder: string;
  let server: Server;
  let peer: PromiseWithResolvers<Socket>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gantry-wire-'));
    peer = Promise.withResolvers();
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      peer.resolve(socket);
    });
    await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  });
  afterEach(async () => {
    (await peer.promise).destroy();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  interface Seen {
    bytes: number;
    readonly ends: (Error | undefined)[];
    hasRoom: boolean;
  }

  async function open(hasRoom: boolean): Promise<{ wire: EngineWire; seen: Seen; engine: Socket }> {
    const socket = connect(join(folder, 'socket'));
    await new Promise((resolve) => socket.once('connect', resolve));
    const seen: Seen = { bytes: 0, ends: [], hasRoom };
    const wire = new EngineWire(socket, {
      data: (chunk) => {
        seen.bytes += chunk.length;
        return seen.hasRoom;
      },
      end: (error) => void seen.ends.push(error),
    });
    wire.start();
    return { wire, seen, engine: await peer.promise };
  }

  const ended = (seen: Seen): Promise<true> =>
    eventually(() => Promise.resolve(seen.ends.length > 0 || undefined), 'the end');

  it('sees all that was sent by an engine that then broke the connection off, with input unread', async () => {
    const { wire, seen, engine } = await open(false);
    engine.pause();
    let isWritten = false;
    const writing = wire.write(Buffer.alloc(8_000_000)).finally(() => {
      isWritten = true;
    });
    // More than the reader takes at once, and as much as the system keeps for it.
    const sent = 200_000;
    await new Promise((resolve) => engine.write(Buffer.alloc(sent), resolve));
    expect(seen.bytes).to.be.lessThan(sent);
    expect(isWritten).to.equal(false);
    engine.destroy();
    // The system tells of a connection that is gone by failing what is still to be written.
    await writing;
    expect(seen.ends).to.deep.equal([]);
    await wire.write(Buffer.from('dropped'));
    seen.hasRoom = true;
    wire.resume();
    await ended(seen);
    expect(seen.bytes).to.equal(sent);
    expect(seen.ends).to.have.length(1);
  });

  it('ends its input and goes on reading', async () => {
    const { wire, seen, engine } = await open(true);
    engine.on('data', () => undefined);
    const inputEnded = new Promise((resolve) => engine.once('end', resolve));
    void wire.write(Buffer.alloc(1_000_000));
    wire.endInput();
    wire.endInput();
    await inputEnded;
    expect(engine.bytesRead).to.equal(1_000_000);
    engine.end(Buffer.alloc(100_000));
    await ended(seen);
    expect(seen).to.include({ bytes: 100_000 });
    expect(seen.ends).to.deep.equal([undefined]);
  });

  it('stops reading when it is told to, and the other side waits', async () => {
    const { wire, seen, engine } = await open(false);
    let isTaken = false;
    engine.write(Buffer.alloc(8_000_000), () => {
      isTaken = true;
    });
    await eventually(() => Promise.resolve(seen.bytes > 0 || undefined), 'the first bytes');
    const first = seen.bytes;
    expect(first).to.be.at.most(65_536);
    wire.resume();
    await eventually(() => Promise.resolve(seen.bytes > first || undefined), 'some more');
    expect(seen.bytes).to.be.at.most(2 * 65_536);
    expect(isTaken).to.equal(false);
    seen.hasRoom = true;
    wire.resume();
    await eventually(() => Promise.resolve(seen.bytes === 8_000_000 || undefined), 'all of it');
    wire.close();
  });

  it('tells nothing after it was closed, and lets writers go', async () => {
    const { wire, seen, engine } = await open(true);
    engine.pause();
    const writing = wire.write(Buffer.alloc(8_000_000));
    const next = wire.write(Buffer.alloc(1));
    wire.close();
    wire.close();
    wire.resume();
    await Promise.all([writing, next]);
    await new Promise((resolve) => {
      engine.once('close', resolve);
      engine.resume();
      engine.end();
    });
    expect(seen).to.deep.equal({ bytes: 0, ends: [], hasRoom: true });
  });

  it('takes nothing but a socket', () => {
    expect(() => new EngineWire(undefined, { data: () => true, end: () => undefined })).to.throw(
      'expected the engine to hand its connection over',
    );
    peer.resolve(connect(join(folder, 'socket')));
  });
});
