/** The planner's table, what goes on around a container's life: dependencies, inputs, hooks, probes, deadlines, ends. */
import { expect } from 'chai';
import { planTask } from '../../../controllers/task/plan.ts';
import type { ProbeState, TaskInputs, VolumeFiles } from '../../../controllers/task/services.ts';
import type { Failure, TaskPlan } from '../../../controllers/task/types.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { describeRows, type Row } from './rows.ts';
import { after, ago, boundTask, container, ended, NOW, plainInputs, shortly, world } from './worlds.ts';

type Spec = Partial<Task['spec']>;

const web = boundTask();
const NEVER: Spec = { restartPolicy: 'Never' };
const end = (attempt: number, reason: string, endedAgo: number, rest = {}) => ({
  attempt,
  id: `c${attempt}`,
  epoch: 1,
  reason,
  startedAt: ago(endedAgo + 5),
  finishedAt: ago(endedAgo),
  ...rest,
});
const failed = (step: Failure['step'], reason: Failure['reason'], rest: Partial<Failure> = {}): Failure => ({
  step,
  reason,
  message: 'as it says',
  count: 1,
  atMs: NOW,
  generation: 1,
  ...rest,
});

const needing = boundTask({ dependsOn: [{ name: 'db' }] });
const depending = (status: 'True' | 'False', rest = {}): Task => ({
  ...needing,
  status: {
    conditions: [
      {
        type: 'DependenciesMet',
        status,
        reason: 'x',
        message: 'task "db" is not Ready',
        lastTransitionTime: ago(9),
      },
    ],
    ...rest,
  },
});
const dependencies: readonly Row[] = [
  {
    name: 'nothing is known of what it depends on yet: it waits',
    world: world(needing),
    actions: [],
    phase: 'Pending',
    reason: 'DependencyNotReady',
    ready: 'DependencyNotReady',
  },
  {
    name: 'what it depends on is not there: it waits and says for what',
    world: world(depending('False')),
    actions: [],
    reason: 'DependencyNotReady',
    message: 'task "db" is not Ready',
  },
  { name: 'all there: started', world: world(depending('True')), actions: ['create 1', 'start'] },
  {
    name: 'gone again after the first container: not asked any more',
    world: world(depending('False', { history: [end(1, 'Error', 9)], attempts: 1 })),
    actions: ['create 2', 'start'],
  },
  {
    name: 'gone again while it runs: it runs on',
    world: world(depending('False'), [container(1, needing)]),
    actions: [],
    phase: 'Running',
  },
  {
    name: 'a new binding asks again',
    world: world({
      ...depending('False', { history: [end(1, 'Error', 9)], attempts: 1 }),
      spec: { ...needing.spec, bindingEpoch: 2 },
    }),
    actions: [],
    reason: 'DependencyNotReady',
  },
];

