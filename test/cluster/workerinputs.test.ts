/** What a worker may read through a server that is behind: what it may now, neither less nor more. */
import { expect } from 'chai';
import type { Client } from '../../machinery/client.ts';
import { workerIdentity } from '../../machinery/identity.ts';
import { secrets, tasks, workers } from '../../schemas/kinds.ts';
import { newWorker, taskManifest } from '../builders.ts';
import { refusalOf } from '../client-conformance.ts';
import { isPending, openServers, type Server, type Servers } from './servers.ts';

const key = { namespace: 'default', name: 'web' };
const named = { namespace: 'default', fieldSelector: 'metadata.name=login' };

describe('Several servers: a worker asks one that is behind for a Secret', () => {
  let servers: Servers;
  let a: Server;
  let b: Server;
  let w1: Client;

  beforeEach(async () => {
    servers = await openServers();
    a = await servers.add();
    b = await servers.add();
    w1 = b.registry.as(workerIdentity('w1'));
    const { status = {} } = newWorker('w1');
    const made = await a.admin.create(workers, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Worker',
      metadata: { name: 'w1' },
      spec: {},
    });
    await a.admin.update(workers, { ...made, status }, { subresource: 'status' });
    const metadata = { name: 'login', namespace: 'default' };
    await a.admin.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata });
    await a.admin.create(tasks, taskManifest('web', { envFrom: [{ secretRef: { name: 'login' } }] }));
    await servers.settle();
  });
  afterEach(() => servers.close());

  const bind = (): Promise<unknown> =>
    a.admin.post(tasks, key, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: 'w1' },
      epoch: 1,
    });
  const ways: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['get', () => w1.get(secrets, { namespace: 'default', name: 'login' })],
    ['list', () => w1.list(secrets, { ...named, resourceVersion: '0' })],
    ['watch', async () => (await w1.watch(secrets, named)[Symbol.asyncIterator]().next()).value],
  ];
  for (const [verb, ask] of ways) {
    it(`a ${verb} right after the binding is not refused`, async () => {
      b.store.hold();
      await bind();
      const asked = ask();
      asked.catch(() => undefined);
      expect(await isPending(asked)).to.equal(true);
      b.store.release();
      expect(await asked).not.to.equal(undefined);
    });

    it(`a ${verb} right after the Task was taken away is`, async () => {
      await bind();
      await servers.settle();
      b.store.hold();
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: key };
      await a.admin.post(tasks, key, 'eviction', body);
      const asked = ask();
      asked.catch(() => undefined);
      expect(await isPending(asked)).to.equal(true);
      b.store.release();
      await refusalOf(asked, 'Forbidden');
    });
  }
});
