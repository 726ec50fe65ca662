/**
 * Whole clusters lived through: 50 seeds, 2,000 with GANTRY_TEST_LONG=1. And the proof that it can fail: faults
 * planted on purpose, each of which some seed must find.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Plant } from './cluster.ts';
import { plants, workloadPlants } from './plants.ts';
import { type SimulationResult, simulate } from './simulation.ts';

const SIM = join(import.meta.dirname, '..', '..', 'hack', 'sim.ts');
const SEEDS = 50;
const SEEDS_IN_ONE = 10;
const ELECTED_SEEDS = process.env['GANTRY_TEST_LONG'] === '1' ? 500 : 20;
/** Half of them with two control planes. */
const WORKLOAD_SEEDS = process.env['GANTRY_TEST_LONG'] === '1' ? 2_000 : 50;
const LONG_SEEDS = process.env['GANTRY_TEST_LONG'] === '1' ? 2_000 : 0;
/** What a killed process of a simulation leaves behind is never collected: so many share one process. */
const LONG_SEEDS_IN_ONE = 150;
/** A fault that this many seeds do not find would be found too late. */
const SEEDS_FOR_A_PLANT = 20;
const SECONDS_PER_SEED = 20;

describe('Simulation', () => {
  for (let first = 1; first <= SEEDS; first += SEEDS_IN_ONE) {
    const last = Math.min(SEEDS, first + SEEDS_IN_ONE - 1);
    it(`holds what it promises for seeds ${first} to ${last}`, async function () {
      this.timeout(SEEDS_IN_ONE * SECONDS_PER_SEED * 1000);
      for (let seed = first; seed <= last; seed++) expectHeld(await simulate({ seed }));
    });
  }

  for (let first = 1; first <= ELECTED_SEEDS; first += SEEDS_IN_ONE) {
    const last = Math.min(ELECTED_SEEDS, first + SEEDS_IN_ONE - 1);
    it(`holds it with two control planes that die, sleep and disagree on the time, for seeds ${first} to ${last}`, async function () {
      this.timeout(SEEDS_IN_ONE * SECONDS_PER_SEED * 1000);
      for (let seed = first; seed <= last; seed++) {
        expectHeld(await simulate({ seed, controlPlanes: 2 }), ' --control-planes 2');
      }
    });
  }

  for (let first = 1; first <= WORKLOAD_SEEDS; first += SEEDS_IN_ONE) {
    const last = Math.min(WORKLOAD_SEEDS, first + SEEDS_IN_ONE - 1);
    it(`holds what TaskSets, Jobs and Runs promise for seeds ${first} to ${last}, every other one with two control planes`, async function () {
      this.timeout(SEEDS_IN_ONE * SECONDS_PER_SEED * 1000);
      for (let seed = first; seed <= last; seed++) {
        const controlPlanes = 2 - (seed % 2);
        const flags = ` --workloads --control-planes ${controlPlanes}`;
        expectHeld(await simulate({ seed, controlPlanes, work: 'workloads' }), flags);
      }
    });
  }

  for (let first = SEEDS + 1; first <= LONG_SEEDS; first += LONG_SEEDS_IN_ONE) {
    const last = Math.min(LONG_SEEDS, first + LONG_SEEDS_IN_ONE - 1);
    it(`holds what it promises for seeds ${first} to ${last}`, async function () {
      this.timeout(LONG_SEEDS_IN_ONE * SECONDS_PER_SEED * 1000);
      const words = [SIM, '--seed', String(first), '--last', String(last)];
      const failed = await promisify(execFile)(process.execPath, words).catch(
        (error: Error & { stdout?: string }) => error.stdout ?? error.message,
      );
      if (typeof failed === 'string') expect.fail(failed);
    });
  }

  it('is the same every time for the same seed', async function () {
    this.timeout(2 * SECONDS_PER_SEED * 1000);
    const [once, again] = [await simulate({ seed: 3 }), await simulate({ seed: 3 })];
    expect(again.trace).to.deep.equal(once.trace);
    expect(once.trace.length).to.be.greaterThan(100);
  });

  for (const plant of plants) findsPlanted(plant, 'tasks');
  for (const plant of workloadPlants) findsPlanted(plant, 'workloads');
});

function findsPlanted(plant: Plant, work: 'tasks' | 'workloads'): void {
  it(`finds a planted fault: ${plant.name}`, async function () {
    this.timeout(SEEDS_FOR_A_PLANT * SECONDS_PER_SEED * 1000);
    for (let seed = 1; seed <= SEEDS_FOR_A_PLANT; seed++) {
      const { violation } = await simulate({ seed, plant, work });
      if (violation !== undefined) return;
    }
    expect.fail(`none of ${SEEDS_FOR_A_PLANT} seeds found it: the simulator looks away`);
  });
}

function expectHeld({ seed, violation, trace }: SimulationResult, flags = ''): void {
  if (violation === undefined) return;
  expect.fail(
    `${violation}\nreplay it with: node hack/sim.ts --seed ${seed}${flags}\n${trace.slice(-40).join('\n')}`,
  );
}
