/** The planner's table: each row is a world, what is done in it, and what is said of it. */
import { expect } from 'chai';
import type { Failure } from '../../../controllers/task/types.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { describeRows, type Row } from './rows.ts';
import { after, ago, boundTask, container, ended, NOW, UID, world } from './worlds.ts';

const web = boundTask();
const failure = (step: Failure['step'], reason: Failure['reason'], rest: Partial<Failure> = {}): Failure => ({
  step,
  reason,
  message: `${step} failed`,
  count: 1,
  atMs: NOW,
  generation: 1,
  ...rest,
});
const end = (attempt: number, reason: string, endedAgo: number, startedAgo = endedAgo + 5, rest = {}) => ({
  attempt,
  id: `c${attempt}`,
  epoch: 1,
  reason,
  startedAt: ago(startedAgo),
  finishedAt: ago(endedAgo),
  ...rest,
});
const name = (attempt: number): string => `gantry.default.web.${UID.slice(0, 8)}.${attempt}`;
const limited = boundTask({ resources: { limits: { cpu: '500m', memory: '64Mi' } } });

const starts: readonly Row[] = [
  {
    name: 'nothing there: created and started in one go',
    world: world(web),
    actions: ['create 1', 'start'],
    phase: 'Pending',
    reason: 'ContainerCreating',
  },
  {
    name: 'attempts go on counting though every container is gone',
    world: world(boundTask({}, { attempts: 4 })),
    actions: ['create 5', 'start'],
  },
  {
    name: 'a name that turned out to be taken is skipped',
    world: world(web, [], after({ attemptFloor: 3 })),
    actions: ['create 4', 'start'],
  },
  {
    name: 'created and never started: started, not made again',
    world: world(web, [container(1, web, { state: 'created' })]),
    actions: ['start c1'],
  },
  {
    name: 'a created one of an older spec is not started',
    world: world(web, [container(1, web, { state: 'created', hash: 'v1:old' })]),
    actions: ['create 2', 'start'],
  },
  {
    name: 'a created one older than an ended one is not started',
    world: world(web, [container(1, web, { state: 'created' }), ended(2, web, 1)]),
    actions: ['create 3', 'start'],
  },
  {
    name: 'pull policy Always pulls first',
    world: world(boundTask({ imagePullPolicy: 'Always' })),
    actions: ['pull app:1'],
  },
  { name: 'no tag is latest is Always', world: world(boundTask({ image: 'app' })), actions: ['pull app'] },
  {
    name: 'a digest is never pulled twice',
    world: world(boundTask({ image: `app@sha256:${'a'.repeat(64)}` })),
    actions: ['create 1', 'start'],
  },
  {
    name: 'pulled for this container: created',
    world: world(boundTask({ imagePullPolicy: 'Always' }), [], after({ pulled: 'app:1' })),
    actions: ['create 1', 'start'],
  },
  {
    name: 'a pull under way is waited for',
    world: world(web, [], after({ pulling: 'app:1' })),
    actions: [],
    phase: 'Pending',
    reason: 'ContainerCreating',
  },
  {
    name: 'the engine has no such image: pulled',
    world: world(web, [], after({ failure: failure('create', 'ImageNotFound') })),
    actions: ['pull app:1'],
  },
  {
    name: 'no such image and policy Never: says so and tries again later',
    world: world(
      boundTask({ imagePullPolicy: 'Never' }),
      [],
      after({ failure: failure('create', 'ImageNotFound') }),
    ),
    actions: [],
    reason: 'ErrImagePull',
    requeueAfter: 10,
  },
  {
    name: 'the first failed pull waits 10 s',
    world: world(web, [], after({ failure: failure('pull', 'Failed') })),
    actions: [],
    reason: 'ErrImagePull',
    requeueAfter: 10,
  },
  {
    name: 'the third waits 40 s',
    world: world(web, [], after({ failure: failure('pull', 'Failed', { count: 3 }) })),
    actions: [],
    reason: 'ImagePullBackOff',
    requeueAfter: 40,
  },
  {
    name: 'no pull waits more than 300 s',
    world: world(web, [], after({ failure: failure('pull', 'Failed', { count: 30 }) })),
    actions: [],
    reason: 'ImagePullBackOff',
    requeueAfter: 300,
  },
  {
    name: 'the wait over: pulled again, still saying why',
    world: world(web, [], after({ failure: failure('pull', 'Failed', { atMs: NOW - 10_000 }) })),
    actions: ['pull app:1'],
    reason: 'ErrImagePull',
  },
  {
    name: 'a change of the spec forgets the failed pull',
    world: world(
      { ...web, metadata: { ...web.metadata, generation: 2 } },
      [],
      after({ failure: failure('pull', 'Failed') }),
    ),
    actions: ['create 1', 'start'],
  },
  {
    name: 'not an image reference',
    world: world(boundTask({ image: 'App:1:2' })),
    actions: [],
    phase: 'Pending',
    reason: 'InvalidImageName',
  },
  {
    name: 'the engine refuses the settings',
    world: world(web, [], after({ failure: failure('create', 'InvalidSpec') })),
    actions: [],
    reason: 'CreateContainerError',
    requeueAfter: 1,
  },
  {
    name: 'and again, for the fourth time',
    world: world(web, [], after({ failure: failure('create', 'InvalidSpec', { count: 4 }) })),
    actions: [],
    reason: 'CreateContainerError',
    requeueAfter: 8,
  },
];

