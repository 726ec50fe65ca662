/** The promises of `Runtime` about connections into a container, and about what it uses. */
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { RuntimeError } from '../../machinery/errors.ts';
import { eventually, rejection } from './expectations.ts';
import { ECHO_PORT, type Promised, type Rig } from './rig.ts';

/** A program just started may not listen yet. */
function dial(rig: Rig, id: string): Promise<Duplex> {
  return eventually(
    () =>
      rig.runtime.dial(id, ECHO_PORT, rig.signal).catch((error: unknown) => {
        if (error instanceof RuntimeError && error.reason === 'Failed') return undefined;
        throw error;
      }),
    `a connection to port ${ECHO_PORT}`,
  );
}

/** What comes back until the other side's end, for all that is sent and the end of it. */
async function echoOf(connection: Duplex, data: Uint8Array): Promise<Buffer> {
  connection.end(data);
  const parts: Buffer[] = [];
  for await (const part of connection) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

export function promiseConnections(promise: Promised): void {
  for (const [title, networkMode] of [
    ['connects to a port, and each side ends on its own', 'bridge'],
    ['connects into a container that has loopback alone', 'none'],
  ] as const) {
    promise(title, async (rig) => {
      const id = await rig.run('echoes', { networkMode });
      const data = Buffer.alloc(1_000_000, Buffer.from([0, 255, 10, 13, 195, 7, 1]));
      expect((await echoOf(await dial(rig, id), data)).equals(data)).to.equal(true);
      // Several at once, each with its own answer.
      const connections = await Promise.all([dial(rig, id), dial(rig, id), dial(rig, id)]);
      const answers = await Promise.all(
        connections.map((connection, index) => echoOf(connection, Buffer.from(`connection ${index}`))),
      );
      expect(answers.map(String)).to.deep.equal(['connection 0', 'connection 1', 'connection 2']);
    });
  }

  promise('refuses a connection nobody takes, and says what was tried', async (rig) => {
    const id = await rig.run('waits', { networkMode: 'bridge' });
    const { message } = await rejection(rig.runtime.dial(id, ECHO_PORT, rig.signal), 'Failed');
    expect(message)
      .to.include(String(ECHO_PORT))
      .and.match(/refused/);
    await rejection(rig.runtime.dial('missing', ECHO_PORT, rig.signal), 'NotFound');
    const created = await rig.create('waits');
    await rejection(rig.runtime.dial(created, ECHO_PORT, rig.signal), 'Conflict');
    await rejection(rig.runtime.dial(id, ECHO_PORT, AbortSignal.abort()), 'Unavailable');
  });

  promise('ends a connection with its container', async (rig) => {
    const id = await rig.run('echoes');
    const connection = await dial(rig, id);
    const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
    connection.resume();
    connection.on('end', () => connection.end());
    await rig.fixture.byHand.kill(id);
    await closed;
  });

  promise('tells what a container uses while it runs', async (rig) => {
    const id = await rig.run('burns');
    const first = await eventually(() => rig.runtime.stats(id, rig.signal), 'a reading');
    const second = await eventually(async () => {
      const stats = await rig.runtime.stats(id, rig.signal);
      return stats !== undefined && stats.cpuNanoseconds > first.cpuNanoseconds + 50_000_000n
        ? stats
        : undefined;
    }, 'another 50 ms of a core');
    expect(second.atMs).to.be.greaterThan(first.atMs);
    expect(second.memoryBytes).to.be.within(1, 100_000_000);
    await rig.runtime.stop(id, { gracePeriodMs: 0 }, rig.signal);
    expect(await rig.runtime.stats(id, rig.signal)).to.equal(undefined);
    expect(await rig.runtime.stats('missing', rig.signal)).to.equal(undefined);
  });

  promise(
    'tells all that is counted of many containers at once, and nothing of those that do not run',
    async (rig) => {
      const burning = await rig.run('burns');
      const waiting = await rig.run('waits');
      const ids = [burning, waiting, 'f00d'.repeat(16)];
      const found = await eventually(async () => {
        const figures = await rig.runtime.figures(ids, rig.signal);
        return (figures.get(burning)?.cpuSeconds ?? 0) > 0.05 ? figures : undefined;
      }, '50 ms of a core');
      expect([...found.keys()].sort()).to.deep.equal([burning, waiting].sort());
      const figures = found.get(burning);
      expect(figures?.memoryWorkingSetBytes).to.be.within(1, 100_000_000);
      expect(figures?.memoryLimitBytes).to.equal(0);
      expect(Date.parse(figures?.startedAt ?? '')).to.be.at.most(figures?.atMs ?? 0);
      await rig.runtime.stop(burning, { gracePeriodMs: 0 }, rig.signal);
      expect([...(await rig.runtime.figures(ids, rig.signal)).keys()]).to.deep.equal([waiting]);
      expect((await rig.runtime.figures([], rig.signal)).size).to.equal(0);
    },
  );
}
