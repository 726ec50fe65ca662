/**
 * What a machine's life does to an engine and to Gantry, on a real engine that may be hurt: whatever happens, what was
 * declared runs in the end, once, and the status tells what happened.
 */
import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { seededRandom } from '../../machinery/random.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { PrivateEngine } from './privateengine.ts';
import { command, eventually, GantryProcess } from './process.ts';

type Status = NonNullable<Task['status']>;

/** Never two running containers of one Task and binding at the same look. */
class Doubles {
  readonly found: string[] = [];
  readonly #engine: PrivateEngine;
  #isOn = true;
  readonly #looking: Promise<void>;

  constructor(engine: PrivateEngine) {
    this.#engine = engine;
    this.#looking = this.#look();
  }

  async stop(): Promise<readonly string[]> {
    this.#isOn = false;
    await this.#looking;
    return this.found;
  }

  async #look(): Promise<void> {
    const format = '{{.Label "gantry.dev/task"}} binding {{.Label "gantry.dev/epoch"}}';
    while (this.#isOn) {
      const { stdout } = await this.#engine.docker(
        'ps',
        '--filter',
        'label=gantry.dev/uid',
        '--format',
        format,
      );
      const lines = stdout.split('\n').filter((line) => line !== '');
      this.found.push(...lines.filter((line, at) => lines.indexOf(line) !== at));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('Faults of the engine and the machine', function () {
  this.timeout(180_000);
  let engine: PrivateEngine;
  let gantry: GantryProcess;
  const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

  before(async () => {
    engine = await PrivateEngine.open({ number: 5 });
    gantry = await GantryProcess.open({ flags: ['--docker-host', engine.host] });
  });
  after(async () => {
    await gantry?.dispose();
    await engine?.dispose();
  });

  const apply = async (name: string, spec: Partial<Task['spec']> = {}): Promise<void> => {
    const manifest = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name },
      spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1, ...spec },
    };
    const applied = await gantry.kubectl(['apply', '-f', '-'], JSON.stringify(manifest));
    expect(applied.code, applied.stderr).to.equal(0);
  };
  const statusOf = async (name: string): Promise<Status> => {
    const { code, stdout, stderr } = await gantry.kubectl(['get', 'task', name, '-o', 'json']);
    expect(code, stderr).to.equal(0);
    return (JSON.parse(stdout) as Task).status ?? {};
  };
  const ready = async (name: string, isNew: (status: Status) => boolean = () => true): Promise<Status> =>
    eventually(
      `${name} is Ready`,
      async () => {
        const status = await statusOf(name);
        const condition = status.conditions?.find(({ type }) => type === 'Ready');
        return condition?.status === 'True' && isNew(status) ? status : undefined;
      },
      60_000,
    );
  const remove = async (...names: string[]): Promise<void> => {
    const { code, stderr } = await gantry.kubectl(['delete', 'task', ...names, '--timeout=60s']);
    expect(code, stderr).to.equal(0);
  };
  const workerReason = async (): Promise<string> =>
    (
      await gantry.kubectl([
        'get',
        'workers',
        '-o',
        'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].reason}',
      ])
    ).stdout;
  const workerSays = (reason: string, timeoutMs = 60_000): Promise<true> =>
    eventually(
      `the worker says ${reason}`,
      async () => ((await workerReason()) === reason ? true : undefined),
      timeoutMs,
    );

  it('the engine restarts and its containers die: each runs again once, and the end is told', async () => {
    await apply('a');
    const before = await ready('a');
    const doubles = new Doubles(engine);
    await engine.stop();
    await workerSays('RuntimeDown');
    await engine.start();
    const after = await ready('a', ({ container }) => container?.id !== before.container?.id);
    expect(await doubles.stop()).to.deep.equal([]);
    expect(await engine.runningOf('default/a')).to.deep.equal([after.container?.id]);
    // An engine that is going down may still take a container and end it too: that is an attempt like any other.
    const { attempts = 0, history = [] } = after;
    expect(attempts).to.be.within(2, 3);
    expect(after.restartCount).to.equal(attempts - 1);
    expect(history.map(({ attempt }) => attempt)).to.deep.equal(attempts === 2 ? [1] : [2, 1]);
    expect(history.at(-1)).to.include({ id: before.container?.id });
    await remove('a');
  });

  for (const way of ['stopped', 'killed'] as const) {
    it(`the engine is ${way} with live-restore: the same container goes on, and no attempt is counted`, async () => {
      await engine.stop();
      await engine.start({ liveRestore: true });
      await workerSays('AgentReady');
      await apply('b');
      const before = await ready('b');
      if (way === 'stopped') await engine.stop();
      else await engine.kill();
      await workerSays('RuntimeDown');
      await engine.start({ liveRestore: true });
      await workerSays('AgentReady');
      const after = await ready('b');
      expect(after.container?.id).to.equal(before.container?.id);
      expect(after.container?.startedAt).to.equal(before.container?.startedAt);
      expect(after).to.include({ attempts: 1, restartCount: 0 });
      expect(await engine.runningOf('default/b')).to.deep.equal([before.container?.id]);
      await remove('b');
      await engine.stop();
      await engine.start();
      await workerSays('AgentReady');
    });
  }

  it('the engine hangs: the worker says so, nothing piles up, and all goes on when it answers again', async () => {
    await apply('c');
    const before = await ready('c');
    engine.freeze();
    await workerSays('RuntimeDown', 30_000);
    for (const name of ['hung-1', 'hung-2', 'hung-3']) await apply(name);
    const socketsOf = (pid: number): number =>
      readdirSync(`/proc/${pid}/fd`).filter((fd) => {
        try {
          return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
        } catch {
          return false;
        }
      }).length;
    const first = socketsOf(gantry.pid);
    // The API answers as ever while every call to the engine waits.
    const began = Date.now();
    while (Date.now() - began < 8_000) {
      expect((await gantry.kubectl(['get', 'tasks'])).code).to.equal(0);
      expect(socketsOf(gantry.pid)).to.be.lessThan(first + 40);
    }
    engine.thaw();
    await workerSays('AgentReady');
    for (const name of ['hung-1', 'hung-2', 'hung-3']) {
      const { attempts } = await ready(name);
      expect(attempts).to.equal(1);
      expect(await engine.runningOf(`default/${name}`)).to.have.lengthOf(1);
    }
    expect((await statusOf('c')).container?.id).to.equal(before.container?.id);
    await remove('c', 'hung-1', 'hung-2', 'hung-3');
  });

  it('everything unused is pruned by hand while tasks run, wait and rest: what is declared comes back', async () => {
    await apply('running');
    await apply('resting', { desiredState: 'Stopped' });
    await apply('crashing', { command: ['sh', '-c', 'exit 3'] });
    const before = await ready('running');
    await eventually('crashing waits for its next start', async () =>
      (await statusOf('crashing')).reason === 'CrashLoopBackOff' ? true : undefined,
    );
    for (let round = 0; round < 3; round++) {
      expect((await engine.docker('system', 'prune', '-af', '--volumes')).code).to.equal(0);
      await engine.docker('network', 'prune', '-f');
    }
    const crashed = await eventually('crashing was started again', async () => {
      const status = await statusOf('crashing');
      return (status.restartCount ?? 0) >= 3 ? status : undefined;
    });
    expect(crashed.attempts).to.equal((crashed.restartCount ?? 0) + 1);
    expect((await statusOf('running')).container?.id).to.equal(before.container?.id);
    const patch = ['patch', 'task', 'resting', '--type=merge', '-p', '{"spec":{"desiredState":"Running"}}'];
    expect((await gantry.kubectl(patch)).code).to.equal(0);
    await ready('resting');
    await remove('running', 'resting', 'crashing');
  });

  it('the machine loses its power: after the boot each task runs again once, secrets and all', async () => {
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'key' },
      stringData: { word: 'sesame' },
    };
    expect((await gantry.kubectl(['apply', '-f', '-'], JSON.stringify(secret))).code).to.equal(0);
    const names = ['one', 'two', 'three'];
    for (const name of names) {
      await apply(name, {
        volumes: [
          { name: 'key', secret: { secretName: 'key' } },
          { name: 'own', emptyDir: {} },
        ],
        volumeMounts: [
          { name: 'key', mountPath: '/key' },
          { name: 'own', mountPath: '/own' },
        ],
      });
    }
    const before = await Promise.all(names.map((name) => ready(name)));
    const pid = gantry.pid;
    await engine.powerOff();
    await gantry.stop('SIGKILL');
    // What is in memory only is gone with the power: every file system in memory below Gantry's own places.
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    for (const line of mounts) {
      const [, target = '', type = ''] = line.split(' ');
      const isOurs = type === 'tmpfs' && (target.startsWith(gantry.home) || target.includes('gantry'));
      if (isOurs && before.length > 0 && !target.startsWith(engine.directory))
        await command('umount', ['-l', target]);
    }
    expect(pid).to.be.greaterThan(1);
    // Gantry may well be up before the engine.
    await gantry.start();
    await engine.start();
    await workerSays('AgentReady');
    for (const [at, name] of names.entries()) {
      const old = before[at]?.container?.id;
      const status = await ready(name, ({ container }) => container?.id !== old);
      expect(status).to.include({ attempts: 2, restartCount: 1 });
      const [id = ''] = await engine.runningOf(`default/${name}`);
      expect(id).to.equal(status.container?.id);
      expect((await engine.docker('exec', id, 'cat', '/key/word')).stdout).to.equal('sesame');
    }
    await remove(...names);
  });

  it('the clock jumps an hour forward and back: nothing restarts, nothing hangs, no wait grows', async function () {
    if ((await command('ls', [faketime])).code !== 0) {
      console.log('      skipped: libfaketime (Debian package faketime) is not installed');
      this.skip();
    }
    const clock = join(gantry.home, 'clock');
    const jump = (offset: string): void => writeFileSync(clock, `${offset}\n`);
    jump('+0s');
    await gantry.stop();
    const jumping = await GantryProcess.open({
      flags: ['--docker-host', engine.host],
      env: {
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    });
    const outer = gantry;
    gantry = jumping;
    try {
      await apply('steady');
      await apply('crashing', {
        command: ['sh', '-c', 'exit 3'],
        backoff: { initialSeconds: 1, maxSeconds: 2 },
      });
      const before = await ready('steady');
      for (const offset of ['+3600s', '+0s', '-3600s', '+0s']) {
        const { restartCount: count = 0 } = await statusOf('crashing');
        jump(offset);
        await eventually(`crashing is started twice more at ${offset}`, async () =>
          ((await statusOf('crashing')).restartCount ?? 0) >= count + 2 ? true : undefined,
        );
        const { container, attempts, restartCount } = await statusOf('steady');
        expect({ id: container?.id, attempts, restartCount }, offset).to.deep.equal({
          id: before.container?.id,
          attempts: 1,
          restartCount: 0,
        });
        expect(await workerReason()).to.equal('AgentReady');
      }
      await remove('steady', 'crashing');
    } finally {
      gantry = outer;
      await jumping.dispose();
      await gantry.start();
      rmSync(clock);
    }
  });

  it('a hand restarts a container: its end is Gantry’s to mend, so two may meet, and one remains', async () => {
    await apply('twice');
    const before = await ready('twice');
    await engine.docker('restart', '-t', '0', before.container?.id ?? '');
    const old = before.container?.id;
    await eventually('one runs, and the status says which, and how the other ended', async () => {
      const { container, phase, history = [] } = await statusOf('twice');
      const running = await engine.runningOf('default/twice');
      const isOne = running.length === 1 && running[0] === container?.id && phase === 'Running';
      // A restart that is over before anybody looks leaves the same container, and nothing to mend.
      const isTold = (container?.id === old) !== history.some(({ id }) => id === old);
      return isOne && isTold ? true : undefined;
    });
    await remove('twice');
  });

  it('hands, kills and restarts at random moments: one container each, attempts counted truthfully', async () => {
    const seed = Number(process.env['GANTRY_FAULTS_SEED'] ?? Date.now() % 100_000);
    console.log(`      GANTRY_FAULTS_SEED=${seed} hack/test.sh test/walk/faults.test.ts`);
    const random = seededRandom(seed);
    const names = ['r0', 'r1', 'r2', 'r3'];
    for (const name of names) await apply(name, { backoff: { initialSeconds: 1, maxSeconds: 2 } });
    for (const name of names) await ready(name);
    const doubles = new Doubles(engine);
    const rounds = process.env['GANTRY_TEST_LONG'] === undefined ? 15 : 150;
    for (let round = 0; round < rounds; round++) {
      const name = names[Math.floor(random.next() * names.length)] ?? 'r0';
      const [id] = await engine.runningOf(`default/${name}`);
      const dice = random.next();
      if (dice < 0.1) {
        await gantry.stop('SIGKILL');
        await gantry.start();
      } else if (dice < 0.18) {
        await engine.kill();
        await engine.start();
      } else if (id !== undefined) {
        const acts = [
          ['kill', id],
          ['rm', '-f', id],
          ['pause', id],
          ['stop', '-t', '0', id],
        ];
        await engine.docker(...(acts[Math.floor(random.next() * acts.length)] ?? ['kill', id]));
      }
    }
    for (const name of names) {
      const status = await eventually(
        `${name} runs, and its status says what runs`,
        async () => {
          const seen = await statusOf(name);
          const running = await engine.runningOf(`default/${name}`);
          const isSame =
            running.length === 1 && running[0] === seen.container?.id && seen.phase === 'Running';
          return isSame ? seen : undefined;
        },
        90_000,
      );
      const label = '{{index .Config.Labels "gantry.dev/attempt"}}';
      const { stdout } = await engine.docker('inspect', '-f', label, status.container?.id ?? '');
      expect(Number(stdout), `${name}: attempts`).to.equal(status.attempts);
      const told = status.history?.map(({ attempt }) => attempt) ?? [];
      expect(told, `${name}: history is newest first`).to.deep.equal([...told].sort((a, b) => b - a));
    }
    expect(await doubles.stop()).to.deep.equal([]);
    await remove(...names);
  });
});

