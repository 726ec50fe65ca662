/**
 * The way of commits to etcd: what arrives while others are under way goes together in one transaction, several of which
 * are in flight at once.
 *
 * Commits go in the order they were made, as far as one can tell: one that writes a key which a batch in flight writes
 * waits for that batch, and what comes after it waits too. A transaction may not write a key twice in any case.
 */
import type { Clock } from '../../machinery/clock.ts';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { StoreLimits } from '../limits.ts';
import type { StoreMetrics } from '../metrics.ts';
import { asStoreError } from '../rows.ts';
import type { CommitResult, KeyValue, Write } from '../store.ts';
import type { EtcdClient, EtcdHeader } from './client.ts';
import type { Positions } from './positions.ts';
import {
  fitsTransaction,
  type Outcome,
  operationsOf,
  type Planned,
  type Transactions,
} from './transactions.ts';
import { MAX_BATCH_WRITES } from './versions.ts';

const MAX_IN_FLIGHT = 16;
const MAX_BATCH_COMMITS = 64;
/** Below etcd's default limit of a request, 1.5 MiB; a commit alone may be larger, and etcd says whether it fits. */
const MAX_BATCH_BYTES = 1.4 * 1024 ** 2;
/** Of a write beside its value and three times its key. */
const WRITE_BYTES = 96;

export interface BatchesOptions {
  readonly client: EtcdClient;
  readonly transactions: Transactions;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Pick<StoreLimits, 'maxQueuedCommits' | 'maxQueuedBytes' | 'maxBatchCommits'>;
  readonly metrics: StoreMetrics;
  /** Throws when the answer is from another etcd than this store was opened on. */
  readonly checkHeader: (header: EtcdHeader) => void;
  /** Before the writers of a revision of etcd are answered. */
  readonly onCommitted: (etcdRevision: number) => void;
  readonly positions: Positions;
  /** What a key held at a revision of etcd. */
  readonly readAt: (key: string, etcdRevision: number) => Promise<KeyValue | undefined>;
}

/** Indices of writes whose precondition can never be true. */
type FindFalse = () => Promise<ReadonlySet<number> | undefined>;

interface Pending extends Planned {
  falseAt: ReadonlySet<number> | undefined;
  /** False while it is looked up whether its preconditions can be true at all. */
  isReady: boolean;
  readonly bytes: number;
  readonly startedMs: number;
  resolve(result: CommitResult): void;
  reject(error: StoreError): void;
}

