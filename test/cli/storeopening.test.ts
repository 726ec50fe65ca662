/** The key file of a store: made once, kept to its owner, and never made for a store that needs another. */
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openStoreOf, type StoreSettings } from '../../cli/storeopening.ts';
import { systemClock } from '../../machinery/clock.ts';
import { KeyRing } from '../../store/encryption.ts';
import type { Store } from '../../store/store.ts';

const SECRET = '/registry/core/secrets/default/a';

describe('The encryption key file', () => {
  let home: string;
  let settings: StoreSettings;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'gantry-opening-'));
    settings = {
      store: `sqlite:${join(home, 'store')}`,
      etcdCaFile: undefined,
      etcdCertFile: undefined,
      etcdKeyFile: undefined,
      etcdUser: undefined,
      etcdPasswordFile: undefined,
      encryptionKeyFile: join(home, 'encryption.key'),
    };
  });
  afterEach(() => rm(home, { recursive: true }));

  const open = (): Promise<Store> => openStoreOf(settings, { clock: systemClock });
  const opened = async (): Promise<void> => (await open()).close();
  const refusal = (): Promise<string> =>
    open().then(
      async (store) => {
        await store.close();
        return 'opened';
      },
      (error: Error) => `${error.name}: ${error.message}`,
    );
  const put = async (value: string): Promise<void> => {
    const store = await open();
    const write = {
      kind: 'put',
      key: SECRET,
      value: Buffer.from(value),
      precondition: { kind: 'none' },
    } as const;
    await store.commit([write]);
    await store.close();
  };
  const read = async (): Promise<string> => {
    const store = await open();
    const found = await store.get(SECRET);
    await store.close();
    return Buffer.from(found?.value ?? []).toString();
  };
  const newLine = (): string => KeyRing.newFile().split('\n')[1] ?? '';
  const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

  it('is made at the first start, for its owner only, and kept', async () => {
    await put('first secret');
    const text = await readFile(settings.encryptionKeyFile, 'utf8');
    expect(await modeOf(settings.encryptionKeyFile)).to.equal(0o600);
    expect(await read()).to.equal('first secret');
    expect(await readFile(settings.encryptionKeyFile, 'utf8')).to.equal(text);
    const database = await readFile(join(home, 'store', 'store.db'));
    expect(database.includes('first secret')).to.equal(false);
  });

  it('is taken from others who could read it', async () => {
    await opened();
    await chmod(settings.encryptionKeyFile, 0o644);
    await opened();
    expect(await modeOf(settings.encryptionKeyFile)).to.equal(0o600);
  });

  it('is not made anew for a store that needs the old one: the sentence names the file', async () => {
    await put('x');
    await rm(settings.encryptionKeyFile);
    const problem = await refusal();
    expect(problem).to.match(
      /^SettingsError: the encryption key file .*encryption\.key is missing, and the store/,
    );
    expect(problem).to.include('copy the file from another server of this cluster');
    expect(await stat(settings.encryptionKeyFile).catch(() => 'absent')).to.equal('absent');
  });

  it('of another cluster is refused, and so is one that holds no key', async () => {
    await put('x');
    await writeFile(settings.encryptionKeyFile, KeyRing.newFile());
    expect(await refusal()).to.match(/^StoreError: .*encrypted with key .*encryption\.key/);
    await writeFile(settings.encryptionKeyFile, 'hello\n');
    expect(await refusal()).to.include('encryption.key is not a key file: line 1 is not a key');
  });

  it('gets another key without an interruption: appended, then moved up', async () => {
    await put('x');
    const [head = '', old = ''] = (await readFile(settings.encryptionKeyFile, 'utf8')).split('\n');
    const key = newLine();
    for (const lines of [
      [head, old, key],
      [head, key, old],
    ]) {
      await writeFile(settings.encryptionKeyFile, `${lines.join('\n')}\n`);
      expect(await read()).to.equal('x');
    }
    // The present was encrypted anew with the first key; as long as the past needs the other, it is asked for.
    await writeFile(settings.encryptionKeyFile, `${key}\n`);
    expect(await refusal()).to.match(
      /^StoreError: .*encrypted with key .* add the key as a line below the first/,
    );
  });

  it('is none of the business of a store that forgets', async () => {
    settings = { ...settings, store: 'memory:' };
    await opened();
    expect(await stat(settings.encryptionKeyFile).catch(() => 'absent')).to.equal('absent');
  });

  it('names the file of etcd that is not there', async () => {
    settings = {
      ...settings,
      store: 'etcd://127.0.0.1:1',
      etcdUser: 'gantry',
      etcdPasswordFile: join(home, 'password'),
    };
    expect(await refusal()).to.equal(
      `SettingsError: cannot read ${join(home, 'password')}: no such file or directory`,
    );
  });
});
