/**
 * The cluster's own record in etcd, made by the first server: whose data this is, and how etcd's revisions become the
 * store's. When etcd itself was restored from a snapshot its revisions fall back; its cluster id tells, and the record
 * gets another epoch, so that no revision is ever given twice.
 */
import type { Clock } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { Log } from '../../machinery/log.ts';
import type { NewCluster } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdKeyValue, EtcdOperation } from './client.ts';
import { encodeMark } from './mark.ts';
import { epochAfter, nextEpoch } from './versions.ts';

const FORMAT = 1;

export interface Meta {
  readonly format: number;
  readonly clusterId: string;
  readonly epochOffset: number;
  /** The etcd that `epochOffset` is right for. */
  readonly etcdClusterId: string;
  /** `restoring`: a backup is being written here, and nobody may use it until that is whole. */
  readonly state: 'ready' | 'restoring';
  /** Of etcd: what was before is not this cluster's past. */
  readonly firstRevision: number;
  /** There was a past, in another store, which is not here. */
  readonly isContinued: boolean;
}

export interface OpenMetaOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly clock: Clock;
  readonly log: Log;
  readonly newClusterId: string;
  readonly newCluster: NewCluster | undefined;
}

/** Races with other servers are lost this often at most: each of them changes the record once. */
const MAX_ATTEMPTS = 10;

/** Reads the record, or makes it. Throws `StoreError`. */
export async function openMeta(options: OpenMetaOptions): Promise<Meta> {
  const { client, keys, log, newCluster } = options;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { items, header } = await client.range({ key: keys.meta });
    const [found] = items;
    if (found === undefined) {
      const made = await createMeta(options, header.clusterId);
      if (made !== undefined) return made;
      continue;
    }
    const meta = decodeMeta(keys.meta, found);
    checkUsable(meta, keys.prefix, newCluster);
    if (meta.etcdClusterId === header.clusterId) return meta;
    const changed: Meta = {
      ...meta,
      etcdClusterId: header.clusterId,
      epochOffset: nextEpoch(meta.epochOffset),
      // Moved data may be younger there than the record says.
      firstRevision: Math.min(meta.firstRevision, header.revision),
    };
    if (!(await replaceMeta(options, changed, found.modRevision))) continue;
    log.warn(
      { clusterId: meta.clusterId, wasEtcd: meta.etcdClusterId, isEtcd: header.clusterId },
      `store: this is another etcd than before (it was restored, or its data moved): writes since its snapshot are lost, and resourceVersions go on with a new epoch, offset ${changed.epochOffset}`,
    );
    return changed;
  }
  throw new StoreError(
    'Unavailable',
    `etcd key "${keys.meta}" changed ${MAX_ATTEMPTS} times while it was read; look who writes there, and start again`,
  );
}

/** Undefined when another server was first. */
async function createMeta(options: OpenMetaOptions, etcdClusterId: string): Promise<Meta | undefined> {
  const { client, keys, newClusterId, newCluster } = options;
  const { header } = await client.range({ key: keys.mark, keysOnly: true });
  const meta: Meta = {
    format: FORMAT,
    clusterId: newCluster?.clusterId ?? newClusterId,
    epochOffset: newCluster === undefined ? 0 : epochAfter(newCluster.afterRevision),
    etcdClusterId,
    state: newCluster === undefined ? 'ready' : 'restoring',
    firstRevision: header.revision + 1,
    isContinued: newCluster !== undefined,
  };
  return (await replaceMeta(options, meta, 0)) ? meta : undefined;
}

/** For an etcd whose revisions fell back under its old cluster id. Nothing when another server was faster. */
export async function beginEpoch(
  options: Pick<OpenMetaOptions, 'client' | 'keys' | 'clock'>,
  known: Meta,
): Promise<void> {
  const { client, keys } = options;
  const [found] = (await client.range({ key: keys.meta })).items;
  if (found === undefined) return;
  const meta = decodeMeta(keys.meta, found);
  if (meta.clusterId !== known.clusterId || meta.epochOffset !== known.epochOffset) return;
  await replaceMeta(options, { ...meta, epochOffset: nextEpoch(meta.epochOffset) }, found.modRevision);
}

