/**
 * What is inside `store.db`, and how a database is opened: durable settings, format check, first creation.
 *
 * `log` holds one row per write, `keys` the newest live row of each key. The record is the last column, so that
 * walking rows does not read values. `log_key` answers what a key was at a revision. Later formats add to this:
 * `migrations.ts`.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { StoreError } from '../../machinery/errors.ts';
import type { StoreDirectory } from './directory.ts';
import { translateSqliteError } from './errors.ts';
import { FORMAT, migrate } from './migrations.ts';
import { Opening, openingOf } from './opening.ts';

/** "GNTR": says to `file` and to us whose database this is. */
const APPLICATION_ID = 0x474e5452;
/** Up to here the whole file is checked at open: about a tenth of a second. */
const FULL_CHECK_BYTES = 64 * 1024 ** 2;

/** Of format 1. */
const TABLES = `
  CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    is_delete INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    version INTEGER NOT NULL,
    -- The live row written over; NULL when the key was absent.
    previous_revision INTEGER,
    -- The last revision of the same commit.
    commit_end INTEGER NOT NULL,
    record BLOB NOT NULL
  );
  CREATE INDEX log_key ON log (key, revision);
  CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    create_revision INTEGER NOT NULL,
    version INTEGER NOT NULL
  ) WITHOUT ROWID;
`;

export interface SqliteOptions {
  readonly directory: string;
  /** Taken when the directory is new. */
  readonly newClusterId: string;
  /** The revisions of a new store are greater than this one; absent is 0. */
  readonly newAfterRevision?: number;
  /** OFF gives up the promise of durability; it exists for the test that proves FULL keeps it. */
  readonly synchronous: 'FULL' | 'OFF';
  /** The most pages the database may have; absent is SQLite's own limit. */
  readonly maxPages?: number;
}

/** Throws `StoreError('Corrupt')` naming the file when it is not a whole Gantry store of a format known here. */
export function openDatabase(directory: StoreDirectory, options: SqliteOptions): DatabaseSync {
  directory.checkDatabaseFile();
  const path = directory.databasePath;
  const opening = new Opening(directory);
  let opened: DatabaseSync | undefined;
  try {
    const format = checkBefore(directory, opening);
    opening.begin();
    const db = new DatabaseSync(path, { timeout: 5000 });
    opened = db;
    // Values of some 2 KB fill half of a page of 4096; a database that exists keeps the size it was made with.
    db.exec('PRAGMA page_size = 8192');
    db.exec('PRAGMA journal_mode = WAL');
    db.exec(`PRAGMA synchronous = ${options.synchronous}`);
    db.exec('PRAGMA wal_autocheckpoint = 2000');
    db.exec('PRAGMA journal_size_limit = 67108864');
    db.exec('PRAGMA cache_size = -16384');
    if (options.maxPages !== undefined) db.exec(`PRAGMA max_page_count = ${options.maxPages}`);
    if (format === undefined) {
      create(db, directory.clusterId() ?? options.newClusterId, options.newAfterRevision ?? 0);
    }
    checkCluster(db, directory);
    inTransaction(db, () => {
      if (format !== undefined) migrate(db, format);
      writeMeta(db, 'openings', String(Number(readMeta(db, 'openings') ?? '0') + 1));
    });
    // Into the file itself: database and log are of this opening from here on.
    db.exec('PRAGMA wal_checkpoint(FULL)');
    opening.opened(openingOf(db));
    return db;
  } catch (error) {
    opened?.close();
    throw translateSqliteError(error, path);
  }
}

/**
 * Looks without leave to write, so that a store that is refused stays as it was found. Gives the format; undefined for
 * a database without anything in it.
 */
function checkBefore(directory: StoreDirectory, opening: Opening): number | undefined {
  opening.checkFiles();
  const db = new DatabaseSync(directory.databasePath, { timeout: 5000, readOnly: true });
  try {
    const format = checkFormat(db, directory.databasePath);
    if (format !== undefined) {
      checkWhole(db, directory);
      opening.check(openingOf(db));
    }
    return format;
  } finally {
    db.close();
  }
}

/** Undefined for a database without anything in it. */
export function checkFormat(db: DatabaseSync, path: string): number | undefined {
  const applicationId = pragma(db, 'application_id');
  const format = pragma(db, 'user_version');
  const isEmpty = single(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  if (isEmpty && applicationId === 0) return undefined;
  if (applicationId !== APPLICATION_ID) {
    throw new StoreError('Corrupt', `${path} is a database, but not a Gantry store; use another directory`);
  }
  if (format < 1)
    throw new StoreError(
      'Corrupt',
      `${path} is damaged: it has store format ${format}, wanted 1 to ${FORMAT}; restore it from a backup`,
    );
  if (format > FORMAT) {
    throw new StoreError(
      'Corrupt',
      `${path} has store format ${format}, this release reads up to ${FORMAT}; use the release that wrote it, or a backup from before`,
    );
  }
  return format;
}

function create(db: DatabaseSync, clusterId: string, afterRevision: number): void {
  inTransaction(db, () => {
    db.exec(TABLES);
    migrate(db, 1);
    writeMeta(db, 'cluster_id', clusterId);
    if (afterRevision > 0) {
      // A release that does not know the first takes an empty store for damaged by the others, and never begins at 1.
      for (const name of ['after_revision', 'floor', 'transient_floor', 'cursor', 'transient_cursor']) {
        writeMeta(db, name, String(afterRevision));
      }
    }
    db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  });
  // Into the file itself, before the marker says that there is data in it.
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
}

function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    work();
    db.exec('COMMIT');
  } finally {
    // SQLite ends the transaction by itself on some errors, a full disk among them.
    if (db.isTransaction) db.exec('ROLLBACK');
  }
}

