/**
 * The embedded durable engine, `sqlite:PATH`: the main thread's end. The database itself lives in a worker thread
 * (`worker.ts`), so that a flush to disk never stops the event loop.
 *
 * If the thread dies, what it had not answered is rejected with `Unavailable` (it may or may not be durable), and so
 * is every later call: the process should start again and open the directory anew.
 */
import { Worker } from 'node:worker_threads';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import type {
  Log,
  LogChanges,
  LogHead,
  LogOutcome,
  LogPage,
  LogRangeQuery,
  LogRow,
  LogSize,
  LogTrim,
  LogVersions,
  LogWrite,
} from '../log.ts';
import { packCommits, unpackOutcomes, unpackPage } from './packing.ts';
import { OPENED, type Operations, type Reply } from './protocol.ts';
import type { SqliteOptions } from './schema.ts';

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: StoreError): void;
}

export interface ThreadOptions {
  /** Called once if the thread ends by itself after it had opened the database. */
  readonly onLost?: ((error: StoreError) => void) | undefined;
  /** Makes the thread; tests give one that dies. */
  readonly start?: (options: SqliteOptions) => Worker;
}

/** Throws `StoreError`: `Locked`, `Corrupt` or `Unavailable`. */
export async function openSqliteLog(
  options: SqliteOptions,
  { onLost, start = startWorker }: ThreadOptions = {},
): Promise<Log> {
  const log = new SqliteLog(options.directory, start(options));
  await log.opened;
  log.onLost = onLost;
  return log;
}

function startWorker(options: SqliteOptions): Worker {
  // Sources run as .ts, the built package as .js: the worker is this file's neighbour in either form.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new Worker(new URL(`./worker.${extension}`, import.meta.url), { workerData: options });
}

class SqliteLog implements Log {
  readonly opened: Promise<unknown>;
  onLost: ThreadOptions['onLost'];
  readonly #directory: string;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = OPENED + 1;
  /** Why nothing can be asked any more. */
  #end: StoreError | undefined;

  constructor(directory: string, worker: Worker) {
    this.#directory = directory;
    this.#worker = worker;
    this.opened = this.#reply(OPENED);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(`its thread failed: ${messageOf(error)}`, error));
    this.#worker.on('exit', (code) => this.#fail(`its thread ended with code ${code}`));
  }

  head(): Promise<LogHead> {
    return this.#ask('head', []);
  }

  async append(commits: readonly (readonly LogWrite[])[]): Promise<readonly LogOutcome[]> {
    const packed = packCommits(commits);
    return unpackOutcomes(await this.#ask('append', [packed], [packed.records.buffer]), commits);
  }

  read(key: string, revision: number | undefined): Promise<LogRow | undefined> {
    return this.#ask('read', [key, revision]);
  }

  versions(key: string, beforeRevision: number | undefined, limit: number): Promise<LogVersions> {
    return this.#ask('versions', [key, beforeRevision, limit]);
  }

  async range(query: LogRangeQuery): Promise<LogPage> {
    return unpackPage(await this.#ask('range', [query]));
  }

  changes(afterRevision: number, prefixes: readonly string[], maxRows: number): Promise<LogChanges> {
    return this.#ask('changes', [afterRevision, prefixes, maxRows]);
  }

  trim(request: LogTrim): Promise<{ readonly head: LogHead; readonly isDone: boolean }> {
    return this.#ask('trim', [request]);
  }

  size(): Promise<LogSize> {
    return this.#ask('size', []);
  }

  keyIds(): Promise<readonly number[]> {
    return this.#ask('keyIds', []);
  }

  async close(): Promise<void> {
    if (this.#end !== undefined) return;
    const closed = this.#ask('close', []);
    this.#end = new StoreError('Unavailable', `the store in ${this.#directory} is closed`);
    await closed;
    await this.#worker.terminate();
  }

  #ask<Name extends keyof Operations>(
    name: Name,
    given: Operations[Name]['arguments'],
    transfer: ArrayBuffer[] = [],
  ): Promise<Operations[Name]['answer']> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = this.#nextId++;
    this.#worker.postMessage({ id, name, arguments: given }, transfer);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- both threads share `Operations`: each is answered by its own type.
    return this.#reply(id) as Promise<Operations[Name]['answer']>;
  }

  #reply(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // A process may end while the store is idle, not while it owes an answer.
      this.#worker.ref();
    });
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (reply.ok) waiting?.resolve(reply.answer);
    else waiting?.reject(new StoreError(reply.reason, reply.message));
  }

  #fail(what: string, cause?: unknown): void {
    const isNews = this.#end === undefined;
    const end = (this.#end ??= new StoreError(
      'Unavailable',
      `the store in ${this.#directory} is gone: ${what}; start again to open it anew`,
      cause === undefined ? {} : { cause },
    ));
    for (const waiting of this.#waiting.values()) waiting.reject(end);
    this.#waiting.clear();
    if (isNews) this.onLost?.(end);
  }
}