const file: VolumeFiles = {
  isSecret: false,
  files: [{ path: 'a', data: Uint8Array.of(1), mode: 0o644 }],
};
const ready = (rest: Partial<TaskInputs & { kind: 'ready' }> = {}): { inputs: TaskInputs } => ({
  inputs: { kind: 'ready', env: [], files: new Map(), filesVersion: '', registryAuths: [], ...rest },
});
const withFiles = (filesVersion: string) => ready({ files: new Map([['conf', file]]), filesVersion });
const missing: { inputs: TaskInputs } = {
  inputs: { kind: 'missing', message: 'configmap "conf" not found' },
};
const created = (plan: TaskPlan) => {
  const action = plan.actions.find(({ kind }) => kind === 'create');
  if (action?.kind !== 'create') throw new Error('nothing is created');
  return action;
};
const inputs: readonly Row[] = [
  {
    name: 'a ConfigMap is missing: nothing is made, it says which, and looks again now and then',
    world: world(web, [], missing),
    actions: [],
    phase: 'Pending',
    reason: 'CreateContainerConfigError',
    message: 'configmap "conf" not found',
    requeueAfter: 30,
    also: ({ events }) => expect(events.map(({ reason }) => reason)).to.deep.equal(['Failed']),
  },
  {
    name: 'still missing: said once',
    world: world(boundTask({}, { reason: 'CreateContainerConfigError' }), [], missing),
    actions: [],
    also: ({ events }) => expect(events).to.deep.equal([]),
  },
  {
    name: 'not read yet: it waits without blaming anybody',
    world: world(web, [], { inputs: { kind: 'loading' } }),
    actions: [],
    reason: 'ContainerCreating',
    requeueAfter: 30,
  },
  {
    name: 'missing while an image would be pulled: not pulled either, the credentials may be what is missing',
    world: world(boundTask({ imagePullPolicy: 'Always' }), [], missing),
    actions: [],
    reason: 'CreateContainerConfigError',
  },
  {
    name: 'gone while the container runs: it runs on',
    world: world(web, [container(1, web)], missing),
    actions: [],
    phase: 'Running',
    ready: 'ContainerRunning',
  },
  {
    name: 'missing for a container that was made and not started: not started either, and kept',
    world: world(web, [container(1, web, { state: 'created' })], missing),
    actions: [],
    reason: 'CreateContainerConfigError',
  },
  {
    name: 'a crash loop waits in its own words, whatever is missing meanwhile',
    world: world(
      boundTask({}, { history: [end(2, 'Error', 0), end(1, 'Error', 1)], attempts: 2 }),
      [],
      missing,
    ),
    actions: [],
    reason: 'CrashLoopBackOff',
  },
  {
    name: 'all there: the environment goes into the container, and $(NAME) into its command',
    world: world(
      boundTask({ command: ['run', '$(WHO)'], args: ['$$(WHO)', '$(NOBODY)'] }),
      [],
      ready({ env: ['WHO=me'] }),
    ),
    actions: ['create 1', 'start'],
    also: (plan) =>
      expect(created(plan).spec).to.deep.include({
        env: ['WHO=me'],
        command: ['run', 'me'],
        args: ['$(WHO)', '$(NOBODY)'],
      }),
  },
  {
    name: 'files changed under a running container: brought up to date',
    world: world(web, [container(1, web)], { ...withFiles('v2'), ...after({ filesVersion: 'v1' }) }),
    actions: ['refreshVolumes v2'],
    phase: 'Running',
  },
  {
    name: 'an adopted container: brought up to date once, for nobody knows',
    world: world(web, [container(1, web)], withFiles('v1')),
    actions: ['refreshVolumes v1'],
  },
  {
    name: 'files as they were: nothing to do',
    world: world(web, [container(1, web)], { ...withFiles('v1'), ...after({ filesVersion: 'v1' }) }),
    actions: [],
  },
  {
    name: 'credentials for the registry go with the pull',
    world: world(
      boundTask({ imagePullPolicy: 'Always' }),
      [],
      ready({ registryAuths: [{ registry: 'r.example', username: 'u', password: 'p' }] }),
    ),
    actions: ['pull app:1'],
    also: ({ actions: [pull] }) =>
      expect(pull?.kind === 'pull' && pull.auths.map(({ registry }) => registry)).to.deep.equal([
        'r.example',
      ]),
  },
  {
    name: 'a volume that the worker has not: a matter of the configuration, tried again with backoff',
    world: world(web, [], after({ failure: failed('prepare', 'InvalidSpec', { count: 3 }) })),
    actions: [],
    reason: 'CreateContainerConfigError',
    message: 'as it says',
    requeueAfter: 4,
  },
  {
    name: 'a volume that could not be made',
    world: world(web, [], after({ failure: failed('prepare', 'Failed') })),
    actions: [],
    reason: 'CreateContainerError',
    requeueAfter: 1,
  },
  {
    name: 'and tried again',
    world: world(web, [], after({ failure: failed('prepare', 'Failed', { atMs: NOW - 1_000 }) })),
    actions: ['create 1', 'start'],
  },
];

const hooked = boundTask({ lifecycle: { postStart: { exec: { command: ['init'] } } } });
const started = new Set(['c1']);
const withPostStart = (state: 'running' | 'done' | { failed: string }) =>
  after({ started, postStart: new Map([['c1', state]]) });
