/**
 * The envelope around every stored value, from the first write on: what a reader needs to know before it trusts bytes.
 *
 * Layout, big-endian, 24 bytes, then the payload:
 *   0  magic "GV"            2 bytes
 *   2  format version        1 byte
 *   3  reserved, 0           1 byte
 *   4  key id, 0 = plain     4 bytes
 *   8  position              2 bytes: which write of its batch this was, on engines where a batch shares a revision
 *  10  payload schema        2 bytes
 *  12  write time, ms        8 bytes (IEEE 754 double: exact for every time until the year 287396)
 *  20  CRC-32               4 bytes, over bytes 0 to 19, the key in UTF-8, and the payload
 *
 * The key is under the checksum so that a value that ended up under another key is found out too. Format 3 has a note
 * after the payload (`Write.note`), and after that the note's length, 2 bytes; all three are encrypted as one. Format 2 is
 * the same without a note, and is what a value without one is still written as. Format 1 is without positions, too (they
 * read as 0), and without encryption.
 */
import { crc32 } from 'node:zlib';
import { StoreError } from '../machinery/errors.ts';
import type { Encryption } from './encryption.ts';
import { hasAnyPrefix } from './keys.ts';

const ENVELOPE_BYTES = 24;
const MAGIC = 0x4756;
const FORMAT = 3;
const FORMAT_WITHOUT_NOTE = 2;
const NOTE_LENGTH_BYTES = 2;
const PLAIN = 0;
/** Here in every format, so that an engine may look for it without opening records (`sqlite/migrations.ts`). */
const KEY_ID_AT = 4;
/** The shape of the payloads this release writes and reads. */
const SCHEMA = 1;

/** Positions are below this. */
export const MAX_POSITIONS = 1024;

export interface Opened {
  /** As it was put. A view into the record where that was not encrypted: shared. */
  readonly payload: Uint8Array;
  readonly writtenAtMs: number;
  readonly position: number;
  /** Of the key it was encrypted with; 0 is plain. */
  readonly keyId: number;
  readonly note: string | undefined;
}

export class Envelopes {
  readonly #encryption: Encryption | undefined;

  /** @param encryption without it nothing is encrypted, and what is cannot be read. */
  constructor(encryption?: Encryption) {
    this.#encryption = encryption;
  }

  seal(key: string, payload: Uint8Array, writtenAtMs: number, position = 0, note?: string): Uint8Array {
    const encryption = this.#encryption;
    const isSecret = encryption !== undefined && hasAnyPrefix(key, encryption.prefixes);
    const content = note === undefined ? payload : noted(payload, note);
    const { keyId, bytes } = isSecret
      ? encryption.keys.encrypt(key, content)
      : { keyId: PLAIN, bytes: content };
    const record = Buffer.allocUnsafe(ENVELOPE_BYTES + bytes.byteLength);
    record.writeUInt16BE(MAGIC, 0);
    record.writeUInt8(note === undefined ? FORMAT_WITHOUT_NOTE : FORMAT, 2);
    record.writeUInt8(0, 3);
    record.writeUInt32BE(keyId, KEY_ID_AT);
    record.writeUInt16BE(position, 8);
    record.writeUInt16BE(SCHEMA, 10);
    record.writeDoubleBE(writtenAtMs, 12);
    record.set(bytes, ENVELOPE_BYTES);
    record.writeUInt32BE(checksum(record, key), 20);
    return record;
  }

  /** Throws `StoreError('Corrupt')` naming the key and the revision when the record is not what was written. */
  open(key: string, revision: number, record: Uint8Array): Opened {
    const bytes = this.check(key, revision, record);
    const keyId = keyIdOf(bytes);
    const kept = bytes.subarray(ENVELOPE_BYTES);
    const content = keyId === PLAIN ? kept : this.#decrypt(key, revision, keyId, kept);
    const hasNote = bytes.readUInt8(2) >= FORMAT;
    const { payload, note } = hasNote
      ? divided(key, revision, content)
      : { payload: content, note: undefined };
    return { payload, note, writtenAtMs: bytes.readDoubleBE(12), position: bytes.readUInt16BE(8), keyId };
  }

