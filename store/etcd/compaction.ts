/**
 * What of etcd's history this cluster still needs, and forgetting the rest.
 *
 * Compaction is of the whole etcd, which may serve several clusters, each with several servers. So every server writes
 * down what it needs, `gantry-compaction:need:<prefix>:<server>`, and whoever compacts goes no further than the lowest
 * need heard of in the last hour; that one does it at a time is a compare-and-write on `gantry-compaction:last`.
 * Only what every watch has passed is forgotten: etcd may lose a delete from a watch that is compacted over
 * (etcd issue 18089, in 3.4.23 among others). What others compact, etcd itself among them, is noticed and honoured.
 */
import type { Clock } from '../../machinery/clock.ts';
import { isRecord } from '../../machinery/json.ts';
import type { Log } from '../../machinery/log.ts';
import { Holds, type Retention } from '../retention.ts';
import { COMPACTION_PREFIX, type EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdKeyValue, EtcdOperation } from './client.ts';
import { DeleteNotes } from './deletenotes.ts';
import type { Hub } from './hub.ts';
import { encodeMark } from './mark.ts';
import type { Meta } from './meta.ts';
import type { Past } from './past.ts';
import type { Versions } from './versions.ts';

const NEEDS = `${COMPACTION_PREFIX}:need:`;
const LAST = `${COMPACTION_PREFIX}:last`;
/** A need not renewed for as long is of a server that is gone. */
const NEED_MS = 3_600_000;
/** A cluster that writes nothing marks the present this often, so that it holds nobody's forgetting back. */
const QUIET_MS = 5 * 60_000;

export interface CompactionOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly versions: Versions;
  readonly past: Past;
  readonly clock: Clock;
  readonly log: Log;
  readonly retention: Retention;
  /** Tells this server from others of its cluster. */
  readonly serverId: string;
  readonly meta: Meta;
}

interface Need {
  readonly key: string;
  readonly etcdRevision: number;
  readonly atMs: number;
}

export class Compaction {
  readonly #options: CompactionOptions;
  readonly #notes: DeleteNotes;
  readonly #needKey: string;
  /** In revisions of etcd. */
  readonly #holds = new Holds();
  /** Of the store: the newest revision whose past is gone. */
  #floor: number;
  /** Of etcd: the oldest that can be read. Between the floor and this one the cluster wrote nothing. */
  #firstKept: number;

  constructor(options: CompactionOptions) {
    this.#options = options;
    this.#notes = new DeleteNotes(options.client, options.keys);
    this.#needKey = `${NEEDS}${options.keys.prefix}:${options.serverId}`;
    this.#floor = firstFloor(options.meta, options.versions);
    this.#firstKept = options.meta.firstRevision;
  }

  /** Nothing of this cluster's past is gone. */
  get isWhole(): boolean {
    const { meta, versions } = this.#options;
    return !meta.isContinued && this.#floor === firstFloor(meta, versions);
  }

  get floor(): number {
    return this.#floor;
  }

  get firstKept(): number {
    return this.#firstKept;
  }

  /** Keeps what is after a revision of etcd from being forgotten by age or size, until what it gives is called. */
  hold(etcdRevision: number): () => void {
    return this.#holds.add(etcdRevision);
  }

