/** Rounds without a scheduler around them: who goes first, whatever the order and the bound, and what thousands cost. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import type { ObjectStore } from '../../../client/informer.ts';
import { Ledger } from '../../../controllers/scheduler/ledger.ts';
import { planSchedule } from '../../../controllers/scheduler/plan.ts';
import { Rounds } from '../../../controllers/scheduler/rounds.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import type { Task, Worker } from '../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../builders.ts';

interface Stage {
  readonly ledger: Ledger;
  readonly rounds: Rounds;
}

function stageOf(workers: readonly Worker[], looks?: number): Stage {
  const byName = new Map(workers.map((worker) => [worker.metadata.name, worker]));
  const store: ObjectStore<Worker> = {
    hasSynced: true,
    get: (name) => byName.get(name),
    list: () => workers,
    byIndex: () => [],
    onChange: () => () => undefined,
  };
  const clock = new FakeClock();
  let rounds: Rounds | undefined;
  const ledger = new Ledger({
    clock,
    assumeForMs: 30_000,
    onFreed: (worker) => rounds?.workerChanged(worker),
    onTaken: () => undefined,
    onForgotten: () => undefined,
  });
  rounds = new Rounds({ clock, ledger, workers: store, ...(looks === undefined ? {} : { looks }) });
  return { ledger, rounds };
}

const keyOf = (task: Task): string => `default/${task.metadata.name}`;

/** Until a round has nothing to do. */
function settle({ rounds }: Stage): Map<string, string> {
  const placed = new Map<string, string>();
  for (let round = 0; rounds.isDue; round++) {
    if (round > 10_000) throw new Error('the rounds come to no end');
    for (const key of rounds.decide()) {
      const decision = rounds.take(key);
      if (decision?.kind === 'bind') placed.set(key, decision.worker);
    }
  }
  return placed;
}

describe('Rounds', () => {
  it('come to what one after the other, the most urgent first, would come to (law)', () => {
    const taskOf = fc.record({
      cpu: fc.integer({ min: 1, max: 4 }),
      priority: fc.integer({ min: -2, max: 2 }),
      age: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(taskOf, { maxLength: 20 }),
        fc.array(taskOf, { maxLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        (asks, holding, looks) => {
          const workers = [newWorker('w1', { cpu: '6' }), newWorker('w2', { cpu: '3' })];
          const waiting = asks.map(({ cpu, priority, age }, at) =>
            newTask(
              `t${at}`,
              { priority, resources: { requests: { cpu: String(cpu) } } },
              { metadata: { creationTimestamp: `2026-01-01T00:00:0${age}Z` } },
            ),
          );
          const holders = holding.slice(0, 3).map(({ age }, at) =>
            newTask(`h${at}`, {
              workerName: age % 2 === 0 ? 'w1' : 'w2',
              bindingEpoch: 1,
              resources: { requests: { cpu: '1' } },
            }),
          );
          const stage = stageOf(workers, looks);
          for (const holder of holders) stage.ledger.observe(keyOf(holder), holder, undefined);
          for (const task of waiting) stage.rounds.observe(keyOf(task), task);
          const first = settle(stage);
          for (const holder of holders) stage.ledger.observe(keyOf(holder), undefined, holder);
          const found = new Map([...first, ...settle(stage)]);

          const { ledger } = stageOf(workers);
          const urgency = [...waiting].sort(
            (a, b) =>
              (b.spec.priority ?? 0) - (a.spec.priority ?? 0) ||
              (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
              (keyOf(a) < keyOf(b) ? -1 : 1),
          );
          const expected = new Map<string, string>();
          const passThrough = (): void => {
            for (const task of urgency.filter((one) => !expected.has(keyOf(one)))) {
              const asker = { uid: task.metadata.uid ?? '', priority: task.spec.priority ?? 0 };
              const plan = planSchedule(
                task,
                workers.map((worker) => ledger.candidateFor(worker, asker)),
              );
              if (plan.kind !== 'bind') continue;
              ledger.assume(keyOf(task), task, plan.worker, plan.epoch);
              expected.set(keyOf(task), plan.worker);
            }
          };
          for (const holder of holders) ledger.observe(keyOf(holder), holder, undefined);
          passThrough();
          for (const holder of holders) ledger.observe(keyOf(holder), undefined, holder);
          passThrough();
          expect(Object.fromEntries(found)).to.deep.equal(Object.fromEntries(expected));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('go through five thousand waiting tasks, each with an ask of its own, in small steps', () => {
    const workers = Array.from({ length: 50 }, (_, at) => newWorker(`w${at}`, { cpu: '20' }));
    const stage = stageOf(workers);
    for (const { metadata } of workers) {
      for (let at = 0; at < 20; at++) {
        const name = `h-${metadata.name}-${at}`;
        const spec = { workerName: metadata.name, bindingEpoch: 1, resources: { requests: { cpu: '1' } } };
        const task = newTask(name, spec);
        stage.ledger.observe(keyOf(task), task, undefined);
      }
    }
    for (let at = 0; at < 5_000; at++) {
      const resources = { requests: { cpu: `${1000 + at}m` } };
      const policy = { preemptionPolicy: 'PreemptLowerPriority' as const };
      const task = newTask(`t${at}`, { priority: -(at % 10), resources, ...policy });
      stage.rounds.observe(keyOf(task), task);
    }
    let longestMs = 0;
    let rounds = 0;
    for (; stage.rounds.isDue && rounds < 10_000; rounds++) {
      const begin = performance.now();
      expect(stage.rounds.decide().flatMap((key) => stage.rounds.take(key) ?? [])).to.deep.equal([]);
      longestMs = Math.max(longestMs, performance.now() - begin);
    }
    expect(rounds).to.be.within(2, 2_000);
    expect(longestMs, 'the event loop is held no longer').to.be.below(1_000);
  }).timeout(60_000);
});
