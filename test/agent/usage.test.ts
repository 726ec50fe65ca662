/** What a worker and its Tasks use: measured only while somebody asks, over the time it says. */
import { expect } from 'chai';
import type { MachineReading } from '../../agent/machine.ts';
import { machineReading } from '../../agent/machine.ts';
import { UsageSampler } from '../../agent/usage.ts';
import { ApiError, RuntimeError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { LABEL_ATTEMPT, LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../../machinery/labels.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { WorkerUsage } from '../../machinery/workerlink.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';

const GIB = 1024 ** 3;
const { signal } = new AbortController();

describe('UsageSampler', () => {
  let clock: FakeClock;
  let runtime: FakeRuntime;
  let stopping: AbortController;
  let sampler: UsageSampler;
  let reads: number;
  let machineBytes: number;

  beforeEach(() => {
    clock = new FakeClock();
    reads = 0;
    machineBytes = 8 * GIB;
    stopping = new AbortController();
    runtime = new FakeRuntime({
      clock,
      random: seededRandom(3),
      images: {
        'half:1': { cpuCores: 0.5, memoryBytes: 64_000_000 },
        'idle:1': { memoryBytes: 1_000_000 },
      },
      hooks: {
        before: ({ operation }) => {
          if (operation === 'stats') reads += 1;
        },
      },
    });
    const readMachine = (): Promise<MachineReading> =>
      Promise.resolve({
        cpuNanoseconds: BigInt(Math.round(clock.monotonicMs() * 1.5e6)),
        memoryBytes: 3 * GIB,
        totalMemoryBytes: machineBytes,
      });
    sampler = new UsageSampler(
      {
        runtime,
        clock,
        clusterId: 'c',
        worker: 'w1',
        readMachine,
        labelsOf: ({ name }) => (name === 'web' ? { app: 'web' } : undefined),
      },
      stopping.signal,
    );
  });

  async function run(name: string, image: string, attempt = 1): Promise<string> {
    const { id } = await runtime.create(
      {
        name: `${name}.${attempt}`,
        image,
        labels: {
          [LABEL_CLUSTER]: 'c',
          [LABEL_WORKER]: 'w1',
          [LABEL_TASK]: `default/${name}`,
          [LABEL_UID]: `uid-${name}`,
          [LABEL_ATTEMPT]: String(attempt),
        },
        env: [],
        ports: [],
        resources: {},
        networkMode: 'none',
        privileged: false,
        readOnlyRootFilesystem: false,
        capabilities: { add: [], drop: [] },
      },
      signal,
    );
    await runtime.start(id, signal);
    return id;
  }

  /** Lets all happen that needs no time. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  /** Asks, and lets time pass until there is an answer; says how long that was. */
  async function ask(): Promise<{ usage: WorkerUsage; tookMs: number }> {
    const startMs = clock.monotonicMs();
    let isOver = false;
    const asking = sampler.usage(signal).finally(() => {
      isOver = true;
    });
    asking.catch(() => undefined);
    for (let step = 0; step < 100; step++) {
      await settle();
      if (isOver) return { usage: await asking, tookMs: clock.monotonicMs() - startMs };
      clock.advance(100);
    }
    throw new Error('no answer within 10 s');
  }

  it('answers who asks first within about a second', async () => {
    await run('web', 'half:1');
    await run('batch', 'idle:1');
    clock.advance(10_000);
    const { usage, tookMs } = await ask();
    expect(tookMs).to.be.within(1_000, 1_100);
    expect(usage).to.deep.equal({
      worker: 'w1',
      atMs: clock.now(),
      windowMs: 1_000,
      cpuNanocores: 1_500_000_000,
      memoryBytes: 3 * GIB,
      tasks: [
        {
          namespace: 'default',
          name: 'web',
          uid: 'uid-web',
          labels: { app: 'web' },
          cpuNanocores: 500_000_000,
          memoryBytes: 64_000_000,
        },
        {
          namespace: 'default',
          name: 'batch',
          uid: 'uid-batch',
          labels: {},
          cpuNanocores: 0,
          memoryBytes: 1_000_000,
        },
      ],
    });
  });

  it('reads nothing while nobody asks', async () => {
    await run('web', 'half:1');
    await ask();
    expect(reads).to.equal(2);
    for (let second = 0; second < 120; second++) {
      clock.advance(1_000);
      await settle();
    }
    expect(reads).to.equal(2);
    expect(clock.nextDueMs()).to.equal(undefined);
  });

  it('gives the same answer for five seconds, then measures since then without a wait', async () => {
    await run('web', 'half:1');
    const first = await ask();
    clock.advance(4_900);
    expect(await ask()).to.deep.equal({ usage: first.usage, tookMs: 0 });
    expect(reads).to.equal(2);
    clock.advance(5_000);
    const { usage, tookMs } = await ask();
    expect(tookMs).to.equal(0);
    expect(usage.windowMs).to.equal(9_900);
    expect(usage.tasks[0]?.cpuNanocores).to.equal(500_000_000);
    expect(reads).to.equal(3);
  });

  it('begins anew when the reading before is too old', async () => {
    await run('web', 'half:1');
    await ask();
    clock.advance(31_000);
    const { usage, tookMs } = await ask();
    expect(tookMs).to.be.within(1_000, 1_100);
    expect(usage.windowMs).to.equal(1_000);
  });

  it('measures once for all who ask at once, and goes on when one of them leaves', async () => {
    await run('web', 'half:1');
    const leaving = new AbortController();
    const left = sampler.usage(leaving.signal).catch((error: unknown) => error);
    const others = [sampler.usage(signal), sampler.usage(signal)];
    leaving.abort();
    expect(await left).to.be.instanceOf(ApiError);
    await ask();
    const [first, second] = await Promise.all(others);
    expect(first).to.equal(second);
    expect(reads).to.equal(2);
  });

  it('waits a second for what began since the reading before', async () => {
    await run('web', 'half:1');
    await ask();
    clock.advance(6_000);
    await run('young', 'half:1');
    const { usage, tookMs } = await ask();
    expect(tookMs).to.be.within(1_000, 1_100);
    expect(usage.tasks.map(({ name, cpuNanocores }) => [name, cpuNanocores])).to.deep.equal([
      ['web', 500_000_000],
      ['young', 500_000_000],
    ]);
  });

  it('tells of the newest container of a Task, and of none that ended or cannot be read', async () => {
    await run('web', 'idle:1', 1);
    await run('web', 'half:1', 2);
    const ended = await run('ended', 'half:1');
    const odd = await run('odd', 'half:1');
    runtime.engine.exit(ended, 0);
    runtime.hooks = {
      before: ({ operation, args }) => {
        if (operation === 'stats' && args[0] === odd)
          throw new RuntimeError('Failed', 'the engine is at odds with it');
      },
    };
    const { usage } = await ask();
    expect(usage.tasks.map(({ name, memoryBytes }) => [name, memoryBytes])).to.deep.equal([
      ['web', 64_000_000],
    ]);
  });

  it('tells the sum of its Tasks when the engine is on another machine', async () => {
    machineBytes = 4 * GIB;
    await run('web', 'half:1');
    await run('batch', 'half:1');
    const { usage } = await ask();
    expect(usage).to.include({ cpuNanocores: 1_000_000_000, memoryBytes: 128_000_000 });
  });

  it('says 503 while the engine is away, and when it stops in the middle', async () => {
    await run('web', 'half:1');
    runtime.stopEngine({ containersDie: false });
    const away: unknown = await ask().catch((error: unknown) => error);
    expect(away).to.be.instanceOf(ApiError).and.include({ code: 503 });
    runtime.startEngine();
    const asking = sampler.usage(signal).catch((error: unknown) => error);
    await settle();
    stopping.abort();
    expect(await asking)
      .to.be.instanceOf(ApiError)
      .and.include({ code: 503 });
  });

  it('has no more than eight readings under way', async () => {
    for (let index = 0; index < 20; index++) await run(`task-${index}`, 'idle:1');
    let underWay = 0;
    let most = 0;
    runtime.hooks = {
      before: async ({ operation }) => {
        if (operation !== 'stats') return;
        underWay += 1;
        most = Math.max(most, underWay);
        await settle();
        underWay -= 1;
      },
    };
    const asking = ask();
    const { usage } = await asking;
    expect(usage.tasks).to.have.length(20);
    expect(most).to.equal(8);
  });
});

describe('machineReading', () => {
  it('counts time at work, and memory that could not be taken back', () => {
    const stat = 'cpu  100 10 50 9000 400 5 6 7 20 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 5\n';
    const meminfo = 'MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:   12000 kB\n';
    expect(machineReading(stat, meminfo)).to.deep.equal({
      cpuNanoseconds: 1_780_000_000n,
      memoryBytes: 4_000 * 1024,
      totalMemoryBytes: 16_000 * 1024,
    });
  });

  it('tells nothing from files it does not know', () => {
    expect(machineReading('', '')).to.equal(undefined);
    expect(machineReading('cpu  1 2 3 4\n', 'MemTotal: 5 kB\n')).to.equal(undefined);
  });
});
