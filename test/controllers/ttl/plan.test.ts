/** What is old enough to go. */
import { expect } from 'chai';
import { ClockWatch } from '../../../controllers/ttl/clockwatch.ts';
import { planEventRemoval, planObjectTtl, planRunTtl, planTaskTtl } from '../../../controllers/ttl/plan.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import type { KubeObject, ObjectMeta } from '../../../machinery/meta.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { newEvent, newTask } from '../../builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const HOUR = 3_600_000;
const ago = (ms: number): string => new Date(NOW - ms).toISOString();

function ended(ttl: string | undefined, status: NonNullable<Task['status']>, generation = 1): Task {
  return newTask(
    't',
    {},
    {
      metadata: { generation, ...(ttl === undefined ? {} : { annotations: { 'gantry.dev/ttl': ttl } }) },
      status: { observedGeneration: 1, ...status },
    },
  );
}

describe('planRunTtl', () => {
  const run = (
    spec: Run['spec'],
    status: NonNullable<Run['status']>,
    annotations: Record<string, string> = {},
  ): Run => ({
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { name: 'r', namespace: 'default', annotations },
    spec,
    status,
  });
  const dispatched: Run['spec'] = { templateRef: { name: 'fib' } };
  const ofJob: Run['spec'] = { jobRef: { name: 'j' } };
  const endedAt = (ms: number): NonNullable<Run['status']> => ({ state: 'completed', finishedAt: ago(ms) });
  const by = 'ttlSecondsAfterFinished';
  const rows: readonly { readonly name: string; readonly run: Run; readonly plan: object }[] = [
    {
      name: 'dispatched, under way: kept',
      run: run(dispatched, { state: 'running', startedAt: ago(99 * HOUR) }),
      plan: { kind: 'keep' },
    },
    {
      name: 'dispatched, ended an hour ago: deleted',
      run: run(dispatched, endedAt(HOUR)),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: HOUR, by },
    },
    {
      name: 'dispatched, ended just now: looked at in an hour',
      run: run(dispatched, endedAt(0)),
      plan: { kind: 'later', inMs: HOUR },
    },
    {
      name: 'dispatched, with a longer ttl of its own: that counts',
      run: run(dispatched, endedAt(HOUR), { 'gantry.dev/ttl': '2h' }),
      plan: { kind: 'later', inMs: HOUR },
    },
    {
      name: 'of a job: its history limits decide',
      run: run(ofJob, endedAt(99 * HOUR)),
      plan: { kind: 'keep' },
    },
    {
      name: 'of a job, with ttlSecondsAfterFinished: deleted on the second',
      run: run({ ...ofJob, ttlSecondsAfterFinished: 10 }, endedAt(10_000)),
      plan: { kind: 'delete', sinceMs: NOW - 10_000, ttlMs: 10_000, by },
    },
    {
      name: 'both: whichever is sooner',
      run: run({ ...ofJob, ttlSecondsAfterFinished: 7200 }, endedAt(HOUR), { 'gantry.dev/ttl': '30m' }),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: HOUR / 2, by: 'gantry.dev/ttl' },
    },
  ];
  for (const row of rows) it(row.name, () => expect(planRunTtl(row.run, NOW)).to.deep.equal(row.plan));
});

