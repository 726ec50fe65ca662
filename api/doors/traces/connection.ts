/**
 * One client's WebSocket: what it says, what it is told, and its bounds. A client that takes too little, says too much or
 * is gone is let go; where it can be told, it is told where to resume.
 */
import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import type { Clock, Timer } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Limiter } from '../../../machinery/limiter.ts';
import type { Log } from '../../../machinery/log.ts';
import { watchPeer } from '../../../net/websocket.ts';
import { toApiError } from '../../server/errors.ts';
import { errorBody, MESSAGE, TraceError } from './errors.ts';
import { type FeedRegistry, replay } from './feed.ts';
import type { TraceEvent } from './frames.ts';
import type { TraceHub } from './hub.ts';
import { parseMessage } from './messages.ts';
import type { Rights } from './rights.ts';
import { Subscription, type SubscriptionHost } from './subscription.ts';

export const MAX_MESSAGE_BYTES = 4 * 1024;
export const MAX_SUBSCRIPTIONS = 100;
/** What may wait for the client to take it, bytes. */
export const MAX_BUFFERED_BYTES = 1024 * 1024;
/** Beyond this no more is sent before the client has taken what waits. */
const FULL_BYTES = 128 * 1024;
const MAX_REPLAY = 10_000;
/** A client may say so much at once, and so much each second; its pings count. */
const MESSAGES_AT_ONCE = 100;
const MESSAGES_PER_SECOND = 20;

export const BEAT_MS = 20_000;
/** Nothing heard for so long, although it was asked twice: gone. */
const SILENCE_MS = 3 * BEAT_MS;
/** After this it has to come again and prove who it is, as a token or certificate may have expired. */
export const MAX_AGE_MS = 3_600_000;
/** How long a client may take to answer that the connection closes. */
const CLOSE_MS = 2_000;

/** RFC 6455, 7.4.1, and IANA's registry: 1013 is "try again later". */
const GOING_AWAY = 1001;
const POLICY = 1008;
const TRY_AGAIN = 1013;

export interface ConnectionDeps {
  readonly hub: TraceHub;
  readonly registry: FeedRegistry;
  readonly rights: Rights;
  readonly clock: Clock;
  readonly log: Log;
  /** How many may read the past at once. */
  readonly replays: Limiter;
  /** How many events of the past one subscription may ask for; default 10,000. */
  readonly mostReplayed?: number;
  readonly counts: {
    frame(): void;
    dropped(cause: string): void;
    subscribed(by: 1 | -1): void;
  };
}

export class TraceConnection implements SubscriptionHost {
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #deps: ConnectionDeps;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #timers = new Set<Timer>();
  #heardMs: number;
  #allowance = MESSAGES_AT_ONCE;
  #allowanceMs: number;
  #isClosing = false;
  #drained = Promise.withResolvers<void>();

  constructor(webSocket: WebSocket, socket: Duplex, deps: ConnectionDeps) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.#deps = deps;
    this.#heardMs = deps.clock.monotonicMs();
    this.#allowanceMs = this.#heardMs;
    watchPeer(socket);
    // Also what the library writes by itself, such as its answers to pings.
    socket.on('drain', () => this.#wake());
    webSocket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    webSocket.on('ping', () => void this.#mayBeSaid());
    webSocket.on('pong', () => this.#heard());
    webSocket.on('error', (error) => deps.log.debug({ err: error }, 'the WebSocket of a subscriber failed'));
    this.closed = new Promise((resolve) => {
      webSocket.once('close', () => {
        this.#letGo();
        resolve();
      });
    });
    this.#every(BEAT_MS, () => this.#beat());
    this.#after(MAX_AGE_MS, () => this.close(TRY_AGAIN, 'connect again: who you are is asked each hour'));
  }

  subscribe(traceId: string, fromRevision: number | undefined): void {
    if (this.#subscriptions.has(traceId)) {
      return this.#refuse(new ApiError('Conflict', `already subscribed to ${traceId}`), traceId);
    }
    if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS) {
      const message = `found ${MAX_SUBSCRIPTIONS} subscriptions on this connection, which is the most: end one`;
      return this.#refuse(new ApiError('TooManyRequests', message), traceId);
    }
    const subscription = new Subscription(traceId, fromRevision, this);
    this.#subscriptions.set(traceId, subscription);
    this.#deps.counts.subscribed(1);
    this.#begin(subscription, fromRevision).catch((error: unknown) =>
      this.lost(subscription, toApiError(error)),
    );
  }

