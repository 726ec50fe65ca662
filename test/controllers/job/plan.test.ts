/** What is planned for a Job: the name is the specification, the row is the world. */
import { expect } from 'chai';
import { planJob } from '../../../controllers/job/plan.ts';
import { circleOf, dependencyKey } from '../../../controllers/job/planning/upstream.ts';
import type { JobPlan, JobStatus, JobWorld } from '../../../controllers/job/types.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import { jobManifest, runManifest } from './world.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 3_600_000;
const ago = (ms: number): string => new Date(NOW - ms).toISOString().replace('.000Z', 'Z');
const seconds = (ms: number): number => Math.floor((NOW - ms) / 1000);

type Settled = Extract<JobPlan, { kind: 'settle' }>;

function job(spec: Partial<Job['spec']>, status?: JobStatus, name = 'j'): Job {
  const manifest = jobManifest(name, spec);
  const metadata = {
    ...manifest.metadata,
    uid: `uid-${name}`,
    generation: 1,
    creationTimestamp: ago(1000 * HOUR),
  };
  return { ...manifest, metadata, ...(status === undefined ? {} : { status }) };
}

function run(
  name: string,
  status: Run['status'],
  spec: Partial<Run['spec']> = {},
  of = 'j',
  createdMsAgo = HOUR,
): Run {
  const manifest = runManifest(name, of, spec);
  const owner = { apiVersion: 'gantry.dev/v1', kind: 'Job', name: of, uid: `uid-${of}`, controller: true };
  const metadata = {
    ...manifest.metadata,
    uid: `uid-${name}`,
    creationTimestamp: ago(createdMsAgo),
    ownerReferences: [owner],
  };
  return { ...manifest, metadata, ...(status === undefined ? {} : { status }) };
}

function world(of: Job, rest: Partial<JobWorld> = {}): JobWorld {
  return {
    job: of,
    runs: [],
    gone: new Set(),
    findJob: () => undefined,
    runsOf: () => [],
    hasDependents: false,
    awaited: new Set(),
    isSchedulerSuspended: false,
    nowMs: NOW,
    sinceJumpMs: undefined,
    sinceWriteMs: undefined,
    unmade: new Map(),
    ...rest,
  };
}

function settled(plan: JobPlan): Settled {
  if (plan.kind !== 'settle') throw new Error(`wanted a settled plan, found ${JSON.stringify(plan)}`);
  return plan;
}

/** Everything that is asked to be made, by name; made as asked for until the plan settles. */
function madeBy(start: JobWorld): { readonly made: readonly string[]; readonly plan: Settled } {
  let at = start;
  const made: string[] = [];
  for (let pass = 0; pass < 3; pass++) {
    const plan = planJob(at);
    if (plan.kind === 'settle') return { made, plan };
    made.push(...plan.runs.map(({ name, trigger }) => `${name} ${trigger}`));
    const runs = plan.runs.map(({ name, trigger, scheduledMs }) =>
      run(
        name,
        undefined,
        {
          trigger,
          ...(scheduledMs === undefined ? {} : { scheduledTime: new Date(scheduledMs).toISOString() }),
        },
        at.job.metadata.name,
        0,
      ),
    );
    at = { ...at, runs: [...at.runs, ...runs] };
  }
  throw new Error('the plan never settles');
}

const reasons = (plan: Settled): readonly string[] => plan.notes.map(({ reason }) => reason);

