import { expect } from 'chai';
import { jobs } from '../../../schemas/kinds.ts';
import { actsOn, type JobsRig, NAMESPACE, openJobsRig, STEP } from './jobsrig.ts';

describe('the jobs door: jobs', () => {
  let rig: JobsRig;
  beforeEach(async () => {
    rig = await openJobsRig();
  });
  afterEach(() => rig.close());
  const { addJob, storedRuns, get, post, expectError } = actsOn(() => rig);

  describe('D3.1 POST /api/jobs/{job_id}/trigger', () => {
    it('D3.1 makes a run by hand, with no body and no Content-Type', async () => {
      await addJob('hello-world', {}, 'hello_world');
      const answer = await post('/api/jobs/hello_world/trigger');
      expect(answer.status, answer.text).to.equal(200);
      const [run] = await storedRuns();
      expect(answer.json()).to.deep.equal({
        run_id: run?.metadata.name,
        job_id: 'hello_world',
        message: 'job "hello_world" was triggered',
      });
      expect(run?.spec).to.deep.include({ jobRef: { name: 'hello-world' }, trigger: 'Manual' });
      expect(run?.metadata.namespace).to.equal(NAMESPACE);
    });

    it('D3.1 finds a job by its id, by its name, and with underscores for hyphens', async () => {
      await addJob('nightly-backup');
      await addJob('greeter', {}, 'hello_world');
      const find = async (id: string): Promise<unknown> =>
        (await get(`/api/jobs/${encodeURIComponent(id)}`)).name;
      expect(await find('nightly-backup')).to.equal('nightly-backup');
      expect(await find('nightly_backup')).to.equal('nightly-backup');
      expect(await find('hello_world')).to.equal('greeter');
      expect(await find('greeter')).to.equal('greeter');
    });

    it('D3.1 prefers the job that says it is called so', async () => {
      await addJob('hello-world');
      await addJob('other', {}, 'hello_world');
      expect((await get('/api/jobs/hello_world')).name).to.equal('other');
      expect((await get('/api/jobs/hello-world')).name).to.equal('hello-world');
    });

    it('D3.1 takes an id with any characters, and leaves an empty one out', async () => {
      await addJob('a', {}, 'Reports/daily ünï?');
      await addJob('b', {}, '');
      expect((await get(`/api/jobs/${encodeURIComponent('Reports/daily ünï?')}`)).name).to.equal('a');
      expect((await get('/api/jobs/b')).id).to.equal('b');
    });

    it('D3.1 refuses an id that two jobs have, and names both', async () => {
      await addJob('one', {}, 'twin');
      await addJob('two', {}, 'twin');
      await addJob('twin-three');
      expectError(
        await rig.ask('GET', '/api/jobs/twin'),
        409,
        'CONFLICT',
        /"one" and "two" both have the id "twin"/,
      );
      expectError(await post('/api/jobs/twin/trigger'), 409, 'CONFLICT', /gantry\.dev\/job-id/);
      expect(await storedRuns()).to.have.length(0);
    });

    for (const type of [undefined, 'application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
      it(`D3.13 takes parameters, as ${type ?? 'no type'}`, async () => {
        await addJob('release', { parameters: [{ name: 'branch' }] });
        const body = Buffer.from('{"parameters":{"branch":"next"}}');
        const answer = await post(
          '/api/jobs/release/trigger',
          body,
          type === undefined ? {} : { 'Content-Type': type },
        );
        expect(answer.status, answer.text).to.equal(200);
        expect((await storedRuns())[0]?.spec.parameters).to.deep.equal({ branch: 'next' });
      });
    }

    const bad: readonly (readonly [string, unknown, RegExp])[] = [
      ['a body that is no JSON', Buffer.from('{'), /the body is not JSON/],
      ['a list', Buffer.from('[]'), /the body: found \[\], wanted an object/],
      [
        'an unknown field',
        { parameters: {}, who: 1 },
        /unknown field "who" in the body, wanted only parameters/,
      ],
      [
        'a field given twice',
        Buffer.from('{"parameters":{},"parameters":{}}'),
        /"parameters" is given twice/,
      ],
      [
        'parameters that are no object',
        { parameters: [1] },
        /parameters: found \[1\], wanted an object of names and values/,
      ],
      ['a parameter that is missing', {}, /^parameter "branch": /],
      ['a parameter of another type', { parameters: { branch: 'x', count: 'many' } }, /^parameter "count": /],
      [
        'parameters that the job has not',
        { parameters: { branch: 'x', nobody: 1 } },
        /^parameter "nobody": /,
      ],
      [
        'several at once',
        { parameters: { count: 'many' } },
        /parameter "branch": .*; parameter "count": |parameter "count": .*; parameter "branch": /,
      ],
    ];
    for (const [what, body, says] of bad) {
      it(`D3.13 refuses ${what} with 400, and makes nothing`, async () => {
        await addJob('release', {
          parameters: [
            { name: 'branch', required: true },
            { name: 'count', type: 'integer' },
          ],
        });
        expectError(await post('/api/jobs/release/trigger', body), 400, 'BAD_REQUEST', says);
        expect(await storedRuns()).to.have.length(0);
      });
    }

    it('D3.13 null parameters are none', async () => {
      await addJob('hello');
      expect((await post('/api/jobs/hello/trigger', { parameters: null })).status).to.equal(200);
    });

    it('D3.13 makes one run for one Idempotency-Key, also while that run takes the only place', async () => {
      await addJob('hello', { concurrencyPolicy: 'Forbid' });
      const key = { 'Idempotency-Key': 'order-1' };
      const first = await post('/api/jobs/hello/trigger', undefined, key);
      const again = await post('/api/jobs/hello/trigger', undefined, key);
      expect(again.json()).to.deep.equal(first.json());
      expect(await storedRuns()).to.have.length(1);
      await addJob('other');
      expectError(await post('/api/jobs/other/trigger', undefined, key), 409, 'CONFLICT', /order-1/);
      const long = { 'Idempotency-Key': 'k'.repeat(300) };
      expectError(
        await post('/api/jobs/other/trigger', undefined, long),
        400,
        'BAD_REQUEST',
        /^Idempotency-Key: /,
      );
    });
  });

  describe('D3.2 and D3.3 jobs', () => {
    it('D3.2 GET /api/jobs lists id, name, enabled, scheduled and task_count', async () => {
      expect(await get('/api/jobs')).to.deep.equal({ jobs: [], count: 0 });
      await addJob('hello-world', { schedule: '@hourly', suspend: true }, 'hello_world');
      await addJob('release', { tasks: ['a', 'b', 'c'].map((name) => ({ name, ...STEP })) });
      expect(await get('/api/jobs')).to.deep.equal({
        jobs: [
          { id: 'hello_world', name: 'hello-world', enabled: false, scheduled: true, task_count: 1 },
          { id: 'release', name: 'release', enabled: true, scheduled: false, task_count: 3 },
        ],
        count: 2,
      });
    });

    it('D3.3 GET /api/jobs/{job_id} tells schedule, time zone, concurrency, tasks and the next run', async () => {
      const job = await addJob('nightly', {
        schedule: '30 2 * * *',
        timeZone: 'Europe/Berlin',
        concurrencyPolicy: 'Forbid',
        tasks: [
          { name: 'build', ...STEP },
          { name: 'test', ...STEP, dependsOn: ['build'] },
          { name: 'tidy', ...STEP, dependsOn: ['build', 'test'], condition: 'AllDone' },
          { name: 'shout', ...STEP, dependsOn: ['test'], condition: 'OnFailure' },
          { name: 'last', ...STEP, dependsOn: ['test'], condition: 'Always' },
        ],
      });
      const status = { nextScheduleTime: '2026-01-01T01:30:00Z' };
      await rig.world.admin.update(jobs, { ...job, status }, { subresource: 'status' });
      expect(await get('/api/jobs/nightly')).to.deep.equal({
        id: 'nightly',
        name: 'nightly',
        enabled: true,
        schedule: '30 2 * * *',
        timezone: 'Europe/Berlin',
        max_concurrency: 1,
        tasks: [
          { id: 'build', name: 'build', depends_on: [], condition: 'all_success' },
          { id: 'test', name: 'test', depends_on: ['build'], condition: 'all_success' },
          { id: 'tidy', name: 'tidy', depends_on: ['build', 'test'], condition: 'all_done' },
          { id: 'shout', name: 'shout', depends_on: ['test'], condition: 'on_failure' },
          { id: 'last', name: 'last', depends_on: ['test'], condition: 'always' },
        ],
        next_run_at: Date.parse('2026-01-01T01:30:00Z'),
      });
    });

    it('D3.3 tells null where a job has no schedule, and UTC where its schedule has no zone', async () => {
      await addJob('manual', { maxConcurrentRuns: 7 });
      expect(await get('/api/jobs/manual')).to.include({
        schedule: null,
        timezone: null,
        max_concurrency: 7,
        next_run_at: null,
      });
      await addJob('hourly', { schedule: '@hourly' });
      expect(await get('/api/jobs/hourly')).to.include({ schedule: '@hourly', timezone: 'UTC' });
    });

    it('D3.2 shows the jobs of its own namespace alone', async () => {
      const { admin } = rig.world;
      await admin.create(jobs, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Job',
        metadata: { name: 'elsewhere', namespace: 'gantry-system' },
        spec: { tasks: [{ name: 'only', ...STEP }] },
      });
      expect((await get('/api/jobs')).count).to.equal(0);
      expectError(
        await rig.ask('GET', '/api/jobs/elsewhere'),
        404,
        'NOT_FOUND',
        /job not found: "elsewhere"/,
      );
    });
  });
});
