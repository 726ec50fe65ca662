/** Between what writers and watchers see (values, events) and what a log keeps (rows with sealed records). */
import { messageOf, StoreError } from '../machinery/errors.ts';
import type { Envelopes } from './envelope.ts';
import { checkKey } from './keys.ts';
import type { LogChange, LogEffect, LogRow, LogWrite } from './log.ts';
import {
  type KeyValue,
  MAX_COMMIT_BYTES,
  MAX_COMMIT_WRITES,
  MAX_NOTE_BYTES,
  MAX_VALUE_BYTES,
  type StoreEvent,
  type StoreVersion,
  type Write,
} from './store.ts';

const NOTHING = new Uint8Array();

/** Throws TypeError for a commit that makes no sense, `StoreError('TooLarge')` for one over the limits. */
export function checkWrites(writes: readonly Write[]): void {
  if (writes.length === 0) throw new TypeError('a commit needs at least one write; found none');
  if (writes.length > MAX_COMMIT_WRITES) {
    throw new StoreError(
      'TooLarge',
      `a commit has ${writes.length} writes; the limit is ${MAX_COMMIT_WRITES}`,
    );
  }
  // On etcd the note of a delete is a write of its own.
  const notedDeletes = writes.filter((write) => write.kind === 'delete' && write.note !== undefined).length;
  if (writes.length + notedDeletes > MAX_COMMIT_WRITES) {
    throw new StoreError(
      'TooLarge',
      `a commit has ${writes.length} writes, ${notedDeletes} of them deletes with a note, which count twice; the limit is ${MAX_COMMIT_WRITES}`,
    );
  }
  const seen = new Set<string>();
  let bytes = 0;
  for (const write of writes) {
    checkKey(write.key);
    bytes += write.key.length + (write.kind === 'put' ? write.value.byteLength : 0);
    const noteBytes = Buffer.byteLength(write.note ?? '');
    if (noteBytes > MAX_NOTE_BYTES) {
      throw new StoreError(
        'TooLarge',
        `the note on "${write.key}" is ${noteBytes} bytes long; the limit is ${MAX_NOTE_BYTES}`,
      );
    }
    bytes += noteBytes;
    if (seen.has(write.key)) {
      throw new TypeError(`a commit writes key "${write.key}" twice; wanted once at most`);
    }
    seen.add(write.key);
    if (write.kind === 'put' && write.value.byteLength > MAX_VALUE_BYTES) {
      throw new StoreError(
        'TooLarge',
        `the value of "${write.key}" is ${write.value.byteLength} bytes long; the limit is ${MAX_VALUE_BYTES}`,
      );
    }
  }
  if (bytes > MAX_COMMIT_BYTES) {
    throw new StoreError(
      'TooLarge',
      `a commit of ${writes.length} writes has ${bytes} bytes; the limit is ${MAX_COMMIT_BYTES}`,
    );
  }
}

/** A delete has no value, but a time and perhaps a note. */
export function sealWrites(
  writes: readonly Write[],
  envelopes: Envelopes,
  writtenAtMs: number,
): readonly Uint8Array[] {
  return writes.map((write) =>
    envelopes.seal(write.key, write.kind === 'put' ? write.value : NOTHING, writtenAtMs, 0, write.note),
  );
}

/** Throws `StoreError('Corrupt')`. */
export function toKeyValue(
  { key, revision, createRevision, version, record }: LogRow,
  envelopes: Envelopes,
): KeyValue {
  const { payload, writtenAtMs, note } = envelopes.open(key, revision, record);
  const item = { key, value: payload, createRevision, modRevision: revision, version, writtenAtMs };
  return note === undefined ? item : { ...item, note };
}

/** @param known what the caller holds of each key: an engine need not send it back. */
export function toLogWrites(
  writes: readonly Write[],
  records: readonly Uint8Array[],
  known: readonly (KeyValue | undefined)[],
): LogWrite[] {
  return writes.map(({ kind, key, precondition }, at) => ({
    kind,
    key,
    precondition,
    record: records[at] ?? new Uint8Array(),
    knownRevision: known[at]?.modRevision,
  }));
}

/** The event of a write just made, from what the writer sent: nothing is read back. */
export function toWriteEvent(
  write: Write,
  effect: LogEffect,
  previous: KeyValue | undefined,
  writtenAtMs: number,
): StoreEvent {
  const { revision } = effect;
  const { kind, key } = write;
  const current = write.kind === 'put' ? putValue(write, effect, writtenAtMs) : undefined;
  return { kind, key, revision, writtenAtMs, current, previous };
}

function putValue(
  { key, value, note }: Extract<Write, { kind: 'put' }>,
  { revision, createRevision, version }: LogEffect,
  writtenAtMs: number,
): KeyValue {
  const item = { key, value, createRevision, modRevision: revision, version, writtenAtMs };
  return note === undefined ? item : { ...item, note };
}

/** A row as the history of its key has it. Throws `StoreError('Corrupt')`. */
export function toVersion(row: LogRow, envelopes: Envelopes): StoreVersion {
  const value = toKeyValue(row, envelopes);
  const { modRevision: revision, writtenAtMs, note } = value;
  const base = { revision, writtenAtMs, note };
  return row.isDelete
    ? { ...base, kind: 'delete', current: undefined }
    : { ...base, kind: 'put', current: value };
}

/** The event of a write read back from the log. Throws `StoreError('Corrupt')`. */
export function toEvent({ row, previous }: LogChange, envelopes: Envelopes): StoreEvent {
  const { key, revision, isDelete } = row;
  const written = toKeyValue(row, envelopes);
  return {
    kind: isDelete ? 'delete' : 'put',
    key,
    revision,
    writtenAtMs: written.writtenAtMs,
    current: isDelete ? undefined : written,
    previous: previous === undefined ? undefined : toKeyValue(previous, envelopes),
  };
}

export function asStoreError(error: unknown): StoreError {
  return error instanceof StoreError
    ? error
    : new StoreError('Unavailable', messageOf(error), { cause: error });
}