export class Batches {
  readonly #options: BatchesOptions;
  /** In order; those before `#first` are gone. */
  #queue: Pending[] = [];
  #first = 0;
  #queuedBytes = 0;
  /** Keys that batches in flight write. */
  readonly #busy = new Set<string>();
  #inFlight = 0;
  #isPumpPlanned = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /**
   * Throws `StoreError('Unavailable')` when too much waits already.
   * @param findFalse looks up what is not known of its preconditions; its place in the order is taken before.
   */
  add(writes: readonly Write[], findFalse: FindFalse | undefined): Promise<CommitResult> {
    let bytes = 0;
    for (const write of writes) {
      bytes += 3 * write.key.length + WRITE_BYTES + (write.kind === 'put' ? write.value.byteLength : 0);
      if (write.note !== undefined) bytes += write.note.length + write.key.length + WRITE_BYTES;
    }
    this.#checkRoom(bytes);
    const startedMs = this.#options.clock.monotonicMs();
    const isReady = findFalse === undefined;
    return new Promise((resolve, reject) => {
      const pending: Pending = { writes, falseAt: undefined, isReady, bytes, startedMs, resolve, reject };
      this.#queue.push(pending);
      this.#queuedBytes += bytes;
      if (findFalse !== undefined) void this.#lookUp(pending, findFalse);
      if (this.#isPumpPlanned) return;
      // One turn of the microtask queue: commits made in the same breath share a batch.
      this.#isPumpPlanned = true;
      queueMicrotask(() => this.#pump());
    });
  }

  async #lookUp(pending: Pending, findFalse: FindFalse): Promise<void> {
    try {
      pending.falseAt = await findFalse();
    } catch (error) {
      this.#reject([pending], error);
      const at = this.#queue.indexOf(pending, this.#first);
      if (at >= 0) this.#queue.splice(at, 1);
      this.#queuedBytes -= pending.bytes;
    }
    pending.isReady = true;
    this.#pump();
  }

  /** Resolves when nothing waits or is under way. */
  async drained(): Promise<void> {
    if (this.#inFlight === 0 && this.#waiting === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  get #waiting(): number {
    return this.#queue.length - this.#first;
  }

  #checkRoom(bytes: number): void {
    const { maxQueuedCommits, maxQueuedBytes } = this.#options.limits;
    const waiting = this.#waiting;
    if (waiting < maxQueuedCommits && (waiting === 0 || this.#queuedBytes + bytes <= maxQueuedBytes)) return;
    throw new StoreError(
      'Unavailable',
      `the store is overloaded: ${waiting} commits (${this.#queuedBytes} bytes) wait for etcd, the limit is ` +
        `${maxQueuedCommits} (${maxQueuedBytes} bytes); nothing was written, try again in a moment`,
    );
  }

  #pump(): void {
    this.#isPumpPlanned = false;
    while (this.#inFlight < MAX_IN_FLIGHT) {
      const batch = this.#take();
      if (batch.length === 0) break;
      this.#inFlight++;
      void this.#run(batch);
    }
    if (this.#inFlight > 0 || this.#waiting > 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #take(): Pending[] {
    const batch: Pending[] = [];
    const most = Math.min(MAX_BATCH_COMMITS, this.#options.limits.maxBatchCommits);
    let bytes = 0;
    let writes = 0;
    let mostOperations = 0;
    for (let next = this.#queue[this.#first]; next !== undefined; next = this.#queue[this.#first]) {
      bytes += next.bytes;
      writes += next.writes.length;
      mostOperations = Math.max(mostOperations, operationsOf(next.writes));
      const fits =
        batch.length === 0 ||
        (batch.length < most &&
          bytes <= MAX_BATCH_BYTES &&
          writes <= MAX_BATCH_WRITES &&
          fitsTransaction(batch.length + 1, mostOperations));
      if (!fits || !next.isReady || next.writes.some(({ key }) => this.#busy.has(key))) break;
      for (const { key } of next.writes) this.#busy.add(key);
      batch.push(next);
      this.#queuedBytes -= next.bytes;
      this.#first++;
    }
    this.#dropTaken();
    return batch;
  }

  /** Seldom: moving what waits to the front costs as much as there is. */
  #dropTaken(): void {
    if (this.#first < 1024 && this.#waiting > 0) return;
    this.#queue = this.#queue.slice(this.#first);
    this.#first = 0;
  }

  async #run(batch: readonly Pending[]): Promise<void> {
    try {
      await this.#perform(batch);
    } catch (error) {
      this.#reject(batch, error);
    }
    for (const { writes } of batch) for (const { key } of writes) this.#busy.delete(key);
    this.#inFlight--;
    this.#pump();
  }

  async #perform(batch: readonly Pending[]): Promise<void> {
    const { client, transactions, clock, metrics, checkHeader, onCommitted } = this.#options;
    const timeMs = clock.now();
    const answer = await client.txn(transactions.plan(batch, timeMs)).catch((error: unknown) => {
      // Certainly not made. Each may fit alone.
      if (error instanceof StoreError && error.reason === 'TooLarge' && batch.length > 1) return undefined;
      throw error;
    });
    if (answer === undefined) {
      for (const pending of batch)
        await this.#perform([pending]).catch((error: unknown) => this.#reject([pending], error));
      return;
    }
    checkHeader(answer.header);
    metrics.batched(batch.length);
    const outcomes = transactions.outcomes(batch, answer, timeMs);
    if (answer.succeeded) onCommitted(answer.header.revision);
    const nowMs = clock.monotonicMs();
    for (const [at, pending] of batch.entries()) {
      const outcome = outcomes[at];
      metrics.committed((nowMs - pending.startedMs) / 1000);
      if (outcome === undefined || outcome instanceof StoreError) this.#reject([pending], outcome);
      else if (outcome.kind === 'result') this.#answer(pending, outcome.result);
      else void this.#readConflict(pending, outcome);
    }
  }

  #answer(pending: Pending, result: CommitResult): void {
    if (result.ok) {
      for (const [at, { key }] of pending.writes.entries()) {
        const revision = result.modRevisions[at];
        if (revision !== undefined) this.#options.positions.put(key, revision);
      }
    }
    pending.resolve(result);
  }

  async #readConflict(
    pending: Pending,
    { failed, key, etcdRevision, revision }: Outcome & { kind: 'conflict' },
  ): Promise<void> {
    try {
      const current = await this.#options.readAt(key, etcdRevision);
      pending.resolve({ ok: false, failed, current, revision });
    } catch (error) {
      this.#reject([pending], error);
    }
  }

  #reject(batch: readonly Pending[], error: unknown): void {
    const { log, metrics } = this.#options;
    log.error({ err: error, commits: batch.length }, `store: commits failed: ${messageOf(error)}`);
    for (const pending of batch) {
      metrics.failed(error);
      pending.reject(asStoreError(error));
    }
  }
}
