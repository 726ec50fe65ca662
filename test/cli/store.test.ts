/** `gantry store check`, on stores that are whole, damaged, in use, or not there. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { KeyRing } from '../../store/encryption.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { type Ran, run } from './terminal.ts';

describe('gantry store check', () => {
  let directory: string;
  const keyText = KeyRing.newFile();
  const keys = KeyRing.parse(keyText);
  const keyId = `0x${keys.currentId.toString(16).padStart(8, '0')}`;
  const check = (...words: string[]): Promise<Ran> => run(['store', 'check', ...words], { directory });
  const path = (): string => join(directory, '.gantry', 'store');
  const open = (): Promise<Store> =>
    openStore(`sqlite:${path()}`, {
      clock: new FakeClock(),
      encryption: { keys, prefixes: ['/registry/core/secrets/'] },
    });
  const put = (key: string, value: string) =>
    ({ kind: 'put', key, value: Buffer.from(value), precondition: { kind: 'none' } }) as const;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-store-check-'));
    const store = await open();
    for (let n = 0; n < 5; n++)
      await store.commit([put('/registry/a', `${n}`), put(`/registry/core/secrets/${n}`, 'x')]);
    await store.close();
    writeFileSync(join(directory, '.gantry', 'encryption.key'), keyText);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('tells what it looked at, and exits 0 for a whole store', async () => {
    const { code, out, err } = await check();
    expect(err).to.equal('');
    expect(code).to.equal(0);
    expect(out).to.match(/^sqlite:\S+: cluster [0-9a-f-]{36}, format 2, revision 10$/m);
    expect(out).to.match(
      /^checked 6 keys and 10 values of the present and the past, [\d,]+ bytes, in \d+\.\d s$/m,
    );
    expect(out).to.contain(`encrypted: 5 with key ${keyId}\n`).and.contain('the store is sound\n');
  });

  it('exits 1 with every finding, 20 of them and the number of the rest', async () => {
    const store = await open();
    for (let n = 0; n < 25; n++) await store.commit([put('/registry/b', 'x')]);
    await store.close();
    const db = new DatabaseSync(join(path(), 'store.db'));
    db.exec(
      "UPDATE log SET record = CAST(substr(record, 1, length(record) - 1) || 'y' AS BLOB) WHERE key = '/registry/b'",
    );
    db.close();
    const { code, out, err } = await check();
    expect(code).to.equal(1);
    expect(out).to.contain('checked 7 keys').and.not.contain('sound');
    const lines = err.trim().split('\n');
    expect(lines).to.have.length(22);
    expect(lines[0]).to.match(/^gantry: stored value of "\/registry\/b" at revision 11 is damaged: checksum/);
    expect(lines[20]).to.equal('gantry: and 5 more');
    expect(lines[21]).to.contain('the store is damaged (25 findings)').and.contain('backup');
  });

  it('says which values it could not read without their key', async () => {
    const { code, err } = await check('--encryption-key-file', join(directory, 'none'));
    expect(code).to.equal(1);
    expect(err).to.contain(`5 values are encrypted with key ${keyId}, which was not given`);
  });

  it('refuses while a server has the store, and names its process', async () => {
    const store = await open();
    try {
      const { code, err } = await check();
      expect(code).to.equal(1);
      expect(err).to.contain(`is in use by process ${process.pid}`);
    } finally {
      await store.close();
    }
  });

  for (const [what, words, wanted] of [
    ['a directory without a store', ['--store', 'sqlite:elsewhere'], 'there is no store in'],
    ['a store that forgets', ['--store', 'memory:'], 'keeps nothing'],
    ['a store on etcd', ['--store', 'etcd://127.0.0.1:1'], 'gantry backup reads and checks every value'],
    ['a key file that is none', ['--encryption-key-file', 'bad.key'], 'line 1 is not a key'],
  ] as const) {
    it(`refuses ${what} with a sentence`, async () => {
      writeFileSync(join(directory, 'bad.key'), 'hunter2-hunter2\n');
      const { code, err } = await check(...words);
      expect(code).to.equal(1);
      expect(err).to.contain(wanted).and.not.contain('hunter2');
      expect(err.trim().split('\n')).to.have.length(1);
    });
  }
});
