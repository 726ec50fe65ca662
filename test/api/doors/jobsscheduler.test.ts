import { expect } from 'chai';
import { setPaused } from '../../../api/doors/jobs/pausing.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { schedulerSettings } from '../../../schemas/kinds.ts';
import { intercept } from '../../intercept.ts';
import type { Answer } from '../server/harness.ts';
import { actsOn, type JobsRig, openJobsRig } from './jobsrig.ts';

describe('the jobs door: the scheduler, and errors', () => {
  let rig: JobsRig;
  beforeEach(async () => {
    rig = await openJobsRig();
  });
  afterEach(() => rig.close());
  const { addJob, ofJob, end, storedRuns, get, post, expectError } = actsOn(() => rig);

  it('D3.7 GET /api/health says ok and the version', async () => {
    expect(await get('/api/health')).to.deep.equal({ status: 'ok', version: '0.1.0' });
    const head = await rig.raw('HEAD', '/api/health');
    expect([head.status, head.text]).to.deep.equal([200, '']);
  });

  describe('D3.8 and D3.9 the scheduler', () => {
    const running = { state: 'running', is_running: true, is_paused: false };
    const paused = { state: 'paused', is_running: false, is_paused: true };
    const suspended = async (): Promise<unknown> =>
      (await rig.world.admin.get(schedulerSettings, { name: 'default' })).spec?.suspended;

    it('D3.8 GET /api/scheduler/state tells running, paused and stopped', async () => {
      expect(await get('/api/scheduler/state')).to.deep.equal(running);
      await post('/api/scheduler/pause');
      expect(await get('/api/scheduler/state')).to.deep.equal(paused);
      rig.scheduling = false;
      expect(await get('/api/scheduler/state')).to.deep.equal({
        state: 'stopped',
        is_running: false,
        is_paused: true,
      });
      await post('/api/scheduler/resume');
      expect(await get('/api/scheduler/state')).to.deep.equal({
        state: 'stopped',
        is_running: false,
        is_paused: false,
      });
    });

    it('D3.9 pause and resume are the SchedulerSettings default, which pause makes where there is none', async () => {
      expect((await post('/api/scheduler/resume')).json()).to.deep.equal(running);
      expect((await rig.world.admin.list(schedulerSettings)).items).to.have.length(0);
      expect((await post('/api/scheduler/pause')).json()).to.deep.equal(paused);
      expect(await suspended()).to.equal(true);
      expect((await post('/api/scheduler/pause', {})).json()).to.deep.equal(paused);
      expect((await post('/api/scheduler/resume')).json()).to.deep.equal(running);
      expect(await suspended()).to.equal(false);
    });

    it('D3.9 leaves the other settings alone', async () => {
      await rig.world.admin.create(schedulerSettings, {
        apiVersion: 'gantry.dev/v1',
        kind: 'SchedulerSettings',
        metadata: { name: 'default', labels: { team: 'ops' } },
        spec: { profile: 'Spread' },
      });
      await post('/api/scheduler/pause');
      const { spec, metadata } = await rig.world.admin.get(schedulerSettings, { name: 'default' });
      expect([spec, metadata.labels]).to.deep.equal([
        { profile: 'Spread', suspended: true },
        { team: 'ops' },
      ]);
    });

    it('D3.9 many that pause and resume at once all succeed', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) => post(`/api/scheduler/${n % 2 === 0 ? 'pause' : 'resume'}`)),
      );
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
      expect((await post('/api/scheduler/pause')).status).to.equal(200);
      expect(await suspended()).to.equal(true);
    });

    it('D3.9 settings that somebody else makes at the same moment are settled with', async () => {
      const { admin } = rig.world;
      const manifest = {
        apiVersion: 'gantry.dev/v1',
        kind: 'SchedulerSettings',
        metadata: { name: 'default' },
        spec: { suspended: false },
      };
      const client: Client = {
        ...intercept(admin, {}),
        async create(kind, object, options) {
          await admin.create(schedulerSettings, manifest);
          return admin.create(kind, object, options);
        },
      };
      expect(await setPaused(client, true, true)).to.deep.equal(paused);
      expect(await suspended()).to.equal(true);
      const away = new ApiError('ServiceUnavailable', 'the store does not answer');
      const failing: Client = { ...client, get: () => Promise.reject(away) };
      expect(await setPaused(failing, false, true).catch((error: unknown) => error)).to.equal(away);
    });

    it('D3.9 a run by hand is made also while the scheduler is paused', async () => {
      await addJob('hello', { schedule: '@hourly' });
      await post('/api/scheduler/pause');
      expect((await post('/api/jobs/hello/trigger')).status).to.equal(200);
    });

    it('D3.9 takes no fields', async () => {
      expectError(
        await post('/api/scheduler/pause', { for: '1h' }),
        400,
        'BAD_REQUEST',
        /unknown field "for" in the body, wanted no fields/,
      );
    });
  });

  describe('D3.10 errors are {error, code}', () => {
    it('D3.10 404 NOT_FOUND for an unknown job, run, step and path', async () => {
      expectError(await rig.ask('GET', '/api/jobs/nobody'), 404, 'NOT_FOUND', /^job not found: "nobody"$/);
      expectError(await rig.ask('GET', '/api/jobs/nobody/runs'), 404, 'NOT_FOUND', /job not found/);
      expectError(await post('/api/jobs/nobody/trigger'), 404, 'NOT_FOUND', /job not found/);
      for (const path of ['', '/tasks', '/logs']) {
        expectError(
          await rig.ask('GET', `/api/runs/nobody${path}`),
          404,
          'NOT_FOUND',
          /^run not found: "nobody"$/,
        );
      }
      for (const path of ['cancel', 'rerun']) {
        expectError(await post(`/api/runs/nobody/${path}`), 404, 'NOT_FOUND', /^run not found: "nobody"$/);
      }
      expectError(await rig.raw('GET', '/api/runs'), 404, 'NOT_FOUND', /could not find/);
      expectError(await rig.raw('GET', '/api/jobs/x/y/z'), 404, 'NOT_FOUND', /could not find/);
    });

    it('D3.10 owns its own paths, and nothing else under /api', async () => {
      for (const path of ['/api', '/api/v1/pods', '/api/healthy', '/api/jobsandmore']) {
        const answer = await rig.raw('GET', path);
        expect([answer.status, answer.json().kind], path).to.deep.equal([404, 'Status']);
      }
    });

    it('D3.10 409 CONFLICT DependencyNotSatisfied, before a run is made', async () => {
      await addJob('build');
      await addJob('release', { dependsOn: [{ job: 'build', condition: 'LastSuccess' }] });
      const trigger = (): Promise<Answer> => post('/api/jobs/release/trigger');
      expectError(
        await trigger(),
        409,
        'CONFLICT',
        /^DependencyNotSatisfied: job "build" has no run that has ended$/,
      );
      await ofJob('build-1', 'build');
      await end('build-1', 'failed');
      expectError(
        await trigger(),
        409,
        'CONFLICT',
        /DependencyNotSatisfied: the last run "build-1" of job "build" is failed/,
      );
      expect(await storedRuns()).to.have.length(1);
      await rig.world.advance(1_000);
      await ofJob('build-2', 'build');
      await end('build-2');
      expect((await trigger()).status).to.equal(200);
    });

    it('D3.10 429 TOO_MANY_REQUESTS MaxConcurrentRunsExceeded, before a run is made', async () => {
      await addJob('one', { concurrencyPolicy: 'Forbid' });
      const first = await post('/api/jobs/one/trigger');
      const says =
        /^MaxConcurrentRunsExceeded: a run of job "one" is under way, and maxConcurrentRuns is 1 \(concurrencyPolicy Forbid\)$/;
      expectError(await post('/api/jobs/one/trigger'), 429, 'TOO_MANY_REQUESTS', says);
      expect(await storedRuns()).to.have.length(1);
      await end(String(first.json().run_id));
      expect((await post('/api/jobs/one/trigger')).status).to.equal(200);
    });

    it('D3.10 a run that is cancelled before it began takes no place', async () => {
      await addJob('one', { concurrencyPolicy: 'Forbid' });
      const first = await post('/api/jobs/one/trigger');
      await post(`/api/runs/${String(first.json().run_id)}/cancel`);
      expect((await post('/api/jobs/one/trigger')).status).to.equal(200);
    });

    it('D3.10 a queue takes a hundred that wait, and Replace takes any', async () => {
      await addJob('queue', { concurrencyPolicy: 'Queue' });
      for (let n = 0; n < 101; n++) await ofJob(`queue-${n}`, 'queue');
      expectError(await post('/api/jobs/queue/trigger'), 429, 'TOO_MANY_REQUESTS', /and 100 wait already/);
      await addJob('replace', { concurrencyPolicy: 'Replace' });
      for (let n = 0; n < 3; n++) expect((await post('/api/jobs/replace/trigger')).status).to.equal(200);
    });

    it('D3.10 503 SERVICE_UNAVAILABLE while no scheduler runs', async () => {
      await addJob('hello');
      await ofJob('hello-1', 'hello');
      await end('hello-1');
      rig.scheduling = false;
      expectError(
        await post('/api/jobs/hello/trigger'),
        503,
        'SERVICE_UNAVAILABLE',
        /scheduler is not running/,
      );
      expectError(
        await post('/api/runs/hello-1/rerun'),
        503,
        'SERVICE_UNAVAILABLE',
        /scheduler is not running/,
      );
      expect((await get('/api/jobs')).count).to.equal(1);
    });

    it('D3.10 500 INTERNAL_ERROR for everything else', async () => {
      rig.scheduling = new Error('the disk is full');
      expectError(await rig.ask('GET', '/api/scheduler/state'), 500, 'INTERNAL_ERROR', /the disk is full/);
    });

    it('D3.10 tells a method that is not allowed, and which are', async () => {
      for (const [method, path, allow] of [
        ['POST', '/api/jobs', 'GET'],
        ['GET', '/api/jobs/x/trigger', 'POST'],
        ['DELETE', '/api/runs/x', 'GET'],
        ['PUT', '/api/scheduler/pause', 'POST'],
      ] as const) {
        const answer = await rig.raw(method, path);
        expectError(answer, 405, 'METHOD_NOT_ALLOWED', /does not allow this method/);
        expect(answer.headers.allow).to.equal(allow);
      }
    });
  });
});
