/** The paths a Prometheus asks: who may, what comes, what is turned off, and what asking again costs. */
import { request } from 'node:http';
import { expect } from 'chai';
import { StateMetrics } from '../../../../api/server/monitoring/statemetrics.ts';
import { ApiError, isApiError } from '../../../../machinery/errors.ts';
import type { TaskContainerFigures, WorkerContainers } from '../../../../machinery/workerlink.ts';
import { tasks } from '../../../../schemas/kinds.ts';
import { taskManifest } from '../../../builders.ts';
import { cpuMs } from '../../../cputime.ts';
import { openWorld, type World } from '../../../world.ts';
import { parseExposition } from '../../views/metrics/exposition.ts';
import { type AccessRig, openAccessRig } from '../accessrig.ts';
import { noWorkers, openServer, type ServerOptions, serve, type TestServer } from '../harness.ts';

const CONTAINERS = '/api/v1/nodes/w1/proxy/metrics/cadvisor';
const PATHS = [
  '/metrics/state',
  CONTAINERS,
  '/discovery/prometheus',
  '/discovery/prometheus/tasks',
  '/discovery/prometheus/workers',
];
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const { signal } = new AbortController();

const figures: TaskContainerFigures = {
  task: { namespace: 'default', name: 'web', uid: 'u' },
  containerName: 'gantry.default.web.u.1',
  image: 'app:"1"',
  atMs: 1_700_000_000_500,
  group: '/docker/f00d',
  startedAt: '2026-01-01T00:00:00.25Z',
  cpuSeconds: 2.5,
  memoryWorkingSetBytes: 3_500_000,
  memoryLimitBytes: 0,
  interfaces: ['eth0', 'eth1'].map((name, at) => ({
    name,
    receivedBytes: 10 + at,
    receivedPackets: 1,
    receiveErrors: 2,
    receiveDropped: 3,
    sentBytes: 4,
    sentPackets: 5,
    sendErrors: 6,
    sendDropped: 7,
  })),
  devices: [{ device: '/dev/sda', reads: 1, readBytes: 2, writes: 3, writtenBytes: 4 }],
};
const told: WorkerContainers = {
  worker: 'w1',
  containers: [
    figures,
    { ...figures, task: { namespace: 'default', name: 'api', uid: 'v' }, group: '/docker/beef' },
  ],
  machineCores: 4,
  machineMemoryBytes: 2 ** 33,
};

function bindingOf(role: string, user: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: `${role.replace(':', '-')}-${user}` },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
  };
}

/** As the scheduler would, to worker w1. */
async function bind({ admin }: World, name: string): Promise<void> {
  const key = { namespace: 'default', name };
  const binding = {
    apiVersion: 'gantry.dev/v1',
    kind: 'Binding',
    metadata: key,
    target: { name: 'w1' },
    epoch: 1,
  };
  await admin.post(tasks, key, 'binding', binding);
}

