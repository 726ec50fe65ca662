/** Opens a store by its address: one line per engine. */
import { type Random, systemRandom } from '../machinery/random.ts';
import type { Log } from './log.ts';
import { MemoryLog } from './memory.ts';
import { openMvccStore, type StoreOptions } from './mvcc.ts';
import { openSqliteLog } from './sqlite/sqlite.ts';
import type { Store } from './store.ts';

export interface OpenStoreOptions extends StoreOptions {
  /** Names a new cluster. */
  readonly random?: Random;
  /** What a new store begins with, for a cluster that was elsewhere before; an existing store is not changed by it. */
  readonly newCluster?: NewCluster;
}

export interface NewCluster {
  readonly clusterId: string;
  /** Every revision of the store is greater than this one, and the past up to it is gone. */
  readonly afterRevision: number;
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
 * `memory:` forgets everything when closed; `sqlite:PATH` keeps it in the directory PATH, which it makes if need be.
 * Throws `StoreError`: `Locked`, `Corrupt` or `Unavailable`; TypeError for an address it does not know.
 */
export async function openStore(url: string, options: OpenStoreOptions): Promise<Store> {
  const [, scheme = '', address = ''] = /^([a-z]+):(.*)$/.exec(url) ?? [];
  const open = Object.hasOwn(engines, scheme) ? engines[scheme] : undefined;
  if (open === undefined) {
    const known = Object.keys(engines).join(':, ');
    throw new TypeError(`store address "${url}" has no engine known here; wanted one of ${known}:`);
  }
  if (scheme === 'sqlite' && address === '') {
    throw new TypeError(`store address "${url}" names no directory; wanted sqlite:PATH`);
  }
  const random = options.random ?? systemRandom;
  const newCluster = options.newCluster ?? { clusterId: random.uuid(), afterRevision: 0 };
  const log = await open(address, newCluster, options);
  try {
    return await openMvccStore(log, options);
  } catch (error) {
    await log.close();
    throw error;
  }
}
