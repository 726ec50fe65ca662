/** The planner of Runs: tables for its words, and what its parts promise. */
import { expect } from 'chai';
import fc from 'fast-check';
import { planRun } from '../../../controllers/run/plan.ts';
import { whySkipped } from '../../../controllers/run/planning/conditions.ts';
import { backoffMs, endOf, imageTrouble } from '../../../controllers/run/planning/ends.ts';
import { environmentOf, type StepSurroundings } from '../../../controllers/run/planning/environment.ts';
import { outcomeOf, withOutputs } from '../../../controllers/run/planning/outcome.ts';
import { fromTaskProblem, planRerun, takenOver } from '../../../controllers/run/planning/rerun.ts';
import { pinJob, readPinned } from '../../../controllers/run/planning/revision.ts';
import { newStepTask } from '../../../controllers/run/planning/steptask.ts';
import type {
  Condition,
  Pinned,
  PinnedStep,
  RunWorld,
  StepState,
  StepStatus,
} from '../../../controllers/run/types.ts';
import type { Job, Run, Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const at = (ms: number): string => new Date(NOW + ms).toISOString();

const newStep = (name: string, rest: Partial<PinnedStep> = {}): PinnedStep => ({
  name,
  template: { spec: { image: 'x' } },
  dependsOn: [],
  condition: 'AllSuccess',
  retries: { limit: 0, backoffSeconds: 10, on: 'Always' },
  ...rest,
});
const pinnedOf = (...tasks: PinnedStep[]): Pinned => ({ tasks, env: [], config: {} });
const newRun = (spec: Partial<Run['spec']> = {}, status?: Run['status']): Run => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Run',
  metadata: { name: 'r', namespace: 'default', uid: 'uid-r', resourceVersion: '1', generation: 1 },
  spec: { jobRef: { name: 'j' }, revision: 'j-1', ...spec },
  ...(status === undefined ? {} : { status }),
});
const taskOf = (name: string, status: Task['status'] = {}, spec: Partial<Task['spec']> = {}): Task => {
  const owner = { apiVersion: 'gantry.dev/v1', kind: 'Run', name: 'r', uid: 'uid-r', controller: true };
  return newTask(name, { workerName: 'w1', ...spec }, { status, metadata: { ownerReferences: [owner] } });
};
const ended = (phase: 'Succeeded' | 'Failed' | 'Stopped', reason: string, rest: Task['status'] = {}) => ({
  phase,
  reason,
  observedGeneration: 1,
  finishedAt: at(-1_000),
  ...rest,
});
const worldOf = (run: Run, pinned: Pinned | undefined, ...tasks: Task[]): RunWorld => ({
  run,
  pinned,
  tasks: new Map(tasks.map((task) => [task.metadata.name, task])),
  absent: new Set(),
  refusals: new Map(),
  takenOver: [],
  nowMs: NOW,
});

describe('Conditions of steps', () => {
  // Whether it runs after one step, and after two.
  const rows: readonly [Condition, before: string, runs: boolean][] = [
    ['AllSuccess', '', true],
    ['AllSuccess', 'completed', true],
    ['AllSuccess', 'completed failed', false],
    ['AllSuccess', 'skipped', false],
    ['AllSuccess', 'interrupted', false],
    ['AllSuccess', 'cancelled', false],
    ['OnFailure', '', false],
    ['OnFailure', 'completed', false],
    ['OnFailure', 'completed failed', true],
    ['OnFailure', 'skipped failed', true],
    ['OnFailure', 'interrupted', true],
    ['OnFailure', 'skipped', false],
    ['AllDone', 'completed failed', true],
    ['AllDone', 'interrupted', true],
    ['AllDone', 'completed skipped', false],
    ['Always', 'skipped failed', true],
  ];
  for (const [condition, before, runs] of rows) {
    it(`${condition} after ${before || 'nothing'}: ${runs ? 'runs' : 'is skipped'}`, () => {
      const states = before.split(' ').filter((word) => word !== '') as StepState[];
      const why = whySkipped(
        condition,
        states.map((state, index) => ({ name: `s${index}`, state })),
      );
      expect(why === undefined, why).to.equal(runs);
      if (why !== undefined) expect(why).to.include(condition);
    });
  }
});