  /** Says goodbye, and where to resume; cuts the connection when there is no answer. */
  close(code: number, why: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const revision = this.#resumeAt(this.#deps.hub.frontier);
    this.#endAll();
    this.#webSocket.close(code, revision === 0 ? why : `${why}; resume from revision ${revision}`);
    this.#after(CLOSE_MS, () => this.#webSocket.terminate());
  }

  /** The server stops. */
  stop(): void {
    this.close(GOING_AWAY, 'the server is stopping');
  }

  tell(subscription: Subscription, event: TraceEvent): boolean {
    try {
      return this.#tell(subscription, event);
    } catch (error) {
      this.lost(subscription, toApiError(error));
      return false;
    }
  }

  overrun(): void {
    if (this.#isClosing) return;
    this.#deps.counts.dropped('slow');
    this.close(TRY_AGAIN, 'too slow');
  }

  isFull(): boolean {
    return this.#webSocket.bufferedAmount > FULL_BYTES;
  }

  async room(): Promise<void> {
    while (this.isFull() && !this.#isClosing) await this.#drained.promise;
  }

  /** All that wait for room look again: each subscription waits for itself. */
  #wake(): void {
    const { resolve } = this.#drained;
    this.#drained = Promise.withResolvers();
    resolve();
  }

  /** Ends a subscription with a reason. */
  lost(subscription: Subscription, error: ApiError): void {
    if (subscription.isOver) return;
    if (error.reason === 'InternalError')
      this.#deps.log.error({ err: error }, 'a subscription failed inside');
    const revision = subscription.resumeAt(this.#deps.hub.frontier);
    this.#end(subscription);
    this.#refuse(error, subscription.traceId);
    this.#unsubscribed(subscription.traceId, error.reason === 'Expired' ? 0 : revision);
  }

  async #begin(subscription: Subscription, fromRevision: number | undefined): Promise<void> {
    const { hub, registry, rights, replays, mostReplayed = MAX_REPLAY } = this.#deps;
    const { traceId, ended } = subscription;
    if (!(await rights.mayAnywhere())) throw notAllowed();
    const leave = await hub.enter();
    if (subscription.isOver) return leave();
    ended.addEventListener('abort', () => {
      hub.leave(subscription);
      leave();
    });
    hub.listen(subscription);
    const upTo = hub.frontier;
    const past =
      fromRevision === undefined
        ? hub.present(traceId)
        : await replays.run(ended, () =>
            replay(registry, { id: traceId, after: fromRevision, upTo, most: mostReplayed }, ended),
          );
    if (subscription.isOver) return;
    const revision = Math.max(upTo, fromRevision ?? 0);
    this.#send({ type: 'subscribed', trace_id: traceId, revision: fromRevision ?? upTo });
    await subscription.catchUp(past, revision, () =>
      this.#send({ type: 'live', trace_id: traceId, revision }),
    );
  }

  #tell(subscription: Subscription, event: TraceEvent): boolean {
    const { rights, hub, counts } = this.#deps;
    const { namespace } = event;
    if (!rights.may(namespace)) {
      if (!subscription.shown.has(namespace)) return true;
      throw notAllowed(namespace);
    }
    subscription.shown.add(namespace);
    counts.frame();
    this.#write(hub.textOf(event));
    return true;
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#heard();
    if (this.#isClosing || !this.#mayBeSaid()) return;
    try {
      if (isBinary) throw new TraceError(MESSAGE, 'found a binary message, wanted text');
      // `nodebuffer`, the library's default: one Buffer.
      const message = parseMessage((data as Buffer).toString());
      switch (message.action) {
        case 'ping': {
          const revision = this.#resumeAt(this.#deps.hub.frontier);
          return this.#send({ type: 'pong', ...(revision === 0 ? {} : { revision }) });
        }
        case 'subscribe':
          return this.subscribe(message.traceId, message.fromRevision);
        case 'unsubscribe': {
          const subscription = this.#subscriptions.get(message.traceId);
          if (subscription === undefined) {
            throw new ApiError('NotFound', `not subscribed to ${message.traceId}`);
          }
          const revision = subscription.resumeAt(this.#deps.hub.frontier);
          this.#end(subscription);
          return this.#unsubscribed(message.traceId, revision);
        }
      }
    } catch (error) {
      this.#refuse(toApiError(error), '');
    }
  }

  /** Whether the client has not said too much; it is let go when it has. */
  #mayBeSaid(): boolean {
    const nowMs = this.#deps.clock.monotonicMs();
    const earned = ((nowMs - this.#allowanceMs) / 1000) * MESSAGES_PER_SECOND;
    this.#allowance = Math.min(MESSAGES_AT_ONCE, this.#allowance + earned) - 1;
    this.#allowanceMs = nowMs;
    if (this.#allowance >= 0) return true;
    if (this.#isClosing) return false;
    this.#deps.counts.dropped('noisy');
    this.close(POLICY, `more than ${MESSAGES_PER_SECOND} messages a second`);
    return false;
  }

  #heard(): void {
    this.#heardMs = this.#deps.clock.monotonicMs();
  }

  /** Asks the client whether it is there, and the registry whether it may still see what it sees. */
  #beat(): void {
    if (this.#deps.clock.monotonicMs() - this.#heardMs >= SILENCE_MS) {
      this.#deps.counts.dropped('dead');
      this.#webSocket.terminate();
      return;
    }
    this.#webSocket.ping();
    for (const subscription of this.#subscriptions.values()) this.#checkRights(subscription);
  }

  #checkRights(subscription: Subscription): void {
    const { rights } = this.#deps;
    const check = async (): Promise<void> => {
      const { shown } = subscription;
      const gone = [...shown].find((namespace) => !rights.may(namespace));
      if (gone !== undefined) throw notAllowed(gone);
      if (shown.size === 0 && !(await rights.mayAnywhere())) throw notAllowed();
    };
    check().catch((error: unknown) => this.lost(subscription, toApiError(error)));
  }

  #send(frame: Readonly<Record<string, unknown>>): void {
    this.#write(JSON.stringify(frame));
  }

  #write(text: string): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    // Events wait for room; this is for a client that asks and asks and reads no answer.
    if (this.#webSocket.bufferedAmount > MAX_BUFFERED_BYTES) return this.overrun();
    this.#webSocket.send(text, (error) => {
      this.#wake();
      if (error === undefined || error === null) return;
      if (this.#isClosing) return;
      this.#deps.counts.dropped('failed');
      this.#webSocket.terminate();
    });
  }

  #refuse(error: ApiError, traceId: string): void {
    this.#send({ type: 'error', ...errorBody(error, traceId) });
  }

