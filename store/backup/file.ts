/**
 * Writes a backup to its file so that the name never stands for half of one: into `<name>.partial` first, flushed, then
 * moved into place, and the move flushed. Readable by its owner only.
 */
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileProblem } from '../../machinery/durablefile.ts';
import { StoreError } from '../../machinery/errors.ts';
import type { BackupHeader, BackupTrailer } from './format.ts';
import { MAGIC } from './format.ts';
import { readParts } from './reader.ts';

export interface Written {
  readonly header: BackupHeader;
  readonly trailer: BackupTrailer;
  /** Of the file. */
  readonly fileBytes: number;
}

/**
 * Checks what passes by, block by block, and hands it to `write`. Rejects when the source ends early or is not what a
 * backup should be, whatever was handed on by then.
 */
export async function passBackup(
  source: AsyncIterable<Uint8Array>,
  name: string,
  write: (chunk: Uint8Array) => Promise<void>,
): Promise<Written> {
  let fileBytes = 0;
  async function* passing(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      fileBytes += chunk.byteLength;
      await write(chunk);
      yield chunk;
    }
  }
  let header: BackupHeader | undefined;
  for await (const part of readParts(passing(), name)) {
    if (part.kind === 'header') header = part.header;
    if (part.kind === 'trailer' && header !== undefined) return { header, trailer: part.trailer, fileBytes };
  }
  throw new StoreError('Corrupt', `backup ${name} has no trailer`);
}

/** Rejects with `StoreError`; then the name stands for what it stood for before. Replaces an older backup, nothing else. */
export async function writeBackupFile(source: AsyncIterable<Uint8Array>, path: string): Promise<Written> {
  await checkReplaceable(path);
  const partial = `${path}.partial`;
  const handle = await explained(path, async () => {
    await rm(partial, { force: true });
    return open(partial, 'wx', 0o600);
  });
  let isOurs = true;
  try {
    let written: Written;
    try {
      written = await passBackup(source, path, (chunk) => explained(path, () => writeAll(handle, chunk)));
      await explained(path, () => handle.sync());
      isOurs = await isSameFile(handle, partial);
    } finally {
      await handle.close();
    }
    if (!isOurs) {
      throw new StoreError(
        'Unavailable',
        `cannot write the backup ${path}: another backup writes to it at the same time; choose another name`,
      );
    }
    await explained(path, async () => {
      await rename(partial, path);
      await syncDirectory(dirname(path));
    });
    return written;
  } catch (error) {
    if (isOurs) await rm(partial, { force: true });
    throw error;
  }
}

/** So that a mistyped name does not cost a key file. */
async function checkReplaceable(path: string): Promise<void> {
  const refused = (why: string): StoreError =>
    new StoreError('Unavailable', `cannot write the backup ${path}: ${why}`);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw refused(fileProblem(error));
  });
  if (found === undefined) return;
  if (!found.isFile())
    throw refused('it is not an ordinary file; choose another name, or - for standard output');
  const handle = await explained(path, () => open(path, 'r'));
  try {
    const start = Buffer.alloc(MAGIC.length);
    const { bytesRead } = await explained(path, () => handle.read(start, 0, start.length, 0));
    if (bytesRead > 0 && !start.equals(MAGIC))
      throw refused('another file has that name; choose another name');
  } finally {
    await handle.close();
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await handle.write(chunk, done)).bytesWritten;
  }
}

/** False when a second backup to the same name took the first one's draft away. */
async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const [ours, there] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
  return ours.ino === there?.ino;
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StoreError('Unavailable', `cannot write the backup ${path}: ${fileProblem(error)}`, {
      cause: error,
    });
  }
}