const hooks: readonly Row[] = [
  {
    name: 'just started: postStart is run, and it is not ready yet',
    world: world(hooked, [container(1, hooked)], after({ started })),
    actions: ['postStart c1'],
    phase: 'Running',
    ready: 'PostStartRunning',
    started: false,
    probing: 'none',
  },
  {
    name: 'postStart runs: waited for',
    world: world(hooked, [container(1, hooked)], withPostStart('running')),
    actions: [],
    phase: 'Running',
    ready: 'PostStartRunning',
    started: false,
  },
  {
    name: 'postStart is done: ready',
    world: world(hooked, [container(1, hooked)], withPostStart('done')),
    actions: [],
    ready: 'ContainerRunning',
    started: true,
  },
  {
    name: 'postStart failed: stopped, with its words for the history',
    world: world(hooked, [container(1, hooked)], withPostStart({ failed: 'exit code 3' })),
    actions: ['stop c1 30s Error'],
    reason: 'Stopping',
    message: 'Container web failed its postStart hook, will be restarted',
    also: ({ actions: [stop] }) =>
      expect(stop?.kind === 'stop' && stop.detail).to.equal('postStart hook failed: exit code 3'),
  },
  {
    name: 'and that is how its end is told, and what the restart policy judges',
    world: world(
      boundTask({ ...hooked.spec, ...NEVER }),
      [ended(1, hooked, 143)],
      after({
        stopping: new Map([['c1', { reason: 'Error', killAtMs: NOW, detail: 'postStart hook failed: x' }]]),
      }),
    ),
    actions: [],
    phase: 'Failed',
    reason: 'Error',
    message: 'postStart hook failed: x',
  },
  {
    name: 'adopted, and told to be through its hook: not run again',
    world: world(boundTask(hooked.spec, { container: { id: 'c1', started: true } }), [container(1, hooked)]),
    actions: [],
    ready: 'ContainerRunning',
    started: true,
  },
  {
    name: 'adopted, and its hook had not come to its end when Gantry was restarted: run again',
    world: world(boundTask(hooked.spec, { container: { id: 'c1', started: false } }), [container(1, hooked)]),
    actions: ['postStart c1'],
    ready: 'PostStartRunning',
    started: false,
  },
  {
    name: 'adopted, started just before Gantry was restarted and never told of: its hook is run',
    world: world(hooked, [container(1, hooked)]),
    actions: ['postStart c1'],
    ready: 'PostStartRunning',
    started: false,
  },
  {
    name: 'a hook that the Task is given while it runs is not run late',
    world: world(
      boundTask(hooked.spec, { container: { id: 'c1', started: true } }),
      [container(1, hooked)],
      after({ started }),
    ),
    actions: [],
    ready: 'ContainerRunning',
  },
  {
    name: 'stopped with preStop first',
    world: world(boundTask({ desiredState: 'Stopped', lifecycle: { preStop: { sleep: { seconds: 1 } } } }), [
      container(1, web),
    ]),
    actions: ['preStop, stop c1 30s Stopped'],
  },
  {
    name: 'deleted with preStop first',
    world: world(
      {
        ...boundTask({ lifecycle: { preStop: { sleep: { seconds: 1 } } } }),
        metadata: { ...web.metadata, deletionTimestamp: ago(0) },
      },
      [container(1, web)],
    ),
    actions: ['preStop, stop c1 30s Stopped'],
  },
  {
    name: 'no grace, no preStop',
    world: world(
      boundTask({
        desiredState: 'Stopped',
        terminationGracePeriodSeconds: 0,
        lifecycle: { preStop: { sleep: { seconds: 1 } } },
      }),
      [container(1, web)],
    ),
    actions: ['stop c1 0s Stopped'],
  },
  {
    name: 'hurried along: preStop is not run twice',
    world: world(
      {
        ...boundTask({ lifecycle: { preStop: { sleep: { seconds: 20 } } } }),
        metadata: { ...web.metadata, deletionTimestamp: ago(0), deletionGracePeriodSeconds: 2 },
      },
      [container(1, web)],
      after({ stopping: new Map([['c1', { reason: 'Stopped', killAtMs: NOW + 30_000 }]]) }),
    ),
    actions: ['stop c1 2s Stopped'],
  },
];

const ask = { tcpSocket: { port: 80 } };
const probed = boundTask({
  livenessProbe: { ...ask, terminationGracePeriodSeconds: 3 },
  readinessProbe: ask,
  startupProbe: ask,
});
const says = (state: Partial<ProbeState>): { probes: ReadonlyMap<string, ProbeState> } => ({
  probes: new Map([['c1', { startup: 'passed', liveness: 'ok', readiness: 'ready', ...state }]]),
});
const beingStopped = (stopReason: string, spec: Spec): Task =>
  boundTask(spec, {
    phase: 'Running',
    reason: 'Stopping',
    message: 'it did not answer',
    container: { id: 'c1', startedAt: ago(60), stopReason },
  });
