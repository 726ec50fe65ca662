/**
 * What a client gets that sends something that is no HTTP/1.1 request, or too long or too slow a one: a status line it
 * may be able to read, then the end of the connection. What it still sends is read for a moment and thrown away, since
 * closing at once would take the answer back before it arrived.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../machinery/clock.ts';

const LINGER_MS = 1_000;

const answers: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

const refused = new WeakSet<Socket>();

export function refuseNonsense(error: NodeJS.ErrnoException, socket: Socket, clock: Clock): void {
  // Everything after the first nonsense is nonsense to the parser, too.
  if (refused.has(socket)) return;
  refused.add(socket);
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const status = answers[error.code ?? ''] ?? '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${status.length + 1}\r\nConnection: close\r\n\r\n${status}\n`,
  );
  const timer = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', () => timer.cancel());
}

/** An answer that has begun on the connection: another one in the middle of it would be taken for a part of it. */
function isAnswering(
  socket: Socket & { readonly _httpMessage?: { readonly headersSent: boolean } | null },
): boolean {
  return socket._httpMessage?.headersSent === true;
}
