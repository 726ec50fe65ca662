/**
 * An HTTP or HTTPS probe, by the kubelet's rules (`pkg/probe/http`, Kubernetes 1.33): a GET over a connection of its own;
 * 200 to 399 is success; a redirect to the same host is followed, at most ten times, one to another host is success with a
 * warning, so that nobody can send a worker elsewhere. Certificates are not checked. Of the body at most 10 KiB are read.
 *
 * One difference: a Host header that is a name is also the server name of TLS, because servers with several certificates
 * answer nobody without one.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { messageOf } from '../../machinery/errors.ts';
import { type Answer, MAX_ANSWER_BYTES, success } from './answer.ts';
import { Overdue } from './deadline.ts';
import { hostPort, type Road, socketWords } from './road.ts';

export interface HttpQuestion {
  /** Who asks, for messages. */
  readonly what: 'HTTP probe' | 'HTTP hook';
  readonly scheme: 'HTTP' | 'HTTPS';
  readonly port: number;
  /** Absent: the container. */
  readonly host?: string;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly userAgent: string;
}

const MAX_REDIRECTS = 10;
const MAX_HEADER_BYTES = 64 * 1024;
const FOLLOWED = new Set([301, 302, 303, 307, 308]);

interface Target {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
  /** Path and query, as it is sent. */
  readonly path: string;
  /** What the Host header says. */
  readonly authority: string;
}

interface Got {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** @param signal ends the question; with `Overdue` as its reason the answer is a failure. */
export async function askHttp(road: Road, question: HttpQuestion, signal: AbortSignal): Promise<Answer> {
  const first = firstTarget(road, question);
  let target = first;
  for (let redirects = 0; ; redirects++) {
    const got = await get(road, question, target, signal);
    if ('kind' in got) return got;
    const { status, location, body } = got;
    if (FOLLOWED.has(status) && location !== undefined) {
      const next = redirectedTo(target, location);
      if (next === undefined) {
        return failed(target, `failed to parse Location header "${location}"`);
      }
      if (next.host === first.host) {
        if (redirects >= MAX_REDIRECTS) return failed(next, `stopped after ${MAX_REDIRECTS} redirects`);
        target = next;
        continue;
      }
    }
    if (status < 200 || status >= 400) {
      return { kind: 'failure', message: `${question.what} failed with statuscode: ${status}` };
    }
    if (status < 300) return success;
    return { kind: 'warning', message: `Probe terminated redirects, Response body: ${body}` };
  }
}

function firstTarget(road: Road, question: HttpQuestion): Target {
  const host = question.host ?? road.host;
  const header = question.headers.findLast(({ name }) => name.toLowerCase() === 'host');
  return {
    isTls: question.scheme === 'HTTPS',
    host,
    port: question.port,
    path: wirePath(question.path),
    authority: header?.value ?? hostPort(host, question.port),
  };
}

/** Without the fragment, from the root, and with everything escaped that a request line cannot hold. */
function wirePath(path: string): string {
  const [bare = ''] = path.split('#', 1);
  const rooted = bare.startsWith('/') ? bare : `/${bare}`;
  return rooted.replace(/[^\x21-\x7e]+/gu, (text) => encodeURIComponent(text.toWellFormed()));
}

function redirectedTo(from: Target, location: string): Target | undefined {
  const url = URL.parse(location, urlOf(from));
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return undefined;
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port) || (isTls ? 443 : 80);
  // A custom Host header is kept where the redirect names no host, as Go's client does.
  const isRelative = !/^([a-z][-+.a-z0-9]*:)?\/\//i.test(location);
  return {
    isTls,
    host,
    port,
    path: url.pathname + url.search,
    authority: isRelative ? from.authority : hostPort(host, port),
  };
}