  /** What can be told without keys: throws as `open` does when the record is not what was written. Gives the record. */
  check(key: string, revision: number, record: Uint8Array): Buffer {
    const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    if (bytes.byteLength < ENVELOPE_BYTES || bytes.readUInt16BE(0) !== MAGIC) {
      throw corrupt(key, revision, `found ${bytes.byteLength} bytes without the header of a stored value`);
    }
    const format = bytes.readUInt8(2);
    if (format > FORMAT) throw tooNew(key, revision, `envelope format ${format}, wanted ${FORMAT} or older`);
    const found = bytes.readUInt32BE(20);
    const wanted = checksum(bytes, key);
    if (found !== wanted) {
      throw corrupt(key, revision, `checksum ${hex(found)} does not match its bytes, wanted ${hex(wanted)}`);
    }
    const schema = bytes.readUInt16BE(10);
    if (schema > SCHEMA) throw tooNew(key, revision, `payload schema ${schema}, wanted ${SCHEMA} or older`);
    return bytes;
  }

  /**
   * Whether a record is not what was written. What only this process cannot read, for want of a key or because a newer
   * release wrote it, is no damage.
   */
  isDamaged(key: string, record: Uint8Array): boolean {
    if (!isEnvelope(record)) return true;
    const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
    if (bytes.readUInt8(2) > FORMAT) return false;
    if (bytes.readUInt32BE(20) !== checksum(bytes, key)) return true;
    const keyId = keyIdOf(bytes);
    const keys = this.#encryption?.keys;
    if (keyId === PLAIN || keys === undefined || !keys.has(keyId)) return false;
    return keys.decrypt(key, { keyId, bytes: bytes.subarray(ENVELOPE_BYTES) }) === undefined;
  }

  #decrypt(key: string, revision: number, keyId: number, bytes: Uint8Array): Uint8Array {
    const keys = this.#encryption?.keys;
    if (keys === undefined || !keys.has(keyId)) {
      const file = this.#encryption?.keyFile ?? 'the keys given';
      const held = keys === undefined ? 'no encryption keys were given' : `it is not in ${file}`;
      throw new StoreError(
        'Corrupt',
        `stored value of "${key}" at revision ${revision} is encrypted with key ${hex(keyId)}, and ${held}; give the key file of this cluster`,
      );
    }
    const plain = keys.decrypt(key, { keyId, bytes });
    if (plain === undefined) {
      throw corrupt(key, revision, `it is not what key ${hex(keyId)} encrypted for it`);
    }
    return plain;
  }
}

/** The key a record says it is encrypted with, 0 for none: without a look at anything else of it. */
export function keyIdOf(record: Uint8Array): number {
  return Buffer.from(record.buffer, record.byteOffset, record.byteLength).readUInt32BE(KEY_ID_AT);
}

/** As it is written in messages. */
export function showKeyId(keyId: number): string {
  return hex(keyId);
}

/** Whether bytes begin as every stored value does. */
export function isEnvelope(record: Uint8Array): boolean {
  return record.byteLength >= ENVELOPE_BYTES && record[0] === MAGIC >> 8 && record[1] === (MAGIC & 0xff);
}

function noted(payload: Uint8Array, note: string): Buffer {
  const length = Buffer.byteLength(note);
  const content = Buffer.allocUnsafe(payload.byteLength + length + NOTE_LENGTH_BYTES);
  content.set(payload);
  content.write(note, payload.byteLength);
  content.writeUInt16BE(length, payload.byteLength + length);
  return content;
}

/** Throws `StoreError('Corrupt')` where no note can be. */
function divided(
  key: string,
  revision: number,
  content: Uint8Array,
): { readonly payload: Uint8Array; readonly note: string } {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const end = bytes.length - NOTE_LENGTH_BYTES;
  const start = end < 0 ? -1 : end - bytes.readUInt16BE(end);
  if (start < 0)
    throw corrupt(key, revision, `its note should be longer than all of it, ${bytes.length} bytes`);
  return { payload: content.subarray(0, start), note: bytes.toString('utf8', start, end) };
}

function checksum(record: Buffer, key: string): number {
  return crc32(record.subarray(ENVELOPE_BYTES), crc32(key, crc32(record.subarray(0, 20))));
}

function corrupt(key: string, revision: number, what: string): StoreError {
  return new StoreError(
    'Corrupt',
    `stored value of "${key}" at revision ${revision} is damaged: ${what}; restore the store from a backup`,
  );
}

function tooNew(key: string, revision: number, what: string): StoreError {
  return new StoreError(
    'Corrupt',
    `stored value of "${key}" at revision ${revision} is not readable by this release: ${what}; use the release that wrote it`,
  );
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
