/**
 * One server, spoken to over HTTP/1.1 with connections kept open. Answers of 400 and above, and everything that can go
 * wrong on the way, become `ApiError`; nothing else is thrown.
 */
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Readable } from 'node:stream';
import { type Clock, systemClock } from '../machinery/clock.ts';
import { ApiError } from '../machinery/errors.ts';
import { type Random, systemRandom } from '../machinery/random.ts';
import { currentTrace } from '../machinery/trace.ts';
import { errorFromAnswer, explainFailure, StaleConnectionError, shownBody } from './failures.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_BODY_BYTES = 256 * 1024 * 1024;

export interface TransportOptions {
  /** `https://127.0.0.1:7443`; a path after the port is kept in front of every path. */
  readonly server: string;
  /** PEM. Absent: the system's authorities. */
  readonly certificateAuthority?: string | Buffer;
  readonly certificate?: string | Buffer;
  readonly key?: string | Buffer;
  readonly serverName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** Headers for every request, asked for each time so that tokens can be renewed. */
  readonly headers?: () => Promise<Readonly<Record<string, string>>>;
  /** Instead of an agent of our own, for example one that goes through a proxy. */
  readonly agent?: HttpAgent;
  readonly userAgent?: string;
  /** How long an answer may take to begin, and the body of one that is read whole to arrive. Milliseconds. */
  readonly timeoutMs?: number;
  readonly maxBodyBytes?: number;
  /** Called with the text of every `Warning` header (code 299) of an answer. */
  readonly onWarning?: (text: string) => void;
  readonly clock?: Clock;
  readonly random?: Random;
}

export interface RawRequest {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly accept?: string;
  /** Sent as JSON unless it is text or bytes. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** Told the headers of the answer, and its status, whatever that is. */
  readonly onHeaders?: (headers: IncomingMessage['headers'], status: number) => void;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** Must be read to its end or destroyed. */
  readonly body: Readable;
}

export interface Transport {
  /** `127.0.0.1:7443`, for messages. */
  readonly address: string;
  /** Resolves when the headers of an answer below 400 are there. */
  raw(method: string, path: string, request?: RawRequest): Promise<RawAnswer>;
  /** The whole body of an answer below 400, parsed. */
  json(method: string, path: string, request?: RawRequest): Promise<unknown>;
  /** Turns what a body's stream threw into the `ApiError` to throw. */
  explain(error: unknown): ApiError;
  close(): void;
}