const third = { attempts: 3, container: { id: 'c3' } };
const settled: readonly Row[] = [
  { name: 'running: nothing to do', world: world(web, [container(1, web)]), actions: [], phase: 'Running' },
  {
    name: 'running, hashed by another version of the rules: kept',
    world: world(web, [container(1, web, { hash: 'v0:whatever' })]),
    actions: [],
    phase: 'Running',
  },
  {
    name: 'running beside the last ended one, kept for its logs',
    world: world(boundTask({}, { history: [end(1, 'Error', 0)], attempts: 2 }), [
      ended(1, web, 1),
      container(2, web),
    ]),
    actions: [],
    phase: 'Running',
  },
  {
    name: 'an older ended one goes once its end is recorded',
    world: world(boundTask({}, { history: [end(2, 'Error', 0), end(1, 'Error', 0)], ...third }), [
      ended(1, web, 1),
      ended(2, web, 1),
      container(3, web),
    ]),
    actions: ['remove c1'],
    phase: 'Running',
  },
  {
    name: 'but only after it was told that the next one runs',
    world: world(
      boundTask(
        {},
        { history: [end(2, 'Error', 0), end(1, 'Error', 0)], attempts: 2, container: { id: 'c2' } },
      ),
      [ended(1, web, 1), ended(2, web, 1), container(3, web)],
    ),
    actions: [],
    phase: 'Running',
    requeueAfter: 1,
  },
  {
    name: 'a created one that is not the next goes then too',
    world: world(boundTask({}, third), [
      container(1, web, { state: 'created', hash: 'v1:old' }),
      container(3, web),
    ]),
    actions: ['remove c1'],
  },
  {
    name: 'and not before',
    world: world(web, [ended(1, web, 1), ended(2, web, 1), container(3, web)]),
    actions: [],
    phase: 'Running',
  },
  {
    name: 'a dead one goes even if it is the newest',
    world: world(boundTask({}, { history: [end(1, 'Error', 0)], container: { id: 'c2' } }), [
      container(1, web, { state: 'dead', finishedAt: ago(0), exitCode: 1 }),
      container(2, web),
    ]),
    actions: ['remove c1'],
  },
  {
    name: 'a copy that lags behind a newer binding acts on nothing',
    world: world(web, [container(1, web, { epoch: 2 })]),
    actions: [],
    requeueAfter: 0.25,
  },
];