async function get(
  road: Road,
  question: HttpQuestion,
  target: Target,
  signal: AbortSignal,
): Promise<Got | Answer> {
  const { host, port } = target;
  const isContainer = question.host === undefined && host === road.host;
  const connection = isContainer
    ? await road.connect(port, signal)
    : await road.elsewhere(host, port, signal);
  if (connection.kind === 'unknown') return connection;
  if (connection.kind === 'refused') return failed(target, connection.message);
  const { socket } = connection;
  try {
    return await exchange(socket, question, target, signal);
  } catch (error) {
    if (signal.reason instanceof Overdue) {
      return failed(target, 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
    }
    if (signal.aborted) return { kind: 'unknown', message: messageOf(signal.reason) };
    return failed(target, httpWords(error));
  } finally {
    socket.destroy();
  }
}

function exchange(socket: Duplex, question: HttpQuestion, target: Target, signal: AbortSignal): Promise<Got> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void =>
      void socket.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    const settle = (act: () => void): void => {
      signal.removeEventListener('abort', giveUp);
      act();
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const fail = (error: Error): void => settle(() => reject(error));
    if (signal.aborted) return fail(new Error('given up'));
    const stream = target.isTls ? secured(socket, target.authority, fail) : socket;
    // Throws for a header that HTTP cannot carry.
    const request: ClientRequest = httpRequest({
      method: 'GET',
      path: target.path,
      headers: headersOf(question, target),
      setHost: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      createConnection: () => stream,
    });
    request.on('error', fail);
    request.on('response', (response) => {
      readBody(response, (body) =>
        settle(() =>
          resolve({ status: response.statusCode ?? 0, location: response.headers.location, body }),
        ),
      );
      response.on('error', fail);
    });
    request.end();
  });
}

/** Calls back at the end of the body or of what of it is read; an error goes to whoever listens for it. */
function readBody(response: IncomingMessage, onEnd: (body: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const finish = (): void => {
    onEnd(Buffer.concat(chunks).subarray(0, MAX_ANSWER_BYTES).toString());
  };
  response.on('data', (chunk: Buffer) => {
    if (bytes >= MAX_ANSWER_BYTES) return;
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_ANSWER_BYTES) finish();
  });
  response.on('end', finish);
}

let anyContext: SecureContext | undefined;

function secured(socket: Duplex, authority: string, fail: (error: Error) => void): Duplex {
  // Made once: it costs more than a handshake. Old keys are as good as unchecked ones.
  anyContext ??= createSecureContext({ ciphers: 'DEFAULT:@SECLEVEL=0' });
  const name = URL.parse(`https://${authority}`)?.hostname ?? '';
  const stream = connectTls({
    socket,
    secureContext: anyContext,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(name === '' || isIP(name.replace(/^\[|\]$/g, '')) !== 0 ? {} : { servername: name }),
  });
  stream.on('error', fail);
  return stream;
}

function headersOf(question: HttpQuestion, target: Target): string[] {
  const headers: string[] = ['Host', bytes(target.authority)];
  const given = new Set<string>();
  for (const { name, value } of question.headers) {
    const lower = name.toLowerCase();
    given.add(lower);
    if (lower === 'host') continue;
    // An empty one of these is how to send none.
    if (value === '' && (lower === 'user-agent' || lower === 'accept')) continue;
    headers.push(name, bytes(value));
  }
  if (!given.has('user-agent')) headers.push('User-Agent', question.userAgent);
  if (!given.has('accept')) headers.push('Accept', '*/*');
  if (!given.has('connection')) headers.push('Connection', 'close');
  return headers;
}

/** UTF-8 on the wire: Node writes a header's characters as bytes. */
function bytes(value: string): string {
  return Buffer.from(value).toString('latin1');
}

function urlOf({ isTls, host, port, path }: Target): string {
  return `${isTls ? 'https' : 'http'}://${hostPort(host, port)}${path}`;
}

function failed(target: Target, why: string): Answer {
  return { kind: 'failure', message: `Get "${urlOf(target)}": ${why}` };
}

function httpWords(error: unknown): string {
  // Node's words, under the code of a reset, for a connection that was closed without an answer.
  return messageOf(error) === 'socket hang up' ? 'EOF' : socketWords(error);
}
