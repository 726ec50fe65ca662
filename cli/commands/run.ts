/**
 * `gantry run DIR`: what `gantry up` is, with the manifests of a folder applied as it starts. Every file is read before
 * anything is opened, and every object is checked before the first one is written: one mistake, and nothing is started.
 */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileProblem } from '../../machinery/durablefile.ts';
import { resolveConfig } from '../config.ts';
import { CommandError, type Io } from '../io.ts';
import { readManifests } from '../manifests.ts';
import { withSession } from '../session.ts';
import { runUp } from '../up.ts';
import { runApply } from './apply.ts';

export interface RunFlags {
  /** A data directory: `--home` and `--store` in one. */
  readonly db?: string;
  /** By setting name. */
  readonly settings: Readonly<Record<string, string | boolean | undefined>>;
  readonly file?: string;
}

/** Resolves once it is stopped. Rejects with `CommandError` that has a line for each mistake, and as `gantry up` does. */
export async function runRun(manifests: string, flags: RunFlags, io: Io): Promise<void> {
  if (manifests === '-') throw new CommandError('DIR: found "-", wanted a folder of manifests, or one file');
  const sources = { filename: [manifests], recursive: true };
  await readManifests({ files: sources.filename, recursive: true }, io);
  const { env, directory } = io;
  const { settings } = await resolveConfig({
    flags: { ...flags.settings, ...(flags.db === undefined ? {} : await placesIn(flags.db, flags, io)) },
    env,
    directory,
    ...(flags.file === undefined ? {} : { file: flags.file }),
  });
  await runUp(settings, {
    ...io,
    hasWorker: true,
    onServing: (kubeconfig) =>
      withSession({ kubeconfig }, io, (session) =>
        runApply(sources, { ...session, namespace: settings.doorNamespace }, io),
      ),
  });
}

/** Everything beneath it, also the rest of the data directory unless that is to be elsewhere. */
async function placesIn(
  db: string,
  { settings }: RunFlags,
  { directory }: Io,
): Promise<{ readonly home: string | boolean; readonly store: string }> {
  if (settings['store'] !== undefined) {
    throw new CommandError('--db and --store both say where objects are stored: give one of them');
  }
  const path = resolve(directory, db);
  if (await isFile(db, path)) {
    throw new CommandError(
      `--db ${db}: found a file, wanted a directory, in which Gantry keeps its store; it is made where there is none`,
    );
  }
  return { home: settings['home'] ?? path, store: `sqlite:${join(path, 'store')}` };
}

async function isFile(db: string, path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw new CommandError(`--db ${db}: ${fileProblem(error)}`, { cause: error });
  }
}
