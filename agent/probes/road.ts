/**
 * The way to a port inside one container.
 *
 * On the engine's own machine that is a plain connection to the container's address (127.0.0.1 for one on the machine's
 * network), which costs the engine nothing. Where nobody listens at that address, a program may still listen on
 * loopback inside: the runtime is asked to dial, and if that finds it, so is every further question to that port. A
 * refused port is tried that way less and less often, because entering a container costs a process. An engine elsewhere
 * is always dialled through the runtime.
 *
 * Promises to tell apart who refused: `refused` is the container's word, `unknown` says nothing about the container (the
 * engine did not answer, this machine ran out of sockets).
 */
import { connect as connectTo } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { Overdue } from './deadline.ts';

export type Connection =
  | { readonly kind: 'open'; readonly socket: Duplex }
  | { readonly kind: 'refused'; readonly message: string; readonly isNobodyThere?: boolean }
  | { readonly kind: 'unknown'; readonly message: string };

/** Opens a TCP connection. Rejects with the system's error, on abort with the signal's reason. */
export type Connect = (host: string, port: number, signal: AbortSignal) => Promise<Duplex>;

export const connectDirectly: Connect = (host, port, signal) =>
  new Promise((resolve, reject) => {
    const socket = connectTo({ host, port, noDelay: true });
    const giveUp = (): void => {
      socket.destroy();
      reject(reasonOf(signal));
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    socket.on('error', (error) => {
      signal.removeEventListener('abort', giveUp);
      reject(error);
    });
    socket.once('connect', () => {
      signal.removeEventListener('abort', giveUp);
      resolve(socket);
    });
  });

/** Faults of this machine, not of who is asked. */
const OWN_FAULTS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EPERM', 'EAI_AGAIN']);
/** Nobody there at this address: there may be at another. */
const NOBODY_THERE = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Refused in a row until loopback inside is looked at again: 1, 2, 4, … and then every so many. */
const MAX_SPARED = 16;

interface Port {
  /** What answered last time. */
  way: 'direct' | 'runtime';
  refusals: number;
}

export interface RoadOptions {
  readonly runtime: Runtime;
  readonly connect: Connect;
  readonly containerId: string;
  /** Where it is reached without the runtime now; undefined: only through it. */
  readonly address: () => string | undefined;
}

/** One container's. Keeps a line for each port that is asked. */
export class Road {
  readonly #options: RoadOptions;
  readonly #ports = new Map<number, Port>();

  constructor(options: RoadOptions) {
    this.#options = options;
  }

  /** How the container is called in a URL. */
  get host(): string {
    return this.#options.address() ?? '127.0.0.1';
  }

  async connect(port: number, signal: AbortSignal): Promise<Connection> {
    const address = this.#options.address();
    if (address === undefined) return this.#dial(port, signal);
    const known = this.#known(port);
    if (known.way === 'runtime') {
      const inside = await this.#dial(port, signal);
      // The program may listen elsewhere by now.
      if (inside.kind === 'refused') known.way = 'direct';
      return inside;
    }
    const direct = await this.elsewhere(address, port, signal);
    if (direct.kind === 'open') known.refusals = 0;
    if (direct.kind !== 'refused' || direct.isNobodyThere !== true || signal.aborted) return direct;
    if (!isDueAgain(++known.refusals)) return direct;
    const inside = await this.#dial(port, signal);
    if (inside.kind !== 'open') return direct;
    known.way = 'runtime';
    known.refusals = 0;
    return inside;
  }

  /** To somebody who is not the container. */
  async elsewhere(host: string, port: number, signal: AbortSignal): Promise<Connection> {
    try {
      return { kind: 'open', socket: await this.#options.connect(host, port, signal) };
    } catch (error) {
      const where = `dial tcp ${hostPort(host, port)}`;
      if (error instanceof Overdue) return { kind: 'refused', message: `${where}: i/o timeout` };
      const code = codeOf(error);
      const message = `${where}: ${wordsOf(code, error)}`;
      if (signal.aborted || OWN_FAULTS.has(code)) return { kind: 'unknown', message };
      return { kind: 'refused', message, isNobodyThere: NOBODY_THERE.has(code) };
    }
  }

  async #dial(port: number, signal: AbortSignal): Promise<Connection> {
    const { runtime, containerId } = this.#options;
    try {
      const socket = await runtime.dial(containerId, port, signal);
      socket.on('error', () => undefined);
      return { kind: 'open', socket };
    } catch (error) {
      const message = messageOf(error);
      // It says nothing about the container that the engine does not know it, or does not answer.
      const isItsOwn = error instanceof RuntimeError && error.reason === 'Failed';
      if (signal.reason instanceof Overdue) {
        return { kind: 'unknown', message: `the engine did not connect to port ${port} in time` };
      }
      return { kind: isItsOwn ? 'refused' : 'unknown', message };
    }
  }

  #known(port: number): Port {
    const known = this.#ports.get(port) ?? { way: 'direct', refusals: 0 };
    this.#ports.set(port, known);
    return known;
  }
}

function isDueAgain(refusals: number): boolean {
  return refusals >= MAX_SPARED ? refusals % MAX_SPARED === 0 : (refusals & (refusals - 1)) === 0;
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('given up');
}

/** As in a URL: an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function codeOf(error: unknown): string {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : '';
}

/** As the kubelet, a Go program, has them. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
  ECONNRESET: 'read: connection reset by peer',
  EPIPE: 'write: broken pipe',
  ENOTFOUND: 'no such host',
};

/** What went wrong on a connection, in words. */
export function wordsOf(code: string, error: unknown): string {
  return WORDS[code] ?? messageOf(error);
}

export function socketWords(error: unknown): string {
  return wordsOf(codeOf(error), error);
}