const changes: readonly Row[] = [
  {
    name: 'the spec changed: the old one is stopped with its grace',
    world: world(web, [container(1, web, { hash: 'v1:old' })]),
    actions: ['stop c1 30s Superseded'],
    phase: 'Running',
    reason: 'Stopping',
  },
  {
    name: 'a stop under way is left alone',
    world: world(
      web,
      [container(1, web, { hash: 'v1:old' })],
      after({ stopping: new Map([['c1', { reason: 'Superseded', killAtMs: NOW + 20_000 }]]) }),
    ),
    actions: [],
    requeueAfter: 30,
  },
  {
    name: 'a stop that should have killed long ago is tried again',
    world: world(
      web,
      [container(1, web, { hash: 'v1:old' })],
      after({ stopping: new Map([['c1', { reason: 'Superseded', killAtMs: NOW - 20_000 }]]) }),
    ),
    actions: ['stop c1 30s Superseded'],
  },
  {
    name: 'the old one has ended: the new one is made at once',
    world: world(web, [container(1, web, { hash: 'v1:old', state: 'exited', exitCode: 143 })]),
    actions: ['create 2', 'start'],
  },
  {
    name: 'a crash loop of the old spec does not delay the new one',
    world: world(
      boundTask(
        {},
        {
          history: [3, 2, 1].map((attempt) => end(attempt, 'Error', 0, 1, { specHash: 'v1:old' })),
          attempts: 3,
        },
      ),
    ),
    actions: ['create 4', 'start'],
  },
  {
    name: 'a limit changed: in place',
    world: world(limited, [
      container(1, limited, { resources: { nanoCpus: 1e9, memoryBytes: 2 ** 26, cpuShares: 512 } }),
    ]),
    actions: ['update c1 {"nanoCpus":500000000}'],
    phase: 'Running',
  },
  {
    name: 'a limit added: in place, and memory apart, which may be refused',
    world: world(limited, [container(1, limited, { resources: {} })]),
    actions: ['update c1 {"nanoCpus":500000000,"cpuShares":512}', 'update c1 {"memoryBytes":67108864}'],
  },
  {
    name: 'a limit removed: only a new container is without it',
    world: world(web, [container(1, web, { resources: { memoryBytes: 2 ** 26 } })]),
    actions: ['stop c1 30s Superseded'],
  },
  {
    name: 'a request removed: the weight goes back to the default',
    world: world(web, [container(1, web, { resources: { cpuShares: 512 } })]),
    actions: ['update c1 {"cpuShares":1024}'],
  },
  {
    name: 'a new binding: the container of the old one is stopped',
    world: world(boundTask({ bindingEpoch: 2 }), [container(1, web)]),
    actions: ['stop c1 30s Superseded'],
  },
  {
    name: 'what does not concern the container restarts nothing',
    world: world(
      boundTask({
        terminationGracePeriodSeconds: 5,
        restartPolicy: 'Never',
        imagePullPolicy: 'Always',
        backoff: { initialSeconds: 9 },
        workerSelector: { a: 'b' },
      }),
      [container(1, web)],
    ),
    actions: [],
    phase: 'Running',
  },
];

const drift: readonly Row[] = [
  {
    name: 'paused by hand',
    world: world(web, [container(1, web, { state: 'paused' })]),
    actions: ['unpause c1'],
    phase: 'Running',
    reason: 'Paused',
    drift: 'paused',
  },
  {
    name: 'renamed by hand',
    world: world(web, [container(1, web, { name: 'mine' })]),
    actions: [`rename c1 ${name(1)}`],
    drift: 'renamed',
  },
  {
    name: 'limits edited by hand',
    world: world(boundTask(limited.spec, { observedGeneration: 1 }), [
      container(1, limited, { resources: { nanoCpus: 1, memoryBytes: 2 ** 26, cpuShares: 512 } }),
    ]),
    actions: ['update c1 {"nanoCpus":500000000}'],
    drift: 'resources',
  },
  {
    name: 'killed by hand: a new one at once',
    world: world(web, [ended(1, web, 137)]),
    actions: ['create 2', 'start'],
  },
  {
    name: 'removed by hand: a new one at once',
    world: world(
      boundTask(
        {},
        { workerName: 'w1', attempts: 1, container: { id: 'c1', name: name(1), state: 'running' } },
      ),
    ),
    actions: ['create 2', 'start'],
    drift: 'removed',
  },
  {
    name: 'an old one started by hand beside the newest',
    world: world(boundTask({}, { history: [end(1, 'Error', 0)] }), [container(1, web), container(2, web)]),
    actions: ['stop c1 30s Superseded'],
    phase: 'Running',
    drift: 'duplicate',
  },
  {
    name: 'of two, the one that fits the spec stays',
    world: world(web, [container(1, web), container(2, web, { hash: 'v1:old' })]),
    actions: ['stop c2 30s Superseded'],
    phase: 'Running',
  },
  {
    name: 'started by hand though Stopped',
    world: world(boundTask({ desiredState: 'Stopped' }, { phase: 'Stopped', observedGeneration: 1 }), [
      container(1, web),
    ]),
    actions: ['stop c1 30s Stopped'],
    drift: 'started',
  },
  {
    name: 'started by hand though Succeeded',
    world: world(
      boundTask(
        { restartPolicy: 'Never' },
        { phase: 'Succeeded', observedGeneration: 1, history: [end(1, 'Completed', 9)] },
      ),
      [container(1, web)],
    ),
    actions: ['stop c1 30s Stopped'],
    drift: 'started',
  },
  {
    name: 'being removed by hand: waited for',
    world: world(web, [container(1, web, { state: 'removing' })]),
    actions: [],
    requeueAfter: 1,
  },
];

