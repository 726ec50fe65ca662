/**
 * Notices that the wall clock was set, by looking at it beside the monotonic one every few seconds. Timers run by the
 * monotonic clock: without this, a time of a schedule that a jump brings nearer would be met late by as much.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';

const LOOK_EVERY_MS = 5_000;
/** A wall clock that gained this much between two looks was set; less is made up for by what is allowed to be late. */
const JUMP_MS = 2_000;
/** Timers that are off by this much are set anew. */
const DRIFT_MS = 500;

export class WallJumps {
  readonly #clock: Clock;
  readonly #isNeeded: () => boolean;
  readonly #onDrift: () => void;
  #isClosed = false;
  #timer: Timer | undefined;
  /** Wall time minus monotonic time: at the last look, and as timers were set by it. */
  #offsetMs: number;
  #timersOffsetMs: number;
  #lookedAtMs: number;
  /** Monotonic time of the last look before the last jump ahead. */
  #steadyUntilMs: number | undefined;

  /**
   * @param isNeeded whether there are timers to moments of the wall clock: without any, nobody need look.
   * @param onDrift called when they have to be set anew.
   */
  constructor(clock: Clock, isNeeded: () => boolean, onDrift: () => void) {
    this.#clock = clock;
    this.#isNeeded = isNeeded;
    this.#onDrift = onDrift;
    this.#lookedAtMs = clock.monotonicMs();
    this.#offsetMs = clock.now() - this.#lookedAtMs;
    this.#timersOffsetMs = this.#offsetMs;
  }

  /** Looks from now on, for as long as it is needed. */
  keepLooking(): void {
    if (this.#timer !== undefined || this.#isClosed) return;
    this.#look();
    this.#beat();
  }

  /** Monotonic time since just before the clock was last set ahead; undefined: not seen to have been. */
  sinceJumpMs(): number | undefined {
    this.#look();
    return this.#steadyUntilMs === undefined ? undefined : this.#clock.monotonicMs() - this.#steadyUntilMs;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #beat(): void {
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => {
      this.#timer = undefined;
      if (this.#isNeeded()) this.#beat();
      this.#look();
    });
  }

  #look(): void {
    const monotonicMs = this.#clock.monotonicMs();
    const offsetMs = this.#clock.now() - monotonicMs;
    if (offsetMs - this.#offsetMs > JUMP_MS) this.#steadyUntilMs = this.#lookedAtMs;
    this.#offsetMs = offsetMs;
    this.#lookedAtMs = monotonicMs;
    if (Math.abs(offsetMs - this.#timersOffsetMs) <= DRIFT_MS) return;
    this.#timersOffsetMs = offsetMs;
    this.#onDrift();
  }
}
