/** What a start does about encryption: whose keys are missing, and which values are written anew. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { silentLog } from '../../machinery/log.ts';
import { KeyRing } from '../../store/encryption.ts';
import { type OpenStoreOptions, openStore } from '../../store/open.ts';
import { resealValues, type SealedStore, type SealedValue } from '../../store/resealing.ts';
import type { Store, Write } from '../../store/store.ts';
import {
  mustCommit,
  newDirectory,
  put,
  rejection,
  remove,
  removeDirectories,
  text,
  Watcher,
} from './builders.ts';

const keyLine = (seed: string): string => Buffer.alloc(32, seed).toString('base64');
const ringOf = (...seeds: string[]): KeyRing => KeyRing.parse(seeds.map(keyLine).join('\n'));
const idOf = (seed: string): string => `0x${ringOf(seed).currentId.toString(16).padStart(8, '0')}`;

describe('encryption of a store', () => {
  let directory: string;
  const opened: Store[] = [];
  const open = async (keys?: KeyRing, options: Partial<OpenStoreOptions> = {}): Promise<Store> => {
    const encryption =
      keys === undefined ? {} : { encryption: { keys, prefixes: ['/secrets/'], keyFile: '/etc/gantry/key' } };
    const store = await openStore(`sqlite:${directory}`, {
      clock: new FakeClock(),
      ...encryption,
      ...options,
    });
    opened.push(store);
    return store;
  };
  /** Records of present values that hold a text, by key. */
  const holding = (word: string): string[] => {
    const db = new DatabaseSync(join(directory, 'store.db'), { readOnly: true });
    const rows = db.prepare('SELECT keys.key, record FROM keys JOIN log USING (revision) ORDER BY 1').all();
    db.close();
    return rows
      .filter(({ record }) => record instanceof Uint8Array && Buffer.from(record).includes(word))
      .map(({ key }) => String(key));
  };
  beforeEach(() => {
    directory = newDirectory();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  after(removeDirectories);

  it('writes plain values anew when it is turned on, once, with their history told to watchers', async () => {
    const before = await open();
    for (let n = 0; n < 120; n++) await mustCommit(before, put(`/secrets/${n}`, `hidden ${n}`));
    await mustCommit(before, put('/other', 'hidden, but not by us'));
    await before.close();

    const first = await open(ringOf('one'));
    expect(first.revision()).to.equal(241);
    expect(text((await first.get('/secrets/7'))?.value)).to.equal('hidden 7');
    const watcher = new Watcher(first, ['/secrets/'], 121);
    await watcher.reached(241);
    await watcher.stop();
    expect(watcher.events).to.have.length(120);
    expect(text((await first.get('/secrets/7', { revision: 121 }))?.value), 'the past').to.equal('hidden 7');
    await first.close();
    expect(holding('hidden')).to.deep.equal(['/other']);
    const second = await open(ringOf('one'));
    expect(second.revision(), 'nothing to do').to.equal(241);
  });

  it('writes values of an older key anew under the first, after which the older one is needed for the past alone', async () => {
    const before = await open(ringOf('one'));
    await mustCommit(before, put('/secrets/a', 'hidden'), put('/secrets/b', 'hidden'));
    await mustCommit(before, remove('/secrets/b'));
    await before.close();
    const both = await open(ringOf('two', 'one'));
    expect(both.revision()).to.equal(4);
    await both.close();

    const message = (await rejection(open(ringOf('two')))).message;
    expect(message).to.contain(idOf('one')).and.contain('/etc/gantry/key').and.not.contain(idOf('two'));
    const again = await open(ringOf('two', 'one'));
    await mustCommit(again, put('/other', '1'));
    await again.compact(again.revision());
    await again.close();
    expect(text((await (await open(ringOf('two'))).get('/secrets/a'))?.value)).to.equal('hidden');
  });

  for (const [what, keys, wanted] of [
    ['without keys', undefined, 'no encryption key file was given'],
    ['with another key', ringOf('other'), '/etc/gantry/key'],
  ] as const) {
    it(`refuses a start ${what}, and names the key that is wanted`, async () => {
      const before = await open(ringOf('one'));
      await mustCommit(before, put('/secrets/a', 'hidden'));
      await before.close();
      const error = await rejection(open(keys));
      expect(error).to.include({ name: 'StoreError', reason: 'Corrupt' });
      expect(error.message).to.contain(idOf('one')).and.contain(wanted).and.contain('key file');
      expect(text((await (await open(ringOf('one'))).get('/secrets/a'))?.value)).to.equal('hidden');
    });
  }

  it('starts over a damaged value, which is told of when it is read, and encrypts the others', async () => {
    const before = await open();
    for (const name of ['a', 'b', 'c']) await mustCommit(before, put(`/secrets/${name}`, 'hidden'));
    await before.close();
    const db = new DatabaseSync(join(directory, 'store.db'));
    db.exec(
      "UPDATE log SET record = CAST(substr(record, 1, length(record) - 1) || 'y' AS BLOB) WHERE key = '/secrets/b'",
    );
    db.close();
    const store = await open(ringOf('one'));
    expect((await rejection(store.get('/secrets/b'))).message).to.contain('"/secrets/b" at revision 2');
    expect((await store.get('/secrets/c'))?.version).to.equal(2);
  });

  describe('rewriting', () => {
    const value = (n: number, keyId: number, size = 1): SealedValue => ({
      key: `/secrets/${n}`,
      revision: n,
      keyId,
      value: new Uint8Array(size),
    });
    const encryption = { keys: ringOf('one'), prefixes: ['/secrets/'] };
    const { currentId } = encryption.keys;
    const storeOf = (
      values: readonly SealedValue[],
      commit: (writes: readonly Write[]) => { readonly failed: number } | undefined,
    ): SealedStore => ({
      page: async () => ({ values, next: undefined }),
      async commit(writes) {
        const refused = commit(writes);
        return refused === undefined
          ? { ok: true, revision: 0, modRevisions: [], writtenAtMs: 0 }
          : { ok: false, ...refused, current: undefined, revision: 0 };
      },
    });

    it('goes in bounded commits, each write with what it read as its precondition', async () => {
      const commits: (readonly Write[])[] = [];
      const values = [
        ...Array.from({ length: 120 }, (_, n) => value(n, n === 5 ? currentId : 0)),
        ...Array.from({ length: 3 }, (_, n) => value(200 + n, 9, 400_000)),
      ];
      const store = storeOf(values, (writes) => void commits.push(writes));
      expect(await resealValues(store, encryption, silentLog)).to.equal(122);
      expect(commits.map(({ length }) => length)).to.deep.equal([50, 50, 20, 1, 1]);
      expect(commits[0]?.[5]).to.deep.include({
        key: '/secrets/6',
        precondition: { kind: 'modRevision', modRevision: 6 },
      });
    });

    it('leaves out what somebody else wrote meanwhile', async () => {
      const written: string[] = [];
      const store = storeOf(
        [0, 1, 2].map((n) => value(n, 0)),
        (writes) => {
          const failed = writes.findIndex(({ key }) => key === '/secrets/1');
          if (failed >= 0) return { failed };
          written.push(...writes.map(({ key }) => key));
          return undefined;
        },
      );
      expect(await resealValues(store, encryption, silentLog)).to.equal(2);
      expect(written).to.deep.equal(['/secrets/0', '/secrets/2']);
    });

    it('gives up for this start when a commit fails, so that reads go on over a full disk', async () => {
      const store = storeOf([value(0, 0)], () => {
        throw new Error('no room');
      });
      expect(await resealValues(store, encryption, silentLog)).to.equal(0);
    });
  });
});