const crashes = (count: number, endedAgo: number): ReturnType<typeof end>[] =>
  Array.from({ length: count }, (_, index) =>
    end(count - index, 'Error', endedAgo + index, endedAgo + index + 1),
  );
const ends: readonly Row[] = [
  {
    name: 'ended with 0 and Always: started again',
    world: world(web, [ended(1, web, 0)]),
    actions: ['create 2', 'start'],
  },
  {
    name: 'ended with 0 and OnFailure',
    world: world(boundTask({ restartPolicy: 'OnFailure' }), [ended(1, web, 0)]),
    actions: [],
    phase: 'Succeeded',
    reason: 'Completed',
  },
  {
    name: 'ended with 3 and OnFailure: started again',
    world: world(boundTask({ restartPolicy: 'OnFailure' }), [ended(1, web, 3)]),
    actions: ['create 2', 'start'],
  },
  {
    name: 'ended with 0 and Never',
    world: world(boundTask({ restartPolicy: 'Never' }), [ended(1, web, 0)]),
    actions: [],
    phase: 'Succeeded',
    reason: 'Completed',
  },
  {
    name: 'ended with 3 and Never',
    world: world(boundTask({ restartPolicy: 'Never' }), [ended(1, web, 3)]),
    actions: [],
    phase: 'Failed',
    reason: 'Error',
  },
  {
    name: 'out of memory and Never',
    world: world(boundTask({ restartPolicy: 'Never' }), [
      container(1, web, { state: 'exited', exitCode: 137, oomKilled: true }),
    ]),
    actions: [],
    phase: 'Failed',
    reason: 'OOMKilled',
  },
  {
    name: 'could not start and Never',
    world: world(boundTask({ restartPolicy: 'Never' }), [
      container(1, web, { state: 'created', error: 'no such file', exitCode: 127 }),
    ]),
    actions: [],
    phase: 'Failed',
    reason: 'ContainerCannotRun',
  },
  {
    name: 'Succeeded stays so when the container is removed by hand',
    world: world(
      boundTask(
        { restartPolicy: 'Never' },
        { phase: 'Succeeded', attempts: 1, history: [end(1, 'Completed', 9)], observedGeneration: 1 },
      ),
    ),
    actions: [],
    phase: 'Succeeded',
  },
  {
    name: 'Succeeded stays so when its container was started again by hand and stopped',
    world: world(
      boundTask(
        { restartPolicy: 'Never' },
        {
          phase: 'Succeeded',
          attempts: 1,
          history: [{ ...end(1, 'Stopped', 0), exitCode: 137 }, end(1, 'Completed', 9)],
          observedGeneration: 1,
        },
      ),
      [container(1, web, { state: 'exited', exitCode: 137, finishedAt: ago(0) })],
    ),
    actions: [],
    phase: 'Succeeded',
  },
  {
    name: 'bound anew after it came to its end: runs again',
    world: world(
      boundTask(
        { restartPolicy: 'Never', bindingEpoch: 2 },
        { phase: 'Failed', attempts: 1, history: [end(1, 'Error', 9)] },
      ),
    ),
    actions: ['create 2', 'start'],
  },
  {
    name: 'the second crash waits 1 s',
    world: world(boundTask({}, { history: crashes(1, 3), attempts: 2 }), [ended(2, web, 1, 0, 1)]),
    actions: [],
    phase: 'Pending',
    reason: 'CrashLoopBackOff',
    requeueAfter: 1,
  },
  {
    name: 'the wait is counted from the end, whoever waits',
    world: world(boundTask({ backoff: { initialSeconds: 10 } }, { history: crashes(1, 9), attempts: 2 }), [
      ended(2, web, 1, 4, 5),
    ]),
    actions: [],
    reason: 'CrashLoopBackOff',
    requeueAfter: 6,
  },
  {
    name: 'the wait is over',
    world: world(boundTask({}, { history: crashes(2, 1), attempts: 2 })),
    actions: ['create 3', 'start'],
  },
  {
    name: 'the fifth crash waits 8 s',
    world: world(boundTask({}, { history: crashes(5, 0), attempts: 5 })),
    actions: [],
    reason: 'CrashLoopBackOff',
    requeueAfter: 8,
  },
  {
    name: 'never more than maxSeconds',
    world: world(boundTask({ backoff: { maxSeconds: 5 } }, { history: crashes(9, 0), attempts: 9 })),
    actions: [],
    requeueAfter: 5,
  },
  {
    name: 'a long run starts the count anew',
    world: world(boundTask({}, { history: [end(5, 'Error', 0, 700), ...crashes(4, 800)], attempts: 5 })),
    actions: ['create 6', 'start'],
  },
  {
    name: 'a container that cannot start waits in its own words',
    world: world(boundTask({}, { history: [end(1, 'ContainerCannotRun', 2)], attempts: 2 }), [
      container(2, web, { state: 'created', error: 'no such file' }),
    ]),
    actions: [],
    phase: 'Pending',
    reason: 'RunContainerError',
    requeueAfter: 1,
  },
  {
    name: 'an engine clock that runs ahead does not lengthen the wait',
    world: world(boundTask({}, { history: [end(2, 'Error', -500, 0), end(1, 'Error', 5)], attempts: 2 })),
    actions: [],
    requeueAfter: 1,
  },
];

