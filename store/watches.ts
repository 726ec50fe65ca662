/**
 * The watches of an embedded store: each first reads what it missed from the log, then goes on with the live feed. The
 * feed opens before the last of the past is read, so that nothing falls between, and what is in both is told once.
 */
import type { StoreError } from '../machinery/errors.ts';
import type { Envelopes } from './envelope.ts';
import { type FeedLimits, WatchFeed } from './feed.ts';
import { hasAnyPrefix } from './keys.ts';
import type { Log } from './log.ts';
import { toEvent } from './rows.ts';
import type { StoreEvent, StoreWatchOptions, WatchBatch } from './store.ts';

/** Rows asked for at once: so that one long read does not keep commits waiting for long. */
const PAGE_ROWS = 1000;

export interface Watched {
  readonly log: Log;
  readonly envelopes: Envelopes;
  readonly limits: FeedLimits;
  /** Of the newest commit that was published. */
  revision(): number;
  isClosing(): boolean;
  /** Throws `StoreError('Compacted')` unless what keys under the prefixes were after this revision is kept. */
  checkKept(revision: number, prefixes: readonly string[]): void;
}

interface Feed {
  readonly prefixes: readonly string[];
  readonly feed: WatchFeed;
}

export class Watches {
  readonly #watched: Watched;
  readonly #feeds = new Set<Feed>();
  #isEnded = false;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  get count(): number {
    return this.#feeds.size;
  }

  /** As `Store` promises. */
  async *watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    const { signal } = options;
    let position = options.afterRevision;
    // First to a page's distance from the present without a feed: a long past must not fill its buffer meanwhile.
    for await (const batch of this.#history(prefixes, position, PAGE_ROWS, signal)) {
      position = batch.revision;
      if (batch.events.length > 0) yield batch;
    }
    const feed = new WatchFeed(prefixes, this.#watched.limits);
    const entry = { prefixes, feed };
    this.#feeds.add(entry);
    try {
      // The feed is open: what is written from here on is in it, what was before is in the log, and some is in both.
      for await (const batch of this.#history(prefixes, position, 0, signal)) {
        position = batch.revision;
        if (batch.events.length > 0) yield batch;
      }
      if (options.marksPresent === true) yield { events: [], revision: position };
      for (;;) {
        // A feed opened while the store closes would miss the end of the others.
        if (this.#isEnded) feed.end();
        const batch = await feed.next(signal);
        if (batch === undefined) return;
        const events = batch.events.filter((event) => event.revision > position);
        position = Math.max(position, batch.revision);
        if (events.length > 0) yield { events, revision: position };
      }
    } finally {
      this.#feeds.delete(entry);
    }
  }

  publish(events: readonly StoreEvent[], revision: number): void {
    for (const { feed } of this.#feeds) feed.push(events, revision);
  }

  /** Sends watchers away, all or those of one key: they come back to where they were, or read the present. */
  end(error: StoreError, key?: string): void {
    for (const { prefixes, feed } of this.#feeds) {
      if (key === undefined || hasAnyPrefix(key, prefixes)) feed.end(error);
    }
  }

  /** At the store's end: after what waits. */
  endAll(): void {
    this.#isEnded = true;
    for (const { feed } of this.#feeds) feed.end();
  }

  /** Batches from the log until `shortOf` revisions before the present; ends quietly on abort and on close. */
  async *#history(
    prefixes: readonly string[],
    afterRevision: number,
    shortOf: number,
    signal: AbortSignal,
  ): AsyncIterable<WatchBatch> {
    const { log, envelopes } = this.#watched;
    let position = afterRevision;
    while (position < this.#watched.revision() - shortOf && !signal.aborted) {
      this.#watched.checkKept(position, prefixes);
      if (this.#watched.isClosing()) return;
      const { changes, revision } = await log.changes(position, prefixes, PAGE_ROWS);
      position = revision;
      yield { events: changes.map((change) => toEvent(change, envelopes)), revision };
    }
  }
}
