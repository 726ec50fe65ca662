/** What a namespace may hold holds for all servers together; and nothing is left in a namespace that is gone. */
import { expect } from 'chai';
import { ApiError } from '../../machinery/errors.ts';
import { configMaps, namespaces, resourceQuotas, tasks } from '../../schemas/kinds.ts';
import type { ConfigMap } from '../../schemas/types.gen.ts';
import { taskManifest } from '../builders.ts';
import { isPending, openServers, type Server, type Servers } from './servers.ts';

function configMap(name: string, namespace = 'default', value = ''): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } };
}

describe('Limits with several servers', () => {
  let servers: Servers;
  let all: Server[];

  beforeEach(async () => {
    servers = await openServers({ namespaceLimits: { maxObjects: 100, maxBytes: 64 * 1024 * 1024 } });
    all = [await servers.add(), await servers.add(), await servers.add()];
    await servers.settle();
  });

  afterEach(() => servers.close());

  /** How many of the calls were done; any refusal but 403 fails the test. */
  async function doneOf(calls: readonly Promise<unknown>[]): Promise<number> {
    const settling = Promise.allSettled(calls);
    while (await isPending(settling)) await servers.advance(10);
    let done = 0;
    for (const result of await settling) {
      if (result.status === 'fulfilled') done++;
      else if (!(result.reason instanceof ApiError) || result.reason.code !== 403) throw result.reason;
    }
    return done;
  }

  const adminOf = (at: number) => (all[at % all.length] ?? expect.fail('no server')).admin;
  const quota = async (hard: Record<string, string>): Promise<void> => {
    const metadata = { name: 'q', namespace: 'default' };
    await adminOf(0).create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata,
      spec: { hard },
    });
    await servers.settle();
  };

  it('a ResourceQuota is exact, however many write at once through however many servers', async () => {
    await quota({ 'count/configmaps': '7', 'requests.cpu': '1' });
    const made = Array.from({ length: 30 }, (_, at) => adminOf(at).create(configMaps, configMap(`c${at}`)));
    expect(await doneOf(made)).to.equal(7);
    const resources = { requests: { cpu: '300m' } };
    const bound = Array.from({ length: 12 }, (_, at) =>
      adminOf(at).create(tasks, taskManifest(`t${at}`, { resources })),
    );
    expect(await doneOf(bound)).to.equal(3);
    expect((await adminOf(1).list(configMaps)).items).to.have.length(7);
  });

  it('a write that was on its way while others used the room up is refused', async () => {
    await quota({ 'count/configmaps': '2' });
    const [a, b] = all;
    b?.store.holdCommits();
    const late = b?.admin.create(configMaps, configMap('late')) ?? expect.fail();
    late.catch(() => undefined);
    await servers.settle();
    await a?.admin.create(configMaps, configMap('one'));
    await a?.admin.create(configMaps, configMap('two'));
    b?.store.releaseCommits();
    expect(await doneOf([late])).to.equal(0);
    expect((await a?.admin.list(configMaps))?.items).to.have.length(2);
  });

  it('the limit of every namespace is exact, and what does not come near it costs nothing', async () => {
    for (let at = 0; at < 90; at++) await adminOf(at).create(configMaps, configMap(`c${at}`));
    expect(await servers.store.get('/quotas/default')).to.equal(undefined);
    const made = Array.from({ length: 30 }, (_, at) => adminOf(at).create(configMaps, configMap(`d${at}`)));
    expect(await doneOf(made)).to.equal(10);
    expect((await adminOf(2).list(configMaps)).items).to.have.length(100);
    expect(await servers.store.get('/quotas/default')).not.to.equal(undefined);
  });

  it('what is freed can be used again, through any server', async () => {
    await quota({ 'count/configmaps': '1' });
    for (let at = 0; at < 6; at++) {
      await adminOf(at).create(configMaps, configMap('c'));
      await adminOf(at + 1).delete(configMaps, { namespace: 'default', name: 'c' });
    }
  });
});

describe('A namespace that goes while another server writes into it', () => {
  it('takes the late write along: it is refused, and nothing stays', async () => {
    const servers = await openServers();
    const [a, b] = [await servers.add(), await servers.add()];
    const team = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } } as const;
    await a.admin.create(namespaces, team);
    await servers.settle();
    for (const isGone of [false, true]) {
      b.store.holdCommits();
      const late = b.admin
        .create(configMaps, configMap('late', 'team'))
        .catch((error: ApiError) => error.reason);
      await servers.settle();
      await a.admin.delete(namespaces, { name: 'team' });
      if (isGone) {
        const { spec: _spec, ...emptied } = await a.admin.get(namespaces, { name: 'team' });
        await a.admin.update(namespaces, { ...emptied, spec: {} }, { subresource: 'finalize' });
      }
      b.store.releaseCommits();
      expect(await late).to.equal(isGone ? 'NotFound' : 'Forbidden');
      expect((await servers.store.range('/registry/core/configmaps/team/')).items).to.deep.equal([]);
      if (isGone) continue;
      const { spec: _spec, ...emptied } = await a.admin.get(namespaces, { name: 'team' });
      await a.admin.update(namespaces, { ...emptied, spec: {} }, { subresource: 'finalize' });
      await a.admin.create(namespaces, team);
      await servers.settle();
    }
    await servers.close();
  });

  it('takes along what servers wrote to count together', async () => {
    const servers = await openServers({ namespaceLimits: { maxObjects: 1, maxBytes: 1_000_000 } });
    const a = await servers.add();
    const made = await a.admin.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'team' },
    });
    await servers.settle();
    await a.admin.create(configMaps, configMap('c', 'team'));
    expect((await servers.store.range('/quotas/')).items).to.have.length(1);
    await a.admin.delete(configMaps, { namespace: 'team', name: 'c' });
    await a.admin.delete(namespaces, { name: made.metadata.name });
    const { spec: _spec, ...emptied } = await a.admin.get(namespaces, { name: 'team' });
    await a.admin.update(namespaces, { ...emptied, spec: {} }, { subresource: 'finalize' });
    expect((await servers.store.range('/quotas/')).items).to.deep.equal([]);
    await servers.close();
  });
});
