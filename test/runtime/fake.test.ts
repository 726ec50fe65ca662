import { expect } from 'chai';
import { sleep, systemClock } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { ContainerSpec } from '../../machinery/runtime.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';
import type { FakeProgram } from '../../runtime/fake/program.ts';
import { describeRuntime } from './conformance.ts';
import { NEEDS_A_NETWORK } from './conformance-networks.ts';
import { NEEDS_A_KERNEL } from './conformance-settings.ts';
import { collect, rejection } from './expectations.ts';
import {
  type Behaviour,
  type CommandKind,
  ECHO_PORT,
  FILL_BYTES,
  LEFT,
  NOT_TEXT,
  type RuntimeFixture,
  SPOKEN,
} from './rig.ts';

const PROGRAMS: Readonly<Record<Behaviour, FakeProgram>> = {
  waits: {},
  'ignores the stop signal': { ignoresStopSignal: true },
  'ends with 3': { exitAfterMs: 5, exitCode: 3 },
  speaks: { exitAfterMs: 300, output: SPOKEN.map((chunk, index) => ({ ...chunk, atMs: 50 * (index + 1) })) },
  'writes bytes that are not text': { exitAfterMs: 5, output: [{ ...NOT_TEXT, atMs: 1 }] },
  'has no such command': { startError: 'exec: "/nope": no such file or directory' },
  ticks: {
    output: Array.from({ length: 400 }, (_, tick) => ({ atMs: 50 * tick, stream: 'stdout', data: 'tick\n' })),
  },
  burns: { cpuCores: 1, memoryBytes: 1_000_000 },
  'holds 30 MB': { memoryBytes: 30_000_000 },
  'grows without end': { exitAfterMs: 5, exitCode: 137, oomKilled: true },
  'has a child that grows without end, and ends with 5': { exitAfterMs: 5, exitCode: 5, oomKilled: true },
  'leaves files': {
    exitAfterMs: 50,
    files: { '/left': LEFT, '/place/left': LEFT, '/way/left': LEFT },
  },
  'writes a file of 3 MB': { writableBytes: 3_000_000 },
  'writes 5000 numbered lines': {
    exitAfterMs: 5,
    output: Array.from({ length: 5_000 }, (_, line) => ({
      atMs: 1,
      stream: 'stdout',
      data: `line ${line + 1} ${'x'.repeat(90)}\n`,
    })),
  },
  echoes: { echoPorts: [ECHO_PORT] },
};
const COMMANDS: Readonly<Record<CommandKind, readonly string[]>> = {
  'copies its input': ['cat'],
  'ends with 7': ['exit', '7'],
  'speaks on both streams': ['speak', 'out', 'err'],
  'fills and ends with 3': ['fill', String(FILL_BYTES), '3'],
  'tells the size of its terminal': ['sizes'],
  'sleeps for an hour': ['sleep', '3600'],
  'starts one that sleeps for an hour': ['sleep', '3600'],
  'does not exist': ['/nope'],
};
const imageOf = (behaviour: string): string => `fake/${behaviour.replaceAll(/[ ,]+/g, '-')}:1`;

const OPT_OUTS = Object.fromEntries([
  ...NEEDS_A_KERNEL.map((title) => [
    title,
    'the fake has neither files nor a kernel: it records what was asked for',
  ]),
  ...NEEDS_A_NETWORK.map((title) => [title, 'the fake carries no traffic between containers']),
]);

describeRuntime(
  'the fake, on the system clock',
  () => {
    const runtime = new FakeRuntime({
      clock: systemClock,
      random: seededRandom(1),
      images: Object.fromEntries(Object.entries(PROGRAMS).map(([name, program]) => [imageOf(name), program])),
    });
    runtime.engine.publish('fake/pullable:1', {}, { layers: [1_000, 2_000] });
    const fixture: RuntimeFixture = {
      runtime,
      program: (behaviour) => ({ image: imageOf(behaviour) }),
      command: (kind) => COMMANDS[kind],
      untilReady: () => Promise.resolve(),
      processes: (id) => Promise.resolve(1 + (runtime.engine.find(id)?.processes.length ?? 0)),
      sleeping: (id) => {
        const processes = runtime.engine.find(id)?.processes ?? [];
        return Promise.resolve(processes.filter(([name]) => name === 'sleep').length);
      },
      byHand: {
        kill: (id) => Promise.resolve(runtime.engine.kill(id)),
        pause: (id) => Promise.resolve(runtime.engine.pause(id)),
      },
      pullable: 'fake/pullable:1',
      unknownToRegistry: 'fake/unknown:1',
      close: () => Promise.resolve(),
    };
    return Promise.resolve(fixture);
  },
  OPT_OUTS,
);

