/** What only the durable engine can do: keep data over a restart, own its directory, notice damage, survive a full disk. */
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { seededRandom } from '../../machinery/random.ts';
import { openMvccStore } from '../../store/mvcc.ts';
import { type OpenStoreOptions, openStore } from '../../store/open.ts';
import { openSqliteLog } from '../../store/sqlite/sqlite.ts';
import type { Store } from '../../store/store.ts';
import {
  absent,
  describeEvent,
  mustCommit,
  newDirectory,
  put,
  rejection,
  remove,
  removeDirectories,
  text,
  Watcher,
} from './builders.ts';
import { describeStore } from './conformance.ts';

// Few random runs: each makes a new database on disk.
describeStore('sqlite', (options) => openStore(`sqlite:${newDirectory()}`, options), 15);
after(removeDirectories);

describe('sqlite store', () => {
  let directory: string;
  let databasePath: string;
  const opened: Store[] = [];
  const open = async (options: Partial<OpenStoreOptions> = {}): Promise<Store> => {
    const store = await openStore(`sqlite:${directory}`, { clock: new FakeClock(), ...options });
    opened.push(store);
    return store;
  };
  /** Changes the closed database behind the store's back. */
  const tamper = (sql: string): void => {
    const db = new DatabaseSync(databasePath);
    db.exec(sql);
    db.close();
  };
  const fill = async (count: number): Promise<void> => {
    const store = await open();
    for (let n = 0; n < count; n++) await mustCommit(store, put(`/k/${n}`, 'x'.repeat(2000)));
    await store.close();
  };
  beforeEach(() => {
    directory = newDirectory();
    databasePath = join(directory, 'store.db');
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  describe('over a restart', () => {
    it('keeps values, revisions, history and floors', async () => {
      const first = await open();
      await mustCommit(first, put('/a', '1'), put('/b', '1'));
      await mustCommit(first, put('/a', '2'));
      await mustCommit(first, remove('/b'));
      await first.compact(2);
      await mustCommit(first, put('/a', '3'));
      await first.close();

      const second = await open();
      expect(second.revision()).to.equal(5);
      expect(second.compactedRevision()).to.equal(2);
      expect(await second.get('/a')).to.deep.include({ createRevision: 1, modRevision: 5, version: 3 });
      expect(text((await second.get('/a', { revision: 3 }))?.value)).to.equal('2');
      expect((await second.size()).keys).to.equal(1);
      const watcher = new Watcher(second, ['/'], 2);
      await watcher.reached(5);
      await watcher.stop();
      expect(watcher.events.map(describeEvent)).to.deep.equal([
        'put /a=2 @3 (was 1)',
        'delete /b @4 (was 1)',
        'put /a=3 @5 (was 2)',
      ]);
      expect(await mustCommit(second, put('/c', '1', absent))).to.equal(6);
    });

    it('does not give a revision again after the newest write was a delete, forgotten, and a restart', async () => {
      const first = await open();
      await mustCommit(first, put('/a', '1'));
      await mustCommit(first, remove('/a'));
      await first.compact(2);
      await first.close();
      expect(await mustCommit(await open(), put('/b', '1'))).to.equal(3);
    });

    it('treats the past of a prefix as gone when the prefix is not transient any more', async () => {
      const clock = new FakeClock();
      const first = await open({ clock, retention: { transientPrefixes: ['/lease/'] } });
      await mustCommit(first, put('/lease/a', '1'));
      await mustCommit(first, put('/lease/a', '2'));
      clock.advance(10 * 60_000);
      await mustCommit(first, put('/lease/a', '3'));
      let isForgotten = false;
      for (let round = 0; !isForgotten && round < 500; round++) {
        if (round % 50 === 0) clock.advance(60_000);
        isForgotten = await first.get('/lease/a', { revision: 1 }).then(
          () => false,
          () => true,
        );
      }
      expect(isForgotten).to.equal(true);
      expect(first.compactedRevision()).to.equal(0);
      await first.close();
      const second = await open({ clock });
      expect(second.compactedRevision()).to.be.at.least(2);
      expect(await rejection(second.get('/lease/a', { revision: 1 }))).to.include({ reason: 'Compacted' });
    });

    it('keeps the cluster id, in the database and in the marker, in files that only their owner reads', async () => {
      const first = await open({ random: seededRandom(1) });
      const { clusterId } = first;
      expect(clusterId).to.match(/^[0-9a-f-]{36}$/);
      await first.close();
      const second = await open({ random: seededRandom(2) });
      expect(second.clusterId).to.equal(clusterId);
      await second.close();
      expect(readFileSync(join(directory, 'cluster-id'), 'utf8').trim()).to.equal(clusterId);
      expect(statSync(databasePath).mode & 0o077, 'readable by others').to.equal(0);
    });

    it('writes the marker anew when a start was cut off before it', async () => {
      const first = await open();
      await mustCommit(first, put('/a', '1'));
      await first.close();
      rmSync(join(directory, 'cluster-id'));
      const second = await open();
      expect((await second.get('/a'))?.modRevision).to.equal(1);
      expect(readFileSync(join(directory, 'cluster-id'), 'utf8').trim()).to.equal(first.clusterId);
    });
  });

  describe('ownership', () => {
    it('refuses a second opening, and says which process has it', async () => {
      await open();
      const error = await rejection(open());
      expect(error).to.include({ name: 'StoreError', reason: 'Locked' });
      expect(error.message).to.contain(directory).and.contain(`process ${process.pid}`);
    });

    it('refuses while another process has it, and not after that one was killed', async () => {
      const child = fork(new URL('./crash-writer.ts', import.meta.url), [directory, '1'], { silent: true });
      try {
        // Its first line says that it has the store.
        await once(child.stdout ?? child, 'data');
        const error = await rejection(open());
        expect(error).to.include({ reason: 'Locked' });
        expect(error.message).to.contain(`process ${child.pid}`);
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      const store = await open();
      expect((await store.range('/')).items).to.be.an('array');
    });

    it('says which directory is not usable', async () => {
      writeFileSync(join(directory, 'file'), '');
      const error = await rejection(openStore(`sqlite:${join(directory, 'file')}`, { clock: systemClock }));
      expect(error).to.include({ reason: 'Unavailable' });
      expect(error.message).to.contain(join(directory, 'file'));
    });
  });

  describe('damage', function () {
    // Some start and kill two processes.
    this.timeout(60_000);
    const refusal = async (): Promise<string> => {
      const error = await rejection(open());
      expect(error).to.include({ name: 'StoreError', reason: 'Corrupt' });
      expect(error.message).to.contain(databasePath);
      return error.message;
    };

    for (const [what, damage] of [
      ['missing', () => rmSync(databasePath)],
      ['empty', () => truncateSync(databasePath)],
    ] as const) {
      it(`refuses a database that is ${what} where a cluster was, and says how to go on`, async () => {
        await fill(3);
        damage();
        const message = await refusal();
        expect(message).to.contain(what).and.contain(join(directory, 'cluster-id')).and.contain('backup');
        expect(existsSync(databasePath) && statSync(databasePath).size > 0, 'made anew').to.equal(false);
      });
    }

    it('refuses a file cut in half', async () => {
      await fill(50);
      truncateSync(databasePath, Math.floor(statSync(databasePath).size / 2));
      expect(await refusal()).to.contain('its header wants');
    });

    it('refuses a file of garbage', async () => {
      await fill(3);
      writeFileSync(databasePath, Buffer.alloc(8192, 'garbage'));
      expect(await refusal()).to.contain('does not begin as a database does');
    });

    it('refuses a file with garbage in its middle', async () => {
      await fill(50);
      const whole = readFileSync(databasePath);
      whole.fill(0xa5, 4096, whole.length - 4096);
      writeFileSync(databasePath, whole);
      await refusal();
    });

    it('refuses a file that lost its last rows', async () => {
      await fill(5);
      tamper('DELETE FROM log WHERE revision > 3');
      expect(await refusal()).to.match(/newest row is of revision 3, but it speaks of 5/);
    });

    it('refuses the database of another cluster', async () => {
      await fill(3);
      const other = newDirectory();
      await (await openStore(`sqlite:${other}`, { clock: systemClock, random: seededRandom(9) })).close();
      copyFileSync(join(other, 'store.db'), databasePath);
      expect(await refusal()).to.contain('cluster-id');
    });

    it('refuses a database that is none of ours', async () => {
      mkdirSync(directory, { recursive: true });
      tamper('CREATE TABLE recipes (name TEXT)');
      expect(await refusal()).to.contain('not a Gantry store');
    });

    it('refuses a newer format', async () => {
      await fill(1);
      tamper('PRAGMA user_version = 3');
      expect(await refusal()).to.contain('store format 3, this release reads up to 2');
    });

    const changeValue = (revision: number): void =>
      tamper(
        `UPDATE log SET record = CAST(substr(record, 1, length(record) - 1) || 'y' AS BLOB) WHERE revision = ${revision}`,
      );

    it('names key and revision of a value that was changed behind its back, and reads the others', async () => {
      await fill(3);
      changeValue(2);
      const store = await open();
      const error = await rejection(store.get('/k/1'));
      expect(error).to.include({ reason: 'Corrupt' });
      expect(error.message).to.contain('"/k/1" at revision 2').and.contain('checksum');
      expect(await rejection(store.range('/'))).to.include({ reason: 'Corrupt' });
      expect(await new Watcher(store, ['/'], 0).ended).to.include({ reason: 'Corrupt' });
      expect((await store.get('/k/0'))?.modRevision).to.equal(1);
      expect(await rejection(store.commit([put('/k/1', 'x', absent)]))).to.include({ reason: 'Corrupt' });

      const watcher = new Watcher(store, ['/'], 3);
      const neighbour = new Watcher(store, ['/k/0'], 3);
      await watcher.reached(await mustCommit(store, put('/k/0', 'y')));
      await mustCommit(store, put('/k/1', 'new'));
      expect(await watcher.ended, 'the value before cannot be told').to.include({ reason: 'Corrupt' });
      expect(text((await store.get('/k/1'))?.value)).to.equal('new');

      // Who reads the present goes on from there; who watches other keys never noticed.
      const present = await store.range('/');
      const again = new Watcher(store, ['/'], present.revision);
      const next = await mustCommit(store, put('/k/1', 'newer'), put('/k/0', 'z'));
      await again.reached(next);
      await neighbour.reached(next);
      for (const one of [again, neighbour]) await one.stop();
      expect(again.events.map(describeEvent)).to.deep.equal([
        'put /k/1=newer @6 (was new)',
        'put /k/0=z @7 (was y)',
      ]);
    });

    it('forgets the past although a value of it is damaged', async () => {
      const clock = new FakeClock();
      const first = await open({ clock, retention: { everyMs: 0 } });
      for (let n = 0; n < 9; n++) await mustCommit(first, put('/a', `${n}`), put('/b', `${n}`));
      await first.close();
      for (const revision of [1, 4, 5, 9, 10]) changeValue(revision);
      clock.advance(3_600_000);
      const store = await open({ clock, retention: { historyMs: 60_000, everyMs: 1000 } });
      await mustCommit(store, put('/a', 'new'));
      clock.advance(1000);
      for (let n = 0; n < 500 && store.compactedRevision() < 18; n++) await store.size();
      expect(store.compactedRevision()).to.equal(18);
    });

    for (const [what, sql, key] of [
      ['of present keys', 'UPDATE keys SET revision = 1 WHERE key = ?', '/k/2'],
      ['of present keys (a row that is not there)', 'UPDATE keys SET revision = 77 WHERE key = ?', '/k/2'],
    ] as const) {
      it(`never gives the value of another key where the index ${what} is wrong`, async () => {
        await fill(3);
        tamper(sql.replace('?', `'${key}'`));
        // A revision that is not there is noticed at once, a wrong one when it is used.
        const store = await open().catch((error: unknown) => {
          expect(error).to.include({ reason: 'Corrupt' });
          return undefined;
        });
        if (store === undefined) return;
        for (const read of [store.get(key), store.range('/')]) {
          const error = await rejection(read);
          expect(error).to.include({ reason: 'Corrupt' });
          expect(error.message).to.contain(key).and.contain(databasePath);
        }
      });
    }

    /** A store of `count` values whose process was killed, so that its newest writes are in its log alone. */
    const killed = async (where: string, round = '1'): Promise<void> => {
      const child = fork(new URL('./crash-writer.ts', import.meta.url), [where, round], { silent: true });
      let lines = '';
      child.stdout?.on('data', (chunk) => {
        lines += String(chunk);
      });
      while (lines.split('\n').length < 50) await once(child.stdout ?? child, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
    const log = (where = directory): string => join(where, 'store.db-wal');
    const snapshot = (): string =>
      readdirSync(directory)
        .filter((name) => name.startsWith('store.db') && !name.endsWith('-shm'))
        .map(
          (name) =>
            `${name} ${createHash('sha256')
              .update(readFileSync(join(directory, name)))
              .digest('hex')}`,
        )
        .join('\n');

    for (const [what, damage, wanted] of [
      ['is missing', () => rmSync(log()), 'store.db-wal, which is missing'],
      ['is empty', () => truncateSync(log()), 'store.db-wal, which is empty'],
      [
        'begins with zeros',
        () => {
          const bytes = readFileSync(log());
          writeFileSync(log(), bytes.fill(0, 0, 32));
        },
        'whose beginning is damaged',
      ],
      [
        'is of another store',
        async () => {
          const other = newDirectory();
          await killed(other, '2');
          copyFileSync(log(other), log());
        },
        'do not belong together',
      ],
      [
        'lies beside an older copy of the database',
        async () => {
          const copy = newDirectory();
          copyFileSync(databasePath, join(copy, 'store.db'));
          copyFileSync(join(directory, 'cluster-id'), join(copy, 'cluster-id'));
          await (await open()).close();
          await killed(directory, '2');
          copyFileSync(join(copy, 'store.db'), databasePath);
        },
        'do not belong together',
      ],
    ] as const) {
      it(`refuses a store that was killed whose log ${what}, says how to go on, and leaves the files alone`, async () => {
        await killed(directory);
        await damage();
        const before = snapshot();
        for (const attempt of ['first', 'second']) {
          expect(await refusal(), attempt)
            .to.contain(wanted)
            .and.contain(join(directory, 'store.open'));
        }
        expect(snapshot()).to.equal(before);
      });
    }

    it('refuses a closed store beside which there is a log, and leaves the files alone', async () => {
      await fill(3);
      const other = newDirectory();
      await killed(other);
      copyFileSync(log(other), log());
      const before = snapshot();
      expect(await refusal())
        .to.contain('is of another store')
        .and.contain(log());
      expect(snapshot()).to.equal(before);
      rmSync(log());
      expect((await open()).revision()).to.equal(3);
    });

    it('opens what the database has when the missing log is given up', async () => {
      await fill(3);
      await killed(directory);
      rmSync(log());
      rmSync(join(directory, 'store.open'));
      expect((await open()).revision()).to.be.at.least(3);
    });

    it('opens a store that was killed, whose index of the log is lost', async () => {
      await killed(directory);
      rmSync(join(directory, 'store.db-shm'));
      expect((await open()).revision()).to.be.at.least(50);
    });
  });

  describe('a full disk', () => {
    it('fails writes with ReadOnly, reads on, and writes again when there is room', async () => {
      const log = await openSqliteLog({ directory, newClusterId: 'test', synchronous: 'FULL', maxPages: 60 });
      const store = await openMvccStore(log, { clock: new FakeClock() });
      opened.push(store);
      const watcher = new Watcher(store, ['/'], 0);
      const fillUp = async (): Promise<never> => {
        for (let n = 0; n < 1000; n++) await mustCommit(store, put('/a', `${n}:${'x'.repeat(2000)}`));
        throw new Error('60 pages took 1000 values of 2 KB');
      };
      const failure = await rejection(fillUp());
      const acknowledged = store.revision();
      expect(failure).to.include({ name: 'StoreError', reason: 'ReadOnly' });
      expect(failure.message).to.contain(databasePath).and.contain('room');
      expect(acknowledged, 'writes before the disk was full').to.be.greaterThan(10);
      expect((await store.get('/a'))?.modRevision).to.equal(acknowledged);
      expect((await store.range('/')).items).to.have.length(1);

      await store.compact(acknowledged);
      const next = await mustCommit(store, put('/a', 'there is room'));
      expect(next).to.equal(acknowledged + 1);
      await watcher.reached(next);
      await watcher.stop();
      expect(watcher.events.map(({ revision }) => revision)).to.deep.equal(
        Array.from({ length: next }, (_, n) => n + 1),
      );
    });
  });

  describe('a thread that dies', () => {
    it('fails what it had not answered, and everything later, and says so', async () => {
      // Opens, tells its head (an empty log), and ends at the first commit.
      const script = `
        const { parentPort } = require('node:worker_threads');
        parentPort.postMessage({ id: 0, ok: true });
        parentPort.on('message', ({ id, name }) => {
          if (name === 'append') process.exit(3);
          const head = { revision: 0, floor: 0, transientFloor: 0, transientPrefixes: [] };
          const answer = name === 'head' ? head : [];
          parentPort.postMessage({ id, ok: true, answer });
        });`;
      const options = { directory, newClusterId: 'test', synchronous: 'FULL' as const };
      const lost: Error[] = [];
      const log = await openSqliteLog(options, {
        start: () => new Worker(script, { eval: true }),
        onLost: (error) => void lost.push(error),
      });
      const store = await openMvccStore(log, { clock: new FakeClock() });
      const watcher = new Watcher(store, ['/'], 0);
      const commits = ['/a', '/b'].map((key) => rejection(store.commit([put(key, '1')])));
      for (const error of await Promise.all(commits)) {
        expect(error).to.include({ name: 'StoreError', reason: 'Unavailable' });
        expect(error.message).to.contain(directory).and.contain('code 3');
      }
      expect(await watcher.ended).to.include({ reason: 'Unavailable' });
      expect(lost.map(({ message }) => message)).to.have.length(1);
      expect(lost[0]?.message).to.contain(directory).and.contain('start again');
      expect(await rejection(store.get('/a'))).to.include({ reason: 'Unavailable' });
      expect(await rejection(store.commit([put('/a', '1')]))).to.include({ reason: 'Unavailable' });
      await store.close();
    });

    it('is not reported when the store is closed, or when it could not be opened', async () => {
      const lost: Error[] = [];
      const onLost = (error: Error): void => void lost.push(error);
      const store = await open({ onLost });
      await rejection(open({ onLost }));
      await store.close();
      expect(lost).to.deep.equal([]);
    });
  });

  describe('metrics', () => {
    it('tell of commits, revision, size and watchers', async () => {
      const metrics = newMetrics();
      const store = await open({ metrics });
      const watcher = new Watcher(store, ['/'], 0);
      await Promise.all(Array.from({ length: 10 }, (_, n) => store.commit([put(`/k${n}`, '1')])));
      await watcher.reached(10);
      const lines = (await metrics.metrics()).split('\n');
      expect(lines).to.include.members([
        'gantry_store_revision 10',
        'gantry_store_keys 10',
        'gantry_store_watchers 1',
        'gantry_store_compacted_revision 0',
        'gantry_store_commit_duration_seconds_count 10',
        'gantry_store_commit_batch_size_sum 10',
      ]);
      expect(lines.find((line) => line.startsWith('gantry_store_size_bytes '))).to.match(/ [1-9]\d{4,}$/);
      await watcher.stop();
      await store.close();
      expect(await metrics.metrics(), 'a scrape after the end').to.contain('gantry_store_revision 10');
    });
  });
});
