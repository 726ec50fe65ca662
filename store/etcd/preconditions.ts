/** Preconditions that can never be true: etcd compares its own revision, without the position within it. */
import type { KeyValue, Write } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdKeyValue } from './client.ts';
import type { Versions } from './versions.ts';

export interface Questions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly versions: Versions;
  /** Opens a value of the present, and remembers what it tells. */
  readonly seen: (item: EtcdKeyValue) => KeyValue;
}

/** Indices of writes whose revision is none that their key had. */
export async function falsePreconditions(
  questions: Questions,
  writes: readonly Write[],
  unsure: readonly Write[],
): Promise<ReadonlySet<number> | undefined> {
  const areFalse = await Promise.all(unsure.map((write) => isFalse(questions, write)));
  const falseAt = new Set<number>();
  for (const [at, write] of unsure.entries()) if (areFalse[at] === true) falseAt.add(writes.indexOf(write));
  return falseAt.size === 0 ? undefined : falseAt;
}

async function isFalse(
  { client, keys, versions, seen }: Questions,
  { key, precondition }: Write,
): Promise<boolean> {
  if (precondition.kind !== 'modRevision') return false;
  const place = versions.placeOf(precondition.modRevision);
  if (place.revision < 1) return true;
  const { items } = await client.range({ key: keys.of(key) });
  const [found] = items;
  if (found === undefined || found.modRevision !== place.revision) return false;
  return seen(found).modRevision !== precondition.modRevision;
}
