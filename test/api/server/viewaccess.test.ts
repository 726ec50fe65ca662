/** Who may do what through views: roles that name pods and nodes, as every Kubernetes user writes them. */
import { expect } from 'chai';
import type { Identity } from '../../../machinery/identity.ts';
import { tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';
import { serve, type TestServer } from './harness.ts';

const PODS = '/api/v1/namespaces/default/pods';
const MERGE = { 'Content-Type': 'application/merge-patch+json' };

describe('access through views', () => {
  let world: World;
  const servers: TestServer[] = [];

  beforeEach(async () => {
    world = await openWorld();
    await world.addWorker('w1');
    await world.admin.create(tasks, taskManifest('hello'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    await world.close();
  });

  /** A server whose every request comes from a user with these rules, cluster-wide. */
  const serverOf = async (rules: readonly object[]): Promise<TestServer> => {
    const group = 'rbac.authorization.k8s.io';
    const resource = (plural: string, kind: string): object => ({
      group,
      version: 'v1',
      plural,
      kind,
      namespaced: false,
    });
    const make = (plural: string, kind: string, rest: object): Promise<unknown> =>
      world.admin.create(
        resource(plural, kind) as never,
        { apiVersion: `${group}/v1`, kind, metadata: { name: 'viewer' }, ...rest } as never,
      );
    await make('clusterroles', 'ClusterRole', { rules });
    await make('clusterrolebindings', 'ClusterRoleBinding', {
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'viewer' },
      subjects: [{ apiGroup: group, kind: 'User', name: 'ann' }],
    });
    const identity: Identity = { name: 'ann', groups: ['system:authenticated'] };
    const server = await serve(world, { identity });
    servers.push(server);
    return server;
  };

  it('a role on pods reads pods and their logs, and not the tasks behind them', async () => {
    const server = await serverOf([
      { apiGroups: [''], resources: ['pods', 'pods/log'], verbs: ['get', 'list', 'watch'] },
    ]);
    expect((await server.ask('GET', PODS)).status).to.equal(200);
    expect((await server.ask('GET', `${PODS}/hello`)).status).to.equal(200);
    // Allowed, and then it is not running.
    expect((await server.ask('GET', `${PODS}/hello/log`)).status).to.equal(400);
    const behind = await server.ask('GET', '/apis/gantry.dev/v1/namespaces/default/tasks/hello');
    expect(behind.status).to.equal(403);
  });

  it('reading pods changes, evicts and makes none', async () => {
    const server = await serverOf([{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]);
    const body = '{"metadata":{"labels":{"a":"b"}}}';
    expect((await server.ask('PATCH', `${PODS}/hello`, { headers: MERGE, body })).status).to.equal(403);
    expect((await server.ask('DELETE', `${PODS}/hello`)).status).to.equal(403);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'hello' } };
    expect((await server.ask('POST', `${PODS}/hello/eviction`, { body: eviction })).status).to.equal(403);
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x' },
      spec: { containers: [{ name: 'x', image: 'y' }] },
    };
    expect((await server.ask('POST', PODS, { body: pod })).status).to.equal(403);
  });

  it('a role that patches nodes cordons, and reads nothing by that', async () => {
    const server = await serverOf([{ apiGroups: [''], resources: ['nodes'], verbs: ['patch'] }]);
    const body = '{"spec":{"unschedulable":true}}';
    expect((await server.ask('PATCH', '/api/v1/nodes/w1', { headers: MERGE, body })).status).to.equal(200);
    expect((await server.ask('GET', '/api/v1/nodes/w1')).status).to.equal(403);
    const refused = await server.ask('DELETE', '/api/v1/nodes/w1');
    expect(refused.json().message).to.match(
      /^nodes "w1" is forbidden: User "ann" cannot delete resource "nodes"/,
    );
  });

  it('evicting and deleting pods are permissions of their own', async () => {
    const server = await serverOf([{ apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] }]);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'hello' } };
    expect((await server.ask('POST', `${PODS}/hello/eviction`, { body: eviction })).status).to.equal(201);
    expect((await server.ask('DELETE', `${PODS}/hello`)).status).to.equal(403);
  });

  it('a role on what is behind is as good', async () => {
    const server = await serverOf([{ apiGroups: ['gantry.dev'], resources: ['tasks'], verbs: ['get'] }]);
    expect((await server.ask('GET', `${PODS}/hello`)).status).to.equal(200);
  });
});
