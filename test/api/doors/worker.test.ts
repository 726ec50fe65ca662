/** The worker's listener: its own tasks, and what its machine has and uses. */
import { expect } from 'chai';
import { workerDoor } from '../../../api/doors/worker/worker.ts';
import { identityOf } from '../../../api/server/context.ts';
import { DEV_IDENTITY, devListener, type Listener } from '../../../api/server/listener.ts';
import { newApps } from '../../../api/server/server.ts';
import type { Client } from '../../../machinery/client.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import type { WorkerStats } from '../../../machinery/workerstats.ts';
import { document } from '../../../schemas/doors/tasks.gen.ts';
import { tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';
import { type Answer, askPort, asRecord, noWorkers, streamPort } from '../server/harness.ts';
import { conforms } from './openapi.ts';

const ID = '266592cd-960d-4091-981c-8c25c44b1018';
const OTHER = '6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e';
const EVENT = {
  ID,
  State: 2,
  Task: { State: 1, ID, Name: 'test-from-api-777', Image: 'strm/helloworld-http' },
};

const STATS: WorkerStats = {
  memory: {
    MemTotal: 1_000,
    MemFree: 200,
    MemAvailable: 500,
    Buffers: 1,
    Cached: 2,
    SwapCached: 3,
    Active: 4,
    Inactive: 5,
    SwapTotal: 6,
    SwapFree: 7,
  },
  disk: { totalBytes: 1_000_000, availableBytes: 400_000, freeInodes: 77 },
  cpu: {
    user: 10,
    nice: 11,
    system: 12,
    idle: 13,
    iowait: 14,
    irq: 15,
    softirq: 16,
    steal: 17,
    guest: 18,
    guest_nice: 19,
  },
  load: { last1Min: 0.5, last5Min: 0.25, last15Min: 0.125, running: 2, total: 300, lastPid: 4711 },
  taskCount: 2,
};

describe("the worker's door", () => {
  let world: World;
  let listener: Listener;
  let port: number;
  let stats: () => Promise<WorkerStats>;
  let hooks: ClientHooks;

  beforeEach(async () => {
    world = await openWorld();
    stats = () => Promise.resolve(STATS);
    hooks = {};
    for (const name of ['w1', 'w2']) await world.addWorker(name);
    await listen(DEV_IDENTITY);
  });
  afterEach(async () => {
    await listener.stop(1_000);
    await world.close();
  });

  async function listen(identity: Identity): Promise<void> {
    const { registry, clock, random } = world;
    const metrics = newMetrics();
    const door = workerDoor({
      clientOf: (ctx): Client =>
        intercept(registry.as(identityOf(ctx)), { before: (call) => hooks.before?.(call) }),
      clock,
      random,
      workerName: 'w1',
      readStats: () => stats(),
    });
    const deps = { registry, clock, random, metrics, log: silentLog, workerLink: noWorkers };
    const apps = newApps({ ...deps, productVersion: '0.1.0', doors: [] });
    const place = { host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog };
    listener = devListener(apps.doorsOnly([door]), { ...place, identity });
    ({ port } = await listener.start());
  }

  const post = (body: unknown): Promise<Answer> =>
    askPort(port, 'POST', '/tasks', { body, headers: { 'Content-Type': 'application/json' } });
  const listed = async (): Promise<unknown[]> => {
    const found: unknown = JSON.parse((await askPort(port, 'GET', '/tasks')).text);
    return Array.isArray(found) ? found.map((item) => asRecord(item).ID) : [];
  };
  const bind = async (name: string, worker: string): Promise<void> => {
    await world.admin.post(tasks, { namespace: 'default', name }, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: { name, namespace: 'default' },
      target: { name: worker },
      epoch: 1,
    });
  };
  const expectError = (answer: Answer, code: number, says: RegExp): void => {
    expect(answer.status).to.equal(code);
    expect(answer.headers['content-type']).to.equal('application/json');
    expect(answer.json()).to.have.all.keys('HTTPStatusCode', 'Message');
    expect(answer.json()).to.include({ HTTPStatusCode: code });
    expect(answer.json().Message).to.match(says);
  };

  describe('/tasks', () => {
    it('D0.7 POST records a Task that goes to this worker and nowhere else', async () => {
      const answer = await post(EVENT);
      expect(answer.status).to.equal(201);
      conforms(document, 'POST', '/tasks', 201, answer.headers['content-type'], answer.json());
      const task = await world.admin.get(tasks, { namespace: 'default', name: ID });
      expect(task.spec.workerSelector).to.deep.equal({ 'gantry.dev/worker': 'w1' });
      expect(task.spec.workerName, 'the scheduler binds it').to.equal(undefined);
    });

    it('D0.7 the same routes speak of its own tasks only', async () => {
      await post(EVENT);
      await world.admin.create(tasks, taskManifest(OTHER));
      await bind(OTHER, 'w2');
      await world.admin.create(tasks, taskManifest('mine'));
      await bind('mine', 'w1');
      await world.settle();
      const mine = await world.admin.get(tasks, { namespace: 'default', name: 'mine' });
      expect(await listed()).to.have.members([ID, mine.metadata.uid]);
      expect((await askPort(port, 'GET', `/tasks/${ID}`)).json()).to.include({ ID, State: 0 });
      expectError(await askPort(port, 'GET', `/tasks/${OTHER}`), 404, /no task with ID .* on worker w1/);
      expectError(await askPort(port, 'DELETE', `/tasks/${OTHER}`), 404, /no task with ID .* on worker w1/);
      expect((await askPort(port, 'DELETE', `/tasks/${ID}`)).status).to.equal(204);
      const stopped = await world.admin.get(tasks, { namespace: 'default', name: ID });
      expect(stopped.spec.desiredState).to.equal('Stopped');
    });

    it('D0.7 a watch tells the changes of its own tasks, also of one that it has to give back', async () => {
      const frames = await streamPort(port, '/tasks?watch=true');
      await world.admin.create(tasks, taskManifest('elsewhere'));
      await bind('elsewhere', 'w2');
      await post(EVENT);
      const added = await frames.next();
      expect(added).to.include({ type: 'ADDED' }).and.to.have.nested.property('object.ID', ID);
      await bind(ID, 'w1');
      expect(await frames.next())
        .to.include({ type: 'MODIFIED' })
        .and.to.have.nested.property('object.State', 1);
      await world.admin.create(tasks, taskManifest('guest'));
      await bind('guest', 'w1');
      expect(await frames.next())
        .to.include({ type: 'ADDED' })
        .and.to.have.nested.property('object.Name', 'guest');
      await world.admin.post(tasks, { namespace: 'default', name: 'guest' }, 'eviction', {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'guest', namespace: 'default' },
      });
      expect(await frames.next()).to.include({ type: 'DELETED' });
      frames.close();
    });

    it('D0.7 POST answers 503 while the control plane is not reached, and keeps nothing', async () => {
      hooks.before = () => {
        throw new ApiError('ServiceUnavailable', 'cannot reach the API server at https://10.0.0.1:7443');
      };
      expectError(await post(EVENT), 503, /cannot reach the API server/);
      expectError(await askPort(port, 'GET', '/tasks'), 503, /cannot reach the API server/);
      hooks = {};
      expect(await listed()).to.deep.equal([]);
      expect((await post(EVENT)).status, 'and takes it once it is').to.equal(201);
    });

    it('D0.7 serves nothing else, and says so in its form', async () => {
      for (const path of ['/nodes', '/apis/gantry.dev/v1/tasks', '/metrics', '/stats/x', '/tasksx']) {
        const answer = await askPort(port, 'GET', path);
        expect(answer.status, path).to.equal(404);
      }
      expectError(await askPort(port, 'PUT', '/tasks'), 405, /does not allow/);
    });
  });

  describe('GET /stats', () => {
    it('D0.7 tells memory, disk, CPU, load and TaskCount, spelled as in the book', async () => {
      const answer = await askPort(port, 'GET', '/stats');
      expect(answer.status).to.equal(200);
      expect(answer.headers['content-type']).to.equal('application/json');
      expect(answer.json()).to.deep.equal({
        MemStats: {
          mem_total: 1_000,
          mem_free: 200,
          mem_available: 500,
          buffers: 1,
          cached: 2,
          swap_cached: 3,
          active: 4,
          inactive: 5,
          swap_total: 6,
          swap_free: 7,
        },
        DiskStats: { all: 1_000_000, used: 600_000, free: 400_000, freeInodes: 77 },
        CpuStats: { id: 'cpu', ...STATS.cpu },
        LoadStats: {
          last1min: 0.5,
          last5min: 0.25,
          last15min: 0.125,
          process_running: 2,
          process_total: 300,
          last_pid: 4711,
        },
        TaskCount: 2,
      });
      conforms(document, 'GET', '/stats', 200, answer.headers['content-type'], answer.json());
      expect((await askPort(port, 'HEAD', '/stats')).text).to.equal('');
    });

    it('D0.7 what the system does not tell is null', async () => {
      stats = () =>
        Promise.resolve({
          memory: undefined,
          disk: undefined,
          cpu: undefined,
          load: undefined,
          taskCount: 0,
        });
      const answer = await askPort(port, 'GET', '/stats');
      const none = { MemStats: null, DiskStats: null, CpuStats: null, LoadStats: null, TaskCount: 0 };
      expect(answer.json()).to.deep.equal(none);
      conforms(document, 'GET', '/stats', 200, answer.headers['content-type'], answer.json());
    });

    it('D0.7 is told before the worker has told of itself', async () => {
      hooks.before = () => {
        throw new ApiError('NotFound', 'workers.gantry.dev "w1" not found');
      };
      expect((await askPort(port, 'GET', '/stats')).status).to.equal(200);
    });

    it('D0.7 whoever may not read the Worker is not told, and nothing is read', async () => {
      await listener.stop(1_000);
      await listen({ name: 'eve', groups: ['system:authenticated'] });
      let reads = 0;
      stats = () => {
        reads += 1;
        return Promise.resolve(STATS);
      };
      const answer = await askPort(port, 'GET', '/stats');
      expectError(answer, 403, /"eve" cannot get resource "workers"/);
      conforms(document, 'GET', '/stats', 403, answer.headers['content-type'], answer.json());
      expect(reads).to.equal(0);
    });

    it('D0.7 a fault of reading is 500, another method 405, in the form of /tasks', async () => {
      stats = () => Promise.reject(new Error('EIO'));
      expectError(await askPort(port, 'GET', '/stats'), 500, /./);
      expectError(await askPort(port, 'POST', '/stats'), 405, /does not allow/);
    });
  });
});