const probes: readonly Row[] = [
  {
    name: 'started and not asked yet: probed from now on, not ready',
    world: world(probed, [container(1, probed)]),
    actions: [],
    phase: 'Running',
    ready: 'StartupProbePending',
    started: false,
    probing: 'c1',
  },
  {
    name: 'the startup probe holds the others',
    world: world(
      probed,
      [container(1, probed)],
      says({ startup: 'pending', readiness: 'notReady', message: 'connection refused' }),
    ),
    actions: [],
    ready: 'StartupProbePending',
    started: false,
    also: ({ status }) => expect(status?.conditions?.[0]?.message).to.equal('connection refused'),
  },
  {
    name: 'started, and its readiness probe fails',
    world: world(probed, [container(1, probed)], says({ readiness: 'notReady', message: 'status 503' })),
    actions: [],
    phase: 'Running',
    ready: 'ReadinessProbeFailed',
    started: true,
    probing: 'c1',
    also: ({ status }) => expect(status?.conditions?.[0]?.message).to.equal('status 503'),
  },
  {
    name: 'all well: ready',
    world: world(probed, [container(1, probed)], says({})),
    actions: [],
    ready: 'ContainerRunning',
    started: true,
    probing: 'c1',
  },
  {
    name: 'its liveness probe failed: stopped with the grace of that probe, restarted afterwards',
    world: world(probed, [container(1, probed)], says({ liveness: 'failed', message: 'status 500' })),
    actions: ['stop c1 3s LivenessFailed'],
    reason: 'Stopping',
    message: 'Container web failed liveness probe, will be restarted',
    probing: 'none',
    also: ({ actions: [stop] }) =>
      expect(stop?.kind === 'stop' && stop.detail).to.equal('liveness probe failed: status 500'),
  },
  {
    name: 'what a probe says that names itself is not said twice',
    world: world(
      probed,
      [container(1, probed)],
      says({ liveness: 'failed', message: 'Liveness probe failed: status 500' }),
    ),
    actions: ['stop c1 3s LivenessFailed'],
    also: ({ actions: [stop] }) =>
      expect(stop?.kind === 'stop' && stop.detail).to.equal('Liveness probe failed: status 500'),
  },
  {
    name: 'being stopped for that, and nobody asks any more: still being stopped',
    world: world(
      probed,
      [container(1, probed)],
      after({ stopping: new Map([['c1', { reason: 'LivenessFailed', killAtMs: NOW + 3_000 }]]) }),
    ),
    actions: [],
    reason: 'Stopping',
    probing: 'none',
    requeueAfter: 13,
  },
  {
    name: 'its startup probe failed: stopped with the grace of the Task',
    world: world(probed, [container(1, probed)], says({ startup: 'failed' })),
    actions: ['stop c1 30s StartupFailed'],
    message: 'Container web failed startup probe, will be restarted',
  },
  {
    name: 'ended for its liveness with exit code 0: a failure all the same',
    world: world(
      boundTask({ ...probed.spec, restartPolicy: 'OnFailure' }),
      [ended(1, probed, 0)],
      after({ stopping: new Map([['c1', { reason: 'LivenessFailed', killAtMs: NOW }]]) }),
    ),
    actions: ['create 2', 'start'],
    probing: 'none',
  },
  {
    name: 'and for good where nothing is restarted',
    world: world(
      boundTask({ ...probed.spec, ...NEVER }),
      [ended(1, probed, 0)],
      after({ stopping: new Map([['c1', { reason: 'LivenessFailed', killAtMs: NOW }]]) }),
    ),
    actions: [],
    phase: 'Failed',
    reason: 'LivenessFailed',
  },
  {
    name: 'being stopped: the status keeps for which reason',
    world: world(
      probed,
      [container(1, probed)],
      after({ stopping: new Map([['c1', { reason: 'LivenessFailed', killAtMs: NOW + 3_000 }]]) }),
    ),
    actions: [],
    also: ({ status }) => expect(status?.container?.stopReason).to.equal('LivenessFailed'),
  },
  {
    name: 'ended with exit code 0 while Gantry, which was stopping it for its liveness, was away: a failure all the same',
    world: world(beingStopped('LivenessFailed', { ...probed.spec, restartPolicy: 'OnFailure' }), [
      ended(1, probed, 0, 1, 60),
    ]),
    actions: ['create 2', 'start'],
    also: ({ status }) =>
      expect(status?.history?.[0]).to.include({ reason: 'LivenessFailed', message: 'it did not answer' }),
  },
  {
    name: 'and for good where nothing is restarted',
    world: world(beingStopped('LivenessFailed', { ...probed.spec, ...NEVER }), [ended(1, probed, 0, 1, 60)]),
    actions: [],
    phase: 'Failed',
    reason: 'LivenessFailed',
  },
  {
    name: 'Gantry was restarted while it stopped it for its liveness: it goes on with that',
    world: world(beingStopped('LivenessFailed', probed.spec), [container(1, probed)]),
    actions: ['stop c1 30s LivenessFailed'],
    reason: 'Stopping',
    probing: 'none',
  },
  {
    name: 'it was being stopped, and is to run again since: stopped to the end, and no end of its own',
    world: world(beingStopped('Stopped', { restartPolicy: 'OnFailure' }), [ended(1, web, 0, 1, 60)]),
    actions: ['create 2', 'start'],
    also: ({ status }) => expect(status?.history?.[0]?.reason).to.equal('Stopped'),
  },
  {
    name: 'ended, and started again by hand since: nobody is stopping it',
    world: world(beingStopped('LivenessFailed', probed.spec), [container(1, probed, { startedAt: ago(3) })]),
    actions: [],
    phase: 'Running',
  },
  {
    name: 'adopted and not asked yet: what was said of it stays said',
    world: world(
      boundTask(probed.spec, {
        container: { id: 'c1', started: true },
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'ContainerRunning',
            message: 'm',
            lastTransitionTime: ago(9),
          },
        ],
      }),
      [container(1, probed)],
    ),
    actions: [],
    ready: 'ContainerRunning',
    started: true,
    also: ({ probing }) => expect(probing).to.include({ wasReady: true, wasStarted: true }),
  },
  {
    name: 'paused by hand: not probed until it runs again',
    world: world(probed, [container(1, probed, { state: 'paused' })]),
    actions: ['unpause c1'],
    probing: 'none',
    drift: 'paused',
  },
  {
    name: 'without probes nothing is probed',
    world: world(web, [container(1, web)]),
    actions: [],
    probing: 'none',
    started: true,
  },
  {
    name: 'while postStart runs nothing is probed',
    world: world(
      boundTask({ ...probed.spec, ...hooked.spec }),
      [container(1, boundTask({ ...probed.spec, ...hooked.spec }))],
      withPostStart('running'),
    ),
    actions: [],
    probing: 'none',
    ready: 'PostStartRunning',
  },
];

