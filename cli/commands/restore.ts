/**
 * `gantry restore`: a backup into an empty store, all of it or nothing. The whole file is checked first, with the keys
 * at hand, so that a wrong file or a missing key is told before anything is touched.
 */
import { resolve } from 'node:path';
import { BackupFile } from '../../store/backup/reader.ts';
import { type BackupSummary, restoreInto, revisionsAfter, verifyBackup } from '../../store/backup/restore.ts';
import { checkEmpty, openRestoreTarget } from '../../store/backup/target.ts';
import { Envelopes } from '../../store/envelope.ts';
import { readEncryption } from '../encryption.ts';
import { CommandError, type Io } from '../io.ts';
import { withProgress } from '../progress.ts';
import type { Settings } from '../settings.ts';
import { etcdAccess } from '../storeopening.ts';
import { TRANSIENT_PREFIXES } from '../storeprefixes.ts';

export interface RestoreFlags {
  readonly settings: Settings;
  /** Only look at the file. */
  readonly isCheckOnly: boolean;
}

/** Rejects with `CommandError` or `StoreError`; then no store is at its place that was not there before. */
export async function runRestore(
  name: string,
  { settings, isCheckOnly }: RestoreFlags,
  io: Io,
): Promise<void> {
  if (name === '-')
    throw new CommandError('a backup is read more than once: give a file, not standard input');
  const { store: url, encryptionKeyFile } = settings;
  const opening = {
    clock: io.clock,
    etcd: await etcdAccess(settings),
    retention: { everyMs: 0, transientPrefixes: TRANSIENT_PREFIXES },
  };
  if (!isCheckOnly) {
    if (url === 'memory:')
      throw new CommandError('--store memory: forgets what is restored into it; wanted sqlite:<directory>');
    await checkEmpty(url, opening);
  }
  const encryption = await readEncryption(encryptionKeyFile);
  const keys = encryption === undefined ? {} : { encryption };
  const startMs = io.clock.monotonicMs();
  const seconds = (): string => ((io.clock.monotonicMs() - startMs) / 1000).toFixed(1);
  const shown = <T>(what: string, work: () => Promise<T>): Promise<T> =>
    withProgress(io, () => `backup ${name}: ${what} (${seconds()} s)`, work, { isTerminalOnly: true });
  const file = await BackupFile.open(resolve(io.directory, name));
  try {
    const envelopes = new Envelopes(encryption);
    const summary = await shown('checking it', () => verifyBackup(file, envelopes)).catch(
      (error: unknown) => {
        if (
          encryption !== undefined ||
          !(error instanceof Error) ||
          !/encrypted with key/.test(error.message)
        )
          throw error;
        throw new CommandError(
          `${error.message} (there is no ${encryptionKeyFile}; --encryption-key-file names another)`,
          {
            cause: error,
          },
        );
      },
    );
    await io.stdout.write(`${describe(name, summary).join('\n')}\n`);
    if (isCheckOnly) {
      await io.stdout.write(`the backup is whole and readable, ${seconds()} s\n`);
      return;
    }
    const { clusterId } = summary.header;
    const target = await openRestoreTarget(url, {
      ...opening,
      ...keys,
      signal: io.signal,
      newCluster: { clusterId, afterRevision: revisionsAfter(summary.header, name) },
    });
    try {
      const revision = await shown(`writing ${summary.trailer.keys} keys`, () =>
        restoreInto(target.store, file, envelopes, summary, io.signal),
      );
      await target.finish(revision);
      await io.stdout.write(
        `restored into ${url}: cluster ${clusterId} goes on at revision ${revision}, ${summary.trailer.keys} keys, ${seconds()} s\n`,
      );
    } catch (error) {
      await target.abandon();
      throw error;
    }
  } finally {
    await file.close();
  }
}

function describe(name: string, { header, trailer, kinds }: BackupSummary): string[] {
  const { clusterId, revision, takenAt, engine, gantryVersion, keyId } = header;
  const width = String(Math.max(0, ...kinds.values())).length;
  return [
    `backup ${name}: cluster ${clusterId} at revision ${revision}, taken ${takenAt} from ${engine} by Gantry ${gantryVersion}`,
    `${trailer.keys} keys, ${trailer.bytes} bytes, Secrets ${keyId === undefined ? 'not encrypted' : `encrypted with key ${keyId}`}`,
    ...[...kinds].map(([kind, count]) => `  ${String(count).padStart(width)} ${kind}`),
  ];
}