describe('The end of a try', () => {
  const rows: readonly [name: string, task: Task, end: string | undefined][] = [
    ['nothing is said', taskOf('t'), undefined],
    ['it runs', taskOf('t', { phase: 'Running', observedGeneration: 1 }), undefined],
    ['its worker is lost', taskOf('t', { phase: 'Unknown', reason: 'WorkerLost' }), undefined],
    ['it succeeded', taskOf('t', ended('Succeeded', 'Completed')), 'completed Completed'],
    ['it failed', taskOf('t', ended('Failed', 'OOMKilled')), 'failed OOMKilled'],
    ['said of an older wish', taskOf('t', { ...ended('Failed', 'Error'), observedGeneration: 0 }), undefined],
    [
      'stopped by a hand',
      taskOf('t', ended('Stopped', 'Stopped'), { desiredState: 'Stopped' }),
      'stopped Stopped',
    ],
    [
      'to be stopped, and it still runs',
      taskOf('t', { phase: 'Running', observedGeneration: 1 }, { desiredState: 'Stopped' }),
      undefined,
    ],
    [
      'to be stopped before it had a worker',
      newTask('t', { desiredState: 'Stopped' }, { status: { phase: 'Pending' } }),
      'stopped Stopped',
    ],
  ];
  for (const [name, task, wanted] of rows) {
    it(`${name}: ${wanted ?? 'is none'}`, () => {
      const end = endOf(task, NOW);
      expect(end && `${end.kind} ${end.reason}`).to.equal(wanted);
    });
  }

  const retried: readonly [PinnedStep['retries']['on'], reason: string, exitCode: number, is: boolean][] = [
    ['Always', 'Error', 1, true],
    ['Never', 'WorkerLost', 137, false],
    ['Transient', 'Error', 1, false],
    ['Transient', 'Error', 75, true],
    ['Transient', 'OOMKilled', 137, false],
    ['Transient', 'DeadlineExceeded', 143, false],
    ['Transient', 'InvalidImageName', 0, false],
    ...['WorkerLost', 'Preempted', 'Evicted', 'Stopped', 'Interrupted', 'ImagePullBackOff'].map(
      (reason): [PinnedStep['retries']['on'], string, number, boolean] => ['Transient', reason, 143, true],
    ),
  ];
  for (const [on, reason, exitCode, is] of retried) {
    it(`on ${on}, ${reason} ${exitCode}: ${is ? 'is' : 'is not'} tried again`, () => {
      const step = newStep('a', { retries: { limit: 1, backoffSeconds: 5, on } });
      const end = { kind: 'failed' as const, reason, message: '', exitCode, finishedMs: NOW };
      expect(backoffMs(step, 1, end)).to.equal(is ? 5_000 : undefined);
      expect(backoffMs(step, 2, end)).to.equal(undefined);
    });
  }

  it('is followed by waits that double, up to an hour', () => {
    const step = newStep('a', { retries: { limit: 100, backoffSeconds: 10, on: 'Always' } });
    const end = { kind: 'failed' as const, reason: 'Error', message: '', finishedMs: NOW };
    const waits = [1, 2, 3, 9, 10, 99].map((attempt) => (backoffMs(step, attempt, end) ?? 0) / 1000);
    expect(waits).to.deep.equal([10, 20, 40, 2_560, 3_600, 3_600]);
  });

  it('does not wait for ever for an image, nor lose patience while no worker had it', () => {
    const since = (ms: number) => [
      { type: 'Scheduled', status: 'True' as const, reason: 'S', message: 'm', lastTransitionTime: at(ms) },
    ];
    const left = (status: Task['status'], timeoutSeconds?: number): number | undefined =>
      imageTrouble(
        taskOf('t', { phase: 'Pending', ...status }),
        newStep('a', timeoutSeconds === undefined ? {} : { timeoutSeconds }),
        NOW,
      )?.leftMs;
    expect(left({ reason: 'ErrImagePull', conditions: since(-100_000) })).to.equal(200_000);
    expect(left({ reason: 'ImagePullBackOff', conditions: since(-100_000) }, 60)).to.equal(-40_000);
    expect(left({ reason: 'InvalidImageName' })).to.equal(0);
    expect(left({ reason: 'Unschedulable' })).to.equal(undefined);
    expect(left({ reason: 'ErrImagePull', startedAt: at(-5_000) })).to.equal(undefined);
  });
});

