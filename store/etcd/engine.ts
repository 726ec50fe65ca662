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
import { StoreMetrics } from '../metrics.ts';
import { DEFAULT_LIMITS, type StoreLimits, type StoreOptions } from '../mvcc.ts';
import { DEFAULT_RETENTION, RetentionLoop } from '../retention.ts';
import { checkWrites } from '../rows.ts';
import type {
  CommitResult,
  GetOptions,
  KeyValue,
  NewCluster,
  RangeOptions,
  RangeResult,
  Store,
  StoreMoment,
  StoreSize,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from '../store.ts';
import { EtcdKeys } from './address.ts';
import { Batches } from './batches.ts';
import type { EtcdClient, EtcdHeader, EtcdKeyValue } from './client.ts';
import { Compaction } from './compaction.ts';
import { Decoder } from './events.ts';
import { type HistoryBatch, Hub } from './hub.ts';
import { decodeMeta, finishMeta, type Meta, openMeta } from './meta.ts';
import { type EtcdPage, type EtcdPageQuery, Past } from './past.ts';
import { Positions } from './positions.ts';
import { Transactions } from './transactions.ts';
import { type Place, Versions } from './versions.ts';

export interface EtcdStoreOptions extends StoreOptions {
  readonly random: Random;
  readonly prefix: string;
  /** Makes a cluster that goes on from another store, to be filled and then `finishRestore`d. */
  readonly newCluster?: NewCluster;
}

/** Keys asked for at once. */
const PAGE_KEYS = 1000;
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
  readonly #decoder: Decoder;
  readonly #past: Past;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: StoreLimits;
  readonly #positions = new Positions();
  readonly #hub: Hub;
  readonly #compaction: Compaction;
  readonly #batches: Batches;
  readonly #loop: RetentionLoop;
  /** Of etcd: the newest that this process knows to be acknowledged. */
  #newest: number;
  #asking: Promise<number> | undefined;
  #askingNext: Promise<number> | undefined;
  #failure: StoreError | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  /** @param newest a revision of etcd that holds what this cluster has acknowledged. Use `openEtcdStore`. */
  constructor(client: EtcdClient, keys: EtcdKeys, meta: Meta, newest: number, options: EtcdStoreOptions) {
    const { clock, random } = options;
    const log = options.log ?? silentLog;
    const retention = { ...DEFAULT_RETENTION, ...options.retention };
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { firstRevision, epochOffset } = meta;
    const versions = new Versions(epochOffset);
    const envelopes = new Envelopes(options.encryption);
    const checkHeader = (header: EtcdHeader): void => this.#checkHeader(header);
    this.clusterId = meta.clusterId;
    this.#client = client;
    this.#keys = keys;
    this.#meta = meta;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#newest = newest;
    this.#versions = versions;
    this.#decoder = new Decoder(keys, versions, envelopes, log);
    const decoder = this.#decoder;
    this.#past = new Past(client, keys, checkHeader);
    const past = this.#past;
    const metrics = new StoreMetrics(
      {
        revision: () => this.revision(),
        compactedRevision: () => this.compactedRevision(),
        watcherCount: () => this.#hub.watcherCount,
        sizeNow: () => this.#sizeNow(),
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
        this.#learn(etcdRevision);
        for (const { key, revision } of events) this.#positions.put(key, revision);
      },
      onMetaChange: () => void this.#lookAgain(),
      onCompacted: () => this.#skipForgotten(),
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
      firstRevision,
      floor: firstFloor(meta, versions),
    });
    this.#batches = new Batches({
      client,
      transactions: new Transactions(keys, versions, envelopes, decoder),
      clock,
      log,
      limits,
      metrics,
      checkHeader,
      onCommitted: (etcdRevision) => this.#learn(etcdRevision),
      positions: this.#positions,
      readAt: (key, etcdRevision) => this.#readAt(key, etcdRevision),
    });
    this.#loop = new RetentionLoop(clock, retention.everyMs, () => this.#forgetByAge());
  }

  /** Finds out what is gone already. */
  async start(): Promise<void> {
    await this.#compaction.learn(this.#newest);
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    this.#checkOpen();
    if (options.revision !== undefined) {
      const own = this.#keys.of(key);
      const query = { key: own, end: `${own}\0`, limit: 1 };
      const { items } = await this.#pageAt(query, options.revision, `key "${key}"`);
      return items[0] === undefined ? undefined : this.#decoder.value(items[0]);
    }
    const { items, header } = await this.#client.range({ key: this.#keys.of(key) });
    this.#checkHeader(header);
    return items[0] === undefined ? undefined : this.#seen(items[0]);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    if (!(limit >= 1)) throw new RangeError(`range of "${prefix}": limit is ${limit}, wanted 1 or more`);
    const isNow = options.revision === undefined;
    const items: KeyValue[] = [];
    let { revision } = options;
    let query = this.#keys.range(prefix, options.after);
    for (;;) {
      const part = { ...query, limit: Math.min(limit - items.length, PAGE_KEYS) };
      const page =
        revision === undefined
          ? await this.#pageNow(part)
          : await this.#pageAt(part, revision, `keys under "${prefix}"`);
      for (const item of page.items) items.push(isNow ? this.#seen(item) : this.#decoder.value(item));
      ({ revision } = page);
      if (!page.more || page.last === undefined || items.length >= limit) {
        return { items, revision, more: page.more };
      }
      query = { key: `${page.last}\0`, end: query.end };
    }
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
      missing === undefined ? undefined : () => this.#falsePreconditions(writes, missing),
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
        for await (const batch of this.#history(prefixes, position, signal)) {
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
    return this.#versions.endOf(this.#newest);
  }

  async latestRevision(signal?: AbortSignal): Promise<number> {
    this.#checkOpen();
    // What is under way was asked before this call: its answer may be too old. What waits to be asked is shared.
    const answer =
      this.#asking === undefined ? this.#ask() : (this.#askingNext ??= this.#askNext(this.#asking));
    const etcdRevision = await (signal === undefined ? answer : abortable(answer, signal));
    return this.#versions.endOf(etcdRevision);
  }

  async momentAt(timeMs: number): Promise<StoreMoment> {
    const oldest = await this.oldestMoment();
    const first = this.#versions.placeOf(oldest.revision).revision;
    const low = Math.max(first, this.#compaction.firstKept);
    const newest = this.#versions.placeOf(await this.latestRevision()).revision;
    const etcdRevision = await this.#past.revisionAt(timeMs, low, newest);
    const found = etcdRevision === undefined ? undefined : await this.#past.markAt(etcdRevision);
    if (found !== undefined && found.etcdRevision > first) {
      return { revision: this.#versions.endOf(found.etcdRevision), writtenAtMs: found.mark.timeMs };
    }
    if (oldest.writtenAtMs === undefined || timeMs >= oldest.writtenAtMs) return oldest;
    throw new StoreError(
      'Compacted',
      `what was at ${new Date(timeMs).toISOString()} is gone: history is kept from revision ${oldest.revision} of ${new Date(oldest.writtenAtMs).toISOString()} on`,
    );
  }

  async oldestMoment(): Promise<StoreMoment> {
    this.#checkOpen();
    await this.#compaction.learn(this.#newest);
    const { floor, firstKept } = this.#compaction;
    if (floor === firstFloor(this.#meta, this.#versions) && !this.#meta.isContinued) {
      return { revision: this.#versions.endOf(this.#meta.firstRevision), writtenAtMs: undefined };
    }
    const { revision: etcdRevision } = this.#versions.placeOf(floor);
    const found = await this.#past.markAt(Math.max(etcdRevision, firstKept));
    return { revision: floor, writtenAtMs: found?.mark.timeMs };
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

  /** Takes back what `newCluster` began, and closes. */
  async abandonRestore(): Promise<void> {
    this.#checkOpen();
    await this.#batches.drained();
    const { start: key, end } = this.#keys;
    await this.#client.txn({ compare: [], success: [{ kind: 'delete', key, end }], failure: [] });
    await this.close();
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
    await this.#hub.reached(this.#newest, patience.signal);
    timer.cancel();
    this.#closed.abort();
    await this.#hub.stop();
    await this.#loop.stop();
    await this.#client.close();
  }

  // Reading.

  /** Whole at one moment of this cluster, whatever others write to the same etcd. */
  async #pageNow(query: EtcdPageQuery): Promise<EtcdPage & { readonly revision: number }> {
    const [page, mark] = await Promise.all([
      this.#client.range(query),
      this.#client.range({ key: this.#keys.mark, keysOnly: true }),
    ]);
    this.#checkHeader(page.header);
    const read = page.header.revision;
    let newest = mark.items[0]?.modRevision ?? 0;
    // The two were not asked at the same moment: when something may lie between, ask again for that of the page.
    if (read < newest || read > mark.header.revision) {
      newest = (await this.#past.markAt(read))?.etcdRevision ?? read;
    }
    for (const { modRevision } of page.items) newest = Math.max(newest, modRevision);
    this.#learn(newest);
    return { ...page, last: page.items.at(-1)?.key, revision: this.#versions.endOf(newest) };
  }

  async #pageAt(
    query: EtcdPageQuery,
    revision: number,
    what: string,
  ): Promise<EtcdPage & { readonly revision: number }> {
    if (revision > this.revision() && revision > (await this.latestRevision())) {
      throw new StoreError(
        'Unavailable',
        `revision ${revision} is not written yet: the store is at ${this.revision()}; ask for that or wait`,
      );
    }
    const place = this.#versions.placeOf(revision);
    try {
      if (revision < this.#compaction.floor) await this.#checkAtFloor(place, revision, what, 'commit');
      const at = Math.max(place.revision, this.#compaction.firstKept);
      const isEnd = this.#versions.isEnd(place) || at > place.revision;
      const [page, within] = await Promise.all([
        this.#client.range({ ...query, revision: at }),
        isEnd ? undefined : this.#past.commitEnd(at, place.position),
      ]);
      this.#checkHeader(page.header);
      if (within === undefined) {
        return { ...page, last: page.items.at(-1)?.key, revision: this.#versions.endOf(at) };
      }
      const part = await this.#past.pageWithin(query, at, within, (item) => {
        return this.#versions.placeOf(this.#decoder.value(item).modRevision).position;
      });
      return { ...part, revision: this.#versions.at(at, within.end - 1) };
    } catch (error) {
      throw await this.#toldCompacted(error, revision, what);
    }
  }

  /** The value at a revision of etcd, or now where that is gone. */
  async #readAt(key: string, etcdRevision: number): Promise<KeyValue | undefined> {
    const own = { key: this.#keys.of(key) };
    const { items } = await this.#client.range({ ...own, revision: etcdRevision }).catch((error: unknown) => {
      if (error instanceof StoreError && error.reason === 'Compacted') return this.#client.range(own);
      throw error;
    });
    return items[0] === undefined ? undefined : this.#seen(items[0]);
  }

  async *#history(
    prefixes: readonly string[],
    position: number,
    signal: AbortSignal,
  ): AsyncIterable<HistoryBatch> {
    const what = `the past of ${prefixes.join(', ')}`;
    const { floor, firstKept } = this.#compaction;
    const place = this.#versions.placeOf(position);
    try {
      if (position < floor) await this.#checkAtFloor(place, position, what, 'transaction');
      const isPassed = position < floor || this.#versions.isEnd(place);
      const next = isPassed ? place.revision + 1 : place.revision;
      const startRevision = place.revision <= firstKept ? firstKept + 1 : next;
      yield* this.#hub.history(prefixes, position, startRevision, signal);
    } catch (error) {
      throw await this.#toldCompacted(error, position, what);
    }
  }

  /**
   * The floor is the end of a transaction. A revision within that transaction is as good when nothing of it comes
   * after; everything else below the floor is gone.
   */
  async #checkAtFloor(
    place: Place,
    revision: number,
    what: string,
    part: 'commit' | 'transaction',
  ): Promise<void> {
    const { floor, firstKept } = this.#compaction;
    const first = this.#versions.placeOf(floor).revision;
    if (place.revision === first) {
      const found = await this.#past.markAt(Math.max(first, firstKept));
      const ends = found?.mark.ends ?? [];
      const last = (part === 'commit' ? ends.at(-2) : (ends.at(-1) ?? 1) - 1) ?? 0;
      if (found?.writtenRevision === first && place.position >= last) return;
    }
    throw compacted(revision, what, floor);
  }

  /** What is gone without this store's doing is learnt from the refusal. */
  async #toldCompacted(error: unknown, revision: number, what: string): Promise<unknown> {
    if (!(error instanceof StoreError) || error.reason !== 'Compacted') return error;
    await this.#compaction.learn(this.#newest);
    const { floor } = this.#compaction;
    return revision < floor ? compacted(revision, what, floor, error) : error;
  }

  #seen(item: EtcdKeyValue): KeyValue {
    const value = this.#decoder.value(item);
    this.#positions.put(value.key, value.modRevision);
    this.#learn(item.modRevision);
    return value;
  }

  // Knowing what is newest.

  #learn(etcdRevision: number): void {
    if (etcdRevision > this.#newest) this.#newest = etcdRevision;
  }

  #ask(): Promise<number> {
    this.#asking = this.#askNewest().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askNext(before: Promise<number>): Promise<number> {
    // How that one ends is told to those who asked for it.
    await before.catch(() => undefined);
    this.#askingNext = undefined;
    return this.#ask();
  }

  /** Of etcd. Linearizable: the newest at some moment between question and answer. */
  async #askNewest(): Promise<number> {
    const { items, header } = await this.#client.range({ key: this.#keys.mark, keysOnly: true });
    this.#checkHeader(header);
    const [mark] = items;
    if (mark === undefined) {
      throw this.#fail(
        new StoreError('Corrupt', `etcd key "${this.#keys.mark}" is gone: somebody deleted it; restore etcd`),
      );
    }
    this.#learn(mark.modRevision);
    return mark.modRevision;
  }

  async #skipForgotten(): Promise<number> {
    const newest = await this.#askNewest();
    await this.#compaction.learn(newest);
    return newest;
  }

  // Writing.

  /** Indices of writes whose revision is none that their key had: etcd compares without the position. */
  async #falsePreconditions(
    writes: readonly Write[],
    unsure: readonly Write[],
  ): Promise<ReadonlySet<number> | undefined> {
    const areFalse = await Promise.all(unsure.map((write) => this.#isFalse(write)));
    const falseAt = new Set<number>();
    for (const [at, write] of unsure.entries()) if (areFalse[at] === true) falseAt.add(writes.indexOf(write));
    return falseAt.size === 0 ? undefined : falseAt;
  }

  async #isFalse({ key, precondition }: Write): Promise<boolean> {
    if (precondition.kind !== 'modRevision') return false;
    const place = this.#versions.placeOf(precondition.modRevision);
    if (place.revision < 1) return true;
    const { items } = await this.#client.range({ key: this.#keys.of(key) });
    const [found] = items;
    if (found === undefined || found.modRevision !== place.revision) return false;
    return this.#seen(found).modRevision !== precondition.modRevision;
  }

  // Staying true.

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
      const { items } = await this.#client.range({ key: this.#keys.meta });
      const found = items[0] === undefined ? undefined : decodeMeta(this.#keys.meta, items[0]);
      if (found?.clusterId === this.clusterId && found.epochOffset === this.#meta.epochOffset) return;
      const was = items[0] === undefined ? 'is gone' : 'changed';
      this.#fail(
        new StoreError('Unavailable', `the cluster's record "${this.#keys.meta}" ${was}; restart the server`),
      );
    } catch (error) {
      this.#log.warn({ err: error }, `store: the cluster's record was not read again: ${messageOf(error)}`);
    }
  }

  #fail(error: StoreError): StoreError {
    if (this.#failure !== undefined) return this.#failure;
    this.#failure = error;
    this.#log.error({ err: error }, `store: ${error.message}`);
    this.#hub.endFeeds(error);
    return error;
  }

  async #forgetByAge(): Promise<void> {
    try {
      await this.#compaction.forgetByAge(this.#hub);
    } catch (error) {
      // Nothing is lost by keeping the past for longer; the next round tries again.
      this.#log.warn({ err: error }, `store: history was not trimmed: ${messageOf(error)}`);
    }
  }

  /** For metrics: a store that cannot tell its size must not fail the whole scrape. */
  async #sizeNow(): Promise<StoreSize | undefined> {
    if (this.#closing !== undefined) return undefined;
    try {
      return await this.size();
    } catch (error) {
      this.#log.warn({ err: error }, `store: its size is not known: ${messageOf(error)}`);
      return undefined;
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new StoreError('Unavailable', 'the store is closed');
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** What is gone of a cluster from its beginning: nothing, but for revisions of other stores and other epochs. */
function firstFloor({ isContinued, firstRevision, epochOffset }: Meta, versions: Versions): number {
  if (isContinued) return versions.endOf(firstRevision);
  return epochOffset === 0 ? 0 : versions.endOf(0);
}

function compacted(revision: number, what: string, floor: number, cause?: unknown): StoreError {
  return new StoreError(
    'Compacted',
    `revision ${revision} of ${what} is gone: history is kept from revision ${floor} on; read the present and go on from there`,
    { cause },
  );
}

async function abortable<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void =>
    reject(new StoreError('Unavailable', 'the caller no longer waits', { cause: signal.reason }));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
