/** Makes the directories that emptyDirs and files are in, on the disk and in memory. */
import { chmod, chown, mkdir, rename, stat } from 'node:fs/promises';
import { hasCode } from './beneath.ts';
import { mountsAt, mountTmpfs, resizeTmpfs, tmpfsSize } from './mounts.ts';

/** There with these permissions from the first moment on; one that is there already stays as its users have made it. */
export async function makeDirectory(path: string, mode: number, owner: number | undefined): Promise<void> {
  const draft = `${path}.new`;
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
  await mkdir(draft, { recursive: true });
  await chmod(draft, mode);
  if (owner !== undefined) await chown(draft, owner, owner);
  await rename(draft, path);
}

/** A file system in memory of its own; one that is there is brought to the size, and keeps what is in it. */
export async function makeInMemory(
  path: string,
  sizeBytes: number | undefined,
  owner: number,
  signal: AbortSignal,
): Promise<void> {
  const [mounted] = await mountsAt(path);
  if (mounted === undefined) {
    await mkdir(path, { recursive: true, mode: 0o711 });
    return mountTmpfs(
      path,
      { mode: 0o777, owner, ...(sizeBytes === undefined ? {} : { sizeBytes }) },
      signal,
    );
  }
  // The kernel counts in pages.
  const pages = sizeBytes === undefined ? undefined : Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
  if (pages !== undefined && pages !== tmpfsSize(mounted)) await resizeTmpfs(path, pages, signal);
}

const PAGE_BYTES = 4096;
