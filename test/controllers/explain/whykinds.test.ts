/** Why of everything that is no Task, of what is gone, for who may not see all; in the small cluster of `whyworld.ts`. */
import { expect } from 'chai';
import { explainWhy } from '../../../controllers/explain/why/explain.ts';
import { needOf, verdictsIn, verdictsInMessage } from '../../../controllers/explain/why/placement.ts';
import type { DynamicObject, KubeObject, Resource } from '../../../machinery/meta.ts';
import type { WhyFacts } from '../../../machinery/why.ts';
import {
  configMaps,
  jobs,
  namespaces,
  roleBindings,
  roles,
  runs,
  taskSets,
  tasks,
  workers,
} from '../../../schemas/kinds.ts';
import { linesOf, WhyWorld } from './whyworld.ts';

describe('why of other kinds', () => {
  let here: WhyWorld;
  beforeEach(async () => {
    here = await WhyWorld.open();
  });
  afterEach(() => here.close());

  const setOf = (image: string, more: object = {}): Readonly<Record<string, unknown>> => ({
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { image } },
      ...more,
    },
  });
  const jobOf = (image: string, more: object = {}): Readonly<Record<string, unknown>> => ({
    spec: { tasks: [{ name: 'a', template: { spec: { image } } }], ...more },
  });
  const runOf = (job: string): Readonly<Record<string, unknown>> => ({ spec: { jobRef: { name: job } } });
  const statusOf = async <T extends KubeObject & { readonly status?: unknown }>(
    resource: Resource<T>,
    name: string,
  ): Promise<unknown> => (await here.world.admin.get(resource, { namespace: 'default', name })).status;
  const includes = (value: unknown, text: string): boolean => JSON.stringify(value ?? {}).includes(text);

  it('a TaskSet whose tasks crash: how many are there, which are not Ready and why, what they need', async () => {
    await here.create(taskSets, 'web', setOf('crash:1'));
    await here.world.until('a task crashes', async () =>
      (await here.world.admin.list(tasks)).items.some(({ status }) => status?.reason === 'CrashLoopBackOff'),
    );
    await here.world.advance(2_000);
    const { summary, causes, needs, timeline } = await here.why(taskSets, 'web');
    expect(summary).to.match(/^0 of 2 tasks are Ready, 0 available; /);
    expect(causes.join('\n')).to.match(/^task\/web-\S+ is Pending: CrashLoopBackOff: back-off/);
    expect(needs.join('\n')).to.match(/^for task\/web-\S+: a container that goes on running/);
    expect(linesOf(timeline).join('\n')).to.match(/rollout RolloutStarted: Rolling out web-/);
  });

  it('a TaskSet that is gone: what its conditions said last', async () => {
    await here.create(taskSets, 'web', setOf('app:1'));
    await here.world.until('it is complete', async () =>
      includes(await statusOf(taskSets, 'web'), 'NewRevisionAvailable'),
    );
    await here.world.admin.delete(taskSets, { namespace: 'default', name: 'web' });
    const { causes, needs } = await here.why(taskSets, 'web');
    expect(causes[0]).to.match(/^as it was last seen: Available is True: MinimumReplicasAvailable/);
    expect(needs[0]).to.include('`gantry undo taskset/web`');
  });

  it('a TaskSet as it was asked for needs nothing', async () => {
    await here.create(taskSets, 'web', setOf('app:1'));
    await here.world.until('it is complete', async () =>
      includes(await statusOf(taskSets, 'web'), 'NewRevisionAvailable'),
    );
    const { state, summary, needs } = await here.why(taskSets, 'web');
    expect([state, needs]).to.deep.equal(['Complete', []]);
    expect(summary).to.match(/^2 of 2 tasks are Ready, 2 available, all of web-/);
  });

  it('a TaskSet that is paused needs to be resumed', async () => {
    await here.create(taskSets, 'web', setOf('app:1', { paused: true }));
    await here.world.until('it says so', async () => includes(await statusOf(taskSets, 'web'), 'Paused'));
    const { needs, next } = await here.why(taskSets, 'web');
    expect(needs.join()).to.match(/gantry rollout resume taskset\/web/);
    expect(next[0]?.message).to.match(/waits until it is resumed/);
  });

  it('a TaskSet whose tasks are refused: the admission refusal, in its words', async () => {
    await here.create(taskSets, 'web', {
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { image: 'app:1', securityContext: { privileged: true } },
        },
      },
    });
    await here.world.until('it is refused', async () =>
      includes(await statusOf(taskSets, 'web'), 'ReplicaFailure'),
    );
    await here.world.settle();
    const { causes, needs, timeline } = await here.why(taskSets, 'web');
    expect(causes[0]).to.match(/^tasks could not be made: .*privileged/);
    expect(needs.join('\n')).to.match(/what refused its tasks put right: .*privileged/);
    expect(timeline.find(({ topic }) => topic === 'admission')?.message).to.match(/privileged/);
  });

  it('a Job: its schedule, whether it rests, its runs', async () => {
    await here.create(jobs, 'nightly', jobOf('job:1', { schedule: '0 3 * * *' }));
    await here.world.until('it has a next time', async () =>
      includes(await statusOf(jobs, 'nightly'), 'nextScheduleTime'),
    );
    const idle = await here.why(jobs, 'nightly');
    expect(idle.summary).to.equal('it waits for its schedule; no run of it has ended yet');
    expect(idle.next).to.deep.equal([{ message: 'the schedule comes round', at: '2026-01-01T03:00:00Z' }]);
    await here.world.admin.patch(
      jobs,
      { namespace: 'default', name: 'nightly' },
      { type: 'merge', body: { spec: { suspend: true } } },
    );
    await here.world.until('it rests', async () => includes(await statusOf(jobs, 'nightly'), 'JobSuspended'));
    await here.world.settle();
    const resting = await here.why(jobs, 'nightly');
    expect(resting.state).to.equal('Suspended');
    expect(resting.needs).to.deep.equal(['spec.suspend false']);
    expect(linesOf(resting.timeline).join('\n')).to.match(/Suspended: spec.suspend is true/);
  });

  it('a Run that failed: which step, how it ended, what to do', async () => {
    await here.create(jobs, 'etl', jobOf('crash:1'));
    await here.create(runs, 'r1', runOf('etl'));
    await here.world.until('it has failed', async () => includes(await statusOf(runs, 'r1'), '"failed"'));
    await here.world.advance(1_000);
    const { state, reason, summary, causes, needs, timeline } = await here.why(runs, 'r1');
    expect([state, reason]).to.deep.equal(['failed', 'TaskFailed']);
    expect(summary).to.match(/^the run of job etl .*is failed: TaskFailed: step "a" failed/);
    expect(causes[0]).to.match(/^step "a" is failed, exit code 3/);
    expect(needs.join()).to.match(/then a rerun/);
    expect(linesOf(timeline).join('\n')).to.match(/run StepFailed: step "a"/);
    const job = await here.why(jobs, 'etl');
    expect(job.summary).to.match(/its last run ended failed at /);
    expect(job.causes[0]).to.match(/^run\/r1 is failed: TaskFailed/);
  });

  it('a Run that waits for a worker: the step, its task, and what that needs', async () => {
    await here.create(jobs, 'etl', {
      spec: {
        tasks: [{ name: 'a', template: { spec: { image: 'job:1', workerSelector: { gpu: 'yes' } } } }],
      },
    });
    await here.create(runs, 'r1', runOf('etl'));
    await here.world.until('its task is told to wait', async () =>
      (await here.world.admin.list(tasks)).items.some(({ status }) => status?.reason === 'Unschedulable'),
    );
    await here.world.settle();
    const { causes, needs } = await here.why(runs, 'r1');
    expect(causes.join('\n')).to.match(
      /task\/\S+ is Pending: Unschedulable: 0\/1 workers fit: w1 SelectorMismatch/,
    );
    expect(needs.join()).to.match(/the labels on worker w1/);
  });

  it('a Worker: lost, cordoned, tainted; and the tasks it leaves in doubt', async () => {
    await here.task('t');
    await here.untilPhase('t', 'Running');
    const well = await here.why(workers, 'w1');
    expect([well.state, well.summary, well.needs]).to.deep.equal(['Ready', 'it is Ready', []]);
    await here.cordon('w1');
    const cordoned = await here.why(workers, 'w1');
    expect(cordoned.state).to.equal('Ready,SchedulingDisabled');
    expect(cordoned.needs.join()).to.match(/spec\.unschedulable false/);
    await here.loseWorker();
    const lost = await here.why(workers, 'w1');
    expect([lost.state, lost.reason]).to.deep.equal(['NotReady', 'LeaseExpired']);
    expect(lost.causes.join()).to.match(/^in namespace default: task\/t is Unknown: WorkerLost/);
    expect(lost.needs.join()).to.match(/the agent on w1 running/);
    const doubt = await here.why(tasks, 't');
    expect(doubt.causes[0]).to.match(/^worker\/w1 is not Ready: LeaseExpired/);
    // Nobody moves it.
    expect(doubt.next[0]?.message).to.match(/until then the task stays bound to it$/);
    expect(linesOf(lost.timeline).join('\n')).to.match(
      /worker LeaseExpired: the lease was not renewed for 12 s/,
    );
  });

  it('a Namespace that does not go: what is left in it and what holds that', async () => {
    await here.create(namespaces, 'team', {});
    await here.world.admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kept', namespace: 'team', annotations: { 'gantry.dev/protect': 'true' } },
    });
    await here.world.admin.delete(namespaces, { name: 'team' });
    await here.world.until('it says what is left', async () =>
      includes((await here.world.admin.get(namespaces, { name: 'team' })).status, 'ContentProtected'),
    );
    const { state, summary, needs } = await here.why(namespaces, 'team');
    expect(state).to.equal('Terminating');
    expect(summary).to.match(/^it is being deleted since .*: ContentProtected: .*configmaps "kept"/);
    expect(needs.join()).to.match(/the annotation gantry\.dev\/protect off/);
  });

  it('anything else: its conditions, what holds its deletion, that it has no status', async () => {
    await here.create(configMaps, 'plain', { data: { a: 'b' } });
    expect((await here.why(configMaps, 'plain')).summary).to.match(/objects of its kind have no status/);
    await here.create(configMaps, 'held', {
      metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/mine'] },
    });
    await here.world.admin.delete(configMaps, { namespace: 'default', name: 'held' });
    const { state, causes, needs } = await here.why(configMaps, 'held');
    expect(state).to.equal('Deleting');
    expect(causes[0]).to.match(/^example\.com\/mine: whoever put it there has to lift it/);
    expect(needs[0]).to.match(/^the finalizer example\.com\/mine lifted/);
  });

  it('a Task that is gone: what became of it, from its Events and the logs that are kept', async () => {
    await here.task('t', { image: 'crash:1' });
    await here.untilReason('t', 'CrashLoopBackOff');
    await here.world.admin.delete(tasks, { namespace: 'default', name: 't' });
    await here.world.advance(5_000);
    const { isGone, state, timeline, needs } = await here.why(tasks, 't');
    expect([isGone, state]).to.deep.equal([true, 'Deleted']);
    expect(linesOf(timeline).join('\n')).to.match(/placement Scheduled[^]*container Started[^]*exit code 3/);
    expect(needs.join()).to.match(/created again/);
  });

  it('a Task that its set took away: the set and its reason', async () => {
    await here.create(taskSets, 'web', setOf('app:1'));
    await here.world.until('it is complete', async () =>
      includes(await statusOf(taskSets, 'web'), 'NewRevisionAvailable'),
    );
    const names = (await here.world.admin.list(tasks)).items.map(({ metadata }) => metadata.name);
    await here.world.admin.patch(
      taskSets,
      { namespace: 'default', name: 'web' },
      { type: 'merge', body: { spec: { replicas: 0 } } },
    );
    await here.world.until(
      'they are gone',
      async () => (await here.world.admin.list(tasks)).items.length === 0,
    );
    const { summary, reason, timeline, needs } = await here.why(tasks, names[0] ?? '');
    // No undo brings one of them back.
    expect(needs).to.deep.equal([
      'nothing of the task itself: taskset/web made it, and makes its tasks itself',
    ]);
    expect(reason, linesOf(timeline).join('\n')).to.equal('Deleted');
    expect(summary).to.match(/web-\S+ .*(?:deleted by TaskSet web: ScaledDown|is not there)/);
  });

  it('a name that nothing is known of is 404', async () => {
    const error: unknown = await here.why(tasks, 'never').catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 404 });
  });
});

