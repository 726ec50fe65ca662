/** The newest revision of etcd that this process knows to be acknowledged, and asking etcd for the newest there is. */
import { StoreError } from '../../machinery/errors.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdHeader } from './client.ts';

export class Newest {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #checkHeader: (header: EtcdHeader) => void;
  #known: number;
  #asking: Promise<number> | undefined;
  #askingNext: Promise<number> | undefined;

  constructor(client: EtcdClient, keys: EtcdKeys, checkHeader: (header: EtcdHeader) => void, known: number) {
    this.#client = client;
    this.#keys = keys;
    this.#checkHeader = checkHeader;
    this.#known = known;
  }

  get known(): number {
    return this.#known;
  }

  learn(etcdRevision: number): void {
    if (etcdRevision > this.#known) this.#known = etcdRevision;
  }

  /** Linearizable: the newest at some moment between the call and the answer. Throws `StoreError`. */
  async ask(signal?: AbortSignal): Promise<number> {
    // What is under way was asked before this call: its answer may be too old. What waits to be asked is shared.
    const answer =
      this.#asking === undefined ? this.#ask() : (this.#askingNext ??= this.#askAfter(this.#asking));
    return signal === undefined ? answer : abortable(answer, signal);
  }

  #ask(): Promise<number> {
    this.#asking = this.#read().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askAfter(before: Promise<number>): Promise<number> {
    // How that one ends is told to those who asked for it.
    await before.catch(() => undefined);
    this.#askingNext = undefined;
    return this.#ask();
  }

  async #read(): Promise<number> {
    const { mark } = this.#keys;
    const { items, header } = await this.#client.range({ key: mark, keysOnly: true });
    this.#checkHeader(header);
    const [found] = items;
    if (found === undefined) {
      throw new StoreError('Corrupt', `etcd key "${mark}" is gone: somebody deleted it; restore etcd`);
    }
    this.learn(found.modRevision);
    return found.modRevision;
  }
}

async function abortable<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void =>
    reject(new StoreError('Unavailable', 'the caller no longer waits', { cause: signal.reason }));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
