/**
 * A restore into a prefix of etcd: the cluster's record there says `restoring` until all is written, and servers refuse
 * it for as long. What a restore that was cut off left is removed by the next one, unless somebody still writes there.
 */
import { type Clock, sleep } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import { silentLog } from '../../machinery/log.ts';
import { systemRandom } from '../../machinery/random.ts';
import { EtcdKeys, parseEtcdAddress } from '../etcd/address.ts';
import type { EtcdClient } from '../etcd/client.ts';
import { openEtcd } from '../etcd/connection.ts';
import { openEtcdStore } from '../etcd/engine.ts';
import { decodeMeta } from '../etcd/meta.ts';
import type { OpenStoreOptions } from '../open.ts';
import type { RestoreOptions, RestoreTarget } from './restore.ts';

/** A restore under way writes more often than this. */
const QUIET_MS = 10_000;

export async function openEtcdTarget(url: string, options: RestoreOptions): Promise<RestoreTarget> {
  const { clock, log = silentLog, random = systemRandom, etcd, signal } = options;
  const { endpoints, prefix } = parseEtcdAddress(url);
  const keys = new EtcdKeys(prefix);
  await using opened = new AsyncDisposableStack();
  const client = openEtcd({ endpoints, ...etcd }, { clock, log });
  opened.defer(() => client.close());
  await clearLeft(client, keys, clock, signal);
  const store = await openEtcdStore(openEtcd({ endpoints, ...etcd }, { clock, log }), {
    ...options,
    random,
    prefix,
  });
  const createRevision = await recordOf(client, keys);
  const kept = opened.move();
  let isDone = false;
  return {
    store,
    async finish() {
      if ((await recordOf(client, keys)) !== createRevision) {
        throw new StoreError(
          'Unavailable',
          `etcd prefix "${prefix}" was taken by another restore; look who else restores`,
        );
      }
      await store.finishRestore();
      isDone = true;
      await store.close();
      await kept.disposeAsync();
    },
    async abandon() {
      if (isDone) return;
      await store.close();
      await removeAll(client, keys, createRevision);
      await kept.disposeAsync();
    },
  };
}

/** Throws `StoreError('Unavailable')` unless the prefix is empty, or holds no more than a broken-off restore. */
export async function checkEmptyPrefix(
  url: string,
  { clock, log = silentLog, etcd }: OpenStoreOptions,
): Promise<void> {
  const { endpoints, prefix } = parseEtcdAddress(url);
  const client = openEtcd({ endpoints, ...etcd }, { clock, log });
  try {
    await findLeft(client, new EtcdKeys(prefix));
  } finally {
    await client.close();
  }
}

/** False where opening would begin a new cluster. */
export async function isClusterAt(
  url: string,
  { clock, log = silentLog, etcd }: OpenStoreOptions,
): Promise<boolean> {
  const { endpoints, prefix } = parseEtcdAddress(url);
  const client = openEtcd({ endpoints, ...etcd }, { clock, log });
  try {
    return (await recordOf(client, new EtcdKeys(prefix))) !== undefined;
  } finally {
    await client.close();
  }
}

/** Undefined for an empty prefix; of a restore that did not end, when its record was made. */
async function findLeft(client: EtcdClient, keys: EtcdKeys): Promise<number | undefined> {
  const { prefix, start, end } = keys;
  const aside = `restore under another prefix, or remove all keys that start with "${start}" (etcdctl del --prefix ${start})`;
  const [found] = (await client.range({ key: keys.meta })).items;
  if (found === undefined) {
    const [other] = (await client.range({ key: start, end, limit: 1, keysOnly: true })).items;
    if (other === undefined) return undefined;
    throw new StoreError(
      'Unavailable',
      `cannot restore into etcd prefix "${prefix}": it holds "${other.key}"; ${aside}`,
    );
  }
  const { state, clusterId } = decodeMeta(keys.meta, found);
  if (state === 'restoring') return found.createRevision;
  throw new StoreError(
    'Unavailable',
    `cannot restore into etcd prefix "${prefix}": it holds cluster ${clusterId} already; ${aside}`,
  );
}

async function clearLeft(
  client: EtcdClient,
  keys: EtcdKeys,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  const left = await findLeft(client, keys);
  if (left === undefined) return;
  const before = await newestWrite(client, keys);
  await sleep(clock, QUIET_MS, signal);
  if ((await newestWrite(client, keys)) !== before) {
    throw new StoreError(
      'Locked',
      `another restore into etcd prefix "${keys.prefix}" is under way; wait for its end`,
    );
  }
  await removeAll(client, keys, left);
}

async function newestWrite(client: EtcdClient, keys: EtcdKeys): Promise<number | undefined> {
  return (await client.range({ key: keys.mark, keysOnly: true })).items[0]?.modRevision;
}

async function recordOf(client: EtcdClient, keys: EtcdKeys): Promise<number | undefined> {
  return (await client.range({ key: keys.meta, keysOnly: true })).items[0]?.createRevision;
}

/** Of this restore, and of no other that came after it. */
async function removeAll(
  client: EtcdClient,
  keys: EtcdKeys,
  createRevision: number | undefined,
): Promise<void> {
  await client.txn({
    compare: [{ key: keys.meta, target: 'createRevision', equals: createRevision ?? 0 }],
    success: [{ kind: 'delete', key: keys.start, end: keys.end }],
    failure: [],
  });
}
