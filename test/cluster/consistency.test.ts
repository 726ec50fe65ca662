/**
 * What a client may rely on that reads through one server and writes through another, while the caches of one of them
 * are behind: the same as with one server.
 */
import { expect } from 'chai';
import { openCatalog } from '../../api/views/catalog.ts';
import { podView } from '../../api/views/pod.ts';
import { Informer } from '../../client/informer.ts';
import type { Client } from '../../machinery/client.ts';
import { ApiError } from '../../machinery/errors.ts';
import { silentLog } from '../../machinery/log.ts';
import { seededRandom } from '../../machinery/random.ts';
import { configMaps, namespaces, tasks } from '../../schemas/kinds.ts';
import type { ConfigMap } from '../../schemas/types.gen.ts';
import { taskManifest } from '../builders.ts';
import { adminIdentity } from '../world.ts';
import { isPending, openServers, type Server, type Servers } from './servers.ts';

const key = { namespace: 'default', name: 'c' };

function configMap(data: Record<string, string>, name = 'c', namespace = 'default'): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

describe('Several servers: one is behind', () => {
  let servers: Servers;
  let a: Server;
  let b: Server;

  beforeEach(async () => {
    servers = await openServers();
    a = await servers.add();
    b = await servers.add();
    await servers.settle();
  });

  afterEach(() => servers.close());

  /** Runs a call on B while B hears of nothing: it must wait, and end well once B hears. */
  async function whileBehind<T>(call: (client: Client) => Promise<T>): Promise<T> {
    const calling = call(b.admin);
    calling.catch(() => undefined);
    expect(await isPending(calling), 'answered from a cache that is behind').to.equal(true);
    b.store.release();
    return calling;
  }

  const reasonOf = (error: unknown): string => (error instanceof ApiError ? error.reason : String(error));
  const refused = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'done', reasonOf);

  describe('reads', () => {
    beforeEach(async () => {
      await a.admin.create(configMaps, configMap({ v: '1' }));
      await servers.settle();
      b.store.hold();
    });

    it('get what was written through the other', async () => {
      await a.admin.patch(configMaps, key, { type: 'merge', body: { data: { v: '2' } } });
      expect((await whileBehind((client) => client.get(configMaps, key))).data).to.deep.equal({ v: '2' });
    });

    it('do not find what was deleted through the other', async () => {
      await a.admin.delete(configMaps, key);
      expect(await refused(whileBehind((client) => client.get(configMaps, key)))).to.equal('NotFound');
    });

    it('list what was written through the other, and no more than once', async () => {
      await a.admin.create(configMaps, configMap({}, 'd'));
      const list = await whileBehind((client) => client.list(configMaps, { namespace: 'default' }));
      expect(list.items.map(({ metadata }) => metadata.name)).to.deep.equal(['c', 'd']);
      expect(list.metadata.resourceVersion).to.equal(String(servers.store.revision()));
    });

    it('wait for a resourceVersion that the other has given', async () => {
      const { metadata } = await a.admin.create(configMaps, configMap({}, 'd'));
      const resourceVersion = metadata.resourceVersion ?? '';
      const list = await whileBehind((client) => client.list(configMaps, { resourceVersion }));
      expect(list.items).to.have.length(2);
    });

    it('answer at once from what is there when resourceVersion is 0', async () => {
      await a.admin.create(configMaps, configMap({}, 'd'));
      const list = await b.admin.list(configMaps, { resourceVersion: '0' });
      expect(list.items.map(({ metadata }) => metadata.name)).to.deep.equal(['c']);
    });

    it('go on with a list in pages that the other has begun', async () => {
      for (const name of ['d', 'e']) await a.admin.create(configMaps, configMap({}, name));
      const first = await a.admin.list(configMaps, { limit: 1 });
      await a.admin.delete(configMaps, { namespace: 'default', name: 'd' });
      const token = first.metadata.continue ?? '';
      const rest = await whileBehind((client) => client.list(configMaps, { continue: token }));
      expect(rest.items.map(({ metadata }) => metadata.name)).to.deep.equal(['d', 'e']);
      expect(rest.metadata.resourceVersion).to.equal(first.metadata.resourceVersion);
    });

    it('watch from a resourceVersion that the other has given: nothing before it, everything after it', async () => {
      const { metadata } = await a.admin.create(configMaps, configMap({}, 'd'));
      const stop = new AbortController();
      const seen: string[] = [];
      const watching = (async () => {
        for await (const event of b.admin.watch(configMaps, {
          resourceVersion: metadata.resourceVersion ?? '',
          signal: stop.signal,
        })) {
          if (event.type !== 'BOOKMARK') seen.push(`${event.type} ${event.object.metadata.name}`);
        }
      })();
      await servers.settle();
      b.store.release();
      await a.admin.create(configMaps, configMap({}, 'e'));
      await a.admin.delete(configMaps, { namespace: 'default', name: 'd' });
      await servers.settle();
      await servers.settle();
      stop.abort();
      await watching;
      expect(seen).to.deep.equal(['ADDED e', 'DELETED d']);
    });

    it('say that a resourceVersion is too large only when nobody has written it, after some patience', async () => {
      b.store.release();
      const resourceVersion = String(servers.store.revision() + 1);
      const reading = b.admin.list(configMaps, { resourceVersion });
      reading.catch(() => undefined);
      await servers.advance(2_900);
      expect(await isPending(reading)).to.equal(true);
      await servers.advance(200);
      expect(await refused(reading)).to.equal('Timeout');
      const later = b.admin.list(configMaps, { resourceVersion });
      await servers.advance(1_000);
      await a.admin.create(configMaps, configMap({}, 'd'));
      expect((await later).items).to.have.length(2);
    });

    it('refuse a continue token of a revision that nobody has written', async () => {
      const { metadata } = await a.admin.list(configMaps, { limit: 1, namespace: 'kube-system' });
      expect(metadata.continue).to.equal(undefined);
      const token = { v: 'gantry.dev/v1', rv: servers.store.revision() + 1_000, after: 'default/a' };
      const made = Buffer.from(JSON.stringify(token)).toString('base64url');
      expect(await refused(b.admin.list(configMaps, { continue: made }))).to.equal('Timeout');
    });

    it('give up with ServiceUnavailable when the caches stay behind', async () => {
      await a.admin.create(configMaps, configMap({}, 'd'));
      const reading = b.admin.list(configMaps);
      reading.catch(() => undefined);
      await servers.advance(10_100);
      expect(await refused(reading)).to.equal('ServiceUnavailable');
    });
  });

  describe('writes', () => {
    it('create what the other has just deleted', async () => {
      await a.admin.create(configMaps, configMap({ v: '1' }));
      await servers.settle();
      b.store.hold();
      await a.admin.delete(configMaps, key);
      const made = await whileBehind((client) => client.create(configMaps, configMap({ v: '2' })));
      expect(made.data).to.deep.equal({ v: '2' });
    });

    it('change what the other has just made, and what it has just changed', async () => {
      b.store.hold();
      await a.admin.create(configMaps, configMap({ v: '1' }));
      const patched = await whileBehind((client) =>
        client.patch(configMaps, key, { type: 'merge', body: { data: { w: '1' } } }),
      );
      expect(patched.data).to.deep.equal({ v: '1', w: '1' });
      b.store.hold();
      await a.admin.patch(configMaps, key, { type: 'merge', body: { data: { v: '2' } } });
      const again = await whileBehind((client) =>
        client.patch(configMaps, key, { type: 'merge', body: { data: { w: '2' } } }),
      );
      expect(again.data).to.deep.equal({ v: '2', w: '2' });
    });

    it('do not take a change back that they have not seen: the same content again is a write', async () => {
      await a.admin.create(configMaps, configMap({ v: '1' }));
      await servers.settle();
      b.store.hold();
      await a.admin.patch(configMaps, key, { type: 'merge', body: { data: { v: '2' } } });
      await whileBehind((client) =>
        client.patch(configMaps, key, { type: 'merge', body: { data: { v: '1' } } }),
      );
      expect((await a.admin.get(configMaps, key)).data).to.deep.equal({ v: '1' });
    });

    it('delete what the other has just made', async () => {
      b.store.hold();
      await a.admin.create(configMaps, configMap({ v: '1' }));
      await whileBehind((client) => client.delete(configMaps, key));
      expect(await refused(a.admin.get(configMaps, key))).to.equal('NotFound');
    });

    it('take the version that the other has just given for the newest', async () => {
      await a.admin.create(configMaps, configMap({ v: '1' }));
      await servers.settle();
      b.store.hold();
      const changed = await a.admin.patch(configMaps, key, { type: 'merge', body: { data: { v: '2' } } });
      const updated = await whileBehind((client) =>
        client.update(configMaps, { ...changed, data: { v: '3' } }),
      );
      expect(updated.data).to.deep.equal({ v: '3' });
    });

    it('are decided again on what is there when the other is faster while they are on their way', async () => {
      await a.admin.create(configMaps, configMap({ v: '1' }));
      await servers.settle();
      b.store.holdCommits();
      const patching = b.admin.patch(configMaps, key, { type: 'merge', body: { data: { w: '1' } } });
      const deleting = b.admin.delete(configMaps, key);
      await servers.settle();
      await a.admin.patch(configMaps, key, { type: 'merge', body: { data: { v: '2' } } });
      b.store.releaseCommits();
      expect((await patching).data).to.deep.equal({ v: '2', w: '1' });
      await deleting;
      expect(await refused(a.admin.get(configMaps, key))).to.equal('NotFound');
    });

    it('of one object through both servers at once: each counts once', async () => {
      await a.admin.create(configMaps, configMap({}));
      const count = 40;
      const patching = Promise.all(
        Array.from({ length: count }, (_, at) =>
          (at % 2 === 0 ? a : b).admin.patch(configMaps, key, {
            type: 'merge',
            body: { data: { [`k${at}`]: 'x' } },
          }),
        ),
      );
      while (await isPending(patching)) await servers.advance(10);
      await patching;
      for (const server of [a, b]) {
        const { data = {} } = await server.admin.get(configMaps, key);
        expect(Object.keys(data)).to.have.length(count);
      }
    });

    it('of one face through both servers at once: each counts once', async () => {
      await a.admin.create(tasks, taskManifest('t'));
      const count = 24;
      const face = { namespace: 'default', name: 't' };
      const patching = Promise.all(
        Array.from({ length: count }, (_, at) => {
          const { registry } = at % 2 === 0 ? a : b;
          const body = { metadata: { labels: { [`k${at}`]: 'x' } } };
          const catalog = openCatalog(registry, [podView]);
          return catalog.patch({ identity: adminIdentity }, podView.kind, face, { type: 'merge', body });
        }),
      );
      patching.catch(() => undefined);
      while (await isPending(patching)) await servers.advance(10);
      await patching;
      const { labels = {} } = (await b.admin.get(tasks, face)).metadata;
      expect(Object.keys(labels)).to.have.length(count);
    });
  });

  describe('namespaces', () => {
    const team = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } } as const;

    it('take objects as soon as the other has made them', async () => {
      b.store.hold();
      await a.admin.create(namespaces, team);
      await whileBehind((client) => client.create(configMaps, configMap({}, 'c', 'team')));
    });

    it('take none any more as soon as the other deletes them', async () => {
      await a.admin.create(namespaces, team);
      await servers.settle();
      b.store.hold();
      await a.admin.delete(namespaces, { name: 'team' });
      const creating = whileBehind((client) => client.create(configMaps, configMap({}, 'c', 'team')));
      expect(await refused(creating)).to.equal('Forbidden');
    });
  });

  describe('an informer', () => {
    it('moves from one server to the other with the version it has seen: no gap and nothing twice', async () => {
      const seen: string[] = [];
      let server = a;
      // A balancer: each call goes to the server that is chosen just then.
      const client: Client = {
        get: (...args) => server.admin.get(...args),
        list: (...args) => server.admin.list(...args),
        watch: (...args) => server.admin.watch(...args),
        create: (...args) => server.admin.create(...args),
        update: (...args) => server.admin.update(...args),
        patch: (...args) => server.admin.patch(...args),
        delete: (...args) => server.admin.delete(...args),
        post: (...args) => server.admin.post(...args),
      };
      const { clock } = servers;
      const informer = new Informer({
        client,
        resource: configMaps,
        clock,
        random: seededRandom(3),
        log: silentLog,
      });
      informer.onChange((name, object, old) => {
        seen.push(`${object === undefined ? '-' : old === undefined ? '+' : '~'}${name.split('/')[1] ?? ''}`);
      });
      const stop = new AbortController();
      const running = informer.start(stop.signal);
      await servers.settle();
      await a.admin.create(configMaps, configMap({}, 'one'));
      await servers.settle();
      // A goes away; B is behind by what A has told the informer last.
      b.store.hold();
      const creating = b.admin.create(configMaps, configMap({}, 'two'));
      await servers.settle();
      server = b;
      await a.registry.close();
      await servers.advance(1_000);
      b.store.release();
      await creating;
      await servers.advance(1_000);
      await b.admin.create(configMaps, configMap({}, 'three'));
      await b.admin.delete(configMaps, { namespace: 'default', name: 'one' });
      await servers.settle();
      stop.abort();
      await running;
      expect(seen).to.deep.equal(['+one', '+two', '+three', '-one']);
    });
  });
});

describe('One server alone', () => {
  for (const isShared of [false, true]) {
    it(`${isShared ? 'asks' : 'does not ask'} the store for the newest revision when others may ${isShared ? '' : 'not '}write`, async () => {
      const servers = await openServers();
      const { admin, store } = await servers.add({ isShared });
      await admin.create(configMaps, configMap({}));
      await admin.get(configMaps, key);
      expect(store.latestCalls > 0).to.equal(isShared);
      await servers.close();
    });
  }
});
