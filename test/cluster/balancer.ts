/** A balancer that knows nothing but TCP: every connection goes to the next of its targets, and stays there. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Balancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections that each target got. */
  readonly counts: number[];
  readonly port: number;

  private constructor(server: Server, counts: number[], sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.counts = counts;
    const address = server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** @param ports of 127.0.0.1; one that refuses is passed over. */
  static async start(ports: readonly number[]): Promise<Balancer> {
    const counts = ports.map(() => 0);
    const sockets = new Set<Socket>();
    let next = 0;
    const hold = (socket: Socket): Socket => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      // Either end may go at any time: its partner follows.
      socket.on('error', () => socket.destroy());
      return socket;
    };
    const forward = (client: Socket, triesLeft: number): void => {
      const index = next++ % ports.length;
      const target = hold(connect({ host: '127.0.0.1', port: ports[index] ?? 0 }));
      let isOpen = false;
      target.once('connect', () => {
        isOpen = true;
        counts[index] = (counts[index] ?? 0) + 1;
        client.pipe(target).pipe(client);
      });
      target.once('close', () => {
        if (isOpen || triesLeft === 0) client.destroy();
        else forward(client, triesLeft - 1);
      });
      client.once('close', () => target.destroy());
    };
    const server = createServer((client) => forward(hold(client), ports.length - 1));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Balancer(server, counts, sockets);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