const limited = (startedAgo: number, spec: Spec = {}, status = {}): Task =>
  boundTask({ activeDeadlineSeconds: 100, ...spec }, { startedAt: ago(startedAgo), ...status });
const born = (agoMs: number) => ({ birth: { startedAt: ago(60), monotonicMs: NOW - agoMs } });
const LATE = 'Task was active on the worker longer than the specified deadline';
const deadlines: readonly Row[] = [
  {
    name: 'time left: looked at again when it is over',
    world: world(limited(60), [container(1, web)]),
    actions: [],
    phase: 'Running',
    requeueAfter: 40,
  },
  {
    name: 'a far deadline is looked at in between, for a machine may sleep',
    world: world(limited(60, { activeDeadlineSeconds: 86_400 }), [container(1, web)]),
    actions: [],
    requeueAfter: 60,
  },
  {
    name: 'no deadline before the first start',
    world: world(boundTask({ activeDeadlineSeconds: 1 }), [], { inputs: { kind: 'loading' } }),
    actions: [],
    requeueAfter: 30,
  },
  {
    name: 'time over: stopped for good',
    world: world(limited(100), [container(1, web)]),
    actions: ['stop c1 30s DeadlineExceeded'],
    phase: 'Running',
    reason: 'Stopping',
    message: LATE,
  },
  {
    name: 'stopped for it with exit code 0, and Always: Failed, and that is the end',
    world: world(
      limited(110),
      [ended(1, web, 0)],
      after({ stopping: new Map([['c1', { reason: 'DeadlineExceeded', killAtMs: NOW }]]) }),
    ),
    actions: [],
    phase: 'Failed',
    reason: 'DeadlineExceeded',
    message: LATE,
    also: ({ status }) => expect(status?.finishedAt).to.equal(ago(0)),
  },
  {
    name: 'over while a crash loop waits: Failed, at the moment when time was over',
    world: world(limited(130, {}, { history: [end(2, 'Error', 31), end(1, 'Error', 60)], attempts: 2 })),
    actions: [],
    phase: 'Failed',
    reason: 'DeadlineExceeded',
    also: ({ status }) => expect(status?.finishedAt).to.equal(ago(30)),
  },
  {
    name: 'done before time was over: that stays so',
    world: world(limited(500, NEVER, { history: [end(1, 'Completed', 450)], attempts: 1 })),
    actions: [],
    phase: 'Succeeded',
  },
  {
    name: 'ended for it while nobody looked',
    world: world(limited(110, NEVER), [ended(1, web, 143)]),
    actions: [],
    phase: 'Failed',
    reason: 'DeadlineExceeded',
  },
  {
    name: 'more time given before it was over',
    world: world(limited(150, { activeDeadlineSeconds: 200 }), [container(1, web)]),
    actions: [],
    phase: 'Running',
    requeueAfter: 50,
  },
  {
    name: 'a wall clock an hour ahead takes nobody’s time away',
    world: world(limited(60), [container(1, web)], { ...after(born(60_000)), nowMs: NOW + 3_600_000 }),
    actions: [],
    phase: 'Running',
    requeueAfter: 40,
  },
  {
    name: 'a wall clock an hour back gives nobody more',
    world: world(limited(60), [container(1, web)], { ...after(born(100_000)), nowMs: NOW - 3_600_000 }),
    actions: ['stop c1 30s DeadlineExceeded'],
  },
];

