/** A client of the channel protocols for tests: what came on each channel, and how the connection ended. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

export class ChannelClient {
  readonly webSocket: WebSocket;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #isBase64: boolean;
  readonly #pieces = new Map<number, Buffer[]>();
  #changed = Promise.withResolvers<void>();

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    this.#isBase64 = webSocket.protocol.includes('base64');
    webSocket.on('message', (message: Buffer) => {
      const channel = this.#isBase64 ? Number(String.fromCharCode(message[0] ?? 0)) : (message[0] ?? 0);
      const rest = message.subarray(1);
      const data = this.#isBase64 ? Buffer.from(rest.toString(), 'base64') : rest;
      this.#pieces.set(channel, [...(this.#pieces.get(channel) ?? []), data]);
      this.#wake();
    });
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString() });
        this.#wake();
      });
    });
    webSocket.on('error', () => undefined);
  }

  static async open(
    url: string,
    protocols: readonly string[] = ['v5.channel.k8s.io'],
  ): Promise<ChannelClient> {
    const webSocket = new WebSocket(url, [...protocols]);
    const client = new Promise<ChannelClient>((resolve, reject) => {
      webSocket.once('open', () => resolve(new ChannelClient(webSocket)));
      webSocket.once('error', reject);
    });
    return client;
  }

  /** What the server answers instead of changing protocols. */
  static async refused(
    url: string,
    protocols: readonly string[] = ['v5.channel.k8s.io'],
  ): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    const webSocket = new WebSocket(url, [...protocols]);
    const [, response] = (await once(webSocket, 'unexpected-response')) as [unknown, IncomingMessage];
    const text = Buffer.concat(await response.toArray()).toString();
    return { status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> };
  }

  send(channel: number, data: string | Buffer): void {
    const bytes = Buffer.from(data);
    if (this.#isBase64) this.webSocket.send(`${channel}${bytes.toString('base64')}`);
    else this.webSocket.send(Buffer.concat([Buffer.from([channel]), bytes]));
  }

  /** Ends one channel, where the protocol has it. */
  end(channel: number): void {
    this.webSocket.send(Buffer.from([255, channel]));
  }

  bytes(channel: number): Buffer {
    return Buffer.concat(this.#pieces.get(channel) ?? []);
  }

  text(channel: number): string {
    return this.bytes(channel).toString();
  }

  /** Waits until the channel's text is there, at most 10 s. */
  async until(what: string, isThere: () => boolean): Promise<void> {
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => timeout.reject(new Error(`waited in vain for ${what}`)), 10_000);
    try {
      while (!isThere()) await Promise.race([this.#changed.promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