describe('A full disk under the engine', function () {
  this.timeout(120_000);
  let engine: PrivateEngine;
  let gantry: GantryProcess;

  before(async () => {
    engine = await PrivateEngine.open({ number: 6, dataMebibytes: 48 });
    gantry = await GantryProcess.open({ flags: ['--docker-host', engine.host] });
  });
  after(async () => {
    await gantry?.dispose();
    await engine?.dispose();
  });

  it('a task that finds no room says so and starts when there is room; one that runs goes on', async () => {
    const task = (name: string): string =>
      JSON.stringify({
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { name },
        spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 0 },
      });
    const wait = (name: string) =>
      gantry.kubectl(['wait', `task/${name}`, '--for=condition=Ready', '--timeout=60s']);
    expect((await gantry.kubectl(['apply', '-f', '-'], task('before'))).code).to.equal(0);
    expect((await wait('before')).code).to.equal(0);
    const filler = join(engine.directory, 'data', 'filler');
    await command('sh', ['-c', `cat /dev/zero > ${filler}`]);
    expect((await gantry.kubectl(['apply', '-f', '-'], task('full'))).code).to.equal(0);
    const said = await eventually('the task says that there is no room', async () => {
      const { stdout } = await gantry.kubectl([
        'get',
        'task',
        'full',
        '-o',
        'jsonpath={.status.reason}: {.status.message}',
      ]);
      return /no space left/i.test(stdout) ? stdout : undefined;
    });
    expect(said).to.match(/^(CreateContainerError|RunContainerError|CreateContainerConfigError): /);
    rmSync(filler);
    const now = await wait('full');
    expect(now.code, now.stderr).to.equal(0);
    const { stdout } = await gantry.kubectl([
      'get',
      'task',
      'before',
      '-o',
      'jsonpath={.status.restartCount}',
    ]);
    expect(stdout).to.equal('0');
  });
});
