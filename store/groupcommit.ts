/**
 * Group commit: while one batch is being made durable, what arrives waits and then goes together, so that one flush to
 * disk serves many writers. When much waits already a second batch follows at once, so that the engine does not stand
 * still while the answers of the first are given. The queue is bounded by commits and by bytes; beyond that, writers
 * are told to come back.
 */
import { StoreError } from '../machinery/errors.ts';

export interface Queued {
  readonly bytes: number;
  reject(error: unknown): void;
}

/** As much as this waiting is worth a batch of its own beside the one under way: half of what many writers keep up. */
const EARLY_COMMITS = 64;

export interface GroupCommitLimits {
  readonly maxQueuedCommits: number;
  readonly maxQueuedBytes: number;
  readonly maxBatchCommits: number;
  readonly maxBatchBytes: number;
}

/**
 * Answers every entry of a batch, and rejects only by mistake: then the entries are rejected.
 * @param previous settles when the batch before this one is answered; batches are answered in order.
 */
export type PerformBatch<T> = (batch: readonly T[], previous: Promise<void>) => Promise<void>;

export class GroupCommit<T extends Queued> {
  readonly #limits: GroupCommitLimits;
  readonly #perform: PerformBatch<T>;
  #queue: T[] = [];
  #queuedBytes = 0;
  #batches = 0;
  /** Commits of the batches that were sent and are not answered. */
  #underWay = 0;
  #isStarting = false;
  /** Settles when every batch that was sent is answered. */
  #last: Promise<void> = Promise.resolve();

  constructor(limits: GroupCommitLimits, perform: PerformBatch<T>) {
    this.#limits = limits;
    this.#perform = perform;
  }

  /** Throws `StoreError('Unavailable')` when too much waits already. */
  add(entry: T): void {
    const { maxQueuedCommits, maxQueuedBytes } = this.#limits;
    const isFull =
      this.#queue.length >= maxQueuedCommits ||
      (this.#queue.length > 0 && this.#queuedBytes + entry.bytes > maxQueuedBytes);
    if (isFull) {
      throw new StoreError(
        'Unavailable',
        `the store is overloaded: ${this.#queue.length} commits (${this.#queuedBytes} bytes) wait, the limit is ` +
          `${maxQueuedCommits} (${maxQueuedBytes} bytes); try again in a moment`,
      );
    }
    this.#queue.push(entry);
    this.#queuedBytes += entry.bytes;
    this.#send();
  }

  /** Resolves when nothing is queued or under way. */
  async drained(): Promise<void> {
    while (this.#isStarting || this.#batches > 0 || this.#queue.length > 0) {
      await this.#last;
      await Promise.resolve();
    }
  }

  #send(): void {
    if (this.#batches === 1 && this.#queue.length >= EARLY_COMMITS) this.#start();
    if (this.#batches > 0 || this.#isStarting || this.#queue.length === 0) return;
    // One turn of the microtask queue: commits made in the same breath share a batch.
    this.#isStarting = true;
    queueMicrotask(() => {
      this.#isStarting = false;
      this.#start();
    });
  }

  #start(): void {
    const batch = this.#take();
    if (batch.length === 0) return;
    this.#batches++;
    this.#underWay += batch.length;
    this.#last = this.#run(batch, this.#last);
  }

  async #run(batch: readonly T[], previous: Promise<void>): Promise<void> {
    try {
      await this.#perform(batch, previous);
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    } finally {
      this.#batches--;
      this.#underWay -= batch.length;
      this.#send();
    }
  }

  #take(): readonly T[] {
    let bytes = 0;
    let count = 0;
    // Two batches of one size keep the engine and the one who answers equally busy.
    const half = Math.max(EARLY_COMMITS, Math.ceil((this.#queue.length + this.#underWay) / 2));
    const most = Math.min(this.#limits.maxBatchCommits, half);
    for (const entry of this.#queue) {
      if (count === most) break;
      if (count > 0 && bytes + entry.bytes > this.#limits.maxBatchBytes) break;
      bytes += entry.bytes;
      count++;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }
}