describe('planTaskTtl', () => {
  const rows: readonly { readonly name: string; readonly task: Task; readonly plan: object }[] = [
    {
      name: 'no annotation: kept',
      task: ended(undefined, { phase: 'Stopped', finishedAt: ago(99 * HOUR) }),
      plan: { kind: 'keep' },
    },
    {
      name: 'ended longer ago than the ttl: deleted',
      task: ended('1h', { phase: 'Succeeded', finishedAt: ago(HOUR) }),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: HOUR, by: 'gantry.dev/ttl' },
    },
    {
      name: 'ended, but not yet for long enough: looked at in time',
      task: ended('1h30m', { phase: 'Failed', finishedAt: ago(HOUR) }),
      plan: { kind: 'later', inMs: HOUR / 2 },
    },
    {
      name: 'stopped without ever having run: counted from when that was written',
      task: ended('1h', { phase: 'Stopped', observedAt: ago(2 * HOUR) }),
      plan: { kind: 'delete', sinceMs: NOW - 2 * HOUR, ttlMs: HOUR, by: 'gantry.dev/ttl' },
    },
    {
      name: 'running: kept, however old',
      task: ended('1h', { phase: 'Running', startedAt: ago(99 * HOUR) }),
      plan: { kind: 'keep' },
    },
    {
      name: 'ended, but its spec was changed since: kept',
      task: ended('1h', { phase: 'Succeeded', finishedAt: ago(99 * HOUR) }, 2),
      plan: { kind: 'keep' },
    },
  ];
  for (const { name, task, plan } of rows) {
    it(name, () => expect(planTaskTtl(task, NOW)).to.deep.equal(plan));
  }

  const finished = (
    phase: 'Succeeded' | 'Failed' | 'Stopped' | 'Running',
    ttlSecondsAfterFinished: number,
    finishedMsAgo: number,
    annotations: Record<string, string> = {},
  ): Task =>
    newTask(
      't',
      { ttlSecondsAfterFinished },
      { metadata: { annotations }, status: { phase, observedGeneration: 1, finishedAt: ago(finishedMsAgo) } },
    );
  it('ended, while others cannot begin without it: stays, and says for whom', () => {
    const task = finished('Succeeded', 60, HOUR);
    expect(planTaskTtl(task, NOW, ['web', 'api'])).to.deep.equal({
      kind: 'awaited',
      message:
        'its ttlSecondsAfterFinished has passed, but tasks that depend on it have not been started yet: web, api; it stays until they have been',
    });
    const many = Array.from({ length: 12 }, (_, index) => `t${index}`);
    expect(planTaskTtl(task, NOW, many))
      .to.have.property('message')
      .that.includes('t9 and 2 more;');
    expect(planTaskTtl(finished('Succeeded', 60, 0), NOW, ['web'])).to.have.property('kind', 'later');
  });

  it('a run that others wait for stays until they have seen its end', () => {
    const run: Run = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Run',
      metadata: { name: 'r' },
      spec: { templateRef: { name: 't' } },
      status: { state: 'completed', finishedAt: ago(2 * HOUR) },
    };
    expect(planRunTtl(run, NOW)).to.have.property('kind', 'delete');
    expect(planRunTtl(run, NOW, ['next'])).to.deep.equal({
      kind: 'awaited',
      message:
        'its ttlSecondsAfterFinished has passed, but runs that depend on it have not seen its end yet: next; it stays until they have',
    });
  });

  const field = 'ttlSecondsAfterFinished';
  const ofField: typeof rows = [
    {
      name: 'ttlSecondsAfterFinished after Succeeded: deleted on the second',
      task: finished('Succeeded', 10, 10_000),
      plan: { kind: 'delete', sinceMs: NOW - 10_000, ttlMs: 10_000, by: field },
    },
    {
      name: 'ttlSecondsAfterFinished a moment too early: looked at just in time',
      task: finished('Failed', 10, 9_999),
      plan: { kind: 'later', inMs: 1 },
    },
    {
      name: 'ttlSecondsAfterFinished of 0: deleted at once',
      task: finished('Succeeded', 0, 0),
      plan: { kind: 'delete', sinceMs: NOW, ttlMs: 0, by: field },
    },
    {
      name: 'ttlSecondsAfterFinished does not count for a stopped task',
      task: finished('Stopped', 0, HOUR),
      plan: { kind: 'keep' },
    },
    {
      name: 'ttlSecondsAfterFinished does not count for a running task',
      task: finished('Running', 0, HOUR),
      plan: { kind: 'keep' },
    },
    {
      name: 'both: the annotation, when it is sooner',
      task: finished('Succeeded', 7200, HOUR, { 'gantry.dev/ttl': '1h' }),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: HOUR, by: 'gantry.dev/ttl' },
    },
    {
      name: 'both: the field, when it is sooner',
      task: finished('Succeeded', 60, HOUR, { 'gantry.dev/ttl': '7d' }),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: 60_000, by: field },
    },
    {
      name: 'both: the field, when the annotation is no duration',
      task: finished('Succeeded', 60, HOUR, { 'gantry.dev/ttl': 'soon' }),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: 60_000, by: field },
    },
    {
      name: 'protected: told of, and kept',
      task: finished('Succeeded', 60, HOUR, { 'gantry.dev/protect': 'true' }),
      plan: {
        kind: 'protected',
        message:
          'its ttlSecondsAfterFinished of 60 s has passed, but the annotation gantry.dev/protect is "true": it stays until that is removed',
      },
    },
  ];
  for (const { name, task, plan } of ofField) {
    it(name, () => expect(planTaskTtl(task, NOW)).to.deep.equal(plan));
  }

  it('says what is wrong with a value that is no duration, whatever the phase', () => {
    for (const phase of ['Running', 'Succeeded'] as const) {
      const plan = planTaskTtl(ended('two days', { phase }), NOW);
      if (plan.kind !== 'bad') throw new Error(`planned ${plan.kind}`);
      expect(plan.message).to.contain('"two days"').and.to.contain('24h');
    }
  });
});

