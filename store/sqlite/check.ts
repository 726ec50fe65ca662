/**
 * The whole check of an embedded store that nobody uses: the file's own structure, every row of the log and its value,
 * and that the rows, the index of present keys and the marker beside the file agree.
 *
 * Promises: changes nothing (a file of an older format is checked as it is), holds the directory's lock meanwhile, and
 * tells every fault in one sentence with key and revision, as many as asked for and the number of the rest.
 */
import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import type { Encryption } from '../encryption.ts';
import { Envelopes, keyIdOf, showKeyId } from '../envelope.ts';
import { checkKey, hasAnyPrefix } from '../keys.ts';
import { StoreDirectory } from './directory.ts';
import { translateSqliteError } from './errors.ts';
import { Opening, openingOf } from './opening.ts';
import {
  asInteger,
  asText,
  checkFormat,
  describeType,
  newestRevision,
  RowStatement,
  readMeta,
  single,
} from './schema.ts';

export interface StoreCheck {
  readonly clusterId: string | undefined;
  readonly format: number | undefined;
  readonly revision: number;
  /** Keys that hold a value now. */
  readonly keys: number;
  /** Writes looked at, of the past and the present. */
  readonly rows: number;
  readonly bytes: number;
  /** Rows encrypted with each key, by its id. */
  readonly encrypted: ReadonlyMap<number, number>;
  /** The first of them, each one sentence. */
  readonly findings: readonly string[];
  readonly findingCount: number;
}

export interface CheckOptions {
  readonly encryption?: Encryption;
  readonly maxFindings: number;
  readonly signal: AbortSignal;
}

/** The event loop turns after this many rows. */
const ROWS_AT_ONCE = 1000;

/** Throws `StoreError`: `Locked` while a server has the store, `Unavailable` where there is none; rejects on abort. */
export async function checkSqliteStore(path: string, options: CheckOptions): Promise<StoreCheck> {
  if (!existsSync(path)) throw noStore(path);
  const directory = new StoreDirectory(path);
  try {
    if (!existsSync(directory.databasePath) && directory.clusterId() === undefined) throw noStore(path);
    return await new Check(directory, options).run();
  } finally {
    directory.release();
  }
}

interface Row {
  readonly revision: number;
  readonly key: string;
  readonly isDelete: boolean;
  readonly createRevision: number;
  readonly version: number;
  readonly previousRevision: number | undefined;
  readonly commitEnd: number;
  readonly record: unknown;
}

class Check {
  readonly #directory: StoreDirectory;
  readonly #options: CheckOptions;
  readonly #envelopes: Envelopes;
  readonly #findings: string[] = [];
  readonly #encrypted = new Map<number, number>();
  #findingCount = 0;
  #rows = 0;
  #bytes = 0;

  constructor(directory: StoreDirectory, options: CheckOptions) {
    this.#directory = directory;
    this.#options = options;
    this.#envelopes = new Envelopes(options.encryption);
  }

