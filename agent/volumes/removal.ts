/**
 * Removes a directory tree that containers could write to, and nothing else: no link is followed, no other file system
 * is entered, and a container that still writes cannot lead the removal elsewhere.
 *
 * Goes from handle to handle as `beneath.ts` does. However deep a tree is, a bounded number of handles is open: what lies
 * deeper is moved up first. Linux only.
 */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, opendir, rename, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { hasCode, pathOfHandle } from './beneath.ts';

const O_NOFOLLOW = 0o400000;
const O_DIRECTORY = 0o200000;
const MAX_DEPTH = 32;
/** Directories that were moved up, for one tree: somebody who makes them as fast as they go is not followed for ever. */
const MAX_MOVES = 100_000;

/**
 * Removes `path` and all that is in it; done when there is nothing. A link is removed, not what it leads to.
 * Rejects with Node's file errors, and with EXDEV where something is mounted inside.
 */
export async function removeTree(path: string, signal: AbortSignal): Promise<void> {
  const parent = await openDirectory(dirname(path));
  if (parent === undefined) return;
  try {
    const removal = new Removal(signal);
    await removal.remove(parent, basename(path), (await parent.stat()).dev);
  } finally {
    await parent.close();
  }
}

class Removal {
  readonly #signal: AbortSignal;
  /** A name that nobody could take beforehand. */
  readonly #prefix = randomBytes(8).toString('hex');
  #moves = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async remove(parent: FileHandle, name: string, device: number): Promise<void> {
    const path = `${pathOfHandle(parent)}/${name}`;
    const top = await openDirectory(path);
    if (top === undefined) return unlinkIfThere(path);
    try {
      await this.#checkDevice(top, device, name);
      await this.#empty(top, top, device, 0);
    } finally {
      await top.close();
    }
    await rmdir(path);
  }

  /** Empties `directory`, which is inside `top` or is it. */
  async #empty(directory: FileHandle, top: FileHandle, device: number, depth: number): Promise<void> {
    for (;;) {
      // What was moved up shows in a second look.
      const movesBefore = this.#moves;
      for await (const entry of await opendir(pathOfHandle(directory))) {
        this.#signal.throwIfAborted();
        const path = `${pathOfHandle(directory)}/${entry.name}`;
        const child = entry.isDirectory() ? await openDirectory(path) : undefined;
        if (child === undefined) {
          await unlinkIfThere(path);
          continue;
        }
        try {
          await this.#checkDevice(child, device, entry.name);
          if (depth < MAX_DEPTH) await this.#empty(child, top, device, depth + 1);
          else await this.#moveUp(path, top);
        } finally {
          await child.close();
        }
        if (depth < MAX_DEPTH) await rmdir(path);
      }
      if (depth > 0 || this.#moves === movesBefore) return;
    }
  }

  async #moveUp(path: string, top: FileHandle): Promise<void> {
    if (++this.#moves > MAX_MOVES)
      throw new Error('it has more directories inside each other than can be removed');
    await rename(path, `${pathOfHandle(top)}/.${this.#prefix}-${this.#moves}`);
  }

  async #checkDevice(directory: FileHandle, device: number, name: string): Promise<void> {
    if ((await directory.stat()).dev === device) return;
    throw Object.assign(new Error(`"${name}" is on another file system: something is mounted there`), {
      code: 'EXDEV',
    });
  }
}

/** Undefined for what is not a directory, or not there. */
async function openDirectory(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
