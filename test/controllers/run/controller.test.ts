/** Runs from their beginning to their end, on the real registry. */
import { expect } from 'chai';
import {
  controllerRevisions,
  events,
  jobs,
  resourceQuotas,
  runs,
  tasks,
  taskTemplates,
} from '../../../schemas/kinds.ts';
import { intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';
import { type Process, Stage, startRuns, statesOf, variablesOf } from './stage.ts';

const after = (name: string, ...dependsOn: string[]) => ({ name, dependsOn });
const fails = (exitCode = 3) => [{ exitCode }];

describe('The run controller', () => {
  let world: World;
  let stage: Stage;
  let process: Process;

  beforeEach(async () => {
    world = await openWorld();
    stage = new Stage(world);
    process = startRuns(world);
  });
  afterEach(async () => {
    await process.kill();
    await world.close();
  });

  const revisionNames = async (): Promise<readonly string[]> =>
    (await world.admin.list(controllerRevisions)).items.map(({ metadata }) => metadata.name);
  const reasons = async (): Promise<readonly string[]> =>
    (await world.admin.list(events)).items.map(({ reason }) => reason ?? '');

  it('runs a diamond, side by side where it can, and tells of it in the order of the job', async () => {
    await stage.createJob('j', [after('d', 'b', 'c'), { name: 'a' }, after('b', 'a'), after('c', 'a')]);
    await stage.createRun('r', { jobRef: { name: 'j' }, scheduledTime: '2026-01-01T00:00:00Z' });
    const { status, spec } = await stage.untilEnded('r');
    expect(stage.begun).to.deep.equal(['r-a-1', 'r-b-1', 'r-c-1', 'r-d-1']);
    expect(status).to.include({ state: 'completed', reason: 'Completed', message: 'steps: 4 completed' });
    expect(status?.tasks?.map(({ name }) => name)).to.deep.equal(['d', 'a', 'b', 'c']);
    expect(status?.scheduledTime).to.equal('2026-01-01T00:00:00Z');
    expect(status?.traceID).to.match(/^[0-9a-f]{32}$/);
    expect(status?.tasks?.[1]).to.include({ attempts: 1, taskName: 'r-a-1', exitCode: 0 });
    expect(status?.tasks?.[1]?.taskUID).to.equal((await stage.task('r-a-1'))?.metadata.uid);
    expect(await revisionNames()).to.deep.equal([spec.revision]);
    const task = await stage.task('r-d-1');
    expect(task?.metadata.labels).to.deep.equal({
      'gantry.dev/run': 'r',
      'gantry.dev/step': 'd',
      'gantry.dev/job': 'j',
    });
    expect(task?.metadata.ownerReferences?.[0]).to.include({ kind: 'Run', name: 'r', controller: true });
    expect(task?.spec).to.deep.include({ restartPolicy: 'Never', outputs: {} });
    expect((await stage.task('r-a-1'))?.spec.outputs).to.deep.equal({ stdoutBytes: 65_536 });
  });

  it('begins nothing that its job does not let begin', async () => {
    await stage.createJob('j', [{ name: 'a' }]);
    const body = { apiVersion: 'gantry.dev/v1', kind: 'Run', metadata: { name: 'r', namespace: 'default' } };
    const run = await world.admin.create(runs, { ...body, spec: { jobRef: { name: 'j' } } });
    await world.advance(5_000);
    expect((await stage.run('r')).status).to.equal(undefined);
    expect(await stage.tasks()).to.deep.equal([]);
    await stage.letBegin(run);
    expect((await stage.untilEnded('r')).status?.state).to.equal('completed');
  });

  it('cleans up after a failure, skips what needed its success, and names the step that failed', async () => {
    await stage.createJob('j', [
      { name: 'a' },
      after('b', 'a'),
      after('c', 'b'),
      { ...after('cleanup', 'b'), condition: 'OnFailure' },
      { ...after('report', 'c', 'cleanup'), condition: 'Always' },
      { ...after('never', 'c'), condition: 'AllDone' },
    ]);
    stage.plays = { b: fails() };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal(
      'a completed, b failed, c skipped, cleanup completed, report completed, never skipped',
    );
    expect(run.status).to.include({ state: 'failed', reason: 'TaskFailed' });
    expect(run.status?.message).to.include('step "b" failed: Error, the container ended with exit code 3');
    expect(run.status?.tasks?.[2]?.message).to.equal('AllSuccess is not so: step "b" is failed');
    expect(await reasons()).to.include.members(['StepFailed', 'StepSkipped', 'TaskFailed']);
  });

  it('gives what a step said to those that come after it', async () => {
    const template = {
      spec: {
        image: 'app:$(tasks.build.outputs.tag)',
        args: ['$(tasks.build.stdout)', '$$(parameters.who)', '$(parameters.n)', '$(config.mode)'],
        env: [{ name: 'OWN', value: '$(run.name) $(tasks.build.exitCode)' }],
      },
    };
    const spec = {
      parameters: [{ name: 'n', type: 'integer' as const }],
      config: { mode: 'fast' },
      env: [
        { name: 'COMMON', value: 'for $(run.name)' },
        { name: 'OWN', value: 'not this' },
      ],
    };
    await stage.createJob(
      'j',
      [{ name: 'build' }, after('mid', 'build'), { ...after('use', 'mid'), template }],
      spec,
    );
    stage.plays = { build: [{ outputs: { tag: '1.2', 'with-price': '5$' }, stdout: 'see $(HOME)\n' }] };
    await stage.createRun('r', { jobRef: { name: 'j' }, parameters: { n: 7 }, priority: 5 });
    const run = await stage.untilEnded('r');
    expect(run.status?.tasks?.[0]?.outputs).to.deep.equal({ tag: '1.2', 'with-price': '5$' });
    const task = await stage.task('r-use-1');
    expect(task?.spec.image).to.equal('app:1.2');
    expect(task?.spec.args).to.deep.equal(['see $$(HOME)\n', '$$(parameters.who)', '7', 'fast']);
    expect(task?.spec.priority).to.equal(5);
    expect(variablesOf(task)).to.include({
      GANTRY_RUN: 'r',
      GANTRY_JOB: 'j',
      GANTRY_STEP: 'use',
      GANTRY_ATTEMPT: '1',
      GANTRY_PARAMETER_N: '7',
      GANTRY_CONFIG_MODE: 'fast',
      GANTRY_TASKS_BUILD_EXIT_CODE: '0',
      GANTRY_TASKS_BUILD_STDOUT: 'see $$(HOME)\n',
      GANTRY_TASKS_BUILD_OUTPUTS_TAG: '1.2',
      GANTRY_TASKS_BUILD_OUTPUTS_WITH_PRICE: '5$$',
      GANTRY_TASKS_MID_EXIT_CODE: '0',
      COMMON: 'for r',
      OWN: 'r 0',
    });
  });

  it('tries again with a growing wait, and says when the tries are used up', async () => {
    await stage.createJob('j', [{ name: 'a', retries: { limit: 2, backoffSeconds: 2 }, timeoutSeconds: 30 }]);
    stage.plays = { a: fails() };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    const begunMs = world.clock.now();
    await stage.until(
      'the first retry',
      async () => (await stage.run('r')).status?.tasks?.[0]?.retryAt !== undefined,
    );
    expect((await stage.run('r')).status?.tasks?.[0]).to.include({
      state: 'pending',
      attempts: 1,
      exitCode: 3,
    });
    const run = await stage.untilEnded('r');
    expect(world.clock.now() - begunMs).to.be.within(6_000, 8_000);
    expect(stage.begun).to.deep.equal(['r-a-1', 'r-a-2', 'r-a-3']);
    expect(run.status).to.include({ state: 'failed', reason: 'BackoffLimitExceeded' });
    expect(run.status?.message).to.include('step "a" failed after 3 tries');
    expect(run.status?.tasks?.[0]).to.include({ state: 'failed', attempts: 3, taskName: 'r-a-3' });
    expect((await stage.task('r-a-2'))?.spec.activeDeadlineSeconds).to.equal(30);
    expect(variablesOf(await stage.task('r-a-3'))).to.include({ GANTRY_ATTEMPT: '3' });
  });

  it('tries again what was not the program’s doing only, where that is asked for', async () => {
    const retries = { limit: 3, backoffSeconds: 0, on: 'Transient' as const };
    await stage.createJob('j', [
      { name: 'lost', retries },
      { name: 'busy', retries },
      { name: 'wrong', retries },
    ]);
    stage.plays = {
      lost: [{ exitCode: 137, reason: 'WorkerLost' }, {}],
      busy: [{ exitCode: 75 }, {}],
      wrong: fails(1),
    };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('lost completed, busy completed, wrong failed');
    expect(run.status?.tasks?.map(({ attempts }) => attempts)).to.deep.equal([2, 2, 1]);
    expect(run.status?.reason).to.equal('TaskFailed');
  });

  it('cancels: what runs is stopped, nothing more begins, and it has ended when all has', async () => {
    await stage.createJob('j', [{ name: 'a' }, { name: 'b' }, after('c', 'b')]);
    stage.plays = { b: [{ forever: true }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('b', async () => (await stage.task('r-b-1'))?.status?.phase === 'Running');
    await stage.patchRun('r', { cancel: true });
    await world.settle();
    expect((await stage.task('r-b-1'))?.spec.desiredState).to.equal('Stopped');
    expect((await stage.run('r')).status?.finishedAt).to.equal(undefined);
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('a completed, b cancelled, c cancelled');
    expect(run.status).to.include({ state: 'cancelled', reason: 'Cancelled' });
    expect(stage.begun).to.deep.equal(['r-a-1', 'r-b-1']);
  });

  it('calls a step interrupted whose task was deleted by hand, unless it may be tried again', async () => {
    await stage.createJob('j', [
      { name: 'a' },
      { name: 'b', retries: { limit: 1, backoffSeconds: 1 } },
      after('c', 'a'),
    ]);
    stage.plays = { a: [{ forever: true }], b: [{ forever: true }, {}] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('both', async () => (await stage.task('r-b-1'))?.status?.phase === 'Running');
    await stage.deleteTask('r-a-1');
    await stage.deleteTask('r-b-1');
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('a interrupted, b completed, c skipped');
    expect(run.status).to.include({ state: 'interrupted', reason: 'Interrupted' });
    expect(run.status?.message).to.equal('step "a": task "r-a-1" was deleted before it was seen to end');
  });

  it('runs again from a step, with other parameters and what the others had said', async () => {
    const template = {
      spec: { image: 'x', args: ['$(parameters.who) $(tasks.a.stdout) $(tasks.a.outputs.k)'] },
    };
    await stage.createJob(
      'j',
      [{ name: 'a' }, { ...after('b', 'a'), template }, after('c', 'b'), { name: 'd' }],
      {
        parameters: [{ name: 'who' }, { name: 'kept' }],
      },
    );
    stage.plays = { a: [{ stdout: 'said', outputs: { k: 'v' } }], b: fails(), d: fails() };
    await stage.createRun('r1', { jobRef: { name: 'j' }, parameters: { who: 'me', kept: 'x' } });
    const first = await stage.untilEnded('r1');
    expect(statesOf(first)).to.equal('a completed, b failed, c skipped, d failed');
    const job = await world.admin.get(jobs, { namespace: 'default', name: 'j' });
    const changed = { ...job.spec, tasks: [{ name: 'other', template: { spec: { image: 'y' } } }] };
    await world.admin.update(jobs, { ...job, spec: changed });
    stage.plays = {};
    await stage.createRun('r2', {
      jobRef: { name: 'j' },
      trigger: 'Rerun',
      rerunOf: { name: 'r1', fromTask: 'b' },
      parameters: { who: 'you' },
    });
    const run = await stage.untilEnded('r2');
    expect(statesOf(run)).to.equal('a completed, b completed, c completed, d completed');
    expect(run.status?.state).to.equal('completed');
    expect(run.spec.revision).to.equal(first.spec.revision);
    expect(run.status?.tasks?.[0]).to.deep.include({ rerunOf: 'r1', exitCode: 0, outputs: { k: 'v' } });
    expect(stage.begun.filter((name) => name.startsWith('r2'))).to.have.members([
      'r2-b-1',
      'r2-d-1',
      'r2-c-1',
    ]);
    expect((await stage.task('r2-b-1'))?.spec.args).to.deep.equal(['you said v']);
  });

  it('refuses clearly to run again what still runs, or is gone', async () => {
    await stage.createJob('j', [{ name: 'a' }]);
    stage.plays = { a: [{ forever: true }] };
    await stage.createRun('old', { jobRef: { name: 'j' } });
    await stage.until('it runs', async () => (await stage.run('old')).status?.state === 'running');
    const again = (name: string) =>
      world.admin.create(runs, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Run',
        metadata: { name, namespace: 'default' },
        spec: { jobRef: { name: 'j' }, trigger: 'Rerun', rerunOf: { name: 'old' } },
      });
    await stage.letBegin(await again('r1'));
    const late = await again('r2');
    const { status } = await stage.untilEnded('r1');
    expect(status).to.include({ state: 'failed', reason: 'InvalidRerun' });
    expect(status?.message).to.include('run "old" is running; cancel it or wait until it has ended');
    await world.admin.delete(runs, { namespace: 'default', name: 'old' });
    await stage.letBegin(late);
    expect((await stage.untilEnded('r2')).status?.message).to.include('run "old" is gone');
    expect((await stage.tasks()).map(({ metadata }) => metadata.name)).to.deep.equal(['old-a-1']);
  });

  it('goes on truthfully where a killed controller left off', async () => {
    await stage.createJob('j', [{ name: 'a' }, after('b', 'a'), after('c', 'b')]);
    stage.plays = { b: [{ forever: true }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('b', async () => (await stage.task('r-b-1'))?.status?.phase === 'Running');
    await process.kill();
    const before = await stage.run('r');
    stage.plays = { b: [{ outputs: { k: 'v' } }] };
    await stage.work();
    await world.advance(60_000);
    expect((await stage.run('r')).status).to.deep.equal(before.status);
    process = startRuns(world);
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('a completed, b completed, c completed');
    expect(stage.begun).to.deep.equal(['r-a-1', 'r-b-1', 'r-c-1']);
    expect(variablesOf(await stage.task('r-c-1'))).to.include({ GANTRY_TASKS_B_OUTPUTS_K: 'v' });
  });

  it('dispatches a template as one step, and leaves the end of its time to who reads all that is said of it', async () => {
    await stage.createTemplate('fib', {
      parameters: { type: 'object', properties: { position: { type: 'integer' } } },
      template: { spec: { image: 'work:1', args: ['$(parameters.position)'] } },
      workerSelector: { type: 'agent' },
      priority: 3,
      timeoutSeconds: 9,
    });
    await stage.createRun('r', { templateRef: { name: 'fib' }, parameters: { position: 12 } });
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('fib completed');
    const task = await stage.task('r-fib-1');
    expect(task?.spec).to.deep.include({
      args: ['12'],
      workerSelector: { type: 'agent' },
      priority: 3,
      activeDeadlineSeconds: 9,
    });
    expect(variablesOf(task)).to.include({ GANTRY_PARAMETER_POSITION: '12' });
    // `planRunTtl` knows `gantry.dev/ttl` too, and what protects.
    await world.advance(2 * 3_600_000);
    expect((await stage.run('r')).status?.state).to.equal('completed');
  });

  it('makes a step of a template, with arguments that may speak of the run', async () => {
    await stage.createTemplate('eval', {
      parameters: {
        type: 'object',
        properties: { expression: { type: 'string' }, digits: { type: 'integer', default: 2 } },
      },
      template: { spec: { image: 'work:1', args: ['$(parameters.expression)', '$(parameters.digits)'] } },
      retries: { limit: 1, backoffSeconds: 0 },
    });
    await stage.createJob(
      'j',
      [{ name: 'e', templateRef: { name: 'eval' }, arguments: { expression: '$(parameters.x) + 1' } }],
      { parameters: [{ name: 'x' }] },
    );
    stage.plays = { e: [{ exitCode: 1 }, {}] };
    await stage.createRun('r', { jobRef: { name: 'j' }, parameters: { x: '40' } });
    expect((await stage.untilEnded('r')).status?.state).to.equal('completed');
    expect((await stage.task('r-e-2'))?.spec.args).to.deep.equal(['40 + 1', '2']);
  });

  it('fails a step whose references stand for more than any object holds, without building it', async () => {
    const args = ['$(tasks.a.stdout)'.repeat(7_000)];
    await stage.createJob('j', [
      { name: 'a' },
      { name: 'b', dependsOn: ['a'], template: { spec: { image: 'x', args } } },
    ]);
    stage.plays = { a: [{ stdout: 'x'.repeat(65_000) }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('a completed, b failed');
    expect(run.status?.tasks?.[1]).to.include({ reason: 'RequestEntityTooLarge' });
    expect(run.status?.message).to.include('its references stand for more than 1048576 characters');
  });

  it('fails a run clearly whose template is missing', async () => {
    const template = { template: { spec: { image: 'x' } } };
    await stage.createTemplate('t', template);
    await stage.createJob('j', [{ name: 'a', templateRef: { name: 't' } }]);
    await process.kill();
    await stage.createRun('r1', { templateRef: { name: 't' } });
    await stage.createRun('r2', { jobRef: { name: 'j' } });
    await world.admin.delete(taskTemplates, { namespace: 'default', name: 't' });
    process = startRuns(world);
    const { status } = await stage.untilEnded('r1');
    expect(status).to.include({ state: 'failed', reason: 'TemplateNotFound' });
    expect(status?.message).to.equal('TaskTemplate "t" does not exist; create it, then dispatch it again');
    expect((await stage.untilEnded('r2')).status?.message).to.include('step "a" of job "j" is made from');
  });

  it('keeps what is run as it was when the run began', async () => {
    await stage.createJob('j', [{ name: 'a' }, after('b', 'a')]);
    stage.plays = { a: [{ forever: true }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('a', async () => (await stage.task('r-a-1'))?.status?.phase === 'Running');
    const job = await world.admin.get(jobs, { namespace: 'default', name: 'j' });
    await world.admin.update(jobs, {
      ...job,
      spec: { ...job.spec, tasks: [{ name: 'z', template: { spec: { image: 'other' } } }] },
    });
    stage.plays = {};
    expect(statesOf(await stage.untilEnded('r'))).to.equal('a completed, b completed');
  });

  it('removes revisions that no run uses any more, but the newest', async () => {
    await stage.createJob('j', [{ name: 'a' }]);
    await stage.createRun('r1', { jobRef: { name: 'j' } });
    const old = (await stage.untilEnded('r1')).spec.revision;
    const job = await world.admin.get(jobs, { namespace: 'default', name: 'j' });
    await world.admin.update(jobs, {
      ...job,
      spec: { ...job.spec, tasks: [{ name: 'z', template: { spec: { image: 'other' } } }] },
    });
    await stage.createRun('r2', { jobRef: { name: 'j' } });
    const newest = (await stage.untilEnded('r2')).spec.revision;
    expect(await revisionNames()).to.have.members([old, newest]);
    await world.admin.delete(runs, { namespace: 'default', name: 'r1' });
    await world.admin.delete(runs, { namespace: 'default', name: 'r2' });
    await world.advance(15_000);
    expect(await revisionNames()).to.deep.equal([newest]);
  });

  it('ends a step with the server’s words whose task is refused for good', async () => {
    const template = { spec: { image: 'x', securityContext: { privileged: true } } };
    const steps = [
      { name: 'a', template, retries: { limit: 3 } },
      { name: 'b', template: { spec: { image: '$(parameters.none)' } } },
      after('c', 'a'),
    ];
    await stage.createJob('j', steps, { parameters: [{ name: 'none' }] });
    await stage.createRun('r', { jobRef: { name: 'j' } });
    const run = await stage.untilEnded('r');
    expect(statesOf(run)).to.equal('a failed, b failed, c skipped');
    expect(run.status?.tasks?.[0]).to.include({ reason: 'Forbidden' });
    expect(run.status?.tasks?.[0]?.message).to.include('tasks.gantry.dev "r-a-1" is forbidden');
    expect(run.status?.tasks?.[1]).to.include({ reason: 'Invalid' });
    expect(await stage.tasks()).to.deep.equal([]);
  });

  it('waits where the quota is used up, and says so', async () => {
    const hard = { 'count/tasks.gantry.dev': '1' };
    await world.admin.create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'default' },
      spec: { hard },
    });
    await stage.createJob('j', [{ name: 'a' }, { name: 'b' }]);
    stage.plays = { a: [{ forever: true }], b: [{ forever: true }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('a is told to wait', async () =>
      ((await stage.run('r')).status?.tasks ?? []).some(({ reason }) => reason === 'QuotaExceeded'),
    );
    const states = statesOf(await stage.run('r'))
      .split(', ')
      .map((words) => words.split(' ')[1]);
    expect(states).to.have.members(['running', 'pending']);
    await world.admin.delete(resourceQuotas, { namespace: 'default', name: 'q' });
    stage.plays = {};
    const run = await stage.untilEnded('r', 120_000);
    expect(run.status?.state).to.equal('completed');
    expect(run.status?.tasks?.every(({ reason }) => reason === undefined)).to.equal(true);
  });

  it('says of a step that its worker is lost, waits for it, and does not wait for ever once it is cancelled', async () => {
    await stage.createJob('j', [{ name: 'a' }, after('b', 'a')]);
    stage.plays = { a: [{ forever: true }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await world.settle();
    const lose = async (): Promise<void> => {
      const message = 'worker w1 is lost; whether the task runs is not known';
      const lastTransitionTime = new Date(world.clock.now()).toISOString();
      const ready = {
        type: 'Ready',
        status: 'Unknown',
        reason: 'WorkerLost',
        message,
        lastTransitionTime,
      } as const;
      const status = { phase: 'Unknown', reason: 'WorkerLost', message } as const;
      await stage.tell((await stage.task('r-a-1'))!, { ...status, conditions: [ready] });
    };
    await lose();
    await world.advance(600_000);
    expect((await stage.run('r')).status?.tasks?.[0]).to.include({
      state: 'running',
      reason: 'WorkerLost',
      message: 'worker w1 is lost; whether the task runs is not known',
    });
    await stage.tell((await stage.task('r-a-1'))!, { phase: 'Running' });
    await world.advance(1_000);
    expect((await stage.run('r')).status?.tasks?.[0]).not.to.have.property('reason');
    await lose();
    await stage.patchRun('r', { cancel: true });
    await world.advance(50_000);
    expect((await stage.task('r-a-1'))?.spec.desiredState).to.equal('Stopped');
    expect((await stage.run('r')).status).not.to.have.property('finishedAt');
    await world.advance(15_000);
    const run = await stage.run('r');
    expect(statesOf(run)).to.equal('a interrupted, b cancelled');
    expect(run.status?.state).to.equal('cancelled');
    expect(run.status?.tasks?.[0]?.message).to.include('the worker stops the task when it is back');
  });

  it('gives up a try whose image cannot be had', async () => {
    await stage.createJob('j', [{ name: 'a', timeoutSeconds: 20 }]);
    stage.plays = { a: [{ forever: true }] };
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await world.settle();
    const pulling = (await stage.task('r-a-1'))!;
    await stage.tell(pulling, {
      phase: 'Pending',
      reason: 'ErrImagePull',
      message: 'no such image',
      conditions: [
        {
          type: 'Scheduled',
          status: 'True',
          reason: 'Scheduled',
          message: 'm',
          lastTransitionTime: new Date(world.clock.now()).toISOString(),
        },
      ],
    });
    await world.advance(19_000);
    expect((await stage.task('r-a-1'))?.spec.desiredState).to.equal('Running');
    await world.advance(2_000);
    expect((await stage.task('r-a-1'))?.spec.desiredState).to.equal('Stopped');
    const run = await stage.untilEnded('r');
    expect(run.status?.message).to.equal('step "a" failed: ImagePullBackOff, no such image');
  });

  it('takes another name where a stranger has the first', async () => {
    await world.admin.create(tasks, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'r-a-1', namespace: 'default' },
      spec: { image: 'x', desiredState: 'Stopped' },
    });
    await stage.createJob('j', [{ name: 'a' }]);
    await stage.createRun('r', { jobRef: { name: 'j' } });
    const run = await stage.untilEnded('r');
    expect(run.status?.state).to.equal('completed');
    expect(run.status?.tasks?.[0]?.taskName).to.match(/^r-a-1-[0-9a-f]{8}$/);
  });

  it('writes four times for a run of one step, and once more for its revision the first time', async () => {
    await process.kill();
    const writes: string[] = [];
    process = startRuns(world, (name) =>
      intercept(world.controllerClient(name), {
        before: ({ operation, resource, subresource }) => {
          if (resource !== 'events' && !['get', 'list', 'watch'].includes(operation))
            writes.push(`${operation} ${resource}${subresource === undefined ? '' : `/${subresource}`}`);
        },
      }),
    );
    await stage.createJob('j', [{ name: 'a' }]);
    await stage.createRun('r1', { jobRef: { name: 'j' } });
    await stage.untilEnded('r1');
    expect(writes.splice(0)).to.deep.equal([
      'create controllerrevisions',
      'update runs',
      'create tasks',
      'update runs/status',
      'update runs/status',
    ]);
    await stage.createRun('r2', { jobRef: { name: 'j' } });
    await stage.untilEnded('r2');
    expect(writes.splice(0)).to.deep.equal([
      'update runs',
      'create tasks',
      'update runs/status',
      'update runs/status',
    ]);
    await world.advance(60_000);
    expect(writes).to.deep.equal([]);
  });
});
