/**
 * How long a question may take, in time that this process had: a pause of the whole process (a busy machine, a garbage
 * collection) takes from nobody. The time is cut into slices; a slice that ends late was not had, and is given again.
 *
 * Promises that the signal aborts in the end: with `Overdue` when the time was had, with `Stalled` when four times as
 * many slices went by and too few of them were had, with the outer signal's reason when that aborts.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';

const SLICES = 4;
const MAX_SLICES = 16;

/** The asked one did not answer in time. */
export class Overdue extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs / 1000} s`);
    this.name = 'Overdue';
  }
}

/** This process had no time to listen. */
export class Stalled extends Error {
  constructor(timeoutMs: number) {
    super(`the worker was too busy to wait ${timeoutMs / 1000} s for an answer`);
    this.name = 'Stalled';
  }
}

export class Deadline {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #outer: AbortSignal;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  #had = 0;
  #gone = 0;

  constructor(clock: Clock, timeoutMs: number, outer: AbortSignal) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#outer = outer;
    if (outer.aborted) this.#abort.abort(outer.reason);
    else {
      outer.addEventListener('abort', this.#onOuter, { once: true });
      this.#arm();
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The question is answered: leaves no timer and no listener behind. */
  done(): void {
    this.#timer?.cancel();
    this.#outer.removeEventListener('abort', this.#onOuter);
  }

  readonly #onOuter = (): void => {
    this.#timer?.cancel();
    this.#abort.abort(this.#outer.reason);
  };

  #arm(): void {
    const sliceMs = this.#timeoutMs / SLICES;
    const dueMs = this.#clock.monotonicMs() + sliceMs;
    this.#timer = this.#clock.after(sliceMs, () => {
      const isLate = this.#clock.monotonicMs() - dueMs > sliceMs / 2;
      this.#gone++;
      if (!isLate) this.#had++;
      if (this.#had >= SLICES) this.#end(new Overdue(this.#timeoutMs));
      else if (this.#gone >= MAX_SLICES) this.#end(new Stalled(this.#timeoutMs));
      else this.#arm();
    });
  }

  #end(reason: Error): void {
    this.#outer.removeEventListener('abort', this.#onOuter);
    this.#abort.abort(reason);
  }
}
