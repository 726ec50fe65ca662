/**
 * How long each worker's lease has not been seen to change, by the observer's own monotonic clock.
 *
 * Wall clocks of different machines are never compared: what counts is that the lease changed, and how long ago this
 * process saw that. Time in which the observer itself was asleep (a stopped process, a suspended machine) is nobody's
 * fault: afterwards every worker gets a full period again, as it does when the observer starts.
 * Source of the rule: Kubernetes' node lifecycle controller ("nodeHealthMap", probe timestamps are the observer's own).
 */
import type { Clock } from '../../machinery/clock.ts';
import type { Lease } from '../../schemas/types.gen.ts';

interface Sighting {
  /** What would be different after a renewal. */
  readonly mark: string;
  readonly atMs: number;
}

export class LeaseAges {
  readonly #clock: Clock;
  readonly #asleepAfterMs: number;
  readonly #sightings = new Map<string, Sighting>();
  #awakeAtMs: number;

  /** @param asleepAfterMs without a call to `stayAwake` for longer than this the observer was asleep. */
  constructor(clock: Clock, asleepAfterMs: number) {
    this.#clock = clock;
    this.#asleepAfterMs = asleepAfterMs;
    this.#awakeAtMs = clock.monotonicMs();
  }

  /** To be called more often than `asleepAfterMs`. True when the observer turns out to have been asleep. */
  stayAwake(): boolean {
    const nowMs = this.#clock.monotonicMs();
    const wasAsleep = nowMs - this.#awakeAtMs > this.#asleepAfterMs;
    this.#awakeAtMs = nowMs;
    if (!wasAsleep) return false;
    for (const [worker, { mark }] of this.#sightings) this.#sightings.set(worker, { mark, atMs: nowMs });
    return true;
  }

  /** The worker exists: its period begins now, unless it has begun. */
  expect(worker: string): void {
    if (!this.#sightings.has(worker))
      this.#sightings.set(worker, { mark: '', atMs: this.#clock.monotonicMs() });
  }

  /** The lease as it is now; true when it is not as it was last seen. */
  see(worker: string, lease: Lease | undefined): boolean {
    const mark =
      lease === undefined ? '' : `${lease.metadata.uid ?? ''}/${lease.metadata.resourceVersion ?? ''}`;
    const last = this.#sightings.get(worker);
    // A lease that went away is no sign of life.
    if (last !== undefined && (last.mark === mark || lease === undefined)) return false;
    this.#sightings.set(worker, { mark, atMs: this.#clock.monotonicMs() });
    return true;
  }

  forget(worker: string): void {
    this.#sightings.delete(worker);
  }

  /** Milliseconds since the last change seen; undefined for a worker nobody expects. */
  ageMs(worker: string): number | undefined {
    const sighting = this.#sightings.get(worker);
    return sighting === undefined ? undefined : this.#clock.monotonicMs() - sighting.atMs;
  }
}
