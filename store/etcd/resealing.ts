/**
 * What a start does about encryption on etcd (`../resealing.ts`): refuses a cluster whose keys are not at hand, and writes
 * anew the present values that are not encrypted with today's key. Other servers may do the same at the same time.
 */
import type { Log } from '../../machinery/log.ts';
import type { Encryption } from '../encryption.ts';
import { Envelopes, isEnvelope, keyIdOf } from '../envelope.ts';
import {
  checkKeyIds,
  openedOrDamaged,
  resealValues,
  type SealedStore,
  type SealedValue,
} from '../resealing.ts';
import type { Store } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient } from './client.ts';
import type { Versions } from './versions.ts';

/** So many may be as large as values can be. */
const PAGE_KEYS = 200;

export interface EtcdResealing {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly versions: Versions;
  readonly store: Pick<Store, 'commit'>;
  readonly encryption: Encryption;
  readonly log: Log;
}

/** Throws `StoreError('Corrupt')` when values are encrypted with a key that was not given. */
export async function resealEtcd({ encryption, log, ...parts }: EtcdResealing): Promise<void> {
  const { client, keys, versions, store } = parts;
  const envelopes = new Envelopes(encryption);
  const sealed: SealedStore = {
    commit: (writes) => store.commit(writes),
    async page(prefix, after) {
      const { items, more } = await client.range({ ...keys.range(prefix, after), limit: PAGE_KEYS });
      const values: SealedValue[] = [];
      for (const { key: etcdKey, modRevision, value } of items) {
        const key = keys.storeKey(etcdKey);
        if (key === undefined || !isEnvelope(value)) continue;
        const used = keyIdOf(value);
        if (used !== 0) checkKeyIds([used], encryption);
        const opened = openedOrDamaged(() => envelopes.open(key, versions.at(modRevision, 0), value));
        if (opened === undefined) continue;
        const { keyId, position, payload } = opened;
        values.push({ key, revision: versions.at(modRevision, position), keyId, value: payload });
      }
      const last = items.at(-1)?.key;
      return { values, next: more && last !== undefined ? keys.storeKey(last) : undefined };
    },
  };
  await resealValues(sealed, encryption, log);
}
