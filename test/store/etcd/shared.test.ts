/** Several servers on one etcd, several clusters in one etcd, and what only this engine has to get right. */
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../machinery/clock.ts';
import { StoreError } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { KeyRing } from '../../../store/encryption.ts';
import type { EtcdClient } from '../../../store/etcd/client.ts';
import { openEtcd } from '../../../store/etcd/connection.ts';
import { type EtcdStore, type EtcdStoreOptions, openEtcdStore } from '../../../store/etcd/engine.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { absent, at, describeEvent, mustCommit, put, rejection, remove, text, Watcher } from '../builders.ts';
import { EtcdCluster, needEtcd } from './cluster.ts';

const random = seededRandom(2);

describe('etcd, shared', () => {
  let cluster: EtcdCluster;
  let client: EtcdClient;
  let prefix: string;
  let clock: FakeClock;
  let tests = 0;
  const stores: Store[] = [];

  const newClient = (): EtcdClient => openEtcd(cluster.endpoints, { clock: systemClock, log: silentLog });
  const open = async (
    options: Partial<EtcdStoreOptions> = {},
    through: EtcdClient = newClient(),
  ): Promise<EtcdStore> => {
    const store = await openEtcdStore(through, { clock, random, prefix, ...options });
    stores.push(store);
    return store;
  };

  before(async function () {
    this.timeout(30_000);
    needEtcd(this);
    cluster = await EtcdCluster.start();
    client = newClient();
  });
  after(async () => {
    await client?.close();
    await cluster?.stop();
  });
  beforeEach(async () => {
    prefix = `shared/${tests++}`;
    clock = new FakeClock();
    await cluster.ctl(['del', '--prefix', 'gantry-compaction:']);
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
  });

  describe('two servers of one cluster', () => {
    it('are one store: one cluster id, and the writes of each in order in the watches of both', async () => {
      const [one, two] = [await open(), await open()];
      expect(two.clusterId).to.equal(one.clusterId);
      const from = one.revision();
      const watchers = [new Watcher(one, ['/'], from), new Watcher(two, ['/'], from)];
      await Promise.all(
        [one, two].map(async (store, server) => {
          for (let n = 0; n < 100; n++) await store.commit([put(`/k/${n % 7}`, `${server}.${n}`)]);
        }),
      );
      const end = await mustCommit(one, put('/end', 'x'));
      for (const watcher of watchers) await watcher.reached(end);
      const [first, second] = watchers.map(({ events }) => events.map(describeEvent));
      expect(first).to.have.length(201);
      expect(second).to.deep.equal(first);
      for (const watcher of watchers) await watcher.stop();
    });

    it('compare and write across each other: of two that read the same, one wins', async () => {
      const [one, two] = [await open(), await open()];
      await mustCommit(one, put('/counter', '0'));
      const increment = async (store: Store): Promise<void> => {
        for (;;) {
          const found = await store.get('/counter');
          const next = String(Number(text(found?.value)) + 1);
          const result = await store.commit([put('/counter', next, at(found?.modRevision ?? 0))]);
          if (result.ok) return;
          expect(result.current?.modRevision).to.be.greaterThan(found?.modRevision ?? 0);
        }
      };
      await Promise.all(
        [one, two].map(async (store) => {
          for (let n = 0; n < 40; n++) await increment(store);
        }),
      );
      expect(text((await one.get('/counter'))?.value)).to.equal('80');
    });

    it('know the newest revision of each other as soon as it is acknowledged', async () => {
      const [one, two] = [await open(), await open()];
      for (let n = 0; n < 30; n++) {
        const revision = await mustCommit(one, put('/a', String(n)));
        expect(await two.latestRevision()).to.be.at.least(revision);
        expect(text((await two.get('/a', { revision }))?.value)).to.equal(String(n));
        expect((await two.range('/')).revision).to.be.at.least(revision);
      }
    });

    it('read at a revision that only the other one has heard of', async () => {
      const [one, two] = [await open(), await open()];
      const revision = await mustCommit(one, put('/a', '1'));
      expect(text((await two.get('/a', { revision }))?.value)).to.equal('1');
      expect(await rejection(two.get('/a', { revision: revision + 10 * 1024 }))).to.include({
        reason: 'Unavailable',
      });
    });
  });

  describe('two clusters in one etcd', () => {
    it('never see each other, also when one name begins as the other', async () => {
      const one = await open();
      const two = await open({ prefix: `${prefix}/sub` });
      expect(two.clusterId).to.not.equal(one.clusterId);
      const watchers = [new Watcher(one, [''], one.revision()), new Watcher(two, [''], two.revision())];
      const revision = await mustCommit(one, put('/a', 'one'));
      expect(await two.get('/a')).to.equal(undefined);
      await mustCommit(two, put('/a', 'two', absent));
      expect((await two.range('')).items).to.have.length(1);
      expect(await one.latestRevision(), 'blind to the writes of others').to.equal(
        (await one.range('')).revision,
      );
      expect(Math.floor((await one.latestRevision()) / 1024)).to.equal(Math.floor(revision / 1024));
      const ends = [await mustCommit(one, remove('/a')), await mustCommit(two, put('/b', 'x'))];
      for (const [index, watcher] of watchers.entries()) await watcher.reached(ends[index] ?? 0);
      expect(watchers.map(({ events }) => events.map(({ kind, key }) => `${kind} ${key}`))).to.deep.equal([
        ['put /a', 'delete /a'],
        ['put /a', 'put /b'],
      ]);
      for (const watcher of watchers) await watcher.stop();
    });

    it('forget no further than the other needs', async () => {
      const retention = { historyMs: 3_600_000, everyMs: 60_000 };
      const one = await open({ retention });
      const first = await mustCommit(one, put('/a', '1'));
      await mustCommit(one, put('/a', '2'));
      const two = await open({ prefix: `${prefix}/other`, retention: { everyMs: 0 } });
      // Its server has said what it needs: everything from its first write on.
      await cluster.ctl([
        'put',
        `gantry-compaction:need:${prefix}/other:test`,
        JSON.stringify({ etcdRevision: Math.floor(first / 1024), atMs: clock.now() }),
      ]);
      await one.compact(one.revision());
      expect(await rejection(one.get('/a', { revision: first })), 'gone for this cluster').to.include({
        reason: 'Compacted',
      });
      const { items } = await client.range({ key: `${prefix}:kv:/a`, revision: Math.floor(first / 1024) });
      expect(items, 'but not in etcd').to.have.length(1);
      expect((await two.range('')).items).to.deep.equal([]);
    });
  });

  describe('batches', () => {
    /** Commits made at once, which share a transaction: their revisions. */
    const together = async (store: Store, count: number): Promise<number[]> => {
      const results = await Promise.all(
        Array.from({ length: count }, (_, n) =>
          store.commit([put(`/b/${String(n).padStart(3, '0')}`, String(n))]),
        ),
      );
      return results.map(({ revision }) => revision);
    };

    it('share a revision of etcd, and every write has one of its own all the same', async () => {
      const store = await open();
      const revisions = await together(store, 50);
      expect(new Set(revisions).size).to.equal(50);
      expect(new Set(revisions.map((revision) => Math.floor(revision / 1024))).size).to.be.lessThan(5);
    });

    it('can be cut anywhere: a watch goes on from a revision within one', async () => {
      const store = await open();
      const revisions = await together(store, 20);
      await mustCommit(store, put('/end', 'x'));
      for (const [index, from] of revisions.entries()) {
        const watcher = new Watcher(store, ['/b/'], from);
        const end = revisions.at(-1) ?? 0;
        if (from < end) await watcher.reached(end);
        expect(watcher.events.map(({ revision }) => revision)).to.deep.equal(revisions.slice(index + 1));
        await watcher.stop();
      }
    });

    it('are read as of each commit, also where others of the same batch came after', async () => {
      const store = await open();
      for (let n = 0; n < 20; n++) await mustCommit(store, put(`/b/${String(n).padStart(3, '0')}`, 'old'));
      const deletes = Promise.all([store.commit([remove('/b/017')]), store.commit([remove('/b/018')])]);
      const revisions = await together(store, 10);
      await deletes;
      for (const [index, revision] of revisions.entries()) {
        const page = await store.range('/b/', { revision });
        expect(page.items.filter(({ value }) => text(value) !== 'old')).to.have.length(index + 1);
        expect(page.items.every(({ modRevision }) => modRevision <= revision)).to.equal(true);
        const paged: string[] = [];
        let { items, more } = await store.range('/b/', { revision, limit: 3 });
        for (paged.push(...items.map(({ key }) => key)); more; paged.push(...items.map(({ key }) => key))) {
          ({ items, more } = await store.range('/b/', { revision, limit: 3, after: paged.at(-1) ?? '' }));
        }
        expect(paged).to.deep.equal(page.items.map(({ key }) => key));
      }
    });

    it('compare positions too: a revision that another key has is no precondition of this one', async () => {
      const [store, other] = [await open(), await open()];
      const [first = 0, second = 0] = await together(store, 2);
      for (const server of [store, other]) {
        expect(await server.commit([put('/b/000', 'x', at(second))])).to.deep.include({
          ok: false,
          failed: 0,
        });
        expect(await server.commit([put('/b/001', 'x', at(first))])).to.deep.include({
          ok: false,
          failed: 0,
        });
      }
      expect((await other.commit([put('/b/001', 'x', at(second))])).ok).to.equal(true);
    });
  });

  describe('watch', () => {
    it('tells of commits too large for one message of etcd, whole and in order', async () => {
      const store = await open();
      const from = store.revision();
      const value = 'x'.repeat(250_000);
      const ends: number[] = [];
      for (let round = 0; round < 3; round++) {
        const result = await store.commit(Array.from({ length: 4 }, (_, n) => put(`/large/${n}`, value)));
        ends.push(result.revision);
      }
      await Promise.all(Array.from({ length: 40 }, (_, n) => store.commit([put(`/more/${n}`, value)])));
      const end = await mustCommit(store, put('/end', 'x'));
      const watcher = new Watcher(store, [''], from);
      await watcher.reached(end);
      expect(watcher.events).to.have.length(53);
      expect(watcher.events.map(({ revision }) => revision)).to.deep.equal(
        watcher.events.map(({ revision }) => revision).sort((a, b) => a - b),
      );
      await watcher.stop();
    });

    /** A stored value under another key than its own: its checksum says that it is not where it was put. */
    async function copyValue(from: string, to: string): Promise<void> {
      const { items } = await client.range({ key: `${prefix}:kv:${from}` });
      const value = items[0]?.value ?? expect.fail(`there is no ${from}`);
      await client.txn({
        compare: [],
        success: [{ kind: 'put', key: `${prefix}:kv:${to}`, value }],
        failure: [],
      });
    }

    it('is not led astray by keys and values of strangers, and a read of one names it', async () => {
      const store = await open();
      const watcher = new Watcher(store, [''], store.revision());
      await mustCommit(store, put('/a', '1'));
      await cluster.ctl(['put', `${prefix}:kv:/stranger`, 'no envelope']);
      await copyValue('/a', '/copied');
      await cluster.ctl(['put', `${prefix}:other`, 'x']);
      await cluster.ctl(['put', `${prefix}:mark`, 'not a mark']);
      await cluster.ctl(['del', `${prefix}:kv:/a`]);
      await mustCommit(store, put('/b', '1'));
      expect(await rejection(store.get('/stranger'))).to.include({ reason: 'Corrupt' });
      expect((await rejection(store.range('/s'))).message).to.contain('/stranger');
      expect((await rejection(store.range('/'))).message).to.contain('/copied');
      expect(await rejection(store.get('/copied'))).to.include({ reason: 'Corrupt' });
      const late = new Watcher(store, [''], watcher.events[0]?.revision ?? 0);
      await mustCommit(store, remove('/stranger'));
      await cluster.ctl(['del', `${prefix}:kv:/copied`]);
      const end = await mustCommit(store, put('/end', '1'));
      await watcher.reached(end);
      expect(watcher.events.map(({ kind, key }) => `${kind} ${key}`)).to.deep.equal([
        'put /a',
        'delete /a',
        'put /b',
        'delete /stranger',
        'delete /copied',
        'put /end',
      ]);
      await late.reached(end);
      expect(late.events.map(({ key }) => key)).to.deep.equal(watcher.events.slice(1).map(({ key }) => key));
      await late.stop();
      expect((await store.range('/')).items).to.have.length(2);
      await watcher.stop();
    });

    it('says Compacted for what somebody else made etcd forget, and learns how far', async () => {
      const store = await open();
      const old = await mustCommit(store, put('/a', '1'));
      await mustCommit(store, put('/a', '2'));
      const kept = await mustCommit(store, put('/a', '3'));
      await mustCommit(store, put('/a', '4'));
      await cluster.compact(Math.floor(kept / 1024));
      expect(await new Watcher(store, [''], old).ended).to.include({ reason: 'Compacted' });
      expect(await rejection(store.get('/a', { revision: old }))).to.include({ reason: 'Compacted' });
      expect(store.compactedRevision()).to.be.greaterThan(old).and.lessThan(store.revision());
      expect(text((await store.get('/a', { revision: kept }))?.value)).to.equal('3');
      expect((await store.oldestMoment()).revision).to.equal(store.compactedRevision());
      const again = await open();
      expect(again.compactedRevision()).to.equal(store.compactedRevision());
      const watcher = new Watcher(again, [''], kept);
      await watcher.reached(again.revision() - 1023);
      expect(watcher.events.map(({ current }) => text(current?.value))).to.deep.equal(['4']);
      await watcher.stop();
    });
  });

  describe('a reader of the past that stands still', () => {
    const MINUTE_MS = 60_000;
    const rounds = async (store: Store, isDone: () => boolean): Promise<void> => {
      for (let round = 0; round < 100 && !isDone(); round++) await store.size();
    };

    it('holds forgetting back, for ten minutes and no longer', async () => {
      const store = await open({ retention: { historyMs: 2 * MINUTE_MS, everyMs: MINUTE_MS } });
      const from = store.revision();
      const value = 'x'.repeat(250_000);
      let last = 0;
      for (let n = 0; n < 30; n++) last = await mustCommit(store, put(`/large/${n}`, value));
      const { signal } = new AbortController();
      const slow = store.watch([''], { afterRevision: from, signal })[Symbol.asyncIterator]();
      const first = await slow.next();
      expect(first.done === true ? 0 : first.value.events.length).to.be.within(1, 29);
      clock.advance(5 * MINUTE_MS);
      await rounds(store, () => store.compactedRevision() > 0);
      expect(store.compactedRevision(), 'held back').to.be.lessThan(from + 1);
      clock.advance(6 * MINUTE_MS);
      const isForgotten = (): boolean => store.compactedRevision() >= last;
      for (let tries = 0; tries < 5 && !isForgotten(); tries++) {
        clock.advance(MINUTE_MS);
        await rounds(store, isForgotten);
      }
      expect(isForgotten(), 'forgotten').to.equal(true);
      expect(await rejection(Promise.resolve(slow.next()))).to.include({ reason: 'Compacted' });
    }).timeout(30_000);

    it('is waited for when it holds a revision, until it lets go', async () => {
      const store = await open({ retention: { historyMs: 2 * MINUTE_MS, everyMs: MINUTE_MS } });
      const held = await mustCommit(store, put('/a', 'then'));
      const release = store.holdHistory(held);
      const last = await mustCommit(store, put('/a', 'now'));
      clock.advance(30 * MINUTE_MS);
      await rounds(store, () => store.compactedRevision() > 0);
      expect(store.compactedRevision()).to.be.lessThan(last);
      expect(text((await store.get('/a', { revision: held }))?.value)).to.equal('then');
      release();
      const isForgotten = (): boolean => store.compactedRevision() >= last;
      for (let tries = 0; tries < 5 && !isForgotten(); tries++) {
        clock.advance(MINUTE_MS);
        await rounds(store, isForgotten);
      }
      expect(await rejection(store.get('/a', { revision: held }))).to.include({ reason: 'Compacted' });
    });
  });

  describe('the record of the cluster', () => {
    it('gives another epoch when etcd is another one, so that revisions never fall back', async () => {
      const store = await open();
      const before = await mustCommit(store, put('/a', '1'));
      const meta = (await client.range({ key: `${prefix}:meta` })).items[0];
      const record: unknown = JSON.parse(text(meta?.value) ?? '');
      await store.close();
      const changed = JSON.stringify({ ...Object(record), etcdClusterId: '1' });
      await client.txn({
        compare: [],
        success: [{ kind: 'put', key: `${prefix}:meta`, value: Buffer.from(changed) }],
        failure: [],
      });
      const again = await open();
      expect(again.clusterId).to.equal(store.clusterId);
      expect((await again.get('/a'))?.modRevision).to.be.greaterThan(before);
      expect(await mustCommit(again, put('/a', '2'))).to.be.greaterThan(before);
      expect(await rejection(again.get('/a', { revision: before }))).to.include({ reason: 'Compacted' });
      expect(await new Watcher(again, [''], before).ended).to.include({ reason: 'Compacted' });
      const third = await open();
      expect(third.revision()).to.equal(again.revision());
    });

    it('gives another epoch, and ends the servers, when etcd falls back under its old id', async () => {
      const lost: StoreError[] = [];
      const [one, two] = [await open({ onLost: (error) => lost.push(error) }), await open()];
      await mustCommit(one, put('/a', 'kept'));
      const snapshot = join(cluster.directory, 'snapshot.db');
      await cluster.ctl(['snapshot', 'save', snapshot]);
      const before = await mustCommit(one, put('/a', 'lost'));
      expect(await two.latestRevision()).to.be.at.least(before);
      await cluster.restoreSnapshot(snapshot);
      expect((await rejection(one.latestRevision())).message).to.contain('restored from a snapshot');
      expect((await rejection(two.latestRevision())).message).to.contain('restart the server');
      expect(lost.map(({ reason }) => reason)).to.deep.equal(['Unavailable']);
      const again = await open();
      const found = await again.get('/a');
      expect(text(found?.value)).to.equal('kept');
      expect(found?.modRevision).to.be.greaterThan(before);
      const record = (await client.range({ key: `${prefix}:meta` })).items[0];
      expect(JSON.parse(text(record?.value) ?? '')).to.include({ epochOffset: 2 ** 30 });
    }).timeout(30_000);

    it('ends a server whose epoch another one has changed', async () => {
      const store = await open();
      const watcher = new Watcher(store, [''], store.revision());
      await mustCommit(store, put('/a', '1'));
      const meta = (await client.range({ key: `${prefix}:meta` })).items[0];
      const record = Object(JSON.parse(text(meta?.value) ?? ''));
      await cluster.ctl(['put', `${prefix}:meta`, JSON.stringify({ ...record, epochOffset: 2 ** 30 })]);
      expect(await watcher.ended).to.include({ reason: 'Unavailable' });
      expect((await rejection(store.get('/a'))).message).to.contain('restart');
    });

    it('begins a cluster from elsewhere after its last revision, once, and hides half of a restore', async () => {
      const newCluster = { clusterId: 'from-elsewhere', afterRevision: 123_456_789 };
      const store = await open({ newCluster });
      expect(store.clusterId).to.equal('from-elsewhere');
      expect(await mustCommit(store, put('/a', '1'))).to.be.greaterThan(123_456_789);
      expect((await rejection(open())).message).to.contain('restore');
      expect(await rejection(open({ newCluster }))).to.include({ reason: 'Locked' });
      await store.finishRestore();
      const opened = await open();
      expect(opened.clusterId).to.equal('from-elsewhere');
      const { items } = await opened.range('');
      expect(items.map(({ modRevision }) => modRevision > 123_456_789)).to.deep.equal([true]);
      expect(await rejection(opened.get('/a', { revision: 123_456_789 }))).to.include({
        reason: 'Compacted',
      });
      expect(text((await opened.get('/a', { revision: opened.revision() }))?.value)).to.equal('1');
      expect((await opened.oldestMoment()).writtenAtMs).to.equal(clock.now());
      expect(await rejection(opened.momentAt(clock.now() - 1))).to.include({ reason: 'Compacted' });
      expect((await rejection(open({ newCluster }))).message).to.contain('from-elsewhere');
    });
  });

  describe('what nobody knows', () => {
    /** A client that loses the answers of transactions: after they are made, or instead of it. */
    const losing = (state: { mode: 'none' | 'made' | 'unmade' }): EtcdClient => {
      const inner = newClient();
      return {
        range: (range, signal) => inner.range(range, signal),
        watch: (watch) => inner.watch(watch),
        compact: (revision, signal) => inner.compact(revision, signal),
        status: (signal) => inner.status(signal),
        close: () => inner.close(),
        async txn(txn, signal) {
          if (state.mode === 'none') return inner.txn(txn, signal);
          if (state.mode === 'made') await inner.txn(txn, signal);
          throw new StoreError('Unavailable', 'etcd did not answer: the write may or may not have been made');
        },
      };
    };

    it('is told as such to the writers, and the watch tells the truth', async () => {
      const state: { mode: 'none' | 'made' | 'unmade' } = { mode: 'none' };
      const store = await open({}, losing(state));
      const watcher = new Watcher(store, [''], store.revision());
      const first = await mustCommit(store, put('/a', '1'));
      state.mode = 'made';
      const refused = await rejection(store.commit([put('/a', '2', at(first))]));
      expect(refused).to.include({ reason: 'Unavailable' });
      expect(refused.message).to.contain('may or may not');
      state.mode = 'unmade';
      expect(await rejection(store.commit([put('/b', '1')]))).to.include({ reason: 'Unavailable' });
      state.mode = 'none';
      const again = await store.commit([put('/a', '3', at(first))]);
      expect(again.ok, 'the write whose answer was lost stands').to.equal(false);
      expect(again.ok ? '' : text(again.current?.value)).to.equal('2');
      const end = await mustCommit(store, put('/end', 'x'));
      await watcher.reached(end);
      expect(watcher.events.map(({ key, current }) => `${key}=${text(current?.value)}`)).to.deep.equal([
        '/a=1',
        '/a=2',
        '/end=x',
      ]);
      await watcher.stop();
    });
  });

  describe('encryption', () => {
    it('leaves no plain text in etcd', async () => {
      const encryption = { keys: KeyRing.parse(KeyRing.newFile()), prefixes: ['/registry/core/secrets/'] };
      const store = await open({ encryption });
      await mustCommit(
        store,
        put('/registry/core/secrets/default/a', 'correct horse battery staple'),
        put('/registry/core/configmaps/default/a', 'plain as day'),
      );
      const { items } = await client.range({ key: `${prefix}:`, end: `${prefix};` });
      const all = Buffer.concat(items.map(({ value }) => value));
      expect(all.includes('correct horse')).to.equal(false);
      expect(all.includes('plain as day')).to.equal(true);
    });
  });

  describe('by address', () => {
    it('opens what the address names, and says what is wrong with one', async () => {
      const address = `${cluster.url}/by-address/${tests}`;
      const store = await openStore(address, { clock: systemClock, random });
      stores.push(store);
      await mustCommit(store, put('/a', '1'));
      expect(store.isShared).to.equal(true);
      const { items } = await client.range({ key: `by-address/${tests}:kv:/a` });
      expect(items).to.have.length(1);
      for (const [wrong, message] of [
        ['etcd://', '""'],
        ['etcd://host', '"host"'],
        ['etcd://a:1,b', '"b"'],
        ['etcd://a:1/Upper', '"Upper"'],
        ['etcd://a:1//x', '"/x"'],
        ['etcd://a:1/gantry-compaction', 'gantry-compaction'],
      ] as const) {
        const error = await rejection(openStore(wrong, { clock: systemClock }));
        expect(error).to.be.instanceOf(TypeError);
        expect(error.message).to.contain(message).and.contain('etcd://host:port,host:port/prefix');
      }
      const secret = await rejection(openStore('etcd://me:secret@a:1', { clock: systemClock }));
      expect(secret.message).to.not.contain('secret');
    });
  });
});
