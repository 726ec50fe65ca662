/** Many Tasks that wait for places to start at: who waits holds up nothing else, and nobody is passed over. */
import { expect } from 'chai';
import { StartPlaces } from '../../../controllers/task/acting/places.ts';
import { sleep } from '../../../machinery/clock.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import type { FakeHooks } from '../../../runtime/fake/fake.ts';
import { tasks } from '../../../schemas/kinds.ts';
import { openRig, type Rig } from '../../agent/rig.ts';

const PLACES = 4;
const START_MS = 10_000;
/** Nothing is waited for but turns of the loop and delays of a second at most. */
const SOON_MS = 1_000;

describe('places to start at', function () {
  // A hundred Tasks are much for a machine that is busy with other things.
  this.timeout(60_000);
  let rig: Rig;
  let startsNow: number;
  let mostStarts: number;
  /** Names of Tasks in the order in which their containers were made. */
  let made: string[];
  let calls: number;

  const nameOf = (containerName: string): string => containerName.split('.')[2] ?? containerName;
  const slowStarts: FakeHooks = {
    before: async ({ operation, args, signal }) => {
      calls++;
      if (operation === 'create') made.push(nameOf((args[0] as { name: string }).name));
      if (operation !== 'start') return;
      mostStarts = Math.max(mostStarts, ++startsNow);
      await sleep(rig.world.clock, START_MS, signal).finally(() => startsNow--);
    },
  };

  beforeEach(async () => {
    startsNow = 0;
    mostStarts = 0;
    made = [];
    calls = 0;
    rig = await openRig({}, undefined, { startsAtOnce: PLACES });
  });
  afterEach(() => {
    rig.runtime.hooks = {};
    return rig.close();
  });

  const names = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `wait-${at}`);
  const key = (name: string) => ({ namespace: 'default', name });
  const status = async (name: string) => (await rig.read(name))?.status;
  /** So many Tasks whose starts are slow, each with its first look behind it. */
  const burst = async (count: number): Promise<readonly string[]> => {
    rig.runtime.hooks = slowStarts;
    for (const name of names(count)) await rig.apply(name);
    await rig.world.advance(SOON_MS);
    expect(startsNow).to.equal(PLACES);
    return names(count);
  };
  const within = async (what: string, ms: number, isSo: () => Promise<boolean>): Promise<void> => {
    const endMs = rig.world.clock.monotonicMs() + ms;
    await rig.world.until(what, isSo, ms);
    expect(rig.world.clock.monotonicMs()).to.be.at.most(endMs);
  };

  it('tells an end, a restart that has to wait, a stop and a deletion at once while a hundred wait', async () => {
    await rig.apply('once', { restartPolicy: 'Never' });
    for (const name of ['again', 'stopped', 'deleted']) await rig.apply(name);
    for (const name of ['once', 'again', 'stopped', 'deleted']) await rig.untilPhase(name, 'Running');
    const waiting = await burst(100);
    rig.runtime.engine.exit(rig.running('once')[0]?.id ?? '', 3);
    await within('the end is told', SOON_MS, async () => (await status('once'))?.phase === 'Failed');
    rig.runtime.engine.exit(rig.running('again')[0]?.id ?? '', 4);
    await within(
      'its end is told',
      SOON_MS,
      async () => (await status('again'))?.history?.[0]?.exitCode === 4,
    );
    expect(await status('again')).to.include({ phase: 'Pending', reason: 'ContainerCreating' });
    await rig.edit('stopped', (spec) => ({ ...spec, desiredState: 'Stopped' }));
    await within('the stop is told', SOON_MS, async () => (await status('stopped'))?.phase === 'Stopped');
    await rig.world.admin.delete(tasks, key('deleted'));
    await within('it is gone', SOON_MS, async () => (await rig.read('deleted')) === undefined);
    expect(
      waiting.filter((name) => rig.running(name).length > 0),
      'the first starts are not over',
    ).to.deep.equal([]);
  });

  it('are given to the first that came, never to more than there are, and none is idle', async () => {
    const waiting = await burst(40);
    const beforeMs = rig.world.clock.monotonicMs();
    for (const name of waiting) {
      await rig.world.until(`${name} runs`, () => rig.running(name).length === 1, 40 * START_MS);
    }
    expect(made).to.deep.equal(waiting);
    expect(mostStarts).to.equal(PLACES);
    const wholeMs = (waiting.length / PLACES) * START_MS;
    expect(rig.world.clock.monotonicMs() - beforeMs).to.be.within(wholeMs - 2 * SOON_MS, wholeMs + SOON_MS);
  });

  it('are waited for in silence: nothing is written, and the engine is asked for nothing', async () => {
    await burst(100);
    const before = await rig.world.admin.list(tasks);
    const callsBefore = calls;
    await rig.world.advance(START_MS - 2 * SOON_MS);
    const versions = (list: typeof before): readonly unknown[] =>
      list.items.map(({ metadata }) => metadata.resourceVersion);
    expect(versions(await rig.world.admin.list(tasks))).to.deep.equal(versions(before));
    expect(calls - callsBefore, 'the worker itself looks around now and then').to.be.below(60);
  });

  it('go on to the next where who waited is not wanted any more', async () => {
    const waiting = await burst(40);
    const [first, gone, last] = [waiting.slice(0, 4), waiting.slice(4, 36), waiting.slice(36)];
    for (const name of gone.slice(0, 16)) await rig.world.admin.delete(tasks, key(name));
    for (const name of gone.slice(16)) {
      await rig.edit(name, (spec) => ({ ...spec, desiredState: 'Stopped' }));
    }
    await rig.world.advance(SOON_MS);
    for (const name of gone.slice(0, 16)) expect(await rig.read(name), name).to.equal(undefined);
    for (const name of gone.slice(16)) expect((await status(name))?.phase, name).to.equal('Stopped');
    for (const name of last) {
      await rig.world.until(`${name} runs`, () => rig.running(name).length === 1, 2 * START_MS);
    }
    expect(made).to.deep.equal([...first, ...last]);
  });

  it('are found by everybody again after the engine was away, after a stop, and after a crash', async () => {
    const waiting = await burst(20);
    rig.runtime.stopEngine({ containersDie: false });
    await rig.world.advance(START_MS);
    rig.runtime.startEngine();
    await rig.world.advance(START_MS);
    await rig.restart();
    for (const name of waiting) await rig.untilPhase(name, 'Running');
    for (const name of waiting) expect(rig.running(name), name).to.have.length(1);
    expect(mostStarts).to.be.at.most(2 * PLACES);
  });

  it('do not shorten the wait of one that the engine gave no answer', async () => {
    rig.runtime.hooks = {
      before: ({ operation }) => {
        if (operation !== 'create') return;
        made.push(`${rig.world.clock.monotonicMs()}`);
        throw new RuntimeError('Unavailable', 'no answer');
      },
    };
    for (const name of names(10)) await rig.apply(name);
    await rig.world.advance(60_000);
    // 5 ms, doubled up to 30 s: some 15 tries a minute of each.
    expect(made.length).to.be.within(10 * 10, 10 * 17);
  });
});