describe('planJob: times of the schedule', () => {
  const rows: readonly {
    readonly name: string;
    readonly spec: Partial<Job['spec']>;
    readonly last?: string;
    readonly sinceJumpMs?: number;
    readonly status?: Partial<JobStatus>;
    /** How long ago the times are that run. */
    readonly runs: readonly number[];
    readonly notes?: readonly string[];
  }[] = [
    { name: 'one that is due runs', spec: { schedule: '0 12 * * *' }, last: ago(24 * HOUR), runs: [0] },
    {
      name: 'one that was dealt with does not run again',
      spec: { schedule: '0 12 * * *' },
      last: ago(0),
      runs: [],
    },
    {
      name: 'Skip: after a stop the last one within a minute runs',
      spec: { schedule: '59 11 * * *' },
      last: ago(24 * HOUR),
      runs: [MINUTE],
    },
    {
      name: 'Skip: an older one does not, whatever the deadline, and is told',
      spec: { schedule: '58 11 * * *', startingDeadlineSeconds: 3600 },
      last: ago(24 * HOUR),
      runs: [],
      notes: ['MissedSchedule'],
    },
    {
      name: 'Skip: of every second those run that are no more than ten seconds late',
      spec: { schedule: '* * * * * *' },
      last: ago(20_000),
      runs: [10_000, 9_000, 8_000, 7_000, 6_000, 5_000, 4_000, 3_000, 2_000, 1_000, 0],
      notes: ['MissedSchedule'],
    },
    {
      name: 'Skip: after a jump of the clock only what has really passed, and two seconds',
      spec: { schedule: '* * * * * *' },
      last: ago(HOUR),
      sinceJumpMs: 1_000,
      runs: [3_000, 2_000, 1_000, 0],
      notes: ['MissedSchedule'],
    },
    {
      name: 'Skip: a time that a jump passed over does not run',
      spec: { schedule: '59 11 * * *' },
      last: ago(24 * HOUR),
      sinceJumpMs: 5_000,
      runs: [],
      notes: ['MissedSchedule'],
    },
    {
      name: 'Latest: the last of those that were missed within the deadline',
      spec: { schedule: '*/20 * * * *', catchUp: 'Latest', startingDeadlineSeconds: 7200 },
      last: ago(3 * HOUR + MINUTE),
      runs: [0],
      notes: ['MissedSchedule'],
    },
    {
      name: 'Latest: however late it is',
      spec: { schedule: '30 11 * * *', catchUp: 'Latest', startingDeadlineSeconds: 7200 },
      last: ago(24 * HOUR),
      runs: [30 * MINUTE],
    },
    {
      name: 'All: each of them within the deadline',
      spec: { schedule: '*/20 * * * *', catchUp: 'All', startingDeadlineSeconds: 3600 },
      last: ago(3 * HOUR),
      runs: [HOUR, 40 * MINUTE, 20 * MINUTE, 0],
      notes: ['MissedSchedule'],
    },
    {
      name: 'past the deadline nothing runs',
      spec: { schedule: '30 11 * * *', catchUp: 'All' },
      last: ago(24 * HOUR),
      runs: [],
      notes: ['MissedSchedule'],
    },
    {
      name: "what was before the last edit is nobody's",
      spec: { schedule: '0 12 * * *' },
      status: { scheduleSince: ago(0) },
      runs: [],
    },
    {
      name: 'a lastScheduleTime ahead of the clock: nothing until then',
      spec: { schedule: '* * * * * *' },
      last: ago(-HOUR),
      runs: [],
    },
    {
      name: 'more than a day ahead: told, and counted from now',
      spec: { schedule: '* * * * * *' },
      last: ago(-48 * HOUR),
      runs: [],
      notes: ['ClockSetBack'],
    },
    {
      name: 'suspended: nothing',
      spec: { schedule: '0 12 * * *', suspend: true },
      last: ago(24 * HOUR),
      runs: [],
      notes: ['Suspended'],
    },
    {
      name: 'a schedule that an older version stored and that is none: nothing, and told',
      spec: { schedule: '0 99 * * *' },
      runs: [],
      notes: ['InvalidSchedule'],
    },
    {
      name: 'a time zone that is none: nothing, and told',
      spec: { schedule: '0 12 * * *', timeZone: 'No/Where' },
      runs: [],
      notes: ['InvalidSchedule'],
    },
  ];
  for (const row of rows) {
    it(row.name, () => {
      const { schedule, timeZone = 'UTC' } = row.spec;
      const status: JobStatus = {
        observedGeneration: 1,
        schedule: `${schedule} ${timeZone}`,
        ...(row.last === undefined ? {} : { lastScheduleTime: row.last }),
        ...row.status,
      };
      const { made, plan } = madeBy(world(job(row.spec, status), { sinceJumpMs: row.sinceJumpMs }));
      expect(made.map((one) => one.split(' ')[0])).to.deep.equal(
        row.runs.map((late) => `j-${seconds(late)}`),
      );
      for (const [index, late] of row.runs.entries())
        expect(made[index]).to.include(late > 10_000 ? 'CatchUp' : 'Schedule');
      expect(reasons(plan)).to.deep.equal(row.notes ?? []);
      expect(plan.status?.active?.length).to.equal(row.runs.length);
    });
  }

  it('a hundred at most are made up for', () => {
    const status: JobStatus = {
      observedGeneration: 1,
      schedule: '* * * * * UTC',
      lastScheduleTime: ago(100 * HOUR),
    };
    const spec = { schedule: '* * * * *', catchUp: 'All', startingDeadlineSeconds: 1_000_000 } as const;
    expect(madeBy(world(job(spec, status))).made).to.have.length(100);
  });

  it('a Job that was never looked at owes what came since its creation', () => {
    const { made, plan } = madeBy(world(job({ schedule: '0 12 * * *' })));
    expect(made).to.deep.equal([`j-${seconds(0)} Schedule`]);
    expect(plan.status).to.deep.include({
      scheduleSince: ago(1000 * HOUR),
      nextScheduleTime: ago(-24 * HOUR),
      lastScheduleTime: ago(0),
    });
  });

  it('what could not be made is told, and dealt with', () => {
    const status: JobStatus = {
      observedGeneration: 1,
      schedule: '0 12 * * * UTC',
      lastScheduleTime: ago(24 * HOUR),
    };
    const start = world(job({ schedule: '0 12 * * *' }, status), {
      unmade: new Map([[`j-${seconds(0)}`, 'no room']]),
    });
    const plan = settled(planJob(start));
    expect(reasons(plan)).to.deep.equal(['FailedCreate']);
    expect(plan.status?.lastScheduleTime).to.equal(ago(0));
  });

  it('a settled Job plans nothing', () => {
    const { plan } = madeBy(world(job({ schedule: '0 12 * * *' })));
    const status = { ...plan.status, active: [], activeCount: 0 };
    const again = settled(planJob(world(job({ schedule: '0 12 * * *' }, status))));
    expect(again.status).to.equal(status);
    expect([...again.actions, ...again.notes]).to.deep.equal([]);
    expect(again.lookAgainMs).to.equal(24 * HOUR);
  });

  it('one that is being deleted plans nothing', () => {
    const one = job({ schedule: '* * * * * *' });
    const deleting = { ...one, metadata: { ...one.metadata, deletionTimestamp: ago(0) } };
    expect(planJob(world(deleting))).to.deep.equal({
      kind: 'settle',
      status: undefined,
      actions: [],
      lookAgainMs: undefined,
      missed: 0,
      skipped: 0,
      notes: [],
    });
  });
});