const clocks: readonly Row[] = [
  {
    name: 'a clock that was set back an hour: the wait is as long as the backoff',
    world: world(boundTask({}, { history: [end(2, 'Error', -3600), end(1, 'Error', -3590)], attempts: 2 })),
    actions: [],
    reason: 'CrashLoopBackOff',
    requeueAfter: 1,
  },
  {
    name: 'and is over then, though the end still seems to be to come',
    world: world(
      boundTask(
        {},
        {
          history: [end(2, 'Error', -3600), end(1, 'Error', -3590)],
          attempts: 2,
          nextRestartAt: ago(0),
        },
      ),
    ),
    actions: ['create 3', 'start'],
  },
  {
    name: 'a next start that was told before the clock was set back is not waited for',
    world: world(
      boundTask(
        {},
        {
          history: [end(2, 'Error', -3600), end(1, 'Error', -3590)],
          attempts: 2,
          nextRestartAt: ago(-3601),
        },
      ),
    ),
    actions: [],
    requeueAfter: 1,
  },
  {
    name: 'a failed creation waits by the clock that never jumps',
    world: world(web, [], {
      ...after({ failure: failed('create', 'Failed') }),
      nowMs: NOW - 3_600_000,
      monotonicMs: NOW + 1_000,
    }),
    actions: ['create 1', 'start'],
  },
];

const overuse: { overuse: ReadonlyMap<string, string> } = {
  overuse: new Map([['c1', 'it took 2 GiB of the disk, more than its limit of 1 GiB']]),
};
const evictions: readonly Row[] = [
  {
    name: 'too much of the disk: stopped, saying how much',
    world: world(web, [container(1, web)], overuse),
    actions: ['stop c1 30s Evicted'],
    reason: 'Stopping',
    message: 'it took 2 GiB of the disk',
  },
  {
    name: 'the first time: started again at once',
    world: world(
      web,
      [ended(1, web, 143)],
      after({ stopping: new Map([['c1', { reason: 'Evicted', killAtMs: NOW, detail: 'too much' }]]) }),
    ),
    actions: ['create 2', 'start'],
    also: ({ status, events }) => {
      expect(status?.history?.[0]).to.include({ reason: 'Evicted', message: 'too much' });
      expect(events[0]?.type).to.equal('Warning');
    },
  },
  {
    name: 'again and again: with backoff, as any end',
    world: world(boundTask({}, { history: [end(2, 'Evicted', 0), end(1, 'Evicted', 1)], attempts: 2 })),
    actions: [],
    reason: 'CrashLoopBackOff',
    requeueAfter: 1,
  },
  {
    name: 'and Never: Failed',
    world: world(boundTask(NEVER, { history: [end(1, 'Evicted', 0)], attempts: 1 })),
    actions: [],
    phase: 'Failed',
    reason: 'Evicted',
  },
];

