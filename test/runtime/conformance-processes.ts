/** The promises of `Runtime` about processes: started in a container (exec), and joined (attach). */
import { createHash } from 'node:crypto';
import { expect } from 'chai';
import type { LogChunk, ProcessOptions, ProcessSession } from '../../machinery/runtime.ts';
import { collect, eventually, joined, rejection } from './expectations.ts';
import { type CommandKind, FILL_BYTES, type Promised, type Rig } from './rig.ts';

const plain: ProcessOptions = { stdin: false, stdout: true, stderr: true, tty: false };
const withInput: ProcessOptions = { ...plain, stdin: true };
const terminal: ProcessOptions = { stdin: true, stdout: true, stderr: false, tty: true };

const textOf = (chunks: readonly LogChunk[]): string =>
  Buffer.concat(chunks.map(({ data }) => data)).toString('latin1');

function exec(
  rig: Rig,
  id: string,
  kind: CommandKind,
  options: ProcessOptions = plain,
  signal: AbortSignal = rig.signal,
): Promise<ProcessSession> {
  return rig.runtime.exec(id, rig.fixture.command(kind), options, signal);
}

/** An engine starts what was asked for also when nobody waits for it any more: none is none for a while. */
async function untilSleeping(rig: Rig, id: string, count: number): Promise<void> {
  let looks = 0;
  await eventually(async () => {
    looks = (await rig.fixture.sleeping(id)) === count ? looks + 1 : 0;
    return looks === 3 || undefined;
  }, `${count} processes that sleep in ${id}`);
}

