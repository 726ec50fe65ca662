/**
 * A store seen through dense revisions: 1, 2, 3, …, one for each event in order, where the store itself leaves numbers
 * out. The suite counts revisions; through this it can be run on an engine that does not.
 *
 * It listens to everything the store tells, from the beginning, and knows a revision only by that. So it also proves
 * that the watch tells of every write, in order, once: what is missing or repeated shifts every number after it.
 */
import type {
  CommitResult,
  GetOptions,
  HistoryQuery,
  KeyValue,
  OldestMoment,
  Precondition,
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

/** Further than any store gets in a test. */
const FAR = 2 ** 40;
const PATIENCE_MS = 10_000;
/** Revisions of the store that stand for one of etcd. */
const TRANSACTION = 1024;

export class DenseStore implements Store {
  readonly #store: Store;
  /** What the empty store was at. */
  readonly #base: number;
  /** The store's revision of the n-th event. */
  readonly #revisions: number[] = [];
  /** The store's revisions of a key's puts. */
  readonly #puts = new Map<string, number[]>();
  readonly #stop = new AbortController();
  readonly #listening: Promise<void>;
  #heardUpTo: number;
  #error: unknown;
  #changed = Promise.withResolvers<void>();

  /** @param store new and empty, and owned from here on. */
  constructor(store: Store) {
    this.#store = store;
    this.#base = store.revision();
    this.#heardUpTo = this.#base;
    this.#listening = this.#listen();
  }

  get clusterId(): string {
    return this.#store.clusterId;
  }

  get isShared(): boolean {
    return this.#store.isShared;
  }

  async get(key: string, options: GetOptions = {}): Promise<KeyValue | undefined> {
    return this.#denseValue(await this.#store.get(key, this.#real(options)));
  }

  async range(prefix: string, options: RangeOptions = {}): Promise<RangeResult> {
    const { items, revision, more } = await this.#store.range(prefix, this.#real(options));
    const dense = await this.#dense(revision);
    return {
      items: await Promise.all(items.map((item) => this.#mustDenseValue(item))),
      revision: dense,
      more,
    };
  }

  async history(key: string, query: HistoryQuery): Promise<StoreHistory> {
    const { beforeRevision, ...rest } = query;
    const { versions, more, oldestRevision } = await this.#store.history(key, {
      ...rest,
      ...(beforeRevision === undefined ? {} : { beforeRevision: this.#realRevision(beforeRevision) }),
    });
    return {
      versions: await Promise.all(
        versions.map(async (version) => ({
          ...version,
          revision: await this.#denseOfEvent(version.revision),
          current: await this.#denseValue(version.current),
        })),
      ),
      more,
      oldestRevision: this.#count(oldestRevision),
    };
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    const result = await this.#store.commit(
      writes.map((write) => ({ ...write, precondition: this.#realPrecondition(write.precondition) })),
    );
    const revision = await this.#dense(result.revision);
    if (!result.ok) return { ...result, revision, current: await this.#denseValue(result.current) };
    const modRevisions = await Promise.all(
      result.modRevisions.map(async (one) => (one === undefined ? undefined : this.#denseOfEvent(one))),
    );
    return { ...result, revision, modRevisions };
  }

  async *watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    const afterRevision = this.#realMoment(options.afterRevision);
    for await (const batch of this.#store.watch(prefixes, { ...options, afterRevision })) {
      const revision = await this.#dense(batch.revision);
      const events = await Promise.all(batch.events.map((event) => this.#denseEvent(event)));
      // That nothing more came up to here is news for whoever asked for marks alone.
      if (events.length > 0 || options.marksPresent === true) yield { events, revision };
    }
  }

  revision(): number {
    return this.#count(this.#store.revision());
  }

  async latestRevision(signal?: AbortSignal): Promise<number> {
    return this.#dense(await this.#store.latestRevision(signal));
  }

  async momentAt(timeMs: number): Promise<StoreMoment> {
    return this.#denseMoment(await this.#store.momentAt(timeMs));
  }

  async oldestMoment(prefix?: string): Promise<OldestMoment> {
    const { beganAtMs, ...moment } = await this.#store.oldestMoment(prefix);
    return { ...(await this.#denseMoment(moment)), ...(beganAtMs === undefined ? {} : { beganAtMs }) };
  }

  async compact(revision: number): Promise<void> {
    await this.#store.compact(this.#realMoment(revision));
  }

  holdHistory(revision: number): () => void {
    return this.#store.holdHistory(this.#realMoment(revision));
  }

  compactedRevision(): number {
    return this.#count(this.#store.compactedRevision());
  }

  size(): Promise<StoreSize> {
    return this.#store.size();
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#listening;
    this.#stop.abort();
  }

  async #listen(): Promise<void> {
    try {
      const { signal } = this.#stop;
      for await (const batch of this.#store.watch([''], { afterRevision: this.#base, signal })) {
        for (const { kind, key, revision } of batch.events) {
          if (revision <= this.#heardUpTo) throw new Error(`${kind} ${key} @${revision} was told twice`);
          this.#heardUpTo = revision;
          this.#revisions.push(revision);
          if (kind !== 'put') continue;
          const puts = this.#puts.get(key) ?? [];
          puts.push(revision);
          this.#puts.set(key, puts);
        }
        this.#heardUpTo = batch.revision;
        this.#wake();
      }
    } catch (error) {
      this.#error = error;
    }
    // After the end nothing more is heard: whatever is asked for is what is known.
    this.#heardUpTo = Number.POSITIVE_INFINITY;
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  async #heard(revision: number): Promise<void> {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    while (this.#heardUpTo < revision) {
      const late = Promise.withResolvers<void>();
      deadline.addEventListener('abort', () => late.resolve(), { once: true });
      await Promise.race([this.#changed.promise, late.promise]);
      if (deadline.aborted) {
        throw new Error(`the watch of everything is at ${this.#heardUpTo} and has not reached ${revision}`);
      }
    }
    if (this.#error !== undefined) throw new Error('the watch of everything failed', { cause: this.#error });
  }

  /** Events up to a revision of the store. */
  #count(revision: number): number {
    let low = 0;
    for (let high = this.#revisions.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.#revisions[middle] ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #dense(revision: number): Promise<number> {
    await this.#heard(revision);
    return this.#count(revision);
  }

  /** As `#dense`, for a revision that a write has: it must have been told. */
  async #denseOfEvent(revision: number): Promise<number> {
    const dense = await this.#dense(revision);
    if (this.#revisions[dense - 1] !== revision) throw new Error(`the watch never told of @${revision}`);
    return dense;
  }

  #realRevision(dense: number): number {
    if (dense === 0) return this.#base;
    return this.#revisions[dense - 1] ?? this.#store.revision() + FAR + dense;
  }

  /** A moment: after the last write of a transaction it is the end of that, as the store itself would say. */
  #realMoment(dense: number): number {
    const real = this.#realRevision(dense);
    const next = this.#revisions[dense];
    const isLast = next === undefined || transactionOf(next) > transactionOf(real);
    return dense > 0 && dense <= this.#revisions.length && isLast
      ? (transactionOf(real) + 1) * TRANSACTION - 1
      : real;
  }

  #real<Options extends GetOptions>(options: Options): Options {
    if (options.revision === undefined) return options;
    return { ...options, revision: this.#realMoment(options.revision) };
  }

  #realPrecondition(precondition: Precondition): Precondition {
    if (precondition.kind !== 'modRevision') return precondition;
    return { kind: 'modRevision', modRevision: this.#realRevision(precondition.modRevision) };
  }

  async #denseValue(value: KeyValue | undefined): Promise<KeyValue | undefined> {
    return value === undefined ? undefined : this.#mustDenseValue(value);
  }

  async #mustDenseValue(value: KeyValue): Promise<KeyValue> {
    const modRevision = await this.#denseOfEvent(value.modRevision);
    // The engine knows in which transaction a key was made, and not as which of its writes.
    const puts = this.#puts.get(value.key) ?? [];
    const made = puts[puts.indexOf(value.modRevision) - value.version + 1] ?? 0;
    if (transactionOf(made) !== transactionOf(value.createRevision)) {
      throw new Error(`${value.key} was made @${made}, and its createRevision is ${value.createRevision}`);
    }
    return { ...value, modRevision, createRevision: this.#count(made) };
  }

  async #denseEvent(event: StoreEvent): Promise<StoreEvent> {
    return {
      ...event,
      revision: await this.#denseOfEvent(event.revision),
      current: await this.#denseValue(event.current),
      previous: await this.#denseValue(event.previous),
    };
  }

  async #denseMoment({ revision, writtenAtMs }: StoreMoment): Promise<StoreMoment> {
    return { revision: await this.#dense(revision), writtenAtMs };
  }
}

function transactionOf(revision: number): number {
  return Math.floor(revision / TRANSACTION);
}
