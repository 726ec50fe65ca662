/**
 * Group commit: while one batch is being made durable, what arrives waits and then goes together, so that one flush to
 * disk serves many writers. The queue is bounded by commits and by bytes; beyond that, writers are told to come back.
 */
import { StoreError } from '../machinery/errors.ts';

export interface Queued {
  readonly bytes: number;
  reject(error: unknown): void;
}

export interface GroupCommitLimits {
  readonly maxQueuedCommits: number;
  readonly maxQueuedBytes: number;
  readonly maxBatchCommits: number;
  readonly maxBatchBytes: number;
}

export class GroupCommit<T extends Queued> {
  readonly #limits: GroupCommitLimits;
  readonly #perform: (batch: readonly T[]) => Promise<void>;
  #queue: T[] = [];
  #queuedBytes = 0;
  /** Settles when nothing is queued or under way. */
  #running: Promise<void> | undefined;

  /** @param perform answers every entry of the batch, and rejects only by mistake: then the entries are rejected. */
  constructor(limits: GroupCommitLimits, perform: (batch: readonly T[]) => Promise<void>) {
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
    this.#running ??= this.#run();
  }

  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // One turn of the microtask queue: commits made in the same breath share a batch.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        await this.#perform(batch);
      } catch (error) {
        for (const entry of batch) entry.reject(error);
      }
    }
    this.#running = undefined;
  }

  #take(): readonly T[] {
    let bytes = 0;
    let count = 0;
    for (const entry of this.#queue) {
      if (count === this.#limits.maxBatchCommits) break;
      if (count > 0 && bytes + entry.bytes > this.#limits.maxBatchBytes) break;
      bytes += entry.bytes;
      count++;
    }
    this.#queuedBytes -= bytes;
    return this.#queue.splice(0, count);
  }
}
