/**
 * What became of one key, as etcd still knows it: from the present back, each version told by the read just before the
 * next one, so that it costs as much as there is to tell and not what else was written.
 *
 * A deleted key has no value that could say when it went, and by whom. So a delete with a note puts the note under a key
 * of its own in the same transaction (`EtcdKeys.gone`), where it stands until history has forgotten it: read as of any
 * moment at which the value was not there, it names the delete before that moment.
 */
import { StoreError } from '../../machinery/errors.ts';
import type { HistoryQuery, StoreHistory, StoreVersion } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type { EtcdClient, EtcdHeader } from './client.ts';
import type { Compaction } from './compaction.ts';
import type { Decoder } from './events.ts';
import type { Newest } from './newest.ts';
import type { Versions } from './versions.ts';

export interface KeyHistoryOptions {
  readonly client: EtcdClient;
  readonly keys: EtcdKeys;
  readonly versions: Versions;
  readonly decoder: Decoder;
  readonly compaction: Compaction;
  readonly newest: Newest;
  /** Throws when the answer is from another etcd than this store was opened on. */
  readonly checkHeader: (header: EtcdHeader) => void;
}

/** A version, and the revision of etcd that it was written at. */
interface Found {
  readonly version: StoreVersion;
  readonly etcdRevision: number;
}

/** Bytes of values in one page. */
const PAGE_BYTES = 4 * 1024 ** 2;

export class KeyHistory {
  readonly #options: KeyHistoryOptions;

  constructor(options: KeyHistoryOptions) {
    this.#options = options;
  }

  async read(key: string, { limit, beforeRevision, signal }: HistoryQuery): Promise<StoreHistory> {
    if (!(limit >= 1)) throw new RangeError(`history of "${key}": limit is ${limit}, wanted 1 or more`);
    const { compaction, newest, versions: numbers } = this.#options;
    const versions: StoreVersion[] = [];
    let bytes = 0;
    const known = await newest.ask(signal);
    const asked = beforeRevision === undefined ? known : numbers.placeOf(beforeRevision).revision;
    let at = Math.max(Math.min(asked, known), this.#first);
    let more = false;
    let removal: StoreVersion | undefined;
    for (let found = await this.#at(key, at); found !== undefined; found = await this.#at(key, at)) {
      if (signal?.aborted === true) {
        throw new StoreError('Unavailable', 'the caller no longer waits', { cause: signal.reason });
      }
      const { version, etcdRevision } = found;
      const isLast = etcdRevision <= this.#first;
      if (version.kind === 'delete') {
        // One at or before the floor says nothing of what can still be read.
        if (isLast) break;
        removal = version;
        at = etcdRevision - 1;
        continue;
      }
      // A delete that found nothing, which is noted too, has no value before it.
      const isTold = ({ revision }: StoreVersion): boolean => revision < (beforeRevision ?? Infinity);
      for (const one of [removal, version].filter((one) => one !== undefined).filter(isTold)) {
        more = versions.length === limit || bytes >= PAGE_BYTES;
        if (more) break;
        versions.push(one);
        bytes += one.current?.value.byteLength ?? 0;
      }
      if (more || isLast) break;
      removal = undefined;
      at = etcdRevision - 1;
    }
    return { versions, more, oldestRevision: compaction.floor };
  }

  /** Of etcd: where the past that is told begins. */
  get #first(): number {
    const { compaction, versions } = this.#options;
    return Math.max(versions.placeOf(compaction.floor).revision, compaction.firstKept);
  }

  /** The newest version at a revision of etcd; undefined where none is known, or history is gone. */
  async #at(key: string, etcdRevision: number): Promise<Found | undefined> {
    const { client, keys, decoder, compaction, checkHeader } = this.#options;
    if (etcdRevision < this.#first) return undefined;
    try {
      const { items, header } = await client.range({ key: keys.of(key), revision: etcdRevision });
      checkHeader(header);
      const [item] = items;
      if (item !== undefined) {
        const current = decoder.value(item);
        const { modRevision: revision, writtenAtMs, note } = current;
        return {
          etcdRevision: item.modRevision,
          version: { kind: 'put', revision, writtenAtMs, note, current },
        };
      }
      const [gone] = (await client.range({ key: keys.gone(key), revision: etcdRevision })).items;
      if (gone === undefined) return undefined;
      const told = decoder.gone(key, gone);
      return {
        etcdRevision: gone.modRevision,
        version: { ...told, kind: 'delete', current: undefined },
      };
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason !== 'Compacted') throw error;
      await compaction.learn();
      return undefined;
    }
  }
}
