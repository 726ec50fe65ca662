/** Opens a store by its address: one line per engine. */
import { statfs } from 'node:fs/promises';
import { silentLog } from '../machinery/log.ts';
import { type Random, systemRandom } from '../machinery/random.ts';
import type { EtcdEndpoints } from './etcd/client.ts';
import type { Log } from './log.ts';
import { type DiskSpace, measureStore } from './measured.ts';
import { MemoryLog } from './memory.ts';
import { openMvccStore, type StoreOptions } from './mvcc.ts';
import { openSqliteLog } from './sqlite/sqlite.ts';
import type { NewCluster, Store } from './store.ts';

export interface OpenStoreOptions extends StoreOptions {
  /** Names a new cluster. */
  readonly random?: Random;
  /** What a new store begins with, for a cluster that was elsewhere before; an existing store is not changed by it. */
  readonly newCluster?: NewCluster;
  /** How etcd is reached, beside its address. */
  readonly etcd?: Pick<EtcdEndpoints, 'tls' | 'user'>;
}

type OpenLog = (address: string, newCluster: NewCluster, options: OpenStoreOptions) => Promise<Log>;

const engines: Readonly<Record<string, OpenLog>> = {
  memory: async (_address, { clusterId, afterRevision }) => new MemoryLog(clusterId, afterRevision),
  sqlite: (directory, { clusterId, afterRevision }, { onLost }) =>
    openSqliteLog(
      { directory, newClusterId: clusterId, newAfterRevision: afterRevision, synchronous: 'FULL' },
      { onLost },
    ),
};

/** The engine's name in an address: `memory`, `sqlite` or `etcd`. */
export function engineOf(url: string): string {
  return url.slice(0, Math.max(0, url.indexOf(':')));
}

/**
 * `memory:` forgets everything when closed; `sqlite:PATH` keeps it in the directory PATH, which it makes if need be;
 * `etcd://host:port,host:port/prefix` shares it with other servers, and takes a new cluster only where there is none.
 * Throws `StoreError`: `Locked`, `Corrupt` or `Unavailable`; TypeError for an address it does not know.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
  const [, scheme = '', address = ''] = /^([a-z]+):(.*)$/.exec(url) ?? [];
  if (scheme === 'etcd') return openEtcdAt(url, options);
  const open = Object.hasOwn(engines, scheme) ? engines[scheme] : undefined;
  if (open === undefined) {
    const known = Object.keys(engines).join(':, ');
    throw new TypeError(`store address "${url}" has no engine known here; wanted one of ${known}:, etcd:`);
  }
  if (scheme === 'sqlite' && address === '') {
    throw new TypeError(`store address "${url}" names no directory; wanted sqlite:PATH`);
  }
  const random = options.random ?? systemRandom;
  const newCluster = options.newCluster ?? { clusterId: random.uuid(), afterRevision: 0 };
  const log = await open(address, newCluster, options);
  try {
    const store = await openMvccStore(log, options);
    const { metrics, clock } = options;
    if (metrics !== undefined) {
      measureStore(store, {
        metrics,
        clock,
        ...(scheme === 'sqlite' ? { disk: () => diskOf(address) } : {}),
      });
    }
    return store;
  } catch (error) {
    await log.close();
    throw error;
  }
}

async function diskOf(directory: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(directory);
  return { free: bavail * bsize, size: blocks * bsize };
}

async function openEtcdAt(url: string, options: OpenStoreOptions): Promise<Store> {
  // Only who uses etcd pays for loading what speaks with it.
  const { parseEtcdAddress } = await import('./etcd/address.ts');
  const { endpoints, prefix } = parseEtcdAddress(url);
  const { openEtcd } = await import('./etcd/connection.ts');
  const { openEtcdStore } = await import('./etcd/engine.ts');
  const { measuredEtcd } = await import('./etcd/measured.ts');
  const { clock, log = silentLog, random = systemRandom, metrics, etcd } = options;
  const bare = openEtcd({ endpoints, ...etcd }, { clock, log });
  const client = metrics === undefined ? bare : measuredEtcd(bare, metrics, clock);
  const store = await openEtcdStore(client, { ...options, random, prefix });
  if (metrics !== undefined) {
    measureStore(store, { metrics, clock, sizeLimit: async () => (await bare.status()).dbSizeQuota });
  }
  return store;
}
