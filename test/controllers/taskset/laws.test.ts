/**
 * Laws of the TaskSet planner, on random histories: after every act availability is kept and the limits hold, nothing is
 * deleted without notice, and once it is calm, what was asked for is there and nothing is planned any more.
 */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { planTaskSet } from '../../../controllers/taskset/plan.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { BROKEN, MAX_LAG_MS, Model, type Planner, type Step } from './model.ts';

const RUNS = Number(process.env['GANTRY_LAW_RUNS'] ?? 300);

const strategies = fc.record(
  {
    type: fc.constantFrom('RollingUpdate' as const, 'RollingUpdate' as const, 'Recreate' as const),
    maxSurge: fc.constantFrom(0, 1, 2, '25%', '50%', '100%'),
    maxUnavailable: fc.constantFrom(0, 1, 2, '25%', '50%'),
    autoRevert: fc.boolean(),
    canary: fc.record({ replicas: fc.integer({ min: 1, max: 3 }), autoPromote: fc.boolean() }),
  },
  { requiredKeys: ['type', 'maxSurge', 'maxUnavailable', 'autoRevert'] },
);
const who = fc.constantFrom(0, 1);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('plan' as const),
        who,
        lagMs: fc.constantFrom(0, 0, 0, 250, MAX_LAG_MS),
        isRagged: fc.constantFrom(false, false, false, true),
      }),
    },
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('perform' as const),
        who,
        acts: fc.constantFrom(0, 1, 2, 1000, 1000, 1000, 1000),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(0, 250, 1000, 3000) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constant(25_000) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('template' as const),
        hash: fc.constantFrom('a', 'b', 'c', `${BROKEN}1`),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('replicas' as const), count: fc.integer({ min: 0, max: 6 }) }),
    },
    { weight: 1, arbitrary: strategies.map((strategy): Step => ({ kind: 'strategy', strategy })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Step>(
        { kind: 'pause' },
        { kind: 'resume' },
        { kind: 'resume' },
        { kind: 'promote' },
      ),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constantFrom('unready', 'end', 'vanish', 'delete'), which: fc.nat(9) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('worker' as const),
        which: fc.nat(3),
        state: fc.constantFrom('gone' as const, 'cordoned' as const, 'lost' as const, 'well' as const),
      }),
    },
  ),
  { maxLength: 120, size: 'max' },
);
const history = fc.record({
  seed: fc.nat(),
  mode: fc.constantFrom('Replicated' as const, 'Replicated' as const, 'Global' as const),
  minReadySeconds: fc.constantFrom(0, 0, 2),
  strategy: strategies,
  steps,
});
type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

function play(planner: Planner, { seed, mode, minReadySeconds, strategy, steps: all }: History): void {
  const { canary, ...plain } = strategy;
  const isPlain = mode === 'Global' || strategy.type === 'Recreate' || canary === undefined;
  const model = new Model(planner, seed, { mode, minReadySeconds }, isPlain ? plain : strategy);
  for (const step of all) model.doStep(step);
  // Nobody holds anything up any more.
  model.edit({ paused: false });
  model.promote();
  const restless = model.calm(120);
  expect(restless?.actions ?? [], `a settled set plans nothing: ${model.describe()}`).to.deep.equal([]);
  expect(restless?.status, `and says nothing new: ${model.describe()}`).to.equal(undefined);
  assertConverged(model);
}

function assertConverged(model: Model): void {
  const { status, spec } = model.set;
  const { desired } = model.limits();
  const said = findCondition(status?.conditions, 'Progressing')?.reason;
  const update = `web-${model.hash}`;
  const isBroken = model.hash.startsWith(BROKEN) && desired > 0;
  const told = model.describe();
  expect(status?.leaving, told).to.equal(undefined);
  if (isBroken && status?.rejectedRevision !== update) {
    expect(said, told).to.equal('ProgressDeadlineExceeded');
    const canRevert = spec.strategy?.autoRevert === true && status?.lastStableRevision !== undefined;
    expect(canRevert, told).to.equal(false);
    return;
  }
  const wanted = status?.rejectedRevision === update ? status.lastStableRevision : update;
  expect(said, told).to.equal(wanted === update ? 'NewRevisionAvailable' : 'RolledBack');
  expect(model.available().length, told).to.equal(desired);
  expect(model.staying().length, told).to.equal(desired);
  for (const { metadata } of model.staying()) expect(metadata.name, told).to.include(`${wanted}-`);
  expect(status?.availableReplicas, told).to.equal(desired);
  expect(status?.endpoints?.length, told).to.equal(desired);
}

describe('laws of planTaskSet', () => {
  it(`hold on ${RUNS} histories`, () => {
    fc.assert(
      fc.property(history, (one) => play(planTaskSet, one)),
      { numRuns: RUNS },
    );
  }).timeout(120_000);
});