describe('why for who may not see everything', () => {
  let here: WhyWorld;
  const dev = { name: 'dev', groups: ['system:authenticated'] };
  beforeEach(async () => {
    here = await WhyWorld.open();
    await here.task('t', { image: 'crash:1', dependsOn: [] });
    await here.untilReason('t', 'CrashLoopBackOff');
  });
  afterEach(() => here.close());

  const allow = async (rules: readonly object[]): Promise<void> => {
    await here.create(roles, 'dev', { rules });
    await here.create(roleBindings, 'dev', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'dev' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'dev' }],
    });
    await here.world.settle();
  };

  it('without the right to get the object it is refused', async () => {
    const error: unknown = await here.why(tasks, 't', dev).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 403 });
  });

  it('with that right alone: its own status is told, and of Events, logs and workers that they are not known', async () => {
    await allow([{ apiGroups: ['gantry.dev'], resources: ['tasks'], verbs: ['get'] }]);
    const { reason, timeline, unknown } = await here.why(tasks, 't', dev);
    expect(reason).to.equal('CrashLoopBackOff');
    expect(timeline.filter(({ source }) => source === 'event')).to.deep.equal([]);
    const words = unknown.join('\n');
    expect(words).to.match(/^what its Events say: events is forbidden/m);
    expect(words).to.match(/^what its containers wrote: .*tasks\.gantry\.dev "t" is forbidden/m);
    expect(words).to.match(/^the state of worker w1: .*forbidden/m);
  });
});

