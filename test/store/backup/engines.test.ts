/** A cluster moves between engines and back: same name, same objects, growing revisions, and no past. */
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../machinery/clock.ts';
import { openRestoreTarget } from '../../../store/backup/target.ts';
import { type OpenStoreOptions, openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import {
  at,
  mustCommit,
  newDirectory,
  put,
  rejection,
  remove,
  removeDirectories,
  Watcher,
} from '../builders.ts';
import { EtcdCluster, needEtcd } from '../etcd/cluster.ts';
import { backupBytes, contentOf, fileOf, newEncryption, restoreAt, SECRETS } from './rig.ts';

describe('a cluster that moves between engines', function () {
  this.timeout(120_000);
  let cluster: EtcdCluster;
  let prefixes = 0;
  const encryption = newEncryption();
  const options: OpenStoreOptions = { clock: systemClock, encryption, retention: { everyMs: 0 } };

  before(async function () {
    needEtcd(this);
    cluster = await EtcdCluster.start();
  });
  after(async () => {
    await cluster?.stop();
    removeDirectories();
  });

  const newUrl = (engine: 'sqlite' | 'etcd'): string =>
    engine === 'sqlite' ? `sqlite:${join(newDirectory(), 'store')}` : `${cluster.url}/restore/${++prefixes}`;

  async function fill(store: Store): Promise<void> {
    for (let n = 0; n < 300; n++) await mustCommit(store, put(`/registry/test/things/${n}`, `thing ${n}`));
    for (let n = 0; n < 300; n += 7)
      await mustCommit(store, put(`/registry/test/things/${n}`, `changed ${n}`));
    await mustCommit(store, remove('/registry/test/things/3'), put(`${SECRETS}default/a`, 'hush'));
  }

  for (const [from, to] of [
    ['sqlite', 'etcd'],
    ['etcd', 'sqlite'],
    ['etcd', 'etcd'],
    ['sqlite', 'sqlite'],
  ] as const) {
    it(`from ${from} to ${to}`, async () => {
      const [old, place] = [newUrl(from), newUrl(to)];
      const before = await openStore(old, options);
      await fill(before);
      const wanted = await contentOf(before);
      const last = before.revision();
      const path = fileOf(await backupBytes(before, encryption, from));
      await before.close();

      await restoreAt(path, place, encryption);
      const store = await openStore(place, options);
      try {
        expect(store.clusterId).to.equal(before.clusterId);
        expect(await contentOf(store)).to.deep.equal(wanted);
        expect(store.revision()).to.be.greaterThan(last + 2 ** 39);
        // Whatever number the old cluster gave out, or may have given out after the backup, is of a past that is gone.
        for (const revision of [1, last, last + 1000]) {
          expect(await rejection(store.range('/', { revision })), String(revision)).to.have.property(
            'reason',
            'Compacted',
          );
          const watcher = new Watcher(store, ['/'], revision);
          expect(await watcher.ended, String(revision)).to.have.property('reason', 'Compacted');
        }
        const [first] = (await store.range('/registry/test/')).items;
        const live = new Watcher(store, ['/'], store.revision());
        const written = await mustCommit(store, put(first?.key ?? '', 'new', at(first?.modRevision ?? 0)));
        await live.reached(written);
        expect(live.events).to.have.length(1);
        await live.stop();
      } finally {
        await store.close();
      }
      expect((await rejection(restoreAt(path, place, encryption))).message).to.match(
        /holds (a store|cluster \S+) already/,
      );
    });
  }

  it('there and back again', async () => {
    let place = newUrl('sqlite');
    let store = await openStore(place, options);
    await fill(store);
    const { clusterId } = store;
    for (const [round, engine] of (['etcd', 'sqlite', 'etcd', 'sqlite'] as const).entries()) {
      const last = await mustCommit(store, put('/round', String(round)));
      const wanted = await contentOf(store);
      const path = fileOf(await backupBytes(store, encryption));
      await store.close();
      place = newUrl(engine);
      await restoreAt(path, place, encryption);
      store = await openStore(place, options);
      expect(store.clusterId).to.equal(clusterId);
      expect(await contentOf(store)).to.deep.equal(wanted);
      expect(store.revision()).to.be.greaterThan(last);
    }
    await store.close();
  });

  it('a restore into etcd that was cut off is refused by servers, and cleared by the next one', async () => {
    const source = await openStore(newUrl('sqlite'), options);
    await fill(source);
    const wanted = await contentOf(source);
    const path = fileOf(await backupBytes(source, encryption));
    await source.close();
    const place = newUrl('etcd');
    const newCluster = { clusterId: source.clusterId, afterRevision: 2 ** 40 };
    const target = await openRestoreTarget(place, { ...options, newCluster });
    await mustCommit(target.store, put('/registry/test/things/0', 'half'), put('/left', 'over'));
    // As a process that is killed leaves it.
    await target.store.close();
    const { message } = await rejection(openStore(place, options));
    expect(message).to.include('restore').and.to.include(source.clusterId);
    await restoreAt(path, place, encryption);
    const store = await openStore(place, options);
    expect(await contentOf(store)).to.deep.equal(wanted);
    await store.close();
  });

  it('a restore into etcd that is stopped leaves nothing', async () => {
    const source = await openStore(newUrl('sqlite'), options);
    await fill(source);
    const path = fileOf(await backupBytes(source, encryption));
    await source.close();
    const place = newUrl('etcd');
    expect((await rejection(restoreAt(path, place, encryption, AbortSignal.abort()))).message).to.include(
      'stopped',
    );
    const fresh = await openStore(place, options);
    expect(fresh.clusterId).not.to.equal(source.clusterId);
    expect((await fresh.range('')).items).to.deep.equal([]);
    await fresh.close();
  });
});
