/** The same requests over HTTP/2, as many at once on one connection as come; a connection that dies is replaced. */
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Address, Exchange, RawAnswer } from './rawhttp.ts';
import type { FuzzRequest } from './requests.ts';

/** Of one connection only, or spelled by HTTP/2 itself. */
const NOT_HERE = /^(?:connection|upgrade|transfer-encoding|keep-alive|host|http2-settings)$/i;

export class Http2Client {
  readonly #address: Required<Address>;
  #session: ClientHttp2Session | undefined;
  /** Every one that is not gone: one that takes no more requests may wait for ever for what it has begun. */
  readonly #sessions = new Set<ClientHttp2Session>();

  constructor(address: Required<Address>) {
    this.#address = address;
  }

  /** As `rawhttp`'s. A request that HTTP/2 itself does not allow gets undefined. */
  async exchange(request: FuzzRequest, options: Exchange): Promise<RawAnswer | undefined> {
    const headers = headersOf(request, this.#address.port);
    const session = this.#live();
    return new Promise((resolve, reject) => {
      let stream: ReturnType<ClientHttp2Session['request']>;
      try {
        stream = session.request(headers, { endStream: request.body === undefined });
      } catch {
        // Node's client knows what may not be sent.
        resolve(undefined);
        return;
      }
      const chunks: Buffer[] = [];
      let status = 0;
      let isWhole = false;
      const leaves = request.ending === 'cut' || request.ending === 'drop';
      const received = new Map<string, string>();
      let timer = setTimeout(
        () => finish(new Error(`no answer within ${options.withinMs} ms`)),
        options.withinMs,
      );
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        stream.close(constants.NGHTTP2_CANCEL);
        if (error !== undefined) reject(error);
        else resolve({ status, headers: received, body: Buffer.concat(chunks), isWhole });
      };
      stream.on('response', (found) => {
        status = found[':status'] ?? 0;
        for (const [name, value] of Object.entries(found)) received.set(name, String(value));
        clearTimeout(timer);
        timer =
          options.dropAfterMs === undefined
            ? setTimeout(
                () => finish(new Error(`no end of the answer within ${options.withinMs} ms`)),
                options.withinMs,
              )
            : setTimeout(() => finish(), options.dropAfterMs);
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        isWhole = status !== 0;
        // Not `close`: Node's client waits for ever to send a body that the server has no use for.
        if (isWhole && !leaves) finish();
      });
      stream.on('error', () => undefined);
      stream.on('close', () => {
        // Refused by HTTP/2's own rules, before anybody of ours saw it, or left by us.
        if (status !== 0 && !leaves) finish();
        else {
          clearTimeout(timer);
          resolve(undefined);
        }
      });
      if (leaves) {
        stream.write(request.body?.subarray(0, request.body.length / 2) ?? '');
        setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), 5);
      } else if (request.body !== undefined) stream.end(request.body);
    });
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #live(): ClientHttp2Session {
    if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed)
      return this.#session;
    const { port, secure } = this.#address;
    const session = connect(`https://127.0.0.1:${port}`, { ...secure });
    session.on('error', () => undefined);
    session.on('close', () => this.#sessions.delete(session));
    this.#sessions.add(session);
    this.#session = session;
    return session;
  }
}

function headersOf({ method, target, headers }: FuzzRequest, port: number): OutgoingHttpHeaders {
  const made: OutgoingHttpHeaders = { ':method': method, ':path': target, ':authority': `127.0.0.1:${port}` };
  for (const [name, value] of headers) if (!NOT_HERE.test(name)) made[name.toLowerCase()] = value;
  return made;
}
