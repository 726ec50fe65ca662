/** A real `gantry server`, without a worker, on a port and a data directory that stay: to be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type HttpClient, newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { isApiError } from '../../machinery/errors.ts';
import { eventually, freePort } from '../walk/process.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const START_MS = 60_000;
/** A server that says nothing for this long is given up, milliseconds. */
const CALL_MS = 5_000;

export class GantryServer {
  readonly #home: string;
  readonly #port: number;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  #client: HttpClient | undefined;
  #log = '';

  private constructor(home: string, port: number, flags: readonly string[]) {
    this.#home = home;
    this.#port = port;
    this.#flags = flags;
  }

  /** Starts it and waits until it is ready. */
  static async open(home: string, flags: readonly string[] = []): Promise<GantryServer> {
    const server = new GantryServer(home, await freePort(), flags);
    try {
      await server.start();
    } catch (error) {
      await server.kill();
      throw error;
    }
    return server;
  }

  get client(): HttpClient {
    if (this.#client === undefined) throw new Error('this server was never up');
    return this.#client;
  }

  /** The keys that encrypt Secrets: made by the first server, needed by all. */
  get keyFile(): string {
    return join(this.#home, 'encryption.key');
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const words = [
      'server',
      '--home',
      this.#home,
      '--secure-port',
      String(this.#port),
      '--no-api',
      '--no-grpc',
      ...this.#flags,
    ];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', join(ROOT, 'hack', 'gantry'), ...words], {
      cwd: ROOT,
      env: { ...process.env, GANTRY_LOG_LEVEL: 'warn' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const kubeconfig = join(this.#home, 'kubeconfig');
    const look = async (): Promise<true | undefined> => {
      if (child.exitCode !== null)
        throw new Error(`gantry server ended with ${child.exitCode}:\n${this.#log}`);
      if (!existsSync(kubeconfig)) return undefined;
      this.#client ??= newHttpClient({
        ...(await loadKubeconfig({ path: kubeconfig, defaults: [], directory: this.#home })),
        timeoutMs: CALL_MS,
      });
      try {
        await this.#client.raw('GET', '/readyz').then(({ body }) => body.destroy());
        return true;
      } catch (error) {
        if (isApiError(error)) return undefined;
        throw error;
      }
    };
    try {
      await eventually('the server is ready', look, START_MS);
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#log}`, { cause: error });
    }
  }

  /** SIGSTOP: it stands still in the middle of what it does. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** kill -9. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** As an operator stops it; resolves when it has ended. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async dispose(): Promise<void> {
    this.#client?.close();
    await this.kill();
  }
}
