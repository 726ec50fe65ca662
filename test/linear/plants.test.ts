/**
 * That the checks can fail: each fault planted into a real store must be found, by the judge that is there for it, in
 * the history that the same clients record against a store without it and that holds.
 */
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { type History, Recorder } from './history.ts';
import { judge } from './judge.ts';
import { plants } from './plants.ts';
import { StoreRegister, StoreWatch } from './storeregister.ts';
import { readAll, runClients } from './workload.ts';

const KEYS = ['/linear/a', '/linear/b', '/linear/c'];

/** Some clients and a watch on a memory store behind the fault. */
async function record(seed: number, plant: (store: Store, seed: number) => Store): Promise<History> {
  const real = await openStore('memory:', { clock: systemClock });
  const store = plant(real, seed);
  const recorder = new Recorder();
  const register = new StoreRegister(store);
  const options = { recorder, keys: KEYS, clock: systemClock };
  const watch = new StoreWatch(
    'w',
    (from) => store.watch(['/linear/'], from),
    0,
    () => Promise.reject(new Error('nothing here cuts a watch')),
  );
  try {
    await runClients({
      ...options,
      seed,
      clients: 6,
      blindly: { kind: 'none' },
      register: () => register,
      operations: 150,
      pauseMs: 1,
    });
    await readAll(options, [register]);
    const log = await watch.finish(real.revision(), AbortSignal.timeout(10_000));
    return { operations: recorder.operations, watches: [log] };
  } finally {
    await real.close();
  }
}

describe('a planted fault is found', function () {
  this.timeout(30_000);

  it('not where there is none', async () => {
    for (const seed of [1, 2]) {
      const found = judge(await record(seed, (store) => store));
      expect(found).to.deep.equal({ impossible: [], undecided: [], laws: [] });
    }
  });

  for (const { name, foundBy, plant } of plants) {
    it(`${name}: found by the ${foundBy}`, async () => {
      for (const seed of [1, 2]) {
        const { impossible, undecided, laws } = judge(await record(seed, plant));
        expect(undecided).to.deep.equal([]);
        expect(foundBy === 'order' ? impossible : laws, `seed ${seed}`).to.not.deep.equal([]);
        if (foundBy === 'laws') expect(impossible, 'registers are as they should be').to.deep.equal([]);
      }
    });
  }
});
