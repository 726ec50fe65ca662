/** Pulls on the fake engine: shared, bounded, with the right credentials, given up in time. */
import { expect } from 'chai';
import { type PulledImage, type PullSettings, Pulls } from '../../../controllers/task/acting/pulls.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { type Metrics, newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import type { RegistryAuth } from '../../../machinery/runtime.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import type { FakeDelivery } from '../../../runtime/fake/images.ts';
import { rejection } from '../../runtime/expectations.ts';
import { seriesOf } from '../../series.ts';

const MIB = 1024 * 1024;
const ann: RegistryAuth = { registry: 'r.example', username: 'ann', password: 'secret' };
const bob: RegistryAuth = { registry: 'r.example', username: 'bob', password: 'secret' };
const guarded: FakeDelivery = { credentials: { username: 'bob', password: 'secret' } };
/** A hundred seconds of eighty MiB. */
const slow: FakeDelivery = { layers: [10 * MIB, 70 * MIB], msPerPiece: 5_000 };

interface World {
  readonly runtime: FakeRuntime;
  readonly clock: FakeClock;
  readonly pulls: Pulls;
  readonly pulled: PulledImage[];
  readonly stop: AbortController;
  readonly metrics: Metrics;
  /** Who pulled what. */
  readonly asked: readonly string[];
}

function open(settings: PullSettings = {}): World {
  const clock = new FakeClock();
  const runtime = new FakeRuntime({ clock, random: seededRandom(1) });
  const stop = new AbortController();
  const metrics = newMetrics();
  const pulled: PulledImage[] = [];
  const pulls = new Pulls({
    runtime,
    clock,
    settings: { onPulled: (image) => pulled.push(image), ...settings },
    metrics,
    signal: stop.signal,
  });
  const asked: string[] = [];
  runtime.hooks.before = ({ operation, args }) => {
    if (operation !== 'pull') return;
    const [image, options] = args as [string, { auth?: RegistryAuth }];
    asked.push(`${image} as ${options.auth?.username ?? 'nobody'}`);
  };
  return { runtime, clock, pulls, pulled, stop, asked, metrics };
}

const silent = (): void => undefined;

/** Seconds, one after the other, with whatever follows from each. */
async function pass(clock: FakeClock, seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 5; step++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(200);
  }
  await new Promise((resolve) => setImmediate(resolve));
}

/** Moves time in steps until the work is done. */
async function passing<T>(clock: FakeClock, work: Promise<T>): Promise<T> {
  const passed = Symbol('time has passed');
  for (let second = 0; second < 2_000; second++) {
    if ((await Promise.race([work, pass(clock, 1).then(() => passed)])) !== passed) break;
  }
  return work;
}

