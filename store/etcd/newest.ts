/** The newest revision of etcd that this process knows to be acknowledged, and asking etcd for the newest there is. */
import { StoreError } from '../../machinery/errors.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdHeader } from './client.ts';

export interface NewestOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  /** Throws when the answer is from another etcd than this store was opened on. */
  readonly checkHeader: (header: EtcdHeader) => void;
  /** Rejects when the cluster's record is not that of this store any more. */
  readonly checkRecord: () => Promise<void>;
  /**
   * Called when etcd has lost what it had acknowledged, as after a restore from a snapshot under its old cluster id;
   * gives what those who ask are told.
   */
  readonly onFallenBack: (was: number, is: number) => Promise<StoreError>;
  readonly known: number;
}

export class Newest {
  readonly #options: NewestOptions;
  #known: number;
  /** Of the newest mark that was read or written here. */
  #marked = 0;
  /** Of the cluster's record, as it was checked last. */
  #checked = 0;
  #asking: Promise<number> | undefined;
  #askingNext: Promise<number> | undefined;

  constructor(options: NewestOptions) {
    this.#options = options;
    this.#known = options.known;
  }

  get known(): number {
    return this.#known;
  }

  learn(etcdRevision: number): void {
    if (etcdRevision > this.#known) this.#known = etcdRevision;
  }

  /** A transaction of this process, acknowledged, with its mark. */
  wrote(etcdRevision: number): void {
    this.learn(etcdRevision);
    this.#marked = Math.max(this.#marked, etcdRevision);
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
    const { client, keys, checkHeader, checkRecord, onFallenBack } = this.#options;
    const before = this.#marked;
    // Mark and record are neighbours: what another server says of the cluster is seen with the same question.
    const { items, header } = await client.range({ key: keys.mark, end: `${keys.meta}\0`, keysOnly: true });
    checkHeader(header);
    const revisionOf = (wanted: string): number => items.find(({ key }) => key === wanted)?.modRevision ?? 0;
    const [mark, record] = [revisionOf(keys.mark), revisionOf(keys.meta)];
    if (record !== this.#checked) {
      await checkRecord();
      this.#checked = record;
    }
    if (mark === 0) {
      throw new StoreError('Corrupt', `etcd key "${keys.mark}" is gone: somebody deleted it; restore etcd`);
    }
    if (mark < before) throw await onFallenBack(before, mark);
    this.wrote(mark);
    return mark;
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