describe('FakeRuntime, on a fake clock', () => {
  const { signal } = new AbortController();
  const app: ContainerSpec = {
    name: 'app',
    image: 'app:1',
    labels: { app: 'yes' },
    env: [],
    ports: [],
    resources: {},
    networkMode: 'bridge',
    privileged: false,
    readOnlyRootFilesystem: false,
    capabilities: { add: [], drop: [] },
  };

  function make(program: FakeProgram = {}, seed = 1): { runtime: FakeRuntime; clock: FakeClock } {
    const clock = new FakeClock();
    return {
      clock,
      runtime: new FakeRuntime({ clock, random: seededRandom(seed), images: { 'app:1': program } }),
    };
  }

  async function started(runtime: FakeRuntime): Promise<string> {
    const { id } = await runtime.create(app, signal);
    await runtime.start(id, signal);
    return id;
  }

  it('gives the same run for the same seed, and another for another', async () => {
    const tell = async (seed: number): Promise<string> => {
      const { runtime, clock } = make({ exitAfterMs: 1_000, exitCode: 2 }, seed);
      const id = await started(runtime);
      clock.advance(1_000);
      return JSON.stringify([await runtime.inspect(id, signal), runtime.mutations]);
    };
    expect(await tell(7)).to.equal(await tell(7));
    expect(await tell(7)).to.not.equal(await tell(8));
  });

  it('runs in running time: a pause puts the end off', async () => {
    const { runtime, clock } = make({
      exitAfterMs: 1_000,
      output: [{ atMs: 500, stream: 'stdout', data: 'half\n' }],
    });
    const id = await started(runtime);
    clock.advance(400);
    runtime.engine.pause(id);
    clock.advance(60_000);
    expect((await runtime.inspect(id, signal))?.state).to.equal('paused');
    runtime.engine.unpause(id);
    clock.advance(599);
    expect((await runtime.inspect(id, signal))?.state).to.equal('running');
    clock.advance(1);
    expect((await runtime.inspect(id, signal))?.state).to.equal('exited');
  });

  it('goes on stopping when nobody waits for it any more', async () => {
    const { runtime, clock } = make({ ignoresStopSignal: true });
    const id = await started(runtime);
    const caller = new AbortController();
    const stopping = rejection(runtime.stop(id, { gracePeriodMs: 5_000 }, caller.signal), 'Unavailable');
    await Promise.resolve();
    await Promise.resolve();
    caller.abort();
    await stopping;
    clock.advance(5_000);
    expect(await runtime.inspect(id, signal)).to.include({ state: 'exited', exitCode: 137 });
  });

  it('lets a program take its time to end after the stop signal', async () => {
    const { runtime, clock } = make({ stopTakesMs: 2_000, stopExitCode: 0 });
    const id = await started(runtime);
    const stopping = runtime.stop(id, { gracePeriodMs: 5_000 }, signal);
    await microtasks();
    clock.advance(1_999);
    expect(await Promise.race([stopping, microtasks().then(() => 'still stopping')])).to.equal(
      'still stopping',
    );
    clock.advance(1);
    await stopping;
    expect(await runtime.inspect(id, signal)).to.include({ state: 'exited', exitCode: 0 });
  });

  it('fails before an act on request, and the act has not happened', async () => {
    const { runtime } = make();
    runtime.hooks = {
      before: (call) => {
        if (call.operation === 'create') throw new RuntimeError('Unavailable', 'injected');
      },
    };
    expect((await rejection(runtime.create(app, signal), 'Unavailable')).message).to.equal('injected');
    expect(runtime.engine.containers()).to.deep.equal([]);
    expect(runtime.mutations).to.deep.equal([]);
  });

  it('loses an answer on request, and the act has happened', async () => {
    const { runtime } = make();
    runtime.hooks = {
      after: () => {
        throw new RuntimeError('Unavailable', 'injected');
      },
    };
    await rejection(runtime.create(app, signal), 'Unavailable');
    expect(runtime.engine.containers().map(({ name }) => name)).to.deep.equal(['app']);
    expect(runtime.mutations).to.deep.equal([{ operation: 'create', args: [app], atMs: 0, outcome: 'done' }]);
  });

  it('is as slow as it is asked to be, on the clock', async () => {
    const { runtime, clock } = make();
    runtime.hooks = { before: (call) => sleep(clock, 3_000, call.signal) };
    const creating = runtime.create(app, signal);
    await microtasks();
    expect(runtime.engine.containers()).to.deep.equal([]);
    clock.advance(3_000);
    await creating;
    expect(runtime.engine.containers()).to.have.lengthOf(1);
  });

  it('never hears of a slow call that was given up on its way', async () => {
    const { runtime, clock } = make();
    runtime.hooks = { before: () => sleep(clock, 3_000) };
    const caller = new AbortController();
    const creating = rejection(runtime.create(app, caller.signal), 'Unavailable');
    await microtasks();
    caller.abort();
    await creating;
    clock.advance(3_000);
    await microtasks();
    expect(runtime.engine.containers()).to.deep.equal([]);
  });

  it('records what the engine refused, in its words', async () => {
    const { runtime } = make();
    await runtime.create(app, signal);
    await rejection(runtime.create(app, signal), 'Conflict');
    expect(runtime.mutations.map(({ outcome }) => outcome.includes('in use by container'))).to.deep.equal([
      false,
      true,
    ]);
    runtime.forgetMutations();
    expect(runtime.mutations).to.deep.equal([]);
  });

  for (const containersDie of [true, false]) {
    it(`goes away and comes back, containers ${containersDie ? 'dead' : 'alive'}`, async () => {
      const { runtime } = make({ ignoresStopSignal: true });
      const id = await started(runtime);
      const broken = [
        rejection(runtime.stop(id, { gracePeriodMs: 60_000 }, signal), 'Unavailable'),
        rejection(collect(runtime.events({}, signal)), 'Unavailable'),
        rejection(collect(runtime.logs(id, { follow: true }, signal)), 'Unavailable'),
      ];
      await microtasks();
      runtime.stopEngine({ containersDie });
      await Promise.all(broken);
      await rejection(runtime.list({}, signal), 'Unavailable');
      await rejection(runtime.create(app, signal), 'Unavailable');
      await rejection(collect(runtime.events({}, signal)), 'Unavailable');
      await rejection(collect(runtime.logs(id, {}, signal)), 'Unavailable');
      runtime.startEngine();
      const [container] = await runtime.list({}, signal);
      expect(container?.state).to.equal(containersDie ? 'exited' : 'running');
    });
  }

  it('loses events on request, and breaks event streams on request', async () => {
    const { runtime } = make();
    runtime.hooks = { deliverEvent: (event) => event.action !== 'start' };
    const stream = runtime.events({ app: 'yes' }, signal)[Symbol.asyncIterator]();
    const id = await started(runtime);
    runtime.engine.kill(id);
    runtime.cutEventStreams();
    expect((await stream.next()).value).to.include({ action: 'create', containerId: id });
    expect((await stream.next()).value).to.include({ action: 'die', containerId: id });
    await rejection(Promise.resolve(stream.next()), 'Unavailable');
  });

  it('breaks the connections to processes and ports on request, and they go on', async () => {
    const { runtime } = make({ echoPorts: [80] });
    const id = await started(runtime);
    const options = { stdin: true, stdout: true, stderr: true, tty: false };
    const session = await runtime.exec(id, ['cat'], options, signal);
    const attached = await runtime.attach(id, options, signal);
    const connection = await runtime.dial(id, 80, signal);
    const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
    runtime.cutConnections();
    await rejection(session.ended, 'Unavailable');
    await rejection(attached.ended, 'Unavailable');
    await closed;
    expect(runtime.engine.find(id)?.isRunning()).to.equal(true);
    await rejection(runtime.dial(id, 81, signal), 'Failed');
  });

  it('has the commands and servers that a test brings', async () => {
    const clock = new FakeClock();
    const runtime = new FakeRuntime({
      clock,
      random: seededRandom(1),
      images: { 'app:1': {} },
      commands: {
        async shout({ input, write }) {
          for await (const data of input) await write('stderr', Buffer.from(data).toString().toUpperCase());
          return 9;
        },
      },
      serve: (spec, port) =>
        spec.name === 'app' && port === 443 ? (connection) => connection.end('hello') : undefined,
    });
    const id = await started(runtime);
    const options = { stdin: true, stdout: true, stderr: true, tty: false };
    const session = await runtime.exec(id, ['shout'], options, signal);
    await session.write(Buffer.from('hey'));
    session.endInput();
    expect(await collect(session.output)).to.deep.equal([
      { stream: 'stderr', data: Uint8Array.from(Buffer.from('HEY')) },
    ]);
    expect(await session.ended).to.deep.equal({ exitCode: 9 });
    const connection = await runtime.dial(id, 443, signal);
    expect((await Array.fromAsync(connection)).join('')).to.equal('hello');
  });

  it('counts the time it worked, without its pauses', async () => {
    const { runtime, clock } = make({ cpuCores: 2, memoryBytes: 77 });
    const id = await started(runtime);
    clock.advance(1_000);
    runtime.engine.pause(id);
    clock.advance(5_000);
    expect(await runtime.stats(id, signal)).to.deep.equal({
      atMs: clock.now(),
      cpuNanoseconds: 2_000_000_000n,
      memoryBytes: 77,
    });
  });

  it('cuts off a reader of events that does not read', async () => {
    const { runtime } = make();
    const stream = runtime.events({}, signal);
    const id = await started(runtime);
    for (let round = 0; round < 200; round++) {
      runtime.engine.pause(id);
      runtime.engine.unpause(id);
    }
    const seen: string[] = [];
    const reading = async (): Promise<void> => {
      for await (const event of stream) seen.push(event.action);
    };
    await rejection(reading(), 'Unavailable');
    expect(seen).to.have.lengthOf(256);
    expect(seen.slice(0, 3)).to.deep.equal(['create', 'start', 'pause']);
  });

  it('lets everything else on the machine take a port', async () => {
    const { runtime } = make();
    const port = { containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 8080 } as const;
    runtime.engine.occupyPort({ ...port, hostIP: '0.0.0.0' });
    const { id } = await runtime.create({ ...app, ports: [port] }, signal);
    await rejection(runtime.start(id, signal), 'PortConflict');
    runtime.engine.releasePort({ ...port, hostIP: '0.0.0.0' });
    await runtime.start(id, signal);
    expect((await runtime.inspect(id, signal))?.ports).to.deep.equal([port]);
  });

  it('gives another image the same name', async () => {
    const { runtime } = make();
    const { id } = await runtime.create(app, signal);
    const old = await runtime.image('app:1', signal);
    runtime.engine.publish('app:1', { exitCode: 9 });
    const pulled = await runtime.pull('app:1', {}, signal);
    expect(pulled).to.not.deep.equal(old);
    expect((await runtime.inspect(id, signal))?.imageId).to.equal(old?.id);
    runtime.engine.removeImage('app:1');
    expect(await runtime.image('app:1', signal)).to.equal(undefined);
  });

  it('shows a kill for want of memory', async () => {
    const { runtime } = make();
    const id = await started(runtime);
    runtime.engine.kill(id, { oom: true });
    expect(await runtime.inspect(id, signal)).to.include({ exitCode: 137, oomKilled: true });
  });
});

/** Lets what waits on nothing but microtasks go on. */
async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
