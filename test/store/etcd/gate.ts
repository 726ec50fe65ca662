/** A TCP door before an etcd member that a test may cut after so many bytes: what a network does at a bad moment. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Gate {
  readonly address: string;
  /** Connections that were cut so far. */
  cuts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cutAfterBytes = Number.POSITIVE_INFINITY;

  private constructor(server: Server, target: { readonly host: string; readonly port: number }) {
    this.#server = server;
    const address = server.address();
    this.address = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    server.on('connection', (inner) => this.#join(inner, connect(target)));
  }

  static async open(target: string): Promise<Gate> {
    const [host = '', port = ''] = target.split(':');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Gate(server, { host, port: Number(port) });
  }

  /** Each connection ends when so many bytes have come from the member on it. */
  cutAfter(bytes: number): void {
    this.#cutAfterBytes = bytes;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(inner: Socket, outer: Socket): void {
    let passed = 0;
    const end = (): void => {
      inner.destroy();
      outer.destroy();
    };
    for (const socket of [inner, outer]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    inner.pipe(outer);
    outer.on('data', (chunk: Buffer) => {
      passed += chunk.length;
      if (passed > this.#cutAfterBytes) {
        this.cuts += 1;
        end();
      } else if (!inner.write(chunk)) {
        outer.pause();
        inner.once('drain', () => outer.resume());
      }
    });
  }
}
