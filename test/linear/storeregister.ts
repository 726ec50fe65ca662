/** A `Store` as registers, and its watches as logs: what clients and laws see of an engine. */
import { messageOf, StoreError } from '../../machinery/errors.ts';
import type {
  CommitResult,
  KeyValue,
  Precondition,
  Store,
  StoreEvent,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from '../../store/store.ts';
import { bytes, text } from '../store/builders.ts';
import type {
  Intent,
  NotMade,
  ReadAnswer,
  Register,
  Seen,
  WatchedEvent,
  WatchLog,
  WriteOutcome,
} from './history.ts';

/** What a register needs of a store: also a store in another process can give it. */
export type StoreCalls = Pick<Store, 'get' | 'range' | 'commit'>;

/** Every so many reads one goes through a range. */
const RANGE_EVERY = 4;

export class StoreRegister implements Register {
  readonly #store: StoreCalls;
  #reads = 0;

  constructor(store: StoreCalls) {
    this.#store = store;
  }

  async read(key: string): Promise<ReadAnswer> {
    try {
      this.#reads++;
      if (this.#reads % RANGE_EVERY > 0) return { kind: 'found', seen: seenOf(await this.#store.get(key)) };
      const { items } = await this.#store.range(key);
      return { kind: 'found', seen: seenOf(items.find((item) => item.key === key)) };
    } catch (error) {
      return { kind: 'failed', why: explained(error) };
    }
  }

  async write(key: string, intent: Intent): Promise<WriteOutcome | NotMade> {
    const { value, wants } = intent;
    const precondition = preconditionOf(wants);
    const write: Write =
      value === undefined
        ? { kind: 'delete', key, precondition }
        : { kind: 'put', key, value: bytes(value), precondition };
    let result: CommitResult;
    try {
      result = await this.#store.commit([write]);
    } catch (error) {
      // `Unavailable` says nothing about what became of the commit; `ReadOnly` neither, as a batch may fail at its end.
      return { kind: 'unknown', why: explained(error) };
    }
    if (!result.ok) {
      const seen = seenOf(result.current);
      return { kind: 'conflict', evidence: seen === undefined ? { kind: 'absent' } : { kind: 'seen', seen } };
    }
    const [revision] = result.modRevisions;
    if (revision !== undefined) return { kind: 'done', revision };
    if (value === undefined) return { kind: 'conflict', evidence: { kind: 'absent' } };
    throw new Error(`the store put "${value}" and gave it no revision`);
  }
}

/** Failures that a fault explains; anything else is a fault of the store itself, and ends the test. */
function explained(error: unknown): string {
  if (error instanceof StoreError && (error.reason === 'Unavailable' || error.reason === 'ReadOnly'))
    return messageOf(error);
  throw error;
}

function preconditionOf(wants: Intent['wants']): Precondition {
  switch (wants.kind) {
    case 'absent':
      return { kind: 'absent' };
    case 'revision':
      return { kind: 'modRevision', modRevision: wants.revision };
    // A store has no such precondition; a deletion that finds nothing says so.
    case 'present':
    case 'none':
      return { kind: 'none' };
  }
}

function seenOf(found: KeyValue | undefined): Seen | undefined {
  return found === undefined ? undefined : { value: text(found.value) ?? '', revision: found.modRevision };
}

/** A watch from before the first operation on that resumes wherever it was cut, until it is stopped. */
export class StoreWatch {
  readonly #name: string;
  readonly #afterRevision: number;
  readonly #events: WatchedEvent[] = [];
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;
  #reached: number;
  #news = Promise.withResolvers<void>();
  #failure: unknown;

  /** @param again called when the watch was cut; resolves when it can be opened again. */
  constructor(
    name: string,
    watch: (options: StoreWatchOptions) => AsyncIterable<WatchBatch>,
    afterRevision: number,
    again: (signal: AbortSignal) => Promise<void>,
  ) {
    this.#name = name;
    this.#afterRevision = afterRevision;
    this.#reached = afterRevision;
    this.#ended = this.#follow(watch, again).catch((error: unknown) => {
      this.#failure = error;
      this.#wake();
    });
  }

  async #follow(
    watch: (options: StoreWatchOptions) => AsyncIterable<WatchBatch>,
    again: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        for await (const batch of watch({ afterRevision: this.#reached, signal, marksPresent: true })) {
          for (const event of batch.events) this.#events.push(watchedOf(event));
          this.#reached = Math.max(this.#reached, batch.revision);
          this.#wake();
        }
      } catch (error) {
        explained(error);
      }
      if (!signal.aborted) await again(signal);
    }
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers<void>();
  }

  /** Waits until everything up to a revision has been told, then stops. */
  async finish(revision: number, signal: AbortSignal): Promise<WatchLog> {
    const late = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => late.resolve(), { once: true });
    while (this.#reached < revision && this.#failure === undefined) {
      if (signal.aborted) {
        throw new Error(`watch ${this.#name} stands at ${this.#reached} and does not reach ${revision}`);
      }
      await Promise.race([this.#news.promise, late.promise]);
    }
    this.#abort.abort();
    await this.#ended;
    if (this.#failure !== undefined) {
      throw new Error(`watch ${this.#name} failed: ${messageOf(this.#failure)}`, { cause: this.#failure });
    }
    return { name: this.#name, afterRevision: this.#afterRevision, isWhole: true, events: this.#events };
  }
}

function watchedOf(event: StoreEvent): WatchedEvent {
  const { key, revision, current, previous } = event;
  return { key, revision, value: text(current?.value), previous: seenOf(previous) ?? null };
}
