/** Stores, backups and restores in a few words, for the tests of this folder. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../../machinery/clock.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { BackupFile } from '../../../store/backup/reader.ts';
import {
  type BackupSummary,
  restoreInto,
  revisionsAfter,
  verifyBackup,
} from '../../../store/backup/restore.ts';
import { openRestoreTarget } from '../../../store/backup/target.ts';
import { writeBackup } from '../../../store/backup/writer.ts';
import { type Encryption, KeyRing } from '../../../store/encryption.ts';
import { Envelopes } from '../../../store/envelope.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { newDirectory } from '../builders.ts';

export const SECRETS = '/registry/core/secrets/';

export function newEncryption(): Encryption {
  return { keys: KeyRing.parse(KeyRing.newFile()), prefixes: [SECRETS] };
}

export function openEngine(
  engine: 'memory' | 'sqlite',
  options: { readonly encryption?: Encryption; readonly directory?: string } = {},
): Promise<Store> {
  const { encryption, directory = join(newDirectory(), 'store') } = options;
  return openStore(engine === 'memory' ? 'memory:' : `sqlite:${directory}`, {
    clock: new FakeClock(),
    retention: { everyMs: 0 },
    ...(encryption === undefined ? {} : { encryption }),
  });
}

export async function backupBytes(store: Store, encryption?: Encryption, engine = 'memory'): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const backup = writeBackup({
    store,
    clock: new FakeClock(),
    engine,
    gantryVersion: '0.0.0-test',
    ...(encryption === undefined ? {} : { encryption }),
  });
  for await (const chunk of backup) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The name of a new file that holds these bytes. */
export function fileOf(bytes: Uint8Array): string {
  const path = join(newDirectory(), 'cluster.backup');
  writeFileSync(path, bytes);
  return path;
}

export async function verify(path: string, encryption?: Encryption): Promise<BackupSummary> {
  const file = await BackupFile.open(path);
  try {
    return await verifyBackup(file, new Envelopes(encryption));
  } finally {
    await file.close();
  }
}

/** As the command does it; gives the revision it ended at. */
export function restoreTo(
  path: string,
  directory: string,
  encryption?: Encryption,
  signal?: AbortSignal,
): Promise<number> {
  return restoreAt(path, `sqlite:${directory}`, encryption, signal);
}

export async function restoreAt(
  path: string,
  url: string,
  encryption?: Encryption,
  signal?: AbortSignal,
): Promise<number> {
  const file = await BackupFile.open(path);
  const envelopes = new Envelopes(encryption);
  try {
    const summary = await verifyBackup(file, envelopes);
    const { clusterId } = summary.header;
    const target = await openRestoreTarget(url, {
      clock: systemClock,
      newCluster: { clusterId, afterRevision: revisionsAfter(summary.header, path) },
      ...(encryption === undefined ? {} : { encryption }),
    });
    try {
      const revision = await restoreInto(target.store, file, envelopes, summary, signal);
      await target.finish(revision);
      return revision;
    } catch (error) {
      await target.abandon();
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** Keys with their values, in the order in which they were last changed. */
export async function contentOf(store: Store): Promise<{ key: string; value: string }[]> {
  const { items } = await store.range('');
  return [...items]
    .sort((a, b) => a.modRevision - b.modRevision)
    .map(({ key, value }) => ({ key, value: Buffer.from(value).toString('base64') }));
}
