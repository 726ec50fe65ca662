/**
 * Memory under fuzzing: when all that was made is deleted again, what the process holds does not grow from round to
 * round. In a process of its own, with the garbage collected before each look.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const IS_LONG = process.env['GANTRY_TEST_LONG'] === '1';
const SEED = Number(process.env['GANTRY_FUZZ_SEED'] ?? '1');
const ROUNDS = IS_LONG ? 60 : 9;
const REQUESTS = IS_LONG ? 1_000 : 250;
/** Code is compiled and caches are filled meanwhile. */
const WARM_ROUNDS = 3;
const LOOKED_AT = 3;
/** Of the mean of the last rounds over that of the first ones after the warm-up. A lost object a request is far more. */
const MAX_GROWTH_BYTES = IS_LONG ? 10e6 : 4e6;
const MS_PER_ROUND = 20_000;

interface Look {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}

describe('memory under requests at random', () => {
  it(`is flat over ${ROUNDS} rounds (GANTRY_FUZZ_SEED=${SEED})`, async function () {
    this.timeout(ROUNDS * MS_PER_ROUND);
    const child = join(import.meta.dirname, 'memorychild.ts');
    const options = { timeout: ROUNDS * MS_PER_ROUND };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--expose-gc', child, String(SEED), String(ROUNDS), String(REQUESTS)],
      options,
    );
    const held = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Look)
      .map(({ heapUsed, arrayBuffers }) => heapUsed + arrayBuffers);
    expect(held).to.have.length(ROUNDS);
    const mean = (looks: readonly number[]): number =>
      looks.reduce((sum, look) => sum + look, 0) / looks.length;
    const before = mean(held.slice(WARM_ROUNDS, WARM_ROUNDS + LOOKED_AT));
    const after = mean(held.slice(-LOOKED_AT));
    expect(after - before, `bytes held after each round: ${held.join(', ')}`).to.be.lessThan(
      MAX_GROWTH_BYTES,
    );
  });
});
