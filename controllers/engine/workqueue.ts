/**
 * The work queue: which keys to look at next. Semantics of client-go's `util/workqueue`.
 *
 * A key is in up to three places, and these hold between any two calls:
 * - `queue`: waiting to be taken, in order of arrival. Every key in it is dirty and not processing; none is in it twice.
 * - `dirty`: has been added since it was last taken. A key that is dirty but not queued is processing.
 * - `processing`: taken and not yet done. Hence a key is never worked on twice at once, and an add that comes during
 *   the work is remembered: `done` puts the key at the end of the queue, behind those that waited longer.
 * Size is bounded by the number of distinct keys; a key has at most one timer, the earliest asked for.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import { type EngineMetrics, engineMetrics, type QueueGauges } from './metrics.ts';

export interface BackoffOptions {
  /** Delay after the first failure, milliseconds. */
  readonly baseMs: number;
  /** Longest delay, milliseconds. */
  readonly maxMs: number;
}

/** client-go's default: 5 ms, doubling, up to 1,000 s. */
export const DEFAULT_BACKOFF: BackoffOptions = { baseMs: 5, maxMs: 1_000_000 };

export interface WorkQueueOptions {
  /** The `name` label of the metrics. */
  readonly name: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly backoff?: BackoffOptions;
}

interface Delayed {
  readonly dueMs: number;
  readonly timer: Timer;
}

export class WorkQueue {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #backoff: BackoffOptions;
  readonly #metrics: EngineMetrics;
  readonly #gauges: QueueGauges;
  #queue: string[] = [];
  #head = 0;
  readonly #dirty = new Set<string>();
  /** Key -> when it was taken, monotonic milliseconds. */
  readonly #processing = new Map<string, number>();
  /** Key -> when it became dirty. */
  readonly #addedAtMs = new Map<string, number>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  /** Key -> when its last backoff is over, monotonic milliseconds. */
  readonly #backoffEndsMs = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  #isShutDown = false;

  constructor(options: WorkQueueOptions) {
    this.#name = options.name;
    this.#clock = options.clock;
    this.#backoff = options.backoff ?? DEFAULT_BACKOFF;
    this.#metrics = engineMetrics(options.metrics);
    this.#gauges = {
      name: options.name,
      depth: () => this.depth,
      unfinishedSeconds: () => this.#runningMs().reduce((sum, ms) => sum + ms, 0) / 1000,
      longestRunningSeconds: () => Math.max(0, ...this.#runningMs()) / 1000,
    };
    this.#metrics.queues.add(this.#gauges);
  }

  /** Keys waiting to be taken. */
  get depth(): number {
    return this.#queue.length - this.#head;
  }

  add(key: string): void {
    if (this.#isShutDown || this.#dirty.has(key)) return;
    this.#dirty.add(key);
    this.#addedAtMs.set(key, this.#clock.monotonicMs());
    this.#metrics.adds.inc({ name: this.#name });
    if (!this.#processing.has(key)) this.#enqueue(key);
  }

  /** Adds the key once `delayMs` have passed; of several delays for a key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#isShutDown) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const dueMs = this.#clock.monotonicMs() + delayMs;
    const existing = this.#delayed.get(key);
    if (existing !== undefined) {
      if (existing.dueMs <= dueMs) return;
      existing.timer.cancel();
    }
    const timer = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, timer });
  }

  /** Adds the key after its backoff, which doubles with every call until `forget`. Returns the delay. */
  addRateLimited(key: string): number {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics.retries.inc({ name: this.#name });
    const delayMs = Math.min(this.#backoff.baseMs * 2 ** Math.min(failures, 60), this.#backoff.maxMs);
    this.#backoffEndsMs.set(key, this.#clock.monotonicMs() + delayMs);
    this.addAfter(key, delayMs);
    return delayMs;
  }

  /** The key's failures no longer count. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#backoffEndsMs.delete(key);
  }

  /** What is left of the key's backoff, milliseconds; 0 when it is over or the key has not failed. */
  backoffLeftMs(key: string): number {
    return Math.max(0, (this.#backoffEndsMs.get(key) ?? 0) - this.#clock.monotonicMs());
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, which is processing until `done`; undefined once shut down or the signal has aborted. */
  take(signal: AbortSignal): Promise<string | undefined> {
    if (this.#isShutDown || signal.aborted) return Promise.resolve(undefined);
    const key = this.#dequeue();
    if (key !== undefined) return Promise.resolve(key);
    return new Promise((resolve) => {
      const settle = (taken: string | undefined): void => {
        signal.removeEventListener('abort', onAbort);
        resolve(taken);
      };
      const onAbort = (): void => {
        this.#takers.splice(this.#takers.indexOf(settle), 1);
        settle(undefined);
      };
      this.#takers.push(settle);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends the work on a key that was taken. */
  done(key: string): void {
    const takenAtMs = this.#processing.get(key);
    if (takenAtMs === undefined) return;
    this.#processing.delete(key);
    this.#metrics.workSeconds.observe({ name: this.#name }, (this.#clock.monotonicMs() - takenAtMs) / 1000);
    if (this.#dirty.has(key)) this.#enqueue(key);
  }

  isProcessing(key: string): boolean {
    return this.#processing.has(key);
  }

  /** Keys now being worked on. */
  processing(): readonly string[] {
    return [...this.#processing.keys()];
  }

  /**
   * Nothing is handed out or accepted any more, and what waits is dropped: work is level-triggered, so the next start
   * lists everything again. Keys being worked on may still be reported done.
   */
  shutDown(): void {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#queue = [];
    this.#head = 0;
    this.#dirty.clear();
    this.#addedAtMs.clear();
    this.#failures.clear();
    this.#backoffEndsMs.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
    this.#metrics.queues.delete(this.#gauges);
  }

  #enqueue(key: string): void {
    this.#queue.push(key);
    const taker = this.#takers.shift();
    if (taker !== undefined) taker(this.#dequeue());
  }

  #dequeue(): string | undefined {
    const key = this.#queue[this.#head];
    if (key === undefined) return undefined;
    this.#head++;
    // Shifting one by one would copy the array each time; half empty is soon enough.
    if (this.#head * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    const nowMs = this.#clock.monotonicMs();
    const addedAtMs = this.#addedAtMs.get(key) ?? nowMs;
    this.#addedAtMs.delete(key);
    this.#dirty.delete(key);
    this.#processing.set(key, nowMs);
    this.#metrics.queueSeconds.observe({ name: this.#name }, (nowMs - addedAtMs) / 1000);
    return key;
  }

  #runningMs(): number[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#processing.values()].map((takenAtMs) => nowMs - takenAtMs);
  }
}
