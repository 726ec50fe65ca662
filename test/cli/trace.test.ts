/** `gantry trace`; what controllers and agents would write is written by hand. */
import { expect } from 'chai';
import { runTrace } from '../../cli/commands/trace.ts';
import { systemClock } from '../../machinery/clock.ts';
import { ApiError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { withTrace } from '../../machinery/trace.ts';
import { clusterRoles, events, jobs, roleBindings, runs, tasks, taskTemplates } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const UUID = '4bf92f35-77b3-4da6-a3ce-929d0e0e4736';
const at = (second: number): string => `2026-01-01T00:00:0${second}Z`;

describe('gantry trace', () => {
  let here: CommandWorld;
  const traced = <T>(work: () => Promise<T>): Promise<T> =>
    withTrace({ requestId: 'r', traceId: TRACE }, work);

  beforeEach(async () => {
    here = await CommandWorld.open(certificates);
    await here.create(taskTemplates, 'fib', { spec: { template: { spec: { image: 'i' } } } });
    await here.create(tasks, 'other', { spec: { image: 'i' } });
    await traced(async () => {
      await here.create(jobs, 'etl', {
        metadata: { annotations: { 'gantry.dev/job-id': 'hello_etl' } },
        spec: { tasks: [{ name: 'a', template: { spec: { image: 'i' } } }] },
      });
      await here.create(runs, 'order', {
        metadata: { annotations: { 'gantry.dev/task-id': '266592cd-960d-4091-981c-8c25c44b1018' } },
        spec: { templateRef: { name: 'fib' } },
      });
      await here.create(tasks, 'order-fib-1', {
        metadata: { labels: { 'gantry.dev/run': 'order', 'gantry.dev/step': 'fib' } },
        spec: { image: 'i' },
      });
    });
    await here.create(events, 'pulled', {
      metadata: { annotations: { 'gantry.dev/trace-id': TRACE } },
      involvedObject: { kind: 'Task', namespace: 'default', name: 'order-fib-1' },
      reason: 'Pulled',
      message: 'image "i"\nis here',
      type: 'Normal',
      count: 2,
      lastTimestamp: at(2),
    });
    await here.report(tasks, 'order-fib-1', {
      phase: 'Failed',
      reason: 'Error',
      message: 'it ended with 3',
      workerName: 'w1',
      container: { id: 'c'.repeat(64), startedAt: at(3), finishedAt: at(5), exitCode: 3 },
    });
    await here.report(runs, 'order', {
      state: 'failed',
      reason: 'TaskFailed',
      startedAt: at(1),
      finishedAt: at(6),
    });
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  const TOLD = [
    'job/etl created',
    'run/order created',
    'task/order-fib-1 created',
    'run/order started',
    'task/order-fib-1 event Pulled: image "i" is here (2 times)',
    'task/order-fib-1 started worker w1 container cccccccccccc',
    'task/order-fib-1 failed Error: it ended with 3 exit code 3 worker w1 container cccccccccccc',
    'run/order failed TaskFailed',
  ];
  const lines = (out: string): string[] =>
    out
      .split('\n')
      .slice(3)
      .filter((line) => line !== '')
      .map((line) => line.replace(/^\S+\s+/, '').replaceAll(/ {2,}/g, ' '));

  for (const [what, word] of [
    ['a trace id', TRACE],
    ['a trace id as a UUID', UUID],
    ['a task_id', '266592cd-960d-4091-981c-8c25c44b1018'],
    ['a Run', 'order'],
    ['a Run with its kind', 'run/order'],
    ['a Task', 'order-fib-1'],
    ['a job_id', 'hello_etl'],
  ] as const) {
    it(`finds everything by ${what}, in order of time`, async () => {
      const out = await here.ok(`trace ${word}`);
      expect(out.split('\n')[0]).to.equal(`Trace ${TRACE}`);
      expect(lines(out)).to.deep.equal(TOLD);
    });
  }

  it('tells it as JSON', async () => {
    const { trace_id: id, entries } = JSON.parse(await here.ok(`trace ${TRACE} -o json`)) as {
      trace_id: string;
      entries: Record<string, unknown>[];
    };
    expect(id).to.equal(TRACE);
    expect(entries.find(({ what }) => what === 'failed')).to.deep.equal({
      at: at(5),
      kind: 'Task',
      namespace: 'default',
      name: 'order-fib-1',
      what: 'failed',
      step: 'fib',
      reason: 'Error',
      message: 'it ended with 3',
      worker: 'w1',
      container_id: 'c'.repeat(64),
      exit_code: 3,
    });
  });

  it('says what it found nothing of, and how long things are kept', async () => {
    const said = await here.refused(`trace ${'a'.repeat(32)}`);
    expect(said).to.match(
      /^gantry: no trace "a{32}" in any namespace: found no Job, Run, Task or Event of it/,
    );
    expect(said).to.match(/Events are kept for a day/);
    expect(await here.refused('trace nobody -n default')).to.match(
      /^gantry: no trace "nobody" in namespace "default"/,
    );
  });

  it('refuses forms that it does not have', async () => {
    expect(await here.refused(`trace ${TRACE} -o yaml`)).to.match(/--output: found "yaml", wanted json/);
    expect(await here.refused(`trace ${TRACE} -o json --logs`)).to.match(/without --follow and --logs/);
  });

  it('looks in its own namespace where one may not read all', async () => {
    const { admin } = here.world;
    const rbac = 'rbac.authorization.k8s.io';
    await admin.create(clusterRoles, {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'reader' },
      rules: [{ verbs: ['get', 'list', 'watch'], apiGroups: ['', 'gantry.dev'], resources: ['*'] }],
    });
    await admin.create(roleBindings, {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'anna', namespace: 'default' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'anna' }],
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'reader' },
    });
    await here.logIn(certificates, { name: 'anna', groups: [] });
    expect(lines(await here.ok(`trace ${TRACE}`))).to.deep.equal(TOLD);
    expect(await here.refused('trace nobody')).to.match(/in namespace "default"/);
  });

  it('--follow goes on until all of it has ended', async () => {
    await traced(() => here.create(runs, 'second', { spec: { templateRef: { name: 'fib' } } }));
    let isTold = false;
    const ran = await here.gantry(`trace ${TRACE} --follow`, {
      clock: systemClock,
      onOutput: (out) => {
        if (isTold || !out.includes('run/second')) return;
        isTold = true;
        void here.report(runs, 'second', { state: 'completed', startedAt: at(7), finishedAt: at(8) });
      },
    });
    expect([ran.code, ran.err]).to.deep.equal([0, '']);
    expect(lines(ran.out).slice(-2)).to.deep.equal(['run/second started', 'run/second completed']);
  });

  it('--follow reads again where the server ends its watch, and does not take that for the end', async () => {
    await traced(() => here.create(runs, 'second', { spec: { templateRef: { name: 'fib' } } }));
    const { admin } = here.world;
    let watches = 0;
    let out = '';
    const client = {
      list: admin.list.bind(admin),
      async *watch(...asked: Parameters<typeof admin.watch>) {
        if (++watches > 3) return yield* admin.watch(...asked);
        if (watches === 3) await here.report(runs, 'second', { state: 'completed', finishedAt: at(8) });
        if (watches === 1) throw new ApiError('ServiceUnavailable', 'the server is stopping');
      },
    };
    const clock = new FakeClock();
    const io = {
      clock,
      signal: new AbortController().signal,
      stdout: { write: async (text: string) => void (out += text) },
    };
    const session = { client, namespace: 'default', isNamespaceGiven: false };
    const following = runTrace(TRACE, { follow: true }, session as never, io as never);
    let isOver = false;
    const ended = following.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    expect(out).to.match(/run\/second +completed/);
  });

  it('--follow of what has ended ends at once', async () => {
    expect(lines(await here.ok(`trace ${TRACE} --follow`))).to.deep.equal(TOLD);
  });

  it('--logs asks for the last lines of each Task, and says where they cannot be had', async () => {
    const ran = await here.gantry(`trace ${TRACE} --logs`);
    expect(ran.code).to.equal(0);
    expect(ran.out).to.match(/\nLast 10 lines of task\/order-fib-1\n/);
    expect(ran.err).to.match(/Error from server/);
  });

  it('tells Events of the same second in the order in which they came, whatever they are called', async () => {
    for (const [name, reason] of [
      ['z', 'Created'],
      ['y', 'Started'],
      ['a', 'Ended'],
    ] as const) {
      await here.create(events, name, {
        metadata: { annotations: { 'gantry.dev/trace-id': TRACE } },
        involvedObject: { kind: 'Task', namespace: 'default', name: 'order-fib-1' },
        reason,
        type: 'Normal',
        lastTimestamp: at(4),
      });
    }
    const told = lines(await here.ok(`trace ${TRACE}`)).filter((line) => / event (?!Pulled)/.test(line));
    expect(told.map((line) => line.split(' ').at(-1))).to.deep.equal(['Created', 'Started', 'Ended']);
  });

  it('what has not begun says why', async () => {
    await traced(() => here.create(tasks, 'waits', { spec: { image: 'i' } }));
    await here.report(tasks, 'waits', {
      phase: 'Pending',
      reason: 'Unschedulable',
      message: 'no worker fits',
    });
    expect(lines(await here.ok(`trace ${TRACE}`))).to.include(
      'task/waits pending Unschedulable: no worker fits',
    );
  });
});