  #unsubscribed(traceId: string, revision: number): void {
    this.#send({ type: 'unsubscribed', trace_id: traceId, ...(revision === 0 ? {} : { revision }) });
  }

  /** 0 where there is nothing to resume, or a subscription would have to begin anew. */
  #resumeAt(frontier: number): number {
    const revisions = [...this.#subscriptions.values()].map((one) => one.resumeAt(frontier));
    return revisions.length === 0 ? 0 : Math.min(...revisions);
  }

  #end(subscription: Subscription): void {
    subscription.end();
    if (this.#subscriptions.delete(subscription.traceId)) this.#deps.counts.subscribed(-1);
  }

  #endAll(): void {
    for (const subscription of this.#subscriptions.values()) this.#end(subscription);
  }

  #letGo(): void {
    this.#isClosing = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    this.#wake();
    this.#endAll();
    this.#socket.destroy();
  }

  #after(delayMs: number, work: () => void): void {
    const timer = this.#deps.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }

  #every(delayMs: number, work: () => void): void {
    this.#after(delayMs, () => {
      this.#every(delayMs, work);
      work();
    });
  }
}

function notAllowed(namespace?: string): ApiError {
  const where = namespace === undefined ? 'any namespace' : `namespace "${namespace}"`;
  return new ApiError(
    'Forbidden',
    `you may not watch runs in ${where}, and so not what happens in a trace there`,
  );
}
