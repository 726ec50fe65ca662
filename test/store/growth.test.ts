/** Forgetting beside writing: in slices that hold up no commit, and in a file that keeps its size however long it runs. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import type { Log, LogTrim } from '../../store/log.ts';
import { openMvccStore } from '../../store/mvcc.ts';
import { openStore } from '../../store/open.ts';
import { openSqliteLog } from '../../store/sqlite/sqlite.ts';
import type { Store } from '../../store/store.ts';
import { mustCommit, newDirectory, put, removeDirectories } from './builders.ts';

const LONG = process.env['GANTRY_TEST_LONG'] === '1';
const ROWS = 100_000;
/** Of one commit beside the forgetting, on a machine that does other things too; a slice takes a hundredth of it. */
const WORST_COMMIT_MS = LONG ? 500 : 5000;
const HOURS = LONG ? 24 : 6;

/** Writes beside each other, in as few flushes as the store makes of them. */
async function write(
  store: Store,
  count: number,
  keyOf: (n: number) => string,
  bytes: number,
): Promise<void> {
  for (let first = 0; first < count; first += 5000) {
    const commits: Promise<unknown>[] = [];
    for (let n = first; n < Math.min(count, first + 5000); n += 50) {
      const writes = Array.from({ length: Math.min(50, count - n) }, (_, at) =>
        put(keyOf(n + at), 'x'.repeat(bytes)),
      );
      commits.push(mustCommit(store, ...writes));
    }
    await Promise.all(commits);
  }
}

describe('sqlite store over time', function () {
  this.timeout(LONG ? 900_000 : 180_000);
  after(removeDirectories);

  it(`forgets ${ROWS} values in slices, and no commit waits for long beside it`, async () => {
    const log = await openSqliteLog({ directory: newDirectory(), newClusterId: 'test', synchronous: 'FULL' });
    const slices: LogTrim[] = [];
    const counting: Log = {
      head: () => log.head(),
      append: (commits) => log.append(commits),
      read: (key, revision) => log.read(key, revision),
      versions: (...query) => log.versions(...query),
      range: (query) => log.range(query),
      changes: (...query) => log.changes(...query),
      trim(request) {
        slices.push(request);
        return log.trim(request);
      },
      size: () => log.size(),
      keyIds: () => log.keyIds(),
      close: () => log.close(),
    };
    const store = await openMvccStore(counting, { clock: new FakeClock(), retention: { everyMs: 0 } });
    try {
      await write(store, ROWS, (n) => `/k/${n % 1000}`, 100);
      const state = { isDone: false };
      const forgetting = store.compact(store.revision()).finally(() => {
        state.isDone = true;
      });
      const tookMs: number[] = [];
      while (!state.isDone) {
        const startMs = performance.now();
        await mustCommit(store, put('/beside', `${tookMs.length}`));
        tookMs.push(performance.now() - startMs);
      }
      await forgetting;
      const worstMs = Math.max(...tookMs);
      process.stdout.write(
        `      ${slices.length} slices, ${tookMs.length} commits beside them, the slowest ${worstMs.toFixed(1)} ms\n`,
      );
      expect(Math.max(...slices.map(({ maxRows }) => maxRows)), 'rows in a slice').to.be.at.most(1000);
      expect(slices.length).to.be.at.least(ROWS / 1000);
      expect(tookMs.length, 'commits beside the forgetting').to.be.at.least(50);
      expect(worstMs).to.be.lessThan(WORST_COMMIT_MS);
      expect((await log.changes(0, ['/k/'], 100_000)).changes, 'values left').to.have.length(1000);
    } finally {
      await store.close();
    }
  });

  it(`keeps its file at one size through ${HOURS} hours of writing, deleting and forgetting`, async () => {
    const clock = new FakeClock();
    const directory = newDirectory();
    const retention = { historyMs: 3_600_000, everyMs: 60_000 };
    const store = await openStore(`sqlite:${directory}`, { clock, retention });
    const sizes: number[] = [];
    try {
      for (let minute = 1; minute <= HOURS * 60; minute++) {
        await write(store, 50, (n) => `/k/${(minute * 31 + n) % 400}`, 500 + ((minute * 37) % 3000));
        await store.commit([{ kind: 'delete', key: `/k/${minute % 400}`, precondition: { kind: 'none' } }]);
        const kept = store.compactedRevision();
        clock.advance(60_000);
        // After the first hour every minute has something to forget; it is waited for, as an hour of real time would.
        for (let turns = 0; minute > 70 && turns < 2000; turns++) {
          if (store.compactedRevision() > kept) break;
          await store.size();
        }
        if (minute % 60 === 0) sizes.push((await store.size()).bytes);
      }
      await store.compact(store.compactedRevision());
    } finally {
      await store.close();
    }
    const [, , settled = 0, ...later] = sizes;
    const fileBytes = statSync(join(directory, 'store.db')).size;
    process.stdout.write(
      `      after each hour ${sizes.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(', ')} MiB; closed ${(fileBytes / 2 ** 20).toFixed(1)} MiB\n`,
    );
    for (const bytes of later) expect(bytes, 'bytes after an hour more').to.be.at.most(settled * 1.1);
    expect(fileBytes).to.be.at.most(settled * 1.1);
  });
});
