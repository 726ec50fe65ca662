/** What the whole check of an embedded store finds: each kind of damage, by key and revision. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { openStore } from '../../store/open.ts';
import { checkSqliteStore, type StoreCheck } from '../../store/sqlite/check.ts';
import { mustCommit, newDirectory, put, remove, removeDirectories } from './builders.ts';

describe('check of a sqlite store', () => {
  let directory: string;
  const check = (maxFindings = 20): Promise<StoreCheck> =>
    checkSqliteStore(directory, { maxFindings, signal: new AbortController().signal });
  const tamper = (sql: string): void => {
    const db = new DatabaseSync(join(directory, 'store.db'));
    db.exec(sql);
    db.close();
  };
  beforeEach(async () => {
    directory = newDirectory();
    const retention = { transientPrefixes: ['/lease/'], everyMs: 0 };
    const store = await openStore(`sqlite:${directory}`, { clock: new FakeClock(), retention });
    await mustCommit(store, put('/a', '1'), put('/b', '1'));
    await mustCommit(store, put('/lease/x', '1'));
    await mustCommit(store, put('/lease/x', '2'));
    await mustCommit(store, put('/a', '2'), put('/c', '1'), put('/d', '1'));
    await store.compact(4);
    await mustCommit(store, remove('/b'), put('/a', '3'));
    await mustCommit(store, remove('/c'));
    await mustCommit(store, put('/c', '2'));
    await store.close();
  });
  after(removeDirectories);

  it('finds nothing in a store with history, deletes, several writes in a commit and a forgotten past', async () => {
    const found = await check();
    expect(found.findings).to.deep.equal([]);
    expect(found).to.deep.include({ keys: 4, revision: 11, format: 2, findingCount: 0 });
    expect(found.rows).to.equal(10);
  });

  for (const [what, sql, wanted] of [
    [
      'a value that is no bytes',
      "UPDATE log SET record = 'text' WHERE revision = 5",
      /"\/a" at revision 5 .*found string/,
    ],
    [
      'a value under another key',
      "UPDATE log SET key = '/z' WHERE revision = 6",
      /"\/z" at revision 6 is damaged: checksum/,
    ],
    [
      'a commit that ends elsewhere',
      'UPDATE log SET commit_end = 6 WHERE revision = 5',
      /"\/c" at revision 6 .*commit that ends at 7; wanted 6/,
    ],
    [
      'a commit whose end is missing',
      'UPDATE log SET commit_end = 99 WHERE revision = 11',
      /revision 11 .*ends at 99; wanted 11 to 11/,
    ],
    [
      'a row lost from the history that is kept',
      'DELETE FROM log WHERE revision = 5',
      /"\/a" at revision 9 replaced revision 5/,
    ],
    [
      'a wrong predecessor',
      'UPDATE log SET previous_revision = 4 WHERE revision = 9',
      /"\/a" at revision 9 replaced revision 4, but before it there is revision 5/,
    ],
    [
      'a wrong version',
      'UPDATE log SET version = 9 WHERE revision = 9',
      /"\/a" at revision 9 is of version 9/,
    ],
    [
      'a first write that is none',
      'UPDATE log SET version = 3 WHERE revision = 7',
      /"\/d" at revision 7 is the first write .*version 3/,
    ],
    [
      'a key that is told to be absent',
      "DELETE FROM keys WHERE key = '/a'",
      /"\/a" was last written at revision 9, but is told to be absent/,
    ],
    [
      'a key that is told to be older',
      "UPDATE keys SET revision = 5 WHERE key = '/a'",
      /"\/a" was last written at revision 9, but is told to be present at 5/,
    ],
    [
      'a deleted key that is told to be present',
      "INSERT INTO keys VALUES ('/b', 8, 2, 2)",
      /"\/b" is told to be present at revision 8/,
    ],
    [
      'a floor above everything',
      "UPDATE meta SET value = '99' WHERE name = 'floor'",
      /begin at revision 99, but the newest row is of 11/,
    ],
    [
      'another cluster',
      "UPDATE meta SET value = 'other' WHERE name = 'cluster_id'",
      /of cluster other, the cluster-id file says/,
    ],
  ] as const) {
    it(`finds ${what}`, async () => {
      tamper(sql);
      const { findings, findingCount } = await check();
      expect(findings.join('\n')).to.match(wanted);
      expect(findingCount).to.equal(findings.length);
      expect((await check(1)).findings).to.have.length(Math.min(1, findingCount));
    });
  }

  it('finds damaged pages, and changes nothing of what it looks at', async () => {
    const path = join(directory, 'store.db');
    const bytes = readFileSync(path);
    bytes.fill(0xa5, bytes.length - 8192);
    writeFileSync(path, bytes);
    const { findingCount, findings } = await check();
    expect(findingCount).to.be.at.least(1);
    expect(findings[0]).to.contain(path);
    expect(readFileSync(path).equals(bytes)).to.equal(true);
  });

  it('ends when it is told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    tamper(`WITH RECURSIVE n(i) AS (SELECT 12 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO log SELECT i, '/n/' || i, 1, i, 1, NULL, i, x'00' FROM n`);
    const ended = await checkSqliteStore(directory, { maxFindings: 1, signal }).catch(
      (error: unknown) => error,
    );
    expect(ended).to.be.instanceOf(Error).and.include({ message: 'enough' });
  });
});
