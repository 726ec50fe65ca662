/** The collector of images on a fake engine whose disk is as full as its images say. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ImageCollector, type ImageSettings } from '../../../agent/images/collector.ts';
import type { EventInput } from '../../../controllers/engine/event.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';

const { signal } = new AbortController();
const GIB = 1024 ** 3;

class World {
  readonly clock = new FakeClock();
  readonly runtime = new FakeRuntime({
    clock: this.clock,
    random: seededRandom(1),
    info: { dataRoot: '/engine' },
  });
  readonly metrics = newMetrics();
  readonly events: EventInput[] = [];
  wanted: readonly string[] | undefined = [];
  /** Beside the images. */
  otherBytes = 0;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  collector: ImageCollector;
  readonly #settings: ImageSettings;

  constructor(settings: ImageSettings = {}) {
    this.#settings = settings;
    this.collector = this.start();
  }

  start(): ImageCollector {
    this.#stop = new AbortController();
    this.collector = new ImageCollector({
      runtime: this.runtime,
      clock: this.clock,
      log: silentLog,
      metrics: this.metrics,
      events: { record: (event) => this.events.push(event) },
      worker: 'w1',
      workerObject: () => undefined,
      settings: this.#settings,
      readFileSystem: (path) =>
        Promise.resolve(
          path === '/engine'
            ? {
                totalBytes: 100 * GIB,
                availableBytes: 100 * GIB - this.usedBytes,
                totalInodes: 0,
                freeInodes: 0,
              }
            : undefined,
        ),
      namedImages: () => this.wanted,
    });
    this.#running = this.collector.run(this.#stop.signal);
    return this.collector;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get usedBytes(): number {
    return this.otherBytes + this.runtime.engine.images.list().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get names(): readonly string[] {
    return this.runtime.engine.images.list().flatMap(({ references }) => references);
  }

  get reasons(): readonly string[] {
    return this.events.map(({ reason }) => reason);
  }

  async pull(reference: string, gib: number): Promise<void> {
    const before = new Set(this.runtime.engine.images.list().map(({ id }) => id));
    this.runtime.engine.publish(reference, {}, { layers: [gib * GIB] });
    const info = await this.runtime.pull(reference, {}, signal);
    this.collector.onPulled({ reference, info, isNew: !before.has(info.id) });
  }

  async run(image: string): Promise<string> {
    const spec = {
      name: `of-${image}`,
      image,
      labels: {},
      env: [],
      ports: [],
      resources: {},
      networkMode: 'none',
      privileged: false,
      readOnlyRootFilesystem: false,
      capabilities: { add: [], drop: [] },
    };
    const { id } = await this.runtime.create(spec, signal);
    await this.runtime.start(id, signal);
    return id;
  }

  async minutes(count: number): Promise<void> {
    for (let minute = 0; minute < count; minute++) {
      await settled();
      this.clock.advance(60_000);
    }
    await settled();
  }
}

/** Minutes go by until it is so; files are read and written in real time. */
async function until(world: World, what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited 10 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    world.clock.advance(60_000);
  }
}

