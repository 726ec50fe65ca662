/** What goes wrong, when, decided by the seed: one source of chance, one place with all the odds. */
import { type Clock, sleep } from '../../machinery/clock.ts';
import { ApiError, RuntimeError } from '../../machinery/errors.ts';
import { pick, type Random } from '../../machinery/random.ts';
import { type Life, never } from './mortal.ts';

export interface Odds {
  /** The call is refused and nothing has happened. */
  readonly fail: number;
  /** It has happened and the answer is lost. */
  readonly loseAnswer: number;
  /** It takes up to `slowMs`. */
  readonly slow: number;
  readonly slowMs: number;
  /** The process that calls dies, before or after the call. */
  readonly crash: number;
  /** A watch breaks, at an event. */
  readonly breakWatch: number;
  /** An event of the engine is lost. */
  readonly loseEvent: number;
  /** A probe fails. */
  readonly sick: number;
}

export const STORMY: Odds = {
  fail: 0.03,
  loseAnswer: 0.03,
  slow: 0.06,
  slowMs: 4_000,
  crash: 0.006,
  breakWatch: 0.02,
  loseEvent: 0.2,
  sick: 0.25,
};
export const CALM: Odds = {
  fail: 0,
  loseAnswer: 0,
  slow: 0,
  slowMs: 0,
  crash: 0,
  breakWatch: 0,
  loseEvent: 0,
  sick: 0,
};

export interface ChaosOptions {
  readonly random: Random;
  readonly clock: Clock;
  readonly trace: (line: string) => void;
}

interface Call {
  readonly operation: string;
  readonly resource: string;
}

export class Chaos {
  odds: Odds = STORMY;
  readonly #options: ChaosOptions;

  constructor(options: ChaosOptions) {
    this.#options = options;
  }

  happens(odds: number): boolean {
    return odds > 0 && this.#options.random.next() < odds;
  }

  /** The hooks of one process. @param die kills it. */
  hooksOf(name: string, life: Life, die: () => void) {
    return {
      before: (call: Call) => this.#before(name, life, die, call),
      after: (call: Call) => this.#after(name, life, die, call),
      deliver: (call: Call) => this.#deliver(name, call),
    };
  }

  async #before(name: string, life: Life, die: () => void, call: Call): Promise<void> {
    const { clock, random, trace } = this.#options;
    await this.#perhapsCrash(`${name} dies before ${call.operation} ${call.resource}`, life, die);
    if (this.happens(this.odds.slow)) {
      const delayMs = Math.round(random.next() * this.odds.slowMs);
      trace(`fault: ${name}: ${call.operation} ${call.resource} takes ${delayMs} ms`);
      // On the clock of the world: what is on its way arrives even if the caller dies meanwhile.
      await sleep(clock, delayMs);
    }
    if (this.happens(this.odds.fail)) {
      trace(`fault: ${name}: ${call.operation} ${call.resource} is refused`);
      throw this.#error(call, 'refused by the simulator; nothing happened');
    }
  }

  async #after(name: string, life: Life, die: () => void, call: Call): Promise<void> {
    await this.#perhapsCrash(`${name} dies after ${call.operation} ${call.resource}`, life, die);
    if (!this.happens(this.odds.loseAnswer)) return;
    this.#options.trace(`fault: ${name}: the answer to ${call.operation} ${call.resource} is lost`);
    throw this.#error(call, 'the answer was lost by the simulator; it happened');
  }

  #deliver(name: string, call: Call): void {
    if (!this.happens(this.odds.breakWatch)) return;
    this.#options.trace(`fault: ${name}: its watch of ${call.resource} breaks`);
    throw new ApiError(
      this.happens(0.5) ? 'Expired' : 'ServiceUnavailable',
      'the watch was broken by the simulator',
    );
  }

  async #perhapsCrash(what: string, life: Life, die: () => void): Promise<void> {
    if (life.isOver || !this.happens(this.odds.crash)) return;
    this.#options.trace(`crash: ${what}`);
    die();
    await never;
  }

  #error(call: Call, message: string): Error {
    if (call.resource !== 'engine') {
      return new ApiError(
        pick(this.#options.random, ['ServiceUnavailable', 'Timeout', 'InternalError']) ?? 'Timeout',
        message,
      );
    }
    return new RuntimeError(pick(this.#options.random, ['Unavailable', 'Failed']) ?? 'Failed', message);
  }
}
