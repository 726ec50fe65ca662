/**
 * How many watches and followed logs may be open: each holds memory for as long as it lasts, and hears every change.
 * The bound for one user is far above any client's needs, and keeps one that opens watches without closing them from
 * taking those of all others.
 */
import { ApiError } from '../../../machinery/errors.ts';

export interface WatchLimits {
  readonly perUser: number;
  readonly all: number;
}

const LIMITS: WatchLimits = { perUser: 2_500, all: 10_000 };
const RETRY_AFTER_SECONDS = 5;

export class WatchLimit {
  readonly #limits: WatchLimits;
  readonly #open = new Map<string, number>();
  #all = 0;

  constructor(limits: WatchLimits = LIMITS) {
    this.#limits = limits;
  }

  /** Rejects `TooManyRequests` without beginning when there are enough. */
  async run(user: string, work: () => Promise<void>): Promise<void> {
    const open = this.#open.get(user) ?? 0;
    if (open >= this.#limits.perUser) throw tooMany(`user "${user}" has ${open} watches open`);
    if (this.#all >= this.#limits.all) throw tooMany(`${this.#all} watches are open`);
    this.#open.set(user, open + 1);
    this.#all++;
    try {
      await work();
    } finally {
      this.#all--;
      const left = (this.#open.get(user) ?? 1) - 1;
      if (left === 0) this.#open.delete(user);
      else this.#open.set(user, left);
    }
  }
}

function tooMany(found: string): ApiError {
  return new ApiError('TooManyRequests', `${found}, which is the most: end one, or try again later`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