describe('StartPlaces', () => {
  const open = (limit: number) => {
    const called: string[] = [];
    return { called, places: new StartPlaces({ limit, onCalled: (key) => called.push(key) }) };
  };

  it('calls who waits in order, and gives the place of one who was called to nobody else', () => {
    const { called, places } = open(1);
    expect(['a', 'b', 'c', 'b'].map((key) => places.take(key))).to.deep.equal([true, false, false, false]);
    places.leave();
    expect(called).to.deep.equal(['b']);
    expect(places.take('c')).to.equal(false);
    expect(places.take('b')).to.equal(true);
    places.leave();
    expect(called).to.deep.equal(['b', 'c']);
    expect(places.take('c')).to.equal(true);
    places.leave();
    expect(places.take('d')).to.equal(true);
  });

  it('calls the next when who was called looked and did not take its place', () => {
    const { called, places } = open(1);
    for (const key of ['a', 'b', 'c']) places.take(key);
    expect(places.callOf('b')).to.equal(undefined);
    places.leave();
    const call = places.callOf('b');
    places.passOn('b', call);
    places.passOn('b', call);
    expect(called).to.deep.equal(['b', 'c']);
  });

  it('keeps the place of one who was called while it was at work', () => {
    const { called, places } = open(1);
    for (const key of ['a', 'b']) places.take(key);
    const before = places.callOf('b');
    places.leave();
    places.passOn('b', before);
    expect(called).to.deep.equal(['b']);
    expect(places.take('b')).to.equal(true);
  });
});
