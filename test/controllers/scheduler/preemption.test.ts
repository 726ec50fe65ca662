/** Whose room is taken: the name is the rule, the row is the world. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { demandOf } from '../../../controllers/scheduler/demand.ts';
import { type Ask, isFitting, withShares } from '../../../controllers/scheduler/filters.ts';
import { type Contested, type Holder, planPreemption } from '../../../controllers/scheduler/preemption.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask, newWorker, type WorkerOptions } from '../../builders.ts';

interface HolderOptions {
  readonly cpu?: string;
  readonly memory?: string;
  readonly priority?: number;
  /** Seconds it has run; default 100. */
  readonly age?: number;
  readonly hostPort?: number;
  readonly stay?: 'staying' | 'leaving' | 'stuck';
}

const NOW = 1e12;

function holder(name: string, options: HolderOptions = {}): Holder {
  const { cpu = '1', memory = '64Mi', priority = 0, age = 100, hostPort, stay = 'staying' } = options;
  const ports = hostPort === undefined ? {} : { ports: [{ containerPort: 80, hostPort }] };
  const demand = demandOf(newTask(name, { resources: { requests: { cpu, memory } }, ...ports }));
  const leaves = stay === 'staying' ? {} : { leavesByMs: stay === 'stuck' ? NOW - 1 : NOW + 1 };
  const rest = { priority, sinceMs: NOW - age * 1000, graceSeconds: 30, ...leaves };
  return { uid: `uid-${name}`, task: `default/${name}`, demand, ...rest };
}

function contested(name: string, holders: readonly Holder[], options: WorkerOptions = {}): Contested {
  const empty = { milliCpu: 0, memoryBytes: 0, diskBytes: 0, ports: [], taskCount: 0 };
  return { ...withShares({ worker: newWorker(name, options), ...empty }, holders, 1), holders };
}

const askOf = (task: Task): Ask => ({ task, demand: demandOf(task) });
const urgent = (spec: Partial<Task['spec']> = {}): Task =>
  newTask('urgent', { priority: 100, resources: { requests: { cpu: '2' } }, ...spec });

const PREEMPTS: readonly {
  readonly name: string;
  readonly task?: Task;
  readonly workers: readonly Contested[];
  readonly worker: string;
  readonly victims: readonly string[];
}[] = [
  {
    name: 'only as many as needed',
    workers: [contested('w1', [holder('a'), holder('b'), holder('c'), holder('d')])],
    worker: 'w1',
    victims: ['a', 'b'],
  },
  {
    name: 'what is free counts first',
    workers: [contested('w1', [holder('a'), holder('b'), holder('c')])],
    worker: 'w1',
    victims: ['a'],
  },
  {
    name: 'the lowest highest priority comes before the smallest number',
    workers: [
      contested('w1', [holder('big', { cpu: '4', priority: 5 })]),
      contested('w2', [holder('a'), holder('b'), holder('c', { cpu: '2', priority: 4 })]),
      contested('w3', [holder('d'), holder('e'), holder('f', { priority: 9 }), holder('g', { priority: 9 })]),
    ],
    worker: 'w2',
    victims: ['a', 'b'],
  },
  {
    name: 'of equal priority, one large one before two small ones',
    workers: [contested('w1', [holder('a'), holder('b'), holder('large', { cpu: '2', age: 999 })])],
    worker: 'w1',
    victims: ['large'],
  },
  {
    name: 'of as many, those of the least priority in total',
    workers: [
      contested('w1', [holder('a', { cpu: '2', priority: 3 }), holder('b', { cpu: '2', priority: 4 })]),
      contested('w2', [holder('c', { cpu: '2', priority: 3 }), holder('d', { cpu: '2', priority: 3 })]),
    ],
    task: urgent({ resources: { requests: { cpu: '4' } } }),
    worker: 'w2',
    victims: ['c', 'd'],
  },
  {
    name: 'of as much, the youngest',
    workers: [
      contested('w1', [holder('old', { cpu: '2', age: 900 }), holder('young', { cpu: '2', age: 9 })]),
      contested('w2', [holder('middle', { cpu: '2', age: 90 }), holder('older', { cpu: '2', age: 950 })]),
    ],
    worker: 'w1',
    victims: ['young'],
  },
  {
    name: 'who holds the port must go, whoever else is cheaper',
    workers: [contested('w1', [holder('a'), holder('p', { priority: 50, hostPort: 8080 })])],
    task: urgent({ ports: [{ containerPort: 80, hostPort: 8080 }] }),
    worker: 'w1',
    victims: ['p'],
  },
  {
    name: 'memory alone may be what is short',
    workers: [
      contested('w1', [
        holder('cpu', { cpu: '100m', memory: '1Mi' }),
        holder('mem', { cpu: '100m', memory: '8000Mi' }),
      ]),
    ],
    task: urgent({ resources: { requests: { memory: '1Gi' } } }),
    worker: 'w1',
    victims: ['mem'],
  },
  {
    name: 'a worker that something else speaks against is passed over',
    workers: [
      contested('w1', [holder('a', { cpu: '4' })], { unschedulable: true }),
      contested('w2', [holder('b', { cpu: '4', priority: 99 })]),
    ],
    worker: 'w2',
    victims: ['b'],
  },
  {
    name: 'a task that cannot be moved any more is no victim',
    workers: [
      contested('w1', [holder('stuck', { cpu: '2', stay: 'stuck' }), holder('b', { cpu: '2', priority: 7 })]),
    ],
    worker: 'w1',
    victims: ['b'],
  },
];

