/** A line to a server that is slow, stands still or breaks when it is told to. */
import { connect, createServer, type Server, type Socket } from 'node:net';

const TICK_MS = 20;

export class SlowLine {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Towards the client, of each connection; may be changed at any time. */
  bytesPerSecond: number;
  /** Nothing gets through any more, connections stay open. */
  isStalled = false;
  /** Bytes that got through to clients. */
  passed = 0;
  /** Connections that are open now. */
  readonly #clients = new Set<Socket>();
  readonly #server: Server;

  private constructor(server: Server, port: number, bytesPerSecond: number) {
    this.#server = server;
    this.host = `127.0.0.1:${port}`;
    this.bytesPerSecond = bytesPerSecond;
  }

  static async open(target: string, bytesPerSecond: number): Promise<SlowLine> {
    const [host = '', port = ''] = target.split(':');
    const server = createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port of the loopback is free');
    const line = new SlowLine(server, address.port, bytesPerSecond);
    server.on('connection', (client) => line.#serve(client, connect(Number(port), host)));
    return line;
  }

  get connections(): number {
    return this.#clients.size;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.destroy();
    await closed;
  }

  #serve(client: Socket, server: Socket): void {
    this.#clients.add(client);
    let waiting = Buffer.alloc(0);
    let hasEnded = false;
    const timer = setInterval(() => {
      if (this.isStalled) return;
      const part = waiting.subarray(0, Math.ceil((this.bytesPerSecond * TICK_MS) / 1000));
      waiting = waiting.subarray(part.length);
      this.passed += part.length;
      if (part.length > 0) client.write(part);
      if (waiting.length === 0 && hasEnded) client.end();
      if (waiting.length < 65_536) server.resume();
    }, TICK_MS);
    server.on('data', (data: Buffer) => {
      waiting = Buffer.concat([waiting, data]);
      if (waiting.length >= 65_536) server.pause();
    });
    server.on('end', () => {
      hasEnded = true;
    });
    client.on('data', (data: Buffer) => void server.write(data));
    // A line that breaks is seen at its other end.
    client.on('error', () => client.destroy());
    server.on('error', () => client.destroy());
    client.on('close', () => {
      clearInterval(timer);
      this.#clients.delete(client);
      server.destroy();
    });
  }
}