describe('The plan of a Run', () => {
  const created = (world: RunWorld): readonly string[] =>
    planRun(world).creates.map(({ step, attempt }) => `${step.name} ${attempt}`);
  const running = (name: string, rest: Partial<StepStatus> = {}): StepStatus => ({
    name,
    state: 'running',
    attempts: 1,
    taskName: `r-${name}-1`,
    taskUID: `uid-r-${name}-1`,
    startedAt: at(-9_000),
    ...rest,
  });
  const chain = pinnedOf(newStep('a'), newStep('b', { dependsOn: ['a'] }));

  it('makes what can begin, all at once, and says pending until it is made', () => {
    const plan = planRun(
      worldOf(newRun(), pinnedOf(newStep('a'), newStep('b'), newStep('c', { dependsOn: ['a'] }))),
    );
    expect(plan.creates.map(({ step }) => step.name)).to.deep.equal(['a', 'b']);
    expect(plan.status.state).to.equal('pending');
  });

  it('goes on from a Task that was made before anything was told of it', () => {
    const plan = planRun(worldOf(newRun(), chain, taskOf('r-a-1', ended('Succeeded', 'Completed'))));
    expect(plan.creates.map(({ step }) => step.name)).to.deep.equal(['b']);
    expect(plan.status.tasks?.[0]).to.include({ state: 'completed', taskName: 'r-a-1', attempts: 1 });
  });

  it('waits for the store after a step was skipped, and for nothing after one that is seen to have ended', () => {
    const pinned = pinnedOf(
      newStep('a', { condition: 'OnFailure' }),
      newStep('b', { dependsOn: ['a'], condition: 'Always' }),
    );
    const first = planRun(worldOf(newRun(), pinned));
    expect(first.creates).to.deep.equal([]);
    expect(first.goesOn).to.equal(true);
    expect(created(worldOf(newRun({}, first.status), pinned))).to.deep.equal(['b 1']);
  });

  it('reads a missing Task live before it says that it is gone, and that a step is over before it acts on it', () => {
    const run = newRun({}, { state: 'running', tasks: [running('a'), { name: 'b', state: 'pending' }] });
    const world = worldOf(run, chain);
    expect(planRun(world).lookups).to.deep.equal(['r-a-1']);
    const plan = planRun({ ...world, absent: new Set(['r-a-1']) });
    expect(plan.status).to.include({ state: 'interrupted', reason: 'Interrupted' });
    expect(plan.status.tasks?.map(({ state }) => state)).to.deep.equal(['interrupted', 'skipped']);
  });

  it('makes no second try while the first may go on, and no more than its retries allow', () => {
    const pinned = pinnedOf(newStep('a', { retries: { limit: 1, backoffSeconds: 0, on: 'Always' } }));
    const run = newRun({}, { state: 'running', tasks: [running('a')] });
    expect(
      created(worldOf(run, pinned, taskOf('r-a-1', { phase: 'Unknown', reason: 'WorkerLost' }))),
    ).to.deep.equal([]);
    const failed = taskOf('r-a-1', ended('Failed', 'Error'));
    expect(created(worldOf(run, pinned, failed))).to.deep.equal(['a 2']);
    const plan = planRun(worldOf(run, pinned, failed, taskOf('r-a-2', ended('Failed', 'Error'))));
    expect(plan.creates).to.deep.equal([]);
    expect(plan.status).to.include({ state: 'failed', reason: 'BackoffLimitExceeded' });
  });

  it('lets no retry wait longer than its backoff when the clock was set back', () => {
    const pinned = pinnedOf(newStep('a', { retries: { limit: 3, backoffSeconds: 10, on: 'Always' } }));
    const entry = { ...running('a'), state: 'pending' as const, reason: 'Error', retryAt: at(3_600_000) };
    const plan = planRun(worldOf(newRun({}, { state: 'running', tasks: [entry] }), pinned));
    expect(plan.status.tasks?.[0]?.retryAt).to.equal(at(10_000));
    expect(plan.lookAgainMs).to.equal(10_000);
  });

  it('asks whether a Task was made after all before it calls a step cancelled', () => {
    const run = newRun({ cancel: true });
    const world = worldOf(run, chain);
    expect(planRun(world).lookups).to.deep.equal(['r-a-1', 'r-a-1-uidr']);
    const plan = planRun({ ...world, absent: new Set(['r-a-1', 'r-a-1-uidr']) });
    expect(plan.status).to.include({ state: 'cancelled', reason: 'Cancelled' });
    expect(
      planRun(worldOf(run, chain, taskOf('r-a-1'))).stops.map(({ task }) => task.metadata.name),
    ).to.deep.equal(['r-a-1']);
  });

  it('does not call a run cancelled whose steps have all ended by themselves', () => {
    const plan = planRun(
      worldOf(
        newRun({ cancel: true }),
        pinnedOf(newStep('a')),
        taskOf('r-a-1', ended('Succeeded', 'Completed')),
      ),
    );
    expect(plan.status.state).to.equal('completed');
  });

  it('does not call a run completed of whose steps nobody knows any more', () => {
    const end = (spec: Partial<Run['spec']> = {}): unknown => {
      const { state, reason } = planRun(worldOf(newRun(spec), undefined)).status;
      return [state, reason];
    };
    expect(end()).to.deep.equal(['interrupted', 'RevisionMissing']);
    expect(end({ cancel: true })).to.deep.equal(['cancelled', 'Cancelled']);
  });

  it('lets end what runs when its revision is gone, and begins nothing', () => {
    const run = newRun({}, { state: 'running', tasks: [running('a'), { name: 'b', state: 'pending' }] });
    const world = { ...worldOf(run, undefined, taskOf('r-a-1')), absent: new Set(['r-b-1', 'r-b-1-uidr']) };
    const plan = planRun(world);
    expect(plan.stops).to.deep.equal([]);
    expect(plan.status.tasks?.map(({ state }) => state)).to.deep.equal(['running', 'interrupted']);
    const last = planRun({
      ...world,
      run: newRun({}, plan.status),
      tasks: new Map([['r-a-1', taskOf('r-a-1', ended('Succeeded', 'Completed'))]]),
    });
    expect(last.status).to.include({ state: 'interrupted', reason: 'RevisionMissing' });
  });

  it('stops a Task of an ended run that nobody knows of, and leaves alone what a hand started again', () => {
    const status = {
      state: 'completed' as const,
      finishedAt: at(-5_000),
      tasks: [{ ...running('a'), state: 'completed' as const }],
    };
    const known = taskOf('r-a-1', { phase: 'Running', observedGeneration: 1 });
    const plan = planRun(worldOf(newRun({}, status), chain, known, taskOf('r-a-2', { phase: 'Running' })));
    expect(plan.stops.map(({ task }) => task.metadata.name)).to.deep.equal(['r-a-2']);
    expect(plan.creates).to.deep.equal([]);
  });

  it('says nothing new about what it has said', () => {
    const world = worldOf(newRun(), chain, taskOf('r-a-1', { phase: 'Running' }));
    const { status } = planRun(world);
    const again = planRun({ ...world, run: newRun({}, status), nowMs: NOW + 60_000 });
    expect(again.status).to.equal(status);
    expect(again).to.deep.include({ creates: [], stops: [], lookups: [], notes: [] });
  });

  it('names the step that failed first', () => {
    const failed = (name: string, ms: number): StepStatus => ({
      name,
      state: 'failed',
      attempts: 1,
      finishedAt: at(ms),
    });
    const outcome = outcomeOf(
      [failed('late', 9), failed('first', 1)],
      [newStep('late'), newStep('first')],
      false,
    );
    expect(outcome?.message).to.include('step "first" failed');
  });

  it('keeps outputs as long as a run has room for them, and says so where it has not', () => {
    const big = { k: 'x'.repeat(60_000) };
    const entries = Array.from(
      { length: 8 },
      (_, index): StepStatus => ({ name: `s${index}`, state: 'completed' }),
    );
    const tasks = new Map(entries.map(({ name }) => [name, taskOf(name, { result: { outputs: big } })]));
    const kept = withOutputs(newRun(), entries, tasks);
    expect(kept.filter(({ outputs }) => outputs !== undefined)).to.have.length(6);
    expect(kept[7]?.message).to.include('its outputs (60008 bytes) are in its task only');
  });
});

