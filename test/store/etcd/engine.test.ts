/** The store's promise, kept by the etcd engine on real members. */
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { openEtcd } from '../../../store/etcd/connection.ts';
import { openEtcdStore } from '../../../store/etcd/engine.ts';
import type { StoreOptions } from '../../../store/mvcc.ts';
import type { Store } from '../../../store/store.ts';
import { describeStore } from '../conformance.ts';
import { DenseStore } from '../dense.ts';
import type { Differences } from '../differences.ts';
import { EtcdCluster, needEtcd } from './cluster.ts';

const DIFFERENCES: Differences = {
  keepsTransient: ' (etcd forgets all keys alike)',
  forgetsBatches: ' (the commits of one transaction of etcd share its revision)',
  reorders: ' (several transactions are in flight at once)',
};
const random = seededRandom(1);
let stores = 0;

/** A store of its own in an etcd of the suite. */
async function openEmpty(cluster: EtcdCluster, options: StoreOptions): Promise<Store> {
  // What the clusters of earlier tests need must not hold back the forgetting of this one.
  await cluster.ctl(['del', '--prefix', 'gantry-compaction:']);
  const client = openEtcd(cluster.endpoints, { clock: systemClock, log: silentLog });
  return new DenseStore(await openEtcdStore(client, { ...options, random, prefix: `test/${stores++}` }));
}

function describeEtcd(name: string, members: 1 | 3, modelRuns: number): void {
  describe(name, () => {
    let cluster: EtcdCluster;
    before(async function () {
      this.timeout(30_000);
      needEtcd(this);
      cluster = await EtcdCluster.start({ members });
    });
    after(() => cluster?.stop());

    describeStore(name, (options) => openEmpty(cluster, options), modelRuns, DIFFERENCES);
  });
}

describeEtcd('etcd, one member', 1, 15);
if (process.env.GANTRY_TEST_LONG === '1') describeEtcd('etcd, three members', 3, 2);
