/** The lifecycle controller on the real registry: who is declared lost, when, and who is not. */
import { expect } from 'chai';
import { ControlPlane } from '../../../controllers/list.ts';
import { type Clock, microTimestamp, sleep } from '../../../machinery/clock.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { ANNOTATION_DECISION, NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { events, leases, tasks, workers } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

describe('Worker lifecycle', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<void>;
  let hooks: ClientHooks;
  /** Time that has passed while the control plane's process stood still: no timer fired in it. */
  let asleepMs: number;

  beforeEach(async () => {
    world = await openWorld();
    hooks = {};
    asleepMs = 0;
    start();
    await world.addWorker('w1');
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await world.close();
  });

  function start(): void {
    stop = new AbortController();
    const { random } = world;
    const clock: Clock = {
      now: () => world.clock.now() + asleepMs,
      monotonicMs: () => world.clock.monotonicMs() + asleepMs,
      after: (delayMs, callback) => world.clock.after(delayMs, callback),
    };
    const controlPlane = new ControlPlane({
      clientOf: (name) =>
        intercept(world.controllerClient(name), { deliver: (call, event) => hooks.deliver?.(call, event) }),
      clock,
      random,
      log: silentLog,
      metrics: newMetrics(),
    });
    running = controlPlane.run(stop.signal);
  }

  /** The lease of w1 is made or renewed. */
  async function renew(): Promise<void> {
    const client = world.workerClient('w1');
    const spec = {
      holderIdentity: 'w1',
      leaseDurationSeconds: 12,
      renewTime: microTimestamp(world.clock.now()),
    };
    const metadata = { name: 'w1', namespace: NAMESPACE_SYSTEM };
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    try {
      await client.patch(leases, metadata, { type: 'merge', body: { spec } });
    } catch {
      await client.create(leases, lease);
    }
  }

  async function renewFor(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 3_000) {
      await renew();
      await world.advance(3_000);
    }
  }

  /** A task that w1 says is running. */
  async function addRunning(name: string): Promise<void> {
    await world.admin.create(tasks, taskManifest(name));
    await world.until('the binding', async () => (await task(name)).spec.workerName === 'w1', 1_000);
    await world.settle();
    const bound = await task(name);
    const status = { ...bound.status, phase: 'Running' as const, observedGeneration: 1, workerName: 'w1' };
    await world.workerClient('w1').update(tasks, { ...bound, status }, { subresource: 'status' });
  }

  const task = (name: string) => world.admin.get(tasks, { namespace: 'default', name });
  const ready = async () => {
    const worker = await world.admin.get(workers, { name: 'w1' });
    return findCondition(worker.status?.conditions, 'Ready');
  };

  it('leaves a worker alone that renews its lease, for as long as it does', async () => {
    await renewFor(120_000);
    expect(await ready()).to.include({ status: 'True' });
  });

  it('says Unknown of a worker that has been silent for 12 s and of its tasks, with Events that say why', async () => {
    await renew();
    await addRunning('t');
    await world.advance(11_500);
    expect(await ready()).to.include({ status: 'True' });
    await world.advance(600);
    expect(await ready()).to.include({ status: 'Unknown', reason: 'LeaseExpired' });
    const lost = await task('t');
    expect(lost.status).to.include({ phase: 'Unknown', reason: 'WorkerLost' });
    expect(findCondition(lost.status?.conditions, 'Ready')).to.include({ status: 'Unknown' });
    expect(findCondition(lost.status?.conditions, 'Scheduled'), 'not its to write').to.include({
      status: 'True',
    });
    await world.settle();
    const all = (await world.admin.list(events)).items;
    expect(all.map((event) => `${event.involvedObject.kind}/${event.reason}`)).to.include.members([
      'Worker/LeaseExpired',
      'Task/WorkerLost',
    ]);
    const told = all.find((event) => event.reason === 'WorkerLost');
    expect(JSON.parse(told?.metadata.annotations?.[ANNOTATION_DECISION] ?? '')).to.deep.include({
      verdict: 'WorkerLost',
    });
  });

  it('says it once, and no new task is placed there', async () => {
    await renew();
    await addRunning('t');
    await world.advance(13_000);
    const [before, worker] = [await task('t'), await world.admin.get(workers, { name: 'w1' })];
    await world.admin.create(tasks, taskManifest('late'));
    await world.advance(300_000);
    expect((await task('t')).metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
    const after = await world.admin.get(workers, { name: 'w1' });
    expect(after.metadata.resourceVersion).to.equal(worker.metadata.resourceVersion);
    expect((await task('late')).status?.message).to.contain('w1 WorkerNotReady');
  });

  it('leaves the return to the agent: a renewed lease alone changes nothing, and what the agent says stays', async () => {
    await renew();
    await addRunning('t');
    await world.advance(13_000);
    await renewFor(6_000);
    expect(await ready(), 'only the agent knows').to.include({ status: 'Unknown' });
    const back = await task('t');
    await world
      .workerClient('w1')
      .update(tasks, { ...back, status: { ...back.status, phase: 'Running' } }, { subresource: 'status' });
    await renewFor(60_000);
    expect((await task('t')).status?.phase).to.equal('Running');
  });

  it('is not fooled by wall clocks', async () => {
    await renew();
    world.clock.jumpWall(3_600_000);
    await renewFor(6_000);
    world.clock.jumpWall(-7_200_000);
    await renewFor(6_000);
    expect(await ready()).to.include({ status: 'True' });
  });

  it('believes the lease itself when the watch lags behind', async () => {
    await renewFor(6_000);
    hooks.deliver = (call) =>
      call.resource === 'leases' ? sleep(world.clock, Infinity, stop.signal) : undefined;
    await renewFor(60_000);
    expect(await ready()).to.include({ status: 'True' });
  });

  it('gives a full period after a start of its own, and after it was asleep itself', async () => {
    await renew();
    await world.advance(10_000);
    stop.abort();
    await running;
    start();
    await world.advance(10_000);
    expect(await ready(), 'ten seconds of its own').to.include({ status: 'True' });
    // The whole machine stands still for an hour: nobody could renew.
    asleepMs = 3_600_000;
    await world.advance(3_000);
    expect(await ready()).to.include({ status: 'True' });
    await renewFor(30_000);
    expect(await ready()).to.include({ status: 'True' });
    await world.advance(12_500);
    expect(await ready()).to.include({ status: 'Unknown' });
  });
});
