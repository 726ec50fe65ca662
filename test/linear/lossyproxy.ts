/**
 * A TCP proxy on loopback that can lose answers: for a while requests still go through and nothing comes back, then
 * all connections are cut. What was under way has then happened, and nobody was told: the moment at which a client
 * that simply tries again writes twice.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, sleep } from '../../machinery/clock.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class LossyProxy {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isLosing = false;

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => this.#forward({ client, server: connect(port, host) }));
  }

  /** @param target `127.0.0.1:2379` */
  static async open(target: string): Promise<LossyProxy> {
    const [host = '', port] = target.split(':');
    const proxy = new LossyProxy(host, Number(port));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return `127.0.0.1:${address.port}`;
  }

  #forward(pair: Pair): void {
    const { client, server } = pair;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // A connection that breaks on one side is broken on the other: that is how the other hears of it.
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (bytes) => {
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!this.#isLosing) client.write(bytes);
    });
  }

  /** Nothing comes back for this long, then every connection is cut. */
  async loseAnswers(clock: Clock, ms: number): Promise<void> {
    this.#isLosing = true;
    await sleep(clock, ms);
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#isLosing = false;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }
}
