/**
 * The envelope around every stored value, from the first write on: what a reader needs to know before it trusts bytes.
 *
 * Layout, big-endian, 24 bytes, then the payload:
 *   0  magic "GV"            2 bytes
 *   2  format version        1 byte
 *   3  reserved, 0           1 byte
 *   4  key id, 0 = plain     4 bytes
 *   8  payload schema        4 bytes
 *  12  write time, ms        8 bytes (IEEE 754 double: exact for every time until the year 287396)
 *  20  CRC-32               4 bytes, over bytes 0 to 19, the key in UTF-8, and the payload
 *
 * The key is under the checksum so that a value that ended up under another key is found out too.
 */
import { crc32 } from 'node:zlib';
import { StoreError } from '../machinery/errors.ts';

const ENVELOPE_BYTES = 24;
const MAGIC = 0x4756;
const FORMAT = 1;
const PLAIN = 0;
/** The shape of the payloads this release writes and reads. */
const SCHEMA = 1;

export interface Opened {
  /** A view into the record: shared. */
  readonly payload: Uint8Array;
  readonly writtenAtMs: number;
}

export function sealEnvelope(key: string, payload: Uint8Array, writtenAtMs: number): Uint8Array {
  // An allocation of its own (not from Buffer's pool), because an engine may transfer it to another thread.
  const record = Buffer.allocUnsafeSlow(ENVELOPE_BYTES + payload.byteLength);
  record.writeUInt16BE(MAGIC, 0);
  record.writeUInt8(FORMAT, 2);
  record.writeUInt8(0, 3);
  record.writeUInt32BE(PLAIN, 4);
  record.writeUInt32BE(SCHEMA, 8);
  record.writeDoubleBE(writtenAtMs, 12);
  record.set(payload, ENVELOPE_BYTES);
  record.writeUInt32BE(checksum(record, key), 20);
  return record;
}

/** Throws `StoreError('Corrupt')` naming the key and the revision when the record is not what was written. */
export function openEnvelope(key: string, revision: number, record: Uint8Array): Opened {
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
  const keyId = bytes.readUInt32BE(4);
  if (keyId !== PLAIN) {
    throw tooNew(key, revision, `encrypted with key ${keyId}, which this release cannot read`);
  }
  const schema = bytes.readUInt32BE(8);
  if (schema > SCHEMA) throw tooNew(key, revision, `payload schema ${schema}, wanted ${SCHEMA} or older`);
  return { payload: bytes.subarray(ENVELOPE_BYTES), writtenAtMs: bytes.readDoubleBE(12) };
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