describe('Pulls', () => {
  it('is one pull for all who want the same image with the same credentials', async () => {
    const { runtime, clock, pulls, asked } = open();
    runtime.engine.publish('r.example/app:1', {}, slow);
    const all = Promise.all([
      ...Array.from({ length: 5 }, () => pulls.pull('r.example/app:1', [ann], silent)),
      pulls.pull('r.example/app:1', [], silent),
      // Credentials for other registries make no difference.
      pulls.pull('r.example/app:1', [{ ...bob, registry: 'other.example' }], silent),
    ]);
    await passing(clock, all);
    expect(asked).to.have.members(['r.example/app:1 as ann', 'r.example/app:1 as nobody']);
  });

  it('asks again once a pull is over', async () => {
    const { runtime, pulls, asked } = open();
    runtime.engine.publish('app:1');
    await pulls.pull('app:1', [], silent);
    await pulls.pull('app:1', [], silent);
    expect(asked).to.have.length(2);
  });

  it('pulls at most so many images at once, in the order in which they were asked for', async () => {
    const { runtime, clock, pulls, asked } = open({ atOnce: 2 });
    const images = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1'];
    for (const image of images) runtime.engine.publish(image, {}, slow);
    const all = Promise.all(images.map((image) => pulls.pull(image, [], silent)));
    await pass(clock, 50);
    expect(asked).to.deep.equal(['a:1 as nobody', 'b:1 as nobody']);
    await passing(clock, all);
    expect(asked).to.deep.equal(images.map((image) => `${image} as nobody`));
  });

  it('tries every credential that fits, the most particular first', async () => {
    const { runtime, pulls, asked } = open();
    runtime.engine.publish('r.example/team/app:1', {}, guarded);
    const auths = [
      ann,
      { ...ann, registry: 'r.example/other' },
      { ...bob, registry: '*.example' },
      { ...ann, username: 'team', registry: 'r.example/team' },
    ];
    await pulls.pull('r.example/team/app:1', auths, silent);
    expect(asked).to.deep.equal([
      'r.example/team/app:1 as team',
      'r.example/team/app:1 as ann',
      'r.example/team/app:1 as bob',
    ]);
  });

  it('is counted once, however many wait and whatever is tried; under way, then by how it ended', async () => {
    const { runtime, clock, pulls, stop, metrics } = open({ atOnce: 2 });
    const figures = async (): Promise<readonly (number | undefined)[]> => {
      const ended = await seriesOf(metrics, 'gantry_image_pulls_total');
      const [underWay] = await seriesOf(metrics, 'gantry_image_pulls_in_progress');
      const [timed] = await seriesOf(metrics, 'gantry_image_pull_duration_seconds_count');
      return [...ended.map(({ value }) => value), underWay?.value, timed?.value];
    };
    expect(await figures()).to.deep.equal([0, 0, 0, 0, 0]);
    runtime.engine.publish('r.example/app:1', {}, guarded);
    await Promise.all([1, 2, 3].map(() => pulls.pull('r.example/app:1', [ann, bob], silent)));
    expect(await figures()).to.deep.equal([1, 0, 0, 0, 1]);
    await rejection(pulls.pull('r.example/app:1', [ann], silent), 'Unauthorized');
    expect(await figures()).to.deep.equal([1, 1, 0, 0, 1]);
    runtime.engine.publish('slow:1', {}, slow);
    const left = pulls.pull('slow:1', [], silent).catch((error: unknown) => error);
    await pass(clock, 10);
    expect(await figures()).to.deep.equal([1, 1, 0, 1, 1]);
    stop.abort();
    await passing(clock, left);
    expect(await figures()).to.deep.equal([1, 1, 1, 0, 1]);
  });

  it('says that no credential was good, and no more', async () => {
    const { runtime, pulls } = open();
    runtime.engine.publish('r.example/app:1', {}, guarded);
    const error = await rejection(
      pulls.pull('r.example/app:1', [ann, { ...ann, password: 'other' }], silent),
      'Unauthorized',
    );
    expect(error.message).to.equal(
      'pull of image "r.example/app:1": authentication required (none of the 2 credentials for it was good)',
    );
  });

  it('does not try others with a registry that does not answer', async () => {
    const { runtime, pulls, asked } = open();
    runtime.engine.images.isRegistryDown = true;
    await rejection(pulls.pull('r.example/app:1', [ann, bob], silent), 'RegistryUnavailable');
    expect(asked).to.have.length(1);
  });

  it('tells those who wait how far it has come, at most every three seconds, and seldom as news', async () => {
    const { runtime, clock, pulls } = open();
    runtime.engine.publish('slow:1', {}, slow);
    runtime.engine.publish('quick:1', {}, { layers: [80 * MIB], msPerPiece: 200 });
    const told: { atMs: number; words: string; isNews: boolean }[] = [];
    const late: string[] = [];
    const begunMs = clock.monotonicMs();
    const first = pulls.pull('slow:1', [], (words, isNews) =>
      told.push({ atMs: clock.monotonicMs() - begunMs, words, isNews }),
    );
    await pass(clock, 45);
    const second = pulls.pull('slow:1', [], (words) => late.push(words));
    const quick: string[] = [];
    await passing(
      clock,
      pulls.pull('quick:1', [], (words) => quick.push(words)),
    );
    const said = await passing(clock, Promise.all([first, second]));
    // It moves every five seconds: nothing is told twice.
    expect(told.map(({ atMs }) => atMs / 1000).slice(0, 6)).to.deep.equal([6, 12, 15, 21, 27, 30]);
    expect(new Set(told.map(({ words }) => words)).size).to.equal(told.length);
    expect(
      told.filter(({ isNews }) => isNews).map(({ atMs, words }) => `${atMs / 1000} s: ${words}`),
    ).to.deep.equal([
      '12 s: 2 MiB of 80 MiB, 0 of 2 layers',
      '36 s: 7 MiB of 80 MiB, 0 of 2 layers',
      '81 s: 52 MiB of 80 MiB, 1 of 2 layers',
    ]);
    expect(late).to.deep.equal(told.filter(({ atMs }) => atMs > 45_000).map(({ words }) => words));
    expect(quick).to.deep.equal([]);
    expect(said).to.deep.equal(Array(2).fill('Pulled image "slow:1" in 100 s: 80 MiB'));
  });

  it('gives up a pull that does not move, however often it is moved before', async () => {
    const { runtime, clock, pulls } = open({ progressDeadlineMs: 60_000 });
    runtime.engine.publish('stuck:1', {}, { ...slow, msPerPiece: 50_000, stallsAtBytes: 3 * MIB });
    const begunMs = clock.monotonicMs();
    const error = await passing(clock, rejection(pulls.pull('stuck:1', [], silent), 'RegistryUnavailable'));
    expect(error.message).to.equal(
      'pull of image "stuck:1": nothing came from the registry for 60 s (3 MiB of 80 MiB, 0 of 2 layers), gave it up',
    );
    expect(clock.monotonicMs() - begunMs).to.be.within(3 * 50_000 + 60_000, 3 * 50_000 + 61_000);
  });

  it('really ends when the worker stops', async () => {
    const { runtime, clock, pulls, stop, asked } = open({ atOnce: 1 });
    runtime.engine.publish('stuck:1', {}, { ...slow, stallsAtBytes: 0 });
    runtime.engine.publish('next:1', {}, slow);
    const both = Promise.allSettled([pulls.pull('stuck:1', [], silent), pulls.pull('next:1', [], silent)]);
    await pass(clock, 1);
    stop.abort(new Error('the worker is stopping'));
    expect((await both).map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    expect(asked).to.deep.equal(['stuck:1 as nobody']);
    expect(await runtime.image('stuck:1', new AbortController().signal)).to.equal(undefined);
  });

  it('knows an image that the engine had before, under whatever name, from a new one', async () => {
    const { runtime, pulls, pulled } = open();
    runtime.engine.addImage('here:1');
    for (const image of ['here:1', 'new:1']) {
      runtime.engine.publish(image);
      await pulls.pull(image, [], silent);
    }
    expect(pulled.map(({ reference, isNew }) => ({ reference, isNew }))).to.deep.equal([
      { reference: 'here:1', isNew: false },
      { reference: 'new:1', isNew: true },
    ]);
  });
});