  /** Finds out what etcd has forgotten. */
  async learn(): Promise<void> {
    const firstKept = await this.#options.past.firstKept(this.#firstKept);
    if (firstKept > this.#firstKept) await this.#forgotten(firstKept);
  }

  /** One round of forgetting. */
  async forgetByAge(hub: Hub): Promise<void> {
    const { client, keys, clock, past, retention } = this.#options;
    hub.endSlowReaders();
    const { items, header } = await client.range({ key: keys.mark, keysOnly: true });
    const newest = items[0]?.modRevision ?? header.revision;
    await this.learn();
    const nowMs = clock.now();
    const byAge = await past.revisionAt(nowMs - retention.historyMs, this.#firstKept, header.revision);
    const { dbSizeInUse } = await client.status();
    const bySize =
      dbSizeInUse > retention.historyBytes ? Math.floor((this.#firstKept + newest) / 2) : this.#firstKept;
    const need = Math.min(Math.max(byAge ?? this.#firstKept, bySize), hub.passed, this.#holds.least);
    await this.#compact(need);
    await this.#notes.sweep(this.#firstKept);
    await this.mark(QUIET_MS);
  }

  /**
   * Forgets up to and including a revision of etcd. What other clusters need stays in etcd, and is gone for this store
   * all the same.
   */
  async forget(etcdRevision: number, hub: Hub): Promise<void> {
    await hub.reached(etcdRevision);
    hub.endReadersBefore(etcdRevision);
    this.#floor = Math.max(this.#floor, this.#options.versions.endOf(etcdRevision));
    await this.#compact(etcdRevision);
  }

  async #compact(need: number): Promise<void> {
    const { client, clock, log } = this.#options;
    const nowMs = clock.now();
    const { items } = await client.range({ key: `${COMPACTION_PREFIX}:`, end: `${COMPACTION_PREFIX};` });
    const heard = items.map(decodeNeed);
    const last = heard.find(({ key }) => key === LAST);
    const others = heard.filter(({ key }) => key !== LAST && key !== this.#needKey);
    const isGone = ({ atMs }: Need): boolean => Math.abs(nowMs - atMs) > NEED_MS;
    const target = others
      .filter((other) => !isGone(other))
      .reduce((least, { etcdRevision }) => Math.min(least, etcdRevision), need);
    const own = heard.find(({ key }) => key === this.#needKey);
    const isKnown = own?.etcdRevision === need && nowMs - own.atMs < NEED_MS / 4;
    if (isKnown && target <= this.#firstKept) return;
    const success: EtcdOperation[] = others
      .filter(isGone)
      .map(({ key }): EtcdOperation => ({ kind: 'delete', key }))
      .slice(0, 50);
    success.push({ kind: 'put', key: this.#needKey, value: encodeNeed(need, nowMs) });
    const isNews = target > (last?.etcdRevision ?? 0);
    if (isNews) success.push({ kind: 'put', key: LAST, value: encodeNeed(target, nowMs) });
    const modRevision = items.find(({ key }) => key === LAST)?.modRevision ?? 0;
    const compare = [{ key: LAST, target: 'modRevision' as const, equals: modRevision }];
    const { succeeded } = await client.txn({ compare, success, failure: [] });
    // Somebody else compacts at this moment; the next round sees how far.
    if (!succeeded || target <= this.#firstKept) return;
    await client.compact(target);
    log.debug({ etcdRevision: target }, 'store: etcd was compacted');
    await this.#forgotten(target);
  }

  async #forgotten(firstKept: number): Promise<void> {
    const { past, versions } = this.#options;
    const found = await past.markAt(firstKept);
    this.#firstKept = Math.max(this.#firstKept, firstKept);
    if (found !== undefined) this.#floor = Math.max(this.#floor, versions.endOf(found.writtenRevision));
  }

  /**
   * Marks this moment, where anything was written to etcd since the last mark that is this old, milliseconds: what
   * strangers did under the cluster's keys is behind the mark then, and readers of the present see it.
   */
  async mark(olderThanMs: number): Promise<void> {
    const { client, keys, past, clock } = this.#options;
    const nowMs = clock.now();
    const { items, header } = await client.range({ key: keys.mark, keysOnly: true });
    const [found] = items;
    if (found === undefined || found.modRevision === header.revision) return;
    const newest = await past.markAt(header.revision);
    if (newest === undefined || nowMs - newest.mark.timeMs < olderThanMs) return;
    const value = encodeMark({
      timeMs: nowMs,
      ends: newest.mark.ends,
      deletes: new Map(),
      writtenRevision: newest.writtenRevision,
    });
    await client.txn({
      compare: [{ key: keys.mark, target: 'modRevision', equals: found.modRevision }],
      success: [{ kind: 'put', key: keys.mark, value }],
      failure: [],
    });
  }
}

/** What is gone of a cluster from its beginning: nothing, but for revisions of other stores and other epochs. */
function firstFloor({ isContinued, firstRevision, epochOffset }: Meta, versions: Versions): number {
  if (isContinued) return versions.endOf(firstRevision);
  return epochOffset === 0 ? 0 : versions.endOf(0);
}

function encodeNeed(etcdRevision: number, atMs: number): Uint8Array {
  return Buffer.from(JSON.stringify({ etcdRevision, atMs }));
}

/** What cannot be read is nobody's need: it counts as long gone. */
function decodeNeed({ key, value }: EtcdKeyValue): Need {
  const gone: Need = { key, etcdRevision: 0, atMs: Number.NEGATIVE_INFINITY };
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString());
    if (!isRecord(parsed)) return gone;
    const { etcdRevision, atMs } = parsed;
    if (typeof etcdRevision !== 'number' || typeof atMs !== 'number') return gone;
    return { key, etcdRevision, atMs };
  } catch {
    return gone;
  }
}
