/**
 * The live end of one watch: what was published since the reader last looked, bounded.
 *
 * A reader that lets more pile up than the bound is ended with `Compacted`, as one that asks for a past that is
 * gone: in both cases it must read the present again. It never loses an event in silence.
 */
import { StoreError } from '../machinery/errors.ts';
import { hasAnyPrefix } from './keys.ts';
import type { StoreEvent, WatchBatch } from './store.ts';

export interface FeedLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export class WatchFeed {
  readonly #prefixes: readonly string[];
  readonly #limits: FeedLimits;
  #events: StoreEvent[] = [];
  #bytes = 0;
  #revision = 0;
  #isEnded = false;
  #hasAdvanced = false;
  #error: StoreError | undefined;
  #wake: (() => void) | undefined;

  constructor(prefixes: readonly string[], limits: FeedLimits) {
    this.#prefixes = prefixes;
    this.#limits = limits;
  }

  /** Takes what concerns this watch. `revision` is the store's after these events. */
  push(events: readonly StoreEvent[], revision: number): void {
    if (this.#isEnded) return;
    const hadWaiting = this.#events.length > 0;
    for (const event of events) {
      if (!hasAnyPrefix(event.key, this.#prefixes)) continue;
      this.#events.push(event);
      this.#bytes += (event.current?.value.byteLength ?? 0) + (event.previous?.value.byteLength ?? 0);
    }
    if (this.#events.length === 0) return;
    this.#revision = revision;
    // A single burst into an empty buffer is let through: a commit batch is bounded by itself.
    if (hadWaiting && (this.#events.length > this.#limits.maxEvents || this.#bytes > this.#limits.maxBytes)) {
      this.end(
        new StoreError(
          'Compacted',
          `watch of ${this.#prefixes.join(', ')} fell behind: ${this.#events.length} events (${this.#bytes} bytes) wait, ` +
            `the limit is ${this.#limits.maxEvents} (${this.#limits.maxBytes} bytes); read the present and watch from there`,
        ),
      );
      return;
    }
    this.#notify();
  }

  /** Everything up to a revision has been pushed, and nothing of it is left to tell: the reader hears that much. */
  advance(revision: number): void {
    if (this.#isEnded) return;
    this.#revision = Math.max(this.#revision, revision);
    if (this.#events.length > 0) return;
    this.#hasAdvanced = true;
    this.#notify();
  }

  /** With an error the reader gets it at once; without, it first gets what waits and then the end. */
  end(error?: StoreError): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    if (error !== undefined) this.#events = [];
    this.#hasAdvanced = false;
    this.#notify();
  }

  /** All that waits, as one batch; undefined at the end or when the signal aborts. One reader at a time. */
  async next(signal: AbortSignal): Promise<WatchBatch | undefined> {
    while (!signal.aborted) {
      if (this.#error !== undefined) throw this.#error;
      if (this.#events.length > 0 || this.#hasAdvanced) {
        const events = this.#events;
        this.#hasAdvanced = false;
        this.#events = [];
        this.#bytes = 0;
        return { events, revision: this.#revision };
      }
      if (this.#isEnded) return undefined;
      await this.#woken(signal);
    }
    return undefined;
  }

  #woken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        signal.removeEventListener('abort', finish);
        this.#wake = undefined;
        resolve();
      };
      this.#wake = finish;
      signal.addEventListener('abort', finish, { once: true });
    });
  }

  #notify(): void {
    this.#wake?.();
  }
}
