/**
 * What lies beside a database says whether its write-ahead log belongs to it. SQLite cannot tell: it takes a log that
 * is gone for nothing written, and replays one of another database over this one.
 *
 * - `store.open` is there while the store is in use, and after a crash: the log must be there, and database and log must
 *   both be of the opening it names (cluster and number of the opening, in `meta` too; the salt of its log).
 * - `store.turning` is there while that changes: nothing is known of the log.
 * - neither: the store was closed, and there is no log. Stores of format 1 had no such marks.
 *
 * Moved, not written, on the way down: a full disk does not keep a store from being closed properly.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { StoreError } from '../../machinery/errors.ts';
import { readStart, type StoreDirectory, syncDirectory, writeDurably } from './directory.ts';
import { sqliteCode } from './errors.ts';

/** Source: sqlite.org, "Database File Format": the user version, in the header of the database. */
const USER_VERSION_AT = 60;
const LOG_HEADER_BYTES = 32;
/** The last bit says in which byte order the checksums are made. */
const LOG_MAGIC = 0x377f0682;
/** A random number at first, one more whenever the log begins again at its start: which logs may follow from one. */
const SALT_AT = 16;
/** More than one opening ever makes: 64 TB of writes. */
const MAX_RESTARTS = 2 ** 22;

export class Opening {
  readonly #directory: StoreDirectory;
  readonly #folder: string;
  readonly #openPath: string;
  readonly #turningPath: string;
  readonly #logPath: string;

  constructor(directory: StoreDirectory) {
    this.#directory = directory;
    this.#folder = dirname(directory.databasePath);
    this.#openPath = join(this.#folder, 'store.open');
    this.#turningPath = join(this.#folder, 'store.turning');
    this.#logPath = `${directory.databasePath}-wal`;
  }

  /** Before anything opens the database. Throws `StoreError('Corrupt')`. */
  checkFiles(): void {
    if (existsSync(this.#turningPath)) return;
    const logBytes = existsSync(this.#logPath) ? statSync(this.#logPath).size : 0;
    if (!existsSync(this.#openPath)) {
      const header = readStart(this.#directory.databasePath, 100);
      if (logBytes > 0 && header.length === 100 && header.readUInt32BE(USER_VERSION_AT) > 1) {
        throw this.#refusal(
          `the store was closed without a log, but there is one: ${this.#logPath} is of another store; move it away`,
        );
      }
      return;
    }
    const asItIs = `put it back, restore the store from a backup, or remove ${this.#openPath} to go on with what the database has without it`;
    if (logBytes === 0) {
      throw this.#refusal(
        `the store was not closed, and its newest writes are in ${this.#logPath}, which is ${existsSync(this.#logPath) ? 'empty' : 'missing'}; ${asItIs}`,
      );
    }
    const log = readStart(this.#logPath, LOG_HEADER_BYTES);
    if (!isLog(log)) {
      throw this.#refusal(
        `the store was not closed, and its newest writes are in ${this.#logPath}, whose beginning is damaged; ${asItIs}`,
      );
    }
    const { salt } = this.#wanted();
    const restarts = (log.readUInt32BE(SALT_AT) - salt) >>> 0;
    if (restarts > MAX_RESTARTS)
      throw this.#mismatch(`a log of salt ${log.readUInt32BE(SALT_AT)}`, `${salt} or a little more`);
    const inFile = readUnderLog(this.#directory.databasePath);
    if (inFile !== undefined) this.#checkIs(inFile);
  }

  /** @param found what database and log together say. Throws `StoreError('Corrupt')`. */
  check(found: string): void {
    if (existsSync(this.#openPath) && !existsSync(this.#turningPath)) this.#checkIs(found);
  }

  /** From here until `opened`, and from `closing` until `closed`, nothing is known of the log. */
  begin(): void {
    if (existsSync(this.#openPath)) renameSync(this.#openPath, this.#turningPath);
    else if (!existsSync(this.#turningPath)) writeDurably(this.#turningPath, '');
    syncDirectory(this.#folder);
  }

  /** The log is there, and the database itself names this opening. */
  opened(name: string): void {
    const salt = readStart(this.#logPath, LOG_HEADER_BYTES).readUInt32BE(SALT_AT);
    writeDurably(this.#openPath, `${name}\n${salt}\n`);
    syncDirectory(this.#folder);
    rmSync(this.#turningPath, { force: true });
  }

  closing(): void {
    if (existsSync(this.#openPath)) renameSync(this.#openPath, this.#turningPath);
  }

  /** When SQLite has closed the database: it leaves the log where it could not move it into the file. */
  closed(): void {
    if (existsSync(this.#logPath)) return;
    syncDirectory(this.#folder);
    rmSync(this.#turningPath, { force: true });
  }

  #checkIs(found: string): void {
    const { name } = this.#wanted();
    if (found !== name) throw this.#mismatch(`opening "${found}"`, `"${name}"`);
  }

  #wanted(): { readonly name: string; readonly salt: number } {
    const [name = '', salt] = readFileSync(this.#openPath, 'utf8').split('\n');
    return { name, salt: Number(salt) };
  }

  #mismatch(found: string, wanted: string): StoreError {
    return this.#refusal(
      `it and ${this.#logPath} do not belong together: found ${found}, wanted ${wanted}; put back the files that do, ` +
        `or move ${this.#logPath} and ${this.#openPath} away to go on with what the database has without them`,
    );
  }

  #refusal(what: string): StoreError {
    return new StoreError('Corrupt', `${this.#directory.databasePath} cannot be opened: ${what}`);
  }
}

/** Source: sqlite.org, "WAL File Format": magic, and a checksum over the first 24 bytes of the header. */
function isLog(header: Buffer): boolean {
  if (header.length < LOG_HEADER_BYTES) return false;
  const magic = header.readUInt32BE(0);
  if ((magic & ~1) >>> 0 !== LOG_MAGIC) return false;
  const wordAt = (at: number): number =>
    (magic & 1) === 1 ? header.readUInt32BE(at) : header.readUInt32LE(at);
  let first = 0;
  let second = 0;
  for (let at = 0; at < 24; at += 8) {
    first = (first + wordAt(at) + second) >>> 0;
    second = (second + wordAt(at + 4) + first) >>> 0;
  }
  return header.readUInt32BE(24) === first && header.readUInt32BE(28) === second;
}

/** What the database says without its log; undefined when it cannot be told, as a crash may have cut a move short. */
function readUnderLog(databasePath: string): string | undefined {
  const url = pathToFileURL(databasePath);
  url.searchParams.set('immutable', '1');
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(url, { readOnly: true });
    return openingOf(db);
  } catch (error) {
    if (sqliteCode(error) === undefined) throw error;
    return undefined;
  } finally {
    db?.close();
  }
}

/** The name of the last opening, as the database has it. */
export function openingOf(db: DatabaseSync): string {
  const rows = db
    .prepare("SELECT value FROM meta WHERE name IN ('cluster_id', 'openings') ORDER BY name")
    .all();
  return rows.map(({ value }) => String(value)).join(' ');
}
