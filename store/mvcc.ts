/**
 * Makes a `Store` of any `Log`: validation, the envelope, group commit, watches, retention, metrics.
 *
 * The order that the promise rests on: a batch is durable in the log, then its events are handed to the watchers in
 * revision order, then the writers are answered. Nothing is visible or acknowledged earlier.
 */
import type { Clock } from '../machinery/clock.ts';
import { messageOf, StoreError } from '../machinery/errors.ts';
import { type Log as Logger, silentLog } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Encryption } from './encryption.ts';
import { Envelopes } from './envelope.ts';
import { GroupCommit, type Queued } from './groupcommit.ts';
import { doPrefixesOverlap } from './keys.ts';
import { DEFAULT_LIMITS, type StoreLimits } from './limits.ts';
import type { Log, LogChange, LogEffect, LogHead, LogOutcome, LogPage } from './log.ts';
import { StoreMetrics } from './metrics.ts';
import { momentAt, oldestMomentOf } from './moments.ts';
import { RecentValues } from './recent.ts';
import { checkKeyIds, resealLog } from './resealing.ts';
import {
  DEFAULT_RETENTION,
  type Floors,
  findFloors,
  Holds,
  type Retention,
  RetentionLoop,
} from './retention.ts';
import {
  asStoreError,
  checkWrites,
  sealWrites,
  toEvent,
  toKeyValue,
  toLogWrites,
  toWriteEvent,
} from './rows.ts';
import { sizeIfKnown } from './size.ts';
import type {
  CommitResult,
  GetOptions,
  HistoryQuery,
  KeyValue,
  OldestMoment,
  RangeOptions,
  RangeResult,
  Store,
  StoreEvent,
  StoreHistory,
  StoreMoment,
  StoreSize,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from './store.ts';
import { historyOf } from './versions.ts';
import { Watches } from './watches.ts';

export interface StoreOptions {
  readonly clock: Clock;
  readonly metrics?: Metrics;
  readonly log?: Logger;
  readonly retention?: Partial<Retention>;
  readonly encryption?: Encryption;
  /** Called once when the engine died by itself: every later call fails, the process should end and start again. */
  readonly onLost?: (error: StoreError) => void;
  readonly limits?: Partial<StoreLimits>;
}

/** Rows asked for at once: so that one long read does not keep commits waiting for long. */
const PAGE_ROWS = 1000;
/** Rows looked at in one slice of forgetting: a millisecond or two, most of it the flush. */
const TRIM_ROWS = 64;

interface Pending extends Queued {
  readonly writes: readonly Write[];
  readonly records: readonly Uint8Array[];
  readonly writtenAtMs: number;
  readonly startedMs: number;
  resolve(result: CommitResult): void;
}

/** Takes the log over: closing the store closes it. */
export async function openMvccStore(log: Log, options: StoreOptions): Promise<Store> {
  const retention = { ...DEFAULT_RETENTION, ...options.retention };
  checkKeyIds(await log.keyIds(), options.encryption);
  let head = await log.head();
  const isDropped = (old: string): boolean =>
    !retention.transientPrefixes.some((prefix) => old.startsWith(prefix));
  if (head.transientPrefixes.some(isDropped)) {
    // Keys that were transient are not any more, but their past is gone: so it is for all keys, up to there.
    const { transientPrefixes } = retention;
    const { transientFloor } = head;
    ({ head } = await log.trim({ floor: transientFloor, transientFloor, transientPrefixes, maxRows: 0 }));
  }
  const store = new MvccStore(log, head, retention, options);
  await resealLog(log, store, options);
  return store;
}

class MvccStore implements Store {
  readonly clusterId: string;
  readonly isShared = false;
  readonly #log: Log;
  readonly #envelopes: Envelopes;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: StoreLimits;
  readonly #retention: Retention;
  readonly #metrics: StoreMetrics;
  readonly #commits: GroupCommit<Pending>;
  readonly #recent: RecentValues;
  readonly #watches: Watches;
  readonly #loop: RetentionLoop;
  readonly #holds = new Holds();
  #revision: number;
  #floors: Floors;
  /** A failed batch left it open what is in the log: look before the next one. */
  #isInDoubt = false;
  #forgetting: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(log: Log, head: LogHead, retention: Retention, options: StoreOptions) {
    this.clusterId = head.clusterId;
    this.#log = log;
    this.#envelopes = new Envelopes(options.encryption);
    this.#clock = options.clock;
    this.#logger = options.log ?? silentLog;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#retention = retention;
    this.#revision = head.revision;
    this.#floors = { floor: head.floor, transientFloor: head.transientFloor };
    this.#recent = new RecentValues(this.#limits.recentBytes);
    this.#watches = new Watches({
      log,
      envelopes: this.#envelopes,
      limits: this.#limits.feed,
      revision: () => this.#revision,
      isClosing: () => this.#closing !== undefined,
      checkKept: (revision, prefixes) => this.#checkPastKept(revision, prefixes),
    });
    this.#commits = new GroupCommit(this.#limits, (batch, previous) => this.#performBatch(batch, previous));
    this.#metrics = new StoreMetrics(
      {
        revision: () => this.#revision,
        compactedRevision: () => this.#floors.floor,
        watcherCount: () => this.#watches.count,
        sizeNow: async () =>
          this.#closing === undefined ? sizeIfKnown(() => this.size(), this.#logger) : undefined,
      },
      options.metrics,
    );
    this.#loop = new RetentionLoop(options.clock, retention.everyMs, () => this.#forgetByAge());
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    this.#checkOpen();
    if (options.revision !== undefined) this.#checkKept(options.revision, [key]);
    const recent = options.revision === undefined ? this.#recent.get(key) : undefined;
    if (recent !== undefined) return recent;
    const row = await this.#log.read(key, options.revision);
    return row === undefined ? undefined : toKeyValue(row, this.#envelopes);
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    this.#checkOpen();
    const limit = options.limit ?? Number.POSITIVE_INFINITY;
    if (!(limit >= 1)) throw new RangeError(`range of "${prefix}": limit is ${limit}, wanted 1 or more`);
    const items: KeyValue[] = [];
    const read = ({ after, revision }: RangeOptions, left: number): Promise<LogPage> => {
      if (revision !== undefined) this.#checkKept(revision, [prefix]);
      return this.#log.range({ prefix, after, revision, limit: Math.min(left, PAGE_ROWS) });
    };
    for (let reading = read(options, limit); ; ) {
      const page = await reading;
      const count = items.length + page.rows.length;
      const isLast = !page.more || count >= limit;
      if (!isLast) {
        // The engine reads on while this page is opened.
        const after = page.rows.at(-1)?.key ?? options.after;
        reading = read({ revision: page.revision, ...(after === undefined ? {} : { after }) }, limit - count);
        reading.catch(() => undefined);
      }
      for (const row of page.rows) items.push(toKeyValue(row, this.#envelopes));
      if (isLast) return { items, revision: page.revision, more: page.more };
    }
  }

  async history(key: string, query: HistoryQuery): Promise<StoreHistory> {
    this.#checkOpen();
    return historyOf(this.#log, this.#envelopes, () => this.#floorOf([key]), key, query);
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    this.#checkOpen();
    checkWrites(writes);
    const writtenAtMs = this.#clock.now();
    const records = sealWrites(writes, this.#envelopes, writtenAtMs);
    const bytes = records.reduce((sum, record) => sum + record.byteLength, 0);
    const startedMs = this.#clock.monotonicMs();
    return new Promise((resolve, reject) => {
      this.#commits.add({ writes, records, writtenAtMs, startedMs, bytes, resolve, reject });
    });
  }

  async *watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    this.#checkOpen();
    yield* this.#watches.watch(prefixes, options);
  }

  revision(): number {
    return this.#revision;
  }

  async latestRevision(): Promise<number> {
    this.#checkOpen();
    return this.#revision;
  }

  async momentAt(timeMs: number): Promise<StoreMoment> {
    this.#checkOpen();
    const span = { from: this.#floors.floor, to: this.#revision };
    return momentAt(this.#log, this.#envelopes, timeMs, span);
  }

  async oldestMoment(prefix?: string): Promise<OldestMoment> {
    this.#checkOpen();
    const floor = this.#floorOf(prefix === undefined ? [] : [prefix]);
    return oldestMomentOf(this.#log, this.#envelopes, floor);
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    if (!Number.isSafeInteger(revision) || revision < 0 || revision > this.#revision) {
      throw new RangeError(`cannot compact to revision ${revision}: wanted 0 to ${this.#revision}`);
    }
    await this.#forget({ floor: revision, transientFloor: revision });
  }

  holdHistory(revision: number): () => void {
    return this.#holds.add(revision);
  }

  compactedRevision(): number {
    return this.#floors.floor;
  }

  async size(): Promise<StoreSize> {
    this.#checkOpen();
    const { keys, bytes } = await this.#log.size();
    return { keys, bytes };
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    await this.#commits.drained();
    this.#watches.endAll();
    await this.#loop.stop();
    await this.#forgetting;
    await this.#log.close();
  }

  async #performBatch(batch: readonly Pending[], previous: Promise<void>): Promise<void> {
    if (this.#isInDoubt) await previous;
    const known = batch.map(({ writes }) => writes.map(({ key }) => this.#recent.get(key)));
    let outcomes: readonly LogOutcome[];
    try {
      if (this.#isInDoubt) await this.#resolveDoubt();
      outcomes = await this.#log.append(
        batch.map(({ writes, records }, at) => toLogWrites(writes, records, known[at] ?? [])),
      );
    } catch (error) {
      await previous;
      await this.#rejectBatch(batch, error);
      return;
    }
    await previous;
    this.#metrics.batched(batch.length);
    const events: StoreEvent[] = [];
    const results = outcomes.map((outcome, at) =>
      this.#resultOf(batch[at], outcome, known[at] ?? [], events),
    );
    this.#publish(events, outcomes.at(-1)?.revision ?? this.#revision);
    const nowMs = this.#clock.monotonicMs();
    for (const [at, pending] of batch.entries()) {
      const result = results[at] ?? new StoreError('Unavailable', 'the engine gave no answer to this commit');
      this.#metrics.committed((nowMs - pending.startedMs) / 1000);
      if (result instanceof Error) pending.reject(result);
      else pending.resolve(result);
    }
  }

  async #rejectBatch(batch: readonly Pending[], error: unknown): Promise<void> {
    this.#logger.error({ err: error, commits: batch.length }, `store: commits failed: ${messageOf(error)}`);
    this.#isInDoubt = true;
    // What the log has may be newer: who has read that there must not read an older value here afterwards.
    this.#recent.clear();
    try {
      await this.#resolveDoubt();
    } catch (doubt) {
      // What the log holds is unknown for now: watchers are sent away and come back to where they were.
      this.#watches.end(asStoreError(doubt));
    }
    for (const pending of batch) {
      this.#metrics.failed(error);
      pending.reject(asStoreError(error));
    }
  }

  /** The answer to one commit; what it did is added to `events`. */
  #resultOf(
    pending: Pending | undefined,
    outcome: LogOutcome,
    known: readonly (KeyValue | undefined)[],
    events: StoreEvent[],
  ): CommitResult | StoreError {
    const { writes = [], writtenAtMs = 0 } = pending ?? {};
    if (!outcome.ok) {
      try {
        const current =
          outcome.current === undefined ? undefined : toKeyValue(outcome.current, this.#envelopes);
        return { ok: false, failed: outcome.failed, current, revision: outcome.revision };
      } catch (error) {
        return asStoreError(error);
      }
    }
    for (const [at, effect] of outcome.effects.entries()) {
      const write = writes[at];
      if (effect === undefined || write === undefined) continue;
      events.push(toWriteEvent(write, effect, this.#previousOf(effect, known[at]), writtenAtMs));
    }
    const modRevisions = outcome.effects.map((effect) => effect?.revision);
    return { ok: true, revision: outcome.revision, modRevisions, writtenAtMs };
  }

  #previousOf(effect: LogEffect, known: KeyValue | undefined): KeyValue | undefined {
    if (effect.previousRevision === undefined) return undefined;
    if (effect.previous === undefined) return known;
    try {
      return toKeyValue(effect.previous, this.#envelopes);
    } catch (error) {
      // The write stands, but nobody can be told what it replaced: its watchers end rather than hear half the truth.
      this.#watches.end(asStoreError(error), effect.previous.key);
      return undefined;
    }
  }

  /** What is published already is left out: after a failed batch the log was asked what came of it and what followed. */
  #publish(written: readonly StoreEvent[], revision: number): void {
    const isKnown = revision <= this.#revision;
    const events = isKnown ? [] : written.filter((event) => event.revision > this.#revision);
    for (const event of events) {
      if (event.current === undefined) this.#recent.delete(event.key);
      else this.#recent.put(event.current);
    }
    this.#revision = Math.max(this.#revision, revision);
    if (events.length === 0) return;
    this.#watches.publish(events, revision);
  }

  /** After a failed batch: what of it is durable all the same is published, so that no watcher has a gap. */
  async #resolveDoubt(): Promise<void> {
    if (!this.#isInDoubt) return;
    const head = await this.#log.head();
    while (this.#revision < head.revision) {
      const { changes, revision } = await this.#log.changes(this.#revision, [''], PAGE_ROWS);
      this.#publish(
        changes.flatMap((change) => this.#eventOf(change)),
        revision,
      );
    }
    this.#isInDoubt = false;
  }

  /** None for a damaged value: its watchers end, those of other keys go on. */
  #eventOf(change: LogChange): readonly StoreEvent[] {
    try {
      return [toEvent(change, this.#envelopes)];
    } catch (error) {
      this.#recent.delete(change.row.key);
      this.#watches.end(asStoreError(error), change.row.key);
      return [];
    }
  }

  async #forgetByAge(): Promise<void> {
    try {
      const known = { ...this.#floors, revision: this.#revision };
      const floors = this.#holds.clip(
        await findFloors(this.#log, this.#envelopes, this.#retention, known, this.#clock.now()),
      );
      const isNews = floors.floor > known.floor || floors.transientFloor > known.transientFloor;
      if (isNews) await this.#forget(floors);
    } catch (error) {
      // Nothing is lost by keeping the past for longer; the next round tries again.
      this.#logger.warn({ err: error }, `store: history was not trimmed: ${messageOf(error)}`);
    }
  }

  /** One at a time; resolves when what was asked to be forgotten is. */
  #forget(floors: Floors): Promise<void> {
    const run = this.#forgetting.then(() => this.#trim(floors));
    this.#forgetting = run.catch(() => undefined);
    return run;
  }

  async #trim(floors: Floors): Promise<void> {
    const { transientPrefixes } = this.#retention;
    // The floors first: reads of what will go are refused before any row goes.
    for (let maxRows = 0, isDone = false; !isDone && this.#closing === undefined; maxRows = TRIM_ROWS) {
      const slice = await this.#log.trim({ ...floors, transientPrefixes, maxRows });
      this.#floors = { floor: slice.head.floor, transientFloor: slice.head.transientFloor };
      isDone = slice.isDone;
    }
  }

  /** Throws unless a read as of this revision can be answered. */
  #checkKept(revision: number, prefixes: readonly string[]): void {
    this.#checkPastKept(revision, prefixes);
    if (revision > this.#revision) {
      throw new StoreError(
        'Unavailable',
        `revision ${revision} is not written yet: the store is at ${this.#revision}; ask for that or wait`,
      );
    }
  }

  #checkPastKept(revision: number, prefixes: readonly string[]): void {
    const floor = this.#floorOf(prefixes);
    if (revision >= floor) return;
    throw new StoreError(
      'Compacted',
      `revision ${revision} of ${prefixes.join(', ')} is gone: history is kept from revision ${floor} on; read the present and go on from there`,
    );
  }

  #floorOf(prefixes: readonly string[]): number {
    const isTransient = doPrefixesOverlap(prefixes, this.#retention.transientPrefixes);
    return isTransient ? this.#floors.transientFloor : this.#floors.floor;
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new StoreError('Unavailable', 'the store is closed');
  }
}
