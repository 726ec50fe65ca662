/** Who may do what: the rules as a table, then the limits on single writes, through the registry itself. */
import { expect } from 'chai';
import { Authorizer } from '../../../api/registry/access/authorize.ts';
import { bootstrapOnly } from '../../../api/registry/access/bootstrap/objects.ts';
import type { AccessRequest } from '../../../api/registry/types.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import {
  controllerIdentity,
  GROUP_MASTERS,
  type Identity,
  workerIdentity,
} from '../../../machinery/identity.ts';
import type { ObjectMeta } from '../../../machinery/meta.ts';
import { newTrace, withTrace } from '../../../machinery/trace.ts';
import { events, leases, tasks, workers } from '../../../schemas/kinds.ts';
import type { Event, Lease, Task, Worker } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';
import { openWorld, type World } from '../../world.ts';

const admin: Identity = { name: 'admin', groups: [GROUP_MASTERS] };
const dev: Identity = { name: 'dev', groups: ['system:dev'] };
const user: Identity = { name: 'user', groups: ['system:authenticated'] };
const stranger: Identity = { name: 'system:anonymous', groups: ['system:unauthenticated'] };
const scheduler = controllerIdentity('scheduler');
const w1 = workerIdentity('w1');

/** `update gantry.dev tasks/status ns/name` as a request. */
function request(text: string): AccessRequest {
  const [verb = '', group = '', resource = '', key = ''] = text.split(' ');
  const [plural = '', subresource] = resource.split('/');
  const [namespace, name] = key.split('/');
  return {
    verb,
    group: group === 'core' ? '' : group,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined || ['', '-'].includes(namespace) ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

describe('Authorization', () => {
  const authorizer = new Authorizer(() => bootstrapOnly, {
    find: () => undefined,
    isUsedBy: () => false,
  });
  const may = (identity: Identity, text: string): boolean => {
    try {
      authorizer.check(identity, request(text));
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'Forbidden') return false;
      throw error;
    }
  };

  const rows: readonly (readonly [Identity, boolean, string])[] = [
    [admin, true, 'delete gantry.dev tasks default/x'],
    [admin, true, 'create core pods/exec default/x'],
    [admin, true, 'impersonate whatever.io anything'],
    [user, false, 'get gantry.dev tasks default/x'],
    [stranger, false, 'list gantry.dev tasks'],
    [dev, true, 'watch gantry.dev tasks'],
    [dev, true, 'create gantry.dev tasks default/x'],
    [dev, true, 'patch gantry.dev tasks default/x'],
    [dev, false, 'delete gantry.dev tasks default/x'],
    [dev, false, 'update gantry.dev tasks/status default/x'],
    [dev, false, 'create gantry.dev tasks/binding default/x'],
    [dev, true, 'get gantry.dev workers'],
    [dev, true, 'list core events default'],
    [dev, true, 'get gantry.dev tasks/log default/x'],
    [dev, true, 'create gantry.dev runs default/x'],
    [dev, true, 'patch gantry.dev runs default/x'],
    [dev, true, 'patch gantry.dev schedulersettings -/default'],
    [dev, true, 'list gantry.dev jobs'],
    [dev, true, 'list gantry.dev tasktemplates'],
    [dev, true, 'list coordination.k8s.io leases gantry-system'],
    [dev, false, 'delete gantry.dev runs default/x'],
    [dev, false, 'update gantry.dev runs/status default/x'],
    [dev, false, 'create gantry.dev jobs default/x'],
    [dev, false, 'create gantry.dev tasktemplates default/x'],
    [dev, false, 'patch gantry.dev workers'],
    [dev, false, 'create core events default'],
    [dev, false, 'update coordination.k8s.io leases gantry-system/w1'],
    [dev, false, 'delete gantry.dev schedulersettings -/default'],
    [dev, false, 'list core secrets default'],
    [dev, false, 'list core configmaps default'],
    [dev, false, 'create gantry.dev tasks/exec default/x'],
    [dev, false, 'get core pods/log default/x'],
    [scheduler, true, 'create gantry.dev tasks/binding default/x'],
    [scheduler, true, 'patch gantry.dev tasks/status default/x'],
    [scheduler, false, 'patch gantry.dev workers/status'],
    [controllerIdentity('worker-lifecycle'), true, 'patch gantry.dev workers/status'],
    [scheduler, true, 'create core events default'],
    [scheduler, false, 'watch coordination.k8s.io leases gantry-system'],
    [controllerIdentity('informers'), true, 'watch coordination.k8s.io leases gantry-system'],
    [controllerIdentity('garbage-collector'), true, 'delete example.com anythings default/x'],
    [controllerIdentity('garbage-collector'), false, 'create example.com anythings default/x'],
    [
      controllerIdentity('clusterrole-aggregation'),
      true,
      'escalate rbac.authorization.k8s.io clusterroles -/x',
    ],
    [controllerIdentity('unheard-of'), false, 'list gantry.dev tasks'],
    [scheduler, false, 'create gantry.dev tasks default/x'],
    [scheduler, false, 'delete gantry.dev workers'],
    [scheduler, false, 'delete core namespaces'],
    [w1, true, 'watch gantry.dev tasks'],
    [w1, true, 'list gantry.dev workers'],
    [w1, true, 'patch gantry.dev tasks/status default/x'],
    [w1, true, 'update coordination.k8s.io leases gantry-system/w1'],
    [w1, true, 'create core events default'],
    [w1, true, 'get core events default/e'],
    [w1, false, 'get coordination.k8s.io leases gantry-system/w2'],
    [w1, false, 'create coordination.k8s.io leases default/w1'],
    [w1, false, 'list coordination.k8s.io leases gantry-system'],
    [w1, false, 'create gantry.dev tasks default/x'],
    [w1, false, 'delete gantry.dev tasks default/x'],
    [w1, false, 'create gantry.dev tasks/binding default/x'],
    [w1, false, 'delete gantry.dev workers'],
    [w1, false, 'list core events default'],
    [{ name: 'w1', groups: ['system:workers'] }, false, 'list gantry.dev tasks'],
  ];
  for (const [identity, isAllowed, text] of rows) {
    it(`${identity.name} ${isAllowed ? 'may' : 'may not'} ${text}`, () => {
      expect(may(identity, text)).to.equal(isAllowed);
    });
  }

  const paths: readonly (readonly [Identity, boolean, string])[] = [
    [admin, true, '/metrics'],
    [user, true, '/version'],
    [user, true, '/apis/gantry.dev/v1'],
    [user, true, '/openapi/v3'],
    [user, true, '/readyz/store'],
    [user, false, '/metrics'],
    [user, false, '/apisomething'],
    [stranger, true, '/livez'],
    [stranger, false, '/apis'],
    [dev, true, '/version'],
    [dev, false, '/metrics'],
  ];
  for (const [identity, isAllowed, path] of paths) {
    it(`${identity.name} ${isAllowed ? 'may' : 'may not'} get ${path}`, () => {
      const check = (): void => authorizer.checkPath(identity, 'get', path);
      if (isAllowed) expect(check).not.to.throw();
      else expect(check).to.throw(ApiError, `forbidden: User "${identity.name}" cannot get path "${path}"`);
    });
  }

  it('says who may not do what, where, as Kubernetes does', () => {
    const said = (identity: Identity, text: string): string => {
      try {
        authorizer.check(identity, request(text));
        return 'allowed';
      } catch (error) {
        return error instanceof ApiError ? error.message : String(error);
      }
    };
    expect(said(user, 'list gantry.dev tasks default')).to.equal(
      'tasks.gantry.dev is forbidden: User "user" cannot list resource "tasks" in API group "gantry.dev" in the namespace "default"',
    );
    expect(said(user, 'update gantry.dev tasks/status default/x')).to.equal(
      'tasks.gantry.dev "x" is forbidden: User "user" cannot update resource "tasks/status" in API group "gantry.dev" in the namespace "default"',
    );
    expect(said(user, 'get core namespaces -/x')).to.equal(
      'namespaces "x" is forbidden: User "user" cannot get resource "namespaces" in API group "" in the namespace "x"',
    );
    expect(said(user, 'create core namespaces -/x')).to.equal(
      'namespaces is forbidden: User "user" cannot create resource "namespaces" in API group "" at the cluster scope',
    );
    expect(said(user, 'list core namespaces')).to.equal(
      'namespaces is forbidden: User "user" cannot list resource "namespaces" in API group "" at the cluster scope',
    );
  });
});

describe('Limits on single writes', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());
  const hello = { namespace: 'default', name: 'hello' };

  describe('the development user', () => {
    let client: Client;
    beforeEach(() => {
      client = world.registry.as(dev);
    });
    const patch = (body: unknown): Promise<Task> => client.patch(tasks, hello, { type: 'merge', body });

    const baseline: readonly (readonly [string, Partial<Task['spec']>, Partial<ObjectMeta>])[] = [
      ['privileged', { securityContext: { privileged: true } }, {}],
      ['added capabilities', { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }, {}],
      ['the host network', { network: { mode: 'host' } }, {}],
      ["the worker's processes", { hostPID: true }, {}],
      ['a path of the worker', { volumes: [{ name: 'v', hostPath: { path: '/srv' } }] }, {}],
      ['a Secret as files', { volumes: [{ name: 'v', secret: { secretName: 's' } }] }, {}],
      ['a Secret as variables', { envFrom: [{ secretRef: { name: 's' } }] }, {}],
      [
        'a key of a Secret',
        { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
        {},
      ],
      ["a registry's password", { imagePullSecrets: [{ name: 's' }] }, {}],
      ['a port open to others', { ports: [{ containerPort: 80, hostIP: '0.0.0.0' }] }, {}],
      ["the system's namespace", {}, { namespace: 'gantry-system' }],
      ['finalizers', {}, { finalizers: ['example.com/x'] }],
      ['owners', {}, { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }] }],
    ];
    for (const [what, spec, metadata] of baseline) {
      it(`may not make a task with ${what}`, async () => {
        const error = await refusalOf(
          client.create(tasks, taskManifest('hello', spec, metadata)),
          'Forbidden',
        );
        expect(error.message).to.include('is not allowed for tasks made through the development listener');
      });
    }

    it('may make a baseline task, read it and stop it', async () => {
      await client.create(
        tasks,
        taskManifest('hello', { securityContext: { capabilities: { drop: ['ALL'] }, runAsUser: 1000 } }),
      );
      expect((await client.list(tasks)).items).to.have.length(1);
      const stopped = await withTrace(newTrace(world.random), () =>
        patch({
          metadata: { annotations: { 'gantry.dev/ttl': '24h' } },
          spec: { desiredState: 'Stopped' },
        }),
      );
      expect(stopped.spec.desiredState).to.equal('Stopped');
      expect(stopped.metadata.annotations).to.have.all.keys('gantry.dev/ttl', 'gantry.dev/trace-id');
      await patch({ spec: { desiredState: 'Stopped' } });
    });

    it('may not stop what is more than a baseline task', async () => {
      await world.allowEverything('default');
      await world.admin.create(tasks, taskManifest('hello', { network: { mode: 'host' } }));
      const error = await refusalOf(patch({ spec: { desiredState: 'Stopped' } }), 'Forbidden');
      expect(error.message).to.include('spec.network.mode is not allowed for tasks stopped through');
    });

    it('may change nothing else, not even together with a stop', async () => {
      await world.admin.create(tasks, taskManifest('hello', {}, { labels: { a: 'b' } }));
      for (const body of [
        { spec: { image: 'evil' } },
        { spec: { desiredState: 'Stopped', image: 'evil' } },
        { spec: { desiredState: 'Stopped', securityContext: { privileged: true } } },
        { spec: { desiredState: 'Stopped' }, metadata: { labels: { a: null } } },
        { spec: { desiredState: 'Stopped' }, metadata: { annotations: { other: 'x' } } },
        { spec: { desiredState: 'Stopped' }, metadata: { finalizers: ['example.com/x'] } },
        { metadata: { annotations: { 'gantry.dev/ttl': '1s' } } },
      ]) {
        const error = await refusalOf(patch(body), 'Forbidden');
        expect(error.message).to.include('may change a task only by stopping it');
      }
      await world.admin.patch(tasks, hello, { type: 'merge', body: { spec: { desiredState: 'Stopped' } } });
      await refusalOf(patch({ spec: { desiredState: 'Running' } }), 'Forbidden');
      await refusalOf(client.delete(tasks, hello), 'Forbidden');
    });
  });

  describe('a worker', () => {
    const bind = async (worker: string): Promise<void> => {
      await world.addWorker(worker);
      await world.admin.create(tasks, taskManifest('hello'));
      await world.admin.post(tasks, hello, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: hello,
        target: { name: worker },
        epoch: 1,
      });
    };
    const tell = (client: Client, status: Task['status']): Promise<Task> =>
      client.patch(tasks, hello, { type: 'merge', body: { status } }, { subresource: 'status' });
    const lift = (client: Client): Promise<Task> =>
      client.patch(tasks, hello, { type: 'merge', body: { metadata: { finalizers: [] } } });

    it('writes the status of the tasks bound to it and of no others', async () => {
      await bind('w1');
      expect((await tell(world.workerClient('w1'), { phase: 'Running' })).status?.phase).to.equal('Running');
      const error = await refusalOf(tell(world.workerClient('w2'), { phase: 'Failed' }), 'Forbidden');
      expect(error.message).to.include(
        'worker "w2" may write only tasks bound to it, this one is bound to "w1"',
      );
    });

    it('writes nothing but status', async () => {
      await bind('w1');
      const worker = world.workerClient('w1');
      for (const body of [{ spec: { image: 'x' } }, { metadata: { labels: { a: 'b' } } }]) {
        await refusalOf(worker.patch(tasks, hello, { type: 'merge', body }), 'Forbidden');
      }
      await refusalOf(worker.delete(tasks, hello), 'Forbidden');
    });

    it('lifts its finalizer once the task is being deleted, and not before', async () => {
      await bind('w1');
      await refusalOf(lift(world.workerClient('w1')), 'Forbidden');
      await world.admin.delete(tasks, hello);
      await refusalOf(lift(world.workerClient('w2')), 'Forbidden');
      await lift(world.workerClient('w1'));
      await refusalOf(world.admin.get(tasks, hello), 'NotFound');
    });

    it('speaks for a task bound to none only if it spoke for it last', async () => {
      await bind('w1');
      const worker = world.workerClient('w1');
      await tell(worker, { phase: 'Succeeded', workerName: 'w1' });
      await world.admin.patch(tasks, hello, { type: 'merge', body: { spec: { image: 'two' } } });
      expect((await world.admin.get(tasks, hello)).spec.workerName).to.equal(undefined);
      await tell(worker, { message: 'cleaned up' });
      await refusalOf(tell(world.workerClient('w2'), { message: 'x' }), 'Forbidden');
    });

    it('keeps its own Worker and Lease, and no one else’s', async () => {
      const client = world.workerClient('w1');
      const named = (name: string): Worker => ({
        apiVersion: 'gantry.dev/v1',
        kind: 'Worker',
        metadata: { name },
      });
      await client.create(workers, named('w1'));
      await refusalOf(client.create(workers, named('w2')), 'Forbidden');
      await client.patch(
        workers,
        { name: 'w1' },
        { type: 'merge', body: { status: { capacity: { cpu: '1' } } } },
        { subresource: 'status' },
      );
      await world.addWorker('w2');
      for (const options of [{}, { subresource: 'status' }]) {
        await refusalOf(
          client.patch(workers, { name: 'w2' }, { type: 'merge', body: { status: {} } }, options),
          'Forbidden',
        );
      }
      const lease = (name: string, namespace: string): Lease => ({
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace },
        spec: { holderIdentity: name },
      });
      const made = await client.create(leases, lease('w1', 'gantry-system'));
      await client.update(leases, { ...made, spec: { ...made.spec, leaseTransitions: 1 } });
      await refusalOf(client.create(leases, lease('w2', 'gantry-system')), 'Forbidden');
      await refusalOf(client.create(leases, lease('w1', 'default')), 'Forbidden');
      await refusalOf(
        client.create(leases, {
          ...lease('', 'gantry-system'),
          metadata: { name: '', generateName: 'w1', namespace: 'gantry-system' },
        }),
        'Forbidden',
      );
    });

    it('tells Events about itself and its own tasks, and reads no others', async () => {
      await bind('w1');
      const about = (name: string, involvedObject: Event['involvedObject']): Event => ({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'default' },
        involvedObject,
      });
      const task = await world.admin.get(tasks, hello);
      const { uid = '' } = task.metadata;
      const own = { kind: 'Task', namespace: 'default', name: 'hello', uid };
      const [w1, w2] = [world.workerClient('w1'), world.workerClient('w2')];
      await w1.create(events, about('own', own));
      await w1.create(events, about('self', { kind: 'Worker', name: 'w1' }));
      await w1.create(events, about('gone', { ...own, uid: 'of-one-that-is-gone' }));
      await w1.patch(events, { namespace: 'default', name: 'own' }, { type: 'merge', body: { count: 2 } });
      for (const involvedObject of [
        own,
        { kind: 'Worker', name: 'w1' },
        { kind: 'Task', name: 'hello' },
        { kind: 'Namespace', name: 'default' },
      ]) {
        const error = await refusalOf(w2.create(events, about('lie', involvedObject)), 'Forbidden');
        expect(error.message).to.include('may use only events about itself and the tasks bound to it');
      }
      const key = { namespace: 'default', name: 'own' };
      await refusalOf(w2.patch(events, key, { type: 'merge', body: { message: 'lie' } }), 'Forbidden');
      await refusalOf(w2.get(events, key), 'NotFound');
      expect((await w1.get(events, key)).count).to.equal(2);
    });

    it('sees its own tasks and no others, in every kind of read', async () => {
      await bind('w1');
      await world.admin.create(tasks, taskManifest('other'));
      const [w1, w2] = [world.workerClient('w1'), world.workerClient('w2')];
      expect((await w1.list(tasks)).items.map(({ metadata }) => metadata.name)).to.deep.equal(['hello']);
      expect((await w2.list(tasks)).items).to.deep.equal([]);
      await refusalOf(w1.get(tasks, { namespace: 'default', name: 'other' }), 'NotFound');
      const controller = new AbortController();
      const seen: string[] = [];
      const watching = (async () => {
        for await (const event of w1.watch(tasks, { signal: controller.signal })) {
          if (event.type === 'BOOKMARK') continue;
          seen.push(`${event.type} ${event.object.metadata.name}`);
          if (seen.length === 3) controller.abort();
        }
      })();
      await world.settle();
      await tell(w1, { phase: 'Running', workerName: 'w1' });
      await world.admin.delete(tasks, { namespace: 'default', name: 'other' });
      await world.admin.delete(tasks, hello);
      await watching;
      expect(seen).to.deep.equal(['ADDED hello', 'MODIFIED hello', 'MODIFIED hello']);
    });
  });
});