describe('Running again', () => {
  const pinned = pinnedOf(
    newStep('a'),
    newStep('b', { dependsOn: ['a'] }),
    newStep('c', { dependsOn: ['b'] }),
    newStep('d'),
  );
  const done = (name: string): StepStatus => ({ name, state: 'completed', attempts: 1 });
  const old = newRun(
    {},
    {
      state: 'failed',
      finishedAt: at(0),
      tasks: [done('a'), done('b'), { name: 'c', state: 'failed' }, done('d')],
    },
  );
  const rerun = (fromTask?: string): Run =>
    newRun({ trigger: 'Rerun', rerunOf: { name: 'r', ...(fromTask === undefined ? {} : { fromTask }) } });
  const rows: readonly [string, Run | undefined, string][] = [
    ['gone', undefined, 'run "r" is gone'],
    ['running', newRun({}, { state: 'running' }), 'run "r" is running; cancel it'],
    [
      'of another job',
      newRun({ jobRef: { name: 'k' } }, { finishedAt: at(0) }),
      'is of job "k", and this one is of job "j"',
    ],
  ];
  for (const [name, of, words] of rows) {
    it(`of one that is ${name} is refused`, () => {
      const again = planRerun(rerun(), of);
      expect(again.kind === 'refused' ? again.message : '').to.include(words);
    });
  }

  it('takes over what had completed and does not come after the step', () => {
    const names = (fromTask?: string): readonly string[] =>
      takenOver(rerun(fromTask), old, pinned).map(({ name }) => name);
    expect(names()).to.deep.equal([]);
    expect(names('b')).to.deep.equal(['a', 'd']);
    expect(names('c')).to.deep.equal(['a', 'b', 'd']);
    expect(fromTaskProblem(rerun('x'), pinned)).to.include(
      '"x" is no step of what is run again; its steps are a, b, c, d',
    );
    expect(planRerun(rerun(), old)).to.deep.equal({ kind: 'again', revision: 'j-1' });
  });

  it('takes over nothing that comes after another step which runs anew: that would have begun before it', () => {
    const steps = pinnedOf(
      newStep('a'),
      newStep('cleanup', { dependsOn: ['a'], condition: 'OnFailure' }),
      newStep('b'),
      newStep('skipped', { condition: 'OnFailure' }),
      newStep('after', { dependsOn: ['skipped'], condition: 'Always' }),
    );
    const first = newRun(
      {},
      {
        state: 'failed',
        finishedAt: at(0),
        tasks: [
          { name: 'a', state: 'failed' },
          done('cleanup'),
          done('b'),
          { name: 'skipped', state: 'skipped' },
          done('after'),
        ],
      },
    );
    expect(takenOver(rerun('b'), first, steps).map(({ name }) => name)).to.deep.equal(['after']);
  });
});

