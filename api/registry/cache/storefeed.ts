/**
 * The one line from the store to all watch caches: it fills them at one revision, then applies every event in
 * revision order. Readers who must see all acknowledged writes wait here until the caches have reached them.
 * Caches come and go while it runs: one that is added hears of every change from the moment on, is filled beside the
 * others, and takes no change twice.
 *
 * When the store says that the feed fell too far behind, everything is read anew and all watchers are ended as
 * expired; when the store does not answer, the feed tries again with backoff and is not ready meanwhile.
 */
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { ApiError, messageOf, StoreError } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import type { KeyValue, Store, WatchBatch } from '../../../store/store.ts';
import { REGISTRY_PREFIX } from '../keys.ts';
import { unavailable } from '../storeerrors.ts';
import type { CachedObject } from './cachedobject.ts';
import type { WatchCache } from './watchcache.ts';

const PAGE_SIZE = 1_000;
/** How long a read waits for the caches before it gives up. */
const PATIENCE_MS = 10_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 5_000;

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

export class StoreFeed {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By key prefix; two while one cache takes over from another. */
  readonly #caches = new Map<string, WatchCache[]>();
  readonly #closing = new AbortController();
  readonly #waiters = new Set<Waiter>();
  #revision = 0;
  #isReady = false;
  #running: Promise<void> = Promise.resolve();

  constructor(store: Store, caches: readonly WatchCache[], clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    for (const cache of caches) this.#connect(cache);
  }

  /** Resolves when every cache holds the present; rejects when the store cannot be read. */
  async start(): Promise<void> {
    await this.#fill();
    this.#isReady = true;
    this.#running = this.#run();
  }

  /**
   * Resolves when the cache holds what the store holds and follows it. Rejects when the store cannot be read, or when
   * the feed closes.
   */
  async add(cache: WatchCache): Promise<void> {
    this.#connect(cache);
    try {
      for (let isFilled = false; !isFilled; ) {
        if (this.#closing.signal.aborted) throw unavailable('the server is shutting down');
        const items: CachedObject[] = [];
        const revision = await this.#read(cache.entry.prefix, (item) => items.push(cache.decode(item)));
        isFilled = cache.replace(items, revision);
      }
    } catch (error) {
      this.remove(cache);
      throw error;
    }
    if (this.#closing.signal.aborted) cache.close();
  }

  /** Ends the cache's watches, with the error where there is one, and lets go of it. */
  remove(cache: WatchCache, farewell?: ApiError): void {
    const { prefix } = cache.entry;
    const left = (this.#caches.get(prefix) ?? []).filter((other) => other !== cache);
    if (left.length === 0) this.#caches.delete(prefix);
    else this.#caches.set(prefix, left);
    cache.close(farewell);
  }

  #connect(cache: WatchCache): void {
    const { prefix } = cache.entry;
    this.#caches.set(prefix, [...(this.#caches.get(prefix) ?? []), cache]);
  }

  *#all(): Generator<WatchCache> {
    for (const caches of this.#caches.values()) yield* caches;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Aborts when the feed closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** The revision all caches are at. */
  get revision(): number {
    return this.#revision;
  }

  /** Resolves once the caches are at the revision. Rejects with `Unavailable` after 10 s, or when aborted or closed. */
  async reach(revision: number, signal?: AbortSignal, patienceMs = PATIENCE_MS): Promise<void> {
    if (this.#revision >= revision) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        timer.cancel();
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', finish);
        this.#closing.signal.removeEventListener('abort', finish);
        resolve();
      };
      const waiter: Waiter = { revision, resolve: finish };
      const timer = this.#clock.after(patienceMs, finish);
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', finish, { once: true });
      this.#closing.signal.addEventListener('abort', finish, { once: true });
      if (signal?.aborted === true || this.#closing.signal.aborted) finish();
    });
    if (this.#revision >= revision) return;
    if (signal?.aborted === true) throw new ApiError('Timeout', 'the request was cancelled by its caller');
    if (this.#closing.signal.aborted) throw unavailable('the server is shutting down');
    throw unavailable(`the cache is at revision ${this.#revision} and has not reached ${revision} yet`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const cache of this.#all()) cache.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(retryMs * 2, MAX_RETRY_MS)) {
      let mustRefill = false;
      try {
        for await (const batch of this.#store.watch(['/'], { afterRevision: this.#revision, signal })) {
          this.#apply(batch);
          retryMs = FIRST_RETRY_MS;
        }
        if (signal.aborted) return;
        this.#log.warn('the store ended its watch; trying again');
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ reason: messageOf(error) }, 'the watch of the store broke; trying again');
        mustRefill = error instanceof StoreError && error.reason === 'Compacted';
      }
      this.#isReady = false;
      await sleep(this.#clock, retryMs, signal);
      if (!signal.aborted) await this.#comeBack(mustRefill);
    }
  }

  /** Ready again once the store answers; what broke the watch may break it again, and that is seen there. */
  async #comeBack(mustRefill: boolean): Promise<void> {
    try {
      if (mustRefill) await this.#fill();
      else await this.#store.range(REGISTRY_PREFIX, { limit: 1 });
      this.#isReady = true;
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the store cannot be read; trying again');
    }
  }

  /** Fills all caches with all objects at one revision. */
  async #fill(): Promise<void> {
    const found = new Map([...this.#all()].map((cache): [WatchCache, CachedObject[]] => [cache, []]));
    const revision = await this.#read(REGISTRY_PREFIX, (item) => {
      for (const cache of this.#caches.get(prefixOf(item.key)) ?? [])
        found.get(cache)?.push(cache.decode(item));
    });
    for (const [cache, items] of found) cache.replace(items, revision);
    this.#reached(revision);
  }

  /** Reads everything under a prefix at one revision, page by page; returns the revision. */
  async #read(prefix: string, take: (item: KeyValue) => void): Promise<number> {
    let revision: number | undefined;
    let after: string | undefined;
    for (let more = true; more; ) {
      const page = await this.#store.range(prefix, {
        limit: PAGE_SIZE,
        ...(after === undefined ? {} : { after }),
        ...(revision === undefined ? {} : { revision }),
      });
      for (const item of page.items) take(item);
      revision = page.revision;
      after = page.items.at(-1)?.key;
      more = page.more && after !== undefined;
    }
    return revision ?? 0;
  }

  #apply(batch: WatchBatch): void {
    for (const event of batch.events) {
      for (const cache of this.#caches.get(prefixOf(event.key)) ?? []) cache.apply(event);
    }
    for (const cache of this.#all()) cache.advance(batch.revision);
    this.#reached(batch.revision);
  }

  #reached(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    for (const waiter of this.#waiters) {
      if (waiter.revision <= this.#revision) waiter.resolve();
    }
  }
}

/** `/registry/<group>/<plural>/` of a key. */
function prefixOf(key: string): string {
  const plural = key.indexOf('/', REGISTRY_PREFIX.length);
  return key.slice(0, key.indexOf('/', plural + 1) + 1);
}
