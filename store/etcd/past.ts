/**
 * What etcd still knows of the past: where its history begins, what a key or a range held at a revision in the middle of
 * a transaction, and which revision a wall time falls on.
 */
import { StoreError } from '../../machinery/errors.ts';
import { compareKeys } from '../keys.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdHeader, EtcdKeyValue } from './client.ts';
import { decodeMark, type Mark } from './mark.ts';

export interface EtcdPage {
  readonly items: readonly EtcdKeyValue[];
  readonly more: boolean;
  /** The last key that was looked at: where the next page begins. It may be none of the items. */
  readonly last: string | undefined;
}

export interface EtcdPageQuery {
  readonly key: string;
  readonly end: string;
  readonly limit: number;
}

export interface MarkAt {
  /** Of etcd: the newest transaction of this cluster at or before the revision asked for. */
  readonly etcdRevision: number;
  /** Of etcd: the newest that wrote something; the same but where the cluster only marked the time. */
  readonly writtenRevision: number;
  readonly mark: Mark;
}

export class Past {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  readonly #checkHeader: (header: EtcdHeader) => void;

  constructor(client: EtcdClient, keys: EtcdKeys, checkHeader: (header: EtcdHeader) => void) {
    this.#client = client;
    this.#keys = keys;
    this.#checkHeader = checkHeader;
  }

  /** Undefined before the cluster's first transaction. Throws `Compacted`. */
  async markAt(revision: number): Promise<MarkAt | undefined> {
    const { items, header } = await this.#client.range({ key: this.#keys.mark, revision });
    this.#checkHeader(header);
    const [found] = items;
    if (found === undefined) return undefined;
    const mark = decodeMark(found.key, found.value);
    const etcdRevision = found.modRevision;
    return { etcdRevision, writtenRevision: mark.writtenRevision ?? etcdRevision, mark };
  }

  /** The oldest revision of etcd, from `low` on, that can be read. */
  async firstKept(low: number): Promise<number> {
    if (await this.#isKept(low)) return low;
    const { header } = await this.#client.range({ key: this.#keys.mark, keysOnly: true });
    let gone = low;
    let kept = header.revision;
    while (kept - gone > 1) {
      const middle = Math.floor((gone + kept) / 2);
      if (await this.#isKept(middle)) kept = middle;
      else gone = middle;
    }
    return kept;
  }

  async #isKept(etcdRevision: number): Promise<boolean> {
    try {
      await this.#client.range({ key: this.#keys.mark, revision: etcdRevision, keysOnly: true });
      return true;
    } catch (error) {
      if (error instanceof StoreError && error.reason === 'Compacted') return false;
      throw error;
    }
  }

  /** The newest revision of etcd from `low` to `high` at or before a wall time; undefined when all are later. */
  async revisionAt(timeMs: number, low: number, high: number): Promise<number | undefined> {
    let best: number | undefined;
    for (let [from, to] = [low, high]; from <= to; ) {
      const middle = Math.floor((from + to) / 2);
      const found = await this.markAt(middle);
      if (found === undefined || found.mark.timeMs <= timeMs) {
        best = middle;
        from = middle + 1;
      } else to = found.etcdRevision - 1;
    }
    return best;
  }

  /**
   * The end of the commit that a position is in, when other commits of the same transaction come after it. Undefined
   * when the transaction's end is what is meant.
   */
  async commitEnd(etcdRevision: number, position: number): Promise<{ end: number; mark: Mark } | undefined> {
    const found = await this.markAt(etcdRevision);
    if (found?.etcdRevision !== etcdRevision || found.writtenRevision !== etcdRevision) return undefined;
    const end = found.mark.ends.find((one) => one > position);
    if (end === undefined || end === found.mark.ends.at(-1)) return undefined;
    return { end, mark: found.mark };
  }

  /**
   * A page as of a position in a transaction: as it is at the transaction's end, but for what its later commits wrote,
   * which is as it was before.
   */
  async pageWithin(
    query: EtcdPageQuery,
    etcdRevision: number,
    within: { readonly end: number; readonly mark: Mark },
    positionOf: (item: EtcdKeyValue) => number,
  ): Promise<EtcdPage> {
    const page = await this.#client.range({ ...query, revision: etcdRevision });
    this.#checkHeader(page.header);
    const isLater = (item: EtcdKeyValue): boolean =>
      item.modRevision === etcdRevision && positionOf(item) >= within.end;
    const last = page.more ? page.items.at(-1)?.key : undefined;
    // A commit that failed has left its deletes in the mark, and their keys where they were.
    const present = new Set(page.items.map(({ key }) => key));
    const later = page.items.filter(isLater).map(({ key }) => key);
    for (const [name, position] of within.mark.deletes) {
      const key = this.#keys.of(name);
      const isHere = compareKeys(key, query.key) >= 0 && compareKeys(key, last ?? query.end) < 0;
      if (isHere && position >= within.end && !present.has(key)) later.push(key);
    }
    const before = await Promise.all(
      later.map((key) => this.#client.range({ key, revision: etcdRevision - 1 })),
    );
    const items = [
      ...page.items.filter((item) => !isLater(item)),
      ...before.flatMap((one) => one.items),
    ].sort((a, b) => compareKeys(a.key, b.key));
    if (items.length <= query.limit) return { items, more: page.more, last };
    const cut = items.slice(0, query.limit);
    return { items: cut, more: true, last: cut.at(-1)?.key };
  }
}
