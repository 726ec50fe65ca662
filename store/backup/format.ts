/**
 * The backup file: what is in it, byte by byte. Knows nothing of files, stores or keys.
 *
 *   start    magic "GNTRBAK\n" 8 bytes, format 4, CRC-32 of these 12   (all numbers big-endian)
 *   blocks   kind 1 byte, length 4, that many bytes, CRC-32 of all of it 4
 *
 *   H  one, first: JSON, `BackupHeader`
 *   D  any number: entries one after another, compressed together as the header says
 *   E  one, last: JSON, `BackupTrailer`, with the SHA-256 of every byte of the file before this block
 *
 * An entry is: length of the key 4, length of the record 4, createRevision 8 (IEEE 754 double, as are all revisions),
 * modRevision 8, version 8, the key in UTF-8, the record (a sealed envelope, `../envelope.ts`: secrets are encrypted).
 * Keys are in byte order, each once. Nothing follows the last block: a file without it is not a backup.
 */
import { promisify } from 'node:util';
import { constants, crc32, zstdCompress, zstdDecompress } from 'node:zlib';
import { isRecord } from '../../machinery/json.ts';

export const MAGIC = Buffer.from('GNTRBAK\n', 'latin1');
/** Grows when an older release could not read the file any more. */
export const FORMAT = 1;
export const START_BYTES = MAGIC.length + 8;
/** Kind and length of a block. */
export const BLOCK_HEAD_BYTES = 5;
export const CRC_BYTES = 4;
/** Entries are gathered up to here, then compressed and written. */
export const BLOCK_BYTES = 1024 ** 2;
/** No block is longer, compressed or not: one more entry than `BLOCK_BYTES`, and it may not shrink. */
export const MAX_BLOCK_BYTES = 4 * 1024 ** 2;
const ENTRY_HEAD_BYTES = 32;

export type BlockKind = 'H' | 'D' | 'E';
const KINDS: ReadonlyMap<number, BlockKind> = new Map([
  [0x48, 'H'],
  [0x44, 'D'],
  [0x45, 'E'],
]);

export interface BackupHeader {
  readonly clusterId: string;
  /** Everything is as of this one. */
  readonly revision: number;
  /** Wall time at which the backup began, RFC 3339. */
  readonly takenAt: string;
  /** Of the store it came from: `sqlite`, `etcd`, `memory`. */
  readonly engine: string;
  /** Of the Gantry that wrote it. */
  readonly gantryVersion: string;
  readonly compression: 'zstd';
  /** Of the key that what is secret in it is encrypted with, as in messages of the store; absent: nothing is. */
  readonly keyId?: string;
}

export interface BackupTrailer {
  readonly keys: number;
  /** Of keys and records together, before compression. */
  readonly bytes: number;
  /** Of the file before this block, in hexadecimal. */
  readonly sha256: string;
}

/** One key as it was at the backup's revision. */
export interface BackupEntry {
  readonly key: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** Shared with the block it came in. */
  readonly record: Uint8Array;
}

export function encodeStart(): Buffer {
  const start = Buffer.alloc(START_BYTES);
  MAGIC.copy(start);
  start.writeUInt32BE(FORMAT, MAGIC.length);
  start.writeUInt32BE(crc32(start.subarray(0, MAGIC.length + 4)), MAGIC.length + 4);
  return start;
}

/** The format that a start tells; undefined when it is damaged or no start at all. */
export function decodeStart(start: Buffer): number | undefined {
  const isWhole =
    start.subarray(0, MAGIC.length).equals(MAGIC) &&
    crc32(start.subarray(0, MAGIC.length + 4)) === start.readUInt32BE(MAGIC.length + 4);
  return isWhole ? start.readUInt32BE(MAGIC.length) : undefined;
}

