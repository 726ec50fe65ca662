/**
 * HTTP/2 connections: what one may cost, and when an idle one is closed. One connection carries many requests, so what
 * bounds an HTTP/1.1 connection by itself (one request at a time, one header block, one buffer) is said here.
 * Source of the limits worth having: RFC 9113, 10.5 (denial of service); Kubernetes' apiserver for their size.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, Http2ServerRequest, Http2ServerResponse, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

export const HTTP2_BOUNDS = {
  settings: {
    /** Enough for every informer of a large client on one connection; Go opens another one beyond it. */
    maxConcurrentStreams: 250,
    maxHeaderListSize: 64 * 1024,
    enablePush: false,
  },
  /**
   * MB of one connection's queued answers and headers; beyond it new streams are refused until it drained. Long lists
   * are most of it, and those are the same bytes for everybody: what it bounds is more than what it costs.
   */
  maxSessionMemory: 256,
  maxHeaderListPairs: 128,
  /** Pings of ours that the client has not answered. Its own are bounded by nghttp2, as unsent acknowledgements. */
  maxOutstandingPings: 4,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  /** Streams opened and cancelled ("rapid reset", CVE-2023-44487): all watches at once, then this many a second. */
  streamResetBurst: 1_000,
  streamResetRate: 50,
} as const;

/** Closes the connection (GOAWAY) once it had no request and no byte for `idleMs`. */
export function closesWhenIdle(session: ServerHttp2Session, idleMs: number): void {
  let open = 0;
  const closed = (): void => {
    open--;
  };
  session.on('stream', (stream) => {
    open++;
    stream.on('close', closed);
  });
  // Not as setTimeout's own callback: that would hear of the first idling only, perhaps beside a quiet watch.
  session.on('timeout', () => {
    if (open === 0) session.close();
  });
  session.setTimeout(idleMs);
}

/** The one socket behind a request: an HTTP/2 request's own `socket` is another object for each stream. */
export function connectionOf(request: IncomingMessage | Http2ServerRequest): Socket | undefined {
  if (!(request instanceof Http2ServerRequest)) return request.socket;
  // A stream that was reset before it got here has no session any more.
  return request.stream.session?.socket;
}

/**
 * Ends an answer that has begun so that its client knows that it is not complete: a reset stream, whose connection goes
 * on for everybody else; on HTTP/1.1 there is nothing but the connection to cut.
 */
export function cutShort(response: ServerResponse | Http2ServerResponse): void {
  if (response instanceof Http2ServerResponse) response.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else response.destroy();
}
