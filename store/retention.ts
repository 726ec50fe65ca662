/**
 * How long the past is kept, and the small loop that forgets it.
 *
 * Everything keeps its history for `historyMs`, or less when the log grows over `historyBytes`. Keys under the
 * transient prefixes (signs of life, reports: much written, never asked for as they were) keep it only for
 * `transientHistoryMs`: long enough that no watcher in good health loses its place. Forgetting goes in small slices
 * with commits let in between.
 */
import type { Clock, Timer } from '../machinery/clock.ts';
import { StoreError } from '../machinery/errors.ts';
import type { Envelopes } from './envelope.ts';
import type { Log } from './log.ts';

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

/** Damaged values in a row that are looked past. */
const MAX_WITNESSES = 100;

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

  clip({ floor, transientFloor }: Floors): Floors {
    const needed = Math.min(...Array.from(this.#revisions, ({ revision }) => revision));
    return { floor: Math.min(floor, needed), transientFloor: Math.min(transientFloor, needed) };
  }
}

/**
 * The newest revision in [from, to] written at or before a moment; `from` if there is none. A binary search over
 * write times, so it needs nothing remembered over a restart; where the wall clock jumped it is as wrong as the clock.
 */
export async function revisionAt(
  log: Log,
  envelopes: Envelopes,
  timeMs: number,
  from: number,
  to: number,
): Promise<number> {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const writtenAtMs = await writtenAtOrAfter(log, envelopes, middle);
    if (writtenAtMs === undefined) return low;
    if (writtenAtMs <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows may be trimmed, and one may be damaged: the next one that can be read is the nearest witness. */
async function writtenAtOrAfter(log: Log, envelopes: Envelopes, from: number): Promise<number | undefined> {
  let after = from - 1;
  for (let tries = 0; tries < MAX_WITNESSES; tries++) {
    const [witness] = (await log.changes(after, [''], 1)).changes;
    if (witness === undefined) return undefined;
    const { key, revision, record } = witness.row;
    try {
      return envelopes.open(key, revision, record).writtenAtMs;
    } catch (error) {
      if (!(error instanceof StoreError && error.reason === 'Corrupt')) throw error;
      after = revision;
    }
  }
  return undefined;
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
