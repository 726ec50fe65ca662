/**
 * Requests to change protocols (`Connection: Upgrade`) on an HTTP/1.1 connection. Node gives up such a connection at
 * once, for better or worse; here it gets an ordinary response back, so that the same application answers it: the one
 * handler that knows the new protocol takes the connection over, and everything else (401, 403, 404, an answer to a
 * client that merely offered) goes out as HTTP/1.1 and closes.
 * Source: RFC 9110, 7.8: a server may ignore the offer; a 101 is the last thing HTTP says on a connection.
 */
import { type IncomingMessage, ServerResponse } from 'node:http';
import { Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../machinery/errors.ts';
import type { AppContext } from './context.ts';
import { arrivalOf, type Upgrade } from './middleware/arrival.ts';

/** What this server can change to. Any other offer, such as h2c, is ignored: the request is answered as if without. */
const PROTOCOLS = new Set(['websocket', 'spdy/3.1']);

/** For `shouldUpgradeCallback`. */
export function isUpgrade(request: IncomingMessage): boolean {
  const offered = (request.headers.upgrade ?? '').split(',');
  return offered.some((protocol) => PROTOCOLS.has(protocol.trim().toLowerCase()));
}

/** A response on the connection of an upgrade request; the connection closes after it. */
export function upgradeResponse(request: IncomingMessage): ServerResponse {
  const { socket } = request;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  socket.on('drain', () => response.emit('drain'));
  response.once('finish', () => {
    response.detachSocket(socket);
    socket.end();
    // What the client still sends is nothing to anybody, but unread it would keep the connection from closing.
    socket.resume();
    response.emit('close');
  });
  return response;
}

/**
 * Hands the connection to its one handler: nobody else reads, writes or closes it afterwards. The handler answers
 * (101, or a refusal) by itself, listens for errors, and ends when `arrivalOf(ctx.req).stopping` aborts.
 * Throws `BadRequest` when the client did not ask for it: HTTP/2 has no upgrades, and a proxy may have taken it away.
 */
export function takeOver(ctx: AppContext): Upgrade {
  const { upgrade } = arrivalOf(ctx.req);
  if (upgrade === undefined) throw new ApiError('BadRequest', 'Upgrade request required');
  ctx.respond = false;
  ctx.res.detachSocket(ctx.req.socket);
  return upgrade;
}

/** CONNECT asks for a proxy, and this is none. An HTTP/2 stream comes with its response, anything else with its socket. */
export function refuseConnect(request: IncomingMessage, answer: Duplex | Http2ServerResponse): void {
  if (answer instanceof Http2ServerResponse) {
    answer.statusCode = 405;
    answer.end();
    return;
  }
  const { socket } = request;
  socket.on('error', () => socket.destroy());
  const { code, ...status } = new ApiError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  ).toStatus();
  const body = JSON.stringify({ ...status, code });
  socket.end(
    `HTTP/1.1 ${code} Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.resume();
}
