/**
 * Where a restore writes: an empty store that nobody takes for whole before `finish`. What that is, and what a restore
 * that was cut off leaves behind, differs by engine; the next restore clears it away.
 *
 * - embedded: a directory beside the store's, moved to its place at the end
 * - etcd: the prefix itself, under a record that says so (`etcdtarget.ts`)
 */
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileProblem } from '../../machinery/durablefile.ts';
import { StoreError } from '../../machinery/errors.ts';
import { engineOf, type OpenStoreOptions, openStore } from '../open.ts';
import { asideOf, StoreDirectory } from '../sqlite/directory.ts';
import { openSqliteLog } from '../sqlite/sqlite.ts';
import type { RestoreOptions, RestoreTarget } from './restore.ts';

/** What an empty directory of a store may hold. */
const LEFT_BY_OWNERS = new Set(['store.lock', 'store.pid']);

/** Throws `StoreError('Unavailable')` for a store that is not empty, saying how to put it aside; `Locked` beside another restore. */
export async function openRestoreTarget(url: string, options: RestoreOptions): Promise<RestoreTarget> {
  // Only who uses etcd pays for loading what speaks with it.
  if (engineOf(url) === 'etcd') return (await import('./etcdtarget.ts')).openEtcdTarget(url, options);
  await checkEmpty(url, options);
  const path = directoryOf(url) ?? '';
  const aside = asideOf(path);
  await inDirectory(path, () => mkdir(dirname(path), { recursive: true, mode: 0o700 }));
  const left = new StoreDirectory(aside);
  left.clear();
  left.release();
  const store = await openStore(`sqlite:${aside}`, { ...options, retention: { everyMs: 0 } });
  let isDone = false;
  return {
    store,
    async finish(revision) {
      await store.close();
      await forgetPast(aside, revision);
      await inDirectory(path, async () => {
        await sync(aside);
        for (const name of LEFT_BY_OWNERS) await rm(join(path, name), { force: true });
        // Fails when somebody began a store there meanwhile.
        await rename(aside, path);
        await sync(dirname(path));
      });
      isDone = true;
    },
    async abandon() {
      if (isDone) return;
      await store.close();
      await inDirectory(aside, () => rm(aside, { recursive: true, force: true }));
    },
  };
}

/** Whether a store is there: where none is, opening would begin one. */
export async function isStoreAt(url: string, options: OpenStoreOptions): Promise<boolean> {
  if (engineOf(url) === 'etcd') return (await import('./etcdtarget.ts')).isClusterAt(url, options);
  return existsSync(join(directoryOf(url) ?? '', 'store.db'));
}

/** Throws unless a restore could go there: so that this is told before a long file is read. */
export async function checkEmpty(url: string, options: OpenStoreOptions): Promise<void> {
  if (engineOf(url) === 'etcd') return (await import('./etcdtarget.ts')).checkEmptyPrefix(url, options);
  const path = directoryOf(url);
  if (path === undefined) {
    throw new TypeError(`cannot restore into "${url}"; wanted sqlite:PATH or etcd://host:port/prefix`);
  }
  const names = await inDirectory(path, () => readdir(path)).catch((error: unknown) => {
    if (isAbsent(error)) return [];
    throw error;
  });
  const found = names.filter((name) => !LEFT_BY_OWNERS.has(name));
  if (found.length === 0) return;
  throw new StoreError(
    'Unavailable',
    `cannot restore into ${path}: it holds a store already (${found.slice(0, 3).join(', ')}); stop Gantry and put it aside, for example: mv ${path} ${path}.before`,
  );
}

/** In one step: there is nothing of the past to remove, only to say that it is none. */
async function forgetPast(directory: string, revision: number): Promise<void> {
  const log = await openSqliteLog({ directory, newClusterId: '', synchronous: 'FULL' });
  try {
    const { transientPrefixes } = await log.head();
    await log.trim({ floor: revision, transientFloor: revision, transientPrefixes, maxRows: 0 });
  } finally {
    await log.close();
  }
}

function directoryOf(url: string): string | undefined {
  return /^sqlite:(.+)$/.exec(url)?.[1];
}

async function inDirectory<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StoreError('Unavailable', `cannot restore into ${path}: ${fileProblem(error)}`, {
      cause: error,
    });
  }
}

function isAbsent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
