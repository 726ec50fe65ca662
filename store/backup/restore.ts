/**
 * Restores a backup into an empty store. Promises: the whole file is checked before anything is written; what was
 * written is compared with the file before it counts; the store then has all of the backup or stays away.
 *
 * The new store's revisions begin far above the backup's (`revisionsAfter`), so that no number the old cluster gave out
 * after the backup is given a second time, and its history begins at the end of the restore: whoever comes with a
 * revision from before is told that it is gone, and reads the present.
 *
 * Objects are written in the order in which they were last changed. The file has them by key, so it is read once for
 * each window of changes that fits into memory.
 */
import { createHash } from 'node:crypto';
import { StoreError } from '../../machinery/errors.ts';
import type { Envelopes } from '../envelope.ts';
import type { OpenStoreOptions } from '../open.ts';
import { MAX_COMMIT_BYTES, MAX_COMMIT_WRITES, type NewCluster, type Store, type Write } from '../store.ts';
import type { BackupHeader, BackupTrailer } from './format.ts';
import { type BackupFile, readBackup } from './reader.ts';

/** Values kept in memory at once while they are put in order. */
const WINDOW_BYTES = 64 * 1024 ** 2;
/** Commits sent before the first is answered, where the store keeps their order. */
const COMMITS_AT_ONCE = 8;
/** More writes than any cluster makes between a backup and its loss. */
const LEAP = 2 ** 40;

export interface RestoreTarget {
  readonly store: Store;
  /**
   * Closes the store and makes it the one that its address names, with a past that begins at this revision: durable
   * when it resolves.
   */
  finish(revision: number): Promise<void>;
  /** Closes the store and takes away what is in it; nothing after `finish`. */
  abandon(): Promise<void>;
}

export type RestoreOptions = OpenStoreOptions & {
  readonly newCluster: NewCluster;
  readonly signal?: AbortSignal;
};

/** What a file holds, once it was found to be whole. */
export interface BackupSummary {
  readonly header: BackupHeader;
  readonly trailer: BackupTrailer;
  /** Keys by what comes before their last parts, such as `/registry/gantry.dev/tasks`. */
  readonly kinds: ReadonlyMap<string, number>;
  /** Of keys and values in their order. */
  readonly digest: string;
  /** By position in the file. */
  readonly modRevisions: Float64Array;
  readonly sizes: Float64Array;
}

/** Reads the whole file. Throws `StoreError('Corrupt')` naming it, also when a key is missing that it needs. */
export async function verifyBackup(file: BackupFile, envelopes: Envelopes): Promise<BackupSummary> {
  const kinds = new Map<string, number>();
  const content = new ContentDigest();
  const modRevisions = new Figures();
  const sizes = new Figures();
  const { header, trailer } = await readBackup(file, envelopes, ({ entry, opened }) => {
    const kind = kindOf(entry.key);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    content.add(entry.key, opened.payload);
    modRevisions.add(entry.modRevision);
    sizes.add(opened.payload.byteLength);
  });
  return {
    header,
    trailer,
    kinds,
    digest: content.end(),
    modRevisions: modRevisions.all(),
    sizes: sizes.all(),
  };
}

/** The revision after which a restored cluster's revisions begin. Throws `StoreError` when numbers have run out. */
export function revisionsAfter({ revision }: BackupHeader, name: string): number {
  const after = revision + LEAP;
  // The engine on etcd needs room to round up.
  if (Number.isSafeInteger(after + LEAP)) return after;
  throw new StoreError(
    'Unavailable',
    `backup ${name} is at revision ${revision}: no number is left after it`,
  );
}

/**
 * Writes everything into an empty store of which nobody else knows yet. Resolves to its revision when all of it is
 * there and durable; rejects when the signal aborts.
 */
export async function restoreInto(
  store: Store,
  file: BackupFile,
  envelopes: Envelopes,
  summary: BackupSummary,
  signal?: AbortSignal,
): Promise<number> {
  const commits = new OrderedCommits(store, store.isShared ? 1 : COMMITS_AT_ONCE);
  for (const window of windowsOf(summary)) {
    const found: {
      readonly key: string;
      readonly value: Uint8Array;
      readonly modRevision: number;
      readonly note: string | undefined;
    }[] = [];
    await readBackup(file, envelopes, ({ entry: { key, modRevision }, opened: { payload, note } }) => {
      if (signal?.aborted === true) throw new StoreError('Unavailable', 'the restore was stopped');
      if (modRevision <= window.after || modRevision > window.upTo) return;
      // A copy: the payload keeps its whole block alive.
      found.push({ key, value: Buffer.from(payload), modRevision, note });
    });
    found.sort((a, b) => a.modRevision - b.modRevision);
    for (const { key, value, note } of found) await commits.add(key, value, note);
  }
  const revision = await commits.end();
  if ((await digestOf(store)) !== summary.digest) {
    throw new StoreError(
      'Corrupt',
      `what was restored from ${file.name} is not what the store gives back; try again`,
    );
  }
  return revision;
}

