/** A socket in front of a Docker Engine that can be cut, stalled and closed: the daemon itself is never touched. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DockerEndpoint } from '../../runtime/docker/connection.ts';

export class EngineProxy {
  readonly endpoint: Extract<DockerEndpoint, { kind: 'unix' }>;
  readonly #target: DockerEndpoint;
  readonly #folder: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  /** Sent at a request instead of passing it on; the connection is closed after it. */
  answer: string | undefined;
  /** Which requests `answer` is for, by their first line; the others are passed on. */
  answersTo = /./;
  /** Takes requests and never answers. */
  isStalled = false;
  /** Connections made so far. */
  connections = 0;

  private constructor(target: DockerEndpoint, folder: string) {
    this.#target = target;
    this.#folder = folder;
    this.endpoint = { kind: 'unix', path: join(folder, 'docker.sock') };
  }

  static async open(target: DockerEndpoint): Promise<EngineProxy> {
    const proxy = new EngineProxy(target, await mkdtemp(join(tmpdir(), 'gantry-rttest-')));
    await proxy.listen();
    return proxy;
  }

  /** The daemon is back. */
  async listen(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.endpoint.path, resolve);
    });
  }

  /** Breaks the connections there are. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The daemon is gone: no socket to connect to. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    this.cut();
    await closed;
  }

  async close(): Promise<void> {
    await this.refuse();
    await rm(this.#folder, { recursive: true });
  }

  #serve(client: Socket): void {
    this.connections += 1;
    this.#track(client);
    if (this.isStalled) return void client.resume();
    const target = this.#target;
    const engine = target.kind === 'unix' ? connect(target.path) : connect(target.port, target.host);
    this.#track(engine);
    client.on('data', (request: Buffer) => {
      // Connections are kept for several requests, and requests of the tests fit into one piece.
      const [line = ''] = request.toString('latin1').split('\r\n');
      if (this.answer === undefined || !this.answersTo.test(line)) return void engine.write(request);
      engine.unpipe(client);
      client.end(this.answer);
    });
    engine.pipe(client);
    client.on('close', () => engine.destroy());
    engine.on('close', () => client.destroy());
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    // A cut connection is what the tests are about: its error is seen on the other side.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
