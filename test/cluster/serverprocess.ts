/** Real `gantry server` (or `up`) processes for tests: a home of their own, a free port, killed whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, eventually, freePort, type Output } from '../walk/process.ts';

const root = join(import.meta.dirname, '..', '..');
const GANTRY = join(root, 'hack', 'gantry');
const START_MS = 40_000;

export interface ServerProcessOptions {
  /** Settings beside home and port. */
  readonly flags: readonly string[];
  /** Default `server`. */
  readonly verb?: 'server' | 'up';
  /** One that is there already. */
  readonly home?: string;
}

export class ServerProcess {
  readonly home: string;
  readonly port: number;
  readonly #words: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(home: string, port: number, { flags, verb = 'server' }: ServerProcessOptions) {
    this.home = home;
    this.port = port;
    this.#words = [
      verb,
      '--home',
      home,
      '--secure-port',
      String(port),
      '--api-port',
      '0',
      '--grpc-port',
      '0',
      '--audit-log-path',
      '-',
      ...flags,
    ];
  }

  /** Made, not started. */
  static async at(options: ServerProcessOptions): Promise<ServerProcess> {
    const home = options.home ?? mkdtempSync(join(tmpdir(), 'gantry-server-'));
    return new ServerProcess(home, await freePort(), options);
  }

  get kubeconfig(): string {
    return join(this.home, 'kubeconfig');
  }

  /** All it printed and logged. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('this server does not run');
    return this.#child.pid;
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    this.#spawn();
    await eventually(
      'the server is ready',
      async () => {
        const child = this.#child;
        if (child === undefined || child.exitCode !== null) throw new Error(`it ended:\n${this.#output}`);
        const isServing = this.#output.includes('Gantry serves');
        return isServing && (await statusOf(this.port, '/readyz')) === 200 ? true : undefined;
      },
      START_MS,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#output}`);
    });
  }

  /** For a start that is refused: the code and all that was printed. */
  async refusal(): Promise<{ readonly code: number | null; readonly output: string }> {
    const child = this.#spawn();
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    await once(child, 'exit');
    clearTimeout(timer);
    this.#child = undefined;
    return { code: child.exitCode, output: this.#output };
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async dispose(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.home, { recursive: true, force: true });
  }

  /** Of the certificate authority, as its kubeconfig has it. */
  authority(): string {
    return /certificate-authority-data: *"?([\w+/=]+)/.exec(readFileSync(this.kubeconfig, 'utf8'))?.[1] ?? '';
  }

  /** Its kubeconfig for another address: written to a file of that name. */
  kubeconfigFor(port: number, path: string): string {
    const text = readFileSync(this.kubeconfig, 'utf8').replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  #spawn(): ChildProcess {
    this.#output = '';
    const child = spawn(GANTRY, this.#words, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#output += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    return child;
  }
}

/** Undefined when nobody answers. */
export function statusOf(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  return new Promise((resolve) => {
    // Whom it shows is not what is asked here.
    const asked = request({
      host: '127.0.0.1',
      port,
      path,
      headers,
      agent: false,
      rejectUnauthorized: false,
    });
    asked.setTimeout(5_000, () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.end();
  });
}

export function kubectl(kubeconfig: string, words: readonly string[], input?: string): Promise<Output> {
  const cache = join(tmpdir(), 'gantry-kubectl-cache');
  return command(process.env.KUBECTL ?? 'kubectl', [`--cache-dir=${cache}`, ...words], {
    env: { KUBECONFIG: kubeconfig },
    ...(input === undefined ? {} : { input }),
  });
}

export function gantry(words: readonly string[]): Promise<Output> {
  return command(GANTRY, words);
}