const small: Spec = { resources: { limits: { cpu: '500m', memory: '64Mi' } } };
const big = { nanoCpus: 1e9, memoryBytes: 2 ** 28, cpuShares: 512, pidsLimit: 4096 };
const refused = (rest: Partial<Failure> = {}) =>
  after({ failure: failed('update', 'Failed', { containerId: 'c1', ...rest }) });
const wide: Spec = { resources: { limits: { cpu: '64' }, requests: { cpu: '500m' } } };
const resizes: readonly Row[] = [
  {
    name: 'a limit above the cores of the machine is all of them, and settled so',
    world: world(
      boundTask(wide),
      [container(1, boundTask(wide), { resources: { nanoCpus: 2e9, cpuShares: 512, pidsLimit: 4096 } })],
      { cores: 2 },
    ),
    actions: [],
    phase: 'Running',
  },
  {
    name: 'a limit above what is known of no machine is asked for as it is',
    world: world(boundTask(wide), [
      container(1, boundTask(wide), { resources: { nanoCpus: 2e9, cpuShares: 512, pidsLimit: 4096 } }),
    ]),
    actions: ['update c1 {"nanoCpus":64000000000}'],
    phase: 'Running',
  },
  {
    name: 'less memory goes apart, for it may be refused',
    world: world(boundTask(small), [container(1, boundTask(small), { resources: big })]),
    actions: ['update c1 {"nanoCpus":500000000}', 'update c1 {"memoryBytes":67108864}'],
  },
  {
    name: 'refused: it runs on, says so, and is not asked again at once',
    world: world(boundTask(small), [container(1, boundTask(small), { resources: big })], refused()),
    actions: [],
    phase: 'Running',
    reason: 'ResizeRefused',
    message: 'as it says',
    ready: 'ContainerRunning',
    requeueAfter: 10,
  },
  {
    name: 'refused a while ago: asked again, and no drift',
    world: world(
      boundTask(small, { observedGeneration: 1 }),
      [container(1, boundTask(small), { resources: { ...big, nanoCpus: 5e8 } })],
      refused({ atMs: NOW - 10_000 }),
    ),
    actions: ['update c1 {"memoryBytes":67108864}'],
    reason: 'ResizeRefused',
  },
  {
    name: 'another wish is asked for at once',
    world: world(
      { ...boundTask(small), metadata: { ...web.metadata, generation: 2 } },
      [container(1, boundTask(small), { resources: { ...big, nanoCpus: 5e8 } })],
      refused(),
    ),
    actions: ['update c1 {"memoryBytes":67108864}'],
  },
  {
    name: 'fewer processes: in place',
    world: world(boundTask({ pidsLimit: 100 }), [container(1, web)]),
    actions: ['update c1 {"pidsLimit":100}'],
  },
  {
    name: 'a limit on processes taken back: the default, in place',
    world: world(web, [container(1, web, { resources: { pidsLimit: 100 } })]),
    actions: ['update c1 {"pidsLimit":4096}'],
  },
  {
    name: 'a container made before there was a default has none, and is left alone',
    world: world(web, [container(1, web, { resources: {} })]),
    actions: [],
    phase: 'Running',
  },
];

