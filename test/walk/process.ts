/**
 * A real `gantry up` for tests that walk the whole way: own data directory, own ports, own cluster id, the machine's
 * engine. Everything it made is removed by `dispose`, also after a test failed.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..', '..');
const run = promisify(execFile);

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end; a non-zero exit is an answer, not an error. */
export async function command(
  file: string,
  words: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string; readonly timeoutMs?: number } = {},
): Promise<Output> {
  const child = run(file, [...words], {
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 60_000,
    maxBuffer: 64 * 1024 * 1024,
    cwd: root,
  });
  // A command that ends without reading what it is given is no error.
  child.child.stdin?.on('error', () => undefined);
  child.child.stdin?.end(options.input ?? '');
  try {
    const { stdout, stderr } = await child;
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failed = error as { code?: unknown; stdout?: string; stderr?: string; message: string };
    if (typeof failed.code !== 'number') throw error;
    return { code: failed.code, stdout: failed.stdout ?? '', stderr: failed.stderr ?? '' };
  }
}

/** Looks again and again until `look` gives something; fails with `what` after the bound. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/**
 * Below those that the system gives to connections and to containers: what is free here stays so, also while a process
 * that had it is started again, unless another test takes it, for which there are many.
 */
const FIRST_PORT = 10_000;
const PORTS = 22_000;

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = FIRST_PORT + randomInt(PORTS);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of a hundred ports from ${FIRST_PORT} to ${FIRST_PORT + PORTS} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening');
  server.listen(port, '127.0.0.1');
  try {
    await listening;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return false;
    throw error;
  }
  server.close();
  await once(server, 'close');
  return true;
}

type Ports = readonly [number, number, number, number, number];

async function freePorts(): Promise<Ports> {
  const ports = new Set<number>();
  while (ports.size < 5) ports.add(await freePort());
  const [secure = 0, manager = 0, worker = 0, api = 0, grpc = 0] = ports;
  return [secure, manager, worker, api, grpc];
}

export class GantryProcess {
  readonly home: string;
  readonly kubeconfig: string;
  readonly securePort: number;
  readonly managerPort: number;
  readonly workerPort: number;
  readonly apiPort: number;
  readonly grpcPort: number;
  readonly #begin: (home: string) => readonly string[];
  readonly #flags: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #log = '';

  private constructor(
    home: string,
    [securePort, managerPort, workerPort, apiPort, grpcPort]: Ports,
    begin: (home: string) => readonly string[],
    flags: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.home = home;
    this.kubeconfig = join(home, 'kubeconfig');
    this.securePort = securePort;
    this.managerPort = managerPort;
    this.workerPort = workerPort;
    this.apiPort = apiPort;
    this.grpcPort = grpcPort;
    this.#begin = begin;
    this.#flags = flags;
    this.#env = env;
  }

  /** Starts `gantry up --dev`, or what else keeps everything in `home`, and waits until it is ready. */
  static async open(
    options: {
      readonly flags?: readonly string[];
      readonly env?: NodeJS.ProcessEnv;
      readonly begin?: (home: string) => readonly string[];
    } = {},
  ): Promise<GantryProcess> {
    const home = mkdtempSync(join(tmpdir(), 'gantry-walk-'));
    const gantry = new GantryProcess(
      home,
      await freePorts(),
      options.begin ?? ((place) => ['up', '--home', place]),
      options.flags ?? [],
      options.env ?? {},
    );
    try {
      await gantry.start();
    } catch (error) {
      await gantry.dispose();
      throw error;
    }
    return gantry;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('gantry is not running');
    return this.#child.pid;
  }

  /** What it logged so far. */
  get log(): string {
    return this.#log;
  }

  /** The words after `hack/gantry` that start this instance. */
  upWords(): string[] {
    return [
      ...this.#begin(this.home),
      '--dev',
      '--secure-port',
      String(this.securePort),
      '--manager-port',
      String(this.managerPort),
      '--worker-port',
      String(this.workerPort),
      '--api-port',
      String(this.apiPort),
      '--grpc-port',
      String(this.grpcPort),
      ...this.#flags,
    ];
  }

  async start(): Promise<void> {
    const child = spawn(join(root, 'hack', 'gantry'), this.upWords(), {
      cwd: root,
      env: { ...process.env, GANTRY_LOG_LEVEL: 'info', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    await eventually(
      'gantry is ready',
      async () => {
        if (child.exitCode !== null) throw new Error(`gantry ended with ${child.exitCode}:\n${this.#log}`);
        const answer = await fetch(`http://127.0.0.1:${this.managerPort}/readyz`).catch(() => undefined);
        return answer?.status === 200 && existsSync(this.kubeconfig) ? true : undefined;
      },
      20_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#log}`);
    });
  }

  /** Sends a signal and waits for the end; gives the exit code, or the signal that ended it. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    const child = this.#child;
    if (child === undefined) throw new Error('gantry is not running');
    this.#child = undefined;
    if (child.exitCode !== null) return child.exitCode;
    const ended = once(child, 'exit');
    child.kill(signal);
    const [code, by] = (await ended) as [number | null, NodeJS.Signals | null];
    return code ?? by ?? -1;
  }

  gantry(words: readonly string[], input?: string): Promise<Output> {
    return command(join(root, 'hack', 'gantry'), words, {
      env: { KUBECONFIG: this.kubeconfig, GANTRY_HOME: this.home },
      ...(input === undefined ? {} : { input }),
    });
  }

  kubectl(words: readonly string[], input?: string): Promise<Output> {
    return command(
      process.env.KUBECTL ?? 'kubectl',
      [`--cache-dir=${join(this.home, 'kubectl-cache')}`, ...words],
      {
        env: { KUBECONFIG: this.kubeconfig, HOME: this.home },
        ...(input === undefined ? {} : { input }),
      },
    );
  }

  /** This instance's cluster id, which all its containers carry. */
  clusterId(): string {
    return readFileSync(join(this.home, 'store', 'cluster-id'), 'utf8').trim();
  }

  /** Ids of this instance's containers, running or not. */
  async containers(filters: readonly string[] = []): Promise<string[]> {
    const words = ['ps', '-aq', '--no-trunc', '--filter', `label=gantry.dev/cluster=${this.clusterId()}`];
    const { stdout } = await command('docker', [
      ...words,
      ...filters.flatMap((filter) => ['--filter', filter]),
    ]);
    return stdout.split('\n').filter((line) => line !== '');
  }

  async dispose(): Promise<void> {
    if (this.#child !== undefined) await this.stop('SIGKILL');
    if (existsSync(join(this.home, 'store', 'cluster-id'))) {
      const left = await this.containers();
      if (left.length > 0) await command('docker', ['rm', '-f', ...left]);
      for (const kind of ['network', 'volume']) {
        const label = `label=gantry.dev/cluster=${this.clusterId()}`;
        const { stdout } = await command('docker', [kind, 'ls', '-q', '--filter', label]);
        const made = stdout.split('\n').filter((id) => id !== '');
        if (made.length > 0) await command('docker', [kind, 'rm', ...made]);
      }
      await this.#forgetMemory();
    }
    rmSync(this.home, { recursive: true, force: true });
  }

  /** What was mounted for Secrets and emptyDirs in memory: a process that was killed leaves it. */
  async #forgetMemory(): Promise<void> {
    const directory = join('/run/gantry', this.clusterId());
    const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .flatMap((line) => line.split(' ')[4] ?? [])
      .filter((path) => path.startsWith(`${directory}/`));
    if (mounted.length > 0) await command('umount', ['--lazy', ...mounted.toReversed()]);
    rmSync(directory, { recursive: true, force: true });
  }
}