const stops: readonly Row[] = [
  {
    name: 'desiredState Stopped: stopped with its grace',
    world: world(boundTask({ desiredState: 'Stopped', terminationGracePeriodSeconds: 7 }), [
      container(1, web),
    ]),
    actions: ['stop c1 7s Stopped'],
    phase: 'Running',
    reason: 'Stopping',
  },
  {
    name: 'stopped: the container stays until that is stored',
    world: world(boundTask({ desiredState: 'Stopped' }, { history: [end(1, 'Stopped', 0)] }), [
      ended(1, web, 143),
    ]),
    actions: [],
    phase: 'Stopped',
    reason: 'Stopped',
  },
  {
    name: 'stopped ten seconds ago, its container on its way out: looked at again, and not at once',
    world: world(
      boundTask(
        { desiredState: 'Stopped' },
        { phase: 'Stopped', finishedAt: ago(10), observedGeneration: 1, history: [end(1, 'Stopped', 10)] },
      ),
      [ended(1, web, 143, 10)],
      after({ removing: new Set(['c1']) }),
    ),
    actions: [],
    phase: 'Stopped',
    requeueAfter: 1,
  },
  ...[
    { endedAgo: 4, actions: [], requeueAfter: 6 },
    { endedAgo: 10, actions: ['remove c1'] },
  ].map(({ endedAgo, ...wanted }) => ({
    name: `stopped ${endedAgo} s ago: the container ${wanted.actions.length === 0 ? 'stays for a moment' : 'goes, its log is kept'}`,
    world: world(
      boundTask(
        { desiredState: 'Stopped' },
        { phase: 'Stopped', finishedAt: ago(endedAgo), history: [end(1, 'Stopped', endedAgo)] },
      ),
      [ended(1, web, 143, endedAgo)],
    ),
    phase: 'Stopped',
    ...wanted,
  })),
  {
    name: 'Stopped from the start: nothing is made',
    world: world(boundTask({ desiredState: 'Stopped' })),
    actions: [],
    phase: 'Stopped',
  },
  {
    name: 'Stopped while a crash loop waits',
    world: world(boundTask({ desiredState: 'Stopped' }, { history: crashes(5, 0), attempts: 5 })),
    actions: [],
    phase: 'Stopped',
  },
  {
    name: 'between two bindings: what runs is stopped, what ended is kept',
    world: world(
      {
        ...boundTask({}, { workerName: 'w1', history: [end(1, 'Stopped', 0)] }),
        spec: { image: 'app:1', bindingEpoch: 1 },
      },
      [ended(1, web, 143), container(2, web)],
    ),
    actions: ['stop c2 30s Evicted'],
    phase: 'Running',
  },
  {
    name: 'preempted: what runs is stopped with that reason and whom it made room for',
    world: world(preempted(), [container(1, web)]),
    actions: ['stop c1 30s Preempted'],
    phase: 'Running',
    message: 'the Task was taken off this worker: default/urgent takes its room',
  },
  {
    name: 'preempted, and stopped by a process that is gone: the history tells it all the same',
    world: world(preempted(), [ended(1, web, 143)]),
    actions: [],
    phase: 'Pending',
    reason: 'Preempted',
    also: ({ status, events }) => {
      expect(status?.history?.[0]).to.include({
        reason: 'Preempted',
        message: 'default/urgent takes its room',
      });
      expect(events[0]?.type).to.equal('Normal');
    },
  },
  {
    name: 'between two bindings, nothing left: Pending',
    world: world({
      ...boundTask({}, { workerName: 'w1', phase: 'Stopped' }),
      spec: { image: 'app:1', bindingEpoch: 1 },
    }),
    actions: [],
    phase: 'Pending',
  },
];

