/**
 * Parts of volumes (`subPath`), and whatever else must be mounted as it was checked: found inside its volume, held open, and
 * bound to a path that no container can write to, which the engine is given.
 *
 * So a container that swaps a directory for a link at the worst moment gains nothing: the path that the engine resolves
 * does not lead through what it wrote.
 */
import { type FileHandle, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblem } from '../../machinery/durablefile.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type { Mount } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { hasCode, OutsideError, openBeneath } from './beneath.ts';
import type { MemoryDirectory } from './memory.ts';
import { bindMount, mountsAt, unmount } from './mounts.ts';
import { failure, type Place, type Source, unsupported } from './place.ts';
import { removeTree } from './removal.ts';

/** Below a Task's directory in memory. No volume has this name. */
const PARTS = '.parts';

export interface PartOfVolume {
  readonly source: Source;
  readonly mount: NonNullable<Task['spec']['volumeMounts']>[number];
  /** Which of the Task's mounts it is. */
  readonly index: number;
}

export class VolumeParts {
  readonly #memory: MemoryDirectory;

  constructor(memory: MemoryDirectory) {
    this.#memory = memory;
  }

  /** What to mount for a `subPath`, whose directories are made where they are missing. */
  async mount(
    uid: string,
    { source, mount, index }: PartOfVolume,
    place: Place,
    signal: AbortSignal,
  ): Promise<Mount> {
    const { subPath = '' } = mount;
    const what = `subPath "${subPath}" of volume "${mount.name}"`;
    if (subPath.split('/').includes('..'))
      throw new RuntimeError('InvalidSpec', `${what} must not contain '..'`);
    if (!place.isRoot) throw unsupported(place, what, 'what is found is bound by Gantry');
    const root = source.kind === 'path' ? source.path : source.mountpoint;
    const isOurs = source.kind === 'path' && source.readOnly;
    try {
      const handle = await openBeneath(root, subPath, {
        make: isOurs ? 'nothing' : 'directory',
        owner: place.owner ?? 0,
      });
      try {
        const isRecursive = source.kind === 'path' && source.isRecursive === true;
        const bound = await this.bind(uid, `${mount.name}.${index}`, handle, isRecursive, signal);
        const readOnly = isOurs || mount.readOnly === true;
        return { kind: 'bind', source: bound, target: mount.mountPath, readOnly };
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (error instanceof RuntimeError) throw error;
      if (error instanceof OutsideError) {
        throw new RuntimeError('InvalidSpec', `${what} is refused: ${error.message}`, { cause: error });
      }
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) {
        throw new RuntimeError('InvalidSpec', `${what}: ${fileProblem(error)}`, { cause: error });
      }
      throw failure(what, error, signal);
    }
  }

  /** Shows what the handle holds at a path that no container can write to, for the engine to mount. */
  async bind(
    uid: string,
    name: string,
    handle: FileHandle,
    isRecursive: boolean,
    signal: AbortSignal,
  ): Promise<string> {
    const parts = join(await this.#memory.open(uid, signal), PARTS);
    await mkdir(parts, { recursive: true, mode: 0o711 });
    const target = join(parts, name);
    const wanted = await handle.stat();
    // A container that is gone had a mount of its own: nobody needs this one, unless it is the same again.
    const there = await mountsAt(target);
    if (there.length > 0) {
      const found = await stat(target);
      if (there.length === 1 && found.dev === wanted.dev && found.ino === wanted.ino) return target;
      await unmount(there.map(({ path }) => path).toReversed(), signal);
    }
    await removeTree(target, signal);
    if (wanted.isDirectory()) await mkdir(target, { mode: 0o711 });
    else await writeFile(target, '', { flag: 'wx', mode: 0o600 });
    await bindMount(handle, target, isRecursive, signal);
    return target;
  }
}
