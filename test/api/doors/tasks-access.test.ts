import { expect } from 'chai';
import { tasksDoor } from '../../../api/doors/tasks/tasks.ts';
import { identityOf } from '../../../api/server/context.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { LABEL_WORKER } from '../../../machinery/labels.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { clusterRoleBindings, clusterRoles, resourceQuotas, tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { at, serve, type TestServer } from '../server/harness.ts';
import {
  askTasks,
  DOCUMENTED,
  event,
  expectError,
  ID,
  OTHER,
  openTasksRig,
  type TasksRig,
} from './tasksrig.ts';

const THIRD = 'a5c5b1a6-2a5a-4bd1-9d5c-0e6b5ed5c001';

describe('the /tasks door: who may what, and on which listener', () => {
  let rig: TasksRig;
  const servers: TestServer[] = [];
  beforeEach(async () => {
    rig = await openTasksRig();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    await rig.close();
  });

  /** Another listener of the same cluster. */
  const listener = async (
    identity: Identity,
    worker?: string,
    wrapped: (client: Client) => Client = (client) => client,
  ): Promise<TestServer> => {
    const { world } = rig.server;
    const door = tasksDoor({
      ...world,
      clientOf: (ctx) => wrapped(world.registry.as(identityOf(ctx))),
      ...(worker === undefined ? {} : { worker }),
    });
    const server = await serve({ ...world, metrics: newMetrics() }, { identity, doors: [door] });
    servers.push(server);
    return server;
  };

  describe('rights', () => {
    const nobody: Identity = { name: 'nobody', groups: ['system:authenticated'] };
    const reader: Identity = { name: 'reader', groups: ['system:authenticated'] };

    const letRead = async (): Promise<void> => {
      const { admin } = rig.server.world;
      const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1' };
      await admin.create(clusterRoles, {
        ...rbac,
        kind: 'ClusterRole',
        metadata: { name: 'reads-tasks' },
        rules: [{ verbs: ['get', 'list', 'watch'], apiGroups: ['gantry.dev'], resources: ['tasks'] }],
      });
      await admin.create(clusterRoleBindings, {
        ...rbac,
        kind: 'ClusterRoleBinding',
        metadata: { name: 'reads-tasks' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reads-tasks' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }],
      });
    };

    it('D0.11 whoever may only read reads, and is refused the rest with 403 in the form of the door', async () => {
      await rig.post(DOCUMENTED);
      await letRead();
      const server = await listener(reader);
      const ask = askTasks(server);
      expect((await ask('GET', '/tasks')).status).to.equal(200);
      expect((await ask('GET', `/tasks/${ID}`)).status).to.equal(200);
      const stream = await server.stream('/tasks?watch=true');
      expect((await stream.next())?.type).to.equal('ADDED');
      stream.close();
      const says = (verb: string): RegExp => new RegExp(`"reader" cannot ${verb} resource "tasks"`);
      expectError(await ask('POST', '/tasks', { body: event(OTHER) }), 403, says('create'));
      expectError(await ask('POST', '/tasks', { body: { State: 3, Task: { ID } } }), 403, says('patch'));
      expectError(await ask('DELETE', `/tasks/${ID}`), 403, says('patch'));
      expect((await rig.stored()).spec.desiredState).not.to.equal('Stopped');
      expect(await rig.list()).to.have.length(1);
    });

    it('D0.2 whoever may create and not list is refused an id that is taken, too', async () => {
      await rig.post(DOCUMENTED);
      const { admin } = rig.server.world;
      const rbac = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'makes-tasks' } };
      const rules = [{ verbs: ['create'], apiGroups: ['gantry.dev'], resources: ['tasks'] }];
      await admin.create(clusterRoles, { ...rbac, kind: 'ClusterRole', rules });
      await admin.create(clusterRoleBindings, {
        ...rbac,
        kind: 'ClusterRoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'makes-tasks' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'reader' }],
      });
      const ask = askTasks(await listener(reader));
      expectError(await ask('POST', '/tasks', { body: event(ID) }), 409, /already exists/);
      expect((await ask('POST', '/tasks', { body: event(OTHER) })).status).to.equal(201);
    });

    it('D0.11 whoever may nothing is refused everything', async () => {
      await rig.post(DOCUMENTED);
      const ask = askTasks(await listener(nobody));
      expectError(await ask('GET', '/tasks'), 403, /"nobody" cannot list/);
      expectError(await ask('GET', `/tasks/${ID}`), 403, /"nobody" cannot get/);
      expectError(await ask('GET', '/tasks?watch=true'), 403, /"nobody" cannot list/);
      expectError(await ask('GET', '/tasks?watch=true&resourceVersion=1'), 403, /"nobody" cannot watch/);
      expectError(await ask('DELETE', `/tasks/${ID}`), 403, /"nobody" cannot get/);
    });

    it('D0.1 more than a namespace may hold is refused in the form of the door', async () => {
      await rig.server.world.admin.create(resourceQuotas, {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'one', namespace: 'default' },
        spec: { hard: { 'count/tasks.gantry.dev': '1' } },
      });
      expect((await rig.post(event(ID))).status).to.equal(201);
      expectError(await rig.post(event(OTHER)), 403, /exceeded quota: one/);
    });

    it('D0.1 more requests at once than a user may have are 429, with when to come again', async () => {
      const slow = Promise.withResolvers<void>();
      const server = await listener(DEV_IDENTITY, undefined, (client) => ({
        ...client,
        list: (...words) => slow.promise.then(() => client.list(...words)),
      }));
      const asked = Array.from({ length: 300 }, () => server.ask('GET', '/tasks'));
      const refused = await Promise.race(
        asked.map(async (answer) => ((await answer).status === 429 ? answer : new Promise<never>(() => {}))),
      );
      slow.resolve();
      expectError(refused, 429, /Too many requests, please try again later/);
      expect(refused.headers['retry-after']).to.equal('1');
      const codes = (await Promise.all(asked)).map(({ status }) => status);
      expect(codes.filter((code) => code === 200).length).to.be.at.least(200);
    });

    it('D0.1 a store that cannot be reached is 503 in the form of the door', async () => {
      const unreachable = (): Promise<never> =>
        Promise.reject(new ApiError('ServiceUnavailable', 'the store does not answer'));
      const broken = (client: Client): Client => ({
        ...client,
        list: unreachable,
        create: unreachable,
        get: unreachable,
      });
      const ask = askTasks(await listener(DEV_IDENTITY, undefined, broken));
      expectError(await ask('GET', '/tasks'), 503, /the store does not answer/);
      expectError(await ask('POST', '/tasks', { body: event(ID) }), 503, /the store does not answer/);
      expectError(await ask('DELETE', `/tasks/${ID}`), 503, /the store does not answer/);
    });
  });

  describe('of one worker', () => {
    beforeEach(async () => {
      await rig.server.world.addWorker('w1');
      await rig.server.world.addWorker('w2');
      for (const id of [ID, OTHER]) await rig.post(event(id));
      await rig.bind('w1', ID);
      await rig.bind('w2', OTHER);
    });

    it('D0.7 shows its own tasks, and no others', async () => {
      const ask = askTasks(await listener(DEV_IDENTITY, 'w1'));
      const list = JSON.parse((await ask('GET', '/tasks')).text) as unknown;
      expect([at(list, '0.ID'), at(list, '1')]).to.deep.equal([ID, undefined]);
      expect((await ask('GET', `/tasks/${ID}`)).status).to.equal(200);
      expectError(await ask('GET', `/tasks/${OTHER}`), 404, /no task with ID .* on worker w1/);
      expectError(await ask('DELETE', `/tasks/${OTHER}`), 404, /on worker w1/);
      expect((await ask('DELETE', `/tasks/${ID}`)).status).to.equal(204);
    });

    it('D0.7 records what is posted as a task that runs there or nowhere', async () => {
      const server = await listener(DEV_IDENTITY, 'w1');
      const ask = askTasks(server);
      expect((await ask('POST', '/tasks', { body: event(THIRD) })).status).to.equal(201);
      expect((await rig.stored(THIRD)).spec.workerSelector).to.deep.equal({ [LABEL_WORKER]: 'w1' });
      expect(JSON.parse((await ask('GET', '/tasks')).text)).to.have.length(2);
      expectError(await ask('POST', '/tasks', { body: event(OTHER) }), 409, /already exists/);
      expectError(
        await ask('POST', '/tasks', { body: { State: 3, Task: { ID: OTHER } } }),
        404,
        /on worker w1/,
      );
    });

    it('D0.7 watches its own tasks as they come and go, from the beginning and from a version', async () => {
      const server = await listener(DEV_IDENTITY, 'w1');
      const { admin } = rig.server.world;
      const from = String((await rig.ask('GET', '/tasks')).headers['x-resource-version']);
      const whole = await server.stream('/tasks?watch=true');
      const resumed = await server.stream(`/tasks?watch=true&resourceVersion=${from}`);
      expect(at(await whole.next(), 'object.ID')).to.equal(ID);
      await rig.post(event(THIRD));
      await rig.bind('w1', THIRD);
      await rig.ask('DELETE', `/tasks/${OTHER}`);
      await rig.ask('DELETE', `/tasks/${ID}`);
      await admin.create(tasks, taskManifest('pinned', { workerSelector: { [LABEL_WORKER]: 'w1' } }));
      await admin.patch(
        tasks,
        { namespace: 'default', name: 'pinned' },
        { type: 'merge', body: { spec: { workerSelector: { [LABEL_WORKER]: 'w2' } } } },
      );
      await rig.post(event('b0000000-0000-4000-8000-000000000000'));
      await admin.create(tasks, taskManifest('last', { workerSelector: { [LABEL_WORKER]: 'w1' } }));
      await admin.delete(tasks, { namespace: 'default', name: 'last' });
      for (const stream of [whole, resumed]) {
        const frames = await Promise.all(Array.from({ length: 6 }, () => stream.next()));
        expect(frames.map((frame) => [frame?.type, at(frame, 'object.Name')])).to.deep.equal([
          ['ADDED', 'job'],
          ['MODIFIED', 'job'],
          ['ADDED', 'pinned'],
          ['DELETED', 'pinned'],
          ['ADDED', 'last'],
          ['DELETED', 'last'],
        ]);
        stream.close();
      }
    });

    it('D0.7 answers 503 while the control plane cannot be reached', async () => {
      const down = (): Promise<never> =>
        Promise.reject(new ApiError('ServiceUnavailable', 'the control plane cannot be reached'));
      const broken = (client: Client): Client => ({ ...client, create: down, list: down });
      const ask = askTasks(await listener(DEV_IDENTITY, 'w1', broken));
      expectError(await ask('POST', '/tasks', { body: event(THIRD) }), 503, /cannot be reached/);
      expectError(await ask('GET', '/tasks?watch=true'), 503, /cannot be reached/);
    });
  });
});