/** Everything that follows from what was done, without time going by. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('the collector of images', () => {
  let world: World;
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-images-'));
  });
  afterEach(async () => {
    await world.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('removes between the marks what was used longest ago, and says so on the Worker', async () => {
    world = new World();
    await world.pull('old:1', 4);
    await world.minutes(30);
    await world.pull('used:1', 4);
    const id = await world.run('used:1');
    await world.pull('young:1', 4);
    await world.minutes(30);
    await world.runtime.remove(id, signal);
    world.otherBytes = 70 * GIB;
    await world.minutes(5);
    expect(world.names).to.have.members(['old:1', 'used:1', 'young:1']);
    world.otherBytes = 75 * GIB;
    await world.minutes(1);
    // 87 % -> 79 %: two of them.
    expect(world.names).to.deep.equal(['used:1']);
    expect(world.reasons).to.deep.equal(['ImageGCRemoved', 'ImageGCRemoved']);
    expect(world.events.map(({ message }) => message)).to.deep.equal([
      "Removed image old:1 (4.0 GiB, last used 66 min ago): the engine's disk was 87 % full",
      "Removed image young:1 (4.0 GiB, last used 36 min ago): the engine's disk was 87 % full",
    ]);
    const text = await world.metrics.metrics();
    expect(text).to.match(/^gantry_image_gc_removed_total 2$/m);
    expect(text).to.include(`gantry_image_gc_freed_bytes_total ${8 * GIB}`);
  });

  it('never touches what others brought, runs or named, and says that it could not help', async () => {
    world = new World();
    world.runtime.engine.addImage('theirs:1');
    await world.pull('running:1', 2);
    await world.run('running:1');
    await world.pull('named:1', 2);
    world.wanted = ['named:1'];
    await world.pull('tagged:1', 2);
    world.runtime.engine.images.tag('tagged:1', 'mine:1');
    world.otherBytes = 90 * GIB;
    await world.minutes(90);
    expect(world.names).to.have.members(['theirs:1', 'running:1', 'named:1', 'tagged:1', 'mine:1']);
    // Once, and once more after an hour.
    expect(world.reasons).to.deep.equal(['FreeDiskSpaceFailed', 'FreeDiskSpaceFailed']);
    expect(world.events[0]?.message).to.match(/^\/engine is 96 % full .* wanted 16\.0 GiB back, got 0 KiB/);
  });

  it('removes nothing before all Tasks are known', async () => {
    world = new World();
    world.wanted = undefined;
    await world.pull('old:1', 2);
    world.otherBytes = 90 * GIB;
    await world.minutes(10);
    expect(world.names).to.deep.equal(['old:1']);
    world.wanted = [];
    await world.minutes(1);
    expect(world.names).to.deep.equal([]);
  });

  it('leaves an image alone that somebody begins to use at the last moment', async () => {
    world = new World();
    await world.pull('old:1', 2);
    await world.minutes(5);
    let lists = 0;
    world.runtime.hooks.before = async ({ operation }) => {
      // The second list is the last look before the removal.
      if (operation === 'list' && ++lists === 2) {
        world.runtime.hooks.before = () => undefined;
        await world.run('old:1');
      }
    };
    world.otherBytes = 90 * GIB;
    await world.minutes(1);
    expect(world.names).to.deep.equal(['old:1']);
  });

  it('knows after a restart what it pulled before, and when that was used', async () => {
    const recordFile = join(directory, 'images.json');
    world = new World({ recordFile });
    const recorded = async (): Promise<string> => readFile(recordFile, 'utf8').catch(() => '');
    await world.pull('old:1', 2);
    await until(world, 'the record', async () => (await recorded()).includes('old:1'));
    world.clock.advance(20 * 60_000);
    await world.restart();
    await world.pull('newer:1', 8);
    await until(world, 'the record', async () => (await recorded()).includes('newer:1'));
    world.otherBytes = 80 * GIB;
    await until(world, 'both to be removed', () => world.names.length === 0);
    const removed = world.events.filter(({ reason }) => reason === 'ImageGCRemoved');
    expect(removed.map(({ message }) => message.split(' ')[2])).to.deep.equal(['old:1', 'newer:1']);
    await until(world, 'the record to be empty', async () => !/old|newer/.test(await recorded()));
    expect(JSON.parse(await recorded())).to.deep.equal({ version: 1, images: [] });
  });

  it('takes nothing for its own when the record is damaged, and keeps what is pulled from then on', async () => {
    const recordFile = join(directory, 'images.json');
    await writeFile(recordFile, '{"version":1,"images":[{"id":7}]}');
    world = new World({ recordFile });
    world.runtime.engine.addImage('from-before:1');
    await world.pull('since:1', 2);
    world.otherBytes = 90 * GIB;
    await until(world, 'the removal', () => !world.names.includes('since:1'));
    expect(world.names).to.deep.equal(['from-before:1']);
  });

  it('removes nothing with a high mark of 0, on an engine elsewhere, or where nobody can say how full the disk is', async () => {
    for (const [settings, info] of [
      [{ highPercent: 0 }, {}],
      [{}, { isLocal: false }],
      [{}, { dataRoot: '/nowhere' }],
    ] as const) {
      world = new World(settings);
      const told = world.runtime.info.bind(world.runtime);
      world.runtime.info = async (inner) => ({ ...(await told(inner)), ...info });
      await world.pull('old:1', 2);
      world.otherBytes = 97 * GIB;
      await world.minutes(10);
      expect(world.names).to.deep.equal(['old:1']);
      expect(world.events).to.deep.equal([]);
      await world.stop();
    }
  });
});
