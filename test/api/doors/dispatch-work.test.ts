/** What becomes of work, and cancelling it: D2.2, D2.4, D2.7 and D2.12 of the checklist, with the run controller. */
import { expect } from 'chai';
import { heldIn } from '../../../api/doors/dispatch/agents.ts';
import { MAX_OUTPUT_BYTES } from '../../../api/doors/dispatch/output.ts';
import { factsOf, traceOf } from '../../../api/doors/dispatch/translate.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { clusterRoleBindings, clusterRoles, jobs, runs, tasks } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { type Process, Stage, startRuns } from '../../controllers/run/stage.ts';
import { SchedulerRig } from '../../controllers/scheduler/rig.ts';
import { openWorld, type World } from '../../world.ts';
import { noWorkers } from '../server/harness.ts';
import { createTemplate, type DispatchRig, linkWith, openDispatch, registryWith } from './dispatchrig.ts';

const WORK = { task_id: 'w', work_type: 'fib', parameters: { position: 10 } };

describe('the dispatch door: what becomes of work', () => {
  let world: World;
  let stage: Stage;
  let process: Process;
  let rig: DispatchRig;
  const open = async (workerLink: WorkerLink = noWorkers, client = world): Promise<void> => {
    rig = await openDispatch({ world: client, identity: DEV_IDENTITY, workerLink });
  };

  beforeEach(async () => {
    world = await openWorld();
    stage = new Stage(world);
    process = startRuns(world);
    await createTemplate(world);
  });
  afterEach(async () => {
    await rig.close();
    await process.kill();
    await world.close();
  });

  /** Where the Task of the first try has got, as its worker would tell. */
  const tell = async (status: NonNullable<Task['status']>, name = 'w-fib-1'): Promise<void> => {
    const task = await taskNamed(name);
    await stage.tell(task, status);
    await world.advance(1_000);
  };
  const taskNamed = async (name: string): Promise<Task> => {
    await world.until(`task ${name}`, async () => (await stage.task(name)) !== undefined);
    const task = await stage.task(name);
    if (task === undefined) throw new Error(`no task ${name}`);
    return task;
  };
  const bind = async (name = 'w-fib-1', worker = 'w1'): Promise<void> => {
    await taskNamed(name);
    await world.addWorker(worker);
    const key = { namespace: 'default', name };
    await world.admin.post(tasks, key, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: worker },
      epoch: 1,
    });
  };

  describe('D2.2 status', () => {
    it('D2.2 tells of a task from pending over running to completed', async () => {
      await open(linkWith({ 'w-fib-1': '[FIB] Calculating\n[RESULT] 34\n' }));
      const { trace_id: trace, request_id: request } = (await rig.dispatch(WORK)).json();
      await taskNamed('w-fib-1');
      await world.advance(1_000);
      const queued = { status: 'pending', attempts: 1, agent_id: null, output: '', started_at: null };
      expect(await rig.status('w')).to.include({ ...queued, duration_ms: null });
      await bind();
      const startedAt = new Date(world.clock.now()).toISOString();
      await tell({ phase: 'Running', startedAt });
      await world.advance(2_000);
      expect(await rig.status('w')).to.include({
        status: 'running',
        agent_id: 'w1',
        attempts: 1,
        output: '[FIB] Calculating\n[RESULT] 34\n',
        exit_code: null,
      });
      expect((await rig.status('w'))['duration_ms']).to.be.greaterThanOrEqual(2_000);
      await stage.end(await taskNamed('w-fib-1'), { exitCode: 0 });
      const run = await stage.untilEnded('w');
      const done = await rig.status('w');
      expect(done).to.include({ status: 'completed', progress: 100, exit_code: 0, error_message: null });
      expect(done['finished_at']).to.equal(run.status?.finishedAt);
      expect(Date.parse(String(done['updated_at']))).to.be.greaterThanOrEqual(Date.parse(startedAt));
      expect((await rig.ask('GET', '/api/v1/status/w')).headers).to.include({
        'x-trace-id': String(trace),
        'x-request-id': String(request),
      });
    });

    it('D2.2 tells why work failed, with its exit code', async () => {
      await open();
      stage.plays = { fib: [{ exitCode: 65 }] };
      await rig.dispatch(WORK);
      await stage.untilEnded('w');
      const status = await rig.status('w');
      expect(status).to.include({ status: 'failed', exit_code: 65, error_code: 3001 });
      expect(status['error_message']).to.match(
        /step "fib" failed: Error, the container ended with exit code 65/,
      );
    });

    it('D2.2 tells the progress that the work tells', async () => {
      await open();
      await rig.dispatch(WORK);
      await tell({ phase: 'Running', progress: 40 });
      expect(await rig.status('w')).to.include({ status: 'running', progress: 40 });
    });

    it('D2.2 answers a HEAD as a GET, without its body', async () => {
      await open();
      await rig.dispatch(WORK);
      const answer = await rig.ask('HEAD', '/api/v1/status/w');
      expect([answer.status, answer.text]).to.deep.equal([200, '']);
    });

    const at = '2026-01-01T00:00:00Z';
    const runWith = (status: NonNullable<Run['status']>): Run => ({
      apiVersion: 'gantry.dev/v1',
      kind: 'Run',
      metadata: { name: 'r', namespace: 'default' },
      spec: { templateRef: { name: 'fib' } },
      status,
    });
    for (const [what, status, facts] of [
      [
        'interrupted',
        { state: 'interrupted', reason: 'Interrupted', message: 'gone' },
        { status: 'failed', error_code: 3002, error_message: 'gone' },
      ],
      [
        'without its revision',
        { state: 'interrupted', reason: 'RevisionMissing' },
        { status: 'failed', error_code: 3002, error_message: 'RevisionMissing' },
      ],
      [
        'after what did not complete',
        { state: 'failed', reason: 'DependencyNotSatisfied', message: 'm' },
        { status: 'failed', error_code: 3003 },
      ],
      ['failed without a word', { state: 'failed' }, { error_code: 3001, error_message: 'failed' }],
      [
        'cancelled',
        { state: 'cancelled', message: 'cancelled: steps: 1 cancelled' },
        { status: 'cancelled', error_code: null, error_message: 'cancelled: steps: 1 cancelled' },
      ],
      [
        'over its end',
        { state: 'running', progress: 140, startedAt: at },
        { progress: 100, duration_ms: 5_000 },
      ],
      [
        'of several steps',
        {
          state: 'failed',
          tasks: [
            { name: 'a', state: 'completed', exitCode: 0, attempts: 1 },
            { name: 'b', state: 'failed', exitCode: 3, attempts: 2 },
            { name: 'c', state: 'skipped' },
          ],
        },
        { exit_code: 3, attempts: 3 },
      ],
    ] as const) {
      it(`D2.2 tells of work that is ${what}`, () => {
        const run = runWith(structuredClone(status) as unknown as NonNullable<Run['status']>);
        expect(factsOf(run, Date.parse(at) + 5_000)).to.include(facts);
        expect(traceOf(run)).to.equal(undefined);
      });
    }

    it('D2.2 tells of any Run of its namespace, also of a Job and of one that nobody asked for over a wire', async () => {
      await open(linkWith({ 'r-a-1': 'one\n', 'r-b-1': 'two\n' }));
      await stage.createJob('j', [{ name: 'a' }, { name: 'b', dependsOn: ['a'] }]);
      await stage.createRun('r', { jobRef: { name: 'j' } });
      await bind('r-a-1');
      await stage.end(await taskNamed('r-a-1'), {});
      await world.advance(1_000);
      await bind('r-b-1', 'w2');
      expect(await rig.status('r')).to.include({
        task_id: 'r',
        work_type: 'j',
        agent_id: 'w2',
        output: 'one\ntwo\n',
      });
      const bare = {
        apiVersion: 'gantry.dev/v1',
        kind: 'Run',
        spec: { templateRef: { name: 'fib' }, parameters: { position: 1 } },
      };
      const metadata = { name: 'bare', namespace: 'default' };
      await world.admin.create(runs, { ...bare, metadata });
      expect(await rig.status('bare')).to.include({ task_id: 'bare', work_type: 'fib' });
      expect((await rig.ask('POST', '/api/v1/cancel/bare')).json()).to.include({ status: 'cancelled' });
      expect((await world.admin.list(jobs)).items).to.have.length(1);
    });
  });

  describe('D2.2 output', () => {
    const begin = async (link: WorkerLink): Promise<void> => {
      await open(link);
      await rig.dispatch(WORK);
      await bind();
      await tell({ phase: 'Running' });
    };

    it('D2.2 is the last 64 KiB of the log, from a whole character on', async () => {
      const log = `${'é'.repeat(60_000)}x\n`;
      await begin(linkWith({ 'w-fib-1': Buffer.from(log) }));
      const { output, output_unavailable: unavailable } = await rig.status('w');
      expect(unavailable).to.equal(null);
      expect(log.endsWith(String(output))).to.equal(true);
      expect(Buffer.byteLength(String(output))).to.be.within(MAX_OUTPUT_BYTES - 1, MAX_OUTPUT_BYTES);
    });

    it('D2.2 is so also of a log of many short lines, and of one in many pieces', async () => {
      const log = Array.from({ length: 40_000 }, (_, line) => `${line}\n`).join('');
      await begin(linkWith({ 'w-fib-1': log }));
      expect((await rig.status('w'))['output']).to.equal(log.slice(-MAX_OUTPUT_BYTES));
      await rig.close();
      await open(linkWith({ 'w-fib-1': log.match(/[^]{1,999}/g)?.map((piece) => Buffer.from(piece)) ?? [] }));
      expect((await rig.status('w'))['output']).to.equal(log.slice(-MAX_OUTPUT_BYTES));
    });

    it('D2.2 says that it cannot be had, and why, where the worker cannot be reached', async () => {
      await begin(noWorkers);
      expect(await rig.status('w')).to.include({
        status: 'running',
        output: null,
        output_unavailable: 'worker "w1" is not connected',
        agent_id: 'w1',
      });
    });

    it('D2.2 says so where the log cannot be read', async () => {
      await begin(linkWith({ 'w-fib-1': new Error('disk on fire') }));
      expect(await rig.status('w')).to.include({
        output: null,
        output_unavailable: 'the log cannot be read: disk on fire',
      });
    });

    it('D2.2 is so also of a log whose lines are long', async () => {
      const logOf = (count: number, bytes: number): string =>
        Array.from({ length: count }, (_, line) => `${line} ${'x'.repeat(bytes)}\n`).join('');
      const tell = async (): Promise<unknown[]> => {
        const { output, output_unavailable: unavailable } = await rig.status('w');
        return [unavailable, log.endsWith(String(output)), String(output).length];
      };
      let log = logOf(1_100, 17 * 1024);
      await begin(linkWith({ 'w-fib-1': log }));
      expect(await tell()).to.deep.equal([null, true, MAX_OUTPUT_BYTES]);
      await rig.close();
      // The last thousand do not fill the bound, and those before are too large.
      log = logOf(1_000, 17 * 1024) + logOf(1_000, 10);
      await open(linkWith({ 'w-fib-1': log }));
      const [unavailable, isEnd, bytes] = await tell();
      expect([unavailable, isEnd]).to.deep.equal([null, true]);
      expect(bytes).to.be.within(1_000 * 12, MAX_OUTPUT_BYTES);
    });

    it('D2.2 says so where its end is beyond all bounds', async () => {
      await begin(linkWith({ 'w-fib-1': Array.from({ length: 17 }, () => new Uint8Array(1024 * 1024)) }));
      expect((await rig.status('w'))['output_unavailable']).to.match(
        /more than 16777216 bytes: read the log itself/,
      );
    });

    it('D2.2 waits for it no longer than two seconds', async () => {
      let asked = 0;
      await begin({
        ...noWorkers,
        logs: () => {
          asked++;
          return new Promise(() => undefined);
        },
      });
      const answer = rig.status('w');
      while (asked === 0) await world.settle();
      await world.advance(2_000);
      expect((await answer)['output_unavailable']).to.equal('worker "w1" did not give the log within 2 s');
    });

    it('D2.2 is empty while there is no container yet, and not where there was one', async () => {
      await open(linkWith({}));
      await rig.dispatch(WORK);
      await bind();
      await world.advance(1_000);
      expect(await rig.status('w')).to.include({ output: '', output_unavailable: null });
      await tell({ phase: 'Running' });
      expect(await rig.status('w')).to.include({
        output: null,
        output_unavailable: 'task "w-fib-1" has no log yet',
      });
    });

    it('D2.2 says so where its task was deleted', async () => {
      await begin(linkWith({ 'w-fib-1': 'x' }));
      await process.kill();
      const key = { namespace: 'default', name: 'w-fib-1' };
      await world.admin.patch(tasks, key, { type: 'merge', body: { metadata: { finalizers: null } } });
      await world.admin.delete(tasks, key);
      expect(await rig.status('w')).to.include({
        output: null,
        output_unavailable: 'task "w-fib-1" was deleted, and its log is told with it',
        agent_id: null,
      });
    });

    it('D2.2 is not read with output=none, but the agent is told', async () => {
      await begin(linkWith({ 'w-fib-1': 'x' }));
      expect((await rig.ask('GET', '/api/v1/status/w?output=none')).json()).to.include({
        output: null,
        output_unavailable: 'output=none leaves the log unread',
        agent_id: 'w1',
      });
    });

    for (const [what, resources, says] of [
      ['logs', ['runs', 'tasks'], /cannot get resource "tasks\/log"/],
      ['tasks', ['runs'], /cannot get resource "tasks" in/],
    ] as const) {
      it(`D2.2 is kept from those who may not read ${what}, with the reason`, async () => {
        await begin(linkWith({ 'w-fib-1': 'secret' }));
        await rig.close();
        await grant(world.admin, 'viewer', [...resources]);
        const identity = { name: 'viewer', groups: ['system:authenticated'] };
        rig = await openDispatch({ world, identity, workerLink: linkWith({ 'w-fib-1': 'secret' }) });
        const status = await rig.status('w');
        expect(status).to.include({ status: 'running', output: null });
        expect(status['output_unavailable']).to.match(says);
      });
    }

    it('D2.2 lets a fault of the server be one', async () => {
      await begin(linkWith({}));
      await rig.close();
      const broken = registryWith(world.registry, {
        get: (context, kind, key, options) =>
          kind.plural === 'tasks'
            ? Promise.reject(new ApiError('ServiceUnavailable', 'the store is away'))
            : world.registry.get(context, kind, key, options),
      });
      rig = await openDispatch({ world: { ...world, registry: broken }, identity: DEV_IDENTITY });
      const answer = await rig.ask('GET', '/api/v1/status/w');
      expect([answer.status, answer.json().error_code]).to.deep.equal([503, 5003]);
    });
  });

  describe('D2.4 cancel', () => {
    const cancel = async (id = 'w'): Promise<readonly [number, Record<string, unknown>]> => {
      const answer = await rig.ask('POST', `/api/v1/cancel/${id}`);
      return [answer.status, answer.json()];
    };

    it('D2.4 cancels what is pending', async () => {
      await open();
      const { trace_id: trace } = (await rig.dispatch(WORK)).json();
      expect(await cancel()).to.deep.equal([200, { task_id: 'w', status: 'cancelled', trace_id: trace }]);
      expect((await rig.run('w')).spec.cancel).to.equal(true);
      await stage.untilEnded('w');
      expect(await rig.status('w')).to.include({ status: 'cancelled', trace_id: trace });
    });

    it('D2.4 cancels what runs: its task is stopped, and the answer to a second time is the same', async () => {
      await open();
      stage.plays = { fib: [{ forever: true }] };
      await rig.dispatch(WORK);
      await tell({ phase: 'Running' });
      const first = await cancel();
      expect(first[0]).to.equal(200);
      const { resourceVersion } = (await rig.run('w')).metadata;
      expect(await cancel()).to.deep.equal(first);
      expect((await rig.run('w')).metadata.resourceVersion).to.equal(resourceVersion);
      await world.advance(1_000);
      expect((await taskNamed('w-fib-1')).spec.desiredState).to.equal('Stopped');
      await stage.untilEnded('w');
      expect(await rig.status('w')).to.include({ status: 'cancelled' });
    });

    it('D2.4 cancels nothing else: 400 and 2002 for what has ended, 404 and 2001 for what is not there', async () => {
      await open();
      const { trace_id: trace } = (await rig.dispatch(WORK)).json();
      await stage.untilEnded('w');
      expect(await cancel()).to.deep.equal([
        400,
        {
          error_code: 2002,
          message: 'task "w" is completed, wanted it pending or running: there is nothing to cancel',
          trace_id: trace,
        },
      ]);
      const [status, body] = await cancel('none');
      expect([status, body['error_code']]).to.deep.equal([404, 2001]);
    });

    it('D2.4 looks again where the Run changed meanwhile, and tells that it has ended', async () => {
      await open();
      await rig.dispatch(WORK);
      await rig.close();
      let isFirst = true;
      const slow = registryWith(world.registry, {
        patch: async (...words) => {
          if (isFirst) {
            isFirst = false;
            await stage.untilEnded('w');
          }
          return world.registry.patch(...words);
        },
      });
      await open(noWorkers, { ...world, registry: slow });
      expect((await cancel())[1]).to.include({ error_code: 2002 });
      expect((await rig.run('w')).spec.cancel).to.equal(undefined);
    });

    it('D2.8 knows the agent that has what is cancelled', async () => {
      await open();
      stage.plays = { fib: [{ forever: true }] };
      await rig.dispatch(WORK);
      await bind();
      await tell({ phase: 'Running' });
      await cancel();
      expect(await rig.status('w')).to.include({ agent_id: 'w1' });
    });
  });

  describe('D2.7 and D2.12: whom work goes to, and in which order', () => {
    const infra = { 'gantry.dev/agent-type': 'infra' };
    const desktop = { 'gantry.dev/agent-type': 'desktop' };

    it("D2.7 sends work to agents of its type, by its template's workerSelector, with its priority", async () => {
      await open();
      await createTemplate(world, 'ansible', { workerSelector: infra, priority: 7 });
      await rig.dispatch({ ...WORK, task_id: 'a', work_type: 'ansible' });
      await rig.dispatch({ ...WORK, task_id: 'b', work_type: 'ansible', priority: 5 });
      expect((await taskNamed('a-ansible-1')).spec).to.deep.include({ workerSelector: infra, priority: 7 });
      expect((await taskNamed('b-ansible-1')).spec).to.deep.include({ workerSelector: infra, priority: 200 });
    });

    it('D2.7 does what is more urgent first, and lets it take the place of others where its work type says so', async () => {
      const scheduling = await SchedulerRig.open();
      const other = startRuns(scheduling.world);
      const at = await openDispatch({ world: scheduling.world, identity: DEV_IDENTITY });
      const resources = { requests: { cpu: '1' } };
      const template = (more: object): object => ({
        template: { spec: { image: 'noop:1', resources, ...more } },
      });
      await createTemplate(scheduling.world, 'calm', template({}));
      await createTemplate(
        scheduling.world,
        'pushing',
        template({ preemptionPolicy: 'PreemptLowerPriority' }),
      );
      for (const priority of [1, 2, 3, 4, 5]) {
        await at.dispatch({ ...WORK, task_id: `p${priority}`, work_type: 'calm', priority });
      }
      await scheduling.world.advance(1_000);
      await scheduling.world.addWorker('w1', { cpu: '2' });
      await scheduling.world.advance(1_000);
      const bound = async (): Promise<readonly string[]> =>
        (await scheduling.world.admin.list(tasks)).items
          .filter(({ spec }) => spec.workerName !== undefined)
          .map(({ metadata }) => metadata.name);
      expect(await bound()).to.deep.equal(['p4-calm-1', 'p5-calm-1']);
      await at.dispatch({ ...WORK, task_id: 'now', work_type: 'pushing', priority: 5 });
      await scheduling.world.until('it took a place', async () => !(await bound()).includes('p4-calm-1'));
      await at.close();
      await other.kill();
      await scheduling.close();
    });

    it('D2.12 does a chain of three one after the other, over agents of two types', async () => {
      await open();
      await createTemplate(world, 'ansible', { workerSelector: infra });
      await createTemplate(world, 'metrics', { workerSelector: desktop });
      await rig.dispatch({ ...WORK, task_id: 'prepare', work_type: 'ansible' });
      await rig.dispatch({ ...WORK, task_id: 'measure', work_type: 'metrics', depends_on: ['prepare'] });
      await rig.dispatch({ ...WORK, task_id: 'tear-down', work_type: 'ansible', depends_on: ['measure'] });
      await taskNamed('prepare-ansible-1');
      await world.advance(5_000);
      expect((await stage.tasks()).map(({ metadata }) => metadata.name)).to.deep.equal(['prepare-ansible-1']);
      expect(await rig.status('measure')).to.include({ status: 'pending' });
      await stage.untilEnded('tear-down');
      expect(stage.begun).to.deep.equal(['prepare-ansible-1', 'measure-metrics-1', 'tear-down-ansible-1']);
      const selectors = (await stage.tasks()).map(({ spec }) => spec.workerSelector);
      expect(selectors).to.have.deep.members([infra, desktop, infra]);
      for (const id of ['prepare', 'measure', 'tear-down']) {
        expect(await rig.status(id)).to.include({ status: 'completed' });
      }
    });

    it('D2.12 does not go on with a chain whose beginning failed, and says so', async () => {
      await open();
      stage.plays = { fib: [{ exitCode: 1 }] };
      await rig.dispatch(WORK);
      await rig.dispatch({ ...WORK, task_id: 'next', depends_on: ['w'] });
      await stage.untilEnded('next');
      expect(await rig.status('next')).to.include({ status: 'failed', error_code: 3003, attempts: 0 });
      expect(heldIn([]).size).to.equal(0);
    });
  });
});

async function grant(admin: Client, name: string, resources: string[]): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const rules = [{ apiGroups: ['gantry.dev'], resources, verbs: ['get'] }];
  const apiVersion = `${group}/v1`;
  await admin.create(clusterRoles, { apiVersion, kind: 'ClusterRole', metadata: { name }, rules });
  await admin.create(clusterRoleBindings, {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name },
    subjects: [{ apiGroup: group, kind: 'User', name }],
  });
}
