/**
 * One connection's interest in one trace. First it catches up (how things are, or what happened since a revision) while
 * what happens meanwhile waits; then it is live, and waits again when more happens at once than the client takes. In order, without gap or repeat, from where it was asked for.
 */
import type { ApiError } from '../../../machinery/errors.ts';
import type { TraceEvent } from './frames.ts';
import type { Listener } from './hub.ts';

export interface SubscriptionHost {
  /** Sends the event if its user may see it; false when the subscription is over because of it. */
  tell(subscription: Subscription, event: TraceEvent): boolean;
  /** Whether the client should take what it has been sent before it is sent more. */
  isFull(): boolean;
  /** Resolves when it has, or is gone. */
  room(): Promise<void>;
  /** What waits is too much: the client is too slow. */
  overrun(): void;
  lost(subscription: Subscription, error: ApiError): void;
}

/** How much may happen while a subscriber does not take it; events are shared, so this costs little. */
const MAX_WAITING = 1_000;

export class Subscription implements Listener {
  readonly traceId: string;
  /** Namespaces of which something was sent. */
  readonly shown = new Set<string>();
  readonly #host: SubscriptionHost;
  readonly #ended = new AbortController();
  #waiting: TraceEvent[] | undefined = [];
  /** Everything up to this revision has been told; 0 is nothing. */
  #told: number;

  constructor(traceId: string, fromRevision: number | undefined, host: SubscriptionHost) {
    this.traceId = traceId;
    this.#host = host;
    this.#told = fromRevision ?? 0;
  }

  get isOver(): boolean {
    return this.#ended.signal.aborted;
  }

  /** Aborts when the subscription ends, however it does. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Where to resume. @param frontier up to where everything has been told to those who are live */
  resumeAt(frontier: number): number {
    return this.#waiting === undefined ? Math.max(this.#told, frontier) : this.#told;
  }

  hear(event: TraceEvent): void {
    if (this.isOver) return;
    if (this.#waiting === undefined) {
      if (event.revision <= this.#told) return;
      if (!this.#host.isFull()) {
        this.#host.tell(this, event);
        return;
      }
      this.#told = event.revision - 1;
      this.#waiting = [event];
      void this.#tellWaiting();
    } else if (this.#waiting.push(event) > MAX_WAITING) {
      this.#host.overrun();
    }
  }

  lost(error: ApiError): void {
    if (!this.isOver) this.#host.lost(this, error);
  }

  /**
   * Tells the past, then says so, then what has waited, then it is live.
   * @param upTo the revision that the past goes up to
   * @param say tells the client that what follows happens now
   */
  async catchUp(past: readonly TraceEvent[], upTo: number, say: () => void): Promise<void> {
    for (const event of past) {
      await this.#host.room();
      if (this.isOver || !this.#host.tell(this, event)) return;
      this.#told = Math.max(this.#told, event.revision);
    }
    this.#told = Math.max(this.#told, upTo);
    if (this.isOver) return;
    say();
    await this.#tellWaiting();
  }

  /** As fast as the client takes it; then the subscription is live. */
  async #tellWaiting(): Promise<void> {
    const from = this.#told;
    for (let next = this.#waiting?.shift(); next !== undefined; next = this.#waiting?.shift()) {
      if (next.revision <= from) continue;
      await this.#host.room();
      if (this.isOver || !this.#host.tell(this, next)) return;
      this.#told = next.revision;
    }
    this.#waiting = undefined;
  }

  end(): void {
    this.#waiting = [];
    this.#ended.abort();
  }
}
