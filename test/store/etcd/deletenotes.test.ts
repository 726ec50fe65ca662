/** What is noted with deletes on etcd stands as long as history tells of them, and no longer. */
import { expect } from 'chai';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { EtcdKeys } from '../../../store/etcd/address.ts';
import type { EtcdClient } from '../../../store/etcd/client.ts';
import { openEtcd } from '../../../store/etcd/connection.ts';
import { DeleteNotes } from '../../../store/etcd/deletenotes.ts';
import { openEtcdStore } from '../../../store/etcd/engine.ts';
import type { Store } from '../../../store/store.ts';
import { mustCommit, put, remove } from '../builders.ts';
import { EtcdCluster, needEtcd } from './cluster.ts';

const prefix = 'notes';
const keys = new EtcdKeys(prefix);

describe('notes of deletes on etcd', () => {
  let cluster: EtcdCluster;
  let client: EtcdClient;
  let store: Store;
  before(async function () {
    this.timeout(30_000);
    needEtcd(this);
    cluster = await EtcdCluster.start({ members: 1 });
    client = openEtcd(cluster.endpoints, { clock: systemClock, log: silentLog });
    const own = openEtcd(cluster.endpoints, { clock: systemClock, log: silentLog });
    const retention = { everyMs: 0 };
    store = await openEtcdStore(own, {
      clock: systemClock,
      random: seededRandom(1),
      prefix,
      retention,
    });
  });
  after(async () => {
    await store?.close();
    await client?.close();
    await cluster?.stop();
  });

  const notes = async (): Promise<readonly string[]> =>
    (await client.range({ ...keys.goneRange(undefined), keysOnly: true })).items.map(({ key }) => key);
  const revisionOfEtcd = async (): Promise<number> =>
    (await client.range({ key: keys.mark })).header.revision;
  const drop = async (key: string): Promise<void> => {
    await mustCommit(store, put(key, 'x'));
    await mustCommit(store, { ...remove(key), note: 'ann' });
  };

  it('go when the past of the delete is gone, those of later deletes stay, also of the same key', async () => {
    for (const key of ['/a', '/b', '/c']) await drop(key);
    const kept = await revisionOfEtcd();
    await drop('/b');
    const sweeping = new DeleteNotes(client, keys);
    await sweeping.sweep(1);
    expect(await notes()).to.deep.equal(['/a', '/b', '/c'].map((key) => keys.gone(key)));
    await sweeping.sweep(kept);
    expect(await notes()).to.deep.equal([keys.gone('/b')]);
    expect((await store.history('/b', { limit: 9 })).versions.map(({ kind }) => kind)).to.deep.equal([
      'delete',
      'put',
      'delete',
      'put',
    ]);
    expect(await store.size()).to.include({ keys: 0 });
  });

  it('are nothing that readers or watchers of the store see', async () => {
    const before = store.revision();
    await drop('/seen');
    await new DeleteNotes(client, keys).sweep(await revisionOfEtcd());
    await mustCommit(store, put('/last', 'x'));
    const told: string[] = [];
    const stop = new AbortController();
    for await (const { events } of store.watch([''], { afterRevision: before, signal: stop.signal })) {
      for (const { kind, key } of events) told.push(`${kind} ${key}`);
      if (told.includes('put /last')) stop.abort();
    }
    expect(told).to.deep.equal(['put /seen', 'delete /seen', 'put /last']);
    expect((await store.range('')).items.map(({ key }) => key)).to.deep.equal(['/last']);
  });
});
