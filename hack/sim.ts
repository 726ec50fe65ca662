/** Replays one simulation: `node hack/sim.ts --seed N [--plant NAME] [--quiet]`. Exits 1 when something was broken. */
import { parseArgs } from 'node:util';
import { plants } from '../test/sim/plants.ts';
import { simulate } from '../test/sim/simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    /** A fault planted on purpose, to see that it is found. */
    plant: { type: 'string' },
    quiet: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
if (!Number.isSafeInteger(seed)) {
  console.error(`--seed is "${values.seed}", wanted an integer such as 17`);
  process.exit(2);
}
const plant = plants.find(({ name }) => name === values.plant);
if (values.plant !== undefined && plant === undefined) {
  console.error(`--plant is "${values.plant}", wanted one of ${plants.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const startMs = performance.now();
const result = await simulate({
  seed,
  ...(plant === undefined ? {} : { plant }),
  ...(values.quiet ? {} : { onTrace: (line: string) => console.log(line) }),
});
const tookMs = Math.round(performance.now() - startMs);
console.log(`seed ${seed}: ${result.virtualMs / 1000} s lived in ${tookMs} ms`);
console.log(result.violation === undefined ? 'everything held' : `BROKEN: ${result.violation}`);
process.exit(result.violation === undefined ? 0 : 1);
