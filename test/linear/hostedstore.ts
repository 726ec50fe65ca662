/**
 * A store in a process of its own, to be killed at any moment and started again. Calls made while it is down wait
 * until it is up; calls that a kill left without an answer reject with `Unavailable`, and may have happened.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { StoreError } from '../../machinery/errors.ts';
import type {
  CommitResult,
  KeyValue,
  RangeResult,
  StoreEvent,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from '../../store/store.ts';
import { type HostCall, type HostEvent, type HostLine, hostWriteOf, keyValueOf } from './hostlines.ts';
import type { StoreCalls } from './storeregister.ts';

const SCRIPT = fileURLToPath(new URL('./storehost.ts', import.meta.url));
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/gantry', import.meta.url));

type Call = HostCall extends infer One ? (One extends HostCall ? Omit<One, 'id'> : never) : never;

interface Waiting {
  hear(line: HostLine): void;
  fail(error: Error): void;
}

export class HostedStore implements StoreCalls {
  readonly #address: string;
  readonly #waiting = new Map<number, Waiting>();
  #child: ChildProcess | undefined;
  #up = Promise.withResolvers<void>();
  #errors = '';
  #nextId = 1;

  constructor(address: string) {
    this.#address = address;
  }

  get isUp(): boolean {
    return this.#child !== undefined;
  }

  /** Resolves when the store is open; rejects with what it complained of when it does not open. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [SCRIPT, this.#address], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Keeps the compiled form of the sources, as hack/gantry does: it is started again and again.
      env: { ...process.env, NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? COMPILE_CACHE },
    });
    this.#errors = '';
    child.stderr.on('data', (chunk) => {
      this.#errors += String(chunk);
    });
    // A write to a process that was just killed fails: the kill itself tells the callers.
    child.stdin.on('error', () => undefined);
    const opened = new Promise<void>((resolve, reject) => {
      this.#waiting.set(0, { hear: () => resolve(), fail: reject });
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line));
    child.once('close', () => this.#lose(child));
    this.#child = child;
    await opened;
    this.#waiting.delete(0);
    this.#up.resolve();
  }

  /** kill -9; resolves when it is dead and all that waited for it was told. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  /** SIGSTOP: it does nothing and its connections stay open. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async get(key: string): Promise<KeyValue | undefined> {
    const line = await this.#ask({ do: 'get', key });
    return keyValueOf(line.item);
  }

  async range(prefix: string): Promise<RangeResult> {
    const { page } = await this.#ask({ do: 'range', prefix });
    if (page === undefined) throw new Error('the host gave no answer to a range');
    const items = page.items.map(keyValueOf).filter((item) => item !== undefined);
    return { items, revision: page.revision, more: page.more };
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    const [write] = writes;
    if (write === undefined || writes.length > 1)
      throw new RangeError('a hosted store takes one write at once');
    const { done, refused } = await this.#ask({ do: 'commit', write: hostWriteOf(write) });
    if (refused !== undefined)
      return { ok: false, failed: 0, current: keyValueOf(refused.current), revision: refused.revision };
    if (done === undefined) throw new Error('the host gave no answer to a commit');
    const { revision, modRevision, writtenAtMs } = done;
    return { ok: true, revision, modRevisions: [modRevision], writtenAtMs };
  }

  async latestRevision(): Promise<number> {
    const { revision } = await this.#ask({ do: 'latest' });
    if (revision === undefined) throw new Error('the host gave no revision');
    return revision;
  }

  async *watch(
    prefix: string,
    { afterRevision, signal }: StoreWatchOptions,
  ): AsyncGenerator<WatchBatch, void, undefined> {
    await this.#up.promise;
    const lines: HostLine[] = [];
    let failure: Error | undefined;
    let news = Promise.withResolvers<void>();
    const wake = (): void => {
      news.resolve();
      news = Promise.withResolvers<void>();
    };
    const id = this.#send(
      { do: 'watch', prefix, afterRevision },
      {
        hear: (line) => {
          lines.push(line);
          wake();
        },
        fail: (error) => {
          failure = error;
          wake();
        },
      },
    );
    signal.addEventListener('abort', wake, { once: true });
    try {
      while (!signal.aborted) {
        const line = lines.shift();
        if (line === undefined) {
          if (failure !== undefined) throw failure;
          await news.promise;
          continue;
        }
        if (line.end === true) return;
        if (line.batch !== undefined)
          yield { events: line.batch.events.map(eventOf), revision: line.batch.revision };
      }
    } finally {
      this.#waiting.delete(id);
    }
  }

  async #ask(call: Call): Promise<HostLine> {
    await this.#up.promise;
    return new Promise((resolve, reject) => {
      const id = this.#send(call, {
        hear: (line) => {
          this.#waiting.delete(id);
          resolve(line);
        },
        fail: reject,
      });
    });
  }

  #send(call: Call, waiting: Waiting): number {
    const id = this.#nextId++;
    this.#waiting.set(id, waiting);
    this.#child?.stdin?.write(`${JSON.stringify({ id, ...call })}\n`);
    return id;
  }

  #hear(text: string): void {
    // A last line that the kill cut in two is nothing that was said.
    if (!text.endsWith('}')) return;
    const line = JSON.parse(text) as HostLine;
    const waiting = this.#waiting.get(line.id);
    if (line.error === undefined) {
      waiting?.hear(line);
      return;
    }
    const { reason, message } = line.error;
    this.#waiting.delete(line.id);
    waiting?.fail(reason === undefined ? new Error(message) : new StoreError(reason, message));
  }

  #lose(child: ChildProcess): void {
    this.#child = undefined;
    this.#up = Promise.withResolvers();
    const wasKilled = child.signalCode === 'SIGKILL';
    const error = wasKilled
      ? new StoreError('Unavailable', 'its process was killed')
      : new Error(`the host of ${this.#address} ended with ${child.exitCode}: ${this.#errors}`);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const one of waiting) one.fail(error);
  }
}

function eventOf(event: HostEvent): StoreEvent {
  return { ...event, current: keyValueOf(event.current), previous: keyValueOf(event.previous) };
}
