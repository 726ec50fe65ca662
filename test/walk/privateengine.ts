/**
 * A Docker Engine of a test's own, which may be killed, frozen and started again. It keeps its hands off the machine's
 * packet filter, and has its own bridge, data and socket; everything of it is gone after `dispose`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command, eventually, type Output } from './process.ts';

export interface PrivateEngineOptions {
  /** From 1 to 9: which bridge and addresses are its own among engines that run at once. */
  readonly number: number;
  /** Its data lies on a file system in memory of this many MiB, which can be filled. */
  readonly dataMebibytes?: number;
}

/** Docker's own advice after a KILL: what it left behind must have ended before it is started again. */
const AFTER_KILL_MS = 3_000;

export class PrivateEngine {
  readonly directory = mkdtempSync(join(tmpdir(), 'gantry-engine-'));
  readonly host = `unix://${join(this.directory, 'docker.sock')}`;
  readonly #options: PrivateEngineOptions;
  #child: ChildProcess | undefined;
  #killedAtMs = 0;

  constructor(options: PrivateEngineOptions) {
    this.#options = options;
  }

  /** Opened and started, with the sample image on it. */
  static async open(options: PrivateEngineOptions): Promise<PrivateEngine> {
    const engine = new PrivateEngine(options);
    try {
      await engine.#prepare();
      await engine.start();
      await engine.load('gantry/hello:1');
      return engine;
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the engine is not running');
    return this.#child.pid;
  }

  get log(): string {
    return readFileSync(this.#path('log'), 'utf8');
  }

  /** @param liveRestore containers outlive the daemon. */
  async start({ liveRestore = false }: { readonly liveRestore?: boolean } = {}): Promise<void> {
    const waitMs = this.#killedAtMs + AFTER_KILL_MS - Date.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const log = openSync(this.#path('log'), 'a');
    const settings = {
      'data-root': this.#path('data'),
      'exec-root': this.#path('exec'),
      pidfile: this.#path('pid'),
      'config-file': this.#path('daemon.json'),
      host: this.host,
      iptables: false,
      bridge: this.#bridge,
      'storage-driver': 'overlay2',
      'log-level': 'warn',
      'live-restore': liveRestore,
    };
    const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const child = spawn('dockerd', flags, { stdio: ['ignore', log, log] });
    this.#child = child;
    await eventually('the engine answers', async () => {
      if (child.exitCode !== null) throw new Error(`dockerd ended with ${child.exitCode}:\n${this.log}`);
      return (await this.docker('version')).code === 0 ? true : undefined;
    });
  }

  /** Ends the daemon as an administrator does. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** The daemon dies; containers go on without it. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    this.#killedAtMs = Date.now();
  }

  /** It takes connections and answers none, until `thaw`. */
  freeze(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  thaw(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** As if the machine had lost its power: daemon, containers and what they had in memory are gone at once. */
  async powerOff(): Promise<void> {
    const { stdout } = await this.docker('ps', '-q');
    const running = stdout.split('\n').filter((id) => id !== '');
    const pids = await Promise.all(
      running.map(async (id) => Number((await this.docker('inspect', '-f', '{{.State.Pid}}', id)).stdout)),
    );
    await this.kill();
    for (const pid of pids) if (pid > 1) process.kill(pid, 'SIGKILL');
    // The shims and the engine's own containerd go with the machine.
    await this.#killLeft();
    this.#killedAtMs = Date.now();
  }

  docker(...words: string[]): Promise<Output> {
    return command('docker', words, { env: { DOCKER_HOST: this.host } });
  }

  /** Ids of running containers of this Task (`namespace/name`). */
  async runningOf(task: string): Promise<string[]> {
    const { stdout } = await this.docker(
      'ps',
      '-q',
      '--no-trunc',
      '--filter',
      `label=gantry.dev/task=${task}`,
    );
    return stdout.split('\n').filter((id) => id !== '');
  }

  /** Brings an image over from the machine's own engine. */
  async load(image: string): Promise<void> {
    const copied = await command('sh', ['-c', `docker save ${image} | docker -H ${this.host} load`]);
    if (copied.code !== 0) throw new Error(`cannot load ${image}: ${copied.stderr}`);
  }

  async dispose(): Promise<void> {
    if (this.#child !== undefined) {
      this.thaw();
      const { stdout } = await this.docker('ps', '-aq');
      const all = stdout.split('\n').filter((id) => id !== '');
      if (all.length > 0) await this.docker('rm', '-f', ...all);
      // Its networks' bridges are the machine's: they go while it can still say which they are.
      await this.docker('network', 'prune', '-f');
      await this.stop();
    }
    // A daemon that was killed leaves the shims of its containers behind.
    await this.#killLeft();
    for (const mount of [
      this.#path('exec', 'netns', 'default'),
      this.#path('data', 'overlay2'),
      this.#path('data'),
    ]) {
      await command('umount', [mount]);
    }
    await command('ip', ['link', 'del', this.#bridge]);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Whatever was started below its directory. */
  async #killLeft(): Promise<void> {
    const { stdout } = await command('pgrep', ['-f', this.directory]);
    for (const pid of stdout.split('\n').map(Number)) {
      if (pid <= 1 || pid === process.pid) continue;
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        // It ended by itself meanwhile.
        if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
      }
    }
  }

  async #prepare(): Promise<void> {
    const { number, dataMebibytes } = this.#options;
    writeFileSync(this.#path('daemon.json'), '{}');
    mkdirSync(this.#path('data'));
    const run = async (...words: [string, ...string[]]): Promise<void> => {
      const { code, stderr } = await command(words[0], words.slice(1));
      if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
    };
    if (dataMebibytes !== undefined) {
      await run('mount', '-t', 'tmpfs', '-o', `size=${dataMebibytes}m`, 'tmpfs', this.#path('data'));
    }
    await run('ip', 'link', 'add', this.#bridge, 'type', 'bridge');
    await run('ip', 'addr', 'add', `172.3${number}.0.1/24`, 'dev', this.#bridge);
    await run('ip', 'link', 'set', this.#bridge, 'up');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  get #bridge(): string {
    return `gantrybr${this.#options.number}`;
  }

  #path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }
}
