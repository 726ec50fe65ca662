/**
 * The two places the server listens: HTTPS with client certificates, HTTP/2 where the client knows it (ALPN) and
 * HTTP/1.1 where it does not, and, for development only, plain HTTP/1.1 on the loopback interface.
 *
 * Promises: `start` resolves when connections are accepted, or rejects with one sentence naming host and port; `stop`
 * accepts nothing new, tells HTTP/2 clients to go elsewhere (GOAWAY), ends watches properly, lets running requests
 * finish and is over within the grace period, whoever is still connected.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContextOptions, type Server, TLSSocket } from 'node:tls';
import type Koa from 'koa';
import type { Clock } from '../../machinery/clock.ts';
import type { Identity } from '../../machinery/identity.ts';
import type { Log } from '../../machinery/log.ts';
import type { AppState } from './context.ts';
import { isLoopback, refuseForeign } from './foreign.ts';
import { type Arrival, recordArrival, type Upgrade } from './middleware/arrival.ts';
import { certificateIdentity } from './middleware/authentication.ts';
import { refuseNonsense } from './nonsense.ts';
import { readTarget } from './requesttarget.ts';
import { closesWhenIdle, connectionOf, HTTP2_BOUNDS } from './sessions.ts';
import { isUpgrade, refuseConnect, upgradeResponse } from './upgrades.ts';

export interface Listener {
  start(): Promise<{ readonly address: string; readonly port: number }>;
  /** Resolves when every connection is closed; after `graceMs` those that are left are cut. */
  stop(graceMs: number): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** PEM, all. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Of the authority whose client certificates are believed; no other is. */
  readonly ca: string;
}

export interface TlsListener extends Listener {
  /** New connections are made with these; those there are go on as they are. */
  renew(material: TlsMaterial): void;
}

export interface TlsOptions extends ListenOptions, TlsMaterial {
  /** For what stands in between and cannot do better. Otherwise the client chooses (ALPN). */
  readonly isHttp1Only?: boolean;
}

export interface DevOptions extends ListenOptions {
  /** Who every request on this listener acts as. */
  readonly identity?: Identity;
  /** Web pages of these origins may use it, beside those of this machine. */
  readonly origins?: readonly string[];
}

/** Go's HTTP client keeps idle connections for 90 s; a server that closes them earlier breaks requests in flight. */
const KEEP_ALIVE_MS = 100_000;
/** A client gets this long for the handshake, to send its headers, and a whole request. */
const HANDSHAKE_TIMEOUT_MS = 15_000;
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 120_000;
/** More are refused at once, so that no flood of connections takes the memory of those that are served. */
const MAX_CONNECTIONS = 10_000;
/** Selectors make long URLs, signed tokens long headers; HTTP/1.1 answers more with 431. */
const MAX_HEADER_BYTES = 64 * 1024;

/** What every server of these has, whichever protocols it speaks. */
interface WebServer extends NetServer {
  keepAliveTimeout: number;
  headersTimeout: number;
  requestTimeout: number;
  closeIdleConnections(): void;
}
type SecureWebServer = WebServer & Pick<Server, 'setSecureContext'>;
type Handle = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;
type Identify = (request: IncomingMessage) => Omit<Arrival, 'stopping'>;

const HTTP1_OPTIONS = { shouldUpgradeCallback: isUpgrade, maxHeaderSize: MAX_HEADER_BYTES };

export const DEV_IDENTITY: Identity = { name: 'dev', groups: ['system:dev', 'system:authenticated'] };

/** HTTPS. A connection without a certificate of ours is accepted, but asks as nobody. */
export function tlsListener(app: Koa<AppState, object>, options: TlsOptions): TlsListener {
  const { log, isHttp1Only = false } = options;
  let secured: Pick<Server, 'setSecureContext'> | undefined;
  const listener = newListener(app, options, identifyTls, (handle) => {
    const secure = {
      ...secureContext(options),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      ...HTTP1_OPTIONS,
    } as const;
    const server: SecureWebServer = isHttp1Only
      ? createHttpsServer({ ...secure, ALPNProtocols: ['http/1.1'] }, handle)
      : http2Server(createSecureServer({ ...secure, ...HTTP2_BOUNDS, allowHTTP1: true }, handle), log);
    server.on('tlsClientError', (error) => log.debug({ err: error }, 'TLS handshake failed'));
    secured = server;
    return server;
  });
  return { ...listener, renew: (material) => secured?.setSecureContext(secureContext(material)) };
}

