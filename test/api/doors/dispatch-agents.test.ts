/** Agents and health: D2.3, D2.8 and D2.10 of the checklist. */
import { expect } from 'chai';
import { heldIn } from '../../../api/doors/dispatch/agents.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import { microTimestamp } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { clusterRoleBindings, clusterRoles, leases, tasks } from '../../../schemas/kinds.ts';
import { taskManifest, type WorkerOptions } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';
import { asRecord, at } from '../server/harness.ts';
import { type DispatchRig, openDispatch, registryWith } from './dispatchrig.ts';

const STRANGER: Identity = { name: 'stranger', groups: ['system:authenticated'] };

describe('the dispatch door: agents', () => {
  let world: World;
  let rig: DispatchRig;
  beforeEach(async () => {
    world = await openWorld();
    rig = await openDispatch({ world, identity: DEV_IDENTITY });
  });
  afterEach(async () => {
    await rig.close();
    await world.close();
  });

  const agents = async (query = '', from = rig): Promise<Record<string, unknown>[]> => {
    const answer = await from.ask('GET', `/api/v1/agents${query}`);
    expect(answer.status, answer.text).to.equal(200);
    return (JSON.parse(answer.text) as unknown[]).map(asRecord);
  };
  const told = async (query = ''): Promise<readonly string[]> =>
    (await agents(query)).map(({ agent_id: id, agent_type: type, status }) => [id, type, status].join(' '));
  const add = async (name: string, type?: string, options: WorkerOptions = {}): Promise<void> => {
    const labels = type === undefined ? {} : { labels: { 'gantry.dev/agent-type': type } };
    await world.addWorker(name, { ...labels, ...options });
  };
  const beat = async (worker: string, seconds = 40): Promise<void> => {
    const metadata = { name: worker, namespace: 'gantry-system' };
    const renewTime = microTimestamp(world.clock.now());
    const spec = { holderIdentity: worker, leaseDurationSeconds: seconds, renewTime };
    await world.admin.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata,
      spec,
    });
  };
  const place = async (name: string, worker: string, labels: Record<string, string>): Promise<void> => {
    const resources = { requests: { cpu: '250m', memory: '64Mi' } };
    await world.admin.create(tasks, taskManifest(name, { resources }, { labels }));
    const key = { namespace: 'default', name };
    await world.admin.post(tasks, key, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: worker },
      epoch: 1,
    });
  };
  const end = async (name: string): Promise<void> => {
    const task = await world.admin.get(tasks, { namespace: 'default', name });
    const status = { phase: 'Succeeded' as const, observedGeneration: task.metadata.generation ?? 1 };
    await world.admin.update(tasks, { ...task, status }, { subresource: 'status' });
  };
  const grant = async (resources: string[]): Promise<void> => {
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const apiGroup = 'rbac.authorization.k8s.io';
    const metadata = { name: 'some' };
    const rules = [{ apiGroups: ['gantry.dev'], resources, verbs: ['list'] }];
    await world.admin.create(clusterRoles, { apiVersion, kind: 'ClusterRole', metadata, rules });
    await world.admin.create(clusterRoleBindings, {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'ClusterRole', name: 'some' },
      subjects: [{ apiGroup, kind: 'User', name: STRANGER.name }],
    });
  };

  it('D2.3 lists the workers with their type, room, and last heartbeat', async () => {
    expect(await agents()).to.deep.equal([]);
    await add('w1', 'infra', { disk: '10Gi' });
    await add('w2');
    await beat('w1');
    await place('a', 'w1', {});
    expect(await agents()).to.deep.equal([
      {
        agent_id: 'w1',
        agent_type: 'infra',
        status: 'online',
        resources: {
          capacity: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' },
          allocatable: { cpu: '4', memory: '8Gi', 'ephemeral-storage': '10Gi' },
          used: { cpu: '250m', memory: '64Mi', tasks: 1 },
        },
        last_heartbeat_at: '2026-01-01T00:00:00.000000Z',
      },
      {
        agent_id: 'w2',
        agent_type: 'worker',
        status: 'online',
        resources: {
          capacity: { cpu: '4', memory: '8Gi' },
          allocatable: { cpu: '4', memory: '8Gi' },
          used: { cpu: '0', memory: '0', tasks: 0 },
        },
        last_heartbeat_at: null,
      },
    ]);
  });

  it('D2.3 is busy while a dispatched task is there, and not by the step of a job or any other task', async () => {
    for (const worker of ['w1', 'w2', 'w3']) await add(worker);
    await place('dispatched', 'w1', { 'gantry.dev/run': 'r' });
    await place('step', 'w2', { 'gantry.dev/run': 'q', 'gantry.dev/job': 'j' });
    await place('other', 'w3', {});
    await world.admin.create(tasks, taskManifest('waiting', {}, { labels: { 'gantry.dev/run': 's' } }));
    expect(await told()).to.deep.equal(['w1 worker busy', 'w2 worker online', 'w3 worker online']);
    await end('dispatched');
    expect(await told()).to.deep.equal(['w1 worker online', 'w2 worker online', 'w3 worker online']);
  });

  it('D2.3 filters by type and by status, and by both together', async () => {
    await add('w1', 'infra');
    await add('w2', 'desktop');
    await add('w3', 'infra', { ready: 'Unknown' });
    await add('w4', 'infra');
    await place('dispatched', 'w4', { 'gantry.dev/run': 'r' });
    expect(await told('?agent_type=infra')).to.deep.equal([
      'w1 infra online',
      'w3 infra offline',
      'w4 infra busy',
    ]);
    expect(await told('?status=online')).to.deep.equal(['w1 infra online', 'w2 desktop online']);
    expect(await told('?status=offline')).to.deep.equal(['w3 infra offline']);
    expect(await told('?agent_type=infra&status=busy')).to.deep.equal(['w4 infra busy']);
    expect(await told('?agent_type=desktop&status=busy')).to.deep.equal([]);
    expect(await told('?agent_type=&status=')).to.have.length(4);
    expect(await told('?agent_type=none')).to.deep.equal([]);
  });

  for (const [query, says] of [
    ['?status=asleep', 'status: found "asleep", wanted one of online, offline, busy'],
    ['?status=online&status=busy', 'status: found it twice, wanted it once'],
    ['?agent_type=a&agent_type=b', 'agent_type: found it twice, wanted it once'],
  ] as const) {
    it(`D2.3 refuses ${query}: 400 and 1007`, async () => {
      const answer = await rig.ask('GET', `/api/v1/agents${query}`);
      expect([answer.status, answer.json().error_code]).to.deep.equal([400, 1007]);
      expect(answer.json().message).to.equal(says);
    });
  }

  it('D2.3 counts what tasks hold once for as long as none of them changes', async () => {
    await add('w1');
    await place('a', 'w1', {});
    const { registry } = world;
    const kind = registry.findKind(tasks.group, tasks.version, tasks.plural);
    if (kind === undefined) throw new Error('no tasks');
    const list = async (): Promise<ReturnType<typeof heldIn>> =>
      heldIn((await registry.list({ identity: DEV_IDENTITY }, kind)).items);
    const first = await list();
    expect(await list()).to.equal(first);
    await place('b', 'w1', {});
    expect((await list()).get('w1')).to.include({ tasks: 2, milliCpu: 500 });
  });

  for (const [ready, state] of [
    ['True', 'online'],
    ['False', 'offline'],
    ['Unknown', 'offline'],
    ['never', 'offline'],
  ] as const) {
    it(`D2.8 tells of a worker whose condition Ready is ${ready} that it is ${state}`, async () => {
      await add('w1', undefined, { ready });
      expect(await told()).to.deep.equal([`w1 worker ${state}`]);
    });
  }

  it('D2.8 tells of an agent that it is offline once its lease is over, whoever has not noticed, as the preset says', async () => {
    await add('w1');
    await beat('w1', 180);
    await world.advance(180_000);
    expect(await told()).to.deep.equal(['w1 worker online']);
    await world.advance(1);
    expect(await told()).to.deep.equal(['w1 worker offline']);
  });

  it('D2.8 tells the same through another server on the same store, and after a restart', async () => {
    await add('w1', 'infra');
    await beat('w1');
    const { store, clock } = world;
    const deps = { store, clock, random: seededRandom(2), log: silentLog, metrics: newMetrics() };
    const registry = await openRegistry(deps);
    const other = await openDispatch({ world: { ...world, registry }, identity: DEV_IDENTITY });
    expect(await agents('', other)).to.deep.equal(await agents());
    await other.close();
    await registry.close();
  });

  it('D2.3 leaves out what those who may only see the workers may not see', async () => {
    await add('w1');
    await beat('w1');
    await place('a', 'w1', { 'gantry.dev/run': 'r' });
    const stranger = await openDispatch({ world, identity: STRANGER });
    expect((await stranger.ask('GET', '/api/v1/agents')).json().error_code).to.equal(4003);
    await grant(['workers']);
    const [agent] = await agents('', stranger);
    expect(agent).to.include({ status: 'online', last_heartbeat_at: null });
    expect(at(agent, 'resources.used')).to.equal(null);
    await stranger.close();
  });

  for (const [method, path, plural] of [
    ['GET', '/api/v1/agents', 'tasks'],
    ['POST', '/api/v1/dispatch', 'runs'],
  ] as const) {
    it(`D2.5 tells of ${method} ${path} that the store is away: 503 and 5003`, async () => {
      const away = (): Promise<never> =>
        Promise.reject(new ApiError('ServiceUnavailable', 'the store is away'));
      const { registry } = world;
      const broken = registryWith(registry, {
        get: (context, kind, key, options) =>
          kind.plural === plural ? away() : registry.get(context, kind, key, options),
        list: (context, kind, options) =>
          kind.plural === plural ? away() : registry.list(context, kind, options),
      });
      const ill = await openDispatch({ world: { ...world, registry: broken }, identity: DEV_IDENTITY });
      const body = { task_id: 'w', work_type: 'fib' };
      const answer = await ill.ask(method, path, method === 'POST' ? { body } : {});
      expect([answer.status, answer.json().error_code]).to.deep.equal([503, 5003]);
      await ill.close();
    });
  }

  describe('D2.10 health', () => {
    const health = async (from = rig): Promise<readonly [number, Record<string, unknown>]> => {
      const answer = await from.ask('GET', '/health');
      const { trace_id: trace, ...body } = answer.json();
      expect(trace).to.equal(answer.headers['x-trace-id']);
      return [answer.status, body];
    };

    it('D2.10 is ok while the store answers and all workers are there', async () => {
      await add('w1');
      await add('w2');
      await place('a', 'w2', { 'gantry.dev/run': 'r' });
      expect(await health()).to.deep.equal([
        200,
        { status: 'ok', store: 'ok', workers: { online: 1, busy: 1, offline: 0 } },
      ]);
    });

    it('D2.10 is degraded, and 200, while a worker is offline, or there is none', async () => {
      expect((await health())[1]).to.include({ status: 'degraded' });
      await add('w1');
      await add('w2', undefined, { ready: 'Unknown' });
      expect(await health()).to.deep.equal([
        200,
        { status: 'degraded', store: 'ok', workers: { online: 1, busy: 0, offline: 1 } },
      ]);
    });

    it('D2.10 is unavailable, and 503, while the store does not answer', async () => {
      const checkStore = (): Promise<void> => Promise.reject(new Error('the disk is gone'));
      const ill = await openDispatch({ world, identity: DEV_IDENTITY, checkStore });
      expect(await health(ill)).to.deep.equal([
        503,
        { status: 'unavailable', store: 'unavailable', workers: null },
      ]);
      await ill.close();
    });

    it('D2.10 waits for the store no longer than five seconds', async () => {
      let isAsked = false;
      const checkStore = (): Promise<void> => {
        isAsked = true;
        return new Promise(() => undefined);
      };
      const slow = await openDispatch({ world, identity: DEV_IDENTITY, checkStore });
      const answer = health(slow);
      while (!isAsked) await world.settle();
      await world.advance(5_000);
      expect((await answer)[0]).to.equal(503);
      await slow.close();
    });

    it('D2.10 does not tell of the workers to those who may not see them', async () => {
      const stranger = await openDispatch({ world, identity: STRANGER });
      expect(await health(stranger)).to.deep.equal([200, { status: 'ok', store: 'ok', workers: null }]);
      await stranger.close();
    });
  });
});
