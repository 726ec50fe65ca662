/** A backup holds one revision of a store, whole and in order, and a restore gives it back. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { Store } from '../../../store/store.ts';
import {
  bytes,
  mustCommit,
  newDirectory,
  put,
  rejection,
  remove,
  removeDirectories,
  text,
} from '../builders.ts';
import {
  backupBytes,
  contentOf,
  fileOf,
  newEncryption,
  openEngine,
  restoreTo,
  SECRETS,
  verify,
} from './rig.ts';

const keys = fc
  .array(fc.constantFrom('a', 'b', 'c', 'é', '\u{1F600}', '\uFFFD', 'default', 'x-1'), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => `/registry/${parts.join('/')}`);
const secretKeys = fc
  .constantFrom('default/one', 'default/two', 'kube/three')
  .map((name) => `${SECRETS}${name}`);
const write = fc.record({
  key: fc.oneof({ weight: 3, arbitrary: keys }, { weight: 1, arbitrary: secretKeys }),
  value: fc.uint8Array({ maxLength: 60 }),
  isDelete: fc.boolean(),
});

async function fill(
  store: Store,
  commits: readonly (readonly { key: string; value: Uint8Array; isDelete: boolean }[])[],
): Promise<void> {
  for (const writes of commits) {
    await store.commit(
      writes.map(({ key, value, isDelete }) =>
        isDelete
          ? { kind: 'delete', key, precondition: { kind: 'none' } }
          : { kind: 'put', key, value, precondition: { kind: 'none' } },
      ),
    );
  }
}

describe('backup and restore', function () {
  this.timeout(60_000);
  afterEach(removeDirectories);

  it('keeps what was noted with the values, encrypted where they are', async () => {
    const encryption = newEncryption();
    const store = await openEngine('memory', { encryption });
    await mustCommit(store, { ...put('/registry/a', 'x'), note: 'ann' });
    await mustCommit(store, { ...put(`${SECRETS}default/s`, 'x'), note: 'bob, told to nobody' });
    await mustCommit(store, put('/registry/b', 'x'));
    const backup = await backupBytes(store, encryption);
    await store.close();
    const directory = join(newDirectory(), 'store');
    await restoreTo(fileOf(backup), directory, encryption);
    const restored = await openEngine('sqlite', { encryption, directory });
    const { items } = await restored.range('');
    expect(items.map(({ key, note }) => [key, note])).to.deep.equal([
      ['/registry/a', 'ann'],
      ['/registry/b', undefined],
      [`${SECRETS}default/s`, 'bob, told to nobody'],
    ]);
    const { versions } = await restored.history('/registry/a', { limit: 9 });
    expect(versions.map(({ kind, note }) => [kind, note])).to.deep.equal([['put', 'ann']]);
    await restored.close();
  });

  it('gives back any store: the same keys, values and order of changes, on revisions far above', async () => {
    const commits = fc.array(
      fc.uniqueArray(write, { minLength: 1, maxLength: 4, selector: ({ key }) => key }),
      { maxLength: 20 },
    );
    const property = fc.asyncProperty(
      commits,
      fc.constantFrom('memory' as const, 'sqlite' as const),
      async (given, engine) => {
        const encryption = newEncryption();
        const store = await openEngine(engine, { encryption });
        await fill(store, given);
        const wanted = await contentOf(store);
        const before = store.revision();
        const path = fileOf(await backupBytes(store, encryption));
        await store.close();

        const directory = join(newDirectory(), 'store');
        const restored = await restoreTo(path, directory, encryption);
        const again = await openEngine('sqlite', { encryption, directory });
        expect(await contentOf(again)).to.deep.equal(wanted);
        expect(again.clusterId).to.equal(store.clusterId);
        expect(again.revision()).to.equal(restored);
        expect(restored).to.be.at.least(before + 2 ** 40);
        expect(again.compactedRevision()).to.equal(restored);
        expect((await again.size()).keys).to.equal(wanted.length);
        await again.close();
        removeDirectories();
      },
    );
    const { GANTRY_FC_SEED, GANTRY_FC_PATH, GANTRY_TEST_LONG } = process.env;
    const details = await fc.check(property, {
      numRuns: GANTRY_TEST_LONG === '1' ? 400 : 12,
      ...(GANTRY_FC_SEED === undefined ? {} : { seed: Number(GANTRY_FC_SEED) }),
      ...(GANTRY_FC_PATH === undefined ? {} : { path: GANTRY_FC_PATH }),
    });
    if (!details.failed) return;
    const replay = `GANTRY_FC_SEED=${details.seed} GANTRY_FC_PATH=${details.counterexamplePath} npx mocha test/store/backup/backup.test.ts -g 'gives back any store'`;
    throw new Error(`replay with: ${replay}\n${fc.stringify(details.counterexample)}`, {
      cause: details.errorInstance,
    });
  });

  it('is of one revision, whatever is written meanwhile', async () => {
    const store = await openEngine('sqlite');
    const count = 400;
    for (let at = 0; at < count; at++)
      await mustCommit(store, put(`/a/${at}`, 'before'), put(`/b/${at}`, 'before'));
    const wanted = await contentOf(store);
    const done = new AbortController();
    const writing = (async () => {
      for (let at = 0; !done.signal.aborted; at = (at + 1) % count) {
        await mustCommit(store, put(`/a/${at}`, 'after'), remove(`/b/${at}`), put(`/new/${at}`, 'after'));
      }
    })();
    const path = fileOf(await backupBytes(store));
    done.abort();
    await writing;
    await store.close();
    const summary = await verify(path);
    expect(summary.trailer.keys).to.be.at.least(wanted.length);
    const directory = join(newDirectory(), 'store');
    await restoreTo(path, directory);
    const restored = await openEngine('sqlite', { directory });
    const found = new Map(
      (await contentOf(restored)).map(({ key, value }) => [key, Buffer.from(value, 'base64').toString()]),
    );
    for (let at = 0; at < count; at++) {
      // All three of a commit, or none.
      const isAfter = found.get(`/a/${at}`) === 'after';
      expect(found.has(`/b/${at}`), `/b/${at}`).to.equal(!isAfter);
      expect(found.has(`/new/${at}`), `/new/${at}`).to.equal(isAfter);
    }
    await restored.close();
  });

  it('holds the past it needs against forgetting by age, and lets go of it', async () => {
    const store = await openEngine('memory');
    await mustCommit(store, put('/a', 'x'));
    let holds = 0;
    let most = 0;
    const counted: Store = new Proxy(store, {
      get(target, name) {
        if (name === 'holdHistory') {
          return () => {
            most = Math.max(most, ++holds);
            return () => void holds--;
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    await backupBytes(counted);
    expect([most, holds]).to.deep.equal([1, 0]);
    await store.close();
  });

  it('says that history was forgotten under it', async () => {
    const store = await openEngine('sqlite');
    for (let at = 0; at < 300; at++) await mustCommit(store, put(`/a/${at}`, 'x'.repeat(10_000)));
    const { writeBackup } = await import('../../../store/backup/writer.ts');
    const { FakeClock } = await import('../../../machinery/fakeclock.ts');
    const backup = writeBackup({ store, clock: new FakeClock(), engine: 'sqlite', gantryVersion: '0' });
    await backup.next();
    await backup.next();
    await store.compact(await mustCommit(store, put('/a/0', 'new')));
    const error = await rejection(
      (async () => {
        for await (const _ of backup);
      })(),
    );
    expect(error).to.have.property('reason', 'Compacted');
    await store.close();
  });

  it('keeps what is secret encrypted, and tells a missing or wrong key before anything is touched', async () => {
    const encryption = newEncryption();
    const store = await openEngine('memory', { encryption });
    await mustCommit(store, put(`${SECRETS}default/login`, 'correct horse'), put('/registry/a', 'plain'));
    const backup = await backupBytes(store, encryption);
    await store.close();
    const path = fileOf(backup);
    // The compressed bytes say nothing by themselves: look at the record.
    const { readParts } = await import('../../../store/backup/reader.ts');
    const { decompress } = await import('../../../store/backup/format.ts');
    const { BackupFile } = await import('../../../store/backup/reader.ts');
    const file = await BackupFile.open(path);
    for await (const part of readParts(file.bytes(), path)) {
      if (part.kind === 'data')
        expect((await decompress(part.compressed)).includes('correct horse')).to.equal(false);
    }
    await file.close();
    const directory = join(newDirectory(), 'store');
    for (const wrong of [undefined, newEncryption()]) {
      const error = await rejection(restoreTo(path, directory, wrong));
      expect(error.message)
        .to.include(path)
        .and.to.include(`${SECRETS}default/login`)
        .and.to.match(/give the key file/);
      expect(existsSync(directory) || existsSync(`${directory}.restoring`)).to.equal(false);
    }
  });

  it('restores into an empty store only, and says how to put the old one aside', async () => {
    const directory = join(newDirectory(), 'store');
    const old = await openEngine('sqlite', { directory });
    await mustCommit(old, put('/a', 'old'));
    await old.close();
    const store = await openEngine('memory');
    await mustCommit(store, put('/a', 'new'));
    const path = fileOf(await backupBytes(store));
    await store.close();
    const error = await rejection(restoreTo(path, directory));
    expect(error.message).to.include(`mv ${directory} ${directory}.before`);
    const again = await openEngine('sqlite', { directory });
    expect(text((await again.get('/a'))?.value)).to.equal('old');
    await again.close();
    expect(existsSync(`${directory}.restoring`)).to.equal(false);
  });

  it('leaves nothing behind when it is stopped', async () => {
    const store = await openEngine('memory');
    for (let at = 0; at < 300; at++) await mustCommit(store, put(`/a/${at}`, 'x'));
    const path = fileOf(await backupBytes(store));
    await store.close();
    const parent = newDirectory();
    const error = await rejection(restoreTo(path, join(parent, 'store'), undefined, AbortSignal.abort()));
    expect(error.message).to.include('stopped');
    expect(readdirSync(parent)).to.deep.equal([]);
  });

  it('restores what was restored, again and again, with growing revisions', async () => {
    const first = await openEngine('memory');
    await mustCommit(first, put('/a', '1'), put('/b', '2'));
    let backup = await backupBytes(first);
    const { clusterId } = first;
    await first.close();
    let revision = 0;
    for (let round = 0; round < 3; round++) {
      const directory = join(newDirectory(), 'store');
      const restored = await restoreTo(fileOf(backup), directory);
      expect(restored).to.be.greaterThan(revision + 2 ** 39);
      const store = await openEngine('sqlite', { directory });
      expect(store.clusterId).to.equal(clusterId);
      revision = await mustCommit(store, put('/c', String(round)));
      expect(revision).to.equal(restored + 1);
      expect((await rejection(store.get('/a', { revision: 2 }))).message).to.include('gone');
      backup = await backupBytes(store);
      await store.close();
      expect((await verify(fileOf(backup))).header.revision).to.equal(revision);
    }
  });

  it('holds values of the greatest size, and none at all', async () => {
    const store = await openEngine('sqlite');
    const large = Buffer.alloc(1024 * 1024, 7);
    await store.commit([{ kind: 'put', key: '/large', value: large, precondition: { kind: 'none' } }]);
    await store.commit([{ kind: 'put', key: '/empty', value: bytes(''), precondition: { kind: 'none' } }]);
    const path = fileOf(await backupBytes(store));
    await store.close();
    const directory = join(newDirectory(), 'store');
    await restoreTo(path, directory);
    const restored = await openEngine('sqlite', { directory });
    expect(Buffer.from((await restored.get('/large'))?.value ?? []).equals(large)).to.equal(true);
    expect(text((await restored.get('/empty'))?.value)).to.equal('');
    await restored.close();
  });
});
