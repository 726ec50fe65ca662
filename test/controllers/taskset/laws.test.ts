/**
 * Laws of the TaskSet planner, on random histories: after every act availability is kept and the limits hold, nothing is
 * deleted without notice, and once it is calm, what was asked for is there and nothing is planned any more.
 */
import { AssertionError, expect } from 'chai';
import * as fc from 'fast-check';
import { planTaskSet } from '../../../controllers/taskset/plan.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { BROKEN, MAX_LAG_MS, Model, type Planner, type Step } from './model.ts';

const RUNS = process.env['GANTRY_TEST_LONG'] === '1' ? 3_000 : 300;

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

const faults: readonly { readonly name: string; readonly planner: Planner; readonly law: RegExp }[] = [
  {
    name: 'those on their way out counted as available',
    law: /availability is kept/,
    planner: (world) => {
      const { leaving, ...status } = world.set.status ?? {};
      const right = planTaskSet(world);
      const wrong = planTaskSet({ ...world, set: { ...world.set, status } });
      const known = new Set(leaving?.map(({ uid }) => uid));
      const added = (wrong.status?.leaving ?? []).filter(({ uid }) => !known.has(uid));
      const kept = (right.status?.leaving ?? []).filter(({ uid }) => known.has(uid));
      const all = [...kept, ...added];
      const gone = new Set(all.map(({ task }) => task));
      const endpoints = (right.status?.endpoints ?? []).filter(({ task }) => !gone.has(task));
      if (added.length === 0) return right;
      return { ...right, status: { ...right.status, endpoints, leaving: all } };
    },
  },
  {
    name: 'one more chosen than the promise allows',
    law: /availability is kept/,
    planner: (world) => {
      const plan = planTaskSet(world);
      const [endpoint, ...endpoints] = plan.status?.endpoints ?? [];
      const one = world.tasks.find(({ metadata }) => metadata.name === endpoint?.task);
      const isMoving = (plan.status?.leaving ?? []).length > 0;
      if (one?.metadata.uid === undefined || !isMoving) return plan;
      const since = new Date(world.nowMs).toISOString();
      const entry = { task: one.metadata.name, uid: one.metadata.uid, since, reason: 'Superseded' };
      return {
        ...plan,
        status: { ...plan.status, endpoints, leaving: [...(plan.status?.leaving ?? []), entry] },
      };
    },
  },
  {
    name: 'deleted as soon as chosen',
    law: /in the stored leaving|has left for a second/,
    planner: (world) => {
      const plan = planTaskSet(world);
      const before = new Set((world.set.status?.leaving ?? []).map(({ uid }) => uid));
      const chosen = (plan.status?.leaving ?? []).filter(({ uid }) => !before.has(uid));
      const deletes = chosen.map(({ task, uid }) => ({
        kind: 'delete' as const,
        task,
        uid,
        reason: 'at once',
      }));
      return { ...plan, actions: [...plan.actions, ...deletes] };
    },
  },
  {
    name: 'one more made than the limits allow',
    law: /never more than wanted and surge/,
    planner: (world) => {
      const plan = planTaskSet(world);
      const create = plan.actions.find((action) => action.kind === 'create');
      if (create === undefined) return plan;
      const ordinal = create.name.slice(0, create.name.lastIndexOf('-') + 1);
      return {
        ...plan,
        actions: [...plan.actions, { ...create, name: `${ordinal}${world.tasks.length + 50}` }],
      };
    },
  },
  {
    name: 'a look that is written down each time',
    law: /says nothing new/,
    planner: (world) => {
      const plan = planTaskSet(world);
      return { ...plan, status: { ...plan.status, lastProgressTime: new Date(world.nowMs).toISOString() } };
    },
  },
  {
    name: 'a rejected revision that is forgotten',
    law: /./,
    planner: (world) => {
      const { rejectedRevision: _, ...status } = world.set.status ?? {};
      return planTaskSet(
        world.set.status === undefined ? world : { ...world, set: { ...world.set, status } },
      );
    },
  },
];

const replayed = {
  ...(process.env['GANTRY_TASKSET_LAW_SEED'] === undefined
    ? {}
    : { seed: Number(process.env['GANTRY_TASKSET_LAW_SEED']) }),
  ...(process.env['GANTRY_TASKSET_LAW_PATH'] === undefined
    ? {}
    : { path: process.env['GANTRY_TASKSET_LAW_PATH'] }),
};

describe('laws of planTaskSet', () => {
  it(`hold on ${RUNS} histories`, () => {
    const property = fc.property(history, (one) => play(planTaskSet, one));
    const found = fc.check(property, { numRuns: RUNS, ...replayed });
    if (!found.failed) return;
    const replay = `GANTRY_TASKSET_LAW_SEED=${found.seed} GANTRY_TASKSET_LAW_PATH=${found.counterexamplePath ?? ''} npx mocha --exit test/controllers/taskset/laws.test.ts`;
    throw new Error(`${fc.defaultReportMessage(found) ?? ''}\nreplay: ${replay}`, {
      cause: found.errorInstance,
    });
  }).timeout(300_000);

  describe('notice a planner with', () => {
    for (const { name, planner, law } of faults) {
      it(name, () => {
        const isNoticed = (one: History): boolean => {
          try {
            play(planner, one);
            return false;
          } catch (error) {
            if (!(error instanceof AssertionError)) throw error;
            return law.test(error.message);
          }
        };
        const property = fc.property(history, (one) => !isNoticed(one));
        expect(fc.check(property, { numRuns: RUNS, endOnFailure: true }).failed).to.equal(true);
      }).timeout(120_000);
    }
  });
});
