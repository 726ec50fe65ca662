import { expect } from 'chai';
import { timestamp } from '../../../machinery/clock.ts';
import { keyOf } from '../../../machinery/meta.ts';
import { jobs, runs, taskTemplates } from '../../../schemas/kinds.ts';
import { at } from '../server/harness.ts';
import { actsOn, type JobsRig, NAMESPACE, openJobsRig, STEP } from './jobsrig.ts';

describe('the jobs door: runs', () => {
  let rig: JobsRig;
  beforeEach(async () => {
    rig = await openJobsRig();
  });
  afterEach(() => rig.close());
  const { addJob, addRun, ofJob, setStatus, end, storedRuns, get, post, expectError } = actsOn(() => rig);

  describe('D3.4 GET /api/jobs/{job_id}/runs', () => {
    it('D3.4 lists the runs of the job, newest first, twenty of them', async () => {
      await addJob('hello', {}, 'hello_id');
      await addJob('other');
      await ofJob('other-1', 'other');
      for (let n = 1; n <= 22; n++) {
        await ofJob(`hello-${n}`, 'hello');
        await rig.world.advance(1_000);
      }
      const answer = await get('/api/jobs/hello_id/runs');
      expect(answer.count).to.equal(20);
      expect(at(answer, 'runs.0')).to.deep.equal({
        id: 'hello-22',
        job_id: 'hello_id',
        status: 'pending',
        started_at: null,
        ended_at: null,
        duration_ms: null,
        error: null,
      });
      expect(at(answer, 'runs.19.id')).to.equal('hello-3');
      expect(at(await get('/api/jobs/hello_id/runs?limit=1'), 'runs.0.id')).to.equal('hello-22');
      expect((await get('/api/jobs/hello_id/runs?limit=1000')).count).to.equal(22);
    });

    it('D3.4 puts those of one second in the order in which they began', async () => {
      await addJob('hello');
      for (const name of ['a', 'b', 'c', 'd']) await ofJob(name, 'hello');
      await setStatus('a', { state: 'running', startedAt: '2026-01-01T00:00:02Z' });
      await setStatus('b', { state: 'running', startedAt: '2026-01-01T00:00:01Z' });
      const { runs: listed } = await get('/api/jobs/hello/runs');
      expect((listed as { id: string }[]).map(({ id }) => id)).to.deep.equal(['d', 'c', 'a', 'b']);
    });

    it('D3.4 leaves out the runs of an earlier job of the same name', async () => {
      await addJob('hello');
      const old = await ofJob('old', 'hello');
      const owner = { ...old.metadata.ownerReferences?.[0], uid: '00000000-0000-4000-8000-000000000000' };
      const body = { metadata: { ownerReferences: [owner] } };
      await rig.world.admin.patch(runs, keyOf(old), { type: 'merge', body });
      expect((await get('/api/jobs/hello/runs')).count).to.equal(0);
    });

    for (const limit of ['0', '1001', '-1', '1.5', 'many']) {
      it(`D3.4 refuses limit=${limit}`, async () => {
        await addJob('hello');
        const says = new RegExp(`limit: found "${limit}", wanted a whole number from 1 to 1000`);
        expectError(await rig.ask('GET', `/api/jobs/hello/runs?limit=${limit}`), 400, 'BAD_REQUEST', says);
      });
    }
  });

  describe('D3.5 and D3.6 runs', () => {
    it('D3.5 GET /api/runs/{run_id} tells times in epoch milliseconds and why it failed', async () => {
      await addJob('hello', {}, 'hello_id');
      await ofJob('hello-1', 'hello');
      await setStatus('hello-1', {
        state: 'failed',
        reason: 'TaskFailed',
        message: 'step "only" failed with exit code 3',
        startedAt: '2026-01-01T00:00:00Z',
        finishedAt: '2026-01-01T00:00:02Z',
      });
      expect(await get('/api/runs/hello-1')).to.deep.equal({
        id: 'hello-1',
        job_id: 'hello_id',
        status: 'failed',
        started_at: 1_767_225_600_000,
        ended_at: 1_767_225_602_000,
        duration_ms: 2_000,
        error: 'TaskFailed: step "only" failed with exit code 3',
      });
    });

    it('D3.5 tells a run without a job, and one whose job is gone', async () => {
      await rig.world.admin.create(taskTemplates, {
        apiVersion: 'gantry.dev/v1',
        kind: 'TaskTemplate',
        metadata: { name: 'noop', namespace: NAMESPACE },
        spec: { template: { spec: { image: 'noop:1' } } },
      });
      await addRun('noop-1', { templateRef: { name: 'noop' } });
      expect(await get('/api/runs/noop-1')).to.include({ job_id: null, status: 'pending' });
      expect(at(await get('/api/runs/noop-1/tasks'), 'tasks.0')).to.include({
        task_id: 'noop',
        status: 'pending',
      });
      await addJob('gone', {}, 'gone_id');
      await ofJob('gone-1', 'gone');
      await rig.world.admin.delete(jobs, { namespace: NAMESPACE, name: 'gone' });
      expect(await get('/api/runs/gone-1')).to.include({ job_id: 'gone' });
      expect(await get('/api/runs/gone-1/tasks')).to.deep.equal({ tasks: [], count: 0 });
    });

    it('D3.6 GET /api/runs/{run_id}/tasks tells every step with its tries', async () => {
      await addJob('hello');
      await ofJob('hello-1', 'hello');
      await setStatus('hello-1', {
        state: 'running',
        startedAt: '2026-01-01T00:00:00Z',
        tasks: [
          {
            name: 'a',
            state: 'completed',
            attempts: 2,
            startedAt: '2026-01-01T00:00:00Z',
            finishedAt: '2026-01-01T00:00:03Z',
          },
          {
            name: 'b',
            state: 'failed',
            attempts: 1,
            reason: 'Error',
            message: 'exit code 1',
            startedAt: '2026-01-01T00:00:03Z',
          },
          { name: 'c', state: 'skipped', message: 'step "b" failed' },
          { name: 'd', state: 'cancelled' },
        ],
      });
      const none = { started_at: null, ended_at: null, duration_ms: null, error: null };
      const start = 1_767_225_600_000;
      const run_id = 'hello-1';
      expect(await get('/api/runs/hello-1/tasks')).to.deep.equal({
        tasks: [
          {
            task_id: 'a',
            run_id,
            status: 'completed',
            attempts: 2,
            started_at: start,
            ended_at: start + 3_000,
            duration_ms: 3_000,
            error: null,
          },
          {
            ...none,
            task_id: 'b',
            run_id,
            status: 'failed',
            attempts: 1,
            started_at: start + 3_000,
            error: 'Error: exit code 1',
          },
          { ...none, task_id: 'c', run_id, status: 'skipped', attempts: 0 },
          { ...none, task_id: 'd', run_id, status: 'cancelled', attempts: 0 },
        ],
        count: 4,
      });
    });

    it('D3.6 a run that has not begun has the steps of its job, pending; one that was refused has none', async () => {
      await addJob('hello', { tasks: ['a', 'b'].map((name) => ({ name, ...STEP })) });
      await ofJob('hello-1', 'hello');
      const { tasks } = await get('/api/runs/hello-1/tasks');
      expect(
        (tasks as { task_id: string; status: string }[]).map((t) => `${t.task_id} ${t.status}`),
      ).to.deep.equal(['a pending', 'b pending']);
      await setStatus('hello-1', {
        state: 'failed',
        reason: 'DependencyNotSatisfied',
        finishedAt: '2026-01-01T00:00:00Z',
      });
      expect(await get('/api/runs/hello-1/tasks')).to.deep.equal({ tasks: [], count: 0 });
      expect((await get('/api/runs/hello-1')).error).to.equal('DependencyNotSatisfied');
    });
  });

  describe('D3.13 what the original lacked', () => {
    it('D3.13 POST /api/runs/{run_id}/cancel wants a run to stop, once is enough', async () => {
      await addJob('hello');
      await ofJob('hello-1', 'hello');
      const answer = await post('/api/runs/hello-1/cancel');
      expect(answer.status, answer.text).to.equal(200);
      expect(answer.json()).to.deep.equal({
        run_id: 'hello-1',
        job_id: 'hello',
        message: 'run "hello-1" is being cancelled',
      });
      expect((await storedRuns())[0]?.spec.cancel).to.equal(true);
      expect((await post('/api/runs/hello-1/cancel')).json()).to.deep.equal(answer.json());
      await end('hello-1', 'cancelled');
      expect((await post('/api/runs/hello-1/cancel')).json().message).to.equal(
        'run "hello-1" is cancelled already',
      );
    });

    it('D3.13 does not cancel what has ended', async () => {
      await addJob('hello');
      await ofJob('hello-1', 'hello');
      await end('hello-1');
      expectError(
        await post('/api/runs/hello-1/cancel'),
        409,
        'CONFLICT',
        /run "hello-1" is completed already/,
      );
    });

    it('D3.13 POST /api/runs/{run_id}/rerun runs the same again, from a step on, with other parameters', async () => {
      await addJob('hello', { parameters: [{ name: 'who' }, { name: 'times', type: 'integer' }] });
      await addRun('hello-1', {
        jobRef: { name: 'hello' },
        parameters: { who: 'me', times: 1 },
        priority: 5,
        ttlSecondsAfterFinished: 60,
      });
      expectError(await post('/api/runs/hello-1/rerun'), 409, 'CONFLICT', /run "hello-1" is still pending/);
      const now = timestamp(rig.world.clock.now());
      const tasks = [{ name: 'only', state: 'failed' as const }];
      await setStatus('hello-1', { state: 'failed', startedAt: now, finishedAt: now, tasks });
      const answer = await post('/api/runs/hello-1/rerun', { from_task: 'only', parameters: { times: 2 } });
      expect(answer.status, answer.text).to.equal(200);
      expect(answer.json()).to.include({ job_id: 'hello', message: 'run "hello-1" is run again' });
      const run = (await storedRuns()).find(({ metadata }) => metadata.name === answer.json().run_id);
      expect(run?.spec).to.deep.include({
        trigger: 'Rerun',
        rerunOf: { name: 'hello-1', fromTask: 'only' },
        parameters: { who: 'me', times: 2 },
        priority: 5,
        ttlSecondsAfterFinished: 60,
      });
      expect((await post('/api/runs/hello-1/rerun', { from_task: null })).status).to.equal(200);
      expectError(
        await post('/api/runs/hello-1/rerun', { from_task: 'nobody' }),
        400,
        'BAD_REQUEST',
        /^from_task: .*no such step/,
      );
      expectError(
        await post('/api/runs/hello-1/rerun', { from_task: 7 }),
        400,
        'BAD_REQUEST',
        /from_task: found 7, wanted a text/,
      );
    });

    it('D3.13 reruns what is of no job, and refuses what its job has no place for', async () => {
      await rig.world.admin.create(taskTemplates, {
        apiVersion: 'gantry.dev/v1',
        kind: 'TaskTemplate',
        metadata: { name: 'noop', namespace: NAMESPACE },
        spec: { template: { spec: { image: 'noop:1' } } },
      });
      await addRun('noop-1', { templateRef: { name: 'noop' } });
      await end('noop-1');
      expect((await post('/api/runs/noop-1/rerun')).json().job_id).to.equal(null);
      const now = timestamp(rig.world.clock.now());
      const tasks = [{ name: 'noop', state: 'failed' as const }];
      await setStatus('noop-1', { state: 'failed', startedAt: now, finishedAt: now, tasks });
      expect((await post('/api/runs/noop-1/rerun', { from_task: 'noop' })).status).to.equal(200);
      expectError(
        await post('/api/runs/noop-1/rerun', { from_task: 'nobody' }),
        400,
        'BAD_REQUEST',
        /^from_task: found "nobody", but run "noop-1" has no such task: it has noop$/,
      );
      await addJob('one', { concurrencyPolicy: 'Forbid' });
      await ofJob('one-1', 'one');
      await end('one-1');
      await ofJob('one-2', 'one');
      expectError(
        await post('/api/runs/one-1/rerun'),
        429,
        'TOO_MANY_REQUESTS',
        /^MaxConcurrentRunsExceeded/,
      );
    });
  });
});