describe('what is read of placements', () => {
  const text =
    '0/3 workers fit: a AffinityMismatch (wants zone=a); b VolumeElsewhere (volume data is on c); c PlatformMismatch (linux/arm64); preempts nobody: 2 (of 3) are needed';

  it('every verdict of the vocabulary says what would have to change, also those no scheduler gives yet', () => {
    const verdicts = verdictsInMessage(text);
    expect(verdicts).to.deep.equal([
      { worker: 'a', verdict: 'AffinityMismatch', detail: 'wants zone=a' },
      { worker: 'b', verdict: 'VolumeElsewhere', detail: 'volume data is on c' },
      { worker: 'c', verdict: 'PlatformMismatch', detail: 'linux/arm64' },
    ]);
    for (const verdict of verdicts) expect(needOf(verdict), verdict.verdict).to.include(verdict.detail);
    expect(needOf({ worker: 'a', verdict: 'SomethingNew', detail: 'x' })).to.equal(
      'worker a without SomethingNew (x)',
    );
    expect(needOf({ worker: 'a', verdict: 'Fits' })).to.equal(undefined);
  });

  it('what is no verdict is none', () => {
    expect(verdictsIn(['w1 fits, load 0.5', 'nonsense', 7, null])).to.deep.equal([
      { worker: 'w1', verdict: 'Fits', detail: 'load 0.5' },
    ]);
    expect(verdictsIn('Started')).to.deep.equal([]);
    expect(verdictsInMessage('waiting for the scheduler')).to.deep.equal([]);
  });
});