  async run(): Promise<StoreCheck> {
    let seen: Pick<StoreCheck, 'clusterId' | 'format' | 'revision' | 'keys'> = {
      clusterId: this.#directory.clusterId(),
      format: undefined,
      revision: 0,
      keys: 0,
    };
    let db: DatabaseSync | undefined;
    try {
      this.#directory.checkDatabaseFile();
      const opening = new Opening(this.#directory);
      opening.checkFiles();
      // Without leave to write: not even what waits in the log beside the file is moved into it.
      db = new DatabaseSync(this.#directory.databasePath, { readOnly: true });
      const format = checkFormat(db, this.#directory.databasePath);
      if (format === undefined) throw this.#directory.damaged('it has no tables');
      seen = { ...seen, format };
      opening.check(openingOf(db));
      this.#checkPages(db);
      this.#checkCluster(db);
      const revision = newestRevision(db);
      seen = { ...seen, revision, keys: single(db, 'SELECT count(*) FROM keys') };
      await this.#checkRows(db, revision);
      this.#checkKeys(db);
    } catch (error) {
      this.#options.signal.throwIfAborted();
      this.#found(messageOf(translateSqliteError(error, this.#directory.databasePath)));
    } finally {
      db?.close();
    }
    for (const [keyId, rows] of this.#encrypted) {
      if (this.#options.encryption?.keys.has(keyId) === true) continue;
      this.#found(
        `${rows} values are encrypted with key ${showKeyId(keyId)}, which was not given: they cannot be read`,
      );
    }
    return {
      ...seen,
      rows: this.#rows,
      bytes: this.#bytes,
      encrypted: this.#encrypted,
      findings: this.#findings,
      findingCount: this.#findingCount,
    };
  }

  #found(what: string): void {
    this.#findingCount++;
    if (this.#findings.length < this.#options.maxFindings) this.#findings.push(what);
  }

  #checkPages(db: DatabaseSync): void {
    for (const [finding] of new RowStatement(db, 'PRAGMA integrity_check(100)').iterate()) {
      if (finding !== 'ok')
        this.#found(`${this.#directory.databasePath}: ${asText(finding).replaceAll(/\s*\n\s*/g, ' ')}`);
    }
  }

  #checkCluster(db: DatabaseSync): void {
    const inside = readMeta(db, 'cluster_id');
    const beside = this.#directory.clusterId();
    if (inside === undefined) this.#found('the database does not name its cluster');
    else if (beside === undefined) this.#found(`the cluster-id file is missing; it should say ${inside}`);
    else if (inside !== beside)
      this.#found(`the database is of cluster ${inside}, the cluster-id file says ${beside}`);
  }

  async #checkRows(db: DatabaseSync, newest: number): Promise<void> {
    const floors = readFloors(db);
    const before = new RowStatement(
      db,
      'SELECT revision, is_delete, create_revision, version FROM log WHERE key = ? AND revision < ? ORDER BY revision DESC LIMIT 1',
    );
    const rows = new RowStatement(
      db,
      'SELECT revision, key, is_delete, create_revision, version, previous_revision, commit_end, record FROM log ORDER BY revision',
    );
    let commitEnd = 0;
    for (const values of rows.iterate()) {
      const row = toRow(values);
      this.#rows++;
      this.#checkRecord(row);
      this.#checkCommit(row, commitEnd, newest);
      commitEnd = Math.max(commitEnd, row.commitEnd);
      this.#checkPrevious(row, before.get(row.key, row.revision), floors);
      if (this.#rows % ROWS_AT_ONCE === 0) {
        await turnOfTheLoop();
        this.#options.signal.throwIfAborted();
      }
    }
    const floor = Math.max(floors.floor, floors.transientFloor);
    if (floor > newest)
      this.#found(`history is told to begin at revision ${floor}, but the newest row is of ${newest}`);
  }

