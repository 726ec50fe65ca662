/** Servers of a test on this machine's loopback, and the way that a probe takes to them. */
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { Deadline } from '../../../agent/probes/deadline.ts';
import { connectDirectly, Road } from '../../../agent/probes/road.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';

/** To a container whose address is 127.0.0.1; its runtime knows no container. */
export function roadToLoopback(): Road {
  return new Road({
    runtime: new FakeRuntime({ clock: systemClock, random: seededRandom(1) }),
    connect: connectDirectly,
    containerId: 'c1',
    address: () => '127.0.0.1',
  });
}

/** Runs one question within its time. */
export async function within<T>(timeoutMs: number, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const deadline = new Deadline(systemClock, timeoutMs, new AbortController().signal);
  try {
    return await ask(deadline.signal);
  } finally {
    deadline.done();
  }
}

export class Loopback {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** @returns the port. */
  async listen(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }

  raw(onConnection: (socket: Socket) => void): Promise<number> {
    return this.listen(createTcpServer(onConnection));
  }

  /** A port where nobody listens. */
  async closedPort(): Promise<number> {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.splice(0).map((server) => new Promise((done) => server.close(done))));
  }
}
