/**
 * hostPath volumes: whether what the worker has at the path is of the wanted type, and where it really is.
 * Source of the types and of their words: Kubernetes documentation, "Volumes", hostPath.
 */
import type { Stats } from 'node:fs';
import { type FileHandle, mkdir, open as openFile, stat } from 'node:fs/promises';
import { dirname, posix } from 'node:path';
import { fileProblem } from '../../machinery/durablefile.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { hasCode, OutsideError, openBeneath } from './beneath.ts';

export type HostPath = NonNullable<NonNullable<Task['spec']['volumes']>[number]['hostPath']>;

/**
 * The outermost prefix that the path is at or below, by whole parts; undefined when there is none. Of two that lie in
 * each other the inner one may have been replaced by a container that has the outer one. All are plain paths.
 */
function prefixOf(path: string, prefixes: readonly string[]): string | undefined {
  return prefixes
    .filter((prefix) => path === prefix || path.startsWith(prefix === '/' ? prefix : `${prefix}/`))
    .toSorted((a, b) => a.length - b.length)[0];
}

/** As the API server reads paths: `//srv/./data/` is `/srv/data`. Without that it would be below nothing, and not held. */
function plain(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/**
 * What is at the path, made where the type says so.
 *
 * Links on the way are followed, as an operator lays them. But at and below a path that everybody may mount (`open`), where
 * containers may have laid them, none may lead out of it; and what is found there is held open, so that it stays what was
 * checked. Whether a path that is not below one may be mounted at all is the API server's to say, and said.
 * Rejects with `InvalidSpec`. The caller closes the handle.
 */
export async function findHostPath(
  { path: written, type = '' }: HostPath,
  open: readonly string[],
): Promise<{ readonly path: string; readonly handle?: FileHandle }> {
  if (written.split('/').includes('..')) throw refused(`hostPath ${written} must not contain '..'`);
  const path = plain(written);
  try {
    const prefix = prefixOf(path, open.map(plain));
    if (prefix === undefined) {
      await make(path, type);
      checkType(path, type, await stat(path));
      return { path };
    }
    const handle = await openBeneath(prefix, path.slice(prefix.length), {
      make: type === 'DirectoryOrCreate' ? 'directory' : type === 'FileOrCreate' ? 'file' : 'nothing',
      owner: 0,
      absolute: prefix,
    });
    try {
      checkType(path, type, await handle.stat());
    } catch (error) {
      await handle.close();
      throw error;
    }
    return { path, handle };
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    if (error instanceof OutsideError) throw refused(`hostPath ${path} is refused: ${error.message}`);
    throw refused(problemOf(path, type, error), error);
  }
}

async function make(path: string, type: string): Promise<void> {
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 }).catch(unlessThere);
  if (type !== 'FileOrCreate') return;
  try {
    await (await openFile(path, 'wx', 0o644)).close();
  } catch (error) {
    unlessThere(error);
  }
}

/** What is there already is judged like anything else. */
function unlessThere(error: unknown): void {
  if (!hasCode(error, 'EEXIST')) throw error;
}

function checkType(path: string, type: string, found: Stats): void {
  const wanted = WANTED[type];
  if (wanted !== undefined && !wanted.is(found)) {
    throw refused(`hostPath type check failed: ${path} is not a ${wanted.name}`);
  }
}

const directory = { is: (found: Stats) => found.isDirectory(), name: 'directory' };
const file = { is: (found: Stats) => found.isFile(), name: 'file' };
const WANTED: Readonly<Record<string, { is(found: Stats): boolean; readonly name: string }>> = {
  Directory: directory,
  DirectoryOrCreate: directory,
  File: file,
  FileOrCreate: file,
  Socket: { is: (found) => found.isSocket(), name: 'socket file' },
  CharDevice: { is: (found) => found.isCharacterDevice(), name: 'character device' },
  BlockDevice: { is: (found) => found.isBlockDevice(), name: 'block device' },
};

function problemOf(path: string, type: string, error: unknown): string {
  if (!hasCode(error, 'ENOENT')) return `cannot use hostPath ${path}: ${fileProblem(error)}`;
  const wanted = WANTED[type];
  if (type === 'FileOrCreate') return `cannot make hostPath ${path}: there is no directory ${dirname(path)}`;
  if (wanted !== undefined)
    return `hostPath type check failed: ${path} is not a ${wanted.name}: it does not exist`;
  return `hostPath ${path} does not exist on this worker; the type DirectoryOrCreate makes it`;
}

function refused(message: string, cause?: unknown): RuntimeError {
  return new RuntimeError('InvalidSpec', message, cause === undefined ? {} : { cause });
}
