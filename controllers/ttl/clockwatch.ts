/**
 * Notices that the wall clock was set ahead. A clock that is suddenly hours ahead makes everything old at once, and what
 * was deleted for it does not come back when the clock is put right: so for a while after such a jump nothing is old.
 * A machine that was suspended looks the same, and merely deletes a little later.
 */
import type { Clock } from '../../machinery/clock.ts';

/** A wall clock that gained this much on the monotonic one was set. */
const JUMP_MS = 60_000;
/** Time for somebody, or NTP, to put it right. */
const DISTRUST_MS = 5 * 60_000;

export class ClockWatch {
  readonly #clock: Clock;
  /** Wall time minus monotonic time, as last believed. */
  #offsetMs: number;
  #trustedAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offsetMs = clock.now() - clock.monotonicMs();
    this.#trustedAtMs = clock.monotonicMs();
  }

  /** How long nothing should be believed to be old; 0 when the clock is trusted. */
  distrustMs(): number {
    const monotonicMs = this.#clock.monotonicMs();
    const offsetMs = this.#clock.now() - monotonicMs;
    if (offsetMs - this.#offsetMs > JUMP_MS) this.#trustedAtMs = monotonicMs + DISTRUST_MS;
    // Back again, or slowly slewed: nothing gets older by that than it is.
    this.#offsetMs = offsetMs;
    return Math.max(0, this.#trustedAtMs - monotonicMs);
  }
}
