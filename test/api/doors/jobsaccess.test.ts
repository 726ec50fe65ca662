/** Who may do what through the jobs door, what is told of it, and that it stands in nobody's way. */
import { expect } from 'chai';
import { pino } from 'pino';
import { jobsDoor } from '../../../api/doors/jobs/jobs.ts';
import type { AuditEvent } from '../../../api/registry/access/audit/event.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import { recordArrival } from '../../../api/server/middleware/arrival.ts';
import { WatchLimit } from '../../../api/server/middleware/watchlimit.ts';
import { newApps } from '../../../api/server/server.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { clusterRoleBindings, clusterRoles, jobs, runs, schedulerSettings } from '../../../schemas/kinds.ts';
import { beginRuns, endRun, jobManifest, type Leader, startLeader } from '../../controllers/job/world.ts';
import { eventually } from '../../walk/process.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';
import { noWorkers } from '../server/harness.ts';
import { actsOn, type JobsRig, NAMESPACE, openJobsRig } from './jobsrig.ts';

const jane: Identity = { name: 'jane', groups: ['system:authenticated'] };

describe('the jobs door: who may', () => {
  let rig: JobsRig;
  afterEach(() => rig.close());
  const { addJob, ofJob, end, expectError } = actsOn(() => rig);

  async function grant(
    rules: readonly { verbs: string[]; apiGroups: string[]; resources: string[] }[],
  ): Promise<void> {
    const { admin } = rig.world;
    const api = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'jane' } };
    await admin.create(clusterRoles, { ...api, kind: 'ClusterRole', rules: [...rules] });
    await admin.create(clusterRoleBindings, {
      ...api,
      kind: 'ClusterRoleBinding',
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'jane' },
      subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }],
    });
  }

  it('D3.13 does what whoever asks may do, and nothing else', async () => {
    rig = await openJobsRig({ identity: jane });
    await addJob('hello');
    await ofJob('hello-1', 'hello');
    for (const path of [
      '/api/jobs',
      '/api/jobs/hello',
      '/api/jobs/hello/runs',
      '/api/runs/hello-1',
      '/api/runs/hello-1/logs',
      '/api/scheduler/state',
    ]) {
      expectError(await rig.ask('GET', path), 403, 'FORBIDDEN', /forbidden: [Uu]ser "jane" cannot/);
    }
    for (const path of ['/api/jobs/hello/trigger', '/api/runs/hello-1/cancel', '/api/scheduler/pause']) {
      expectError(await rig.ask('POST', path), 403, 'FORBIDDEN', /forbidden: [Uu]ser "jane" cannot/);
    }
    expect((await rig.ask('GET', '/api/health')).status).to.equal(200);
    await grant([{ verbs: ['get', 'list'], apiGroups: ['gantry.dev'], resources: ['jobs', 'runs'] }]);
    await rig.world.settle();
    expect((await rig.ask('GET', '/api/jobs/hello/runs')).json().count).to.equal(1);
    expectError(
      await rig.ask('POST', '/api/jobs/hello/trigger'),
      403,
      'FORBIDDEN',
      /cannot create resource "runs"/,
    );
    expectError(
      await rig.ask('POST', '/api/runs/hello-1/cancel'),
      403,
      'FORBIDDEN',
      /cannot patch resource "runs"/,
    );
    expectError(await rig.ask('GET', '/api/runs/hello-1/logs'), 403, 'FORBIDDEN', /tasks\/log|"tasks"/);
  });

  it('D3.13 user dev of the plain listener may use every request', async () => {
    rig = await openJobsRig();
    await addJob('hello');
    const { run_id: run } = (await rig.ask('POST', '/api/jobs/hello/trigger')).json();
    const path = `/api/runs/${String(run)}`;
    for (const read of [
      '/api/jobs',
      '/api/jobs/hello',
      '/api/jobs/hello/runs',
      path,
      `${path}/tasks`,
      `${path}/logs`,
      '/api/scheduler/state',
    ]) {
      expect((await rig.ask('GET', read)).status, read).to.equal(200);
    }
    for (const act of [`${path}/cancel`, '/api/scheduler/pause', '/api/scheduler/resume']) {
      expect((await rig.ask('POST', act)).status, act).to.equal(200);
    }
    await end(String(run), 'cancelled');
    expect((await rig.ask('POST', `${path}/rerun`)).status).to.equal(200);
  });

  it('D3.13 nobody is told that they are, in this form', async () => {
    rig = await openJobsRig();
    const { registry, clock, random } = rig.world;
    const isScheduling = (): Promise<boolean> => Promise.resolve(true);
    const deps = { registry, clock, random, workerLink: noWorkers, productVersion: '0.1.0' };
    const door = jobsDoor({ ...deps, namespace: NAMESPACE, isScheduling });
    expect(door.name).to.equal('jobs');
    const app = newApps({
      ...deps,
      metrics: newMetrics(),
      log: pino({ enabled: false }),
      doors: [],
    }).doorsOnly([door]);
    const { createServer } = await import('node:http');
    const server = createServer((request, response) => {
      recordArrival(request, {
        identity: undefined,
        refusal: undefined,
        stopping: new AbortController().signal,
      });
      void app.callback()(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const answer = await fetch(`http://127.0.0.1:${port}/api/jobs`);
    expect([answer.status, await answer.json()]).to.deep.equal([
      401,
      { error: 'Unauthorized', code: 'UNAUTHORIZED' },
    ]);
    server.close();
  });

  it('D3.13 a client that asks too much at once is told so in this form, with when to come again', async () => {
    let wake = (): void => undefined;
    const gate = new Promise<void>((resolve) => (wake = resolve));
    rig = await openJobsRig();
    rig.gate = gate;
    // 200 have a seat, 50 of one user wait.
    const asking = Array.from({ length: 260 }, () => rig.raw('GET', '/api/scheduler/state'));
    const refused = await Promise.race(
      asking.map(async (one) => ((await one).status === 429 ? one : new Promise<never>(() => undefined))),
    );
    expectError(refused, 429, 'TOO_MANY_REQUESTS', /Too many requests, please try again later/);
    expect(refused.headers['retry-after']).to.equal('1');
    wake();
    const answers = await Promise.all(asking);
    expect(answers.filter(({ status }) => status === 200).length).to.be.at.least(200);
  });

  it('D3.13 the audit is told of each request, and by whom', async () => {
    const events: AuditEvent[] = [];
    const plain = await openWorld();
    const { store, clock, random } = plain;
    const auditSink = {
      write: (event: AuditEvent) => void events.push(event),
      close: () => Promise.resolve(),
    };
    const registry = await openRegistry({
      store,
      clock,
      random,
      metrics: newMetrics(),
      log: silentLog,
      auditSink,
    });
    rig = await openJobsRig({ world: { ...plain, registry, admin: registry.as(adminIdentity) } });
    await addJob('hello');
    events.length = 0;
    await rig.ask('POST', '/api/jobs/hello/trigger');
    const told = events.filter(({ stage }) => stage === 'ResponseComplete');
    const made = told.find(({ verb }) => verb === 'create');
    expect([made?.user.username, made?.objectRef?.resource, made?.responseStatus?.code]).to.deep.equal([
      'dev',
      'runs',
      201,
    ]);
    const asked = told.find(({ requestURI }) => requestURI === '/api/jobs/hello/trigger');
    expect([asked?.user.username, asked?.sourceIPs, asked?.responseStatus?.code]).to.deep.equal([
      'dev',
      ['127.0.0.1'],
      200,
    ]);
    await registry.close();
  });

  it('D3.13 the audit is told who was behind it where somebody acts as another', async () => {
    const events: AuditEvent[] = [];
    const plain = await openWorld();
    const { store, clock, random } = plain;
    const auditSink = {
      write: (event: AuditEvent) => void events.push(event),
      close: () => Promise.resolve(),
    };
    const parts = { store, clock, random, metrics: newMetrics(), log: silentLog, auditSink };
    const registry = await openRegistry(parts);
    const world = { ...plain, registry, admin: registry.as(adminIdentity) };
    rig = await openJobsRig({ world, identity: adminIdentity });
    await addJob('hello');
    events.length = 0;
    const headers = { 'Impersonate-User': 'ann', 'Impersonate-Group': 'system:masters' };
    expect((await rig.ask('POST', '/api/jobs/hello/trigger', { headers })).status).to.equal(200);
    const made = events.find(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'runs');
    expect([made?.user.username, made?.impersonatedUser?.username]).to.deep.equal([
      adminIdentity.name,
      'ann',
    ]);
    await registry.close();
  });

  it('D3.13 more logs at once than may be read are 429, with when to come again', async () => {
    rig = await openJobsRig({ logLimit: new WatchLimit({ perUser: 1, all: 1 }) });
    await addJob('hello');
    await ofJob('hello-1', 'hello');
    const path = '/api/runs/hello-1/logs';
    const leave = new AbortController();
    const first = await fetch(`http://127.0.0.1:${rig.port}${path}?follow=true`, { signal: leave.signal });
    expect(first.status).to.equal(200);
    const refused = await rig.ask('GET', path);
    expectError(refused, 429, 'TOO_MANY_REQUESTS', /user "dev" has 1 watches open/);
    expect(refused.headers['retry-after']).to.equal('5');
    leave.abort();
    await eventually('there is room again', async () =>
      (await rig.ask('GET', path)).status === 200 ? true : undefined,
    );
  });

  it('D3.11 logs one line for each request', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = pino(
      { level: 'info' },
      { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
    );
    rig = await openJobsRig({ log });
    await rig.ask('GET', '/api/health');
    await rig.ask('GET', '/api/jobs/nobody');
    await rig.ask('POST', '/api/scheduler/resume');
    const told = lines.filter(({ path, method }) => path !== undefined && method !== undefined);
    expect(told.map(({ method, path, status }) => [method, path, status])).to.deep.equal([
      ['GET', '/api/health', 200],
      ['GET', '/api/jobs/nobody', 404],
      ['POST', '/api/scheduler/resume', 200],
    ]);
  });
});

describe('the jobs door: beside the controllers', () => {
  let world: World;
  let leader: Leader;
  let rig: JobsRig;
  beforeEach(async () => {
    world = await openWorld();
    leader = await startLeader(world);
    rig = await openJobsRig({ world, identity: adminIdentity });
  });
  afterEach(async () => {
    await rig.close();
    const stopping = leader.stop();
    await world.advance(120_000);
    await stopping;
    await world.close();
  });

  const everySecond = (): Promise<unknown> =>
    world.admin.create(
      jobs,
      jobManifest('tick', { schedule: '@every 10s', successfulRunsHistoryLimit: 100 }),
    );
  const ticks = async (): Promise<number> =>
    (await world.admin.list(runs)).items.filter(({ spec }) => spec.trigger !== 'Manual').length;
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5_000) {
      await world.advance(5_000);
      for (const run of await beginRuns(world)) await endRun(world, run);
    }
  };

  it('D3.9 paused, the schedule rests and runs by hand are run; resumed, what was missed is not made up for', async () => {
    await everySecond();
    await pass(60_000);
    const before = await ticks();
    expect(before).to.be.at.least(5);
    await rig.ask('POST', '/api/scheduler/pause');
    await pass(60_000);
    const paused = await ticks();
    expect(paused - before, 'one may have been on its way').to.be.at.most(1);
    const { run_id: manual } = (await rig.ask('POST', '/api/jobs/tick/trigger')).json();
    await pass(10_000);
    expect((await rig.ask('GET', `/api/runs/${String(manual)}`)).json().status).to.equal('completed');
    expect((await rig.ask('GET', '/api/jobs/tick')).json().next_run_at).to.equal(null);
    await rig.ask('POST', '/api/scheduler/resume');
    await pass(30_000);
    expect((await ticks()) - paused).to.be.within(2, 4);
    expect((await rig.ask('GET', '/api/jobs/tick')).json().next_run_at).to.be.greaterThan(world.clock.now());
  });

  it('D3.9 a control plane that starts anew finds the schedule at rest', async () => {
    await everySecond();
    await rig.ask('POST', '/api/scheduler/pause');
    await pass(10_000);
    const before = await ticks();
    const stopping = leader.stop();
    await world.advance(60_000);
    await stopping;
    leader = await startLeader(world);
    await pass(60_000);
    expect(await ticks()).to.equal(before);
    expect((await world.admin.get(schedulerSettings, { name: 'default' })).spec?.suspended).to.equal(true);
  });

  it('D3.11 an API that fails, or is not there any more, does not stop the schedule', async () => {
    await everySecond();
    await pass(20_000);
    const before = await ticks();
    rig.scheduling = new Error('broken');
    for (let n = 0; n < 20; n++)
      expect((await rig.raw('POST', '/api/jobs/tick/trigger')).status).to.equal(500);
    await pass(30_000);
    const after = await ticks();
    expect(after).to.be.at.least(before + 2);
    await rig.close();
    await pass(30_000);
    expect(await ticks()).to.be.at.least(after + 2);
    rig = await openJobsRig({ world, identity: adminIdentity });
  });

  it('D3.10 of two triggers at one moment that both find room, the one too many ends failed and says so', async () => {
    await world.admin.create(jobs, jobManifest('one', { concurrencyPolicy: 'Forbid' }));
    const made = await Promise.all([1, 2, 3, 4].map(() => rig.ask('POST', '/api/jobs/one/trigger')));
    const passed = made.filter(({ status }) => status === 200);
    expect(passed.length).to.be.at.least(1);
    expect(made.filter(({ status }) => status === 429)).to.have.length(4 - passed.length);
    await pass(5_000);
    const ended = await Promise.all(
      passed.map(async (one) => (await rig.ask('GET', `/api/runs/${String(one.json().run_id)}`)).json()),
    );
    expect(ended.filter(({ status }) => status === 'completed')).to.have.length(1);
    for (const { status, error } of ended) {
      if (status !== 'completed')
        expect([status, String(error).split(':')[0]]).to.deep.equal(['failed', 'MaxConcurrentRunsExceeded']);
    }
  });

  it('D3.12 times that were missed while nothing controlled come to one run at most, unless the job wants all', async () => {
    const missed = { schedule: '@every 1m', startingDeadlineSeconds: 3_600, successfulRunsHistoryLimit: 100 };
    await world.admin.create(jobs, jobManifest('skip', missed));
    await world.admin.create(jobs, jobManifest('latest', { ...missed, catchUp: 'Latest' }));
    await world.admin.create(jobs, jobManifest('all', { ...missed, catchUp: 'All' }));
    const countOf = async (job: string): Promise<number> =>
      Number((await rig.ask('GET', `/api/jobs/${job}/runs?limit=1000`)).json().count);
    await pass(65_000);
    expect(await Promise.all(['skip', 'latest', 'all'].map(countOf))).to.deep.equal([1, 1, 1]);
    const stopping = leader.stop();
    await world.advance(30 * 60_000);
    await stopping;
    leader = await startLeader(world);
    await pass(10_000);
    expect(await countOf('skip')).to.be.within(1, 2);
    expect(await countOf('latest')).to.equal(2);
    expect(await countOf('all')).to.be.within(30, 32);
  });

  it('D3.12 a circle of steps is refused with its path', async () => {
    const step = (name: string, ...dependsOn: string[]) => ({
      name,
      dependsOn,
      template: { spec: { image: 'gantry/hello:1' } },
    });
    const tasks = [step('a', 'c'), step('b', 'a'), step('c', 'b')];
    const refused: unknown = await world.admin
      .create(jobs, jobManifest('circle', { tasks }))
      .catch((error: unknown) => error);
    expect(String(refused)).to.contain('a -> c -> b -> a');
    expect((await rig.ask('GET', '/api/jobs')).json().count).to.equal(0);
  });

  it('D3.12 a job that depends on others runs after them, and by hand only when they are as it wants them', async () => {
    await world.admin.create(jobs, jobManifest('build'));
    await world.admin.create(
      jobs,
      jobManifest('deploy', { dependsOn: [{ job: 'build', condition: 'LastSuccess' }] }),
    );
    expect((await rig.ask('POST', '/api/jobs/deploy/trigger')).status).to.equal(409);
    await rig.ask('POST', '/api/jobs/build/trigger');
    await pass(10_000);
    expect((await rig.ask('GET', '/api/jobs/deploy/runs')).json().count, 'by itself').to.equal(1);
    expect((await rig.ask('POST', '/api/jobs/deploy/trigger')).status).to.equal(200);
  });
});
