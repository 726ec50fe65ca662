/** What DependenciesMet says: the plan's table, and its laws. */
import { expect } from 'chai';
import fc from 'fast-check';
import { planDependencies } from '../../../controllers/dependencies/plan.ts';
import type { Condition } from '../../../machinery/conditions.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

type Status = NonNullable<Task['status']>;
type Dependencies = NonNullable<Task['spec']['dependsOn']>;

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

const condition = (type: string, status: 'True' | 'False', reason = 'R', message = 'm'): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-03-01T00:00:00Z',
  observedGeneration: 1,
});
const bound = { workerName: 'w1', bindingEpoch: 2 };
const task = (name: string, status?: Status, spec: Partial<Task['spec']> = {}): Task =>
  newTask(name, spec, status === undefined ? {} : { status });
const waiting = (dependsOn: Dependencies, status?: Status, spec: Partial<Task['spec']> = bound): Task =>
  task('a', status, { ...spec, dependsOn });
const on = (name: string, kind?: 'Started' | 'Ready' | 'Completed'): Dependencies[number] => ({
  name,
  ...(kind === undefined ? {} : { condition: kind }),
});

/** `True …`, `False …: message`, `keep`, or `gone`. */
function judged(subject: Task, others: readonly Task[] = []): string {
  const found = new Map([subject, ...others].map((one) => [one.metadata.name, one]));
  const plan = planDependencies({ task: subject, find: (name) => found.get(name), nowMs: NOW_MS });
  if (plan.kind === 'keep') return 'keep';
  return plan.condition === undefined
    ? 'gone'
    : `${plan.condition.status} ${plan.condition.reason}: ${plan.condition.message}`;
}