const LEAVES_ALONE: readonly {
  readonly name: string;
  readonly task?: Task;
  readonly workers: readonly Contested[];
  readonly message: string;
}[] = [
  {
    name: 'tasks of the same priority',
    workers: [contested('w1', [holder('a', { cpu: '4', priority: 100 })])],
    message: 'no task of lower priority holds room that would help',
  },
  {
    name: 'everybody, where their room would not be enough',
    workers: [contested('w1', [holder('a'), holder('same', { cpu: '3', priority: 100 })])],
    message:
      'moving tasks of lower priority would not help: w1 InsufficientCPU (asks 2, 1 free) even without its 1 tasks of lower priority',
  },
  {
    name: 'everybody on a worker that is not meant',
    workers: [contested('w1', [holder('a', { cpu: '4' })])],
    task: urgent({ workerSelector: { disk: 'ssd' } }),
    message: 'no task of lower priority holds room that would help',
  },
];

describe('planPreemption', () => {
  for (const { name, task = urgent(), workers, worker, victims } of PREEMPTS) {
    it(`moves: ${name}`, () => {
      const plan = planPreemption(task, workers, NOW);
      if (plan.kind !== 'preempt') throw new Error(`planned ${JSON.stringify(plan)}`);
      expect(plan.worker).to.equal(worker);
      expect(plan.victims.map((victim) => victim.task)).to.have.members(victims.map((v) => `default/${v}`));
      expect(plan.verdicts).to.have.length(workers.length);
    });
  }

  for (const { name, task = urgent(), workers, message } of LEAVES_ALONE) {
    it(`leaves alone: ${name}`, () => {
      expect(planPreemption(task, workers, NOW)).to.deep.equal({ kind: 'none', message });
    });
  }

  it('moves nobody where room comes free by itself', () => {
    const workers = [
      contested('w1', [holder('low', { cpu: '4' })]),
      contested('w2', [holder('ending', { cpu: '4', priority: 500, stay: 'leaving' })]),
    ];
    expect(planPreemption(urgent(), workers, NOW)).to.deep.equal({
      kind: 'wait',
      worker: 'w2',
      leaving: ['default/ending'],
    });
  });

  it('is not slow with many workers full of small tasks', () => {
    const crowd = (at: number): readonly Holder[] =>
      Array.from({ length: 200 }, (_, n) => holder(`t${at}-${n}`, { cpu: '20m', priority: n % 7, age: n }));
    const workers = Array.from({ length: 50 }, (_, at) => contested(`w${at}`, crowd(at)));
    const begin = performance.now();
    const plan = planPreemption(urgent(), workers, NOW);
    expect(plan.kind).to.equal('preempt');
    if (plan.kind === 'preempt') expect(plan.victims).to.have.length(100);
    expect(performance.now() - begin).to.be.below(2_000);
  });

  it('is enough, needs each of its victims, and costs no more than any other way (law)', () => {
    const holderOf = fc.record({
      cpu: fc.integer({ min: 0, max: 3 }),
      memory: fc.integer({ min: 0, max: 3 }),
      priority: fc.integer({ min: 0, max: 3 }),
      age: fc.integer({ min: 1, max: 5 }),
      stay: fc.constantFrom('staying' as const, 'staying' as const, 'staying' as const, 'stuck' as const),
    });
    fc.assert(
      fc.property(
        fc.array(holderOf, { maxLength: 7 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 6 }),
        (found, cpu, memory) => {
          const holders = found.map((options, at) =>
            holder(`t${at}`, { ...options, cpu: String(options.cpu), memory: `${options.memory}Gi` }),
          );
          const task = urgent({
            priority: 2,
            resources: { requests: { cpu: String(cpu), memory: `${memory}Gi` } },
          });
          const worker = contested('w1', holders, { cpu: '6', memory: '8Gi' });
          if (isFitting(askOf(task), worker)) return;
          const fits = (set: readonly Holder[]): boolean =>
            isFitting(askOf(task), withShares(worker, set, -1));
          const movable = holders.filter(
            ({ leavesByMs, priority }) => leavesByMs === undefined && priority < 2,
          );
          const ways = subsets(movable).filter(fits).map(costOf).sort(compare);
          const plan = planPreemption(task, [worker], NOW);
          if (ways[0] === undefined) {
            expect(plan.kind).to.equal('none');
            return;
          }
          if (plan.kind !== 'preempt') throw new Error(`planned ${JSON.stringify(plan)}`);
          expect(movable).to.include.members([...plan.victims]);
          expect(fits(plan.victims)).to.equal(true);
          for (const one of plan.victims) {
            expect(fits(plan.victims.filter((other) => other !== one))).to.equal(false);
          }
          const cost = costOf(plan.victims);
          const told = plan.victims.length <= 3 ? cost : cost.slice(0, 1);
          expect(told).to.deep.equal(ways[0].slice(0, told.length));
        },
      ),
      { numRuns: 300 },
    );
  });
});

function subsets(holders: readonly Holder[]): readonly (readonly Holder[])[] {
  return holders.reduce<readonly (readonly Holder[])[]>(
    (all, one) => [...all, ...all.map((set) => [...set, one])],
    [[]],
  );
}

/** Highest priority, number, total, and how old the oldest is: less is less costly. */
function costOf(set: readonly Holder[]): readonly number[] {
  return [
    Math.max(...set.map(({ priority }) => priority)),
    set.length,
    set.reduce((sum, { priority }) => sum + priority, 0),
    -Math.min(...set.map(({ sinceMs }) => sinceMs)),
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((figure, index) => figure !== b[index]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
