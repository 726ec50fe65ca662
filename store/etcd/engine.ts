/**
 * The etcd engine: the store's promise on a cluster that several servers may share. etcd keeps, orders and replicates;
 * nothing distributed is made here.
 *
 * A commit is acknowledged when etcd's quorum has it. Reads of the present are linearizable and asked of etcd, so they
 * see what any server had acknowledged. When nobody can tell whether a commit was made (its answer was lost), it is
 * rejected as `Unavailable`, which says so; watches tell the truth later.
 */
import type { Clock } from '../../machinery/clock.ts';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import { type Log, silentLog } from '../../machinery/log.ts';
import type { Random } from '../../machinery/random.ts';
import { Envelopes } from '../envelope.ts';
import { WatchFeed } from '../feed.ts';
import { DEFAULT_LIMITS, type StoreLimits } from '../limits.ts';
import { StoreMetrics } from '../metrics.ts';
import type { StoreOptions } from '../mvcc.ts';
import { DEFAULT_RETENTION, RetentionLoop } from '../retention.ts';
import { checkWrites } from '../rows.ts';
import { sizeIfKnown } from '../size.ts';
import type {
  CommitResult,
  GetOptions,
  HistoryQuery,
  KeyValue,
  NewCluster,
  OldestMoment,
  RangeOptions,
  RangeResult,
  Store,
  StoreHistory,
  StoreMoment,
  StoreSize,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from '../store.ts';
import { EtcdKeys } from './address.ts';
import { Batches } from './batches.ts';
import type { EtcdClient, EtcdHeader } from './client.ts';
import { Compaction } from './compaction.ts';
import { Decoder } from './events.ts';
import { KeyHistory } from './history.ts';
import { Hub } from './hub.ts';
import { beginEpoch, decodeMeta, finishMeta, type Meta, openMeta } from './meta.ts';
import { Newest } from './newest.ts';
import { Past } from './past.ts';
import { Positions } from './positions.ts';
import { falsePreconditions, type Questions } from './preconditions.ts';
import { Reads } from './reads.ts';
import { resealEtcd } from './resealing.ts';
import { Transactions } from './transactions.ts';
import { Versions } from './versions.ts';

export interface EtcdStoreOptions extends StoreOptions {
  readonly random: Random;
  readonly prefix: string;
  /** Makes a cluster that goes on from another store, to be filled and then `finishRestore`d. */
  readonly newCluster?: NewCluster;
}

/** How long closing waits for the watch to tell of the last commits. */
const CLOSE_PATIENCE_MS = 5000;
/** A reader of the past as near to the present as this many revisions joins those who hear it. */
const NEAR_REVISIONS = 1000;

/** Takes the client over: closing the store closes it. Throws `StoreError`. */
export async function openEtcdStore(client: EtcdClient, options: EtcdStoreOptions): Promise<EtcdStore> {
  const { clock, random, prefix, newCluster } = options;
  const log = options.log ?? silentLog;
  const keys = new EtcdKeys(prefix);
  const newClusterId = random.uuid();
  let store: EtcdStore | undefined;
  try {
    const meta = await openMeta({ client, keys, clock, log, newClusterId, newCluster });
    const { items, header } = await client.range({ key: keys.mark, keysOnly: true });
    store = new EtcdStore(client, keys, meta, items[0]?.modRevision ?? header.revision, options);
    await store.start();
    const { encryption } = options;
    if (encryption !== undefined && newCluster === undefined) {
      const versions = new Versions(meta.epochOffset);
      await resealEtcd({ client, keys, versions, store, encryption, log });
    }
    return store;
  } catch (error) {
    await (store ?? client).close();
    throw error;
  }
}

export class EtcdStore implements Store {
  readonly clusterId: string;
  readonly isShared = true;
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #meta: Meta;
  readonly #versions: Versions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: StoreLimits;
  readonly #positions = new Positions();
  readonly #newest: Newest;
  readonly #reads: Reads;
  readonly #history: KeyHistory;
  readonly #questions: Questions;
  readonly #hub: Hub;
  readonly #compaction: Compaction;
  readonly #batches: Batches;
  readonly #loop: RetentionLoop;
  readonly #onLost: StoreOptions['onLost'];
  #failure: StoreError | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** @param newest a revision of etcd that holds what this cluster has acknowledged. Use `openEtcdStore`. */
  constructor(client: EtcdClient, keys: EtcdKeys, meta: Meta, newest: number, options: EtcdStoreOptions) {
    const { clock, random } = options;
    const log = options.log ?? silentLog;
    const retention = { ...DEFAULT_RETENTION, ...options.retention };
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const versions = new Versions(meta.epochOffset);
    const envelopes = new Envelopes(options.encryption);
    const checkHeader = (header: EtcdHeader): void => this.#checkHeader(header);
    this.clusterId = meta.clusterId;
    this.#client = client;
    this.#keys = keys;
    this.#meta = meta;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#onLost = options.onLost;
    this.#newest = new Newest({
      client,
      keys,
      checkHeader,
      checkRecord: () => this.#checkRecord(),
      onFallenBack: (was, is) => this.#fallBack(was, is),
      known: newest,
    });
    this.#versions = versions;
    const decoder = new Decoder(keys, versions, envelopes, log);
    const past = new Past(client, keys, checkHeader);
    const metrics = new StoreMetrics(
      {
        revision: () => this.revision(),
        compactedRevision: () => this.compactedRevision(),
        watcherCount: () => this.#hub.watcherCount,
        sizeNow: async () =>
          this.#closing === undefined ? sizeIfKnown(() => this.size(), this.#log) : undefined,
      },
      options.metrics,
    );
    this.#hub = new Hub({
      client,
      keys,
      versions,
      decoder,
      clock,
      log,
      startRevision: newest,
      onEvents: (events, etcdRevision) => {
        this.#newest.learn(etcdRevision);
        for (const { key, revision } of events) this.#positions.put(key, revision);
      },
      onMetaChange: () => void this.#lookAgain(),
      onCompacted: async () => {
        const newest = await this.#newest.ask();
        await this.#compaction.learn();
        return newest;
      },
    });
    this.#compaction = new Compaction({
      client,
      keys,
      versions,
      past,
      clock,
      log,
      retention,
      serverId: random.uuid(),
      meta,
    });
    this.#reads = new Reads({
      client,
      keys,
      versions,
      decoder,
      past,
      compaction: this.#compaction,
      hub: this.#hub,
      newest: this.#newest,
      positions: this.#positions,
      checkHeader,
    });
    this.#questions = { client, keys, versions, seen: (item) => this.#reads.seen(item) };
    this.#history = new KeyHistory({
      client,
      keys,
      versions,
      decoder,
      compaction: this.#compaction,
      newest: this.#newest,
      checkHeader,
    });
    this.#batches = new Batches({
      client,
      transactions: new Transactions(keys, versions, envelopes, decoder),
      clock,
      log,
      limits,
      metrics,
      checkHeader,
      onCommitted: (etcdRevision) => this.#newest.wrote(etcdRevision),
      positions: this.#positions,
      readAt: (key, etcdRevision) => this.#reads.readAt(key, etcdRevision),
    });
    this.#loop = new RetentionLoop(clock, retention.everyMs, () => this.#forgetByAge());
  }

  /** Finds out what is gone already, and what strangers did last. */
  async start(): Promise<void> {
    await this.#compaction.learn();
    await this.#compaction.mark(0);
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    this.#checkOpen();
    return this.#reads.get(key, options);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    return this.#reads.range(prefix, options);
  }

  async history(key: string, query: HistoryQuery): Promise<StoreHistory> {
    this.#checkOpen();
    return this.#history.read(key, query);
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    this.#checkOpen();
    checkWrites(writes);
    let unsure: Write[] | undefined;
    for (const write of writes) {
      const { key, precondition } = write;
      if (precondition.kind !== 'modRevision') continue;
      if (!this.#positions.has(key, precondition.modRevision)) (unsure ??= []).push(write);
    }
    const missing = unsure;
    return this.#batches.add(
      writes,
      missing === undefined ? undefined : () => falsePreconditions(this.#questions, writes, missing),
    );
  }

  async *watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    this.#checkOpen();
    const signal = AbortSignal.any([options.signal, this.#closed.signal]);
    let position = options.afterRevision;
    const marksPresent = options.marksPresent === true;
    if (marksPresent && !signal.aborted) {
      const latest = await this.latestRevision(signal);
      await this.#hub.reached(this.#versions.placeOf(latest).revision, signal);
    }
    if (signal.aborted) return;
    const feed = new WatchFeed(prefixes, this.#limits.feed);
    try {
      let goal = Number.POSITIVE_INFINITY;
      const join = (): void => {
        // From here on what is written is in the feed, what was before is read here, and some is in both.
        goal = this.#hub.told;
        this.#hub.open(feed);
      };
      if (position >= this.#versions.endOf(this.#hub.told)) join();
      else {
        let read = 0;
        for await (const batch of this.#reads.history(prefixes, position, signal)) {
          position = batch.revision;
          read = batch.etcdRevision;
          if (goal === Number.POSITIVE_INFINITY && read >= this.#hub.told - NEAR_REVISIONS) join();
          if (batch.events.length > 0) yield { events: batch.events, revision: position };
          if (read >= goal) break;
        }
        if (read < goal) return;
      }
      if (marksPresent) yield { events: [], revision: position };
      for (;;) {
        const batch = await feed.next(options.signal);
        if (batch === undefined) return;
        const events = batch.events.filter((event) => event.revision > position);
        if (batch.revision <= position) continue;
        position = batch.revision;
        yield { events, revision: position };
      }
    } finally {
      this.#hub.close(feed);
    }
  }

  revision(): number {
    return this.#versions.endOf(this.#newest.known);
  }

  async latestRevision(signal?: AbortSignal): Promise<number> {
    this.#checkOpen();
    return this.#versions.endOf(await this.#newest.ask(signal));
  }

  async momentAt(timeMs: number): Promise<StoreMoment> {
    this.#checkOpen();
    return this.#reads.momentAt(timeMs);
  }

  async oldestMoment(): Promise<OldestMoment> {
    this.#checkOpen();
    return this.#reads.oldestMoment();
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    if (revision > this.revision()) await this.latestRevision();
    if (!Number.isSafeInteger(revision) || revision < 0 || revision > this.revision()) {
      throw new RangeError(`cannot compact to revision ${revision}: wanted 0 to ${this.revision()}`);
    }
    const { revision: etcdRevision } = this.#versions.placeOf(revision);
    if (revision <= this.compactedRevision() || etcdRevision <= this.#meta.firstRevision) return;
    await this.#compaction.forget(etcdRevision, this.#hub);
  }

  holdHistory(revision: number): () => void {
    return this.#compaction.hold(this.#versions.placeOf(revision).revision);
  }

  compactedRevision(): number {
    return this.#compaction.floor;
  }

  async size(): Promise<StoreSize> {
    this.#checkOpen();
    const [{ count }, { dbSize }] = await Promise.all([
      this.#client.range({ ...this.#keys.range(''), countOnly: true }),
      this.#client.status(),
    ]);
    return { keys: count, bytes: dbSize };
  }

  /** Ends the restore that `newCluster` began: the store is whole, and its history begins here. */
  async finishRestore(): Promise<void> {
    this.#checkOpen();
    await this.#batches.drained();
    await finishMeta({ client: this.#client, keys: this.#keys, clock: this.#clock });
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await this.#batches.drained();
    // Who listens hears of everything that was accepted; when etcd has gone away that can never be.
    const patience = new AbortController();
    const timer = this.#clock.after(CLOSE_PATIENCE_MS, () => patience.abort());
    await this.#hub.reached(this.#newest.known, patience.signal);
    timer.cancel();
    this.#closed.abort();
    await this.#hub.stop();
    await this.#loop.stop();
    await this.#client.close();
  }

  #checkHeader({ clusterId }: EtcdHeader): void {
    if (clusterId === this.#meta.etcdClusterId) return;
    throw this.#fail(
      new StoreError(
        'Unavailable',
        `etcd answers as cluster ${clusterId}, and was ${this.#meta.etcdClusterId} when this server started: it was restored, or its data moved; restart the server`,
      ),
    );
  }

  /** Another server changed the cluster's record: what follows from it may not be true any more. */
  async #lookAgain(): Promise<void> {
    try {
      await this.#checkRecord();
    } catch (error) {
      if (error === this.#failure) return;
      this.#log.warn({ err: error }, `store: the cluster's record was not read again: ${messageOf(error)}`);
    }
  }

  async #checkRecord(): Promise<void> {
    const { items } = await this.#client.range({ key: this.#keys.meta });
    const found = items[0] === undefined ? undefined : decodeMeta(this.#keys.meta, items[0]);
    if (found?.clusterId === this.clusterId && found.epochOffset === this.#meta.epochOffset) return;
    const was = items[0] === undefined ? 'is gone' : 'changed';
    throw this.#fail(
      new StoreError('Unavailable', `the cluster's record "${this.#keys.meta}" ${was}; restart the server`),
    );
  }

  #fail(error: StoreError): StoreError {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = error;
    this.#log.error({ err: error }, `store: ${error.message}`);
    this.#hub.endFeeds(error);
    this.#onLost?.(error);
    return error;
  }

  /** Another epoch first, while it is known that one is needed: nobody can tell after the restart. */
  async #fallBack(was: number, is: number): Promise<StoreError> {
    await beginEpoch({ client: this.#client, keys: this.#keys, clock: this.#clock }, this.#meta);
    return this.#fail(
      new StoreError(
        'Unavailable',
        `etcd has forgotten what it had acknowledged: it is at revision ${is} of this cluster, and was at ${was} already; it was restored from a snapshot under its old cluster id: restart the server`,
      ),
    );
  }

  async #forgetByAge(): Promise<void> {
    try {
      await this.#compaction.forgetByAge(this.#hub);
    } catch (error) {
      // Nothing is lost by keeping the past for longer; the next round tries again.
      this.#log.warn({ err: error }, `store: history was not trimmed: ${messageOf(error)}`);
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new StoreError('Unavailable', 'the store is closed');
    if (this.#failure !== undefined) throw this.#failure;
  }
}
