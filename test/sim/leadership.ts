/** Of several control planes never two lead, and one does as soon as the lease of the last one is over. */
import { DEFAULT_TIMING } from '../../controllers/engine/election.ts';
import type { Cluster } from './cluster.ts';
import { Violation } from './safety.ts';

const { leaseDurationMs, retryPeriodMs } = DEFAULT_TIMING;

export class Leadership {
  readonly #cluster: Cluster;
  /** Since when there was a candidate and no leader, monotonic; undefined while somebody leads or nobody could. */
  #withoutMs: number | undefined;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** To be called after every step. @param isCalm whether calls to the server succeed at once. */
  check(nowMs: number, isCalm: boolean): void {
    const { leaders, candidates } = this.#cluster;
    if (leaders.length > 1) throw new Violation(`two lead at once: ${leaders.join(', ')}`);
    if (leaders.length === 1 || candidates.length === 0 || !isCalm) {
      this.#withoutMs = undefined;
      return;
    }
    this.#withoutMs ??= nowMs;
    const forMs = nowMs - this.#withoutMs;
    if (forMs > leaseDurationMs + retryPeriodMs) {
      throw new Violation(`nobody leads for ${forMs} ms although ${candidates.join(', ')} could`);
    }
  }
}