/** What makes handshakes; everything else about a server is for its life. */
function secureContext({ cert, key, ca }: TlsMaterial): SecureContextOptions {
  return { cert, key, ca, minVersion: 'TLSv1.2' };
}

/** @types/node do not tell that with `allowHTTP1` it has what an HTTP/1.1 server has. */
function http2Server(server: Http2SecureServer, log: Log): SecureWebServer {
  server.on('session', (session: ServerHttp2Session) => closesWhenIdle(session, KEEP_ALIVE_MS));
  server.on('sessionError', (error) => log.debug({ err: error }, 'an HTTP/2 connection failed'));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- see above
  return server as unknown as SecureWebServer;
}

function identifyTls(request: IncomingMessage): Omit<Arrival, 'stopping'> {
  const socket = connectionOf(request);
  return {
    identity: socket instanceof TLSSocket ? certificateIdentity(socket) : undefined,
    refusal: undefined,
  };
}

/**
 * Plain HTTP for development, on loopback addresses only. Anybody on this machine may use it, so it protects against
 * what comes from outside through a browser: foreign `Host` headers (DNS rebinding) and cross-site requests.
 */
export function devListener(app: Koa<AppState, object>, options: DevOptions): Listener {
  if (!isLoopback(options.host)) {
    throw new Error(
      `the development listener has no authentication and may only listen on a loopback address, found "${options.host}": use 127.0.0.1`,
    );
  }
  const identity = options.identity ?? DEV_IDENTITY;
  const identify = (request: IncomingMessage): Omit<Arrival, 'stopping'> => {
    const refusal = refuseForeign(request, options.origins);
    return { identity: refusal === undefined ? identity : undefined, refusal };
  };
  return newListener(app, options, identify, (handle) => createHttpServer(HTTP1_OPTIONS, handle));
}

function newListener(
  app: Koa<AppState, object>,
  options: ListenOptions,
  identify: Identify,
  create: (handle: Handle) => WebServer,
): Listener {
  const { host, port, clock, log } = options;
  const stopping = new AbortController();
  const answer = app.callback();
  const arrive = (request: IncomingMessage, upgrade?: Upgrade): void => {
    const refusal = readTarget(request);
    recordArrival(request, {
      ...identify(request),
      ...(refusal === undefined ? {} : { refusal }),
      stopping: stopping.signal,
      ...(upgrade === undefined ? {} : { upgrade }),
    });
  };
  const handle: Handle = (request, response) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as in Koa's types: what is used is the same on both
    const message = request as IncomingMessage;
    arrive(message);
    response.on('close', closed);
    void answer(message, response);
  };
  const server = create(handle);
  // Expectations other than 100-continue may be ignored (RFC 9110, 10.1.1); Node's own refusal leaves the body unread.
  server.on('checkExpectation', handle);
  const closeIdle = (): void => server.closeIdleConnections();
  /** A connection that becomes idle while stopping would otherwise stay open as long as its client likes. */
  const closed = (): void => {
    if (stopping.signal.aborted) setImmediate(closeIdle);
  };
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Node's own listener is gone: without one, a client that resets its connection would end the process.
    socket.on('error', (error) => log.debug({ err: error }, 'an upgraded connection failed'));
    arrive(request, { socket, head });
    void answer(request, upgradeResponse(request));
  });
  server.on('connect', refuseConnect);
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    log.debug({ err: error }, 'a client sent no HTTP');
    refuseNonsense(error, socket, clock);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  /** Every connection, whatever it became: no server's own list has all of HTTP/1.1, HTTP/2 and upgraded ones. */
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
        server.listen({ host, port }, () => {
          server.on('error', (error) => log.error({ err: error }, 'listener failed'));
          const found = server.address();
          const address = typeof found === 'object' && found !== null ? found : { address: host, port };
          resolve({ address: address.address, port: address.port });
        });
      }),
    stop: (graceMs) =>
      new Promise((resolve) => {
        const timer = clock.after(graceMs, () => {
          for (const socket of connections) socket.destroy();
        });
        server.close(() => {
          timer.cancel();
          resolve();
        });
        stopping.abort();
        closeIdle();
      }),
  };
}

/** One sentence that names the place and what to do. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const why =
    error.code === 'EADDRINUSE'
      ? 'the port is in use by another process; stop it, or choose another port'
      : error.code === 'EACCES'
        ? 'this user may not open that port; choose one above 1023'
        : error.code === 'EADDRNOTAVAIL'
          ? 'this machine has no such address; choose one of its own, such as 127.0.0.1'
          : error.message;
  return new Error(`cannot listen on ${place}: ${why}`, { cause: error });
}