/** Ends a restore: from here on the store is usable, and its past begins. */
export async function finishMeta(options: Pick<OpenMetaOptions, 'client' | 'keys' | 'clock'>): Promise<void> {
  const { client, keys } = options;
  const { items, header } = await client.range({ key: keys.meta });
  const [found] = items;
  if (found === undefined) {
    throw new StoreError('Corrupt', `etcd key "${keys.meta}" is gone; restore into an empty prefix again`);
  }
  const meta: Meta = {
    ...decodeMeta(keys.meta, found),
    state: 'ready',
    firstRevision: header.revision + 1,
  };
  if (await replaceMeta(options, meta, found.modRevision)) return;
  throw new StoreError(
    'Unavailable',
    `etcd key "${keys.meta}" was changed during the restore; restore into an empty prefix again`,
  );
}

/** With a mark, so that this revision has its time too. False when somebody was faster. */
async function replaceMeta(
  { client, keys, clock }: Pick<OpenMetaOptions, 'client' | 'keys' | 'clock'>,
  meta: Meta,
  modRevision: number,
): Promise<boolean> {
  const mark = encodeMark({ timeMs: clock.now(), ends: [], deletes: new Map() });
  const success: EtcdOperation[] = [
    { kind: 'put', key: keys.meta, value: Buffer.from(JSON.stringify(meta)) },
    { kind: 'put', key: keys.mark, value: mark },
  ];
  const compare = [{ key: keys.meta, target: 'modRevision' as const, equals: modRevision }];
  return (await client.txn({ compare, success, failure: [] })).succeeded;
}

function checkUsable(meta: Meta, prefix: string, newCluster: NewCluster | undefined): void {
  if (newCluster !== undefined) {
    throw new StoreError(
      'Locked',
      `etcd prefix "${prefix}" holds cluster ${meta.clusterId} already; wanted an empty one to restore into: choose another prefix, or delete all keys that start with "${prefix}:"`,
    );
  }
  if (meta.state === 'ready') return;
  throw new StoreError(
    'Corrupt',
    `etcd prefix "${prefix}" holds half a restore of cluster ${meta.clusterId}: it is under way, or was broken off; wait for it, or delete all keys that start with "${prefix}:" and restore again`,
  );
}

/** Throws `StoreError('Corrupt')`. */
export function decodeMeta(key: string, { value }: EtcdKeyValue): Meta {
  const text = Buffer.from(value).toString();
  const wrong = (what: string): StoreError =>
    new StoreError('Corrupt', `etcd key "${key}" ${what}; found ${JSON.stringify(text.slice(0, 200))}`);
  let meta: unknown;
  try {
    meta = JSON.parse(text);
  } catch (error) {
    throw new StoreError('Corrupt', `etcd key "${key}" is not the record of a Gantry cluster: not JSON`, {
      cause: error,
    });
  }
  if (!isRecord(meta) || typeof meta['format'] !== 'number')
    throw wrong('is not the record of a Gantry cluster');
  if (meta['format'] > FORMAT) {
    throw wrong(`has format ${meta['format']}, wanted ${FORMAT} or older: use the release that wrote it`);
  }
  const { format, clusterId, epochOffset, etcdClusterId, state, firstRevision, isContinued } = meta;
  if (
    typeof clusterId !== 'string' ||
    typeof etcdClusterId !== 'string' ||
    typeof epochOffset !== 'number' ||
    !Number.isSafeInteger(epochOffset) ||
    typeof firstRevision !== 'number' ||
    (state !== 'ready' && state !== 'restoring')
  ) {
    throw wrong('is not the record of a Gantry cluster');
  }
  return {
    format,
    clusterId,
    epochOffset,
    etcdClusterId,
    state,
    firstRevision,
    isContinued: isContinued === true,
  };
}