describe('The data of a revision', () => {
  it('is read back as it was pinned, and nothing else is', () => {
    const job: Job = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Job',
      metadata: { name: 'j' },
      spec: {
        tasks: [{ name: 'a', template: { spec: { image: 'x' } }, timeoutSeconds: 5 }],
        config: { k: 'v' },
      },
    };
    const resolved = pinJob(job, () => undefined);
    const pinned = resolved.kind === 'pinned' ? resolved.pinned : undefined;
    expect(readPinned(JSON.parse(JSON.stringify(pinned)))).to.deep.equal(pinned);
    for (const nonsense of [undefined, {}, { tasks: [{}] }, { tasks: [{ name: 'a', template: {} }] }])
      expect(readPinned(nonsense)).to.equal(undefined);
  });
});

describe('What a step is told', () => {
  const around: StepSurroundings = {
    run: 'r',
    step: 's',
    attempt: 1,
    parameters: {},
    config: {},
    before: [],
  };
  const valuesOf = (surroundings: Partial<StepSurroundings>, taken: readonly string[] = []) =>
    Object.fromEntries(
      environmentOf({ ...around, ...surroundings }, new Set(taken)).map(({ name, value = '' }) => [
        name,
        value,
      ]),
    );

  it('never replaces what it defines itself, and has each name once', () => {
    const values = valuesOf({ parameters: { 'a-b': 1, a_b: 2, list: ['x'] } }, ['GANTRY_RUN']);
    expect(values).to.deep.equal({
      GANTRY_STEP: 's',
      GANTRY_ATTEMPT: '1',
      GANTRY_PARAMETER_A_B: '1',
      GANTRY_PARAMETER_LIST: '["x"]',
    });
  });

  it('shares one bound: small values are whole, of large standard outputs the ends are kept', () => {
    const before = Array.from({ length: 20 }, (_, index) => ({
      step: `s${index}`,
      exitCode: 0,
      stdout: `begin${'x'.repeat(65_000)}end${index}`,
      outputs: { small: 'value' },
    }));
    const values = valuesOf({ before, config: { large: 'y'.repeat(100_000) } });
    expect(values['GANTRY_TASKS_S7_OUTPUTS_SMALL']).to.equal('value');
    expect(values['GANTRY_TASKS_S7_STDOUT']).to.match(/xend7$/);
    expect(values['GANTRY_CONFIG_LARGE']).to.equal(undefined);
    expect(values['GANTRY_TRUNCATED'])
      .to.include('GANTRY_CONFIG_LARGE')
      .and.include('GANTRY_TASKS_S0_STDOUT');
    expect(JSON.stringify(values).length).to.be.within(300_000, 420_000);
  });

  it('law: whatever was said, a Task stays well under 1 MiB and keeps to the bounds of its fields', function () {
    this.timeout(120_000);
    const text = fc
      .tuple(fc.constantFrom('a', '$', '\0', '\u0001', '"', '€', '😀', 'a$('), fc.nat(70_000))
      .map(([unit, length]) => unit.repeat(length).slice(0, 65_536));
    const words = fc.record({
      outputs: fc
        .array(text, { maxLength: 3 })
        .map((list) => Object.fromEntries(list.map((value, index) => [`k${index}`, value]))),
      stdout: text,
    });
    fc.assert(
      fc.property(fc.array(words, { maxLength: 12 }), (said) => {
        const steps = said.map((_, index) => newStep(`s${index}`));
        const step = newStep('last', { dependsOn: steps.map(({ name }) => name) });
        const task = newStepTask({
          run: newRun(),
          pinned: pinnedOf(...steps, step),
          step,
          attempt: 1,
          name: 't',
          before: said.map((one, index) => ({ step: `s${index}`, exitCode: 0, ...one })),
        });
        expect(Buffer.byteLength(JSON.stringify(task))).to.be.below(600_000);
        for (const { value = '' } of task.spec.env ?? []) {
          expect(value.length).to.be.at.most(131_072);
          expect(value.includes('\0')).to.equal(false);
          expect(value.isWellFormed()).to.equal(true);
        }
      }),
      { numRuns: 15 },
    );
  });
});