export function encodeBlock(kind: BlockKind, payload: Uint8Array): Buffer {
  const block = Buffer.allocUnsafe(BLOCK_HEAD_BYTES + payload.byteLength + CRC_BYTES);
  block.write(kind, 0, 'latin1');
  block.writeUInt32BE(payload.byteLength, 1);
  block.set(payload, BLOCK_HEAD_BYTES);
  const end = BLOCK_HEAD_BYTES + payload.byteLength;
  block.writeUInt32BE(crc32(block.subarray(0, end)), end);
  return block;
}

/** Undefined when no block can begin so. */
export function decodeBlockHead(
  head: Buffer,
): { readonly kind: BlockKind; readonly bytes: number } | undefined {
  const kind = KINDS.get(head.readUInt8(0));
  const bytes = head.readUInt32BE(1);
  return kind === undefined || bytes > MAX_BLOCK_BYTES ? undefined : { kind, bytes };
}

export function encodeEntry({ key, createRevision, modRevision, version, record }: BackupEntry): Buffer {
  const keyBytes = Buffer.byteLength(key);
  const entry = Buffer.allocUnsafe(ENTRY_HEAD_BYTES + keyBytes + record.byteLength);
  entry.writeUInt32BE(keyBytes, 0);
  entry.writeUInt32BE(record.byteLength, 4);
  entry.writeDoubleBE(createRevision, 8);
  entry.writeDoubleBE(modRevision, 16);
  entry.writeDoubleBE(version, 24);
  entry.write(key, ENTRY_HEAD_BYTES);
  entry.set(record, ENTRY_HEAD_BYTES + keyBytes);
  return entry;
}

/** Throws RangeError when the bytes are not whole entries. */
export function* decodeEntries(block: Buffer): Generator<BackupEntry> {
  for (let at = 0; at < block.length; ) {
    const keyStart = at + ENTRY_HEAD_BYTES;
    const recordStart = keyStart + block.readUInt32BE(at);
    const end = recordStart + block.readUInt32BE(at + 4);
    if (end > block.length) throw new RangeError('an entry goes on beyond the end of its block');
    yield {
      key: block.toString('utf8', keyStart, recordStart),
      createRevision: block.readDoubleBE(at + 8),
      modRevision: block.readDoubleBE(at + 16),
      version: block.readDoubleBE(at + 24),
      record: block.subarray(recordStart, end),
    };
    at = end;
  }
}

const compressZstd = promisify(zstdCompress);
const decompressZstd = promisify(zstdDecompress);

/** Off the main thread. The fastest level: objects shrink to about a third, faster than a disk writes. */
export function compress(bytes: Uint8Array): Promise<Buffer> {
  return compressZstd(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
}

/** Rejects for what is not compressed, or would become longer than a block may be. */
export function decompress(bytes: Uint8Array): Promise<Buffer> {
  return decompressZstd(bytes, { maxOutputLength: MAX_BLOCK_BYTES });
}

/** Undefined for anything that is not a header; names that are not known here are left out. */
export function parseHeader(payload: Buffer): BackupHeader | undefined {
  const found = parseJson(payload);
  if (found === undefined) return undefined;
  const { clusterId, revision, takenAt, engine, gantryVersion, compression, keyId } = found;
  if (typeof clusterId !== 'string' || !isCount(revision) || typeof takenAt !== 'string') return undefined;
  if (typeof engine !== 'string' || typeof gantryVersion !== 'string' || compression !== 'zstd')
    return undefined;
  const header = { clusterId, revision, takenAt, engine, gantryVersion, compression } as const;
  return typeof keyId === 'string' ? { ...header, keyId } : header;
}

export function parseTrailer(payload: Buffer): BackupTrailer | undefined {
  const { keys, bytes, sha256 } = parseJson(payload) ?? {};
  return isCount(keys) && isCount(bytes) && typeof sha256 === 'string' ? { keys, bytes, sha256 } : undefined;
}

function parseJson(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return isRecord(value) ? value : undefined;
  } catch {
    // What is wrong with it is the caller's to say: it knows the file.
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
