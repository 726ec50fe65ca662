/**
 * The Docker runtime against a real engine: the one `DOCKER_HOST` names, or the default socket. Where none answers these tests
 * fail and say so; `GANTRY_TEST_NO_DOCKER=1` leaves them out, loudly.
 */
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import type { ContainerSpec } from '../../machinery/runtime.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { describeRuntime } from './conformance.ts';
import { EngineProxy } from './engine-proxy.ts';
import { collect, eventually, rejection } from './expectations.ts';
import {
  type Behaviour,
  type CommandKind,
  ECHO_PORT,
  FILL_BYTES,
  type RuntimeFixture,
  TEST_LABEL,
} from './rig.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine, shell, sweep } from './sample-engine.ts';
import { openRegistry } from './tiny-registry.ts';

const { signal } = new AbortController();

const COMMANDS: Readonly<Record<Behaviour, readonly string[]>> = {
  waits: shell('trap "exit 143" TERM; echo ready; sleep 3600 & wait $!'),
  // Process 1 has no default handlers: TERM does nothing to it.
  'ignores the stop signal': ['sleep', '3600'],
  'ends with 3': shell('exit 3'),
  speaks: shell(
    'echo first; sleep 0.1; echo second >&2; sleep 0.1; printf "\\000\\r\\033[1m\\303\\251\\n"; sleep 0.1; printf "no newline" >&2',
  ),
  'writes bytes that are not text': shell('printf "\\377\\200\\000\\303\\n"'),
  'has no such command': ['/nope'],
  ticks: shell('trap "exit 143" TERM; while :; do echo tick; sleep 0.05; done'),
  burns: shell('while :; do :; done'),
  // Something to do afterwards: the shell would become its last command, and what it holds would be gone.
  'holds 30 MB': shell('x=$(head -c 30000000 /dev/zero | tr "\\0" x); sleep 3600; echo "$x"'),
  'grows without end': shell('x=x; while :; do x=$x$x; done'),
  'has a child that grows without end, and ends with 5': shell(
    'sh -c "x=x; while :; do x=\\$x\\$x; done"; exit 5',
  ),
  'leaves files': shell(
    'echo what was left > /left; mkdir /place; ln -s /left /link; ln -s /place /way; cp /left /place/left; truncate -s 10G /much',
  ),
  'writes a file of 3 MB': shell('head -c 3000000 /dev/zero > /written; sleep 3600'),
  'writes 5000 numbered lines': shell(
    'x=xxxxxxxxxx; x=$x$x$x$x$x$x$x$x$x; i=1; while [ $i -le 5000 ]; do echo "line $i $x"; i=$((i+1)); done',
  ),
  echoes: ['nc', '-ll', '-p', String(ECHO_PORT), '-e', 'cat'],
};
const PROCESSES: Readonly<Record<CommandKind, readonly string[]>> = {
  'copies its input': ['cat'],
  'ends with 7': shell('exit 7'),
  'speaks on both streams': shell('echo out; echo err >&2'),
  'fills and ends with 3': shell(`head -c ${FILL_BYTES} /dev/zero | tr '\\0' x; exit 3`),
  'tells the size of its terminal': shell('while read line; do stty size; done'),
  // Another figure than the first process's own.
  'sleeps for an hour': ['sleep', '3601'],
  'starts one that sleeps for an hour': shell('sleep 3601 & wait $!'),
  'does not exist': ['/nope'],
};

async function untilReady(id: string, behaviour: Behaviour): Promise<void> {
  if (behaviour !== 'waits') return;
  for await (const chunk of new DockerRuntime(endpoint, systemClock).logs(id, { follow: true }, signal)) {
    if (Buffer.from(chunk.data).includes('ready')) return;
  }
  throw new Error(`container ${id} ended before it was ready`);
}

