/**
 * Who listens to which trace. One feed serves all subscribers: it begins with the first and ends with the last. Each
 * thing that happens is looked up by its trace and handed to that trace's subscribers alone, so a busy trace costs
 * nobody else anything.
 *
 * Beside the feed it holds one small body for each object that is in a trace now: what a new subscriber is told first.
 */
import { ApiError, messageOf } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import { toApiError } from '../../server/errors.ts';
import { type FeedRegistry, runFeed } from './feed.ts';
import { frameOf, type TraceEvent } from './frames.ts';

export interface Listener {
  readonly traceId: string;
  /** Called in order of revision, for this trace's events alone. Throws nothing. */
  hear(event: TraceEvent): void;
  /** The feed broke: nothing more is heard. Whatever had been heard is complete. */
  lost(error: ApiError): void;
}

interface Feed {
  readonly ready: Promise<void>;
  readonly stop: () => void;
}

export class TraceHub {
  readonly #registry: FeedRegistry;
  readonly #log: Log;
  readonly #listeners = new Map<string, Set<Listener>>();
  /** By trace, then by object: the last that was told of what is there. */
  readonly #present = new Map<string, Map<string, TraceEvent>>();
  readonly #traceOf = new Map<string, string>();
  #frontier = 0;
  #told: { readonly event: TraceEvent; readonly text: string } | undefined;
  /** How many subscribers there are, also those who still wait for the feed to begin. */
  #users = 0;
  #feed: Feed | undefined;

  constructor(registry: FeedRegistry, log: Log) {
    this.#registry = registry;
    this.#log = log;
  }

  /** Everything up to this revision has been told to whom it concerns. */
  get frontier(): number {
    return this.#frontier;
  }

  get isRunning(): boolean {
    return this.#feed !== undefined;
  }

  /** Objects that are remembered. */
  get size(): number {
    return this.#traceOf.size;
  }

  /**
   * Counts somebody in and waits until the feed tells. Rejects with `ApiError`, counting nobody.
   * @returns lets them go: the last one ends the feed
   */
  async enter(): Promise<() => void> {
    this.#users++;
    let isIn = true;
    const leave = (): void => {
      if (!isIn) return;
      isIn = false;
      this.#users--;
      if (this.#users === 0) this.#feed?.stop();
    };
    try {
      this.#feed ??= this.#start();
      await this.#feed.ready;
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  /** From now on, everything after the frontier. */
  listen(listener: Listener): void {
    const { traceId } = listener;
    const others = this.#listeners.get(traceId);
    if (others === undefined) this.#listeners.set(traceId, new Set([listener]));
    else others.add(listener);
  }

  leave(listener: Listener): void {
    const others = this.#listeners.get(listener.traceId);
    others?.delete(listener);
    if (others?.size === 0) this.#listeners.delete(listener.traceId);
  }

  /** How things in a trace are at the frontier, in order of their revisions. */
  present(traceId: string): readonly TraceEvent[] {
    const found = Array.from(this.#present.get(traceId)?.values() ?? [], (event) => ({
      ...event,
      change: 'current' as const,
    }));
    return found.sort((one, other) => one.revision - other.revision);
  }

  /** The frame of an event, made once for all who are told of it. */
  textOf(event: TraceEvent): string {
    if (this.#told?.event !== event) this.#told = { event, text: frameOf(event) };
    return this.#told.text;
  }

  #start(): Feed {
    const stop = new AbortController();
    const ready = Promise.withResolvers<void>();
    // Whoever enters awaits it; without anybody, nobody has to hear.
    ready.promise.catch(() => undefined);
    const feed: Feed = { ready: ready.promise, stop: () => end() };
    const end = (error?: ApiError): void => {
      if (this.#feed !== feed) return;
      stop.abort();
      const broken = error ?? new ApiError('ServiceUnavailable', 'the server is shutting down');
      ready.reject(broken);
      // While it is still known up to where everything has been told.
      for (const listener of [...this.#listeners.values()].flatMap((set) => [...set])) listener.lost(broken);
      this.#forget();
    };
    runFeed(
      this.#registry,
      {
        tell: (batch, frontier) => {
          this.#tell(batch, frontier);
          ready.resolve();
        },
      },
      stop.signal,
    ).then(
      () => end(),
      (error: unknown) => {
        if (this.#feed === feed) this.#log.warn({ reason: messageOf(error) }, 'the feed of traces broke');
        end(toApiError(error));
      },
    );
    return feed;
  }

  #tell(batch: readonly TraceEvent[], frontier: number): void {
    this.#frontier = Math.max(this.#frontier, frontier);
    for (const event of batch) {
      this.#remember(event);
      for (const listener of this.#listeners.get(event.traceId) ?? []) listener.hear(event);
    }
  }

  #remember(event: TraceEvent): void {
    const { key, traceId, change } = event;
    const before = this.#traceOf.get(key);
    if (before !== undefined && (before !== traceId || change === 'deleted')) {
      const others = this.#present.get(before);
      others?.delete(key);
      if (others?.size === 0) this.#present.delete(before);
      this.#traceOf.delete(key);
    }
    if (change === 'deleted') return;
    this.#traceOf.set(key, traceId);
    const present = this.#present.get(traceId);
    if (present === undefined) this.#present.set(traceId, new Map([[key, event]]));
    else present.set(key, event);
  }

  #forget(): void {
    this.#feed = undefined;
    this.#listeners.clear();
    this.#told = undefined;
    this.#present.clear();
    this.#traceOf.clear();
    this.#frontier = 0;
  }
}
