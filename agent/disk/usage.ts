/** How many bytes directories and logs take on the disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../volumes/beneath.ts';

/** What measures. */
export interface DiskTape {
  directoryBytes(directories: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  logBytes(dataRoot: string, containerId: string): Promise<number>;
}

/** A tree of millions of files is given up on. */
const LIMIT_MS = 60_000;

/**
 * Bytes on the disk in each directory, by path; without what is mounted inside, and nothing for one that is not there.
 * By du(1), which walks without following links and many times faster than Node could.
 */
async function directoryBytes(
  directories: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const there = (await Promise.all(directories.map(isThere))).flatMap((is, index) =>
    is ? (directories[index] ?? []) : [],
  );
  if (there.length === 0) return found;
  const child = spawn('du', ['-skx', '--', ...there], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    signal,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  // It complains of files that vanish during its walk, and its figures are good all the same.
  const [, killedBy]: readonly unknown[] = await once(child, 'close');
  if (killedBy !== null) throw new Error(`du took longer than ${LIMIT_MS / 1000} s for ${there.join(', ')}`);
  for (const line of output.split('\n')) {
    const [, kibibytes, path] = /^(\d+)\t(.*)$/.exec(line) ?? [];
    if (kibibytes !== undefined && path !== undefined) found.set(path, Number(kibibytes) * 1024);
  }
  return found;
}

/** Bytes that the engine keeps of the container's output: with the driver `local`, which Tasks have, and `json-file`. */
async function logBytes(dataRoot: string, containerId: string): Promise<number> {
  const directory = join(dataRoot, 'containers', containerId);
  const [local, json] = await Promise.all([
    bytesOf(join(directory, 'local-logs'), ''),
    bytesOf(directory, `${containerId}-json.log`),
  ]);
  return local + json;
}

async function bytesOf(directory: string, prefix: string): Promise<number> {
  try {
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix));
    const sizes = await Promise.all(names.map((name) => sizeOf(join(directory, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (error) {
    // Removed, or kept elsewhere.
    if (hasCode(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return 0;
    throw error;
  }
}

/** 0 for what was rotated away during the look. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function isThere(directory: string): Promise<boolean> {
  try {
    return (await stat(directory)).isDirectory();
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

export const machineTape: DiskTape = { directoryBytes, logBytes };
