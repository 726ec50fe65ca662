/**
 * Replays one simulation, `node hack/sim.ts --seed N [--plant NAME] [--control-planes N] [--workloads] [--quiet]`, or lives through many and shows only
 * the first that broke, `--seed N --last M`. Exits 1 when something was broken.
 */
import { parseArgs } from 'node:util';
import { plants, workloadPlants } from '../test/sim/plants.ts';
import { simulate } from '../test/sim/simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    last: { type: 'string' },
    /** A fault planted on purpose, to see that it is found. */
    plant: { type: 'string' },
    /** Several stand for election. */
    'control-planes': { type: 'string', default: '1' },
    /** TaskSets, Jobs and Runs in place of single Tasks. */
    workloads: { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
  },
});
const first = integer('seed', values.seed);
const last = integer('last', values.last ?? values.seed);
const all = [...plants, ...workloadPlants];
const plant = all.find(({ name }) => name === values.plant);
if (values.plant !== undefined && plant === undefined) {
  console.error(`--plant is "${values.plant}", wanted one of ${all.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const controlPlanes = integer('control-planes', values['control-planes']);
const isTold = first === last && !values.quiet;
for (let seed = first; seed <= last; seed++) {
  const startMs = performance.now();
  const { virtualMs, violation, trace } = await simulate({
    seed,
    controlPlanes,
    work: values.workloads ? 'workloads' : 'tasks',
    ...(plant === undefined ? {} : { plant }),
    ...(isTold ? { onTrace: (line: string) => console.log(line) } : {}),
  });
  if (violation === undefined && seed < last) continue;
  const tookMs = Math.round(performance.now() - startMs);
  console.log(`seed ${seed}: ${virtualMs / 1000} s lived in ${tookMs} ms`);
  console.log(violation === undefined ? 'everything held' : `BROKEN: ${violation}`);
  if (violation === undefined) continue;
  if (first !== last)
    console.log(
      `${trace.slice(-40).join('\n')}\nreplay it with: node hack/sim.ts --seed ${seed} --control-planes ${controlPlanes}${values.workloads ? ' --workloads' : ''}`,
    );
  process.exit(1);
}
// Simulated processes that were killed leave calls that never end: nothing to wait for.
process.exit(0);

function integer(flag: string, text: string): number {
  const found = Number(text);
  if (Number.isSafeInteger(found)) return found;
  console.error(`--${flag} is "${text}", wanted an integer such as 17`);
  process.exit(2);
}