describe('planJob: which runs begin', () => {
  const under = { state: 'running', startedAt: ago(MINUTE) } as const;
  const reference = (name: string) => ({ name, uid: `uid-${name}` });
  const acts = (plan: Settled): readonly string[] =>
    plan.actions.map(
      (act) =>
        `${act.kind} ${act.run.metadata.name}${act.kind === 'tell' ? ` ${act.status.state} ${act.status.reason}` : ''}`,
    );

  const rows: readonly {
    readonly name: string;
    readonly spec: Partial<Job['spec']>;
    readonly status?: JobStatus;
    readonly runs: readonly Run[];
    readonly gone?: readonly string[];
    readonly awaited?: readonly string[];
    readonly active: readonly string[];
    readonly acts?: readonly string[];
  }[] = [
    { name: 'a new one begins', spec: {}, runs: [run('a', undefined)], active: ['a'] },
    {
      name: 'Forbid: a second one is refused',
      spec: { concurrencyPolicy: 'Forbid' },
      status: { active: [reference('a')] },
      runs: [run('a', under), run('b', undefined)],
      active: ['a'],
      acts: ['tell b failed MaxConcurrentRunsExceeded'],
    },
    {
      name: 'Allow: as many as maxConcurrentRuns',
      spec: { maxConcurrentRuns: 2 },
      runs: [
        run('c', undefined, {}, 'j', 1),
        run('a', undefined, {}, 'j', 3),
        run('b', undefined, {}, 'j', 2),
      ],
      active: ['a', 'b', 'c'].slice(0, 2),
      acts: ['tell c failed MaxConcurrentRunsExceeded'],
    },
    {
      name: 'one leaves once its end is stored',
      spec: { concurrencyPolicy: 'Forbid' },
      status: { active: [reference('a')] },
      runs: [run('a', { state: 'completed', finishedAt: ago(0) }), run('b', undefined)],
      active: ['b'],
    },
    {
      name: 'or once it is certainly gone',
      spec: { concurrencyPolicy: 'Forbid' },
      status: { active: [reference('a')] },
      runs: [run('b', undefined)],
      gone: ['uid-a'],
      active: ['b'],
    },
    {
      name: 'and not while it merely is not in the copy',
      spec: { concurrencyPolicy: 'Queue' },
      status: { active: [reference('a')] },
      runs: [run('b', { state: 'pending', reason: 'Queued' })],
      active: ['a'],
    },
    {
      name: 'Queue: priority first, then age',
      spec: { concurrencyPolicy: 'Queue' },
      runs: [run('a', undefined, {}, 'j', 9), run('b', undefined, { priority: 1 }, 'j', 5)],
      active: ['b'],
      acts: ['tell a pending Queued'],
    },
    {
      name: 'Replace: the oldest that is not stopping yet gives way',
      spec: { concurrencyPolicy: 'Replace', maxConcurrentRuns: 3 },
      status: { active: ['a', 'b', 'c'].map(reference) },
      runs: [
        run('a', under, { cancel: true }),
        run('b', under),
        run('c', under),
        run('d', { state: 'pending', reason: 'Queued' }),
        run('e', { state: 'pending', reason: 'Queued' }),
      ],
      active: ['a', 'b', 'c'],
      acts: ['cancel b'],
    },
    {
      name: 'Replace: what would give way at once does not begin',
      spec: { concurrencyPolicy: 'Replace' },
      runs: [run('a', undefined, {}, 'j', 9), run('b', undefined, {}, 'j', 5)],
      active: ['b'],
      acts: ['tell a cancelled Cancelled'],
    },
    {
      name: 'cancelled before it began',
      spec: {},
      runs: [run('a', undefined, { cancel: true })],
      active: [],
      acts: ['tell a cancelled Cancelled'],
    },
    {
      name: 'one that has begun has its place, although the list, of a backup, has it not',
      spec: { concurrencyPolicy: 'Queue' },
      runs: [run('a', under), run('b', { state: 'pending', reason: 'Queued' })],
      active: ['a'],
    },
    {
      name: 'one of a time that is dealt with and in no list was made again: it goes',
      spec: {},
      status: { lastScheduleTime: ago(0) },
      runs: [run(`j-${seconds(0)}`, undefined, { trigger: 'Schedule', scheduledTime: ago(0) })],
      active: [],
      acts: [`delete j-${seconds(0)}`],
    },
    {
      name: 'one that was taken note of waits on',
      spec: { concurrencyPolicy: 'Queue' },
      status: { active: [reference('a')], waiting: [reference(`j-${seconds(0)}`)], lastScheduleTime: ago(0) },
      runs: [
        run('a', under),
        run(
          `j-${seconds(0)}`,
          { state: 'pending', reason: 'Queued' },
          { trigger: 'Schedule', scheduledTime: ago(0) },
        ),
      ],
      active: ['a'],
    },
    {
      name: 'one of an earlier Job of this name is none of ours',
      spec: {},
      runs: [
        {
          ...run('a', undefined),
          metadata: {
            ...run('a', undefined).metadata,
            ownerReferences: [
              { apiVersion: 'gantry.dev/v1', kind: 'Job', name: 'j', uid: 'other', controller: true },
            ],
          },
        },
      ],
      active: [],
    },
    {
      name: 'one that nobody owns is taken in',
      spec: {},
      runs: [{ ...run('a', undefined), metadata: { name: 'a', namespace: 'default', uid: 'uid-a' } }],
      active: ['a'],
      acts: ['adopt a'],
    },
    {
      name: 'Queue: a time that a person gave a run makes it no older',
      spec: { concurrencyPolicy: 'Queue' },
      runs: [
        run('first', undefined, {}, 'j', 2_000),
        run('second', undefined, { scheduledTime: ago(9 * HOUR) }, 'j', 1_000),
      ],
      active: ['first'],
      acts: ['tell second pending Queued'],
    },
    {
      name: 'history: the oldest beyond the limits go; what is protected, listed or taken over stays',
      spec: { successfulRunsHistoryLimit: 0, failedRunsHistoryLimit: 1 },
      status: { active: [reference('listed'), reference('again')] },
      runs: [
        run('good', { state: 'completed', finishedAt: ago(9) }),
        run('listed', { state: 'completed', finishedAt: ago(8) }),
        {
          ...run('kept', { state: 'completed', finishedAt: ago(7) }),
          metadata: { ...run('kept', undefined).metadata, annotations: { 'gantry.dev/protect': 'true' } },
        },
        run('base', { state: 'completed', finishedAt: ago(6) }),
        run('again', under, { trigger: 'Rerun', rerunOf: { name: 'base' } }),
        run('bad', { state: 'failed', finishedAt: ago(2 * HOUR) }),
        run('worse', { state: 'interrupted', finishedAt: ago(HOUR) }),
      ],
      active: ['again'],
      acts: ['delete good', 'delete bad'],
    },
    {
      name: 'history: what others wait for stays until they have seen its end',
      spec: { successfulRunsHistoryLimit: 0 },
      runs: [
        run('seen', { state: 'completed', finishedAt: ago(9) }),
        run('awaited', { state: 'completed', finishedAt: ago(8) }),
      ],
      awaited: ['awaited'],
      active: [],
      acts: ['delete seen'],
    },
    {
      name: 'a run that waits for others takes no place, and leaves it to those that can begin',
      spec: { concurrencyPolicy: 'Forbid' },
      runs: [
        run('waits', { state: 'pending' }, { dependsOn: [{ name: 'x' }] }, 'j', 2_000),
        run('free', undefined, {}, 'j', 1_000),
      ],
      active: ['free'],
      acts: [],
    },
    {
      name: 'a run that waits for others is cancelled where somebody wants it',
      spec: {},
      runs: [run('waits', { state: 'pending' }, { dependsOn: [{ name: 'x' }], cancel: true })],
      active: [],
      acts: ['tell waits cancelled Cancelled'],
    },
    {
      name: 'history: a time that a person gave a run keeps it no longer, but what was made for a time to come stays',
      spec: { successfulRunsHistoryLimit: 0 },
      runs: [
        run('rerun', { state: 'completed', finishedAt: ago(9) }, { scheduledTime: ago(-HOUR) }),
        run(
          `j-${seconds(-HOUR)}`,
          { state: 'completed', finishedAt: ago(9) },
          { trigger: 'Schedule', scheduledTime: ago(-HOUR) },
        ),
      ],
      active: [],
      acts: ['delete rerun'],
    },
  ];
  for (const row of rows) {
    it(row.name, () => {
      const plan = settled(
        planJob(
          world(job(row.spec, row.status), {
            runs: row.runs,
            gone: new Set(row.gone),
            awaited: new Set(row.awaited),
          }),
        ),
      );
      expect(plan.status?.active?.map(({ name }) => name)).to.deep.equal(row.active);
      expect(acts(plan)).to.deep.equal(row.acts ?? []);
    });
  }

  it('what was made for a time that nobody wants goes once that has come, by way of the status', () => {
    const spec = { schedule: '0 12 * * *', suspend: true };
    const made = (ms: number): Run =>
      run(`j-${seconds(ms)}`, undefined, { trigger: 'Schedule', scheduledTime: ago(ms) });
    const stored = settled(planJob(world(job(spec)))).status ?? {};
    const early = settled(planJob(world(job(spec, stored), { runs: [made(-MINUTE)] })));
    expect(early).to.deep.include({ status: stored, actions: [], lookAgainMs: MINUTE });
    const later = settled(planJob(world(job(spec, stored), { runs: [made(MINUTE)] })));
    expect(later.actions).to.deep.equal([]);
    const gone = settled(planJob(world(job(spec, later.status ?? {}), { runs: [made(MINUTE)] })));
    expect(acts(gone)).to.deep.equal([`delete j-${seconds(MINUTE)}`]);
  });

  it('one time under both its names, by two servers: one of them begins, the other goes', () => {
    const spec = { schedule: '0 12 * * *' };
    const made = [`j-${seconds(0)}`, `j-${seconds(0)}-uidj`].map((name) =>
      run(name, undefined, { trigger: 'Schedule', scheduledTime: ago(0) }),
    );
    const start = world(job(spec, { observedGeneration: 1, schedule: '0 12 * * * UTC' }), { runs: made });
    const first = settled(planJob(start));
    expect([first.status?.active?.length, acts(first)]).to.deep.equal([1, []]);
    const next = settled(planJob({ ...start, job: job(spec, first.status ?? {}) }));
    expect(next.status?.active).to.deep.equal(first.status?.active);
    const other = made.find(({ metadata }) => metadata.name !== first.status?.active?.[0]?.name);
    expect(acts(next)).to.deep.equal([`delete ${other?.metadata.name}`]);
  });

  it('Forbid: a time of the schedule is left out, told, and dealt with', () => {
    const spec = { schedule: '0 12 * * *', concurrencyPolicy: 'Forbid' } as const;
    const { made, plan } = madeBy(
      world(
        job(spec, {
          observedGeneration: 1,
          schedule: '0 12 * * * UTC',
          lastScheduleTime: ago(24 * HOUR),
          active: [reference('a')],
        }),
        {
          runs: [run('a', under)],
        },
      ),
    );
    expect(made).to.deep.equal([]);
    expect(reasons(plan)).to.deep.equal(['MaxConcurrentRunsExceeded']);
    expect(plan.status?.lastScheduleTime).to.equal(ago(0));
  });

  it('what only tells that runs have ended waits for a second since the last write', () => {
    const start = world(
      job({}, { observedGeneration: 1, active: [reference('a')], activeCount: 1, queued: 0 }),
      { runs: [run('a', under)] },
    );
    const { status } = settled(planJob(start));
    const ended = {
      ...start,
      job: job({}, status),
      runs: [run('a', { state: 'completed', finishedAt: ago(0) })],
    };
    const early = settled(planJob({ ...ended, sinceWriteMs: 300 }));
    expect(early.status).to.equal(status);
    expect(early.lookAgainMs).to.equal(700);
    expect(settled(planJob({ ...ended, sinceWriteMs: 1_000 })).status).to.deep.include({
      activeCount: 0,
      lastRunState: 'completed',
      lastSuccessfulTime: ago(0),
    });
  });
});