describe('The paths of monitoring', () => {
  describe('are for those who have the right', () => {
    let rig: AccessRig;
    before(async () => {
      rig = await openAccessRig();
    });
    after(() => rig.close());

    it('nobody without a name, and nobody without a role', async () => {
      for (const path of PATHS) {
        expect((await rig.ask(undefined, 'GET', path)).status, path).to.equal(401);
        expect((await rig.ask('jane-token', 'GET', path)).status, path).to.equal(403);
      }
    });

    it('whoever has the role gantry:monitoring, for all of them and nothing else', async () => {
      const body = bindingOf('gantry:monitoring', 'jane');
      expect((await rig.ask('admin-token', 'POST', `${RBAC}/clusterrolebindings`, { body })).status).to.equal(
        201,
      );
      await rig.world.admin.create(tasks, taskManifest('t'));
      for (const path of ['/metrics', ...PATHS.filter((each) => each !== CONTAINERS)])
        expect((await rig.ask('jane-token', 'GET', path)).status, path).to.equal(200);
      // Let in; there is no such worker.
      const worker = await rig.ask('jane-token', 'GET', CONTAINERS);
      expect(worker.status).to.equal(404);
      expect(worker.json()).to.include({ message: 'workers.gantry.dev "w1" not found' });
      for (const path of [
        '/api/v1/namespaces/default/secrets',
        '/apis/gantry.dev/v1/namespaces/default/tasks/t',
        '/apis/gantry.dev/v1/tasks',
        '/apis/gantry.dev/v1/workers',
        '/gantry/v1/backup',
      ])
        expect((await rig.ask('jane-token', 'GET', path)).status, path).to.equal(403);
    });

    it('who may list the Tasks of a namespace, for where those are and nothing else', async () => {
      const view = { ...bindingOf('view', 'joe'), kind: 'RoleBinding' };
      const path = `${RBAC}/namespaces/default/rolebindings`;
      expect((await rig.ask('admin-token', 'POST', path, { body: view })).status).to.equal(201);
      const ask = (query: string): Promise<{ readonly status: number }> =>
        rig.ask('joe-token', 'GET', `/discovery/prometheus${query}`);
      expect((await ask('/tasks?namespace=default')).status).to.equal(200);
      for (const query of [
        '',
        '?namespace=default',
        '/workers',
        '/workers?namespace=default',
        '/tasks',
        '/tasks?namespace=',
        '/tasks?namespace=kube-system',
        '/tasks?namespace=kube-system&namespace=default',
      ])
        expect((await ask(query)).status, query).to.equal(403);
    });
  });

  describe('answer', () => {
    let server: TestServer;
    let link: () => Promise<WorkerContainers>;
    const options: ServerOptions = {
      workerLink: { ...noWorkers, reaches: (worker) => worker === 'w1', containerMetrics: () => link() },
    };
    beforeEach(async () => {
      link = () => Promise.resolve(told);
      server = await openServer(options);
      await server.world.addWorker('w1');
    });
    afterEach(() => server.close());

    it('with the objects as they are, in Prometheus’ text', async () => {
      const { world } = server;
      await world.admin.create(tasks, taskManifest('web', { resources: { requests: { cpu: '250m' } } }));
      const answer = await server.ask('GET', '/metrics/state');
      expect(answer.headers['content-type']).to.equal('text/plain; version=0.0.4; charset=utf-8');
      const all = parseExposition(answer.text);
      expect(all.value('gantry_task_info', { namespace: 'default', task: 'web' })).to.equal(1);
      expect(all.value('gantry_worker_info', { worker: 'w1' })).to.equal(1);
      expect(all.value('gantry_worker_status_tasks', { worker: 'w1' })).to.equal(0);
      await bind(world, 'web');
      const bound = parseExposition((await server.ask('GET', '/metrics/state')).text);
      expect(bound.value('gantry_worker_status_tasks', { worker: 'w1' })).to.equal(1);
      expect(bound.value('gantry_worker_status_allocated', { worker: 'w1', resource: 'cpu' })).to.equal(0.25);
      await world.admin.create(tasks, taskManifest('brief'));
      expect((await server.ask('GET', '/metrics/state')).text).to.include('task="brief"');
      await world.admin.delete(tasks, { namespace: 'default', name: 'brief' });
      expect((await server.ask('GET', '/metrics/state')).text).to.not.include('task="brief"');
    });

    it('with a worker’s containers under cAdvisor’s names', async () => {
      const answer = await server.ask('GET', CONTAINERS);
      expect([answer.status, answer.headers['content-type']]).to.deep.equal([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ]);
      const all = parseExposition(answer.text);
      const web = {
        pod: 'web',
        container: 'web',
        namespace: 'default',
        worker: 'w1',
        id: '/docker/f00d',
        image: 'app:"1"',
        name: 'gantry.default.web.u.1',
      };
      expect(
        all.series.find(({ name }) => name === 'container_cpu_usage_seconds_total')?.labels,
      ).to.deep.equal(web);
      expect(all.value('container_cpu_usage_seconds_total', web)).to.equal(2.5);
      expect(all.value('container_spec_memory_limit_bytes', web)).to.equal(0);
      expect(all.value('container_network_receive_bytes_total', { pod: 'web', interface: 'eth1' })).to.equal(
        11,
      );
      expect(
        all.value('container_network_transmit_packets_dropped_total', { pod: 'web', interface: 'eth0' }),
      ).to.equal(7);
      expect(all.value('container_fs_writes_bytes_total', { pod: 'web', device: '/dev/sda' })).to.equal(4);
      expect(all.value('container_start_time_seconds', web)).to.equal(Date.UTC(2026, 0, 1) / 1000 + 0.25);
      expect(all.value('container_last_seen', web)).to.equal(1_700_000_000.5);
      expect([
        all.value('machine_cpu_cores'),
        all.value('machine_memory_bytes', { worker: 'w1' }),
      ]).to.deep.equal([4, 2 ** 33]);
      // What comes over a wire is told the same.
      link = () => Promise.resolve(JSON.parse(JSON.stringify(told)) as WorkerContainers);
      expect((await server.ask('GET', CONTAINERS)).text).to.equal(answer.text);
      // What a system does not tell is not 0: it is not there.
      expect(all.count('container_oom_events_total')).to.equal(0);
    });

    it('with 503 where the worker does not, and 404 for one there is not', async () => {
      link = () => Promise.reject(new ApiError('ServiceUnavailable', 'the engine is away'));
      expect((await server.ask('GET', CONTAINERS)).status).to.equal(503);
      expect((await server.ask('GET', CONTAINERS.replace('w1', 'w2'))).status).to.equal(404);
      for (const other of ['/metrics', '/exec', '/metrics/cadvisor/more'])
        expect((await server.ask('GET', `/api/v1/nodes/w1/proxy${other}`)).status, other).to.equal(404);
      expect((await server.ask('GET', CONTAINERS.replace('w1', '%zz'))).status).to.equal(404);
    });

    it('with where to find workers and Tasks, as Prometheus takes it', async () => {
      const { admin } = server.world;
      await server.world.allowEverything('default');
      const annotations = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '9100' };
      await admin.create(tasks, taskManifest('web', { network: { mode: 'host' } }, { annotations }));
      await admin.create(tasks, taskManifest('quiet'));
      await bind(server.world, 'web');
      const body = { status: { phase: 'Running' } };
      const key = { namespace: 'default', name: 'web' };
      await admin.patch(tasks, key, { type: 'merge', body }, { subresource: 'status' });
      const get = async (path: string): Promise<Record<string, unknown>[]> => {
        const answer = await server.ask('GET', `/discovery/prometheus${path}`, {
          headers: { Host: 'localhost:7443' },
        });
        expect([answer.status, answer.headers['content-type']]).to.deep.equal([200, 'application/json']);
        return JSON.parse(answer.text) as Record<string, unknown>[];
      };
      // Reached through another server, which tells of it: here its containers would be asked for in vain.
      await server.world.addWorker('w2');
      const [worker, ...others] = await get('/workers');
      expect(others).to.deep.equal([]);
      expect(worker).to.deep.equal({
        targets: ['localhost:7443'],
        labels: { __scheme__: 'http', __metrics_path__: CONTAINERS, worker: 'w1' },
      });
      const found = await get('/tasks');
      expect(found.map(({ targets }) => targets)).to.deep.equal([['127.0.0.1:9100']]);
      expect(found[0]?.labels).to.include({ namespace: 'default', task: 'web', worker: 'w1' });
      expect(await get('')).to.deep.equal([worker, ...found]);
      expect(await get('/tasks?namespace=kube-system')).to.deep.equal([]);
    });

    it('only to reading', async () => {
      for (const path of PATHS) {
        const head = await server.ask('HEAD', path);
        expect([head.status, head.text], path).to.deep.equal([200, '']);
        const answer = await server.ask('POST', path, { body: {} });
        expect([answer.status, answer.headers.allow], path).to.deep.equal([405, 'GET']);
      }
    });

    it('with 404 and the flag that was given where they are turned off', async () => {
      const monitoring = { stateMetrics: false, containerMetrics: false };
      const off = await openServer({ ...options, monitoring });
      await off.world.addWorker('w1');
      try {
        const state = await off.ask('GET', '/metrics/state');
        expect(state.status).to.equal(404);
        expect(state.json().message).to.match(/turned off on this server: start it with --state-metrics$/);
        expect((await off.ask('GET', CONTAINERS)).json().message).to.include('--container-metrics');
        expect((await off.ask('GET', '/discovery/prometheus/workers')).text).to.equal('[]');
        expect((await off.ask('GET', '/metrics')).status).to.equal(200);
      } finally {
        await off.close();
      }
    });
  });

  describe('with thousands of objects', function () {
    this.timeout(60_000);
    const COUNT = 2_000;
    let world: World;
    let server: TestServer;
    before(async () => {
      world = await openWorld();
      server = await serve(world);
      for (let at = 0; at < COUNT; at++) await world.admin.create(tasks, taskManifest(`task-${at}`));
    });
    after(async () => {
      await server.close();
      await world.close();
    });

    const readAll = async (
      state: StateMetrics,
    ): Promise<{ readonly text: string; readonly longest: number; readonly costMs: number }> => {
      const before = cpuMs();
      const pieces = [...(await state.read(signal))];
      const longest = Math.max(...pieces.map(({ length }) => length));
      return { text: pieces.join(''), longest, costMs: cpuMs() - before };
    };

    it('a scrape after the first costs what has changed, in pieces that hold nobody up', async () => {
      const state = new StateMetrics(world.registry);
      const first = await readAll(state);
      const second = await readAll(state);
      expect(second.text).to.equal(first.text);
      expect(parseExposition(second.text).count('gantry_task_info')).to.equal(COUNT);
      expect(second.costMs).to.be.lessThan(Math.max(60, first.costMs));
      expect(second.longest).to.be.within(100_000, 140_000);
      const key = { namespace: 'default', name: 'task-7' };
      const body = { status: { restartCount: 3 } };
      await world.admin.patch(tasks, key, { type: 'merge', body }, { subresource: 'status' });
      const third = await readAll(state);
      const lines = new Set(second.text.split('\n'));
      expect(third.text.split('\n').filter((line) => !lines.has(line))).to.deep.equal([
        'gantry_task_status_restarts_total{namespace="default",task="task-7"} 3',
      ]);
      if (process.env.GANTRY_TEST_SHOW !== undefined) {
        const costs = [first, second, third].map(({ costMs }) => costMs.toFixed(1)).join(', ');
        console.info(`      ${COUNT} Tasks, ${first.text.length} bytes: ${costs} ms`);
      }
    });

    it('a reader that takes nothing holds nobody up, and one that leaves ends its answer', async () => {
      const asked = request({ host: '127.0.0.1', port: server.port, path: '/metrics/state', agent: false });
      asked.end();
      await new Promise((resolve) => asked.once('response', resolve));
      expect((await server.ask('GET', '/metrics/state')).status).to.equal(200);
      asked.destroy();
      expect((await server.ask('GET', '/metrics/state')).status).to.equal(200);
    });
  });

  it('are not answered from caches that do not follow the store', async () => {
    const world = await openWorld();
    const { registry } = world;
    const state = new StateMetrics({
      findKind: (...words) => registry.findKind(...words),
      list: (...words) => registry.list(...words),
      isReady: () => false,
    });
    const error: unknown = await state.read(signal).catch((thrown: unknown) => thrown);
    expect(isApiError(error, 'ServiceUnavailable')).to.equal(true);
    await world.close();
  });
});
