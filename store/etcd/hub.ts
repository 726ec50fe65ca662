/**
 * The one watch of a process over all keys of its cluster. It feeds every reader, and it is where this process learns
 * what other servers have written.
 *
 * A reader who wants the past first reads it with a watch of its own (`history`), up to where the hub is, and then goes
 * on from its feed, which was opened before: no gap, and what is in both is dropped by revision.
 */
import type { Clock } from '../../machinery/clock.ts';
import { sleep } from '../../machinery/clock.ts';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { WatchFeed } from '../feed.ts';
import { asStoreError } from '../rows.ts';
import type { StoreEvent, WatchBatch } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient } from './client.ts';
import { Assembler, type Decoder, type Transaction } from './events.ts';
import type { Versions } from './versions.ts';

/** A reader of the past that needs longer is ended: history that others need to forget waits for it. */
export const SLOW_READER_MS = 10 * 60_000;
/** After the watch failed for good: how long until it is tried anew. */
const RETRY_MS = 1000;

export interface HubOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly versions: Versions;
  readonly decoder: Decoder;
  readonly clock: Clock;
  readonly log: Log;
  /** Of etcd: what is already known. */
  readonly startRevision: number;
  /** Called before the readers hear of it. */
  readonly onEvents: (events: readonly StoreEvent[], etcdRevision: number) => void;
  /** The cluster's record was changed by another server. */
  readonly onMetaChange: () => void;
  /** The past the watch needs is gone; answers the revision of etcd to go on from. */
  readonly onCompacted: () => Promise<number>;
}

export interface HistoryBatch extends WatchBatch {
  readonly etcdRevision: number;
}

interface Reader {
  /** Of etcd: what it has read. */
  position: number;
  readonly startedMs: number;
  readonly abort: AbortController;
}

