/** Who is measured, how often, at what cost, and who is told; on a fake engine and a clock that moves when told. */
import { expect } from 'chai';
import { DiskWatch } from '../../../agent/disk/diskwatch.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom } from '../../../machinery/random.ts';
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

const limited = (name: string): Task =>
  newTask(name, { resources: { limits: { 'ephemeral-storage': '10Mi' } } });

/** An engine whose containers have the sizes that the test says, and whose walks take as long as it says. */
class SizedRuntime extends FakeRuntime {
  readonly asked: { readonly id: string; readonly atMs: number }[] = [];
  readonly sizes = new Map<string, number | Error>();
  readonly #clock: FakeClock;
  walkMs = 0;
  looks = 0;

  constructor(clock: FakeClock) {
    super({ clock, random: seededRandom(1), images: {} });
    this.#clock = clock;
  }

  /** Runs as long as it has a size. */
  override inspect(id: string): Promise<ContainerDetail | undefined> {
    const running: ContainerDetail = {
      id,
      name: id,
      labels: {},
      state: 'running',
      image: 'app:1',
      imageId: 'app',
      createdAt: '2026-01-01T00:00:00Z',
      oomKilled: false,
      resources: {},
      ports: [],
    };
    this.looks++;
    return Promise.resolve(this.sizes.has(id) ? running : undefined);
  }

  override async writableBytes(id: string): Promise<number | undefined> {
    this.asked.push({ id, atMs: this.#clock.monotonicMs() });
    if (this.walkMs > 0) await new Promise<void>((resolve) => this.#clock.after(this.walkMs, resolve));
    const size = this.sizes.get(id);
    if (size instanceof Error) throw size;
    return size;
  }
}

describe('DiskWatch', () => {
  let clock = new FakeClock();
  let runtime = new SizedRuntime(clock);
  let stopped = new AbortController();
  let emptied: string[] = [];
  let told: string[] = [];
  let watch: DiskWatch;

  beforeEach(() => {
    clock = new FakeClock();
    runtime = new SizedRuntime(clock);
    stopped = new AbortController();
    emptied = [];
    told = [];
    watch = new DiskWatch({
      runtime,
      clock,
      log: silentLog,
      volumes: {
        diskDirectories: () => Promise.resolve([]),
        emptyBeforeNext: (uid) => void emptied.push(uid),
      },
      tape: {
        directoryBytes: () => Promise.resolve(new Map()),
        logBytes: () => Promise.resolve(0),
      },
      signal: stopped.signal,
    });
    watch.onChange((key) => void told.push(key));
  });

  afterEach(() => stopped.abort());

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (seconds: number): Promise<void> => {
    for (let step = 0; step < seconds * 2; step++) {
      clock.advance(500);
      await settle();
    }
  };

  it('a container that took too much is told once, with the reason, and its Task begins anew with empty emptyDirs', async () => {
    const task = limited('t');
    runtime.sizes.set('c1', 11 * 2 ** 20);
    expect(watch.overuseOf(task, ['c1']).size).to.equal(0);
    await pass(15);
    expect(told).to.deep.equal(['default/t']);
    expect(emptied).to.deep.equal(['uid-t']);
    expect(watch.overuseOf(task, ['c1']).get('c1')).to.include('exceeds its ephemeral-storage limit 10Mi');
    await pass(30);
    expect(told).to.have.length(1);
    expect(runtime.asked).to.have.length(1);
    // The next container is another story.
    expect(watch.overuseOf(task, ['c2']).size).to.equal(0);
  });

  it('one within its limits is measured every ten seconds and not told of', async () => {
    runtime.sizes.set('c1', 2 ** 20);
    watch.overuseOf(limited('t'), ['c1']);
    await pass(35);
    expect(runtime.asked.map(({ atMs }) => Math.round(atMs / 1000))).to.deep.equal([10, 20, 30]);
    expect(told).to.deep.equal([]);
  });

  it('a Task without limits costs nothing', async () => {
    watch.overuseOf(newTask('t'), ['c1']);
    await pass(30);
    expect(runtime.asked).to.deep.equal([]);
    expect(clock.nextDueMs()).to.equal(undefined);
  });

  it('one that is gone, or not asked about any more, is not measured again', async () => {
    const task = limited('t');
    runtime.sizes.set('c2', 1);
    watch.overuseOf(task, ['c1']);
    await pass(25);
    expect(runtime.looks).to.equal(1);
    expect(runtime.asked).to.have.length(0);
    watch.overuseOf(task, ['c2']);
    await pass(15);
    watch.overuseOf(task, []);
    const before = runtime.asked.length;
    await pass(30);
    expect(runtime.asked).to.have.length(before);
  });

  it('measuring takes at most a twentieth of the time, whatever it costs, and everybody has a turn', async () => {
    runtime.walkMs = 500;
    for (let index = 0; index < 5; index++) {
      runtime.sizes.set(`c${index}`, 1);
      watch.overuseOf(limited(`t${index}`), [`c${index}`]);
    }
    await pass(150);
    const { length } = runtime.asked;
    expect(length).to.be.within(12, 15);
    expect(new Set(runtime.asked.map(({ id }) => id)).size).to.equal(5);
  });

  it('what cannot be measured is measured again', async () => {
    const task = limited('t');
    runtime.sizes.set('c1', new Error('the engine is busy'));
    watch.overuseOf(task, ['c1']);
    await pass(15);
    runtime.sizes.set('c1', 11 * 2 ** 20);
    await pass(15);
    expect(told).to.deep.equal(['default/t']);
  });

  it('a limit that is raised in time is the one that counts', async () => {
    runtime.sizes.set('c1', 11 * 2 ** 20);
    watch.overuseOf(limited('t'), ['c1']);
    watch.overuseOf(newTask('t', { resources: { limits: { 'ephemeral-storage': '20Mi' } } }), ['c1']);
    await pass(25);
    expect(told).to.deep.equal([]);
  });
});
