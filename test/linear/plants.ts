/**
 * Faults planted into a real store, one by one, to see that they are found. Each answers as if nothing were wrong:
 * only what clients are told over time gives it away.
 */
import { type Random, seededRandom } from '../../machinery/random.ts';
import type {
  CommitResult,
  GetOptions,
  HistoryQuery,
  KeyValue,
  OldestMoment,
  RangeOptions,
  RangeResult,
  Store,
  StoreEvent,
  StoreHistory,
  StoreMoment,
  StoreSize,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from '../../store/store.ts';

export interface Plant {
  readonly name: string;
  /** Which judge must find it, without the others' help. */
  readonly foundBy: 'order' | 'laws';
  readonly plant: (store: Store, seed: number) => Store;
}

/** How often a fault strikes where it can. */
const RATE = 0.05;

export const plants: readonly Plant[] = [
  {
    name: 'an acknowledged write is lost',
    foundBy: 'order',
    plant: (store, seed) => new Losing(store, seed),
  },
  { name: 'a read is stale', foundBy: 'order', plant: (store, seed) => new Stale(store, seed) },
  {
    name: 'a retried write is applied twice',
    foundBy: 'order',
    plant: (store, seed) => new Twice(store, seed),
  },
  {
    name: 'a write is applied after a later one',
    foundBy: 'order',
    plant: (store, seed) => new Late(store, seed),
  },
  { name: 'a value is read that was never committed', foundBy: 'order', plant: (store) => new Dirty(store) },
  {
    name: 'a precondition is not looked at',
    foundBy: 'order',
    plant: (store, seed) => new Blind(store, seed),
  },
  { name: 'a refusal is invented', foundBy: 'order', plant: (store, seed) => new Refusing(store, seed) },
  { name: 'a watch leaves an event out', foundBy: 'laws', plant: (store, seed) => new Gap(store, seed) },
  { name: 'a watch tells an event twice', foundBy: 'laws', plant: (store, seed) => new Repeat(store, seed) },
  {
    name: 'a watch tells two events in the wrong order',
    foundBy: 'laws',
    plant: (store, seed) => new Swap(store, seed),
  },
];

/** The store behind, as it is. */
class Behind implements Store {
  protected readonly store: Store;
  protected readonly random: Random;

  constructor(store: Store, seed = 0) {
    this.store = store;
    this.random = seededRandom(seed);
  }

  get clusterId(): string {
    return this.store.clusterId;
  }

  get isShared(): boolean {
    return this.store.isShared;
  }

  protected strikes(): boolean {
    return this.random.next() < RATE;
  }

  get(key: string, options?: GetOptions): Promise<KeyValue | undefined> {
    return this.store.get(key, options);
  }

  /** Reads key by key through `get`, so that a fault of reads is in ranges too. */
  async range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    const page = await this.store.range(prefix, options);
    const items = await Promise.all(page.items.map(({ key }) => this.get(key)));
    return { ...page, items: items.filter((item) => item !== undefined) };
  }

  history(key: string, query: HistoryQuery): Promise<StoreHistory> {
    return this.store.history(key, query);
  }

  commit(writes: readonly Write[]): Promise<CommitResult> {
    return this.store.commit(writes);
  }

  watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    return this.store.watch(prefixes, options);
  }

  revision(): number {
    return this.store.revision();
  }

  latestRevision(signal?: AbortSignal): Promise<number> {
    return this.store.latestRevision(signal);
  }

  momentAt(timeMs: number): Promise<StoreMoment> {
    return this.store.momentAt(timeMs);
  }

  oldestMoment(): Promise<OldestMoment> {
    return this.store.oldestMoment();
  }

  compact(revision: number): Promise<void> {
    return this.store.compact(revision);
  }

  holdHistory(revision: number): () => void {
    return this.store.holdHistory(revision);
  }

  compactedRevision(): number {
    return this.store.compactedRevision();
  }

  size(): Promise<StoreSize> {
    return this.store.size();
  }

  close(): Promise<void> {
    return this.store.close();
  }
}

/** Acknowledges a put and goes on as if it had not been: reads and preconditions find what was there before. */
class Losing extends Behind {
  readonly #before = new Map<string, KeyValue>();

  override async get(key: string, options?: GetOptions): Promise<KeyValue | undefined> {
    return this.#before.get(key) ?? (await this.store.get(key, options));
  }

  override async commit(writes: readonly Write[]): Promise<CommitResult> {
    const [write] = writes;
    if (write === undefined) return this.store.commit(writes);
    const lost = this.#before.get(write.key);
    if (lost !== undefined) {
      const real = await this.store.get(write.key);
      const { precondition } = write;
      const isMet = precondition.kind === 'modRevision' && precondition.modRevision === lost.modRevision;
      if (isMet && real !== undefined) {
        const translated = { kind: 'modRevision' as const, modRevision: real.modRevision };
        const result = await this.store.commit([{ ...write, precondition: translated }]);
        this.#before.delete(write.key);
        return result;
      }
      if (precondition.kind === 'none') this.#before.delete(write.key);
      else return { ok: false, failed: 0, current: lost, revision: this.store.revision() };
    }
    const before = await this.store.get(write.key);
    const result = await this.store.commit(writes);
    const wasReplaced =
      write.precondition.kind === 'modRevision' && write.precondition.modRevision === before?.modRevision;
    if (result.ok && before !== undefined && wasReplaced && write.kind === 'put' && this.strikes()) {
      this.#before.set(write.key, before);
    }
    return result;
  }
}

