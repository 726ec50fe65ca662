/**
 * `gantry backup`: everything in the store at one revision, in one file. From the running server, or with `--store` from
 * a store that no server has open (embedded) or that servers share (etcd).
 */
import { resolve } from 'node:path';
import { BACKUP_PATH } from '../../api/server/backups.ts';
import type { HttpClient } from '../../client/http.ts';
import type { Timer } from '../../machinery/clock.ts';
import { humanDuration } from '../../machinery/duration.ts';
import { passBackup, type Written, writeBackupFile } from '../../store/backup/file.ts';
import { isStoreAt } from '../../store/backup/target.ts';
import { writeBackup } from '../../store/backup/writer.ts';
import { engineOf, openStore } from '../../store/open.ts';
import { readEncryption } from '../encryption.ts';
import { CommandError, type Io } from '../io.ts';
import { bytesWords, withProgress } from '../progress.ts';
import { type ConnectionFlags, withSession } from '../session.ts';
import type { Settings } from '../settings.ts';
import { etcdAccess } from '../storeopening.ts';
import { TRANSIENT_PREFIXES } from '../storeprefixes.ts';
import { productVersion } from './version.ts';

/** A server that sent nothing for this long will send nothing more. */
const IDLE_MS = 60_000;

export interface BackupFlags {
  readonly connection: ConnectionFlags;
  /** Set: open the store itself. */
  readonly settings: Settings | undefined;
}

/** Rejects with `CommandError`, `StoreError` or `ApiError`; then the file's name stands for what it stood for before. */
export async function runBackup(name: string, { connection, settings }: BackupFlags, io: Io): Promise<void> {
  const startMs = io.clock.monotonicMs();
  let bytes = 0;
  const counted = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      bytes += chunk.byteLength;
      yield chunk;
    }
  };
  const take = (source: AsyncIterable<Uint8Array>): Promise<Written> =>
    name === '-'
      ? passBackup(counted(source), 'on standard output', (chunk) => io.stdout.write(chunk))
      : writeBackupFile(counted(source), resolve(io.directory, name));
  const render = (): string => {
    const passedMs = Math.max(1, io.clock.monotonicMs() - startMs);
    const rate = bytesWords((bytes * 1000) / passedMs);
    return `backup ${name}: ${bytesWords(bytes)}, ${rate}/s (${humanDuration(passedMs)})`;
  };
  const written = await withProgress(io, render, () =>
    settings === undefined
      ? withSession(connection, io, ({ client }) => take(fromServer(client, io)))
      : fromStore(settings, io, take),
  );
  const seconds = (io.clock.monotonicMs() - startMs) / 1000;
  await (name === '-' ? io.stderr : io.stdout).write(`${describe(written, name, seconds).join('\n')}\n`);
}

async function* fromServer(client: HttpClient, io: Io): AsyncGenerator<Uint8Array> {
  const { signal } = io;
  const { body } = await client.raw('GET', BACKUP_PATH, { accept: '*/*', signal });
  let timer: Timer | undefined;
  const rearm = (): void => {
    timer?.cancel();
    timer = io.clock.after(IDLE_MS, () => {
      body.destroy(
        new CommandError(
          `the server ${client.address} sent nothing for ${IDLE_MS / 1000} s; no backup was made`,
        ),
      );
    });
  };
  try {
    rearm();
    for await (const chunk of body) {
      rearm();
      yield chunk;
    }
  } catch (error) {
    if (error instanceof CommandError || signal.aborted) throw error;
    throw new CommandError(
      `the server ${client.address} broke off in the middle; no backup was made: try again`,
      { cause: error },
    );
  } finally {
    timer?.cancel();
    body.destroy();
  }
}

async function fromStore(
  settings: Settings,
  io: Io,
  take: (source: AsyncIterable<Uint8Array>) => Promise<Written>,
): Promise<Written> {
  const { store: url, encryptionKeyFile } = settings;
  if (url === 'memory:') {
    throw new CommandError('--store memory: is inside a running server: leave --store out to ask it');
  }
  const opening = {
    clock: io.clock,
    etcd: await etcdAccess(settings),
    retention: { everyMs: 0, transientPrefixes: TRANSIENT_PREFIXES },
  };
  if (!(await isStoreAt(url, opening))) {
    throw new CommandError(`there is no store at ${url}: nothing to back up`);
  }
  const encryption = await readEncryption(encryptionKeyFile);
  const store = await openStore(url, { ...opening, ...(encryption === undefined ? {} : { encryption }) });
  try {
    return await take(
      writeBackup({
        store,
        clock: io.clock,
        engine: engineOf(url),
        gantryVersion: await productVersion(),
        signal: io.signal,
        ...(encryption === undefined ? {} : { encryption }),
      }),
    );
  } finally {
    await store.close();
  }
}

function describe({ header, trailer, fileBytes }: Written, name: string, seconds: number): string[] {
  const { clusterId, revision, keyId, engine } = header;
  const beside = [
    ...(keyId === undefined ? [] : [`the encryption key file that has key ${keyId}`]),
    ...(engine === 'etcd' ? [] : ['the pki directory (authority, token keys)']),
  ];
  return [
    `backup ${name}: cluster ${clusterId} at revision ${revision}, ${trailer.keys} keys, ${trailer.bytes} bytes (${fileBytes} in the file), ${seconds.toFixed(1)} s`,
    ...(keyId === undefined
      ? ['Warning: no encryption key is set, Secrets are in it as they are: keep it as you keep them']
      : []),
    ...(beside.length === 0 ? [] : [`not in it, keep apart: ${beside.join('; ')}`]),
  ];
}
