/** `GET /nodes`: the workers that have joined, and what is asked of them. */
import { expect } from 'chai';
import { nodesDoor } from '../../../api/doors/worker/nodes.ts';
import { identityOf } from '../../../api/server/context.ts';
import { DEV_IDENTITY, devListener, type Listener } from '../../../api/server/listener.ts';
import { newApps } from '../../../api/server/server.ts';
import { microTimestamp, systemClock } from '../../../machinery/clock.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { document } from '../../../schemas/doors/tasks.gen.ts';
import { leases, tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';
import { type Answer, askPort, asRecord, noWorkers } from '../server/harness.ts';
import { conforms } from './openapi.ts';

const NEVER = '0001-01-01T00:00:00Z';

describe('the nodes door', () => {
  let world: World;
  let listener: Listener;
  let port: number;

  beforeEach(async () => {
    world = await openWorld();
    await listen(DEV_IDENTITY);
  });
  afterEach(async () => {
    await listener.stop(1_000);
    await world.close();
  });

  async function listen(identity: Identity): Promise<void> {
    const { registry, clock, random } = world;
    const metrics = newMetrics();
    const door = nodesDoor({
      clientOf: (ctx) => registry.as(identityOf(ctx)),
      apiOf: (name) => (name === 'w1' ? 'http://127.0.0.1:8888' : undefined),
    });
    const deps = { registry, clock, random, metrics, log: silentLog, workerLink: noWorkers };
    const apps = newApps({ ...deps, productVersion: '0.1.0', doors: [door] });
    const place = { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog };
    listener = devListener(apps.whole, { ...place, identity });
    ({ port } = await listener.start());
  }

  async function nodes(): Promise<Record<string, unknown>[]> {
    const answer = await askPort(port, 'GET', '/nodes');
    expect(answer.status).to.equal(200);
    const items: unknown = JSON.parse(answer.text);
    conforms(document, 'GET', '/nodes', 200, answer.headers['content-type'], items);
    return Array.isArray(items) ? items.map(asRecord) : [];
  }
  const bind = async (name: string, worker: string, spec: Partial<Task['spec']>): Promise<void> => {
    await world.admin.create(tasks, taskManifest(name, spec));
    await world.admin.post(tasks, { namespace: 'default', name }, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: { name, namespace: 'default' },
      target: { name: worker },
      epoch: 1,
    });
  };
  const end = async (name: string): Promise<void> => {
    const task = await world.admin.get(tasks, { namespace: 'default', name });
    const status = { ...task.status, phase: 'Succeeded' as const, observedGeneration: 1 };
    await world.admin.update(tasks, { ...task, status }, { subresource: 'status' });
  };
  const expectError = (answer: Answer, code: number, says: RegExp): void => {
    expect(answer.status).to.equal(code);
    expect(answer.json()).to.have.all.keys('HTTPStatusCode', 'Message');
    expect(answer.json().Message).to.match(says);
  };

  it('D0.7 GET /nodes is an empty list before a worker has joined', async () => {
    expect(await nodes()).to.deep.equal([]);
  });

  it('D0.8 GET /nodes shows who has joined, instead of a fixed list', async () => {
    await world.addWorker('w2');
    await world.addWorker('w1');
    await world.settle();
    expect((await nodes()).map(({ Name }) => Name)).to.deep.equal(['w1', 'w2']);
    await world.admin.delete(workers, { name: 'w2' });
    await world.settle();
    expect((await nodes()).map(({ Name }) => Name)).to.deep.equal(['w1']);
  });

  it('D0.7 GET /nodes tells what each has, what is asked of it, and where it is', async () => {
    await world.addWorker('w1', { cpu: '4', memory: '8Gi' });
    await bind('a', 'w1', {
      resources: { requests: { cpu: '500m', memory: '64Mi', 'ephemeral-storage': '1Gi' } },
    });
    await bind('b', 'w1', { resources: { limits: { cpu: '1', memory: '64Mi' } } });
    await bind('over', 'w1', { resources: { requests: { cpu: '2' } } });
    await end('over');
    await world.admin.create(tasks, taskManifest('unbound'));
    await world.settle();
    const answer = await askPort(port, 'GET', '/nodes');
    expect(answer.headers['x-resource-version']).to.match(/^\d+$/);
    const [node] = await nodes();
    expect(node).to.deep.equal({
      Name: 'w1',
      Ip: '127.0.0.1',
      Api: 'http://127.0.0.1:8888',
      Cores: 4,
      CoresAllocated: 1.5,
      Memory: 8 * 2 ** 30,
      MemoryAllocated: 128 * 2 ** 20,
      Disk: 0,
      DiskAllocated: 2 ** 30,
      Role: 'worker',
      TaskCount: 2,
      Status: 'Ready',
      Reason: 'AgentReady',
      Cordoned: false,
      LastHeartbeatAt: NEVER,
    });
  });

  it('D0.7 GET /nodes tells how each is, and when it was last heard of', async () => {
    await world.addWorker('w1', { ready: 'False', disk: '100Gi' });
    await world.addWorker('w2', { ready: 'Unknown', unschedulable: true });
    await world.admin.create(workers, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Worker',
      metadata: { name: 'w3' },
      spec: {},
    });
    await world.admin.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'w2', namespace: NAMESPACE_SYSTEM },
      spec: { holderIdentity: 'w2', renewTime: microTimestamp(world.clock.now()) },
    });
    await world.settle();
    const found = await nodes();
    expect(found.map(({ Status, Reason, Cordoned }) => [Status, Reason, Cordoned])).to.deep.equal([
      ['NotReady', 'RuntimeDown', false],
      ['Unknown', 'LeaseExpired', true],
      ['Unknown', 'NeverReported', false],
    ]);
    expect(found.map((node) => node.LastHeartbeatAt)).to.deep.equal([
      NEVER,
      microTimestamp(world.clock.now()),
      NEVER,
    ]);
    expect(found[0]).to.include({ Disk: 100 * 2 ** 30 });
    expect(found[2]).to.include({ Ip: '', Api: '', Cores: 0, Memory: 0, Disk: 0, TaskCount: 0 });
  });

  it('D0.7 GET /nodes has the errors of /tasks', async () => {
    expectError(await askPort(port, 'POST', '/nodes'), 405, /does not allow/);
    expect((await askPort(port, 'HEAD', '/nodes')).text).to.equal('');
    await listener.stop(1_000);
    await listen({ name: 'eve', groups: ['system:authenticated'] });
    const answer = await askPort(port, 'GET', '/nodes');
    expectError(answer, 403, /"eve" cannot list resource/);
    conforms(document, 'GET', '/nodes', 403, answer.headers['content-type'], answer.json());
  });
});
