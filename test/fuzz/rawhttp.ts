/**
 * HTTP/1.1 as bytes on a connection: what no decent client would send, and answers read strictly, so that a server that
 * ends one wrongly is found out.
 */
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { FuzzRequest } from './requests.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** The body has all that was announced; false for a stream that was dropped by us, or an answer that was cut. */
  readonly isWhole: boolean;
}

export interface Address {
  readonly port: number;
  /** Speaks TLS with this client certificate. */
  readonly secure?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export function openSocket(address: Address): Socket {
  const { port, secure } = address;
  if (secure === undefined) return connectPlain({ host: '127.0.0.1', port });
  return connectTls({ host: '127.0.0.1', port, ALPNProtocols: ['http/1.1'], ...secure });
}

/** Bytes of the request; `isCut` leaves a part of the body away. */
export function bytesOf(request: FuzzRequest, port: number): Buffer {
  const { method, target, headers, body, ending } = request;
  const lines = [`${method} ${target} HTTP/1.1`, `Host: 127.0.0.1:${port}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (!headers.some(([name]) => name === 'Connection')) lines.push('Connection: close');
  const parts: Buffer[] = [];
  if (body === undefined) lines.push(...(method === 'GET' || method === 'HEAD' ? [] : ['Content-Length: 0']));
  else if (ending === 'chunked') {
    lines.push('Transfer-Encoding: chunked');
    for (let at = 0; at < body.length; at += 1_000) {
      const chunk = body.subarray(at, at + 1_000);
      parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    }
    parts.push(Buffer.from('0\r\n\r\n'));
  } else {
    lines.push(`Content-Length: ${body.length}`);
    parts.push(ending === 'cut' ? body.subarray(0, body.length / 2) : body);
  }
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), ...parts]);
}

export interface Exchange {
  /** The server has this long to begin its answer, and as long again to end it, milliseconds. */
  readonly withinMs: number;
  /** An answer that goes on is dropped after this long, milliseconds; undefined waits for its end. */
  readonly dropAfterMs: number | undefined;
}

/**
 * Undefined when the request was one that deserves no answer: its sender went away.
 * Rejects when there should have been one and was none, or when it is no HTTP.
 */
export function exchange(
  address: Address,
  request: FuzzRequest,
  options: Exchange,
): Promise<RawAnswer | undefined> {
  const leaves = request.ending === 'drop' || (request.ending === 'cut' && (request.body?.length ?? 0) > 0);
  return new Promise((resolve, reject) => {
    const socket = openSocket(address);
    const reader = new AnswerReader(request.method);
    let timer: NodeJS.Timeout | undefined;
    const finish = (outcome: RawAnswer | Error | undefined): void => {
      clearTimeout(timer);
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const late = (): void =>
      finish(
        new Error(
          `no ${reader.head === undefined ? 'answer' : 'end of the answer'} within ${options.withinMs} ms`,
        ),
      );
    socket.on('error', (error) => finish(leaves ? undefined : (reader.cut() ?? error)));
    socket.on(address.secure === undefined ? 'connect' : 'secureConnect', () => {
      socket.write(bytesOf(request, address.port));
      if (leaves) socket.once('drain', () => undefined);
      timer = leaves ? setTimeout(() => finish(undefined), 5) : setTimeout(late, options.withinMs);
    });
    socket.on('data', (chunk: Buffer) => {
      if (leaves) return;
      try {
        const hadHead = reader.head !== undefined;
        const whole = reader.read(chunk);
        if (whole !== undefined) return finish(whole);
        if (hadHead || reader.head === undefined) return;
        clearTimeout(timer);
        timer =
          options.dropAfterMs === undefined
            ? setTimeout(late, options.withinMs)
            : setTimeout(() => finish(reader.cut()), options.dropAfterMs);
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('close', () =>
      finish(leaves ? undefined : (reader.cut() ?? new Error('closed without an answer'))),
    );
  });
}

/** One answer, byte by byte. */
class AnswerReader {
  readonly #method: string;
  #held: Buffer = Buffer.alloc(0);
  #status = 0;
  head: ReadonlyMap<string, string> | undefined;
  readonly #body: Buffer[] = [];

  constructor(method: string) {
    this.#method = method;
  }

  /** The answer, once it is whole. Throws for what is no HTTP. */
  read(chunk: Buffer): RawAnswer | undefined {
    this.#held = Buffer.concat([this.#held, chunk]);
    while (this.head === undefined) {
      const end = this.#held.indexOf('\r\n\r\n');
      if (end < 0) return undefined;
      this.#readHead(this.#held.subarray(0, end).toString('latin1'));
      this.#held = this.#held.subarray(end + 4);
      // What comes before the answer is none.
      if (this.#status >= 100 && this.#status < 200 && this.#status !== 101) this.head = undefined;
    }
    return this.#readBody() ? this.#answer(true) : undefined;
  }

  /** What there is when the connection ends. */
  cut(): RawAnswer | undefined {
    if (this.head === undefined) return undefined;
    const isToTheEnd = !this.head.has('content-length') && !this.head.has('transfer-encoding');
    if (isToTheEnd) this.#body.push(this.#held);
    return this.#answer(isToTheEnd);
  }

  #answer(isWhole: boolean): RawAnswer {
    return {
      status: this.#status,
      headers: this.head ?? new Map(),
      body: Buffer.concat(this.#body),
      isWhole,
    };
  }

  #readHead(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(`${first} `)?.[1];
    if (status === undefined)
      throw new Error(`the answer begins with ${JSON.stringify(first.slice(0, 100))}`);
    this.#status = Number(status);
    this.head = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        if (colon <= 0) throw new Error(`the answer has a header line ${JSON.stringify(line)}`);
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
  }

  #readBody(): boolean {
    const length = this.head?.get('content-length');
    if (this.#method === 'HEAD' || [101, 204, 304].includes(this.#status)) return true;
    if (this.head?.get('transfer-encoding') === 'chunked') return this.#readChunks();
    if (length === undefined) return false;
    if (this.#held.length < Number(length)) return false;
    this.#body.push(this.#held.subarray(0, Number(length)));
    return true;
  }

  #readChunks(): boolean {
    for (;;) {
      const end = this.#held.indexOf('\r\n');
      if (end < 0) return false;
      const size = Number.parseInt(this.#held.subarray(0, end).toString('latin1'), 16);
      if (!Number.isInteger(size)) throw new Error('a chunk of the answer has no size');
      if (this.#held.length < end + 2 + size + 2) return false;
      this.#body.push(this.#held.subarray(end + 2, end + 2 + size));
      this.#held = this.#held.subarray(end + 2 + size + 2);
      if (size === 0) return true;
    }
  }
}
