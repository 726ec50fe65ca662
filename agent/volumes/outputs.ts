/**
 * The directories in which containers leave their outputs: one for each attempt, so that a new one begins with an empty
 * file, and what the one before it wrote can still be read. They go with the Task's other directories.
 *
 * As root beside the engine it is a directory on the worker's disk, watched like an emptyDir with a size limit: a file
 * system in memory would hold what is written exactly, and be one mount more for every container that is started while the
 * Task exists. Elsewhere it is a volume of the engine, and read through the engine.
 *
 * What a container made there is opened without following a link, and read only where it is a file.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { OUTPUT_DIRECTORY, OUTPUT_NAME, OUTPUT_PATH } from '../../controllers/task/planning/result.ts';
import type { TaskOutputs } from '../../controllers/task/services.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type { FoundFile, Mount, Runtime } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { hasCode, pathOfHandle } from './beneath.ts';
import { makeDirectory } from './directories.ts';
import type { EngineVolumes } from './enginevolumes.ts';
import type { Place } from './place.ts';
import { removeTree } from './removal.ts';

/** No volume of a Task has such a name. */
const PREFIX = '.outputs.';
/** What may be written there; beyond it the container is stopped with the reason Evicted, where it is seen. */
export const OUTPUT_LIMIT_BYTES = 1024 * 1024;
/** Everybody may write, and remove only what is theirs: a container may have several users. */
const DIRECTORY_MODE = 0o1777;
const FILE_MODE = 0o666;
/** Of open(2); not in `fs.constants` everywhere. */
const O_PATH = 0o10000000;
const O_NOFOLLOW = 0o400000;
const O_DIRECTORY = 0o200000;

export interface OutputDirectoriesOptions {
  readonly runtime: Runtime;
  readonly engine: EngineVolumes;
  /** One act for a Task after the other, with what the worker can do. */
  readonly forTask: <T>(
    task: Task,
    signal: AbortSignal,
    work: (uid: string, place: Place) => Promise<T>,
  ) => Promise<T>;
}

export class OutputDirectories implements TaskOutputs {
  readonly #options: OutputDirectoriesOptions;

  constructor(options: OutputDirectoriesOptions) {
    this.#options = options;
  }

  async prepare(task: Task, attempt: number, signal: AbortSignal): Promise<Mount> {
    const taken = task.spec.volumeMounts?.find(({ mountPath }) => isTaken(mountPath));
    if (taken !== undefined) {
      throw new RuntimeError(
        'InvalidSpec',
        `volumeMount ${taken.mountPath}: with spec.outputs ${OUTPUT_DIRECTORY} is where the outputs are; mount the volume elsewhere`,
      );
    }
    const { engine, forTask } = this.#options;
    const name = nameOf(attempt);
    return forTask(task, signal, async (uid, place): Promise<Mount> => {
      if (!isOnDisk(place)) {
        const volume = await engine.makeEmptyDir(uid, name, signal);
        await engine.removeUnused(uid, PREFIX, name, signal);
        return { kind: 'volume', name: volume.name, target: OUTPUT_DIRECTORY, readOnly: false };
      }
      const parent = join(place.directory, uid);
      await mkdir(parent, { recursive: true, mode: 0o711 });
      for (const old of outdated(await readdir(parent), attempt)) await removeTree(join(parent, old), signal);
      const source = join(parent, name);
      await makeDirectory(source, DIRECTORY_MODE, place.owner);
      await makeFile(join(source, OUTPUT_NAME), place.owner);
      return { kind: 'bind', source, target: OUTPUT_DIRECTORY, readOnly: false };
    });
  }

  async read(
    task: Task,
    { id, attempt }: { readonly id: string; readonly attempt: number },
    signal: AbortSignal,
  ): Promise<FoundFile> {
    const { runtime, forTask } = this.#options;
    return forTask(task, signal, (uid, place) =>
      isOnDisk(place)
        ? readPlainFile(join(place.directory, uid, nameOf(attempt)), OUTPUT_NAME, OUTPUT_LIMIT_BYTES)
        : runtime.readFile(id, OUTPUT_PATH, OUTPUT_LIMIT_BYTES, signal),
    );
  }
}

/** The Task's directories for outputs among all those in its own. */
export async function outputDirectories(taskDirectory: string): Promise<readonly string[]> {
  try {
    const names = await readdir(taskDirectory);
    return names.filter((name) => name.startsWith(PREFIX)).map((name) => join(taskDirectory, name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/**
 * The first bytes of what is called `name` in a directory that a container may write to, whatever it makes of it while it
 * is read. Rejects with Node's file errors.
 */
export async function readPlainFile(directory: string, name: string, maxBytes: number): Promise<FoundFile> {
  const held: FileHandle[] = [];
  const hold = async (path: string, flags: number): Promise<FileHandle> => {
    const handle = await open(path, flags);
    held.push(handle);
    return handle;
  };
  try {
    const parent = await hold(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    // Held without being opened: a FIFO would wait, a device would act.
    const found = await hold(`${pathOfHandle(parent)}/${name}`, O_PATH | O_NOFOLLOW);
    const stats = await found.stat();
    if (!stats.isFile()) return { kind: 'other', what: wordFor(stats) };
    const file = await hold(pathOfHandle(found), constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(Math.min(maxBytes, stats.size) + 1);
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    const bytes = buffer.subarray(0, Math.min(filled, maxBytes));
    return { kind: 'file', bytes, isCut: filled > bytes.length };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { kind: 'none' };
    throw error;
  } finally {
    await Promise.all(held.map((handle) => handle.close()));
  }
}

function wordFor(stats: {
  isSymbolicLink(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}): string {
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a FIFO';
  return stats.isSocket() ? 'a socket' : 'a device';
}

/** There from the beginning, so that every user of the container may write to it. */
async function makeFile(path: string, owner: number | undefined): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, 'wx', 0o600);
  } catch (error) {
    // This attempt was prepared before.
    if (hasCode(error, 'EEXIST')) return;
    throw error;
  }
  try {
    await file.chmod(FILE_MODE);
    if (owner !== undefined) await file.chown(owner, owner);
  } finally {
    await file.close();
  }
}

function isOnDisk(place: Place): place is Place & { readonly directory: string } {
  return place.directory !== undefined && place.isRoot;
}

function nameOf(attempt: number): string {
  return `${PREFIX}${attempt}`;
}

/** All but this attempt's and the one before: the last that ended may not have been read yet. */
function outdated(names: readonly string[], attempt: number): readonly string[] {
  const older = names
    .flatMap((name) => (name.startsWith(PREFIX) ? [Number.parseInt(name.slice(PREFIX.length), 10)] : []))
    .filter((number) => number < attempt)
    .toSorted((a, b) => b - a);
  return older.slice(1).map(nameOf);
}

function isTaken(mountPath: string): boolean {
  const path = posix.join('/', mountPath, '/');
  return path === `${OUTPUT_DIRECTORY}/` || path === `${OUTPUT_PATH}/`;
}