interface Waiter {
  readonly etcdRevision: number;
  resolve(): void;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #feeds = new Set<WatchFeed>();
  readonly #readers = new Set<Reader>();
  readonly #waiters = new Set<Waiter>();
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  /** Of etcd: everything up to here has been told to the feeds. */
  #told: number;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#told = options.startRevision;
    this.#running = this.#run();
  }

  get told(): number {
    return this.#told;
  }

  get watcherCount(): number {
    return this.#feeds.size;
  }

  /** Of etcd: what the slowest watch of this process has passed. */
  get passed(): number {
    let least = this.#told;
    for (const { position } of this.#readers) least = Math.min(least, position);
    return least;
  }

  open(feed: WatchFeed): void {
    if (this.#closing.signal.aborted) feed.end();
    this.#feeds.add(feed);
  }

  close(feed: WatchFeed): void {
    this.#feeds.delete(feed);
  }

  /** Resolves when the feeds have been told of this revision of etcd; or on abort, and when the hub ends. */
  async reached(etcdRevision: number, signal?: AbortSignal): Promise<void> {
    if (this.#told >= etcdRevision || signal?.aborted === true || this.#closing.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        signal?.removeEventListener('abort', finish);
        this.#closing.signal.removeEventListener('abort', finish);
        this.#waiters.delete(waiter);
        resolve();
      };
      const waiter: Waiter = { etcdRevision, resolve: finish };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', finish, { once: true });
      this.#closing.signal.addEventListener('abort', finish, { once: true });
    });
  }

  /**
   * Whole transactions from a revision of etcd on, which is known itself, as events up to `afterRevision` are. Goes on
   * until its reader stops; ends quietly on abort. Throws `Compacted`, also for a reader that takes too long.
   */
  async *history(
    prefixes: readonly string[],
    afterRevision: number,
    knownRevision: number,
    signal: AbortSignal,
  ): AsyncIterable<HistoryBatch> {
    const { client, keys, versions, decoder, clock } = this.#options;
    const abort = new AbortController();
    const startRevision = Math.max(1, knownRevision);
    const reader: Reader = { position: knownRevision, startedMs: clock.monotonicMs(), abort };
    const stop = AbortSignal.any([signal, abort.signal, this.#closing.signal]);
    const assembler = new Assembler(keys);
    this.#readers.add(reader);
    try {
      for await (const batch of client.watch({
        key: keys.start,
        end: keys.end,
        startRevision,
        signal: stop,
      })) {
        const whole = assembler.add(batch);
        const last = whole.at(-1);
        if (last === undefined) continue;
        const events = whole
          .flatMap((transaction) => decoder.events(transaction, prefixes))
          .filter((event) => event.revision > afterRevision);
        const { etcdRevision } = last;
        yield { events, revision: Math.max(afterRevision, versions.endOf(etcdRevision)), etcdRevision };
        reader.position = etcdRevision;
      }
      if (abort.signal.aborted && !signal.aborted) {
        throw new StoreError(
          'Compacted',
          `watch of ${prefixes.join(', ')} fell behind: it is at revision ${versions.endOf(reader.position)} of a past that is forgotten; read the present and watch from there`,
        );
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  /** Ends the readers that hold back forgetting for too long. */
  endSlowReaders(): void {
    const beforeMs = this.#options.clock.monotonicMs() - SLOW_READER_MS;
    for (const reader of this.#readers) if (reader.startedMs < beforeMs) this.#endReader(reader);
  }

  /** Ends the readers that have not passed this revision of etcd, which is to be forgotten. */
  endReadersBefore(etcdRevision: number): void {
    for (const reader of this.#readers) if (reader.position < etcdRevision) this.#endReader(reader);
  }

  /** It learns of it when it reads on, which may be never: nothing waits for it any more. */
  #endReader(reader: Reader): void {
    this.#readers.delete(reader);
    reader.abort.abort();
  }

  endFeeds(error?: StoreError): void {
    for (const feed of this.#feeds) feed.end(error);
  }

  /** Readers hear what was told so far, and then the end. */
  async stop(): Promise<void> {
    this.#closing.abort();
    this.endFeeds();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { client, keys, clock, log, onCompacted } = this.#options;
    const { signal } = this.#closing;
    let startRevision = this.#told + 1;
    while (!signal.aborted) {
      const assembler = new Assembler(keys);
      try {
        for await (const batch of client.watch({ key: keys.start, end: keys.end, startRevision, signal })) {
          this.#tell(assembler.add(batch).filter(({ etcdRevision }) => etcdRevision > this.#told));
        }
      } catch (error) {
        if (signal.aborted) return;
        const reason = asStoreError(error);
        log.error({ err: error }, `store: the watch of etcd failed: ${messageOf(error)}`);
        this.endFeeds(reason);
        if (reason.reason === 'Compacted') await this.#skip(onCompacted);
        else await sleep(clock, RETRY_MS, signal);
      }
      // What is told already is asked for once more: only then does etcd refuse when what comes after it is forgotten.
      startRevision = this.#told;
    }
  }

  /** Readers have been ended and begin anew: what is gone is not told. */
  async #skip(onCompacted: () => Promise<number>): Promise<void> {
    const { clock, log } = this.#options;
    try {
      this.#advance(await onCompacted());
    } catch (error) {
      log.warn({ err: error }, `store: etcd does not say where its history begins: ${messageOf(error)}`);
      await sleep(clock, RETRY_MS, this.#closing.signal);
    }
  }

  #tell(whole: readonly Transaction[]): void {
    const last = whole.at(-1);
    if (last === undefined) return;
    const { versions, decoder, onMetaChange } = this.#options;
    const events: StoreEvent[] = [];
    let problem: StoreError | undefined;
    for (const transaction of whole) {
      try {
        for (const event of decoder.events(transaction, [''])) events.push(event);
      } catch (error) {
        problem = asStoreError(error);
      }
      if (transaction.isMetaChange) onMetaChange();
    }
    // The writes stand, but not all can be told: readers end rather than hear half the truth.
    if (problem !== undefined) this.endFeeds(problem);
    const revision = versions.endOf(last.etcdRevision);
    this.#options.onEvents(events, last.etcdRevision);
    for (const feed of this.#feeds) {
      if (events.length > 0) feed.push(events, revision);
      else feed.advance(revision);
    }
    this.#advance(last.etcdRevision);
  }

  #advance(etcdRevision: number): void {
    this.#told = Math.max(this.#told, etcdRevision);
    for (const waiter of this.#waiters) if (waiter.etcdRevision <= this.#told) waiter.resolve();
  }
}
