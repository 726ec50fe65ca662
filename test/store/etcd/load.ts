/**
 * Writers and a watcher on one store while its etcd is hurt, and the verdict afterwards: nothing acknowledged was lost,
 * the watch told every write once and in order, and what nobody knew the end of was made once or not at all.
 *
 * Each writer has keys of its own and writes 1, 2, 3 … to them, each write with the revision of the one before as its
 * precondition. After an error it reads before it goes on, as a client must.
 */
import { expect } from 'chai';
import { StoreError } from '../../../machinery/errors.ts';
import type { Store, StoreEvent } from '../../../store/store.ts';
import { bytes, text } from '../builders.ts';

interface Acknowledged {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

export class Load {
  readonly acknowledged: Acknowledged[] = [];
  readonly errors: { readonly error: StoreError; readonly tookMs: number; readonly atMs: number }[] = [];
  readonly events: StoreEvent[] = [];
  /** Monotonic milliseconds of each acknowledgement. */
  readonly #ackedAtMs: number[] = [];
  readonly #store: Store;
  readonly #prefix: string;
  readonly #startRevision: number;
  readonly #stopping = new AbortController();
  readonly #writers: Promise<void>[];
  readonly #watching: Promise<void>;
  readonly #watchEnd = new AbortController();
  #watchError: unknown;
  #told: number;
  #wake: (() => void)[] = [];

  constructor(store: Store, prefix: string, writers = 16) {
    this.#store = store;
    this.#prefix = prefix;
    this.#startRevision = store.revision();
    this.#told = this.#startRevision;
    this.#watching = this.#watch();
    this.#writers = Array.from({ length: writers }, (_, index) => this.#write(`${prefix}w${index}`));
  }

  /** Waits until so many more writes are acknowledged. */
  async more(count: number, boundMs = 15_000): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await this.#until(() => this.acknowledged.length >= wanted, boundMs, `${wanted} acknowledged writes`);
  }

  /** Waits until an error of writers has been seen after this moment. */
  async refused(boundMs = 15_000): Promise<void> {
    const before = this.errors.length;
    await this.#until(() => this.errors.length > before, boundMs, 'a refused write');
  }

  /** The longest time without any acknowledgement from a moment on. */
  stallMs(sinceMs: number): number {
    const times = [sinceMs, ...this.#ackedAtMs.filter((at) => at >= sinceMs)];
    return Math.max(0, ...times.slice(1).map((at, index) => at - (times[index] ?? at)));
  }

  /** Stops, waits until the watch is where the writers were, and judges. */
  async judge(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#writers);
    const latest = await this.#store.latestRevision();
    await this.#until(
      () => this.#told >= latest || this.#watchError !== undefined,
      15_000,
      `watch at ${latest}`,
    );
    this.#watchEnd.abort();
    await this.#watching;
    expect(this.#watchError, 'the watch ended by itself').to.equal(undefined);
    this.#judgeWatch();
    await this.#judgeState();
    const again = await this.#history(latest);
    expect(again.map(name), 'the past, read again').to.deep.equal(this.events.map(name));
  }

  #judgeWatch(): void {
    let last = this.#startRevision;
    const versions = new Map<string, { version: number; count: number }>();
    for (const { key, revision, current } of this.events) {
      expect(revision, 'watch revisions only grow').to.be.greaterThan(last);
      last = revision;
      const before = versions.get(key) ?? { version: 0, count: 0 };
      const count = Number(text(current?.value));
      expect(current?.version, `versions of ${key} without gap or repeat`).to.equal(before.version + 1);
      expect(count, `values of ${key} in order, each once`).to.be.greaterThan(before.count);
      versions.set(key, { version: before.version + 1, count });
    }
    const told = new Map(
      this.events.map((event) => [event.revision, `${event.key}=${text(event.current?.value)}`]),
    );
    const lost = this.acknowledged.filter(
      ({ key, value, revision }) => told.get(revision) !== `${key}=${value}`,
    );
    expect(lost, 'acknowledged writes that the watch did not tell').to.deep.equal([]);
  }

  async #judgeState(): Promise<void> {
    const { items } = await this.#store.range(this.#prefix);
    const held = new Map(items.map((item) => [item.key, Number(text(item.value))]));
    for (const { key, value } of this.acknowledged) {
      expect(held.get(key) ?? 0, `${key} holds what was acknowledged`).to.be.at.least(Number(value));
    }
  }

  async #history(latest: number): Promise<StoreEvent[]> {
    const events: StoreEvent[] = [];
    const controller = new AbortController();
    const options = { afterRevision: this.#startRevision, signal: controller.signal, marksPresent: true };
    for await (const batch of this.#store.watch([this.#prefix], options)) {
      events.push(...batch.events);
      if (batch.revision >= latest) break;
    }
    controller.abort();
    return events;
  }

  async #watch(): Promise<void> {
    const options = { afterRevision: this.#startRevision, signal: this.#watchEnd.signal, marksPresent: true };
    try {
      for await (const { events, revision } of this.#store.watch([this.#prefix], options)) {
        this.events.push(...events);
        this.#told = revision;
        this.#changed();
      }
    } catch (error) {
      this.#watchError = error;
      this.#changed();
    }
  }

  async #write(key: string): Promise<void> {
    let count = 0;
    let revision = 0;
    while (!this.#stopping.signal.aborted) {
      const startedAt = performance.now();
      try {
        const precondition =
          revision === 0
            ? { kind: 'absent' as const }
            : { kind: 'modRevision' as const, modRevision: revision };
        const value = String(count + 1);
        const result = await this.#store.commit([{ kind: 'put', key, value: bytes(value), precondition }]);
        if (result.ok) {
          count += 1;
          revision = result.modRevisions[0] ?? 0;
          this.acknowledged.push({ key, value, revision });
          this.#ackedAtMs.push(performance.now());
        } else {
          // Only a write of ours whose end was not known can stand there.
          count = Number(text(result.current?.value) ?? '0');
          revision = result.current?.modRevision ?? 0;
        }
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.errors.push({ error, tookMs: performance.now() - startedAt, atMs: performance.now() });
        // It may have been made, and may yet be made: the next value must be another one.
        count += 1;
      }
      this.#changed();
    }
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #until(isReached: () => boolean, boundMs: number, wanted: string): Promise<void> {
    const bound = AbortSignal.timeout(boundMs);
    while (!isReached()) {
      if (bound.aborted) {
        const last = this.errors.at(-1)?.error.message ?? 'none';
        throw new Error(
          `waited ${boundMs} ms for ${wanted}; there are ${this.acknowledged.length} acknowledged writes, ${this.events.length} events up to revision ${this.#told}, ${this.errors.length} errors, the last: ${last}`,
          { cause: this.#watchError },
        );
      }
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        bound.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }
}

function name({ kind, key, revision, current }: StoreEvent): string {
  return `${kind} ${key}=${text(current?.value)}@${revision}`;
}