describe('planJob: what it depends on', () => {
  const upstream = job({}, undefined, 'up');
  const ended = (name: string, state: 'completed' | 'failed', msAgo: number): Run =>
    run(name, { state, startedAt: ago(msAgo + 1), finishedAt: ago(msAgo) }, {}, 'up');
  type Dependency = NonNullable<Job['spec']['dependsOn']>[number];
  const about = (
    dependency: Partial<Dependency>,
    runs: readonly Run[],
    rest: Partial<JobWorld> = {},
    up: Job | undefined = upstream,
  ): JobWorld =>
    world(
      job(
        { dependsOn: [{ job: 'up', ...dependency }] },
        { observedGeneration: 1, schedule: 'after up LastSuccess' },
      ),
      {
        findJob: (name) => (name === 'up' ? up : undefined),
        runsOf: () => runs,
        ...rest,
      },
    );

  const rows: readonly {
    readonly name: string;
    readonly dependency: Partial<Dependency>;
    readonly runs: readonly Run[];
    readonly up?: Job;
    readonly message: string | undefined;
  }[] = [
    {
      name: 'LastSuccess: nothing has run',
      dependency: {},
      runs: [],
      message: 'job "up" has no run that has ended',
    },
    {
      name: 'LastSuccess: the last one completed',
      dependency: {},
      runs: [ended('b', 'completed', 1_000), ended('a', 'failed', 9_000)],
      message: undefined,
    },
    {
      name: 'LastSuccess: the last one failed',
      dependency: {},
      runs: [ended('a', 'completed', 9_000), ended('b', 'failed', 1_000)],
      message: 'the last run "b" of job "up" is failed',
    },
    {
      name: 'LastSuccess: one that was refused does not count',
      dependency: {},
      runs: [
        ended('a', 'completed', 9_000),
        run('b', { state: 'failed', reason: 'MaxConcurrentRunsExceeded', finishedAt: ago(0) }, {}, 'up'),
      ],
      message: undefined,
    },
    {
      name: 'LastSuccess: nothing is there any more, and the status remembers',
      dependency: {},
      runs: [],
      up: job({}, { lastRunState: 'completed' }, 'up'),
      message: undefined,
    },
    {
      name: 'LastComplete: however it ended',
      dependency: { condition: 'LastComplete' },
      runs: [ended('a', 'failed', 9_000)],
      message: undefined,
    },
    {
      name: 'LastComplete: nothing has ended',
      dependency: { condition: 'LastComplete' },
      runs: [run('a', { state: 'running' }, {}, 'up')],
      message: 'has no run that has ended',
    },
    {
      name: 'WithinWindow: one within it, whatever came later',
      dependency: { condition: 'WithinWindow', windowSeconds: 60 },
      runs: [ended('a', 'completed', 60_000), ended('b', 'failed', 1_000)],
      message: undefined,
    },
    {
      name: 'WithinWindow: too long ago',
      dependency: { condition: 'WithinWindow', windowSeconds: 60 },
      runs: [ended('a', 'completed', 61_000)],
      message: `last completed at ${ago(61_000)}, wanted within 60 seconds`,
    },
    {
      name: 'WithinWindow: never',
      dependency: { condition: 'WithinWindow', windowSeconds: 60 },
      runs: [ended('a', 'failed', 1_000)],
      message: 'has no run that has completed',
    },
    {
      name: 'a Job that is not there',
      dependency: { job: 'other' },
      runs: [],
      message: 'job "other" is not there',
    },
  ];
  for (const row of rows) {
    it(`${row.name}: a run by hand ${row.message === undefined ? 'begins' : 'is refused'}`, () => {
      const start = about(row.dependency, row.runs, { runs: [run('a', undefined)] }, row.up);
      const { plan } = madeBy({
        ...start,
        job: { ...start.job, spec: { ...start.job.spec, schedule: '@yearly' } },
      });
      const told = plan.actions.flatMap((act) =>
        act.kind === 'tell' ? [`${act.status.reason}: ${act.status.message}`] : [],
      );
      if (row.message === undefined) expect([told, plan.status?.activeCount]).to.deep.equal([[], 1]);
      else expect(told.join()).to.include('DependencyNotSatisfied: ').and.include(row.message);
    });
  }

  it('a set of upstream runs triggers once, by a name that follows from it', () => {
    const runs = [ended('a', 'completed', 1_000)];
    const { made, plan } = madeBy(about({}, runs));
    expect(made).to.deep.equal([`j-${dependencyKey(runs)} Dependency`]);
    const again = madeBy({ ...about({}, runs), job: job({ dependsOn: [{ job: 'up' }] }, plan.status ?? {}) });
    expect(again.made).to.deep.equal([]);
  });

  it('what ended before the Job was there, or while it rested, triggers nothing', () => {
    const old = about({}, [ended('a', 'completed', 2000 * HOUR)]);
    expect(madeBy(old).made).to.deep.equal([]);
    expect(
      madeBy({ ...about({}, [ended('a', 'completed', 1_000)]), isSchedulerSuspended: true }).made,
    ).to.deep.equal([]);
  });

  it('with a schedule it triggers nothing, and a time of the schedule is refused where it can be seen', () => {
    const spec = { schedule: '0 12 * * *', dependsOn: [{ job: 'up' }] };
    const start = {
      ...about({}, [ended('a', 'failed', 1_000)]),
      job: job(spec, { observedGeneration: 1, schedule: '0 12 * * * UTC' }),
    };
    const { made, plan } = madeBy(start);
    expect(made).to.deep.equal([`j-${seconds(0)} Schedule`]);
    expect(plan.status).to.deep.include({
      activeCount: 0,
      waiting: [{ name: `j-${seconds(0)}`, uid: `uid-j-${seconds(0)}` }],
    });
    const there = run(`j-${seconds(0)}`, undefined, { trigger: 'Schedule', scheduledTime: ago(0) });
    const next = settled(planJob({ ...start, job: job(spec, plan.status ?? {}), runs: [there] }));
    expect(next.actions).to.have.length(1);
    expect(next.actions[0]).to.have.nested.property('status.reason', 'DependencyNotSatisfied');
  });

  it('a circle triggers nothing, and is told with its path', () => {
    const others = new Map([['up', job({ dependsOn: [{ job: 'j' }] }, undefined, 'up')]]);
    const start = {
      ...about({}, [ended('a', 'completed', 1_000)]),
      findJob: (name: string) => others.get(name),
    };
    expect(circleOf(start.job, start.findJob)).to.deep.equal(['j', 'up', 'j']);
    const { made, plan } = madeBy(start);
    expect(made).to.deep.equal([]);
    expect(findCondition(plan.status?.conditions, 'Valid')).to.include({
      status: 'False',
      reason: 'DependencyCircle',
      message: 'jobs depend on each other: j -> up -> j',
    });
    expect(circleOf(job({ dependsOn: [{ job: 'j' }] }), () => undefined)).to.deep.equal(['j', 'j']);
  });
});
