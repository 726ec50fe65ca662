/**
 * hostPath volumes: whether what the worker has at the path is of the wanted type, and allowed by its operator.
 * Source of the types and of their words: Kubernetes documentation, "Volumes", hostPath.
 */
import type { Stats } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileProblem } from '../../machinery/durablefile.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { hasCode, OutsideError, openBeneath } from './beneath.ts';

export type HostPath = NonNullable<NonNullable<Task['spec']['volumes']>[number]['hostPath']>;

/** The first prefix that the path is at or below, by whole parts; undefined when none allows it. */
export function allowingPrefix(path: string, prefixes: readonly string[]): string | undefined {
  return prefixes.find((prefix) => {
    const base = prefix.endsWith('/') ? prefix : `${prefix}/`;
    return path === prefix || `${path}/` === base || path.startsWith(base);
  });
}

/**
 * What is at the path, made where the type says so.
 *
 * Links on the way are followed, as an operator lays them; but where only certain prefixes are allowed, none may lead out
 * of its prefix, and what is answered is held open, so that it stays what was checked.
 * Rejects with `InvalidSpec`. The caller closes the handle.
 */
export async function findHostPath(
  { path, type = '' }: HostPath,
  allowed: readonly string[] | undefined,
): Promise<{ readonly path: string; readonly handle?: FileHandle }> {
  if (path.split('/').includes('..')) throw refused(`hostPath ${path} must not contain '..'`);
  try {
    if (allowed === undefined) {
      await make(path, type);
      checkType(path, type, await stat(path));
      return { path };
    }
    const prefix = allowingPrefix(path, allowed);
    if (prefix === undefined) {
      const list = allowed.length === 0 ? 'it allows none' : `it allows ${allowed.join(', ')}`;
      throw refused(`hostPath ${path} is not allowed on this worker: ${list} (--host-path-allowed)`);
    }
    const handle = await openBeneath(prefix, path.slice(prefix.length), {
      make: type === 'DirectoryOrCreate' ? 'directory' : type === 'FileOrCreate' ? 'file' : 'nothing',
      owner: 0,
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
    if (error instanceof OutsideError)
      throw refused(`hostPath ${path} is not allowed on this worker: ${error.message}`);
    throw refused(problemOf(path, type, error), error);
  }
}

async function make(path: string, type: string): Promise<void> {
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true, mode: 0o755 }).catch(unlessThere);
  if (type !== 'FileOrCreate') return;
  try {
    await (await open(path, 'wx', 0o644)).close();
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