export function openTransport(options: TransportOptions): Transport {
  const base = parseServer(options.server);
  const address = base.host;
  const prefix = base.pathname.replace(/\/+$/, '');
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxBodyBytes = options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  const isSecure = base.protocol === 'https:';
  const agent =
    options.agent ?? (isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true }));
  const tls = isSecure
    ? {
        ...(options.certificateAuthority === undefined ? {} : { ca: options.certificateAuthority }),
        ...(options.certificate === undefined ? {} : { cert: options.certificate }),
        ...(options.key === undefined ? {} : { key: options.key }),
        ...(options.serverName === undefined ? {} : { servername: options.serverName }),
        rejectUnauthorized: options.insecureSkipTlsVerify !== true,
      }
    : {};

  const headersFor = async (
    request: RawRequest,
    body: Buffer | undefined,
  ): Promise<Record<string, string>> => {
    const trace = currentTrace();
    return {
      accept: request.accept ?? 'application/json',
      'user-agent': options.userAgent ?? 'gantry',
      ...(trace === undefined
        ? {}
        : { traceparent: `00-${trace.traceId}-${random.uuid().replaceAll('-', '').slice(16)}-01` }),
      ...(body === undefined
        ? {}
        : {
            'content-type': request.contentType ?? 'application/json',
            'content-length': String(body.length),
          }),
      ...(await options.headers?.()),
      ...request.headers,
    };
  };

  const attempt = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body: Buffer | undefined,
    signal: AbortSignal | undefined,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const settings = {
        protocol: base.protocol,
        // URL keeps the brackets of an IPv6 address, sockets do not want them.
        hostname: base.hostname.replace(/^\[(.*)\]$/, '$1'),
        port: base.port === '' ? (isSecure ? 443 : 80) : Number(base.port),
        method,
        path,
        headers,
        agent,
        ...tls,
        ...(signal === undefined ? {} : { signal }),
      };
      const call = isSecure ? requestHttps(settings) : requestHttp(settings);
      const timer = clock.after(timeoutMs, () => {
        call.destroy(
          new ApiError(
            'Timeout',
            `the server ${address} did not answer ${method} ${path} within ${timeoutMs / 1000} s`,
          ),
        );
      });
      call.once('response', (answer) => {
        timer.cancel();
        resolve(answer);
      });
      call.once('error', (error) => {
        timer.cancel();
        reject(isStale(call, error) ? new StaleConnectionError(error) : error);
      });
      call.end(body);
    });

  const explain = (error: unknown): ApiError => explainFailure(error, address);

  const readBody = async (answer: IncomingMessage, what: string): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const timer = clock.after(timeoutMs, () => {
      answer.destroy(
        new ApiError(
          'Timeout',
          `the server ${address} did not finish its answer to ${what} within ${timeoutMs / 1000} s`,
        ),
      );
    });
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > maxBodyBytes) {
          throw new ApiError(
            'RequestEntityTooLarge',
            `the answer to ${what} is larger than ${maxBodyBytes} bytes`,
          );
        }
        chunks.push(chunk);
      }
    } finally {
      timer.cancel();
    }
    return Buffer.concat(chunks, bytes);
  };

  const send = async (method: string, path: string, request: RawRequest): Promise<IncomingMessage> => {
    const body = encodeBody(request.body);
    const target = prefix + path + queryText(request.query);
    const headers = await headersFor(request, body);
    const call = (): Promise<IncomingMessage> => attempt(method, target, headers, body, request.signal);
    const answer = await call().catch((error: unknown) => {
      // Reading once more does no harm; a write may have happened, so its fate is the caller's to find out.
      if (error instanceof StaleConnectionError && method === 'GET' && request.signal?.aborted !== true)
        return call();
      throw error;
    });
    for (const warning of warningsOf(answer)) options.onWarning?.(warning);
    const status = answer.statusCode ?? 0;
    request.onHeaders?.(answer.headers, status);
    if (status < 400) return answer;
    throw errorFromAnswer(
      status,
      answer.headers,
      await readBody(answer, `${method} ${target}`),
      `${method} ${target}`,
    );
  };

  return {
    address,
    async raw(method, path, request = {}) {
      try {
        const answer = await send(method, path, request);
        return { status: answer.statusCode ?? 0, headers: answer.headers, body: answer };
      } catch (error) {
        throw explain(error);
      }
    },
    async json(method, path, request = {}) {
      try {
        const body = await readBody(await send(method, path, request), `${method} ${path}`);
        return parseJson(body, `${method} ${path}`);
      } catch (error) {
        throw explain(error);
      }
    },
    explain,
    close: () => agent.destroy(),
  };
}

/** The server may close a kept connection just as it is used again. */
function isStale(call: ClientRequest, error: Error): boolean {
  return call.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
}

function parseServer(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === 'https:' || url.protocol === 'http:')) return url;
  throw new ApiError(
    'BadRequest',
    `invalid server address "${text}": wanted a URL such as https://127.0.0.1:7443`,
  );
}

function encodeBody(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(JSON.stringify(body));
}

function queryText(query: RawRequest['query']): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function parseJson(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ApiError(
      'InternalError',
      `the answer to ${what} is not JSON: ${shownBody(body.toString('utf8'))}`,
      undefined,
      {
        cause: error,
      },
    );
  }
}

/** `Warning: 299 - "text"` (RFC 7234, as Kubernetes uses it). */
function warningsOf(answer: IncomingMessage): string[] {
  const header = answer.headers.warning;
  if (header === undefined) return [];
  return [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    text.replaceAll(/\\(.)/g, '$1'),
  );
}
