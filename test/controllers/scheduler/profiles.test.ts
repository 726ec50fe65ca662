/** Among the workers that fit: what each profile takes. The name is the rule, the row is the world. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { demandOf } from '../../../controllers/scheduler/demand.ts';
import { type Candidate, isFitting, withShares } from '../../../controllers/scheduler/filters.ts';
import { LatestBinding } from '../../../controllers/scheduler/latestbinding.ts';
import { type Comparison, planSchedule } from '../../../controllers/scheduler/plan.ts';
import { PROFILE_NAMES, type ProfileName } from '../../../controllers/scheduler/profiles.ts';
import { events, schedulerSettings } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../builders.ts';
import { SchedulerRig } from './rig.ts';

const asking = (cpu: string, memory = '64Mi'): Task =>
  newTask('t', { resources: { requests: { cpu, memory } } });

function candidate(
  name: string,
  options: Parameters<typeof newWorker>[1] & { tasks?: readonly Task[] } = {},
): Candidate {
  const empty = { milliCpu: 0, memoryBytes: 0, diskBytes: 0, ports: [], taskCount: 0 };
  const shares = (options.tasks ?? []).map((task) => ({ task: task.metadata.name, demand: demandOf(task) }));
  return withShares({ worker: newWorker(name, options), ...empty }, shares, 1);
}

const small = { cpu: '2', memory: '4Gi' } as const;
const large = { cpu: '16', memory: '32Gi' } as const;

interface Row {
  readonly name: string;
  readonly profile: ProfileName;
  readonly task?: Task;
  readonly candidates: readonly Candidate[];
  readonly lastWorker?: string;
  readonly worker: string;
  readonly reason: string;
}

const ROWS: readonly Row[] = [
  {
    name: 'Spread takes the least allocated',
    profile: 'Spread',
    candidates: [
      candidate('w1', { tasks: [asking('1')] }),
      candidate('w2'),
      candidate('w3', { tasks: [asking('2')] }),
    ],
    worker: 'w2',
    reason: 'the least allocated of 3 workers that fit',
  },
  {
    name: 'BinPack fills the fullest that has room before it begins another',
    profile: 'BinPack',
    candidates: [
      candidate('w1', { tasks: [asking('1')] }),
      candidate('w2'),
      candidate('w3', { tasks: [asking('2')] }),
      candidate('w4', { tasks: [asking('4')] }),
    ],
    worker: 'w3',
    reason: 'the most allocated of 3 workers that fit (profile BinPack)',
  },
  {
    name: 'BinPack takes the small worker before it takes a part of a large one',
    profile: 'BinPack',
    candidates: [candidate('w1', large), candidate('w2', small)],
    worker: 'w2',
    reason: 'the most allocated of 2 workers that fit (profile BinPack)',
  },
  {
    name: 'BinPack does not heap up without end what asks for nothing',
    profile: 'BinPack',
    task: newTask('t'),
    candidates: [
      candidate('w1', { cpu: '1', tasks: Array.from({ length: 10 }, (_, at) => newTask(`t${at}`)) }),
      candidate('w2', { cpu: '1' }),
    ],
    worker: 'w2',
    reason: 'the most allocated of 2 workers that fit (profile BinPack)',
  },
  {
    name: 'RoundRobin begins with the first by name',
    profile: 'RoundRobin',
    candidates: [candidate('w2'), candidate('w1', { tasks: [asking('3')] }), candidate('w3')],
    worker: 'w1',
    reason: 'the first of 3 workers that fit (profile RoundRobin)',
  },
  {
    name: 'RoundRobin goes on after the last, however full the next is',
    profile: 'RoundRobin',
    candidates: [candidate('w1'), candidate('w2', { tasks: [asking('3')] }), candidate('w3')],
    lastWorker: 'w1',
    worker: 'w2',
    reason: 'the next after w1 of 3 workers that fit (profile RoundRobin)',
  },
  {
    name: 'RoundRobin begins again after the last by name',
    profile: 'RoundRobin',
    candidates: [candidate('w1'), candidate('w2'), candidate('w3')],
    lastWorker: 'w3',
    worker: 'w1',
    reason: 'the next after w3 of 3 workers that fit (profile RoundRobin)',
  },
  {
    name: 'RoundRobin passes over who does not fit, and goes on from a worker that is gone',
    profile: 'RoundRobin',
    candidates: [candidate('w1'), candidate('w3', { unschedulable: true }), candidate('w4'), candidate('w5')],
    lastWorker: 'w2',
    worker: 'w4',
    reason: 'the next after w2 of 3 workers that fit (profile RoundRobin)',
  },
  {
    name: 'EPVM takes an empty one of equal workers',
    profile: 'EPVM',
    candidates: [candidate('w1', { tasks: [asking('1')] }), candidate('w2')],
    worker: 'w2',
    reason: 'the least additional cost of 2 workers that fit (profile EPVM)',
  },
  {
    // n = 2: w1 becomes 2^(1/2) - 2^0 dearer by its CPU, w2 2^(9/16) - 2^(8/16); Spread would take w1.
    name: 'EPVM takes the half full large worker where the task is half of the small one',
    profile: 'EPVM',
    task: asking('1', '512Mi'),
    candidates: [candidate('w1', small), candidate('w2', { ...large, tasks: [asking('8', '16Gi')] })],
    worker: 'w2',
    reason: 'the least additional cost of 2 workers that fit (profile EPVM)',
  },
  {
    // What is nearly used up costs more for every further piece: n^u is convex.
    name: 'EPVM keeps off the worker of which one resource is nearly used up',
    profile: 'EPVM',
    candidates: [
      candidate('w1', { tasks: [asking('100m', '7Gi')] }),
      candidate('w2', { tasks: [asking('2', '1Gi')] }),
      candidate('w3', { unschedulable: true }),
    ],
    task: asking('100m', '1Gi'),
    worker: 'w2',
    reason: 'the least additional cost of 2 workers that fit (profile EPVM)',
  },
];

describe('D0.12 scheduler profiles', () => {
  for (const { name, profile, task = asking('500m'), candidates, lastWorker, worker, reason } of ROWS) {
    it(`D0.12 ${name}`, () => {
      const plan = planSchedule(task, candidates, { profile, lastWorker });
      expect(plan).to.include({ kind: 'bind', worker, reason, profile });
    });
  }

  it('D0.12 the cost of EPVM is what the paper says: the sum over CPU and memory of n^u after less n^u before', () => {
    const candidates = [
      candidate('w1', { cpu: '4', memory: '8Gi', tasks: [asking('1', '2Gi')] }),
      candidate('w2', { cpu: '4', memory: '8Gi', tasks: [asking('3', '4Gi')] }),
      candidate('w3', { unschedulable: true }),
    ];
    const plan = planSchedule(asking('1', '2Gi'), candidates, { profile: 'EPVM', lastWorker: undefined });
    if (plan.kind !== 'bind') throw new Error(`planned ${plan.kind}`);
    const costs = [2 * (3 ** 0.5 - 3 ** 0.25), 3 ** 1 - 3 ** 0.75 + 3 ** 0.75 - 3 ** 0.5];
    const ranks = plan.verdicts.flatMap((verdict) => (verdict.fits ? [verdict.rank] : []));
    expect(ranks).to.have.length(2);
    for (const [at, rank] of ranks.entries()) expect(rank).to.be.closeTo(costs[at] ?? 0, 1e-6);
  });

  for (const profile of PROFILE_NAMES) {
    const comparison: Comparison = { profile, lastWorker: undefined };
    const preferring = newWorker('w2');
    const tainted: Candidate = {
      ...candidate('w2'),
      worker: { ...preferring, spec: { taints: [{ key: 'slow', effect: 'PreferNoSchedule' }] } },
    };

    it(`D0.12 ${profile}: the worker it ran on before comes first`, () => {
      const task = newTask('t', {}, { status: { workerName: 'w2' } });
      const plan = planSchedule(task, [candidate('w1'), candidate('w2'), candidate('w3')], comparison);
      expect(plan).to.include({ worker: 'w2', reason: 'it ran there before' });
    });

    it(`D0.12 ${profile}: a worker with a taint to be avoided comes last`, () => {
      for (const lastWorker of ['w1', 'w2']) {
        const plan = planSchedule(asking('1'), [candidate('w1'), tainted], { profile, lastWorker });
        expect(plan).to.include({ worker: 'w1' });
      }
    });

    it(`D0.12 ${profile}: places only where it fits, whenever it fits anywhere, and the same way every time (law)`, () => {
      const task = fc.record({
        cpu: fc.integer({ min: 0, max: 4000 }),
        memory: fc.integer({ min: 0, max: 8000 }),
      });
      const taskOf = ({ cpu, memory }: { cpu: number; memory: number }): Task =>
        cpu === 0 ? newTask('t') : asking(`${cpu}m`, `${memory}Mi`);
      const machine = fc.record({
        cpu: fc.integer({ min: 0, max: 8 }),
        unschedulable: fc.boolean(),
        tasks: fc.array(task, { maxLength: 4 }),
      });
      fc.assert(
        fc.property(
          task,
          fc.array(machine, { maxLength: 6 }),
          fc.option(fc.constantFrom('w0', 'w2', 'w4', 'x'), { nil: undefined }),
          fc.integer({ min: 0, max: 5 }),
          (ask, machines, lastWorker, turn) => {
            const candidates = machines.map(({ cpu, unschedulable, tasks }, at) =>
              candidate(`w${at}`, { cpu: String(cpu), unschedulable, tasks: tasks.map(taskOf) }),
            );
            const wanted = taskOf(ask);
            const fitting = candidates
              .filter((one) => isFitting({ task: wanted, demand: demandOf(wanted) }, one))
              .map(({ worker }) => worker.metadata.name);
            const plan = planSchedule(wanted, candidates, { profile, lastWorker });
            if (plan.kind === 'bind') expect(fitting).to.include(plan.worker);
            else expect(fitting).to.deep.equal([]);
            const turned = [...candidates.slice(turn), ...candidates.slice(0, turn)];
            expect(planSchedule(wanted, turned, { profile, lastWorker })).to.deep.equal(plan);
          },
        ),
      );
    });
  }

  it('D0.12 RoundRobin gives every worker as many as the others (law)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 }), (machines, rounds) => {
        const candidates = Array.from({ length: machines }, (_, at) => candidate(`w${at}`));
        const counts = new Map<string, number>();
        let lastWorker: string | undefined;
        for (let at = 0; at < machines * rounds; at++) {
          const plan = planSchedule(newTask('t'), candidates, { profile: 'RoundRobin', lastWorker });
          if (plan.kind !== 'bind') throw new Error(`planned ${plan.kind}`);
          lastWorker = plan.worker;
          counts.set(plan.worker, (counts.get(plan.worker) ?? 0) + 1);
        }
        expect([...counts.values()]).to.deep.equal(Array.from({ length: machines }, () => rounds));
      }),
    );
  });

  describe('the newest binding', () => {
    const bound = (worker: string, at: string, isBound = true): Task =>
      newTask(
        't',
        { workerName: worker },
        {
          status: {
            conditions: [
              {
                type: 'Scheduled',
                status: isBound ? 'True' : 'False',
                reason: 'Bound',
                message: '',
                lastTransitionTime: at,
              },
            ],
          },
        },
      );

    it('D0.12 is found in what is stored, in any order, and nothing older takes its place', () => {
      const latest = new LatestBinding();
      expect(latest.worker).to.equal(undefined);
      latest.observe(newTask('t', { workerName: 'w9' }));
      latest.observe(newTask('t'));
      latest.observe(bound('w8', '2026-01-01T00:00:09Z', false));
      expect(latest.worker).to.equal(undefined);
      latest.observe(bound('w2', '2026-01-01T00:00:02Z'));
      latest.observe(bound('w1', '2026-01-01T00:00:01Z'));
      expect(latest.worker).to.equal('w2');
      latest.assume('w3', Date.parse('2026-01-01T00:00:02.5Z'));
      latest.observe(bound('w2', '2026-01-01T00:00:02Z'));
      expect(latest.worker).to.equal('w3');
    });

    it('D0.12 is what was decided last, also after a clock was set back', () => {
      const latest = new LatestBinding();
      latest.observe(bound('w2', '2026-01-01T00:00:02Z'));
      latest.assume('w1', Date.parse('2025-01-01T00:00:00Z'));
      expect(latest.worker).to.equal('w1');
      latest.observe(bound('w2', '2026-01-01T00:00:02Z'));
      expect(latest.worker).to.equal('w1');
    });
  });

  describe('chosen by SchedulerSettings', () => {
    let rig: SchedulerRig;
    beforeEach(async () => {
      rig = await SchedulerRig.open();
      for (const name of ['w1', 'w2', 'w3']) await rig.world.addWorker(name);
    });
    afterEach(() => rig.close());

    const choose = async (profile: ProfileName): Promise<void> => {
      const { world } = rig;
      const body = {
        apiVersion: 'gantry.dev/v1',
        kind: 'SchedulerSettings',
        metadata: { name: 'default' },
        spec: { profile },
      };
      const patch = { type: 'apply', body } as const;
      await world.admin.patch(schedulerSettings, { name: 'default' }, patch, { fieldManager: 'test' });
      await world.settle();
    };
    const place = async (name: string): Promise<string | undefined> => {
      await rig.add(name, { resources: { requests: { cpu: '500m', memory: '64Mi' } } });
      await rig.world.until(`${name} is bound`, async () => (await rig.workerOf(name)) !== undefined);
      await rig.world.advance(1_000);
      return rig.workerOf(name);
    };

    it('D0.12 takes effect without a restart, for what is bound from then on', async () => {
      expect(await place('a')).to.equal('w1');
      expect(await place('b')).to.equal('w2');
      await choose('BinPack');
      expect([await place('c'), await place('d'), await place('e')]).to.deep.equal(['w1', 'w1', 'w1']);
      await choose('RoundRobin');
      expect([await place('f'), await place('g'), await place('h')]).to.deep.equal(['w2', 'w3', 'w1']);
      await choose('EPVM');
      expect(await place('i')).to.equal('w3');
      expect(await rig.workerOf('a'), 'nothing moves for it').to.equal('w1');
    });

    it('D0.12 RoundRobin goes on where it was after a restart of the scheduler', async () => {
      await choose('RoundRobin');
      expect([await place('a'), await place('b')]).to.deep.equal(['w1', 'w2']);
      await rig.stop();
      rig.start();
      expect(await place('c')).to.equal('w3');
    });

    it('D0.12 is said in the decision', async () => {
      await choose('BinPack');
      await place('a');
      const found = (await rig.world.admin.list(events)).items.find(({ reason }) => reason === 'Scheduled');
      expect(found?.message).to.equal(
        'bound to worker w1: the most allocated of 3 workers that fit (profile BinPack)',
      );
      const decision: unknown = JSON.parse(found?.metadata.annotations?.['gantry.dev/decision'] ?? '');
      expect(decision).to.have.nested.property('inputs.profile', 'BinPack');
      expect(decision).to.have.property('verdict').that.include('w1 fits, load 0.074707');
    });

    it('D0.12 a profile that there is not is refused by name', async () => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the types would not let through
      const wrong = 'Fastest' as ProfileName;
      const error = await choose(wrong).catch((reason: unknown) => reason);
      expect(String(error)).to.match(/spec\.profile.*"?Fastest"?.*"?BinPack"?/);
    });
  });
});
