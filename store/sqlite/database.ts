/**
 * The SQL of the embedded engine, synchronous: what `Log` asks, answered by one connection to `store.db`.
 * Runs in a thread of its own, so that a flush to disk never stops the event loop.
 */
import { existsSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../../machinery/errors.ts';
import { compareKeys, hasAnyPrefix, prefixEnd } from '../keys.ts';
import {
  isMet,
  type LogChange,
  type LogChanges,
  type LogEffect,
  type LogHead,
  type LogOutcome,
  type LogPage,
  type LogRangeQuery,
  type LogRow,
  type LogSize,
  type LogTrim,
  type LogVersions,
  type LogWrite,
} from '../log.ts';
import { StoreDirectory } from './directory.ts';
import { translateSqliteError } from './errors.ts';
import { Opening } from './opening.ts';
import {
  asInteger,
  asText,
  describeType,
  newestRevision,
  openDatabase,
  pragma,
  RowStatement,
  readKeyIds,
  readMeta,
  type SqliteOptions,
  single,
  writeMeta,
} from './schema.ts';

/** A page of rows ends when it holds this much, so that a reader of big values cannot stall the writers. */
const PAGE_BYTES = 4 * 1024 ** 2;

interface KeyState {
  readonly revision: number;
  readonly createRevision: number;
  readonly version: number;
}

export class SqliteDatabase {
  readonly #directory: StoreDirectory;
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof prepareAll>;
  #revision = 0;
  #keys = 0;
  #isStale = true;

  /** Throws `StoreError`: `Locked`, `Corrupt` or `Unavailable`. */
  constructor(options: SqliteOptions) {
    this.#directory = new StoreDirectory(options.directory);
    try {
      this.#db = openDatabase(this.#directory, options);
    } catch (error) {
      this.#directory.release();
      throw error;
    }
    this.#sql = prepareAll(this.#db);
    this.run(() => this.#refresh());
  }

  /** Runs one operation; whatever SQLite says becomes a `StoreError`. */
  run<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw translateSqliteError(error, this.#directory.databasePath);
    }
  }

  head(): LogHead {
    this.#refresh();
    return this.#head();
  }

  #head(): LogHead {
    const floor = Number(readMeta(this.#db, 'floor') ?? '0');
    return {
      clusterId: readMeta(this.#db, 'cluster_id') ?? '',
      revision: this.#revision,
      floor,
      transientFloor: Number(readMeta(this.#db, 'transient_floor') ?? '0'),
      transientPrefixes: (readMeta(this.#db, 'transient_prefixes') ?? '')
        .split('\n')
        .filter((line) => line !== ''),
    };
  }

  append(commits: readonly (readonly LogWrite[])[]): LogOutcome[] {
    return this.#transaction(() => commits.map((writes) => this.#commit(writes)));
  }

  read(key: string, revision: number | undefined): LogRow | undefined {
    if (revision === undefined) {
      const state = this.#keyState(key);
      return state === undefined ? undefined : this.#rowAt(state.revision, key);
    }
    const found = this.#sql.readPast.get(key, this.#commitEnd(revision));
    const row = found === undefined ? undefined : toRow(found);
    return row?.isDelete === true ? undefined : row;
  }

  versions(key: string, beforeRevision = Number.MAX_SAFE_INTEGER, limit: number): LogVersions {
    const rows: LogRow[] = [];
    let bytes = 0;
    for (const found of this.#sql.versions.iterate(key, beforeRevision)) {
      if (rows.length >= limit || bytes >= PAGE_BYTES) return { rows, more: true };
      const row = toRow(found);
      rows.push(row);
      bytes += row.record.byteLength;
    }
    return { rows, more: false };
  }

  range({ prefix, after, revision: asked, limit }: LogRangeQuery): LogPage {
    const revision = asked === undefined ? this.#revision : this.#commitEnd(asked);
    const start = after !== undefined && compareKeys(after, prefix) > 0 ? after : prefix;
    const rows: LogRow[] = [];
    let bytes = 0;
    for (const row of this.#liveRows(start, prefixEnd(prefix), after ?? '', revision)) {
      if (rows.length >= limit || bytes >= PAGE_BYTES) return { rows, revision, more: true };
      rows.push(row);
      bytes += row.record.byteLength;
    }
    return { rows, revision, more: false };
  }

  *#liveRows(start: string, end: string, after: string, revision: number): Generator<LogRow> {
    if (revision >= this.#revision) {
      for (const [key, newest, ...values] of this.#sql.rangeNow.iterate(start, end, after)) {
        if (values[0] !== key) throw this.#misled(asText(key), asInteger(newest));
        yield toRow(values);
      }
      return;
    }
    // Walks the index alone and fetches one row at a time: a page of the past costs what the page holds.
    for (const [key, newest] of this.#sql.newestUpTo.iterate(start, end, after, revision)) {
      const row = this.#rowAt(asInteger(newest), asText(key));
      if (!row.isDelete) yield row;
    }
  }

  changes(afterRevision: number, prefixes: readonly string[], maxRows: number): LogChanges {
    const changes: LogChange[] = [];
    let position = afterRevision;
    let seen = 0;
    let bytes = 0;
    for (const [revision, name, previousRevision] of this.#sql.walk.iterate(afterRevision, this.#revision)) {
      if (seen === maxRows || bytes >= PAGE_BYTES) return { changes, revision: position };
      seen++;
      position = asInteger(revision);
      const key = asText(name);
      if (!hasAnyPrefix(key, prefixes)) continue;
      const row = this.#rowAt(position, key);
      const previous = previousRevision === null ? undefined : this.#findRow(asInteger(previousRevision));
      changes.push({ row, previous });
      bytes += row.record.byteLength + (previous?.record.byteLength ?? 0);
    }
    return { changes, revision: Math.max(position, this.#revision) };
  }

  trim(request: LogTrim): { head: LogHead; isDone: boolean } {
    return this.#transaction(() => {
      const before = this.#head();
      const floor = Math.max(before.floor, this.#commitEnd(request.floor));
      const transientFloor = Math.max(before.transientFloor, floor, this.#commitEnd(request.transientFloor));
      this.#setMeta('floor', floor);
      this.#setMeta('transient_floor', transientFloor);
      const prefixes = request.transientPrefixes.join('\n');
      if (prefixes !== before.transientPrefixes.join('\n'))
        writeMeta(this.#db, 'transient_prefixes', prefixes);
      const cursor = this.#trimRows('cursor', before.floor, 0, floor, [''], request.maxRows);
      const transientCursor = this.#trimRows(
        'transient_cursor',
        before.transientFloor,
        cursor,
        transientFloor,
        request.transientPrefixes,
        request.maxRows,
      );
      const last = this.#revision - 1;
      const isDone = cursor >= Math.min(floor, last) && transientCursor >= Math.min(transientFloor, last);
      return { head: this.#head(), isDone };
    });
  }

  size(): LogSize {
    const walPath = `${this.#directory.databasePath}-wal`;
    const pageBytes = pragma(this.#db, 'page_size');
    const pages = pragma(this.#db, 'page_count');
    const walBytes = existsSync(walPath) ? statSync(walPath).size : 0;
    return {
      keys: this.#keys,
      bytes: pages * pageBytes + walBytes,
      usedBytes: (pages - pragma(this.#db, 'freelist_count')) * pageBytes,
    };
  }

  keyIds(): readonly number[] {
    return readKeyIds(this.#db);
  }

  close(): void {
    const opening = new Opening(this.#directory);
    opening.closing();
    this.#db.close();
    opening.closed();
    this.#directory.release();
  }

  #transaction<T>(work: () => T): T {
    this.#refresh();
    this.#isStale = true;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      this.#isStale = false;
      return result;
    } finally {
      // SQLite ends the transaction by itself on some errors, a full disk among them.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    }
  }

  #commit(writes: readonly LogWrite[]): LogOutcome {
    const before = writes.map((write) => this.#keyState(write.key));
    const failed = writes.findIndex((write, at) => !isMet(write.precondition, before[at]?.revision));
    if (failed >= 0) {
      const state = before[failed];
      const current =
        state === undefined ? undefined : this.#rowAt(state.revision, writes[failed]?.key ?? '');
      return { ok: false, failed, current, revision: this.#revision };
    }
    const isEffective = (write: LogWrite, at: number): boolean =>
      write.kind === 'put' || before[at] !== undefined;
    const commitEnd = this.#revision + writes.filter(isEffective).length;
    const effects = writes.map((write, at) =>
      isEffective(write, at) ? this.#write(write, before[at], commitEnd) : undefined,
    );
    return { ok: true, revision: commitEnd, effects };
  }

  #write(write: LogWrite, before: KeyState | undefined, commitEnd: number): LogEffect {
    const revision = ++this.#revision;
    const createRevision = before?.createRevision ?? revision;
    const version = (before?.version ?? 0) + 1;
    const isDelete = write.kind === 'delete';
    const { key, record } = write;
    this.#sql.insert.run(
      revision,
      key,
      isDelete ? 1 : 0,
      createRevision,
      version,
      before?.revision ?? null,
      commitEnd,
      record,
    );
    if (isDelete) this.#sql.deleteKey.run(key);
    else this.#sql.putKey.run(key, revision, createRevision, version);
    this.#keys += (isDelete ? 0 : 1) - (before === undefined ? 0 : 1);
    const isKnown = before === undefined || before.revision === write.knownRevision;
    const previous = isKnown ? undefined : this.#rowAt(before.revision, key);
    return { revision, createRevision, version, previousRevision: before?.revision, previous };
  }

  #keyState(key: string): KeyState | undefined {
    const found = this.#sql.keyState.get(key);
    if (found === undefined) return undefined;
    const [revision, createRevision, version] = found;
    return {
      revision: asInteger(revision),
      createRevision: asInteger(createRevision),
      version: asInteger(version),
    };
  }

  /** The row that an index names for a key. */
  #rowAt(revision: number, key: string): LogRow {
    const row = this.#findRow(revision);
    if (row?.key !== key) throw this.#misled(key, revision);
    return row;
  }

  #misled(key: string, revision: number): StoreError {
    return this.#directory.damaged(`"${key}" should be at revision ${revision}, where it is not`);
  }

  #findRow(revision: number): LogRow | undefined {
    const found = this.#sql.row.get(revision);
    return found === undefined ? undefined : toRow(found);
  }

  #commitEnd(revision: number): number {
    const [end] = this.#sql.commitEnd.get(revision) ?? [];
    return end === undefined ? revision : asInteger(end);
  }

  /** Walks on from a remembered place, `from` at least, up to `floor`; returns how far it got. */
  #trimRows(
    name: string,
    floorBefore: number,
    from: number,
    floor: number,
    prefixes: readonly string[],
    maxRows: number,
  ): number {
    const reached = Number(readMeta(this.#db, name) ?? '0');
    // A delete at the floor stays while that is the floor: by its time one knows when the past begins.
    const start = Math.max(from, reached === floorBefore ? reached - 1 : reached);
    // The newest row stays whatever it is: it says which revision is next.
    const end = Math.min(floor, this.#revision - 1);
    const goners: number[] = [];
    let cursor = start;
    let isFinished = true;
    let seen = 0;
    for (const [revision, key, previousRevision, isDelete] of this.#sql.walk.iterate(start, end)) {
      if (seen === maxRows) {
        isFinished = false;
        break;
      }
      seen++;
      cursor = asInteger(revision);
      if (!hasAnyPrefix(asText(key), prefixes)) continue;
      if (previousRevision !== null) goners.push(asInteger(previousRevision));
      if (isDelete === 1 && cursor < floor) goners.push(cursor);
    }
    if (isFinished) cursor = Math.max(cursor, end);
    for (const goner of goners) this.#sql.deleteRow.run(goner);
    this.#setMeta(name, cursor);
    return cursor;
  }

  #setMeta(name: string, value: number): void {
    if (readMeta(this.#db, name) !== String(value)) writeMeta(this.#db, name, String(value));
  }

  /** After a failed transaction the figures in memory may be ahead of the file: read them again. */
  #refresh(): void {
    if (!this.#isStale) return;
    this.#revision = newestRevision(this.#db);
    this.#keys = single(this.#db, 'SELECT count(*) FROM keys');
    this.#isStale = false;
  }
}

const ROW = 'log.key, log.revision, log.create_revision, log.version, log.is_delete, log.record';

function prepareAll(db: DatabaseSync) {
  return {
    keyState: new RowStatement(db, 'SELECT revision, create_revision, version FROM keys WHERE key = ?'),
    row: new RowStatement(db, `SELECT ${ROW} FROM log WHERE revision = ?`),
    readPast: new RowStatement(
      db,
      `SELECT ${ROW} FROM log WHERE key = ? AND revision <= ? ORDER BY revision DESC LIMIT 1`,
    ),
    versions: new RowStatement(
      db,
      `SELECT ${ROW} FROM log INDEXED BY log_key WHERE key = ? AND revision < ? ORDER BY revision DESC`,
    ),
    rangeNow: new RowStatement(
      db,
      `SELECT keys.key, keys.revision, ${ROW} FROM keys LEFT JOIN log ON log.revision = keys.revision
       WHERE keys.key >= ? AND keys.key < ? AND keys.key > ? ORDER BY keys.key`,
    ),
    newestUpTo: new RowStatement(
      db,
      `SELECT key, max(revision) FROM log INDEXED BY log_key
       WHERE key >= ? AND key < ? AND key > ? AND revision <= ? GROUP BY key ORDER BY key`,
    ),
    walk: new RowStatement(
      db,
      'SELECT revision, key, previous_revision, is_delete FROM log WHERE revision > ? AND revision <= ? ORDER BY revision',
    ),
    commitEnd: new RowStatement(db, 'SELECT commit_end FROM log WHERE revision = ?'),
    insert: db.prepare('INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    putKey: db.prepare(
      `INSERT INTO keys VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
         revision = excluded.revision, create_revision = excluded.create_revision, version = excluded.version`,
    ),
    deleteKey: db.prepare('DELETE FROM keys WHERE key = ?'),
    deleteRow: db.prepare('DELETE FROM log WHERE revision = ?'),
  };
}

function toRow([key, revision, createRevision, version, isDelete, record]: unknown[]): LogRow {
  if (!(record instanceof Uint8Array)) {
    throw new StoreError(
      'Corrupt',
      `stored value of "${asText(key)}" at revision ${asInteger(revision)} is damaged: found ${describeType(record)}, wanted bytes; restore the store from a backup`,
    );
  }
  return {
    key: asText(key),
    revision: asInteger(revision),
    createRevision: asInteger(createRevision),
    version: asInteger(version),
    isDelete: isDelete === 1,
    record,
  };
}
