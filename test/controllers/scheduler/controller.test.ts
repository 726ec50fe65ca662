/** The scheduler on the real registry: what it binds, what it says, and what it does not do. */
import { expect } from 'chai';
import { Recorder } from '../../../controllers/engine/recorder.ts';
import { newInformers } from '../../../controllers/informers.ts';
import { openScheduler } from '../../../controllers/scheduler/controller.ts';
import { sleep } from '../../../machinery/clock.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { ANNOTATION_DECISION } from '../../../machinery/labels.ts';
import { silentLog } from '../../../machinery/log.ts';
import { events, tasks, workers } from '../../../schemas/kinds.ts';
import type { Event, Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { type ClientCall, type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

describe('Scheduler', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<unknown>;
  /** Around the scheduler's own calls, and around its watches. */
  let hooks: ClientHooks;
  let watchHooks: ClientHooks;
  let writes: ClientCall[];

  beforeEach(async () => {
    world = await openWorld();
    stop = new AbortController();
    hooks = {};
    watchHooks = {};
    writes = [];
    const { clock, random, metrics } = world;
    const base = { clock, random, metrics, log: silentLog };
    const informers = newInformers({
      ...base,
      client: intercept(world.controllerClient('informers'), {
        deliver: (call, event) => watchHooks.deliver?.(call, event),
      }),
    });
    const client = intercept(world.controllerClient('scheduler'), {
      before: async (call) => {
        await hooks.before?.(call);
        writes.push(call);
      },
      after: (call) => hooks.after?.(call),
    });
    const recorder = new Recorder({
      ...base,
      client: world.controllerClient('scheduler'),
      component: 'scheduler',
    });
    const loop = openScheduler({ ...base, client, recorder }, informers);
    running = Promise.all([
      ...Object.values(informers).map((informer) => informer.start(stop.signal)),
      loop.run(stop.signal),
    ]);
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await world.close();
  });

  const add = (name: string, spec: Partial<Task['spec']> = {}): Promise<Task> =>
    world.admin.create(tasks, taskManifest(name, spec));
  const get = (name: string): Promise<Task> => world.admin.get(tasks, { namespace: 'default', name });
  const eventsOf = async (name: string): Promise<readonly Event[]> =>
    (await world.admin.list(events)).items.filter((event) => event.involvedObject.name === name);
  const scheduled = async (name: string) => findCondition((await get(name)).status?.conditions, 'Scheduled');
  const isBound = async (name: string): Promise<boolean> => (await get(name)).spec.workerName !== undefined;

  it('binds a task and says where and why: in the condition, and in an Event with the decision', async () => {
    await world.addWorker('w1', { cpu: '1' });
    await world.addWorker('w2');
    await add('t', { resources: { requests: { cpu: '2' } } });
    await world.settle();
    const task = await get('t');
    expect(task.spec).to.include({ workerName: 'w2', bindingEpoch: 1 });
    expect(task.metadata.generation, 'being placed is no change of the wish').to.equal(1);
    expect(await scheduled('t')).to.include({
      status: 'True',
      reason: 'Bound',
      message: 'bound to worker w2',
    });
    expect(task.status?.phase).to.equal('Pending');
    const [event] = await eventsOf('t');
    expect(event).to.include({
      type: 'Normal',
      reason: 'Scheduled',
      message: 'bound to worker w2: the only one of 2 workers that fits',
    });
    expect(JSON.parse(event?.metadata.annotations?.[ANNOTATION_DECISION] ?? '')).to.deep.include({
      verdict: ['w1 InsufficientCPU (asks 2, 1 free)', 'w2 fits, load 0.262207'],
      action: 'bind to w2 in epoch 1',
    });
  });

  it('says Stopped of a task that was never to run, and places it once it is', async () => {
    await world.addWorker('w1');
    await add('resting', { desiredState: 'Stopped' });
    await world.advance(1_000);
    const { spec, status } = await get('resting');
    expect(spec.workerName).to.equal(undefined);
    expect(status).to.include({ phase: 'Stopped', reason: 'Stopped', observedGeneration: 1 });
    writes.length = 0;
    await world.advance(60_000);
    expect(writes).to.deep.equal([]);
    const task = await get('resting');
    await world.admin.update(tasks, { ...task, spec: { ...task.spec, desiredState: 'Running' } });
    await world.advance(1_000);
    expect((await get('resting')).spec.workerName).to.equal('w1');
  });

  it('writes nothing more once a task is settled', async () => {
    await world.addWorker('w1');
    await add('t');
    await add('much', { resources: { requests: { cpu: '64' } } });
    await world.advance(5_000);
    const { metadata } = await get('t');
    const before = (await get('much')).metadata.resourceVersion;
    writes.length = 0;
    await world.advance(10 * 60_000);
    expect(writes).to.deep.equal([]);
    expect((await get('t')).metadata.resourceVersion).to.equal(metadata.resourceVersion);
    expect((await get('much')).metadata.resourceVersion).to.equal(before);
  });

  it('spreads fifty tasks that come at once, and never asks for more than there is', async () => {
    for (const name of ['w1', 'w2', 'w3']) await world.addWorker(name, { cpu: '4' });
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        add(`t${index}`, { resources: { requests: { cpu: '250m' } } }),
      ),
    );
    await world.advance(5_000);
    const refused = Number(
      /scheduler_schedule_attempts_total\{result="error"\} (\d+)/.exec(await world.metrics.metrics())?.[1] ??
        0,
    );
    const counts = new Map<string, number>();
    for (const task of (await world.admin.list(tasks)).items) {
      const worker = task.spec.workerName ?? 'none';
      counts.set(worker, (counts.get(worker) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).to.deep.equal({ w1: 16, w2: 16, w3: 16, none: 2 });
    expect(refused, 'bindings that the registry had to refuse').to.equal(0);
  });

  it('counts what it has decided although the watch is slow to show it', async () => {
    await world.addWorker('w1', { cpu: '1' });
    await world.addWorker('w2', { cpu: '1' });
    await world.settle();
    watchHooks.deliver = (call, event) => {
      const isBinding =
        call.resource === 'tasks' &&
        event.type === 'MODIFIED' &&
        JSON.stringify(event.object).includes('workerName');
      return isBinding ? sleep(world.clock, 3_000, stop.signal) : undefined;
    };
    const half = { resources: { requests: { cpu: '500m' } } };
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => add(name, half)));
    await world.advance(1_000);
    const where = (await world.admin.list(tasks)).items.map((task) => task.spec.workerName);
    expect(where.filter((worker) => worker === 'w1')).to.have.length(2);
    expect(where.filter((worker) => worker === 'w2')).to.have.length(2);
    await world.advance(30_000);
    expect(writes.filter((call) => call.operation === 'post')).to.have.length(4);
  });

  it('says what is missing while nothing fits, and binds as soon as a worker comes', async () => {
    await add('t', { workerSelector: { disk: 'ssd' } });
    await world.settle();
    const message = '0/0 workers fit: no worker has joined yet';
    expect(await scheduled('t')).to.include({ status: 'False', reason: 'Unschedulable', message });
    expect((await get('t')).status).to.include({ phase: 'Pending', reason: 'Unschedulable', message });
    expect((await eventsOf('t')).map((event) => event.reason)).to.deep.equal(['FailedScheduling']);
    await world.addWorker('w1', { labels: { disk: 'ssd' } });
    await world.until('the binding', () => isBound('t'), 1_000);
    await world.settle();
    expect(await scheduled('t')).to.include({ status: 'True', reason: 'Bound' });
    expect((await get('t')).status)
      .to.include({ phase: 'Pending' })
      .and.not.have.any.keys('reason', 'message');
  });

  it('uses room as soon as it becomes free: by deletion, by the end of a task, by an uncordoned worker', async () => {
    await world.addWorker('w1', { cpu: '1' });
    const whole = { resources: { requests: { cpu: '1' } } };
    await add('a', whole);
    await world.until('a', () => isBound('a'), 1_000);
    await add('b', whole);
    await add('c', whole);
    await world.advance(1_000);
    expect([await isBound('b'), await isBound('c')]).to.deep.equal([false, false]);

    const a = await get('a');
    await world.admin.delete(tasks, { namespace: 'default', name: 'a' });
    const deleting = await get('a');
    await world.admin.update(tasks, { ...deleting, metadata: { ...deleting.metadata, finalizers: [] } });
    await world.until('the next one', async () => (await isBound('b')) || (await isBound('c')), 1_000);
    expect(a.spec.workerName).to.equal('w1');

    const [next, last] = (await isBound('b')) ? ['b', 'c'] : ['c', 'b'];
    await world.settle();
    const ended = await get(next);
    const status = { ...ended.status, phase: 'Succeeded' as const, observedGeneration: 1, workerName: 'w1' };
    await world.admin.update(tasks, { ...ended, status }, { subresource: 'status' });
    await world.until('the last one', () => isBound(last), 1_000);
    await world.admin.patch(
      workers,
      { name: 'w1' },
      { type: 'merge', body: { spec: { unschedulable: true } } },
    );
    const over = await get(last);
    await world.settle();
    await world.admin.update(
      tasks,
      { ...(await get(last)), status: { ...over.status, phase: 'Succeeded', observedGeneration: 1 } },
      { subresource: 'status' },
    );
    await add('d', whole);
    await world.advance(1_000);
    expect(await scheduled('d')).to.include({
      message: '0/1 workers fit: w1 WorkerCordoned (spec.unschedulable is true)',
    });
    await world.admin.patch(
      workers,
      { name: 'w1' },
      { type: 'merge', body: { spec: { unschedulable: false } } },
    );
    await world.until('d', () => isBound('d'), 1_000);
  });

  it('places a task that ended anew when its spec changes, where it ran before', async () => {
    await world.addWorker('w1');
    await world.addWorker('w2');
    await add('t');
    await world.until('t', () => isBound('t'), 1_000);
    await world.settle();
    const first = await get('t');
    const workerName = first.spec.workerName ?? '';
    const status = { ...first.status, phase: 'Failed' as const, observedGeneration: 1, workerName };
    await world.admin.update(tasks, { ...first, status }, { subresource: 'status' });
    await world.admin.patch(
      tasks,
      { namespace: 'default', name: 't' },
      { type: 'merge', body: { spec: { args: ['again'] } } },
    );
    await world.until('the second binding', async () => (await get('t')).spec.bindingEpoch === 2, 1_000);
    expect((await get('t')).spec.workerName).to.equal(workerName);
  });

  it('finds its way when the answer to a binding is lost', async () => {
    await world.addWorker('w1');
    let lost = 0;
    hooks.after = (call) => {
      if (call.operation === 'post' && lost++ === 0) throw new ApiError('Timeout', 'the answer was lost');
    };
    await add('t');
    await world.advance(2_000);
    expect((await get('t')).spec).to.include({ workerName: 'w1', bindingEpoch: 1 });
    expect(await scheduled('t')).to.include({ status: 'True', reason: 'Bound' });
  });

  it('tries again when the server fails, and again finds the newest state', async () => {
    await world.addWorker('w1');
    let failures = 3;
    hooks.before = () => {
      if (failures-- > 0) throw new ApiError('ServiceUnavailable', 'restarting');
    };
    await add('t');
    await world.until('the binding', () => isBound('t'), 5_000);
  });

  it('rewrites a message of which only the figures moved at most every ten seconds, and ends up true', async () => {
    await world.addWorker('w1', { cpu: '4' });
    await add('big', { resources: { requests: { cpu: '5' } } });
    await world.advance(100);
    for (let cpu = 1; cpu <= 8; cpu++) {
      const worker = await world.admin.get(workers, { name: 'w1' });
      const allocatable = { cpu: `${cpu * 100}m`, memory: '8Gi' };
      const status = { ...worker.status, allocatable };
      await world.admin.update(workers, { ...worker, status }, { subresource: 'status' });
      await world.advance(200);
    }
    const statusWrites = (): number => writes.filter((call) => call.subresource === 'status').length;
    expect(statusWrites()).to.equal(1);
    await world.advance(15_000);
    expect(statusWrites()).to.equal(2);
    expect((await scheduled('big'))?.message).to.contain('(asks 5, 0.8 free)');
  });

  it('shows how it does', async () => {
    await world.addWorker('w1', { cpu: '1' });
    await add('t');
    await add('big', { resources: { requests: { cpu: '5' } } });
    await world.advance(1_000);
    const text = await world.metrics.metrics();
    expect(text).to.contain('scheduler_schedule_attempts_total{result="scheduled"} 1');
    expect(text).to.contain('scheduler_pending_tasks 1');
    expect(text).to.match(/scheduler_scheduling_attempt_duration_seconds_count\{result="scheduled"\} 1/);
    expect(text).to.contain('controller_runtime_reconcile_total{controller="scheduler",result="success"}');
  });
});
