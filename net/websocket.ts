/**
 * The server's side of a WebSocket on a connection that HTTP has given up.
 *
 * Promises: a request that is no WebSocket handshake is recognized before anything is written; subprotocols are
 * negotiated here, also those whose names are no tokens (`SPDY/3.1+portforward.k8s.io`), which the library refuses; a
 * peer that is gone is noticed; a peer that is held back is told that we are still there.
 * Source: RFC 6455; client-go's `transport/websocket`, which gives up 61 s after the last pong it saw.
 */
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../machinery/clock.ts';

/** What a client may send at once: a message is gathered whole before it is read. Clients cut at 32 KiB. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;
/** Well under the 61 s that kubectl waits for a pong. */
const BEAT_MS = 5_000;
const BEATS_PER_PING = 4;
/** A client from which nothing came for so long, although it was asked, is gone. */
const SILENCE_MS = 300_000;
/** When TCP itself begins to ask an idle peer; Node asks ten times, a second apart. */
const KEEP_ALIVE_MS = 30_000;

const KEY = /^[+/0-9A-Za-z]{22}==$/;

export function isWebSocketOffer(request: IncomingMessage): boolean {
  return (request.headers.upgrade ?? '').toLowerCase().trim() === 'websocket';
}

/** What is wrong with the handshake; undefined when nothing is. */
export function handshakeProblem({ method, headers }: IncomingMessage): string | undefined {
  if (method !== 'GET') return `found method ${method}, wanted GET`;
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return 'found no valid Sec-WebSocket-Key';
  const version = headers['sec-websocket-version'];
  if (version !== '13') return `found Sec-WebSocket-Version ${version ?? '(none)'}, wanted 13`;
  return undefined;
}

/** In the client's order of preference. */
export function offeredSubprotocols({ headers }: IncomingMessage): readonly string[] {
  return commaSeparated(headers['sec-websocket-protocol']);
}

export function commaSeparated(header: string | readonly string[] | undefined): readonly string[] {
  return [header ?? []]
    .flat()
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '');
}

/** What the answer to a handshake in progress carries besides its own; the library asks while it writes. */
let extraHeaders: readonly string[] = [];

/** One for each size of message: the library knows no other way to say it. */
const servers = new Map<number, WebSocketServer>();

function serverFor(maxPayload: number): WebSocketServer {
  let server = servers.get(maxPayload);
  if (server === undefined) {
    server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload,
    });
    server.on('headers', (headers) => headers.push(...extraHeaders));
    servers.set(maxPayload, server);
  }
  return server;
}

export interface WebSocketAnswer {
  /** Empty when the client named none. */
  readonly subprotocol: string;
  /** More header lines (`Name: value`). */
  readonly headers?: readonly string[];
  /** A longer message ends the connection with 1009. Each caller has one size of its own. */
  readonly maxMessageBytes?: number;
}

/** Answers a handshake without a problem with 101. Undefined when the client has hung up already. */
export function acceptWebSocket(
  request: IncomingMessage,
  { socket, head }: { readonly socket: Duplex; readonly head: Buffer },
  { subprotocol, headers = [], maxMessageBytes = MAX_MESSAGE_BYTES }: WebSocketAnswer,
): WebSocket | undefined {
  // The library would parse the offer, and refuse names with a slash.
  delete request.headers['sec-websocket-protocol'];
  extraHeaders = [...headers, ...(subprotocol === '' ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`])];
  let accepted: WebSocket | undefined;
  serverFor(maxMessageBytes).handleUpgrade(request, socket, head, (webSocket) => {
    accepted = webSocket;
  });
  extraHeaders = [];
  return accepted;
}

/** Asks TCP to find out about peers that vanished without a word. */
export function watchPeer(socket: Duplex): void {
  if (socket instanceof Socket) {
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setNoDelay(true);
  }
}

/**
 * Keeps a WebSocket known to be alive, on both sides, until it closes: asks the client now and then, and cuts it off
 * when it never answers. A client we hold back cannot be heard, and its questions are not read: it gets answers unasked.
 */
export function keepAlive(webSocket: WebSocket, socket: Duplex, clock: Clock): void {
  let heardMs = clock.monotonicMs();
  let beats = 0;
  const heard = (): void => {
    heardMs = clock.monotonicMs();
  };
  for (const event of ['message', 'ping', 'pong']) webSocket.on(event, heard);
  const beat = (): void => {
    timer = clock.after(BEAT_MS, beat);
    if (webSocket.readyState !== webSocket.OPEN) return;
    const isBackedUp = socket.writableLength > 0;
    if (webSocket.isPaused || isBackedUp) heard();
    if (clock.monotonicMs() - heardMs > SILENCE_MS) {
      webSocket.terminate();
      return;
    }
    if (isBackedUp) return;
    if (webSocket.isPaused) webSocket.pong();
    beats++;
    if (beats % BEATS_PER_PING === 0) webSocket.ping();
  };
  let timer = clock.after(BEAT_MS, beat);
  socket.once('close', () => timer.cancel());
}
