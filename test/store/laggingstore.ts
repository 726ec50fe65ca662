/**
 * One server's end of a store that several servers share, without a network: reads and commits go straight through, its
 * watches can be held back. So every case in which a server's caches are behind the others is made at will.
 */
import type {
  CommitResult,
  GetOptions,
  HistoryQuery,
  KeyValue,
  OldestMoment,
  RangeOptions,
  RangeResult,
  Store,
  StoreHistory,
  StoreMoment,
  StoreSize,
  StoreWatchOptions,
  WatchBatch,
  Write,
} from '../../store/store.ts';

export class LaggingStore implements Store {
  readonly isShared: boolean;
  readonly #inner: Store;
  /** What this server has heard of or committed itself. */
  #revision: number;
  #held: PromiseWithResolvers<void> | undefined;
  #heldCommits: PromiseWithResolvers<void> | undefined;
  #latestCalls = 0;

  /** The inner store stays the caller's to close. @param isShared false: as if nobody else wrote. */
  constructor(inner: Store, isShared = true) {
    this.isShared = isShared;
    this.#inner = inner;
    this.#revision = inner.revision();
  }

  get clusterId(): string {
    return this.#inner.clusterId;
  }

  /** How often the store was asked for the newest revision. */
  get latestCalls(): number {
    return this.#latestCalls;
  }

  /** From now on its watches tell nothing. */
  hold(): void {
    this.#held ??= Promise.withResolvers();
  }

  /** They tell all that was held back, and go on. */
  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }

  /** From now on its commits are on their way and do not arrive. */
  holdCommits(): void {
    this.#heldCommits ??= Promise.withResolvers();
  }

  releaseCommits(): void {
    this.#heldCommits?.resolve();
    this.#heldCommits = undefined;
  }

  get(key: string, options?: GetOptions): Promise<KeyValue | undefined> {
    return this.#inner.get(key, options);
  }

  range(prefix: string, options?: RangeOptions): Promise<RangeResult> {
    return this.#inner.range(prefix, options);
  }

  history(key: string, query: HistoryQuery): Promise<StoreHistory> {
    return this.#inner.history(key, query);
  }

  async commit(writes: readonly Write[]): Promise<CommitResult> {
    await this.#heldCommits?.promise;
    const result = await this.#inner.commit(writes);
    if (result.ok) this.#revision = Math.max(this.#revision, result.revision);
    return result;
  }

  async *watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch> {
    const ended = new Promise<void>((resolve) => {
      options.signal.addEventListener('abort', () => resolve(), { once: true });
    });
    for await (const batch of this.#inner.watch(prefixes, options)) {
      while (this.#held !== undefined && !options.signal.aborted) {
        await Promise.race([this.#held.promise, ended]);
      }
      this.#revision = Math.max(this.#revision, batch.revision);
      yield batch;
    }
  }

  revision(): number {
    return this.#revision;
  }

  latestRevision(signal?: AbortSignal): Promise<number> {
    this.#latestCalls++;
    return this.#inner.latestRevision(signal);
  }

  momentAt(timeMs: number): Promise<StoreMoment> {
    return this.#inner.momentAt(timeMs);
  }

  oldestMoment(prefix?: string): Promise<OldestMoment> {
    return this.#inner.oldestMoment(prefix);
  }

  compact(revision: number): Promise<void> {
    return this.#inner.compact(revision);
  }

  holdHistory(revision: number): () => void {
    return this.#inner.holdHistory(revision);
  }

  compactedRevision(): number {
    return this.#inner.compactedRevision();
  }

  size(): Promise<StoreSize> {
    return this.#inner.size();
  }

  async close(): Promise<void> {
    this.release();
    this.releaseCommits();
  }
}
