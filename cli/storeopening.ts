/**
 * Opens the store of the settings: with what etcd asks for, and with the keys that encrypt Secrets. The key file is made
 * for a store that holds nothing encrypted yet; without it any other is refused, since a new key could read nothing.
 */
import { readdir, readFile } from 'node:fs/promises';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf, StoreError } from '../machinery/errors.ts';
import { keepToOwner } from '../net/pkifiles.ts';
import { KeyRing } from '../store/encryption.ts';
import type { EtcdEndpoints } from '../store/etcd/client.ts';
import { type OpenStoreOptions, openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { SettingsError } from './config.ts';
import { readEncryption } from './encryption.ts';
import type { Settings } from './settings.ts';
import { ENCRYPTED_PREFIXES } from './storeprefixes.ts';

const PAGE_KEYS = 500;

export type StoreSettings = Pick<
  Settings,
  | 'store'
  | 'etcdCaFile'
  | 'etcdCertFile'
  | 'etcdKeyFile'
  | 'etcdUser'
  | 'etcdPasswordFile'
  | 'encryptionKeyFile'
>;

/** Rejects with `SettingsError`, `CommandError`, `StoreError` or `PkiError`, each one sentence. */
export async function openStoreOf(
  settings: StoreSettings,
  given: Omit<OpenStoreOptions, 'encryption' | 'etcd'>,
): Promise<Store> {
  const options = { ...given, etcd: await etcdAccess(settings) };
  // What forgets everything keeps nothing secret on a disk.
  if (settings.store === 'memory:') return openStore(settings.store, options);
  const path = settings.encryptionKeyFile;
  if ((await readEncryption(path)) === undefined) await makeKeyFile(settings, options);
  await keepToOwner(path);
  const encryption = await readEncryption(path);
  return openStore(settings.store, { ...options, ...(encryption === undefined ? {} : { encryption }) });
}

/** Rejects when the store needs a key that exists already. */
async function makeKeyFile(settings: StoreSettings, options: OpenStoreOptions): Promise<void> {
  const { store: address, encryptionKeyFile: path } = settings;
  const refuse = (error: unknown): never => {
    if (!(error instanceof StoreError) || error.reason !== 'Corrupt') throw error;
    throw new SettingsError(
      `the encryption key file ${path} is missing, and the store ${address} cannot be opened without it: ${messageOf(error)}; copy the file from another server of this cluster, or from where you keep it, or name it with --encryption-key-file`,
      { cause: error },
    );
  };
  if (!(await isNothingThere(address))) {
    // Opened only to look: its metrics are those of the store that comes after it.
    const { metrics: _later, ...looking } = options;
    const store = await openStore(address, looking).catch(refuse);
    try {
      for (const prefix of ENCRYPTED_PREFIXES) await readAll(store, prefix);
    } catch (error) {
      refuse(error);
    } finally {
      await store.close();
    }
  }
  try {
    await writeDurably(path, KeyRing.newFile(), { mode: 0o600, exclusive: true });
  } catch (error) {
    throw new SettingsError(`cannot write the encryption key file ${path}: ${fileProblem(error)}`, {
      cause: error,
    });
  }
  options.log?.warn(
    { file: path },
    'the key that encrypts Secrets was made: keep a copy, apart from backups, and give it to every server of this cluster',
  );
}

/** Whether a store of this machine is surely new, so that the first start need not open it twice. */
async function isNothingThere(address: string): Promise<boolean> {
  const directory = /^sqlite:(.+)$/.exec(address)?.[1];
  if (directory === undefined) return false;
  try {
    return (await readdir(directory)).length === 0;
  } catch (error) {
    // What else is wrong with it the store will say.
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}

/** Throws at the first value that is encrypted: the store was opened without keys. */
async function readAll(store: Store, prefix: string): Promise<void> {
  let after: string | undefined;
  for (let more = true; more; ) {
    const page = await store.range(prefix, { limit: PAGE_KEYS, ...(after === undefined ? {} : { after }) });
    after = page.items.at(-1)?.key;
    more = page.more && after !== undefined;
  }
}

/** How etcd is reached, beside its address. */
export async function etcdAccess(settings: StoreSettings): Promise<Omit<EtcdEndpoints, 'endpoints'>> {
  const [ca, certificate, key, password] = await Promise.all([
    readIfSet(settings.etcdCaFile),
    readIfSet(settings.etcdCertFile),
    readIfSet(settings.etcdKeyFile),
    readIfSet(settings.etcdPasswordFile),
  ]);
  const name = settings.etcdUser;
  const hasTls = ca !== undefined || certificate !== undefined;
  const tls = {
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
  };
  return {
    ...(hasTls ? { tls } : {}),
    ...(name === undefined || password === undefined
      ? {}
      : { user: { name, password: password.replace(/\r?\n$/, '') } }),
  };
}

async function readIfSet(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new SettingsError(`cannot read ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
