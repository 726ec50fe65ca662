/**
 * How long the past is kept, and the small loop that forgets it.
 *
 * Everything keeps its history for `historyMs`, or less when the log grows over `historyBytes`. Keys under the
 * transient prefixes (signs of life, reports: much written, never asked for as they were) keep it only for
 * `transientHistoryMs`: long enough that no watcher in good health loses its place. Forgetting goes in small slices
 * with commits let in between.
 */
import type { Clock, Timer } from '../machinery/clock.ts';
import type { Envelopes } from './envelope.ts';
import type { Log } from './log.ts';
import { revisionAt } from './moments.ts';

export interface Retention {
  readonly historyMs: number;
  /** The log's used bytes above which the older half of the kept revisions is forgotten. */
  readonly historyBytes: number;
  readonly transientHistoryMs: number;
  readonly transientPrefixes: readonly string[];
  /** How often to look; 0 is never. */
  readonly everyMs: number;
}

export const DEFAULT_RETENTION: Retention = {
  historyMs: 24 * 3_600_000,
  historyBytes: 1024 ** 3,
  transientHistoryMs: 5 * 60_000,
  transientPrefixes: [],
  everyMs: 60_000,
};

export interface Floors {
  readonly floor: number;
  readonly transientFloor: number;
}

/** What may be forgotten now. `known` are the present floors and revision; the answer is never below them. */
export async function findFloors(
  log: Log,
  envelopes: Envelopes,
  retention: Retention,
  known: Floors & { readonly revision: number },
  nowMs: number,
): Promise<Floors> {
  let floor = await revisionAt(log, envelopes, nowMs - retention.historyMs, known.floor, known.revision);
  const { usedBytes } = await log.size();
  if (usedBytes > retention.historyBytes)
    floor = Math.max(floor, Math.floor((known.floor + known.revision) / 2));
  const transientFloor = await revisionAt(
    log,
    envelopes,
    nowMs - retention.transientHistoryMs,
    Math.max(known.transientFloor, floor),
    known.revision,
  );
  return { floor, transientFloor };
}

/** What long readers still need of the past: nothing after the lowest of their revisions is forgotten by age or size. */
export class Holds {
  readonly #revisions = new Set<{ readonly revision: number }>();

  /** Gives what lets go again. */
  add(revision: number): () => void {
    const hold = { revision };
    this.#revisions.add(hold);
    return () => void this.#revisions.delete(hold);
  }

  /** The lowest of them; Infinity without any. */
  get least(): number {
    return Math.min(...Array.from(this.#revisions, ({ revision }) => revision));
  }

  clip({ floor, transientFloor }: Floors): Floors {
    const { least } = this;
    return { floor: Math.min(floor, least), transientFloor: Math.min(transientFloor, least) };
  }
}

/** Runs `work` again and again until stopped; the next run is planned when the last has ended. */
export class RetentionLoop {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #work: () => Promise<void>;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** @param work must not reject. */
  constructor(clock: Clock, everyMs: number, work: () => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#work = work;
    if (everyMs > 0) this.#plan();
  }

  /** Resolves when no run is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #plan(): void {
    this.#timer = this.#clock.after(this.#everyMs, () => {
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    await this.#work();
    if (!this.#isStopped) this.#plan();
  }
}
