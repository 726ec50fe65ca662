/**
 * What a listener knows about a request and the application needs: who asks, whether the listener refuses it, and when
 * the listener wants its long answers ended. Listeners write it, the application reads it; nothing else is shared.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';

export interface Arrival {
  /** Undefined: nobody proved to be anybody; only public paths are answered. */
  readonly identity: Identity | undefined;
  /** Who really asks, when they act as somebody else. */
  readonly impersonator?: Identity;
  /** Set when the request may not even be looked at, for example because it came from a foreign web page. */
  readonly refusal: ApiError | undefined;
  /** Aborts when the listener stops: watches and followed logs end then. */
  readonly stopping: AbortSignal;
  /**
   * Set when the client asked to change protocols (`Connection: Upgrade`): the connection, for the one handler that
   * takes it over. Whatever is answered instead goes out on it as an ordinary response.
   */
  readonly upgrade?: Upgrade;
}

export interface Upgrade {
  readonly socket: Duplex;
  /** What the client has sent after its headers. */
  readonly head: Buffer;
}

const arrivals = new WeakMap<IncomingMessage, Arrival>();
const unknown: Arrival = { identity: undefined, refusal: undefined, stopping: new AbortController().signal };

export function recordArrival(request: IncomingMessage, arrival: Arrival): void {
  arrivals.set(request, arrival);
}

/** A request that no listener recorded belongs to nobody. */
export function arrivalOf(request: IncomingMessage): Arrival {
  return arrivals.get(request) ?? unknown;
}
