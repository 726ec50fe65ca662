/** How many sessions (exec, attach, port-forward) may be open at once: each holds a connection and its buffers. */
import { ApiError } from '../../../machinery/errors.ts';

const MAX_SESSIONS = 1_000;

export class SessionLimit {
  readonly #most: number;
  #open = 0;

  constructor(most: number = MAX_SESSIONS) {
    this.#most = most;
  }

  get open(): number {
    return this.#open;
  }

  /** Rejects `TooManyRequests` without beginning when there are enough. */
  async run(work: () => Promise<void>): Promise<void> {
    if (this.#open >= this.#most) {
      throw new ApiError(
        'TooManyRequests',
        `${this.#open} exec, attach and port-forward sessions are open, which is the most: end one, or try again later`,
        { retryAfterSeconds: 1 },
      );
    }
    this.#open++;
    try {
      await work();
    } finally {
      this.#open--;
    }
  }
}