const outputs: readonly Row[] = [
  {
    name: 'the last lines go into the history',
    world: world(boundTask(NEVER), [ended(1, web, 1)], { outputs: new Map([['c1', 'no such table']]) }),
    actions: [],
    phase: 'Failed',
    also: ({ status, events }) => {
      expect(status?.history?.[0]?.output).to.equal('no such table');
      expect(JSON.stringify(events), 'and not into Events').to.not.include('no such table');
    },
  },
  {
    name: 'a removed container takes its story with it',
    world: world(
      boundTask(
        {},
        {
          history: [end(2, 'Error', 1), end(1, 'Error', 9, { exitCode: 7 })],
          attempts: 3,
          container: { id: 'c3' },
        },
      ),
      [ended(1, web, 7, 9), ended(2, web, 1, 1), container(3, web)],
    ),
    actions: ['remove c1'],
    also: ({ actions: [remove] }) => {
      const story = remove?.kind === 'remove' ? remove.ended : undefined;
      expect(story).to.deep.include({ taskKey: 'default/web', taskUid: web.metadata.uid, attempt: 1 });
      expect(story?.end?.exitCode).to.equal(7);
    },
  },
  {
    name: 'one that never ran has none',
    world: world(boundTask({}, { container: { id: 'c2' } }), [
      container(1, web, { state: 'created', hash: 'v1:old' }),
      container(2, web),
    ]),
    actions: ['remove c1'],
    also: ({ actions: [remove] }) => expect(remove).to.not.have.property('ended'),
  },
];

/** Hashes as the release before made them. */
const old: readonly [string, Spec, string][] = [
  ['a plain one', {}, 'v1:88efdf3c85b52cdc'],
  [
    'one that sets much',
    {
      env: [{ name: 'B', value: '2' }, { name: 'A' }],
      ports: [{ containerPort: 80, hostPort: 8080 }],
      securityContext: { runAsUser: 1000, capabilities: { drop: ['ALL'] } },
      network: { hostname: 'h', mode: 'bridge' },
      resources: { limits: { memory: '64Mi' } },
      command: ['sh'],
    },
    'v1:76ca44bff4943d22',
  ],
];
const upgrades: readonly Row[] = old.map(([name, spec, hash]) => ({
  name: `a container of the release before is kept: ${name}`,
  world: world(boundTask(spec), [
    container(1, boundTask(spec), {
      hash,
      resources: spec.resources === undefined ? {} : { memoryBytes: 2 ** 26 },
    }),
  ]),
  actions: [],
  phase: 'Running',
  ready: 'ContainerRunning',
}));

describeRows('planTask, a whole life', {
  dependencies,
  inputs,
  hooks,
  probes,
  deadlines,
  clocks,
  evictions,
  resizes,
  outputs,
  upgrades,
});

describe('planTask', () => {
  it('makes a new container of every change that only a new one can have', () => {
    const changes: readonly Spec[] = [
      { envFrom: [{ configMapRef: { name: 'a' } }] },
      { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      { volumes: [{ name: 'v', emptyDir: {} }] },
      { volumes: [{ name: 'v', emptyDir: {} }], volumeMounts: [{ name: 'v', mountPath: '/v' }] },
      { shmSize: '1Gi' },
      { ulimits: [{ name: 'nofile', soft: 1, hard: 1 }] },
      { hostPID: true },
      { logs: { maxFiles: 2 } },
      { network: { aliases: ['x'] } },
      { network: { dns: ['1.1.1.1'] } },
      { network: { mode: 'other' } },
      { securityContext: { seccompProfile: { type: 'Unconfined' } } },
    ];
    const plans = changes.map((spec) =>
      world(boundTask(spec), [container(1, web)], { inputs: plainInputs(web) }),
    );
    for (const [index, look] of plans.entries()) {
      const { actions } = describePlan(look);
      expect(actions, JSON.stringify(changes[index])).to.deep.equal(['stop c1 30s Superseded']);
    }
  });

  it('makes none of what can be had without, or says the same', () => {
    const changes: readonly Spec[] = [
      { livenessProbe: ask },
      { lifecycle: { preStop: { sleep: { seconds: 1 } } } },
      { activeDeadlineSeconds: 1_000 },
      { dependsOn: [{ name: 'x' }] },
      { hostPID: false },
      { network: { mode: 'bridge', aliases: [] } },
      { volumes: [], volumeMounts: [], ulimits: [], envFrom: [] },
      { ttlSecondsAfterFinished: 5 },
      { imagePullSecrets: [{ name: 's' }] },
    ];
    for (const spec of changes) {
      const { actions } = describePlan(world(boundTask(spec), [container(1, web)]));
      expect(actions, JSON.stringify(spec)).to.deep.equal([]);
    }
  });
});

function describePlan(look: Parameters<typeof planTask>[0]): { readonly actions: readonly string[] } {
  return { actions: planTask(look).actions.map(shortly) };
}