  #checkRecord({ key, revision, record }: Row): void {
    try {
      checkKey(key);
    } catch (error) {
      this.#found(`revision ${revision}: ${messageOf(error)}`);
    }
    if (!(record instanceof Uint8Array)) {
      this.#found(
        `stored value of "${key}" at revision ${revision} is damaged: found ${describeType(record)}, wanted bytes`,
      );
      return;
    }
    this.#bytes += record.byteLength;
    try {
      this.#envelopes.check(key, revision, record);
      const keyId = keyIdOf(record);
      if (keyId === 0) return;
      this.#encrypted.set(keyId, (this.#encrypted.get(keyId) ?? 0) + 1);
      if (this.#options.encryption?.keys.has(keyId) === true) this.#envelopes.open(key, revision, record);
    } catch (error) {
      this.#found(messageOf(error));
    }
  }

  /** Rows of one commit are neighbours, and each says where it ends. */
  #checkCommit({ key, revision, commitEnd }: Row, before: number, newest: number): void {
    const isWithin = revision <= before;
    if (isWithin ? commitEnd === before : commitEnd >= revision && commitEnd <= newest) return;
    const wanted = isWithin ? `${before}, as the write before it` : `${revision} to ${newest}`;
    this.#found(
      `"${key}" at revision ${revision} is told to be of the commit that ends at ${commitEnd}; wanted ${wanted}`,
    );
  }

  #checkPrevious(row: Row, before: unknown[] | undefined, floors: FloorsRead): void {
    const { key, revision, previousRevision, version, createRevision } = row;
    const [foundRevision, isDelete, foundCreate, foundVersion] = before ?? [];
    const say = (what: string): void => this.#found(`"${key}" at revision ${revision} ${what}`);
    if (before === undefined || isDelete === 1) {
      const floor = hasAnyPrefix(key, floors.transientPrefixes) ? floors.transientFloor : floors.floor;
      if (previousRevision === undefined) {
        if (row.isDelete) say('is a delete of nothing');
        else if (version !== 1 || createRevision !== revision)
          say(`is the first write of its key, but of version ${version}, created at ${createRevision}`);
      } else if (revision > floor) {
        say(`replaced revision ${previousRevision}, which is missing, but history is kept from ${floor} on`);
      }
      return;
    }
    if (previousRevision !== foundRevision) {
      say(
        `replaced revision ${previousRevision ?? 'nothing'}, but before it there is revision ${String(foundRevision)}`,
      );
    } else if (version !== asInteger(foundVersion) + 1 || createRevision !== foundCreate) {
      say(
        `is of version ${version}, created at ${createRevision}; the one before is of version ${String(foundVersion)}, created at ${String(foundCreate)}`,
      );
    }
  }

  /** The index of present keys says the same as the newest row of each. */
  #checkKeys(db: DatabaseSync): void {
    const strangers = new RowStatement(
      db,
      `SELECT keys.key, keys.revision FROM keys LEFT JOIN log ON log.revision = keys.revision
       WHERE log.revision IS NULL OR log.key <> keys.key OR log.is_delete <> 0
         OR log.version <> keys.version OR log.create_revision <> keys.create_revision`,
    );
    for (const [key, revision] of strangers.iterate()) {
      this.#found(
        `"${asText(key)}" is told to be present at revision ${asInteger(revision)}, which its rows do not say`,
      );
    }
    const newest = new RowStatement(
      db,
      `SELECT newest.key, newest.revision, log.is_delete, keys.revision
       FROM (SELECT key, max(revision) AS revision FROM log GROUP BY key) AS newest
       JOIN log ON log.revision = newest.revision LEFT JOIN keys ON keys.key = newest.key
       WHERE keys.revision IS NOT CASE WHEN log.is_delete THEN NULL ELSE newest.revision END`,
    );
    for (const [key, revision, isDelete, told] of newest.iterate()) {
      const what = isDelete === 1 ? 'deleted' : 'written';
      this.#found(
        `"${asText(key)}" was last ${what} at revision ${asInteger(revision)}, but is told to be ${told === null ? 'absent' : `present at ${asInteger(told)}`}`,
      );
    }
  }
}

interface FloorsRead {
  readonly floor: number;
  readonly transientFloor: number;
  readonly transientPrefixes: readonly string[];
}

function readFloors(db: DatabaseSync): FloorsRead {
  return {
    floor: Number(readMeta(db, 'floor') ?? '0'),
    transientFloor: Number(readMeta(db, 'transient_floor') ?? '0'),
    transientPrefixes: (readMeta(db, 'transient_prefixes') ?? '').split('\n').filter((line) => line !== ''),
  };
}

function toRow(values: unknown[]): Row {
  const [revision, key, isDelete, createRevision, version, previousRevision, commitEnd, record] = values;
  return {
    revision: asInteger(revision),
    key: asText(key),
    isDelete: isDelete === 1,
    createRevision: asInteger(createRevision),
    version: asInteger(version),
    previousRevision: previousRevision === null ? undefined : asInteger(previousRevision),
    commitEnd: asInteger(commitEnd),
    record,
  };
}

function noStore(path: string): StoreError {
  return new StoreError(
    'Unavailable',
    `there is no store in ${path}; name the directory with --store sqlite:DIRECTORY`,
  );
}
