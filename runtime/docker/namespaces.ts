/**
 * The network namespaces of containers on this machine, entered by small processes of our own (`namespace-dialer.ts`)
 * through nsenter: one for each container that is dialled, kept for half a minute after its last connection.
 *
 * Promises never to connect to another container than the one meant: a process id may be another process by the time
 * it is used, so the namespace that was entered is compared with the container's while the container is seen to run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { Socket } from 'node:net';
import { extname, join } from 'node:path';
import type { Clock, Timer } from '../../machinery/clock.ts';
import { type ContainerProcess, isOfContainer } from './processtree.ts';

/** What the dialer says first. */
export interface DialerHello {
  /** As the system names it: `net:[4026531840]`. */
  readonly namespace: string;
}

export interface DialRequest {
  readonly id: number;
  readonly port: number;
}

/** With the socket beside it, or with the reason there is none. */
export interface DialAnswer {
  readonly id: number;
  readonly error?: string;
}

const IDLE_MS = 30_000;
/** Each is a process of some 40 MB; the one that was idle longest makes room. */
const MAX_DIALERS = 16;
// The same file beside this one, as source or compiled.
const DIALER = join(import.meta.dirname, `namespace-dialer${extname(import.meta.filename)}`);

export class NetworkNamespaces {
  readonly #clock: Clock;
  /** By container id and process id, the least recently used first. */
  readonly #dialers = new Map<string, Dialer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with an error that says why, for the message of the whole attempt. */
  async dial(container: ContainerProcess, port: number, signal: AbortSignal): Promise<Socket> {
    if (process.getuid?.() !== 0) throw new Error('entering it takes root, which this process is not');
    if (!(await isOfContainer(container))) throw new Error('its process is not one of this machine');
    const key = `${container.containerId} ${container.pid}`;
    const known = this.#dialers.get(key);
    // Who asks a port that is not open yet again and again shall not cost a process each time.
    if (known === undefined && !(await mayListen(container.pid, port))) throw new Error('connection refused');
    const dialer = known ?? this.#dialers.get(key) ?? this.#open(container, key);
    // Last in the order of use.
    this.#dialers.delete(key);
    this.#dialers.set(key, dialer);
    return dialer.dial(port, signal);
  }

  #open(container: ContainerProcess, key: string): Dialer {
    if (this.#dialers.size >= MAX_DIALERS) {
      const idle = [...this.#dialers.values()].find((dialer) => dialer.isIdle());
      if (idle === undefined)
        throw new Error(`connections to ${MAX_DIALERS} other containers are being made`);
      idle.end();
    }
    const dialer = new Dialer(container, this.#clock, () => {
      if (this.#dialers.get(key) === dialer) this.#dialers.delete(key);
    });
    return dialer;
  }
}

class Dialer {
  readonly #container: ContainerProcess;
  readonly #clock: Clock;
  readonly #onEnd: () => void;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<Socket>>();
  readonly #hello: Promise<DialerHello>;
  readonly #isRight: Promise<void>;
  #requests = 0;
  #idle: Timer | undefined;
  #words = '';

  constructor(container: ContainerProcess, clock: Clock, onEnd: () => void) {
    this.#container = container;
    this.#clock = clock;
    this.#onEnd = onEnd;
    const hello = Promise.withResolvers<DialerHello>();
    this.#hello = hello.promise;
    this.#child = spawn('nsenter', [`--net=/proc/${container.pid}/ns/net`, process.execPath, DIALER], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: {},
    });
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#words = (this.#words + text.toString()).slice(0, 1_000);
    });
    const fail = (error: Error): void => {
      hello.reject(error);
      this.#fail(error);
    };
    this.#child.on('error', (error) => fail(new Error(`cannot run nsenter: ${error.message}`)));
    this.#child.on('exit', (code) => fail(new Error(`nsenter ended with ${code}: ${this.#words.trim()}`)));
    this.#child.on('message', (message, handle) => this.#hear(message, handle, hello.resolve));
    // Alone it keeps no process of ours alive.
    this.#child.unref();
    this.#child.channel?.unref();
    if (this.#child.stderr instanceof Socket) this.#child.stderr.unref();
    this.#isRight = this.#verify();
    this.#isRight.catch(() => this.end());
  }

  isIdle(): boolean {
    return this.#waiting.size === 0;
  }

  async dial(port: number, signal: AbortSignal): Promise<Socket> {
    const id = ++this.#requests;
    const waiting = Promise.withResolvers<Socket>();
    waiting.promise.catch(() => undefined);
    this.#waiting.set(id, waiting);
    this.#idle?.cancel();
    const giveUp = (): void => waiting.reject(new Error('given up'));
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await Promise.race([this.#isRight, waiting.promise]);
      const request: DialRequest = { id, port };
      this.#child.send(request, (error) => {
        if (error !== null) waiting.reject(error);
      });
      return await waiting.promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
      this.#waiting.delete(id);
      if (this.isIdle()) this.#idle = this.#clock.after(IDLE_MS, () => this.end());
    }
  }

  end(): void {
    this.#idle?.cancel();
    this.#onEnd();
    if (this.#child.connected) this.#child.disconnect();
  }

  /** Resolves when the namespace entered is the container's. */
  async #verify(): Promise<void> {
    const { namespace } = await this.#hello;
    const wanted = await readlink(`/proc/${this.#container.pid}/ns/net`);
    if (namespace !== wanted || !(await isOfContainer(this.#container))) {
      throw new Error('the container ended while its network namespace was entered');
    }
  }

  #hear(message: unknown, handle: unknown, greet: (hello: DialerHello) => void): void {
    if (isHello(message)) return greet(message);
    if (!isAnswer(message)) return;
    const waiting = this.#waiting.get(message.id);
    if (handle instanceof Socket) {
      if (waiting === undefined) return void handle.destroy();
      handle.allowHalfOpen = true;
      waiting.resolve(handle);
    } else waiting?.reject(new Error(message.error ?? 'the connection ended while it was made'));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.end();
  }
}

/** A line of the system's table of sockets: `0: 0100007F:1F90 00000000:0000 0A …`, where 0A is a listening one. */
const LISTENING = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F:]+ 0A /;

/** Whether something in the process's network namespace listens on the port; true where that cannot be seen. */
async function mayListen(pid: number, port: number): Promise<boolean> {
  try {
    const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
    // There is none on a machine without IPv6.
    const table6 = await readFile(`/proc/${pid}/net/tcp6`, 'utf8').catch(() => '');
    return `${table}${table6}`
      .split('\n')
      .some((line) => Number.parseInt(LISTENING.exec(line)?.[1] ?? '', 16) === port);
  } catch {
    // Not this process's to read: the dialer finds out.
    return true;
  }
}

function isHello(message: unknown): message is DialerHello {
  return typeof message === 'object' && message !== null && 'namespace' in message;
}

function isAnswer(message: unknown): message is DialAnswer {
  return typeof message === 'object' && message !== null && 'id' in message && typeof message.id === 'number';
}
