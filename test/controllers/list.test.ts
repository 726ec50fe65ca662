/** What is old enough to go, on the real registry and under the whole control plane; and its figures. */
import { expect } from 'chai';
import { ControlPlane, controllerNames } from '../../controllers/list.ts';
import type { Clock } from '../../machinery/clock.ts';
import { silentLog } from '../../machinery/log.ts';
import { configMaps, events, tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { newEvent, taskManifest } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const HOUR = 3_600_000;

describe('Control plane', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<void>;
  let controlPlane: ControlPlane;
  const askedFor = new Set<string>();
  /** Those of the control plane that have neither fired nor been cancelled. */
  const timers = new Set<object>();

  beforeEach(async () => {
    world = await openWorld();
    stop = new AbortController();
    const { random, metrics } = world;
    timers.clear();
    controlPlane = new ControlPlane({
      clientOf: (name) => {
        askedFor.add(name);
        return world.controllerClient(name);
      },
      clock: noting(world.clock, timers),
      random,
      log: silentLog,
      metrics,
    });
    running = controlPlane.run(stop.signal);
    await world.settle();
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await world.close();
  });

  async function addEnded(name: string, annotations: Record<string, string>, phase: 'Succeeded' | 'Stopped') {
    const made = await world.admin.create(tasks, taskManifest(name, {}, { annotations }));
    await world.settle();
    return says(made.metadata.name, {
      phase,
      observedGeneration: 1,
      finishedAt: new Date(world.clock.now()).toISOString(),
    });
  }

  async function says(name: string, status: NonNullable<Task['status']>): Promise<Task> {
    const task = await world.admin.get(tasks, { namespace: 'default', name });
    return world.admin.update(
      tasks,
      { ...task, status: { ...task.status, ...status } },
      { subresource: 'status' },
    );
  }

  const names = async (): Promise<string[]> =>
    (await world.admin.list(tasks)).items.map((task) => task.metadata.name);

  it('is ready once its copies are complete, runs every controller under a name of its own, and stops', async () => {
    expect(controlPlane.isReady).to.equal(true);
    expect([...askedFor]).to.have.members(['informers', ...controllerNames]);
    stop.abort();
    await running;
    expect(controlPlane.isReady).to.equal(false);
  });

  it('can be run again after it stopped, with the figures it had and nothing left behind', async () => {
    const attempts = async (): Promise<string> => {
      const text = await world.metrics.metrics();
      return (
        text.split('\n').find((line) => /^scheduler_schedule_attempts_total.*scheduled/.test(line)) ?? ''
      );
    };
    await world.addWorker('w1');
    for (let run = 1; run <= 5; run++) {
      const { metadata } = await world.admin.create(tasks, taskManifest(`t${run}`));
      await world.advance(100);
      const task = await world.admin.get(tasks, { namespace: 'default', name: metadata.name });
      expect(task.spec.workerName, `run ${run}`).to.equal('w1');
      expect(await attempts()).to.match(new RegExp(` ${run}$`));
      expect((await world.metrics.metrics()).match(/^workqueue_depth\{name="scheduler"\}/gm)).to.have.length(
        1,
      );
      stop.abort();
      await running;
      expect(controlPlane.isReady).to.equal(false);
      stop = new AbortController();
      expect(timers.size, 'timers are left').to.equal(0);
      running = controlPlane.run(stop.signal);
      await world.settle();
      expect(controlPlane.isReady).to.equal(true);
    }
  });

  it('removes an ended task when its ttl has passed, and no other', async () => {
    await addEnded('short', { 'gantry.dev/ttl': '1h' }, 'Succeeded');
    await addEnded('long', { 'gantry.dev/ttl': '1d' }, 'Stopped');
    await addEnded('none', {}, 'Succeeded');
    await world.advance(HOUR - 2_000);
    expect(await names()).to.have.members(['short', 'long', 'none']);
    await world.advance(4_000);
    expect(await names()).to.have.members(['long', 'none']);
    await world.advance(24 * HOUR);
    expect(await names()).to.deep.equal(['none']);
  });

  it('removes an ended task when its ttlSecondsAfterFinished have passed, to the second', async () => {
    for (const [name, ttlSecondsAfterFinished] of [
      ['short', 10],
      ['long', 1_000_000_000],
    ] as const) {
      await world.admin.create(tasks, taskManifest(name, { ttlSecondsAfterFinished }));
      await world.settle();
      const finishedAt = new Date(world.clock.now()).toISOString();
      await says(name, { phase: 'Failed', observedGeneration: 1, finishedAt });
    }
    await world.advance(9_900);
    expect(await names()).to.have.members(['short', 'long']);
    await world.advance(200);
    expect(await names()).to.deep.equal(['long']);
    // A clock that is put ahead for good is noticed, and believed after a while.
    world.clock.jumpWall(2_000_000_000_000);
    await world.advance(1.2 * HOUR);
    expect(await names()).to.deep.equal([]);
  });

  it('does not remove a task that was set going again', async () => {
    await addEnded('t', { 'gantry.dev/ttl': '1h' }, 'Stopped');
    await world.advance(HOUR / 2);
    const body = { spec: { args: ['again'] } };
    await world.admin.patch(tasks, { namespace: 'default', name: 't' }, { type: 'merge', body });
    await world.advance(2 * HOUR);
    expect(await names()).to.deep.equal(['t']);
  });

  it('says once what is wrong with a ttl that is no duration, and obeys when it is put right', async () => {
    await addEnded('t', { 'gantry.dev/ttl': 'tomorrow' }, 'Succeeded');
    await says('t', { phase: 'Succeeded', message: 'touched' });
    await world.advance(2 * HOUR);
    const told = (await world.admin.list(events)).items.filter((event) => event.reason === 'InvalidTTL');
    expect(told.map((event) => event.count)).to.deep.equal([1]);
    const body = { metadata: { annotations: { 'gantry.dev/ttl': '1h' } } };
    await world.admin.patch(tasks, { namespace: 'default', name: 't' }, { type: 'merge', body });
    await world.settle();
    expect(await names()).to.deep.equal([]);
  });

  it('removes anything else when its ttl has passed since it was made, unless it is protected', async () => {
    const add = (name: string, annotations: Record<string, string>) =>
      world.admin.create(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default', annotations },
      });
    const left = async (): Promise<string[]> =>
      (await world.admin.list(configMaps)).items.map(({ metadata }) => metadata.name);
    await add('short', { 'gantry.dev/ttl': '1h' });
    await add('safe', { 'gantry.dev/ttl': '1h', 'gantry.dev/protect': 'true' });
    await add('longer', { 'gantry.dev/ttl': '1h' });
    await add('bad', { 'gantry.dev/ttl': 'soon' });
    await world.advance(HOUR / 2);
    const body = { metadata: { annotations: { 'gantry.dev/ttl': '3h' } } };
    await world.admin.patch(configMaps, { namespace: 'default', name: 'longer' }, { type: 'merge', body });
    await world.advance(HOUR / 2 + 2_000);
    expect(await left()).to.have.members(['safe', 'longer', 'bad']);
    const told = (await world.admin.list(events)).items
      .filter(({ involvedObject }) => involvedObject.kind === 'ConfigMap')
      .map(({ involvedObject, reason }) => `${involvedObject.name} ${reason}`);
    expect(told).to.have.members(['short TTLExpired', 'safe Protected', 'bad InvalidTTL']);
    await world.advance(2 * HOUR);
    expect(await left()).to.have.members(['safe', 'bad']);
  });

  it('does not take a clock that was set ahead for age', async () => {
    await world.admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'default', annotations: { 'gantry.dev/ttl': '2h' } },
    });
    await world.advance(60_000);
    world.clock.jumpWall(24 * HOUR);
    const body = { metadata: { labels: { touched: 'yes' } } };
    await world.admin.patch(configMaps, { namespace: 'default', name: 'c' }, { type: 'merge', body });
    await world.advance(60_000);
    world.clock.jumpWall(-24 * HOUR);
    await world.advance(HOUR);
    expect((await world.admin.list(configMaps)).items).to.have.length(1);
    await world.advance(HOUR);
    expect((await world.admin.list(configMaps)).items).to.have.length(0);
  });

  it('keeps Events for a day and at most a hundred of an object', async () => {
    for (let index = 0; index < 105; index++) {
      const { uid: _uid, resourceVersion: _version, ...metadata } = newEvent(`e${index}`, 0).metadata;
      const at = world.clock.now() - (200 - index) * 1000;
      await world.admin.create(events, { ...newEvent(`e${index}`, at), metadata });
    }
    const { uid: _uid, resourceVersion: _version, ...metadata } = newEvent('other', 0).metadata;
    await world.admin.create(events, { ...newEvent('other', world.clock.now(), 'uid-u'), metadata });
    await world.settle();
    const left = (await world.admin.list(events)).items
      .filter(({ involvedObject }) => involvedObject.kind === 'Task')
      .map((event) => event.metadata.name);
    expect(left).to.have.length(101).and.include('other').and.include('e104').and.not.include('e4');
    await world.advance(24 * HOUR);
    expect((await world.admin.list(events)).items).to.deep.equal([]);
  });

  it('counts tasks by phase and measures from first seen to first Running', async () => {
    await world.addWorker('w1');
    await world.admin.create(tasks, taskManifest('t'));
    await world.settle();
    await world.advance(250);
    await says('t', { phase: 'Running', observedGeneration: 1, workerName: 'w1' });
    await world.settle();
    await says('t', { phase: 'Running', message: 'still' });
    await world.settle();
    const text = await world.metrics.metrics();
    expect(text).to.contain('gantry_tasks{phase="Running"} 1');
    expect(text).to.contain('gantry_tasks{phase="Pending"} 0');
    expect(text).to.contain('gantry_task_start_duration_seconds_sum 0.25');
    expect(text).to.contain('gantry_task_start_duration_seconds_count 1');
  });
});

/** The clock, with a note of every timer that is set. */
function noting(clock: Clock, timers: Set<object>): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    after(delayMs, callback) {
      const note = {};
      timers.add(note);
      const timer = clock.after(delayMs, () => {
        timers.delete(note);
        callback();
      });
      return {
        cancel() {
          timers.delete(note);
          timer.cancel();
        },
      };
    },
  };
}
