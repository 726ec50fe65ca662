/**
 * A client that costs little: requests written as bytes over kept TLS connections, answers only measured. So the
 * server is what is measured, and the very same client measures the bare one.
 */
import { connect, type TLSSocket } from 'node:tls';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Wanted {
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of one answer, the last. */
  readonly bytes: number;
}

/** @param next the request to send, by its number. */
export async function load(
  endpoint: Endpoint,
  options: { readonly connections: number; readonly forMs: number; readonly atMost?: number },
  next: (number: number) => Wanted,
): Promise<Load> {
  const connections = await Promise.all(
    Array.from({ length: options.connections }, () => Connection.open(endpoint)),
  );
  const latencies: number[] = [];
  let number = 0;
  let bytes = 0;
  const startMs = performance.now();
  const isOver = (): boolean =>
    performance.now() - startMs >= options.forMs || number >= (options.atMost ?? Number.POSITIVE_INFINITY);
  await Promise.all(
    connections.map(async (connection) => {
      while (!isOver()) {
        const sentMs = performance.now();
        bytes = (await connection.ask(next(number++))).bytes;
        latencies.push(performance.now() - sentMs);
      }
    }),
  );
  const perSecond = (latencies.length * 1000) / (performance.now() - startMs);
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  const quantile = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? 0;
  return { perSecond, p50Ms: quantile(0.5), p99Ms: quantile(0.99), bytes };
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

export interface Answer {
  /** Of the whole answer. */
  readonly bytes: number;
  /** The body, put together when asked for. */
  text(): string;
}

export class Connection {
  readonly #socket: TLSSocket;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes of the answer that is being read; undefined while its head is not complete. */
  #wantedBytes: number | undefined;
  #status = 0;
  #headBytes = 0;
  #resolve: ((answer: Answer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('error', (error) => this.#reject?.(error));
    socket.on('close', () => this.#reject?.(new Error('the server closed the connection')));
  }

  static open(endpoint: Endpoint): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...endpoint, ALPNProtocols: ['http/1.1'], servername: 'localhost' });
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        socket.off('error', reject);
        resolve(new Connection(socket));
      });
    });
  }

  /** Rejects for a status of 400 and above. */
  ask({ method, path, contentType = 'application/json', body }: Wanted): Promise<Answer> {
    const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n`;
    const rest =
      body === undefined
        ? '\r\n'
        : `Content-Type: ${contentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(head + rest);
    });
  }

  close(): void {
    this.#reject = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#wantedBytes === undefined) {
      const all = this.#held.length === 1 ? chunk : Buffer.concat(this.#held);
      this.#held = [all];
      const end = all.indexOf(END_OF_HEAD);
      if (end < 0) return;
      const head = all.toString('latin1', 0, end);
      const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
      this.#status = Number(head.slice(9, 12));
      if (length === undefined) {
        this.#reject?.(new Error(`an answer without a length: ${head}`));
        return;
      }
      this.#headBytes = end + END_OF_HEAD.length;
      this.#wantedBytes = this.#headBytes + Number(length);
    }
    if (this.#heldBytes < this.#wantedBytes) return;
    const bytes = this.#wantedBytes;
    const held = this.#held;
    const headBytes = this.#headBytes;
    const text = (): string => Buffer.concat(held).toString('utf8', headBytes);
    this.#held = [];
    this.#heldBytes = 0;
    this.#wantedBytes = undefined;
    if (this.#status >= 400) this.#reject?.(new Error(text()));
    else this.#resolve?.({ bytes, text });
  }
}