describe('planObjectTtl', () => {
  const object = (ttl: string, metadata: Partial<ObjectMeta> = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'c',
      creationTimestamp: ago(HOUR),
      ...metadata,
      annotations: { 'gantry.dev/ttl': ttl, ...metadata.annotations },
    },
  });
  const rows: readonly { readonly name: string; readonly object: KubeObject; readonly plan: object }[] = [
    {
      name: 'old enough: deleted',
      object: object('30m'),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: HOUR / 2, by: 'gantry.dev/ttl' },
    },
    {
      name: 'exactly old enough: deleted',
      object: object('1h'),
      plan: { kind: 'delete', sinceMs: NOW - HOUR, ttlMs: HOUR, by: 'gantry.dev/ttl' },
    },
    { name: 'too young: looked at in time', object: object('90m'), plan: { kind: 'later', inMs: HOUR / 2 } },
    {
      name: 'made by a clock that was ahead: its time counts from then',
      object: object('1h', { creationTimestamp: ago(-HOUR) }),
      plan: { kind: 'later', inMs: 2 * HOUR },
    },
    {
      name: 'going already: nothing',
      object: object('1m', { deletionTimestamp: ago(0) }),
      plan: { kind: 'keep' },
    },
    {
      name: 'no ttl at all: nothing',
      object: { ...object('1m'), metadata: { name: 'c' } },
      plan: { kind: 'keep' },
    },
  ];
  for (const { name, object: found, plan } of rows) {
    it(name, () => expect(planObjectTtl(found, NOW)).to.deep.equal(plan));
  }

  it('protection is stronger, and is told only when it matters', () => {
    const annotations = { 'gantry.dev/protect': 'true' };
    expect(planObjectTtl(object('30m', { annotations }), NOW).kind).to.equal('protected');
    expect(planObjectTtl(object('2h', { annotations }), NOW).kind).to.equal('later');
  });
});

describe('ClockWatch', () => {
  it('distrusts a clock that was set ahead, for five minutes', () => {
    const clock = new FakeClock();
    const watch = new ClockWatch(clock);
    clock.advance(24 * HOUR);
    expect(watch.distrustMs()).to.equal(0);
    clock.jumpWall(2 * HOUR);
    expect(watch.distrustMs()).to.equal(300_000);
    clock.advance(100_000);
    expect(watch.distrustMs()).to.equal(200_000);
    clock.advance(200_000);
    expect(watch.distrustMs()).to.equal(0);
  });

  it('does not mind a clock that was set back, or a little ahead', () => {
    const clock = new FakeClock();
    const watch = new ClockWatch(clock);
    clock.jumpWall(-3 * HOUR);
    expect(watch.distrustMs()).to.equal(0);
    clock.jumpWall(30_000);
    expect(watch.distrustMs()).to.equal(0);
  });
});

describe('planEventRemoval', () => {
  const names = (plan: ReturnType<typeof planEventRemoval>): string[] =>
    plan.remove.map(({ event, why }) => `${event.metadata.name} ${why}`);

  it('removes what was not seen for a day and looks again when the next one is due', () => {
    const plan = planEventRemoval(
      [
        newEvent('old', NOW - 25 * HOUR),
        newEvent('just', NOW - 24 * HOUR),
        newEvent('young', NOW - 23 * HOUR),
      ],
      NOW,
    );
    expect(names(plan)).to.deep.equal(['just old', 'old old']);
    expect(plan.lookAgainMs).to.equal(HOUR);
  });

  it('keeps the newest hundred of an object', () => {
    const many = Array.from({ length: 103 }, (_, index) => newEvent(`e${index}`, NOW - index * 1000));
    const plan = planEventRemoval(many, NOW);
    expect(names(plan)).to.deep.equal(['e100 crowded', 'e101 crowded', 'e102 crowded']);
  });

  it('has nothing more to look at once none is left', () => {
    expect(planEventRemoval([], NOW)).to.deep.equal({ remove: [], lookAgainMs: undefined });
  });
});