export function promiseProcesses(promise: Promised): void {
  promise('starts a process: its streams apart, its exit code, one after the other', async (rig) => {
    const id = await rig.run('waits');
    const speaking = await exec(rig, id, 'speaks on both streams');
    const chunks = await collect(speaking.output);
    for (const stream of ['stdout', 'stderr'] as const) {
      const line = stream === 'stdout' ? 'out\n' : 'err\n';
      expect(textOf(chunks.filter((chunk) => chunk.stream === stream))).to.equal(line);
    }
    expect(await speaking.ended).to.deep.equal({ exitCode: 0 });
    const failing = await exec(rig, id, 'ends with 7');
    expect(await collect(failing.output)).to.deep.equal([]);
    expect(await failing.ended).to.deep.equal({ exitCode: 7 });
  });

  promise('gives only the streams that were asked for', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'speaks on both streams', { ...plain, stdout: false });
    expect(joined(await collect(session.output))).to.deep.equal(
      joined([{ stream: 'stderr', data: Buffer.from('err\n') }]),
    );
  });

  promise('takes input of any bytes and its end, and goes on telling what comes after', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'copies its input', withInput);
    const sent = createHash('sha256');
    const feed = async (): Promise<void> => {
      for (let piece = 0; piece < 64; piece++) {
        const data = Buffer.alloc(65_537, piece * 3);
        sent.update(data);
        await session.write(data);
      }
      session.endInput();
    };
    const received = createHash('sha256');
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const { stream, data } of session.output) {
        expect(stream).to.equal('stdout');
        bytes += data.length;
        received.update(data);
      }
    };
    await Promise.all([feed(), read()]);
    expect(bytes).to.equal(64 * 65_537);
    expect(received.digest('hex')).to.equal(sent.digest('hex'));
    expect(await session.ended).to.deep.equal({ exitCode: 0 });
    // Nobody reads it any more: dropped, as by a pipe.
    await session.write(Buffer.from('late'));
    session.endInput();
  });

  promise('ends the input of a process that is given none', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'copies its input');
    await session.write(Buffer.from('dropped'));
    expect(await collect(session.output)).to.deep.equal([]);
    expect(await session.ended).to.deep.equal({ exitCode: 0 });
  });

  promise(
    'loses no output of a process that ends without reading its input, however slow its reader',
    async (rig) => {
      const id = await rig.run('waits');
      const session = await exec(rig, id, 'fills and ends with 3', withInput);
      const reading = new AbortController();
      const feed = async (): Promise<void> => {
        const data = Buffer.alloc(65_536);
        while (!reading.signal.aborted) {
          await session.write(data);
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const feeding = feed();
      // As much as fits between the process and us, so that it can end before the first byte is read.
      await new Promise((resolve) => setTimeout(resolve, 500));
      let bytes = 0;
      for await (const { data } of session.output) bytes += data.length;
      expect(bytes).to.equal(FILL_BYTES);
      expect(await session.ended).to.deep.equal({ exitCode: 3 });
      reading.abort();
      await feeding;
    },
  );

  promise('makes a writer wait while the process does not read', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'sleeps for an hour', withInput);
    let written = 0;
    const waiting = new AbortController();
    const feed = async (): Promise<void> => {
      for (; written < 64 * 1024 * 1024 && !waiting.signal.aborted; written += 65_536)
        await session.write(Buffer.alloc(65_536));
    };
    const feeding = feed();
    let last = -1;
    await eventually(async () => {
      const before = last;
      last = written;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return written > 0 && written === before ? true : undefined;
    }, 'the writer to wait');
    expect(written).to.be.lessThan(16 * 1024 * 1024);
    waiting.abort();
    session.close();
    await feeding;
  });

  promise('gives a process a terminal and its sizes', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'tells the size of its terminal', terminal);
    let seen = '';
    const reading = (async () => {
      for await (const { stream, data } of session.output) {
        expect(stream).to.equal('stdout');
        seen += Buffer.from(data).toString();
      }
    })();
    for (const [rows, columns] of [
      [33, 91],
      [50, 200],
    ] as const) {
      await session.resize({ rows, columns });
      await session.write(Buffer.from('\n'));
      await eventually(
        () => Promise.resolve(seen.includes(`${rows} ${columns}\r\n`) ? true : undefined),
        `the size ${rows} ${columns}`,
      );
    }
    // No terminal has no columns: clients that do not know their size say zero.
    await session.resize({ rows: 0, columns: 0 });
    session.endInput();
    session.close();
    await reading;
    await session.resize({ rows: 1, columns: 1 });
  });

  promise('tells of a command that does not exist as a shell does', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'does not exist');
    const output = await collect(session.output);
    expect(output.map(({ stream }) => stream)).to.deep.equal(['stderr']);
    expect(textOf(output)).to.match(/nope/);
    expect(await session.ended).to.deep.equal({ exitCode: 127 });
    const quiet = await exec(rig, id, 'does not exist', { ...plain, stderr: false });
    expect(await collect(quiet.output)).to.deep.equal([]);
    expect(await quiet.ended).to.deep.equal({ exitCode: 127 });
    const typed = await exec(rig, id, 'does not exist', terminal);
    expect(textOf(await collect(typed.output))).to.match(/nope/);
    expect((await typed.ended).exitCode).to.be.oneOf([126, 127]);
  });

  promise('leaves a process running when its connection is let go', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'sleeps for an hour');
    await untilSleeping(rig, id, 1);
    session.close();
    expect(await session.ended).to.deep.equal({ exitCode: undefined });
    expect(await rig.fixture.sleeping(id)).to.equal(1);
    // Who has let go of it can still end it.
    await session.kill();
    await untilSleeping(rig, id, 0);
  });

  promise('kills a process with all it started, and nothing else', async (rig) => {
    const id = await rig.run('waits');
    const other = await exec(rig, id, 'sleeps for an hour');
    const session = await exec(rig, id, 'starts one that sleeps for an hour');
    await untilSleeping(rig, id, 2);
    await session.kill();
    expect(await session.ended).to.deep.equal({ exitCode: 137 });
    await untilSleeping(rig, id, 1);
    await session.kill();
    const over = await exec(rig, id, 'ends with 7');
    expect(await over.ended).to.deep.equal({ exitCode: 7 });
    await over.kill();
    expect(await over.ended).to.deep.equal({ exitCode: 7 });
    await other.kill();
    expect((await rig.look(id)).state).to.equal('running');
  });

  promise('kills nothing that was only joined', async (rig) => {
    const id = await rig.run('ticks');
    const session = await rig.runtime.attach(id, plain, rig.signal);
    await session.kill();
    for await (const { data } of session.output) {
      expect(data.length).to.be.greaterThan(0);
      break;
    }
    expect((await rig.look(id)).state).to.equal('running');
    session.close();
  });

  promise('ends a process with the signal it was started under, at any time', async (rig) => {
    const id = await rig.run('waits');
    const leaving = new AbortController();
    const session = await exec(rig, id, 'sleeps for an hour', plain, leaving.signal);
    await untilSleeping(rig, id, 1);
    leaving.abort();
    expect(await session.ended).to.deep.equal({ exitCode: undefined });
    await untilSleeping(rig, id, 0);
    for (let delayMs = 0; delayMs < 100; delayMs += 10) {
      const starting = new AbortController();
      const call = exec(rig, id, 'sleeps for an hour', plain, starting.signal);
      setTimeout(() => starting.abort(), delayMs);
      await call.then(
        async (begun) => void (await begun.ended),
        (error: unknown) => expect(error).to.have.property('reason', 'Unavailable'),
      );
    }
    await untilSleeping(rig, id, 0);
  });

  promise('refuses a process in a container that is not there, not started, paused or ended', async (rig) => {
    await rejection(exec(rig, 'missing', 'copies its input'), 'NotFound');
    await rejection(rig.runtime.attach('missing', plain, rig.signal), 'NotFound');
    const created = await rig.create('waits');
    await rejection(exec(rig, created, 'copies its input'), 'Conflict');
    await rejection(rig.runtime.attach(created, plain, rig.signal), 'Conflict');
    const paused = await rig.run('waits');
    await rig.fixture.byHand.pause(paused);
    await rejection(exec(rig, paused, 'copies its input'), 'Conflict');
    await rejection(rig.runtime.attach(paused, plain, rig.signal), 'Conflict');
    const ended = await rig.run('ends with 3');
    await rig.reach(ended, 'exited');
    await rejection(exec(rig, ended, 'copies its input'), 'Conflict');
    await rejection(rig.runtime.attach(ended, plain, rig.signal), 'Conflict');
    const running = await rig.run('waits');
    await rejection(rig.runtime.exec(running, [], plain, rig.signal), 'InvalidSpec');
  });

  promise('lets go of a process at any time: on close, on abort, and before it began', async (rig) => {
    const id = await rig.run('waits');
    const closed = await exec(rig, id, 'sleeps for an hour', withInput);
    closed.close();
    closed.close();
    expect(await collect(closed.output)).to.deep.equal([]);
    expect(await closed.ended).to.deep.equal({ exitCode: undefined });

    const leaving = new AbortController();
    const aborted = await exec(rig, id, 'sleeps for an hour', plain, leaving.signal);
    leaving.abort();
    expect(await collect(aborted.output)).to.deep.equal([]);
    expect(await aborted.ended).to.deep.equal({ exitCode: undefined });
    await rejection(exec(rig, id, 'copies its input', plain, AbortSignal.abort()), 'Unavailable');
    await closed.kill();
  });

  promise('ends a process with its container', async (rig) => {
    const id = await rig.run('waits');
    const session = await exec(rig, id, 'copies its input', withInput);
    await session.write(Buffer.from('here'));
    let text = '';
    for await (const { data } of session.output) {
      text += Buffer.from(data).toString();
      if (text === 'here') await rig.fixture.byHand.kill(id);
    }
    expect(text).to.equal('here');
    expect((await session.ended).exitCode).to.equal(137);
  });

  promise('joins the first process from now on, and tells how it ended', async (rig) => {
    const id = await rig.run('ticks');
    const session = await rig.runtime.attach(id, withInput, rig.signal);
    let text = '';
    for await (const { stream, data } of session.output) {
      expect(stream).to.equal('stdout');
      text += Buffer.from(data).toString();
      // It has no input: what is written goes nowhere, and its end is not the container's.
      await session.write(Buffer.from('ignored'));
      session.endInput();
      if (text.length >= 15) break;
    }
    expect(text).to.match(/^(?:tick\n){3,}$/);
    session.close();
    expect((await rig.look(id)).state).to.equal('running');

    const other = await rig.runtime.attach(id, plain, rig.signal);
    const reading = collect(other.output);
    await rig.runtime.stop(id, { gracePeriodMs: 5_000 }, rig.signal);
    expect(textOf(await reading)).to.match(/^(?:tick\n)*$/);
    expect(await other.ended).to.deep.equal({ exitCode: 143 });
  });
}