describe('law: whatever is stored, why answers', () => {
  const values: readonly unknown[] = [
    undefined,
    null,
    7,
    '',
    'x',
    [],
    {},
    [null, 1, 'a', {}],
    { a: { b: [] } },
    '{"',
    NaN,
  ];
  const facts = (object: DynamicObject, events: readonly DynamicObject[]): WhyFacts => ({
    nowMs: 0,
    subject: { apiVersion: object.apiVersion, kind: object.kind, namespace: 'default', name: 'x' },
    object,
    versions: [],
    statusFromRevision: undefined,
    hasOlderVersions: false,
    oldestRevision: 1,
    events,
    attempts: [],
    related: [
      { role: 'owned', object },
      { role: 'placed', object },
      { role: 'dependency', object },
      { role: 'worker', object },
    ],
    unknown: [],
  });

  it('of a Task whose worker is not Ready, that its status is of before and nothing comes by itself', () => {
    const condition = { type: 'Ready', status: 'False', reason: 'RuntimeDown', message: 'no engine' };
    const worker: DynamicObject = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Worker',
      metadata: { name: 'w1' },
      status: { conditions: [condition] },
    };
    for (const status of [
      { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', reason: 'R', message: '' }] },
      { phase: 'Pending', reason: 'CrashLoopBackOff', nextRestartAt: '2026-01-01T00:00:00Z' },
    ]) {
      const task: DynamicObject = {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { name: 'x', namespace: 'default', uid: 'u' },
        spec: { workerName: 'w1' },
        status,
      };
      const { summary, causes, next, needs } = explainWhy({
        ...facts(task, []),
        related: [{ role: 'worker', object: worker }],
      });
      expect(summary).to.match(/how it was last seen: its worker is not Ready$/);
      expect(causes[0]).to.equal('worker/w1 is not Ready: RuntimeDown: no engine');
      expect(next).to.deep.equal([
        { message: 'it goes on when worker w1 is Ready again; until then the task stays bound to it' },
      ]);
      expect(needs[0]).to.equal('worker w1 Ready again');
    }
  });

  it('of a TaskSet that is stuck, to take it back only where there is something to go back to', () => {
    const condition = {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'm',
    };
    const needsOf = (status: object): readonly string[] => {
      const set: DynamicObject = {
        apiVersion: 'gantry.dev/v1',
        kind: 'TaskSet',
        metadata: { name: 'x', namespace: 'team' },
        status: { conditions: [condition], ...status },
      };
      return explainWhy({ ...facts(set, []), related: [] }).needs;
    };
    const template = 'a template whose tasks become available';
    expect(needsOf({})).to.deep.equal([template]);
    expect(needsOf({ lastStableRevision: 'x-1' })).to.deep.equal([
      `${template}, or gantry rollout undo taskset/x -n team`,
    ]);
  });

  it('for every kind with whatever in every field that is read', () => {
    const kinds = [
      ['gantry.dev/v1', 'Task'],
      ['gantry.dev/v1', 'TaskSet'],
      ['gantry.dev/v1', 'Job'],
      ['gantry.dev/v1', 'Run'],
      ['gantry.dev/v1', 'Worker'],
      ['v1', 'Namespace'],
      ['example.com/v1', 'Thing'],
    ] as const;
    for (const [apiVersion, kind] of kinds) {
      for (const value of values) {
        const status = Object.fromEntries(
          [
            'phase',
            'state',
            'reason',
            'message',
            'conditions',
            'history',
            'tasks',
            'active',
            'nextRestartAt',
            'startedAt',
          ].map((field) => [field, value]),
        );
        const object: DynamicObject = {
          apiVersion,
          kind,
          metadata: { name: 'x', uid: 'u' },
          spec: value,
          status,
        };
        const event: DynamicObject = {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: {
            name: 'e',
            creationTimestamp: '2026-01-01T00:00:00Z',
            annotations: {
              'gantry.dev/decision': typeof value === 'string' ? value : JSON.stringify(value ?? null),
            },
          },
          involvedObject: value,
          reason: value,
          message: value,
          count: value,
        };
        const answer = explainWhy(facts(object, [event]));
        expect(answer.summary, `${kind} with ${JSON.stringify(value)}`).to.be.a('string');
        expect(JSON.stringify(answer)).to.not.include('[object Object]');
      }
    }
  });

  it('a name that lived twice is told as two lives, and twenty thousand Events as the newest five hundred entries', () => {
    const object: DynamicObject = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'x', uid: 'u' },
    };
    const events = Array.from(
      { length: 20_000 },
      (_, at): DynamicObject => ({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `e${at}`, resourceVersion: String(at + 1) },
        involvedObject: { uid: at % 2 === 0 ? 'u' : 'before' },
        reason: 'Pulled',
        message: `m${at}`,
        lastTimestamp: new Date(at * 1000).toISOString(),
      }),
    );
    const { timeline, unknown } = explainWhy(facts(object, events));
    expect(timeline).to.have.length(500);
    expect(timeline.at(-1)?.message).to.equal('m19999');
    expect(new Set(timeline.map(({ uid }) => uid))).to.deep.equal(new Set(['u', 'before']));
    expect(unknown.join()).to.match(/19500 older entries: left out/);
  });
});