function checkWhole(db: DatabaseSync, directory: StoreDirectory): void {
  const bytes = pragma(db, 'page_count') * pragma(db, 'page_size');
  if (bytes <= FULL_CHECK_BYTES) {
    const [finding] = new RowStatement(db, 'PRAGMA quick_check(1)').get() ?? [];
    if (finding !== 'ok') throw directory.damaged(String(finding));
  }
  const newest = newestRevision(db);
  const named = single(db, 'SELECT ifnull(max(revision), 0) FROM keys');
  const floor = Number(readMeta(db, 'transient_floor') ?? '0');
  if (newest < Math.max(named, floor)) {
    throw directory.damaged(
      `its newest row is of revision ${newest}, but it speaks of ${Math.max(named, floor)}`,
    );
  }
}

function checkCluster(db: DatabaseSync, directory: StoreDirectory): void {
  const found = readMeta(db, 'cluster_id');
  if (found === undefined) throw directory.damaged('it does not name its cluster');
  const marker = directory.clusterId();
  if (marker === undefined) {
    directory.writeClusterId(found);
  } else if (marker !== found) {
    throw new StoreError(
      'Corrupt',
      `${directory.databasePath} holds the data of cluster ${found}, but the cluster-id file beside it says ${marker}; put the right file back`,
    );
  }
}

/** Of the newest row, or the one after which this store's revisions begin. */
export function newestRevision(db: DatabaseSync): number {
  const newest = single(db, 'SELECT ifnull(max(revision), 0) FROM log');
  return Math.max(newest, Number(readMeta(db, 'after_revision') ?? '0'));
}

/** The first column of the one row that a query gives, as a number. */
export function single(db: DatabaseSync, sql: string): number {
  return asInteger(new RowStatement(db, sql).get()?.[0]);
}

export function pragma(db: DatabaseSync, name: string): number {
  return single(db, `PRAGMA ${name}`);
}

export function readMeta(db: DatabaseSync, name: string): string | undefined {
  const [value] = new RowStatement(db, 'SELECT value FROM meta WHERE name = ?').get(name) ?? [];
  return value === undefined ? undefined : asText(value);
}

/** Ids of the keys that records are encrypted with: one step in the index for each. */
export function readKeyIds(db: DatabaseSync): readonly number[] {
  const ids = new RowStatement(
    db,
    `WITH RECURSIVE used(id) AS (
       SELECT min(substr(record, 5, 4)) FROM log WHERE substr(record, 5, 4) <> x'00000000'
       UNION ALL
       SELECT (SELECT min(substr(record, 5, 4)) FROM log
               WHERE substr(record, 5, 4) > used.id AND substr(record, 5, 4) <> x'00000000')
       FROM used WHERE used.id IS NOT NULL)
     SELECT id FROM used`,
  );
  // What is no key id sits in a damaged record, which is told of when it is read.
  return Array.from(ids.iterate(), ([id]) =>
    id instanceof Uint8Array && id.byteLength === 4 ? Buffer.from(id).readUInt32BE() : 0,
  ).filter((id) => id !== 0);
}

export function writeMeta(db: DatabaseSync, name: string, value: string): void {
  db.prepare(
    'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  ).run(name, value);
}

/** A prepared statement whose rows come as arrays of columns. */
export class RowStatement {
  readonly #statement: StatementSync;

  constructor(db: DatabaseSync, sql: string) {
    this.#statement = db.prepare(sql, { returnArrays: true });
  }

  get(...values: SQLInputValue[]): unknown[] | undefined {
    // The types of node:sqlite do not follow the returnArrays option.
    const row: unknown = this.#statement.get(...values);
    return isRow(row) ? row : undefined;
  }

  *iterate(...values: SQLInputValue[]): Generator<unknown[]> {
    for (const row of this.#statement.iterate(...values)) {
      if (isRow(row)) yield row;
    }
  }
}

function isRow(row: unknown): row is unknown[] {
  return Array.isArray(row);
}

export function asInteger(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new StoreError('Corrupt', `found ${describeType(value)} in the store where a number was wanted`);
}

export function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new StoreError('Corrupt', `found ${describeType(value)} in the store where a text was wanted`);
}

export function describeType(value: unknown): string {
  return value === null ? 'NULL' : typeof value;
}
