/**
 * Small files that must be whole or absent after a crash: keys, certificates, kubeconfigs, names.
 *
 * Written beside their place, flushed, moved into place in one step, and the move itself flushed (POSIX rename, and
 * fsync of the directory, which ext4 and XFS ask for).
 */
import { randomBytes } from 'node:crypto';
import { link, open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

export interface DurableFileOptions {
  /** Permission bits, set whatever the umask says. */
  readonly mode: number;
  /** Refuses with EEXIST instead of replacing what is there. */
  readonly exclusive?: boolean;
}

/** Rejects with Node's file errors (`code` EEXIST, EACCES, ENOSPC, EINVAL for a device or a socket); then the old content still stands. */
export async function writeDurably(
  path: string,
  content: string | Uint8Array,
  options: DurableFileOptions,
): Promise<void> {
  await assertReplaceable(path);
  const directory = dirname(path);
  const draft = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(draft, 'wx', options.mode);
    try {
      await file.chmod(options.mode);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    // A hard link, unlike a rename, fails when the name is taken.
    if (options.exclusive === true) await link(draft, path);
    else await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** What is there and no file is not replaced by one: `/dev/null` stays what it is. */
async function assertReplaceable(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined || found.isFile() || found.isDirectory()) return;
  throw Object.assign(new Error(`${path} is there and no regular file, so it is not replaced by one`), {
    code: 'EINVAL',
  });
}

/** Why a file operation failed, in words: for messages that name the file themselves. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'permission denied';
    case 'ENOENT':
      return 'no such file or directory';
    case 'EISDIR':
      return 'it is a directory';
    case 'ENOTDIR':
      return 'a part of its path is not a directory';
    case 'EEXIST':
      return 'it exists already';
    case 'ENOSPC':
      return 'no space left on the disk';
    case 'EINVAL':
      return 'it is no regular file';
    case 'EROFS':
      return 'the file system is read-only';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
