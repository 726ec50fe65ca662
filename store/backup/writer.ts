/**
 * Makes a backup of a store while it is in use: every key as it was at one revision, as a stream of bytes
 * (`format.ts`). Promises bounded memory, and an end with a trailer or an error, never a quiet half.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import type { Encryption } from '../encryption.ts';
import { Envelopes, showKeyId } from '../envelope.ts';
import type { KeyValue, RangeResult, Store } from '../store.ts';
import {
  type BackupHeader,
  type BackupTrailer,
  BLOCK_BYTES,
  compress,
  encodeBlock,
  encodeEntry,
  encodeStart,
} from './format.ts';

/** Keys read at once: with values of the greatest size still no more than the memory of a page of a list. */
const PAGE_KEYS = 128;
/** The history that a slow reader's backup needs is kept for no longer than this. */
const LONGEST_MS = 3_600_000;

export interface BackupOptions {
  readonly store: Store;
  /** As the store's own: what is secret stays so in the backup. */
  readonly encryption?: Encryption;
  readonly clock: Clock;
  /** Of the store: `sqlite`, `etcd`, `memory`. */
  readonly engine: string;
  readonly gantryVersion: string;
  readonly signal?: AbortSignal;
  /** Told once, before the first byte. */
  readonly onHeader?: (header: BackupHeader) => void;
}

/**
 * Throws `StoreError`: `Compacted` when the store forgot the backup's revision meanwhile, which it does not do by
 * itself within an hour; `Unavailable` when that hour or the signal ended it.
 */
export async function* writeBackup(options: BackupOptions): AsyncGenerator<Buffer, BackupTrailer, undefined> {
  const { store, clock, encryption } = options;
  const first = await store.range('', { limit: PAGE_KEYS });
  const release = store.holdHistory(first.revision);
  try {
    const header = headerOf(first.revision, options);
    options.onHeader?.(header);
    const digest = createHash('sha256');
    const told = (bytes: Buffer): Buffer => {
      digest.update(bytes);
      return bytes;
    };
    yield told(encodeStart());
    yield told(encodeBlock('H', Buffer.from(JSON.stringify(header))));
    const envelopes = new Envelopes(encryption);
    const endMs = clock.monotonicMs() + LONGEST_MS;
    const total = { keys: 0, bytes: 0 };
    for await (const block of blocksOf(
      pagesFrom(store, first, () => checkGoesOn(options, endMs)),
      envelopes,
      total,
    )) {
      yield told(encodeBlock('D', block));
    }
    const trailer = { ...total, sha256: digest.digest('hex') };
    yield encodeBlock('E', Buffer.from(JSON.stringify(trailer)));
    return trailer;
  } finally {
    release();
  }
}

function headerOf(revision: number, options: BackupOptions): BackupHeader {
  const { store, clock, engine, gantryVersion, encryption } = options;
  const takenAt = new Date(clock.now()).toISOString();
  const header = {
    clusterId: store.clusterId,
    revision,
    takenAt,
    engine,
    gantryVersion,
    compression: 'zstd',
  } as const;
  return encryption === undefined ? header : { ...header, keyId: showKeyId(encryption.keys.currentId) };
}

function checkGoesOn({ clock, signal }: BackupOptions, endMs: number): void {
  if (signal?.aborted === true) throw new StoreError('Unavailable', 'the backup was stopped');
  if (clock.monotonicMs() <= endMs) return;
  throw new StoreError(
    'Unavailable',
    `the backup was stopped: it was not read to its end within ${LONGEST_MS / 60_000} minutes; read it nearer to the server`,
  );
}

/** Page by page at the first one's revision; the next one is being read while one is worked on. */
async function* pagesFrom(
  store: Store,
  first: RangeResult,
  check: () => void,
): AsyncGenerator<readonly KeyValue[]> {
  let page = first;
  for (;;) {
    check();
    const after = page.items.at(-1)?.key;
    if (!page.more || after === undefined) {
      yield page.items;
      return;
    }
    const next = store.range('', { limit: PAGE_KEYS, after, revision: first.revision });
    // Looked at below; until then its failure must not count as nobody's.
    next.catch(() => undefined);
    yield page.items;
    page = await next;
  }
}

/** Compressed blocks; one is compressed while the next one's entries are gathered. */
async function* blocksOf(
  pages: AsyncIterable<readonly KeyValue[]>,
  envelopes: Envelopes,
  total: { keys: number; bytes: number },
): AsyncGenerator<Buffer> {
  let pending: Promise<Buffer> | undefined;
  let entries: Buffer[] = [];
  let bytes = 0;
  const next = (): Promise<Buffer> => {
    const block = compress(Buffer.concat(entries, bytes));
    block.catch(() => undefined);
    entries = [];
    bytes = 0;
    return block;
  };
  for await (const page of pages) {
    for (const item of page) {
      const { key, value, createRevision, modRevision, version, writtenAtMs, note } = item;
      const record = envelopes.seal(key, value, writtenAtMs, 0, note);
      const entry = encodeEntry({ key, createRevision, modRevision, version, record });
      total.keys++;
      total.bytes += Buffer.byteLength(key) + record.byteLength;
      entries.push(entry);
      bytes += entry.length;
      if (bytes < BLOCK_BYTES) continue;
      const done = pending;
      pending = next();
      if (done !== undefined) yield await done;
    }
  }
  if (pending !== undefined) yield await pending;
  if (bytes > 0) yield await next();
}
