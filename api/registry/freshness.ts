/**
 * How new the caches must be for a read. On a store that only this process writes to, what it has acknowledged is the
 * present; on a shared one the store is asked, and the caches are waited for: so a client that writes through one server
 * and reads through another sees what it wrote.
 * Source of the rules: Kubernetes documentation, "Resource versions"; KEP-2340, consistent reads from the cache.
 */
import { isApiError } from '../../machinery/errors.ts';
import type { Store } from '../../store/store.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import { tooNew } from './storeerrors.ts';

/** How long a reader waits for a revision that nobody has written yet. */
const FUTURE_PATIENCE_MS = 3_000;

export interface FreshnessParts {
  readonly store: Store;
  readonly feed: StoreFeed;
}

export class Freshness {
  readonly #parts: FreshnessParts;

  constructor(parts: FreshnessParts) {
    this.#parts = parts;
  }

  /** Waits until the caches hold every write acknowledged so far, whichever server took it. */
  catchUp(signal?: AbortSignal): Promise<void> {
    const { store, feed } = this.#parts;
    return store.isShared ? this.#catchUpShared(signal) : feed.reach(store.revision(), signal);
  }

  /**
   * Waits until the caches are as new as asked for: undefined is the present, 0 whatever is there, N at least that.
   * Throws `Timeout` for a revision that nobody has written, after some patience.
   */
  async reach(asked: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { feed, store } = this.#parts;
    if (asked === undefined) return this.catchUp(signal);
    if (asked <= feed.revision) return;
    if (asked <= (await this.#latest(signal))) return feed.reach(asked, signal);
    try {
      await feed.reach(asked, signal, FUTURE_PATIENCE_MS);
    } catch (error) {
      // Out of patience, its own or the caller's: either way the version is what was wrong.
      if (isApiError(error, 'ServiceUnavailable', 'Timeout') && !feed.closing.aborted) {
        throw tooNew(asked, Math.max(store.revision(), feed.revision));
      }
      throw error;
    }
  }

  /** Waits for a revision that must have been written already. Throws `Timeout` at once for one that has not been. */
  async reachWritten(revision: number, signal: AbortSignal | undefined): Promise<void> {
    const { feed } = this.#parts;
    if (revision <= feed.revision) return;
    const latest = await this.#latest(signal);
    if (revision > latest) throw tooNew(revision, latest);
    await feed.reach(revision, signal);
  }

  async #catchUpShared(signal: AbortSignal | undefined): Promise<void> {
    await this.#parts.feed.reach(await this.#latest(signal), signal);
  }

  #latest(signal: AbortSignal | undefined): number | Promise<number> {
    const { store } = this.#parts;
    return store.isShared ? store.latestRevision(signal) : store.revision();
  }
}
