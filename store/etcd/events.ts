/**
 * From what etcd's watch tells to the store's events: whole transactions, their writes in order of position.
 *
 * The mark is the last put of a transaction, so its event closes the revision. What somebody else wrote under the prefix
 * has no mark: such a revision is closed by the end of what the server sent together, or by the next revision.
 */

import { messageOf, StoreError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { Envelopes } from '../envelope.ts';
import { hasAnyPrefix } from '../keys.ts';
import type { KeyValue, StoreEvent, StoreVersion } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdEvent, EtcdKeyValue, EtcdWatchBatch } from './client.ts';
import { decodeMark, type Mark } from './mark.ts';
import type { Versions } from './versions.ts';

/** One transaction of etcd, whole. */
export interface Transaction {
  readonly etcdRevision: number;
  /** Of values only. */
  readonly events: readonly EtcdEvent[];
  readonly mark: EtcdKeyValue | undefined;
  /** The cluster's own record was written. */
  readonly isMetaChange: boolean;
}

/** Puts transactions together again out of what the watch sends. */
export class Assembler {
  readonly #keys: EtcdKeys;
  #events: EtcdEvent[] = [];
  #isMetaChange = false;
  /** Of the transaction that is not whole yet; 0 for none. */
  #open = 0;

  constructor(keys: EtcdKeys) {
    this.#keys = keys;
  }

  add(batch: EtcdWatchBatch): readonly Transaction[] {
    const whole: Transaction[] = [];
    for (const event of batch.events) {
      const { key, modRevision } = event.current;
      if (modRevision !== this.#open) this.#close(whole, undefined);
      this.#open = modRevision;
      if (key === this.#keys.mark && event.kind === 'put') this.#close(whole, event.current);
      else if (key === this.#keys.meta) this.#isMetaChange = true;
      else if (this.#keys.storeKey(key) !== undefined) this.#events.push(event);
    }
    if (!batch.isFragment) this.#close(whole, undefined);
    return whole;
  }

  #close(whole: Transaction[], mark: EtcdKeyValue | undefined): void {
    if (this.#open === 0) return;
    whole.push({
      etcdRevision: this.#open,
      events: this.#events,
      mark,
      isMetaChange: this.#isMetaChange,
    });
    this.#events = [];
    this.#isMetaChange = false;
    this.#open = 0;
  }
}

/** Opens what etcd keeps, and says what it is in the store's terms. */
export class Decoder {
  readonly #keys: EtcdKeys;
  readonly #versions: Versions;
  readonly #envelopes: Envelopes;
  readonly #log: Log;

  constructor(keys: EtcdKeys, versions: Versions, envelopes: Envelopes, log: Log) {
    this.#keys = keys;
    this.#versions = versions;
    this.#envelopes = envelopes;
    this.#log = log;
  }

  /** Throws `StoreError('Corrupt')` naming the key. */
  value(item: EtcdKeyValue): KeyValue {
    const key = this.#keys.storeKey(item.key) ?? item.key;
    const { payload, writtenAtMs, position, note } = this.#open(key, item);
    const found = {
      key,
      value: payload,
      // Where in its transaction a key was first written is not kept: its first write is somewhere in there.
      createRevision: this.#versions.at(
        item.createRevision,
        item.createRevision === item.modRevision ? position : 0,
      ),
      modRevision: this.#versions.at(item.modRevision, position),
      version: item.version,
      writtenAtMs,
    };
    return note === undefined ? found : { ...found, note };
  }

  /** What was noted with the last delete of a key. Throws `StoreError('Corrupt')`. */
  gone(key: string, item: EtcdKeyValue): Pick<StoreVersion, 'revision' | 'writtenAtMs' | 'note'> {
    const { position, writtenAtMs, note } = this.#open(key, item);
    return { revision: this.#versions.at(item.modRevision, position), writtenAtMs, note };
  }

  #open(key: string, item: EtcdKeyValue): ReturnType<Envelopes['open']> {
    return this.#envelopes.open(key, this.#versions.at(item.modRevision, 0), item.value);
  }

  /**
   * The events of a transaction for keys under any of the prefixes, in order. What no Gantry has written like that is
   * left out with a warning, so that one bad value stops nobody from hearing of all others. Throws
   * `StoreError('Corrupt')` for values that only this process cannot read.
   */
  events(transaction: Transaction, prefixes: readonly string[]): StoreEvent[] {
    const mark = this.#markOf(transaction);
    const events: StoreEvent[] = [];
    for (const [at, event] of transaction.events.entries()) {
      const key = this.#keys.storeKey(event.current.key);
      if (key === undefined || !hasAnyPrefix(key, prefixes)) continue;
      const previous = this.#known(event.previous);
      if (event.kind === 'delete') {
        const position = mark?.deletes.get(key) ?? at;
        const revision = this.#versions.at(transaction.etcdRevision, position);
        const writtenAtMs = mark?.timeMs ?? previous?.writtenAtMs ?? 0;
        events.push({ kind: 'delete', key, revision, writtenAtMs, current: undefined, previous });
        continue;
      }
      const current = this.#known(event.current);
      if (current === undefined) continue;
      const { modRevision: revision, writtenAtMs } = current;
      events.push({ kind: 'put', key, revision, writtenAtMs, current, previous });
    }
    if (mark === undefined || mark.deletes.size > 0) events.sort((a, b) => a.revision - b.revision);
    return events;
  }

  #known(item: EtcdKeyValue | undefined): KeyValue | undefined {
    if (item === undefined) return undefined;
    const key = this.#keys.storeKey(item.key) ?? item.key;
    try {
      return this.value(item);
    } catch (error) {
      if (!this.#envelopes.isDamaged(key, item.value)) throw error;
      this.#log.warn(
        { key: item.key, etcdRevision: item.modRevision, err: error },
        `store: etcd key "${item.key}" holds what no Gantry has written; watchers are not told of it, and reading it fails until it is deleted`,
      );
      return undefined;
    }
  }

  #markOf({ mark }: Transaction): Mark | undefined {
    if (mark === undefined) return undefined;
    try {
      return decodeMark(mark.key, mark.value);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#log.warn({ err: error }, `store: ${messageOf(error)}`);
      return undefined;
    }
  }
}
