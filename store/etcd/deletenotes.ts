/**
 * Taking away what was noted with deletes (`EtcdKeys.gone`) once history has forgotten the deletes themselves: one page of
 * keys a round, so that no round is long; the next one goes on where this one stopped.
 *
 * Several servers may do so at once: a note goes only as it was seen, so that none of a newer delete goes with it.
 */
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdKeyValue } from './client.ts';

/** Looked at in one round. A store that deletes more in a minute has them for longer. */
const PAGE_KEYS = 1000;
/** In one transaction: below etcd's limit of operations. */
const BATCH_KEYS = 100;

export class DeleteNotes {
  readonly #client: EtcdClient;
  readonly #keys: EtcdKeys;
  /** Of etcd: the last key that was looked at; undefined: from the beginning. */
  #after: string | undefined;

  constructor(client: EtcdClient, keys: EtcdKeys) {
    this.#client = client;
    this.#keys = keys;
  }

  /** @param firstKept of etcd: what was written up to there is told to nobody any more. */
  async sweep(firstKept: number): Promise<void> {
    const range = this.#keys.goneRange(this.#after);
    const { items, more } = await this.#client.range({ ...range, limit: PAGE_KEYS, keysOnly: true });
    const gone = items.filter(({ modRevision }) => modRevision <= firstKept);
    for (let at = 0; at < gone.length; at += BATCH_KEYS) await this.#remove(gone.slice(at, at + BATCH_KEYS));
    this.#after = more ? items.at(-1)?.key : undefined;
  }

  async #remove(notes: readonly EtcdKeyValue[]): Promise<void> {
    // One of them that was written anew keeps the others for another round.
    await this.#client.txn({
      compare: notes.map(({ key, modRevision }) => ({ key, target: 'modRevision', equals: modRevision })),
      success: notes.map(({ key }) => ({ kind: 'delete', key })),
      failure: [],
    });
  }
}
