/**
 * How many new Events one object may cause: a burst, then one now and then. Model: client-go's EventSourceObjectSpamFilter,
 * which refills more slowly; decisions are worth more here.
 */
import type { Clock } from '../../machinery/clock.ts';

const BURST = 25;
const REFILL_MS = 20_000;
const SUBJECTS = 4096;

interface Bucket {
  tokens: number;
  atMs: number;
}

export class SpamFilter {
  readonly #clock: Clock;
  /** Least recently used first. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  admits(subject: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const bucket = this.#buckets.get(subject) ?? { tokens: BURST, atMs: nowMs };
    const refilled = Math.floor((nowMs - bucket.atMs) / REFILL_MS);
    bucket.tokens = Math.min(BURST, bucket.tokens + refilled);
    bucket.atMs += refilled * REFILL_MS;
    this.#buckets.delete(subject);
    this.#buckets.set(subject, bucket);
    if (this.#buckets.size > SUBJECTS) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    if (bucket.tokens === 0) return false;
    bucket.tokens--;
    return true;
  }
}
