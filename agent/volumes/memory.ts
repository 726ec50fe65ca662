/**
 * Where this worker keeps what must never reach a disk that lasts: a file system in memory, with one directory for each Task.
 *
 * As root it is one that Gantry mounts for the worker, `<run directory>/<cluster>/<worker>`; it stays while any Task has
 * something in it, through restarts of Gantry and of the engine, and is gone after a reboot. Without root it is a directory in
 * a file system in memory that is there already. Whether it is really in memory is asked of the kernel each time.
 */
import { lstat, mkdir, readdir, realpath, rmdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RuntimeError } from '../../machinery/errors.ts';
import { hasCode } from './beneath.ts';
import { mountsAt, mountTmpfs, unmount, unmountIdle } from './mounts.ts';
import { removeTree } from './removal.ts';
import { Turns } from './turns.ts';

/** Of statfs(2): tmpfs and ramfs. */
const IN_MEMORY: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

export interface MemoryPlace {
  /** As root: where Gantry mounts. Else the file systems to look for one in, the first that is in memory is taken. */
  readonly runDirectory: string;
  readonly candidates: readonly string[];
  readonly userId: number;
  readonly clusterId: string;
  readonly worker: string;
}

export class MemoryDirectory {
  readonly #place: MemoryPlace;
  /** Mounting, unmounting and who has something in it. */
  readonly #turns = new Turns();

  constructor(place: MemoryPlace) {
    this.#place = place;
  }

  get #isRoot(): boolean {
    return this.#place.userId === 0;
  }

  /** The Task's directory, made with the file system around it. Rejects with `InvalidSpec` where the machine has none. */
  open(uid: string, signal: AbortSignal): Promise<string> {
    return this.#turns.take('', async () => {
      const root = await this.#openRoot(signal);
      const directory = join(root, uid);
      await mkdir(directory, { recursive: true, mode: 0o711 });
      if (!(await isInMemory(directory))) {
        throw new RuntimeError(
          'Failed',
          `${directory} is not on a file system in memory any more: nothing that must be is written there`,
        );
      }
      return directory;
    });
  }

  /** The uids that have a directory. */
  async uids(): Promise<readonly string[]> {
    const root = await this.#findRoot();
    if (root === undefined) return [];
    return (await readdir(root, { withFileTypes: true })).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  }

  /** Takes the Task's directory away with all that is mounted in it, and the file system once nobody has anything there. */
  release(uid: string, signal: AbortSignal): Promise<void> {
    return this.#turns.take('', async () => {
      const root = await this.#findRoot();
      if (root === undefined) return;
      const directory = join(root, uid);
      if (this.#isRoot) {
        const mounts = await mountsAt(directory);
        await unmount(mounts.map(({ path }) => path).toReversed(), signal);
      }
      // Bind mounts that somebody else made meanwhile are on another file system, and refused.
      await removeTree(directory, signal);
      await this.#leave(root, signal);
    });
  }

  async #openRoot(signal: AbortSignal): Promise<string> {
    if (!this.#isRoot) return this.#openUserRoot();
    const path = this.#rootPath(this.#place.runDirectory);
    await mkdir(path, { recursive: true, mode: 0o711 });
    const root = await realpath(path);
    const isMounted = (await mountsAt(root)).some((mount) => mount.path === root && mount.type === 'tmpfs');
    if (!isMounted) await mountTmpfs(root, { mode: 0o711, owner: 0 }, signal);
    return root;
  }

  /** What is there already; undefined when nothing is. */
  async #findRoot(): Promise<string | undefined> {
    try {
      if (!this.#isRoot) {
        const base = await this.#userBase();
        if (base === undefined) return undefined;
        const root = this.#rootPath(base);
        return (await isOwnDirectory(base, this.#place.userId)) && (await isInMemory(root))
          ? root
          : undefined;
      }
      const root = await realpath(this.#rootPath(this.#place.runDirectory));
      return (await mountsAt(root)).some((mount) => mount.path === root) ? root : undefined;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #openUserRoot(): Promise<string> {
    const base = await this.#userBase();
    if (base === undefined) {
      throw new RuntimeError(
        'InvalidSpec',
        `no file system in memory was found at ${this.#place.candidates.join(' or ')} for what must not be on a disk; run Gantry as root, which mounts its own, or set XDG_RUNTIME_DIR`,
      );
    }
    await mkdir(base, { mode: 0o700, recursive: true });
    // In a directory that everybody writes to somebody else may have been faster.
    if (!(await isOwnDirectory(base, this.#place.userId))) {
      throw new RuntimeError(
        'InvalidSpec',
        `${base} belongs to somebody else; remove it, or set XDG_RUNTIME_DIR`,
      );
    }
    const root = this.#rootPath(base);
    await mkdir(root, { recursive: true, mode: 0o700 });
    return root;
  }

  async #userBase(): Promise<string | undefined> {
    for (const candidate of this.#place.candidates) {
      if (await isInMemory(candidate)) return join(candidate, `gantry-${this.#place.userId}`);
    }
    return undefined;
  }

  #rootPath(base: string): string {
    return join(base, this.#place.clusterId, this.#place.worker);
  }

  async #leave(root: string, signal: AbortSignal): Promise<void> {
    if ((await readdir(root)).length > 0) return;
    try {
      if (this.#isRoot) await unmountIdle(root, signal);
      await rmdir(root);
      await rmdir(dirname(root));
    } catch (error) {
      // Somebody looks around in it, or another worker of the cluster has something there: it costs nothing to stay.
      if (!hasCode(error, 'EBUSY', 'ENOTEMPTY') && !/busy/.test(String(error))) throw error;
    }
  }
}

async function isInMemory(path: string): Promise<boolean> {
  try {
    return IN_MEMORY.has((await statfs(path)).type);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return false;
    throw error;
  }
}

async function isOwnDirectory(path: string, userId: number): Promise<boolean> {
  const stat = await lstat(path);
  return stat.isDirectory() && stat.uid === userId;
}
