/** Files of earlier releases are brought to today's format, whole or not at all; those of later ones are refused. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { KeyRing } from '../../store/encryption.ts';
import { openStore } from '../../store/open.ts';
import { openSqliteLog } from '../../store/sqlite/sqlite.ts';
import type { Store } from '../../store/store.ts';
import {
  describeEvent,
  mustCommit,
  newDirectory,
  put,
  rejection,
  removeDirectories,
  text,
  Watcher,
} from './builders.ts';

const TODAY = 2;
const KILL_ROUNDS = 6;

/** A copy that the test may write to. */
function fixture(name: string): string {
  const directory = newDirectory();
  const source = fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
  for (const file of readdirSync(source)) copyFileSync(join(source, file), join(directory, file));
  return directory;
}

function look<T>(directory: string, sql: string): T[] {
  const db = new DatabaseSync(join(directory, 'store.db'), { readOnly: true });
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller wrote the SQL and says what it gives.
    return db.prepare(sql).all() as T[];
  } finally {
    db.close();
  }
}

const formatOf = (directory: string): number | undefined =>
  look<{ user_version: number }>(directory, 'PRAGMA user_version')[0]?.user_version;

describe('store formats', () => {
  const opened: Store[] = [];
  after(removeDirectories);
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });
  const open = async (directory: string, keys?: KeyRing): Promise<Store> => {
    const encryption =
      keys === undefined ? {} : { encryption: { keys, prefixes: ['/registry/core/secrets/'] } };
    const store = await openStore(`sqlite:${directory}`, { clock: new FakeClock(), ...encryption });
    opened.push(store);
    return store;
  };

  for (const name of ['format-1/closed', 'format-1/killed']) {
    describe(name, () => {
      it('opens with its values, revisions, times, history and floor, and takes writes', async () => {
        const directory = fixture(name);
        const store = await open(directory);
        expect(store.revision()).to.equal(11);
        expect(store.compactedRevision()).to.equal(3);
        const { items } = await store.range('/');
        expect(
          items.map(({ key, modRevision, version }) => `${key} @${modRevision} v${version}`),
        ).to.deep.equal([
          '/registry/coordination.k8s.io/leases/l @8 v1',
          '/registry/core/configmaps/default/long @10 v1',
          '/registry/core/secrets/default/s0 @1 v1',
          '/registry/core/secrets/default/s1 @11 v2',
          '/registry/core/secrets/default/s2 @3 v1',
          '/registry/gantry.dev/allocations/w @5 v1',
          '/registry/gantry.dev/tasks/default/a @6 v2',
        ]);
        expect(text(items[3]?.value)).to.equal('{"kind":"Secret","data":{"password":"secret-1"}}');
        expect(items[0]?.writtenAtMs).to.equal(Date.UTC(2026, 0, 1, 0, 0, 4));
        const past = await store.get('/registry/gantry.dev/tasks/default/a', { revision: 5 });
        expect(text(past?.value)).to.equal('{"n":1}');
        const watcher = new Watcher(store, ['/registry/gantry.dev/'], 3);
        await watcher.reached(9);
        await watcher.stop();
        expect(watcher.events.map(describeEvent)).to.deep.equal([
          'put /registry/gantry.dev/tasks/default/a={"n":1} @4',
          'put /registry/gantry.dev/allocations/w={"n":1} @5',
          'put /registry/gantry.dev/tasks/default/a={"n":2} @6 (was {"n":1})',
          'put /registry/gantry.dev/tasks/default/b={"n":1} @7',
          'delete /registry/gantry.dev/tasks/default/b @9 (was {"n":1})',
        ]);
        expect(await mustCommit(store, put('/new', '1'))).to.equal(12);
        await store.close();
        expect(formatOf(directory)).to.equal(TODAY);
        expect((await (await open(directory)).get('/new'))?.modRevision).to.equal(12);
      });

      it('encrypts its Secrets when it is opened with keys for the first time', async () => {
        const directory = fixture(name);
        const keys = KeyRing.parse(KeyRing.newFile());
        const store = await open(directory, keys);
        const secret = await store.get('/registry/core/secrets/default/s2');
        expect(text(secret?.value)).to.contain('secret-2');
        expect(secret).to.deep.include({ createRevision: 3, version: 2 });
        await store.close();
        const current = look<{ record: Uint8Array }>(
          directory,
          "SELECT record FROM keys JOIN log USING (revision) WHERE keys.key LIKE '/registry/core/secrets/%'",
        );
        expect(current).to.have.length(3);
        for (const { record } of current) expect(Buffer.from(record).includes('secret-')).to.equal(false);
        expect((await rejection(open(directory))).message).to.contain('no encryption key file was given');
      });
    });
  }

  it('has the same tables whether it was made today or migrated', async () => {
    const old = fixture('format-1/closed');
    await (await open(old)).close();
    const fresh = newDirectory();
    await (await open(fresh)).close();
    const shape = (directory: string): unknown[] =>
      look(directory, 'SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name');
    expect(shape(old)).to.deep.equal(shape(fresh));
    expect(formatOf(fresh)).to.equal(TODAY);
  });

  it('leaves the file as it was when there is no room for a migration, and makes it when there is', async () => {
    const directory = fixture('format-1/closed');
    const [found] = look<{ page_count: number }>(directory, 'PRAGMA page_count');
    const maxPages = found?.page_count ?? 0;
    const refused = openSqliteLog({ directory, newClusterId: 'new', synchronous: 'FULL', maxPages });
    expect(await rejection(refused)).to.include({ reason: 'ReadOnly' });
    expect(formatOf(directory)).to.equal(1);
    const store = await open(directory);
    expect(store.revision()).to.equal(11);
    await store.close();
    expect(formatOf(directory)).to.equal(TODAY);
  });

  it(`survives a kill in the middle of a migration, in ${KILL_ROUNDS} rounds`, async function () {
    this.timeout(60_000);
    const large = fixture('format-1/closed');
    const db = new DatabaseSync(join(large, 'store.db'));
    // Large enough that its migration takes some milliseconds.
    db.exec(`WITH RECURSIVE n(i) AS (SELECT 12 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
      INSERT INTO log SELECT i, '/n/' || i, 1, i, 1, NULL, i, x'0000000000000001' FROM n`);
    db.close();
    /** Kills the process that opens a copy, this long after it began, or when it has opened it. */
    const openAndKill = async (lifeMs: number): Promise<{ directory: string; tookMs: number }> => {
      const directory = newDirectory();
      for (const file of ['store.db', 'cluster-id']) copyFileSync(join(large, file), join(directory, file));
      const child = fork(new URL('./crash-opener.ts', import.meta.url), [directory], { silent: true });
      const ended = once(child, 'exit');
      // Its first line says that it is about to open the store, the second that it has.
      await once(child.stdout ?? child, 'data');
      const startMs = performance.now();
      const isOpen = once(child.stdout ?? child, 'data');
      const isTime = new Promise((resolve) => setTimeout(resolve, lifeMs));
      await Promise.race([isOpen, isTime]);
      const tookMs = performance.now() - startMs;
      child.kill('SIGKILL');
      await ended;
      return { directory, tookMs };
    };
    const { tookMs: wholeMs } = await openAndKill(30_000);
    for (let round = 0; round < KILL_ROUNDS; round++) {
      // Towards the end: before it, the thread is started and the file is checked.
      const { directory } = await openAndKill(wholeMs * (0.5 + (0.6 * round) / KILL_ROUNDS));
      const format = formatOf(directory);
      expect([1, TODAY]).to.include(format);
      const indexes = look(directory, "SELECT name FROM sqlite_schema WHERE name = 'log_encrypted'");
      expect(indexes, `indexes of format ${format}`).to.have.length(format === TODAY ? 1 : 0);
      const log = await openSqliteLog({ directory, newClusterId: 'new', synchronous: 'FULL' });
      expect((await log.head()).revision).to.equal(60_000);
      expect(await log.keyIds()).to.deep.equal([1]);
      await log.close();
      expect(formatOf(directory)).to.equal(TODAY);
      expect(look(directory, 'PRAGMA integrity_check')).to.deep.equal([{ integrity_check: 'ok' }]);
    }
  });

  for (const [format, wanted] of [
    [TODAY + 1, `store format ${TODAY + 1}, this release reads up to ${TODAY}`],
    [0, `store format 0, wanted 1 to ${TODAY}`],
  ] as const) {
    it(`refuses format ${format} in plain words and leaves the file alone`, async () => {
      const directory = fixture('format-1/closed');
      const db = new DatabaseSync(join(directory, 'store.db'));
      db.exec(`PRAGMA user_version = ${format}`);
      db.close();
      const error = await rejection(open(directory));
      expect(error).to.include({ reason: 'Corrupt' });
      expect(error.message).to.contain(wanted).and.contain(join(directory, 'store.db'));
      expect(formatOf(directory)).to.equal(format);
    });
  }
});
