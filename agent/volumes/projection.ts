/**
 * The files of a ConfigMap or Secret volume, brought up to date all at once.
 *
 * The files are in a directory of their own; the link `..data` leads to it, and what users see are links through `..data`.
 * A new set is written beside the old one and takes its place by one rename of the link, so that a reader sees the old
 * files or the new ones, never some of each. Unchanged content writes nothing. A write that fails leaves the old set in
 * place. Source of the layout, on which programs rely that watch for changes: Kubernetes' `AtomicWriter`.
 */
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeFile } from '../../controllers/task/services.ts';
import { hasCode } from './beneath.ts';

const DATA = '..data';
const DATA_DRAFT = '..data_tmp';
const MAX_PATH = 4096;

export interface ProjectionOptions {
  /** User and group of everything; absent: whoever writes. */
  readonly owner?: number;
  /** Wall time, milliseconds: gives the directory its name. */
  readonly nowMs: number;
}

/** What is wrong with the paths of these files; undefined when nothing is. */
export function projectionProblem(files: readonly VolumeFile[]): string | undefined {
  const paths = new Set<string>();
  for (const { path } of files) {
    const parts = path.split('/');
    if (path === '' || path.length > MAX_PATH || path.includes('\0'))
      return `"${path}" is not a path of a file`;
    if (parts.some((part) => part === '' || part === '.' || part === '..')) {
      return `the path "${path}" must be relative and without '..'`;
    }
    if (path.startsWith('..')) return `the path "${path}" must not start with '..'`;
    if (paths.has(path)) return `two keys are to be the file "${path}"`;
    paths.add(path);
  }
  for (const path of paths) {
    for (let above = dirname(path); above !== '.'; above = dirname(above)) {
      if (paths.has(above)) return `"${above}" is to be a file and the directory of "${path}"`;
    }
  }
  return undefined;
}

/**
 * Makes `directory`, which is there, show exactly these files, of which `projectionProblem` finds nothing wrong.
 * @returns whether anything had to be written. Rejects with Node's file errors.
 */
export async function project(
  directory: string,
  files: readonly VolumeFile[],
  options: ProjectionOptions,
): Promise<boolean> {
  const current = await currentSet(directory);
  const isSame = current !== undefined && (await holds(join(directory, current), files, options.owner));
  if (isSame && (await isTidy(directory, current, files))) return false;
  const shown = isSame ? current : await writeSet(directory, files, options);
  await tidy(directory, shown, files, options.owner);
  return true;
}

/** The name of the directory that `..data` leads to; undefined where that leads nowhere good. */
async function currentSet(directory: string): Promise<string | undefined> {
  try {
    const target = await readlink(join(directory, DATA));
    const isOurs = target.startsWith('..') && target !== '..' && !target.includes('/');
    return isOurs && (await lstat(join(directory, target))).isDirectory() ? target : undefined;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  }
}

async function holds(set: string, files: readonly VolumeFile[], owner: number | undefined): Promise<boolean> {
  const found = await readdir(set, { recursive: true, withFileTypes: true });
  if (found.filter((entry) => !entry.isDirectory()).length !== files.length) return false;
  for (const { path, data, mode } of files) {
    const file = join(set, path);
    try {
      const stat = await lstat(file);
      const isSame =
        stat.isFile() && (stat.mode & 0o7777) === mode && (owner === undefined || stat.uid === owner);
      if (!isSame || stat.size !== data.byteLength || !(await readFile(file)).equals(data)) return false;
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
  }
  return true;
}

/** Writes the files beside the ones that are shown, then shows them. @returns the name of their directory. */
async function writeSet(
  directory: string,
  files: readonly VolumeFile[],
  { owner, nowMs }: ProjectionOptions,
): Promise<string> {
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '_');
  const set = await mkdtemp(join(directory, `..${stamp}.`));
  const name = set.slice(directory.length + 1);
  try {
    await own(set, 0o755, owner);
    const made = new Set(['.']);
    for (const { path, data, mode } of files) {
      await makeParents(set, dirname(path), made, owner);
      await writeFileOf(join(set, path), data, mode, owner);
    }
    await rm(join(directory, DATA_DRAFT), { force: true });
    await symlink(name, join(directory, DATA_DRAFT));
    await ownLink(join(directory, DATA_DRAFT), owner);
    await rename(join(directory, DATA_DRAFT), join(directory, DATA));
  } catch (error) {
    await rm(set, { recursive: true, force: true });
    throw error;
  }
  return name;
}

async function makeParents(
  set: string,
  path: string,
  made: Set<string>,
  owner: number | undefined,
): Promise<void> {
  if (made.has(path)) return;
  await makeParents(set, dirname(path), made, owner);
  await mkdir(join(set, path));
  await own(join(set, path), 0o755, owner);
  made.add(path);
}

async function writeFileOf(
  path: string,
  data: Uint8Array,
  mode: number,
  owner: number | undefined,
): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(data);
    await file.chmod(mode);
    if (owner !== undefined) await file.chown(owner, owner);
  } finally {
    await file.close();
  }
}

/** What users see: the first part of each path, as a link through `..data`. */
function linksOf(files: readonly VolumeFile[]): ReadonlySet<string> {
  return new Set(files.map(({ path }) => path.split('/')[0] ?? path));
}

async function isTidy(directory: string, current: string, files: readonly VolumeFile[]): Promise<boolean> {
  const wanted = linksOf(files);
  const found = await readdir(directory, { withFileTypes: true });
  return (
    found.length === wanted.size + 2 &&
    found.every(
      (entry) =>
        entry.name === DATA || entry.name === current || (entry.isSymbolicLink() && wanted.has(entry.name)),
    )
  );
}

/** After the switch: links for new files, none for files that are gone, and no other set than the one that is shown. */
async function tidy(
  directory: string,
  shown: string,
  files: readonly VolumeFile[],
  owner: number | undefined,
): Promise<void> {
  const wanted = linksOf(files);
  const found = await readdir(directory, { withFileTypes: true });
  const links = new Set(found.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name));
  for (const { name } of found) {
    if (name === DATA || name === shown || (wanted.has(name) && links.has(name))) continue;
    if (links.has(name)) await unlink(join(directory, name));
    else await rm(join(directory, name), { recursive: true, force: true });
  }
  for (const name of wanted) {
    if (links.has(name)) continue;
    await symlink(`${DATA}/${name}`, join(directory, name));
    await ownLink(join(directory, name), owner);
  }
}

async function own(path: string, mode: number, owner: number | undefined): Promise<void> {
  await chmod(path, mode);
  if (owner !== undefined) await chown(path, owner, owner);
}

async function ownLink(path: string, owner: number | undefined): Promise<void> {
  if (owner !== undefined) await lchown(path, owner, owner);
}
