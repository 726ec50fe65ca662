/**
 * The change of protocols, for the streams that need one: WebSocket for today's clients, SPDY/3.1 for kubectl up to
 * 1.30. Everything that can be said against it is said before the connection is taken over, as an ordinary answer:
 * kubectl then tries SPDY, or shows the Status.
 * Source: apimachinery `httpstream.Handshake` and `wsstream`, whose words these are.
 */
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { ApiError } from '../../../machinery/errors.ts';
import {
  acceptWebSocket,
  commaSeparated,
  handshakeProblem,
  isWebSocketOffer,
  offeredSubprotocols,
  watchPeer,
} from '../../../net/websocket.ts';
import type { AppContext } from '../context.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { takeOver } from '../upgrades.ts';

export type Offer =
  | { readonly type: 'websocket'; readonly subprotocols: readonly string[] }
  | { readonly type: 'spdy'; readonly protocols: readonly string[] };

/** What the client wants to change to. Throws `BadRequest` for an ordinary request and for a broken offer. */
export function readOffer(ctx: AppContext): Offer {
  // Kubernetes' own answer to `curl …/exec`.
  if (arrivalOf(ctx.req).upgrade === undefined) {
    throw new ApiError('BadRequest', 'Upgrade request required');
  }
  if (isWebSocketOffer(ctx.req)) {
    const problem = handshakeProblem(ctx.req);
    if (problem !== undefined) {
      throw new ApiError(
        'BadRequest',
        `unable to upgrade: unable to create websocket connection: ${problem}`,
      );
    }
    return { type: 'websocket', subprotocols: offeredSubprotocols(ctx.req) };
  }
  const protocols = commaSeparated(ctx.req.headers['x-stream-protocol-version']);
  if (protocols.length === 0) {
    throw new ApiError('BadRequest', 'unable to upgrade: X-Stream-Protocol-Version is required');
  }
  return { type: 'spdy', protocols };
}

/** Undefined when the client hung up meanwhile: nothing is left to do then. */
export function changeToWebSocket(
  ctx: AppContext,
  subprotocol: string,
  maxMessageBytes?: number,
): { readonly webSocket: WebSocket; readonly socket: Duplex } | undefined {
  const headers = headerLines(ctx);
  const upgrade = takeOver(ctx);
  const webSocket = acceptWebSocket(ctx.req, upgrade, {
    subprotocol,
    headers,
    ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
  });
  if (webSocket === undefined) return undefined;
  ctx.status = 101;
  return { webSocket, socket: upgrade.socket };
}

/** The connection as SPDY sees it: nothing of it was read yet. */
export function changeToSpdy(ctx: AppContext, protocol: string): Duplex {
  const lines = headerLines(ctx);
  const { socket, head } = takeOver(ctx);
  ctx.status = 101;
  watchPeer(socket);
  const answer = [
    'HTTP/1.1 101 Switching Protocols',
    'Connection: Upgrade',
    'Upgrade: SPDY/3.1',
    `X-Stream-Protocol-Version: ${protocol}`,
    ...lines,
  ];
  socket.write(`${answer.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  return socket;
}

/** The first of the client's protocols that is served. Throws `Forbidden`, as Kubernetes does. */
export function chooseSpdyProtocol(
  ctx: AppContext,
  offered: readonly string[],
  served: readonly string[],
): string {
  const found = offered.find((candidate) => served.includes(candidate));
  if (found !== undefined) return found;
  ctx.set('X-Accepted-Stream-Protocol-Versions', [...served]);
  throw new ApiError(
    'Forbidden',
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${served.join(' ')}]`,
  );
}

/** A refusal that makes kubectl try SPDY. */
export function unsupportedSubprotocol(offered: readonly string[], served: readonly string[]): ApiError {
  return new ApiError(
    'BadRequest',
    `unable to upgrade: requested protocol(s) are not supported: [${offered.join(' ')}]; supports [${served.join(' ')}]`,
  );
}

/** What the middleware has set so far, such as the request's ids: it belongs to this answer too. */
function headerLines(ctx: AppContext): string[] {
  return Object.entries(ctx.response.headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((item) => `${name}: ${String(item)}`),
  );
}
