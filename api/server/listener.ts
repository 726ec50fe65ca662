/**
 * The two places the server listens: HTTPS with client certificates, and, for development only, plain HTTP on the
 * loopback interface.
 *
 * Promises: `start` resolves when connections are accepted, or rejects with one sentence naming host and port; `stop`
 * accepts nothing new, ends watches with a proper last chunk, lets running requests finish and is over within the grace
 * period, whoever is still connected.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { BlockList, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type Koa from 'koa';
import type { Clock } from '../../machinery/clock.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { Identity } from '../../machinery/identity.ts';
import type { Log } from '../../machinery/log.ts';
import type { AppState } from './context.ts';
import { type Arrival, recordArrival } from './middleware/arrival.ts';
import { certificateIdentity } from './middleware/authentication.ts';
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

export interface TlsOptions extends ListenOptions {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** PEM of the authority whose client certificates are believed; no other is. */
  readonly ca: string;
}

export interface DevOptions extends ListenOptions {
  /** Who every request on this listener acts as. */
  readonly identity?: Identity;
}

/** Go's HTTP client keeps idle connections for 90 s; a server that closes them earlier breaks requests in flight. */
const KEEP_ALIVE_MS = 100_000;
/** A client gets this long to send its headers, and a whole request. */
const HEADERS_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 120_000;
/** More are refused at once, so that no flood of connections takes the memory of those that are served. */
const MAX_CONNECTIONS = 10_000;

export const DEV_IDENTITY: Identity = { name: 'dev', groups: ['system:dev', 'system:authenticated'] };

/** HTTPS. A connection without a certificate of ours is accepted, but asks as nobody. */
export function tlsListener(app: Koa<AppState, object>, options: TlsOptions): Listener {
  const { cert, key, ca, log } = options;
  return newListener(app, options, identifyTls, (handle) => {
    const server = createHttpsServer(
      {
        cert,
        key,
        ca,
        minVersion: 'TLSv1.2',
        requestCert: true,
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        shouldUpgradeCallback: isUpgrade,
      },
      handle,
    );
    server.on('tlsClientError', (error) => log.debug({ err: error }, 'TLS handshake failed'));
    return server;
  });
}

function identifyTls(request: IncomingMessage): Omit<Arrival, 'stopping'> {
  const { socket } = request;
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
    const refusal = refuseForeign(request);
    return { identity: refusal === undefined ? identity : undefined, refusal };
  };
  return newListener(app, options, identify, (handle) =>
    createHttpServer({ shouldUpgradeCallback: isUpgrade }, handle),
  );
}

function newListener(
  app: Koa<AppState, object>,
  options: ListenOptions,
  identify: (request: IncomingMessage) => Omit<Arrival, 'stopping'>,
  create: (handle: RequestListener) => Server,
): Listener {
  const { host, port, clock, log } = options;
  const stopping = new AbortController();
  const answer = app.callback();
  const server = create((request, response) => {
    recordArrival(request, { ...identify(request), stopping: stopping.signal });
    response.once('close', () => {
      // A connection that becomes idle while stopping would otherwise stay open as long as its client likes.
      if (stopping.signal.aborted) setImmediate(() => server.closeIdleConnections());
    });
    void answer(request, response);
  });
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    // Node's own listener is gone: without one, a client that resets its connection would end the process.
    socket.on('error', (error) => log.debug({ err: error }, 'an upgraded connection failed'));
    recordArrival(request, { ...identify(request), stopping: stopping.signal, upgrade: { socket, head } });
    void answer(request, upgradeResponse(request, socket));
  });
  server.on('connect', (_request, socket) => refuseConnect(socket));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;

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
          server.closeAllConnections();
          for (const socket of upgraded) socket.destroy();
        });
        server.close(() => {
          timer.cancel();
          resolve();
        });
        stopping.abort();
        server.closeIdleConnections();
      }),
  };
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
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

function refuseForeign(request: IncomingMessage): ApiError | undefined {
  const { host, origin } = request.headers;
  if (host === undefined || !isLoopback(hostName(`http://${host}`))) {
    return new ApiError(
      'Forbidden',
      `the development listener only answers requests for localhost, found Host "${host ?? ''}"`,
    );
  }
  if (origin !== undefined && !isLoopback(hostName(origin))) {
    return new ApiError(
      'Forbidden',
      `the development listener refuses cross-site requests, found Origin "${origin}"`,
    );
  }
  if (request.headers['sec-fetch-site'] === 'cross-site') {
    return new ApiError('Forbidden', 'the development listener refuses cross-site requests (Sec-Fetch-Site)');
  }
  // Another port of this machine is the same site, but its page may be anybody's: a container's, for one.
  if (origin !== undefined && !isReading(request) && !isSameOrigin(origin, request)) {
    return new ApiError(
      'Forbidden',
      `the development listener takes no writes from pages of another origin, found Origin "${origin}"`,
    );
  }
  return undefined;
}

function isReading({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/** Loopback names are one machine's, so the port says whose page it is. */
function isSameOrigin(origin: string, { socket }: IncomingMessage): boolean {
  const { protocol, port } = new URL(origin);
  return protocol === 'http:' && Number(port === '' ? 80 : port) === socket.localPort;
}

function hostName(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const family = isIP(host);
  return family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