/** Ranges of modRevisions whose values fit into memory together. */
function* windowsOf({
  modRevisions,
  sizes,
}: BackupSummary): Generator<{ readonly after: number; readonly upTo: number }> {
  const order = Uint32Array.from(modRevisions, (_, at) => at);
  order.sort((a, b) => (modRevisions[a] ?? 0) - (modRevisions[b] ?? 0));
  let after = Number.NEGATIVE_INFINITY;
  let bytes = 0;
  let upTo = after;
  for (const at of order) {
    const modRevision = modRevisions[at] ?? 0;
    const size = sizes[at] ?? 0;
    if (bytes > 0 && bytes + size > WINDOW_BYTES && modRevision > upTo) {
      yield { after, upTo };
      after = upTo;
      bytes = 0;
    }
    bytes += size;
    upTo = modRevision;
  }
  if (upTo > after) yield { after, upTo };
}

/** Puts of new keys, gathered into commits, taking effect in the order they are added in. */
class OrderedCommits {
  readonly #store: Store;
  readonly #atOnce: number;
  #writes: Write[] = [];
  #bytes = 0;
  #running: Promise<number>[] = [];

  constructor(store: Store, atOnce: number) {
    this.#store = store;
    this.#atOnce = atOnce;
  }

  async add(key: string, value: Uint8Array, note: string | undefined): Promise<void> {
    const bytes = Buffer.byteLength(key) + value.byteLength + Buffer.byteLength(note ?? '');
    if (this.#writes.length === MAX_COMMIT_WRITES || this.#bytes + bytes > MAX_COMMIT_BYTES)
      await this.#send();
    const write = { kind: 'put', key, value, precondition: { kind: 'absent' } } as const;
    this.#writes.push(note === undefined ? write : { ...write, note });
    this.#bytes += bytes;
  }

  /** The store's revision when all is durable. */
  async end(): Promise<number> {
    if (this.#writes.length > 0) await this.#send();
    const revisions = await Promise.all(this.#running);
    return revisions.at(-1) ?? this.#store.revision();
  }

  async #send(): Promise<void> {
    const writes = this.#writes;
    this.#writes = [];
    this.#bytes = 0;
    const commit = this.#commit(writes);
    commit.catch(() => undefined);
    this.#running.push(commit);
    while (this.#running.length > this.#atOnce) await this.#running.shift();
    if (this.#atOnce === 1) await commit;
  }

  async #commit(writes: readonly Write[]): Promise<number> {
    const result = await this.#store.commit(writes);
    if (result.ok) return result.revision;
    throw new StoreError(
      'Unavailable',
      `"${writes[result.failed]?.key}" is in the store already, which was empty; somebody else writes to it`,
    );
  }
}

async function digestOf(store: Store): Promise<string> {
  const content = new ContentDigest();
  let after: string | undefined;
  for (;;) {
    const page = await store.range('', { limit: 128, ...(after === undefined ? {} : { after }) });
    for (const { key, value } of page.items) content.add(key, value);
    after = page.items.at(-1)?.key;
    if (!page.more || after === undefined) return content.end();
  }
}

/** SHA-256 of keys and values with their lengths. */
class ContentDigest {
  readonly #digest = createHash('sha256');

  add(key: string, value: Uint8Array): void {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(Buffer.byteLength(key), 0);
    lengths.writeUInt32BE(value.byteLength, 4);
    this.#digest.update(lengths).update(key).update(value);
  }

  end(): string {
    return this.#digest.digest('hex');
  }
}

/** Numbers in the order they came: eight bytes each, for as many as a store has keys. */
class Figures {
  #figures = new Float64Array(1024);
  #count = 0;

  add(figure: number): void {
    if (this.#count === this.#figures.length) {
      const larger = new Float64Array(this.#figures.length * 2);
      larger.set(this.#figures);
      this.#figures = larger;
    }
    this.#figures[this.#count++] = figure;
  }

  all(): Float64Array {
    return this.#figures.subarray(0, this.#count);
  }
}

/** `/registry/gantry.dev/tasks/default/hello` -> `/registry/gantry.dev/tasks`. */
function kindOf(key: string): string {
  return key.split('/').slice(0, 4).join('/');
}