if (isLeftOut) {
  console.warn('GANTRY_TEST_NO_DOCKER=1: the tests of the Docker runtime are LEFT OUT');
  describe.skip('Runtime: Docker (left out by GANTRY_TEST_NO_DOCKER=1)', () => {
    it('is not tested');
  });
} else {
  const open = async (): Promise<RuntimeFixture> => {
    await prepareEngine();
    const runtime = new DockerRuntime(endpoint, systemClock);
    const registry = await openRegistry((await runtime.info(signal)).arch);
    return {
      runtime,
      program: (behaviour) => ({ image: IMAGE, command: COMMANDS[behaviour] }),
      command: (kind) => PROCESSES[kind],
      untilReady,
      processes: async (id) => {
        const { Processes: all } = await docker.getContainer(id).top();
        return all.length;
      },
      sleeping: async (id) => {
        const listed: unknown = await docker.getContainer(id).top({ ps_args: '-eo pid,args' });
        return JSON.stringify(listed).match(/"sleep 3601"/g)?.length ?? 0;
      },
      byHand: {
        kill: async (id) => void (await docker.getContainer(id).kill()),
        pause: async (id) => void (await docker.getContainer(id).pause()),
      },
      pullable: registry.complete,
      unknownToRegistry: registry.absent,
      close: async () => {
        if ((await runtime.image(registry.complete, signal)) !== undefined) {
          await docker.getImage(registry.complete).remove();
        }
        await registry.close();
        await sweep();
      },
    };
  };
  describeRuntime('Docker', open);

  describe('DockerRuntime', function () {
    this.timeout(20_000);
    const runtime = new DockerRuntime(endpoint, systemClock);
    const labels = { [TEST_LABEL]: 'runtime', 'gantry-test-run': `own-${process.pid}` };
    let counter = 0;
    let proxy: EngineProxy;

    const spec = (command: readonly string[], overrides: Partial<ContainerSpec> = {}): ContainerSpec => ({
      name: `gantry-rttest-${process.pid}-own-${++counter}`,
      image: IMAGE,
      command,
      labels,
      env: [],
      ports: [],
      resources: {},
      networkMode: 'none',
      privileged: false,
      readOnlyRootFilesystem: false,
      capabilities: { add: [], drop: [] },
      ...overrides,
    });
    const run = async (command: readonly string[], overrides?: Partial<ContainerSpec>): Promise<string> => {
      const { id } = await runtime.create(spec(command, overrides), signal);
      await runtime.start(id, signal);
      return id;
    };
    const output = async (
      command: readonly string[],
      overrides?: Partial<ContainerSpec>,
    ): Promise<string> => {
      const id = await run(command, overrides);
      const chunks = await collect(runtime.logs(id, { follow: true }, signal));
      return Buffer.concat(chunks.map(({ data }) => data)).toString();
    };

    before(prepareEngine);
    beforeEach(async () => {
      proxy = await EngineProxy.open(endpoint);
    });
    afterEach(async () => {
      await proxy.close();
      for (const { id } of await runtime.list(labels, signal)) await runtime.remove(id, signal);
    });

    it('hands every setting on to the container', async () => {
      const script =
        'id -u; id -g; pwd; hostname; echo "$GREETING"; touch /x 2>&1; grep CapEff /proc/self/status; echo "$0 $1"';
      const text = await output(shell(script), {
        args: ['zero', 'one'],
        user: '65534:65534',
        workingDir: '/www',
        hostname: 'inside',
        env: ['GREETING=good day = "yes"'],
        readOnlyRootFilesystem: true,
        capabilities: { add: [], drop: ['ALL'] },
      });
      expect(text.split('\n')).to.deep.equal([
        '65534',
        '65534',
        '/www',
        'inside',
        'good day = "yes"',
        'touch: /x: Read-only file system',
        'CapEff:\t0000000000000000',
        'zero one',
        '',
      ]);
    });

    it('leaves restarts to others and bounds the log', async () => {
      const { id } = await runtime.create(spec(['true']), signal);
      const { HostConfig: config } = await docker.getContainer(id).inspect();
      expect(config.RestartPolicy?.Name).to.equal('no');
      expect(config.LogConfig).to.deep.equal({
        Type: 'local',
        Config: { 'max-size': '10485760', 'max-file': '5', compress: 'false' },
      });
    });

    it('serves a page on a published port', async () => {
      const port = { containerPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 0 } as const;
      const id = await run(['/bin/serve'], { networkMode: 'bridge', ports: [port] });
      const hostPort = (await runtime.inspect(id, signal))?.ports[0]?.hostPort ?? 0;
      const page = await eventually(
        () =>
          fetch(`http://127.0.0.1:${hostPort}/`).then(
            (answer) => answer.text(),
            () => undefined,
          ),
        'the page of the sample image',
      );
      expect(page).to.include('Hello from Gantry');
    });

    it('stops with another signal than the container was made with', async () => {
      const id = await run(
        shell('trap "" TERM; trap "exit 7" USR1; echo ready; while :; do sleep 0.05; done'),
      );
      await untilReady(id, 'waits');
      await runtime.stop(id, { gracePeriodMs: 10_000, stopSignal: 'SIGUSR1' }, signal);
      expect(await runtime.inspect(id, signal)).to.include({ state: 'exited', exitCode: 7 });
      await runtime.stop(id, { gracePeriodMs: 10_000, stopSignal: 'SIGUSR1' }, signal);

      await runtime.start(id, signal);
      await docker.getContainer(id).pause();
      await runtime.stop(id, { gracePeriodMs: 300, stopSignal: 'SIGHUP' }, signal);
      expect(await runtime.inspect(id, signal)).to.include({ state: 'exited' });
    });

    it('waits for a removal that is under way', async () => {
      const id = await run(['sleep', '3600']);
      await Promise.all([runtime.remove(id, signal), runtime.remove(id, signal), runtime.remove(id, signal)]);
      expect(await runtime.inspect(id, signal)).to.equal(undefined);
    });

    it('gives a log without frames when the container has a terminal', async () => {
      const { id } = await docker.createContainer({
        name: `gantry-rttest-${process.pid}-tty`,
        Image: IMAGE,
        Labels: labels,
        Tty: true,
        Cmd: ['echo', '{"json": true}'],
      });
      await runtime.start(id, signal);
      const chunks = await collect(runtime.logs(id, { follow: true }, signal));
      expect(chunks.every(({ stream }) => stream === 'stdout')).to.equal(true);
      expect(Buffer.concat(chunks.map(({ data }) => data)).toString()).to.equal('{"json": true}\r\n');
    });

    it('reads a long log whole, followed or not', async () => {
      const id = await run(shell('seq 1 60000'));
      const wanted = Array.from({ length: 60_000 }, (_, index) => `${index + 1}\n`).join('');
      for (const follow of [true, false]) {
        const chunks = await collect(runtime.logs(id, { follow }, signal));
        expect(
          Buffer.concat(chunks.map(({ data }) => data)).toString() === wanted,
          `follow ${follow}`,
        ).to.equal(true);
      }
    });

    it('sees a pull that fails after it began', async () => {
      const registry = await openRegistry((await runtime.info(signal)).arch);
      try {
        const error = await rejection(runtime.pull(registry.broken, {}, signal));
        expect(error.message).to.include(registry.broken);
        expect(await runtime.image(registry.broken, signal)).to.equal(undefined);
      } finally {
        await registry.close();
      }
      // The registry is gone now: not the same as an image that is not in it.
      await rejection(runtime.pull(registry.complete, {}, signal), 'RegistryUnavailable');
    });

    it('takes no reference or id for another path of the API', async () => {
      await rejection(runtime.image('../containers/json?all=1&x', signal), 'InvalidSpec');
      await rejection(runtime.pull('a/../b', {}, signal), 'InvalidSpec');
      await rejection(runtime.inspect('x/../../info', signal), 'NotFound');
    });

    it('says that there is no engine, and recovers when it is back', async () => {
      const away = new DockerRuntime(proxy.endpoint, systemClock, { readsLogFiles: false });
      const watching = rejection(collect(away.events(labels, signal)), 'Unavailable');
      const id = await run(shell('echo before; while ! test -e /tmp/go; do sleep 0.02; done; echo after'));
      let said = '';
      const following = (async () => {
        for await (const { data } of away.logs(id, { follow: true }, signal))
          said += Buffer.from(data).toString();
      })();
      await away.list(labels, signal);
      await eventually(
        () => Promise.resolve(proxy.connections >= 3 || undefined),
        'both streams to be connected',
      );
      await eventually(() => Promise.resolve(said === 'before\n' || undefined), 'the first line');
      await proxy.refuse();
      await watching;
      const error = await rejection(away.list(labels, signal), 'Unavailable');
      expect(error.message).to.include(proxy.endpoint.path).and.to.include('is Docker running?');
      await proxy.listen();
      expect(await away.list(labels, signal)).to.have.lengthOf(1);
      // Who follows a log is told, and it goes on where it was.
      const touch = await away.exec(
        id,
        ['touch', '/tmp/go'],
        { stdin: false, stdout: true, stderr: true, tty: false },
        signal,
      );
      await touch.ended;
      await following;
      expect(said).to.equal(
        'before\n--- gantry: the container engine went away here: output that it had taken and not yet written may be missing\nafter\n',
      );
    });

    it('gives up every call to an engine that does not answer', async () => {
      proxy.isStalled = true;
      const stalled = new DockerRuntime(proxy.endpoint, systemClock);
      const caller = new AbortController();
      const acts: Readonly<Record<string, () => Promise<unknown>>> = {
        info: () => stalled.info(caller.signal),
        list: () => stalled.list(labels, caller.signal),
        inspect: () => stalled.inspect('x', caller.signal),
        create: () => stalled.create(spec(['true']), caller.signal),
        start: () => stalled.start('x', caller.signal),
        stop: () => stalled.stop('x', { gracePeriodMs: 0 }, caller.signal),
        unpause: () => stalled.unpause('x', caller.signal),
        rename: () => stalled.rename('x', 'y', caller.signal),
        update: () => stalled.update('x', { cpuShares: 2 }, caller.signal),
        remove: () => stalled.remove('x', caller.signal),
        image: () => stalled.image(IMAGE, caller.signal),
        pull: () => stalled.pull(IMAGE, {}, caller.signal),
      };
      const streams = [
        collect(stalled.events(labels, caller.signal)),
        collect(stalled.logs('x', {}, caller.signal)),
      ];
      const rejections = Object.values(acts).map((act) => rejection(act(), 'Unavailable'));
      const count = rejections.length + streams.length;
      await eventually(
        () => Promise.resolve(proxy.connections >= count || undefined),
        `${count} connections`,
      );
      caller.abort();
      await Promise.all(rejections);
      await Promise.all(streams);
    });

    it('waits 30 seconds for an answer and no longer', async () => {
      proxy.isStalled = true;
      const clock = new FakeClock();
      const stalled = new DockerRuntime(proxy.endpoint, clock);
      const listing = rejection(stalled.list(labels, signal), 'Unavailable');
      const stopping = rejection(stalled.stop('x', { gracePeriodMs: 5_000 }, signal), 'Unavailable');
      const watching = rejection(collect(stalled.events(labels, signal)), 'Unavailable');
      await eventually(() => Promise.resolve(proxy.connections >= 3 || undefined), '3 connections');
      clock.advance(30_000);
      expect((await listing).message).to.include('within 30 s');
      await watching;
      clock.advance(5_000);
      expect((await stopping).message).to.include('within 35 s');
      expect(clock.nextDueMs()).to.equal(undefined);
    });

    for (const [what, answer] of [
      [
        'cut off in the middle',
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{"Id":',
      ],
      ['cut off in its head', 'HTTP/1.1 200 OK\r\nContent-Ty'],
      ['an error cut off in the middle', 'HTTP/1.1 500 Oh\r\nContent-Length: 1000\r\n\r\n{"mess'],
      ['not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ] as const) {
      it(`takes an answer that is ${what} for an engine that is not there`, async () => {
        proxy.answer = answer;
        const cut = new DockerRuntime(proxy.endpoint, systemClock);
        await rejection(cut.list(labels, signal), 'Unavailable');
        await rejection(cut.create(spec(['true']), signal), 'Unavailable');
        await rejection(collect(cut.events(labels, signal)), 'Unavailable');
      });
    }

    it('takes the end of an event stream for an engine that went away', async () => {
      proxy.answer = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
      const error = await rejection(
        collect(new DockerRuntime(proxy.endpoint, systemClock).events(labels, signal)),
        'Unavailable',
      );
      expect(error.message).to.include('closed by the engine');
    });

    it('takes the end of a followed log for the container’s only when it has ended', async () => {
      const id = await run(['sleep', '3600']);
      proxy.answer = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
      proxy.answersTo = /\/logs\?/;
      const clock = new FakeClock();
      const stopping = new DockerRuntime(proxy.endpoint, clock, { readsLogFiles: false });
      const reader = stopping.logs(id, { follow: true }, signal)[Symbol.asyncIterator]();
      let mark: string | undefined;
      const reading = reader.next().then(({ value }) => {
        mark = Buffer.from(value?.data ?? []).toString();
      });
      await eventually(() => {
        clock.advance(1_000);
        return Promise.resolve(mark);
      }, 'the reader to be told');
      await reading;
      expect(mark).to.include('the container engine went away here');
      await reader.return?.();
    });

    it('takes an answer without what was asked for as a failure', async () => {
      proxy.answer = 'HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
      const odd = new DockerRuntime(proxy.endpoint, systemClock);
      await rejection(odd.create(spec(['true']), signal), 'Failed');
      proxy.answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi';
      await rejection(odd.list(labels, signal), 'Failed');
    });
  });
}
