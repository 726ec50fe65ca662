/**
 * The directory an embedded store lives in, and who owns it.
 *
 *   store.db (+ -wal, -shm)  the database
 *   cluster-id               says that this directory holds a cluster's data, so that a lost or emptied database is
 *                            noticed instead of being taken for a new one
 *   store.open               says that the store was not closed since (`opening.ts`)
 *   store.lock               a database that the owner keeps locked for its lifetime; the operating system lifts the
 *                            lock when the process ends, however it ends, so there is no stale lock to guess about
 *   store.pid                the owner's process id, for the message to the second one
 *
 * A restore writes into a directory of the same name and `.restoring`, and gives it the name when it is whole
 * (`../backup/target.ts`). While one lies there, no new store is begun in its place.
 *
 * Everything is synchronous: it runs in the store's own thread.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, StoreError } from '../../machinery/errors.ts';
import { isNoRoom, sqliteCode } from './errors.ts';

const SQLITE_BUSY = 5;
const HEADER_BYTES = 100;
const HEADER_MAGIC = 'SQLite format 3\0';

export class StoreDirectory {
  readonly databasePath: string;
  readonly #path: string;
  readonly #markerPath: string;
  readonly #lock: DatabaseSync;

  /** Takes the directory, making it if need be. Throws `StoreError`: `Locked`, or `Unavailable` if it is not usable. */
  constructor(path: string) {
    this.#path = path;
    this.databasePath = join(path, 'store.db');
    this.#markerPath = join(path, 'cluster-id');
    if (!existsSync(this.databasePath) && existsSync(asideOf(path))) {
      throw new StoreError(
        'Unavailable',
        `a restore into ${path} has not ended: what it wrote so far is in ${asideOf(path)}; run gantry restore again, or remove that directory to begin with nothing`,
      );
    }
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      accessSync(path, constants.W_OK);
      this.#lock = takeLock(path);
    } catch (error) {
      if (error instanceof StoreError) throw error;
      if (isNoRoom(error)) {
        throw new StoreError(
          'ReadOnly',
          `no room to open the store in ${path}: ${messageOf(error)}; make some on its disk and start again`,
          { cause: error },
        );
      }
      throw new StoreError(
        'Unavailable',
        `store directory ${path} is not usable: ${messageOf(error)}; make it a directory that this user may write to`,
        { cause: error },
      );
    }
  }

  /** The cluster whose data belongs here; undefined before the first start. */
  clusterId(): string | undefined {
    return existsSync(this.#markerPath) ? readFileSync(this.#markerPath, 'utf8').trim() : undefined;
  }

  /** Durable when it returns: file, name and all. */
  writeClusterId(clusterId: string): void {
    writeDurably(this.#markerPath, `${clusterId}\n`);
    syncDirectory(this.#path);
  }

  /** Looks at the database file before anything opens it, and makes an empty one for a new cluster. Throws `StoreError('Corrupt')` naming it and what to do. */
  checkDatabaseFile(): void {
    const clusterId = this.clusterId();
    const bytes = existsSync(this.databasePath) ? statSync(this.databasePath).size : undefined;
    if (bytes === undefined || bytes === 0) {
      if (clusterId === undefined) {
        // Ours to read alone, and so SQLite makes the files beside it.
        closeSync(openSync(this.databasePath, 'a', 0o600));
        return;
      }
      throw new StoreError(
        'Corrupt',
        `${this.databasePath} is ${bytes === undefined ? 'missing' : 'empty'}, but ${this.#markerPath} says that the data of ` +
          `cluster ${clusterId} belongs here; restore ${this.databasePath} from a backup, or remove ${this.#markerPath} to begin again with nothing`,
      );
    }
    const header = readStart(this.databasePath, HEADER_BYTES);
    const hasMagic = header.toString('latin1', 0, HEADER_MAGIC.length) === HEADER_MAGIC;
    if (header.length < HEADER_BYTES || !hasMagic) throw this.damaged('it does not begin as a database does');
    // The size in the header may be told wrong only while a log of newer pages lies beside it.
    if (existsSync(`${this.databasePath}-wal`) && statSync(`${this.databasePath}-wal`).size > 0) return;
    const pageBytes = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
    const wanted = header.readUInt32BE(28) * pageBytes;
    if (bytes < wanted) throw this.damaged(`it has ${bytes} bytes, its header wants ${wanted}`);
  }

  /** Removes the data of an owned directory that nobody needs: of a restore that did not end. */
  clear(): void {
    for (const path of [
      this.databasePath,
      `${this.databasePath}-wal`,
      `${this.databasePath}-shm`,
      join(this.#path, 'store.open'),
      join(this.#path, 'store.turning'),
      this.#markerPath,
    ]) {
      rmSync(path, { force: true });
    }
  }

  damaged(what: string, cause?: unknown): StoreError {
    return new StoreError(
      'Corrupt',
      `${this.databasePath} is damaged: ${what.replaceAll(/\s*\n\s*/g, ' ')}; restore it from a backup`,
      cause === undefined ? {} : { cause },
    );
  }

  release(): void {
    // While the lock is still held: a successor's file must not be removed.
    rmSync(join(this.#path, 'store.pid'), { force: true });
    this.#lock.close();
  }
}

/** Where a restore into a directory writes. */
export function asideOf(path: string): string {
  return `${path}.restoring`;
}

function takeLock(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, 'store.lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (sqliteCode(error) !== SQLITE_BUSY) throw error;
    throw new StoreError(
      'Locked',
      `store directory ${path} is in use by process ${ownerOf(path)}; stop that one first, or use another directory`,
    );
  }
  tellOwner(join(path, 'store.pid'));
  return lock;
}

function tellOwner(pidPath: string): void {
  try {
    writeDurably(pidPath, `${process.pid}\n`);
  } catch {
    // The lock holds without it, and on a full disk reads must go on; but an older owner's id would mislead.
    rmSync(pidPath, { force: true });
  }
}

function ownerOf(path: string): string {
  const pidPath = join(path, 'store.pid');
  return existsSync(pidPath) ? readFileSync(pidPath, 'utf8').trim() : '(not told yet)';
}

export function writeDurably(path: string, text: string): void {
  const fd = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.new`, path);
}

export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

export function readStart(path: string, bytes: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const start = Buffer.alloc(bytes);
    return start.subarray(0, readSync(fd, start, 0, bytes, 0));
  } finally {
    closeSync(fd);
  }
}
