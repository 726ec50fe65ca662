/**
 * Histories of the embedded engines: the memory store as it is, and SQLite in a process that is killed with -9 again
 * and again while clients run, on the same directory.
 */
import { sleep, systemClock } from '../../machinery/clock.ts';
import { seededRandom } from '../../machinery/random.ts';
import { openStore } from '../../store/open.ts';
import { newDirectory, removeDirectories } from '../store/builders.ts';
import { Recorder } from './history.ts';
import { HostedStore } from './hostedstore.ts';
import { mustHold } from './judge.ts';
import { paceOf, replayOf, seeds } from './seeds.ts';
import { StoreRegister, StoreWatch } from './storeregister.ts';
import { readAll, runClients, withClients } from './workload.ts';

const FILE = 'test/linear/engines.test.ts';
const KEYS = ['/linear/a', '/linear/b', '/linear/c', '/linear/d'];
const KILLS = 8;
/** A process lives for this many operations at most, and then a moment of chance, milliseconds. */
const LONGEST_LIFE = 150;
const MOMENT_MS = 10;
const WATCH_MS = 20_000;

describe('linearizable: the memory store', function () {
  this.timeout(60_000);

  for (const seed of seeds(3, 50)) {
    it(`seed ${seed}`, async () => {
      const store = await openStore('memory:', { clock: systemClock });
      const recorder = new Recorder();
      const register = new StoreRegister(store);
      const options = { recorder, keys: KEYS, clock: systemClock };
      const watch = new StoreWatch(
        'w',
        (from) => store.watch(['/linear/'], from),
        0,
        () => Promise.reject(new Error('nothing here cuts a watch')),
      );
      await runClients({
        ...options,
        seed,
        clients: 8,
        blindly: { kind: 'none' },
        register: () => register,
        operations: 400,
        pauseMs: 1,
      });
      await readAll(options, [register]);
      const log = await watch.finish(store.revision(), AbortSignal.timeout(WATCH_MS));
      await store.close();
      mustHold(recorder, [log], `memory store, seed ${seed}`, replayOf(FILE, seed));
    });
  }
});

describe('linearizable: SQLite, killed and opened again', function () {
  this.timeout(120_000);
  after(removeDirectories);

  for (const seed of seeds(1, 25)) {
    it(`${KILLS} kills, seed ${seed}`, async () => {
      const store = new HostedStore(`sqlite:${newDirectory()}`);
      await store.start();
      const recorder = new Recorder();
      const register = new StoreRegister(store);
      const random = seededRandom(seed);
      const options = { recorder, keys: KEYS, clock: systemClock };
      const watches = ['w0', 'w1'].map(
        (name) =>
          new StoreWatch(
            name,
            (from) => store.watch('/linear/', from),
            0,
            async () => undefined,
          ),
      );
      await withClients(
        {
          ...options,
          seed,
          clients: 8,
          blindly: { kind: 'none' },
          register: () => register,
          pauseMs: paceOf(seed, 6),
        },
        async () => {
          for (let kill = 0; kill < KILLS; kill++) {
            await recorder.more(Math.ceil(random.next() * LONGEST_LIFE));
            await sleep(systemClock, random.next() * MOMENT_MS);
            await store.kill();
            await store.start();
          }
        },
      );
      await readAll(options, [register]);
      const last = await store.latestRevision();
      const logs = await Promise.all(
        watches.map((watch) => watch.finish(last, AbortSignal.timeout(WATCH_MS))),
      );
      await store.kill();
      mustHold(recorder, logs, `SQLite, seed ${seed}`, replayOf(FILE, seed));
    });
  }
});