function preempted(): Task {
  const said = { reason: 'Preempted', message: 'default/urgent takes its room', lastTransitionTime: ago(1) };
  return {
    ...boundTask({}, { workerName: 'w1', conditions: [{ type: 'Scheduled', status: 'False', ...said }] }),
    spec: { image: 'app:1', bindingEpoch: 1 },
  };
}

const deleting = (seconds?: number): ReturnType<typeof boundTask> => ({
  ...web,
  metadata: {
    ...web.metadata,
    deletionTimestamp: ago(0),
    ...(seconds === undefined ? {} : { deletionGracePeriodSeconds: seconds }),
  },
});
const removals: readonly Row[] = [
  {
    name: 'deleted: stopped with its grace first',
    world: world(deleting(), [container(1, web)]),
    actions: ['stop c1 30s Stopped'],
    phase: 'Running',
    reason: 'Stopping',
  },
  {
    name: 'deleted with a grace of its own',
    world: world(deleting(2), [container(1, web)]),
    actions: ['stop c1 2s Stopped'],
  },
  {
    name: 'deleted at once while a long stop is under way',
    world: world(
      deleting(0),
      [container(1, web)],
      after({ stopping: new Map([['c1', { reason: 'Stopped', killAtMs: NOW + 30_000 }]]) }),
    ),
    actions: ['stop c1 0s Stopped'],
  },
  {
    name: 'deleted and ended: all removed; volumes and finalizer wait for the one whose log is kept first',
    world: world(deleting(), [ended(1, web, 1), container(2, web, { state: 'created' })]),
    actions: ['remove c1', 'remove c2'],
  },
  {
    name: 'deleted while the log of its ended container is being kept',
    world: world(deleting(), [ended(1, web, 1)], after({ removing: new Set(['c1']) })),
    actions: [],
  },
  {
    name: 'deleted and never started: removed, then its volumes, then the finalizer lifted',
    world: world(deleting(), [container(1, web, { state: 'created' })]),
    actions: ['remove c1', 'releaseVolumes', 'liftFinalizer'],
  },
  {
    name: 'deleted with nothing there',
    world: world(deleting()),
    actions: ['releaseVolumes', 'liftFinalizer'],
  },
  {
    name: 'deleted, and kept by a finalizer of somebody else: not said to run any more',
    world: world({
      ...deleting(),
      metadata: { ...deleting().metadata, finalizers: ['example.com/x'] },
      status: { phase: 'Running' },
    }),
    actions: [],
    phase: 'Stopped',
    reason: 'Stopped',
  },
  {
    name: 'deleted, and one is still being removed',
    world: world(deleting(), [container(1, web, { state: 'removing' })]),
    actions: [],
    requeueAfter: 1,
  },
  { name: 'gone: stopped', world: world(undefined, [container(1, web)]), actions: ['stop c1 10s Stopped'] },
  { name: 'gone and ended: removed', world: world(undefined, [ended(1, web, 0)]), actions: ['remove c1'] },
  {
    name: 'bound elsewhere: stopped, and its status is left to the other',
    world: world(boundTask({ workerName: 'w2' }), [container(1, web)]),
    actions: ['stop c1 10s Stopped'],
  },
  {
    name: 'bound elsewhere and ended: removed',
    world: world(boundTask({ workerName: 'w2' }), [ended(1, web, 0)]),
    actions: ['remove c1'],
  },
];

describeRows('planTask', { starts, settled, changes, drift, ends, stops, removals });