describe('planDependencies', () => {
  const ready: Status = { phase: 'Running', conditions: [condition('Ready', 'True')] };
  const rows: readonly {
    readonly name: string;
    readonly task: Task;
    readonly others?: readonly Task[];
    readonly says: string;
  }[] = [
    { name: 'leaves alone what depends on nothing', task: task('a'), says: 'keep' },
    {
      name: 'waits for a task that is missing, naming it',
      task: waiting([on('db')]),
      says: 'False DependencyNotReady: task "db" is missing: create it, or take it out of dependsOn',
    },
    {
      name: 'waits for Ready unless something else is said',
      task: waiting([on('db')]),
      others: [task('db', { phase: 'Pending', reason: 'ErrImagePull', message: 'no such image' })],
      says: 'False DependencyNotReady: task "db" is not Ready: it is Pending (ErrImagePull, no such image)',
    },
    {
      name: 'is met by Ready',
      task: waiting([on('db')]),
      others: [task('db', ready)],
      says: 'True DependenciesMet: task "db" is Ready',
    },
    {
      name: 'is not met by a task that nobody has seen yet',
      task: waiting([on('db', 'Started')]),
      others: [task('db')],
      says: 'False DependencyNotReady: task "db" was not started: it is Pending',
    },
    {
      name: 'Started is met by the first start, whatever came after',
      task: waiting([on('db', 'Started')]),
      others: [task('db', { phase: 'Failed', startedAt: '2026-03-01T00:00:00Z' })],
      says: 'True DependenciesMet: task "db" was started',
    },
    {
      name: 'Completed is met by Succeeded',
      task: waiting([on('init', 'Completed')]),
      others: [task('init', { phase: 'Succeeded', observedGeneration: 1 })],
      says: 'True DependenciesMet: task "init" has Completed',
    },
    {
      name: 'Completed is not met by what succeeded before it was wished anew',
      task: waiting([on('init', 'Completed')]),
      others: [
        newTask(
          'init',
          {},
          { metadata: { generation: 2 }, status: { phase: 'Succeeded', observedGeneration: 1 } },
        ),
      ],
      says: 'False DependencyNotReady: task "init" has not Completed: it is Succeeded',
    },
    {
      name: 'Completed is not met by Failed, and says that it will not be by itself',
      task: waiting([on('init', 'Completed')]),
      others: [task('init', { phase: 'Failed', observedGeneration: 1 })],
      says: 'False DependencyNotReady: task "init" has not Completed: it is Failed, and is not started again by itself',
    },
    {
      name: 'says that a dependency is to stay stopped',
      task: waiting([on('db')]),
      others: [task('db', { phase: 'Stopped' }, { desiredState: 'Stopped' })],
      says: 'False DependencyNotReady: task "db" is not Ready: its desiredState is Stopped',
    },
    {
      name: 'placed anew, does not wait for what had happened before its first start and is gone since',
      task: waiting([on('init', 'Completed'), on('seed', 'Started'), on('db')], {
        startedAt: '2026-03-01T00:00:00Z',
      }),
      others: [task('db', { phase: 'Running' })],
      says: 'False DependencyNotReady: task "db" is not Ready: it is Running',
    },
    {
      name: 'placed anew, waits for what is there and has to happen again',
      task: waiting([on('init', 'Completed')], { startedAt: '2026-03-01T00:00:00Z' }),
      others: [task('init', { phase: 'Running' })],
      says: 'False DependencyNotReady: task "init" has not Completed: it is Running',
    },
    {
      name: 'names everything that is not so, and nothing else',
      task: waiting([on('db'), on('init', 'Completed'), on('cache', 'Started')]),
      others: [task('db', ready), task('init', { phase: 'Running' })],
      says: 'False DependencyNotReady: task "init" has not Completed: it is Running; task "cache" is missing: create it, or take it out of dependsOn',
    },
    {
      name: 'judges before a worker is chosen, too',
      task: waiting([on('db')], undefined, {}),
      others: [task('db', ready)],
      says: 'True DependenciesMet: task "db" is Ready',
    },
    {
      name: 'takes True back while nothing was started',
      task: waiting([on('db')], { conditions: [condition('DependenciesMet', 'True')] }),
      says: 'False DependencyNotReady: task "db" is missing: create it, or take it out of dependsOn',
    },
    {
      name: 'leaves alone what was started',
      task: waiting([on('db')], {
        workerName: 'w1',
        phase: 'Running',
        container: { id: 'c', startedAt: '2026-03-01T00:00:00Z' },
        conditions: [condition('DependenciesMet', 'True')],
      }),
      says: 'keep',
    },
    {
      name: 'leaves alone what was started and ended',
      task: waiting([on('db')], {
        workerName: 'w1',
        phase: 'Pending',
        history: [{ attempt: 1, reason: 'Error', epoch: 2, startedAt: '2026-03-01T00:00:00Z' }],
      }),
      says: 'keep',
    },
    {
      name: 'judges again what is bound anew: its containers are those of another binding',
      task: waiting([on('db')], {
        workerName: 'w1',
        phase: 'Pending',
        container: { id: 'c', startedAt: '2026-03-01T00:00:00Z' },
        history: [{ attempt: 1, id: 'c', reason: 'Error', epoch: 1, startedAt: '2026-03-01T00:00:00Z' }],
      }),
      says: 'False DependencyNotReady: task "db" is missing: create it, or take it out of dependsOn',
    },
    {
      name: 'judges again what is bound to another worker than the one that told of it',
      task: waiting([on('db')], {
        workerName: 'w0',
        phase: 'Unknown',
        container: { id: 'c', startedAt: '2026-03-01T00:00:00Z' },
      }),
      says: 'False DependencyNotReady: task "db" is missing: create it, or take it out of dependsOn',
    },
    {
      name: 'takes the condition away when nothing is depended on any more',
      task: task('a', { conditions: [condition('DependenciesMet', 'False')] }),
      says: 'gone',
    },
    {
      name: 'leaves alone what is being deleted',
      task: newTask(
        'a',
        { dependsOn: [on('db')] },
        { metadata: { deletionTimestamp: '2026-03-01T00:00:00Z' } },
      ),
      says: 'keep',
    },
    {
      name: 'names a circle of two',
      task: waiting([on('b')]),
      others: [task('b', undefined, { dependsOn: [on('a')] })],
      says: 'False DependencyNotReady: they wait for each other: a -> b -> a; task "b" is not Ready: it is Pending',
    },
    {
      name: 'does not repeat what a dependency says of its own dependencies',
      task: waiting([on('b')]),
      others: [
        task(
          'b',
          { phase: 'Pending', reason: 'DependencyNotReady', message: 'a long story' },
          { dependsOn: [on('c')] },
        ),
      ],
      says: 'False DependencyNotReady: task "b" is not Ready: it waits for what it depends on itself',
    },
    {
      name: 'names the shortest circle',
      task: waiting([on('b'), on('c')]),
      others: [
        task('b', undefined, { dependsOn: [on('c')] }),
        task('c', undefined, { dependsOn: [on('d')] }),
        task('d', undefined, { dependsOn: [on('a', 'Completed')] }),
      ],
      says: 'False DependencyNotReady: they wait for each other: a -> c -> d -> a; task "b" is not Ready: it is Pending; task "c" is not Ready: it is Pending',
    },
    {
      name: 'names a task that waits for itself',
      task: waiting([on('a')]),
      says: 'False DependencyNotReady: they wait for each other: a -> a; task "a" is not Ready: it is Pending',
    },
    {
      name: 'takes nothing for a circle whose way leads through what is met',
      task: waiting([on('b')]),
      others: [task('b', undefined, { dependsOn: [on('c')] }), task('c', ready, { dependsOn: [on('a')] })],
      says: 'False DependencyNotReady: task "b" is not Ready: it is Pending',
    },
    {
      name: 'takes nothing for a circle whose way leads through what has begun',
      task: waiting([on('b')]),
      others: [
        task(
          'b',
          { workerName: 'w1', phase: 'Running', container: { id: 'b', startedAt: '2026-03-01T00:00:00Z' } },
          { ...bound, dependsOn: [on('a')] },
        ),
      ],
      says: 'False DependencyNotReady: task "b" is not Ready: it is Running',
    },
    {
      name: 'is not held up by a circle of others',
      task: waiting([on('b')]),
      others: [
        task('b', undefined, { dependsOn: [on('c')] }),
        task('c', undefined, { dependsOn: [on('b')] }),
      ],
      says: 'False DependencyNotReady: task "b" is not Ready: it is Pending',
    },
  ];
  for (const row of rows) it(row.name, () => expect(judged(row.task, row.others)).to.equal(row.says));

  it('keeps messages within bounds', () => {
    const names = Array.from({ length: 32 }, (_, index) => `${'x'.repeat(60)}${index}`);
    expect(judged(waiting(names.map((name) => on(name)))).length).to.be.below(1_100);
  });

  it('is news when it becomes True or False, not when its words change', () => {
    const old = { conditions: [condition('DependenciesMet', 'False')] };
    const isNews = (subject: Task, others: readonly Task[]): unknown => {
      const plan = planDependencies({
        task: subject,
        find: (name) => others.find(({ metadata }) => metadata.name === name),
        nowMs: NOW_MS,
      });
      return plan.kind === 'write' ? plan.isNews : plan.kind;
    };
    expect(isNews(waiting([on('db')], old), [])).to.equal(false);
    expect(isNews(waiting([on('db')], old), [task('db', ready)])).to.equal(true);
    expect(isNews(waiting([on('db')]), [])).to.equal(true);
  });

  it('law: what was written is settled, says True exactly when all are met, and touches no other condition', () => {
    const status = fc.option(
      fc.record({
        phase: fc.constantFrom(
          'Pending' as const,
          'Running' as const,
          'Succeeded' as const,
          'Failed' as const,
        ),
        startedAt: fc.option(fc.constant('2026-03-01T00:00:00Z'), { nil: undefined }),
        conditions: fc.constantFrom<Condition[]>(
          [],
          [condition('Ready', 'True')],
          [condition('Ready', 'False')],
        ),
        observedGeneration: fc.constant(1),
      }),
      { nil: undefined },
    );
    const names = ['a', 'b', 'c', 'd'];
    const dependency = fc.record({
      name: fc.constantFrom(...names, 'missing'),
      condition: fc.constantFrom('Started' as const, 'Ready' as const, 'Completed' as const),
    });
    const dependsOn = fc.uniqueArray(dependency, { maxLength: 4, selector: ({ name }) => name });
    const world = fc.array(fc.tuple(status, dependsOn), { minLength: 4, maxLength: 4 }).map((parts) =>
      parts.map(([seen, wanted], index) => {
        const { startedAt, ...rest } = seen ?? {};
        const full = { ...rest, ...(startedAt === undefined ? {} : { startedAt }) };
        return task(names[index] ?? '', seen === undefined ? undefined : full, { dependsOn: wanted });
      }),
    );
    fc.assert(
      fc.property(world, (all) => {
        const find = (name: string): Task | undefined => all.find(({ metadata }) => metadata.name === name);
        for (const subject of all) {
          const plan = planDependencies({ task: subject, find, nowMs: NOW_MS });
          if (plan.kind === 'keep') {
            expect(subject.spec.dependsOn).to.have.length(0);
            continue;
          }
          const isMet = (subject.spec.dependsOn ?? []).every(({ name, condition: wanted }) => {
            const seen = find(name)?.status;
            if (wanted !== 'Ready' && find(name) === undefined)
              return subject.status?.startedAt !== undefined;
            if (wanted === 'Started') return seen?.startedAt !== undefined;
            if (wanted === 'Completed') return seen?.phase === 'Succeeded';
            return (
              seen?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true
            );
          });
          expect(plan.condition?.status).to.equal(isMet ? 'True' : 'False');
          const others = (plan.status.conditions ?? []).filter(({ type }) => type !== 'DependenciesMet');
          expect(others).to.deep.equal(subject.status?.conditions ?? []);
          const again = { ...subject, status: plan.status };
          const findAgain = (name: string): Task | undefined =>
            name === subject.metadata.name ? again : find(name);
          expect(planDependencies({ task: again, find: findAgain, nowMs: NOW_MS + 1 }).kind).to.equal('keep');
        }
      }),
    );
  });
});
