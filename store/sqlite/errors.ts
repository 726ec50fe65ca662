/** SQLite's result codes as `StoreError`s. Source: sqlite.org, "Result and Error Codes". */
import { messageOf, StoreError } from '../../machinery/errors.ts';

const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;
/** The shared-memory index beside the log could not grow: in practice, no room on the disk. */
const IOERR_SHMSIZE = IOERR | (19 << 8);

/** The primary result code of an error thrown by node:sqlite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = extendedCode(error);
  return code === undefined ? undefined : code & 0xff;
}

/** Whether SQLite or the operating system says that the disk is full. */
export function isNoRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) return true;
  return sqliteCode(error) === FULL || extendedCode(error) === IOERR_SHMSIZE;
}

export function translateSqliteError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = sqliteCode(error);
  const found = `${messageOf(error)}${code === undefined ? '' : ` (SQLite result ${extendedCode(error)})`}`;
  const options = { cause: error };
  if (code === CORRUPT || code === NOTADB) {
    return new StoreError('Corrupt', `${path} is damaged: ${found}; restore it from a backup`, options);
  }
  if (isNoRoom(error)) {
    return new StoreError(
      'ReadOnly',
      `no room to write ${path}: ${found}; reads go on, writes go on when there is room on the disk`,
      options,
    );
  }
  if (code === READONLY) {
    return new StoreError('ReadOnly', `${path} cannot be written: ${found}; reads go on`, options);
  }
  return new StoreError('Unavailable', `${path}: ${found}`, options);
}

function extendedCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode : undefined;
}
