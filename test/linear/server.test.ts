/** Histories through the HTTP API: one server on SQLite, killed with -9 and started again while clients run. */
import { sleep, systemClock } from '../../machinery/clock.ts';
import { seededRandom } from '../../machinery/random.ts';
import { newDirectory, removeDirectories } from '../store/builders.ts';
import { ApiRegister, ApiWatch, writeMarker } from './apiregister.ts';
import { Recorder } from './history.ts';
import { mustHold } from './judge.ts';
import { paceOf, replayOf, seeds } from './seeds.ts';
import { GantryServer } from './server.ts';
import { readAll, withClients } from './workload.ts';

const KEYS = ['register-a', 'register-b', 'register-c'];
const KILLS = 3;
/** A server lives for this many operations at least and at most, and then a moment of chance, milliseconds. */
const SHORTEST_LIFE = 50;
const LONGEST_LIFE = 250;
const MOMENT_MS = 20;
const WATCH_MS = 30_000;

describe('linearizable: the API of a server on SQLite, killed and started again', function () {
  this.timeout(180_000);
  after(removeDirectories);

  for (const seed of seeds(1, 20)) {
    it(`${KILLS} kills, seed ${seed}`, async () => {
      const server = await GantryServer.open(newDirectory());
      const recorder = new Recorder();
      const register = new ApiRegister(server.client);
      const random = seededRandom(seed);
      const options = { recorder, keys: KEYS, clock: systemClock };
      try {
        const watch = await ApiWatch.open({ ...options, name: 'w', client: () => server.client });
        await withClients(
          {
            ...options,
            seed,
            clients: 6,
            blindly: { kind: 'present' },
            register: () => register,
            pauseMs: paceOf(seed, 15),
            afterFailureMs: 400,
          },
          async () => {
            for (let kill = 0; kill < KILLS; kill++) {
              await recorder.more(SHORTEST_LIFE + Math.ceil(random.next() * (LONGEST_LIFE - SHORTEST_LIFE)));
              await sleep(systemClock, random.next() * MOMENT_MS);
              await server.kill();
              await server.start();
            }
          },
        );
        await readAll(options, [register]);
        const last = await writeMarker(server.client, systemClock);
        const log = await watch.finish(last, AbortSignal.timeout(WATCH_MS));
        const what = `API on SQLite, seed ${seed}`;
        mustHold(recorder, [log], what, replayOf('test/linear/server.test.ts', seed));
      } finally {
        await server.dispose();
      }
    });
  }
});
