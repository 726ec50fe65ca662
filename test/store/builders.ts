/** Short words for the store's tests: writes, bytes, and watchers that are waited for, never slept for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommitResult, Precondition, Store, StoreEvent, WatchBatch, Write } from '../../store/store.ts';

export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

export function text(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value).toString();
}

export function put(key: string, value: string, precondition: Precondition = { kind: 'none' }): Write {
  return { kind: 'put', key, value: bytes(value), precondition };
}

export function remove(key: string, precondition: Precondition = { kind: 'none' }): Write {
  return { kind: 'delete', key, precondition };
}

export const absent: Precondition = { kind: 'absent' };

export function at(modRevision: number): Precondition {
  return { kind: 'modRevision', modRevision };
}

/** Commits and insists that it went in; the store's revision after it. */
export async function mustCommit(store: Store, ...writes: Write[]): Promise<number> {
  const result = await store.commit(writes);
  if (!result.ok) throw new Error(`commit refused: ${describeResult(result)}`);
  return result.revision;
}

function describeResult(result: CommitResult): string {
  return JSON.stringify(result, (key, value: unknown) => (key === 'value' ? '…' : value));
}

/** `put /a=x @3`, `put /a=y @4 (was x)`, `delete /a @5 (was y)`. */
export function describeEvent(event: StoreEvent): string {
  const value = event.current === undefined ? '' : `=${text(event.current.value)}`;
  const before = event.previous === undefined ? '' : ` (was ${text(event.previous.value)})`;
  return `${event.kind} ${event.key}${value} @${event.revision}${before}`;
}

/** The error that a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new Error(`rejected with ${String(error)}, wanted an Error`, { cause: error });
  }
  throw new Error('wanted a rejection, but it resolved');
}

/** A watch that collects what it is told until it is stopped. */
export class Watcher {
  readonly events: StoreEvent[] = [];
  readonly batches: WatchBatch[] = [];
  /** Resolves when the watch ended, with the error it ended by. */
  readonly ended: Promise<unknown>;
  readonly #abort = new AbortController();
  #changed = Promise.withResolvers<void>();

  constructor(store: Store, prefixes: readonly string[], afterRevision: number) {
    this.ended = this.#collect(store.watch(prefixes, { afterRevision, signal: this.#abort.signal }));
  }

  /** Waits until the watch has told everything up to a revision of the keys it watches. */
  async reached(revision: number): Promise<void> {
    while ((this.events.at(-1)?.revision ?? 0) < revision) {
      const cause = await Promise.race([this.#changed.promise, this.ended.then((error) => ({ error }))]);
      if (cause !== undefined) {
        throw new Error(`the watch ended before revision ${revision}`, { cause: cause.error });
      }
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    const error = await this.ended;
    if (error !== undefined) throw error;
  }

  async #collect(batches: AsyncIterable<WatchBatch>): Promise<unknown> {
    try {
      for await (const batch of batches) {
        this.batches.push(batch);
        this.events.push(...batch.events);
        const changed = this.#changed;
        this.#changed = Promise.withResolvers<void>();
        changed.resolve();
      }
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** A directory of its own for one test; removed by `removeDirectories`. */
export function newDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'gantry-store-test-'));
  directories.push(path);
  return path;
}

const directories: string[] = [];

export function removeDirectories(): void {
  for (const path of directories.splice(0)) rmSync(path, { recursive: true, force: true });
}