/** Sometimes reads the value that was there before the last write. */
class Stale extends Behind {
  override async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    const now = await this.store.get(key, options);
    if (now === undefined || now.version < 2 || !this.strikes()) return now;
    return this.store.get(key, { revision: now.modRevision - 1 });
  }
}

/** Sometimes sends a put without a precondition once more, a little later. */
class Twice extends Behind {
  override async commit(writes: readonly Write[]): Promise<CommitResult> {
    const result = await this.store.commit(writes);
    const [write] = writes;
    if (result.ok && write?.kind === 'put' && write.precondition.kind === 'none' && this.random.next() < 0.3)
      await this.store.commit(writes);
    return result;
  }
}

/** Acknowledges a put at once, and applies it after the next write of the same key. */
class Late extends Behind {
  readonly #late = new Map<string, Write>();

  override async commit(writes: readonly Write[]): Promise<CommitResult> {
    const [write] = writes;
    if (write === undefined) return this.store.commit(writes);
    const late = this.#late.get(write.key);
    if (late !== undefined) {
      this.#late.delete(write.key);
      const result = await this.store.commit(writes);
      await this.store.commit([late]);
      return result;
    }
    if (write.kind === 'put' && write.precondition.kind === 'none' && this.random.next() < 0.3) {
      // The revision it is given is a true one, of something else.
      const other = { ...write, key: '/elsewhere' };
      this.#late.set(write.key, write);
      return this.store.commit([other]);
    }
    return this.store.commit(writes);
  }
}

/** Shows a put to readers before it is known whether its precondition holds. */
class Dirty extends Behind {
  readonly #pending = new Map<string, Uint8Array>();

  override async get(key: string, options?: GetOptions): Promise<KeyValue | undefined> {
    const now = await this.store.get(key, options);
    const value = this.#pending.get(key);
    if (now === undefined || value === undefined) return now;
    return { ...now, value, modRevision: this.store.revision() + 1, version: now.version + 1 };
  }

  override async commit(writes: readonly Write[]): Promise<CommitResult> {
    for (const write of writes) {
      if (write.kind === 'put' && write.precondition.kind !== 'none')
        this.#pending.set(write.key, write.value);
    }
    // Long enough for others to read meanwhile.
    for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      return await this.store.commit(writes);
    } finally {
      for (const { key } of writes) this.#pending.delete(key);
    }
  }
}

/** Sometimes writes over what was written since the caller had looked. */
class Blind extends Behind {
  override async commit(writes: readonly Write[]): Promise<CommitResult> {
    const result = await this.store.commit(writes);
    if (result.ok || !this.strikes()) return result;
    return this.store.commit(writes.map((write) => ({ ...write, precondition: { kind: 'none' } })));
  }
}

/** Sometimes refuses a write whose precondition holds, as a server does that decides on an old copy. */
class Refusing extends Behind {
  override async commit(writes: readonly Write[]): Promise<CommitResult> {
    const [write] = writes;
    if (write?.precondition.kind !== 'modRevision' || !this.strikes()) return this.store.commit(writes);
    const now = await this.store.get(write.key);
    if (now === undefined || now.version < 2) return this.store.commit(writes);
    const current = await this.store.get(write.key, { revision: now.modRevision - 1 });
    return { ok: false, failed: 0, current, revision: this.store.revision() };
  }
}

/** Changes what a watch tells, event by event. */
abstract class Watching extends Behind {
  protected abstract told(events: readonly StoreEvent[]): readonly StoreEvent[];

  override async *watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    for await (const batch of this.store.watch(prefixes, options)) {
      yield { ...batch, events: this.told(batch.events) };
    }
  }
}

class Gap extends Watching {
  protected told(events: readonly StoreEvent[]): readonly StoreEvent[] {
    return events.filter(() => this.random.next() >= RATE);
  }
}

class Repeat extends Watching {
  protected told(events: readonly StoreEvent[]): readonly StoreEvent[] {
    return events.flatMap((event) => (this.strikes() ? [event, event] : [event]));
  }
}

class Swap extends Watching {
  #held: StoreEvent | undefined;

  protected told(events: readonly StoreEvent[]): readonly StoreEvent[] {
    const told: StoreEvent[] = [];
    for (const event of events) {
      if (this.#held === undefined && this.strikes()) this.#held = event;
      else {
        told.push(event);
        if (this.#held !== undefined) told.push(this.#held);
        this.#held = undefined;
      }
    }
    return told;
  }
}
