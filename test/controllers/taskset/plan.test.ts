/** The planner's table for a set as it stands: numbers, names, whose tasks, who goes first, revisions kept. */
import { expect } from 'chai';
import { newWorker } from '../../builders.ts';
import { describeRows, type Row, settled } from './rows.ts';
import { leavingFor, NOW, newSet, revision, stable, task, tasks, world } from './worlds.ts';

const three = tasks('a', 3);

const numbers: readonly Row[] = [
  {
    name: 'nothing there: the revision is made, and three of it',
    world: world(newSet(), 'a', { revisions: [] }),
    actions: ['createRevision 1', 'create web-a-0', 'create web-a-1', 'create web-a-2'],
    progressing: 'ReplicasUpdating',
    available: false,
    status: {
      desiredReplicas: 3,
      replicas: 0,
      unavailableReplicas: 3,
      targetRevision: 'web-a',
      selector: 'app=web',
    },
    notes: ['ScaledUp', 'RolloutStarted'],
  },
  {
    name: 'all there and available: complete, and the last stable one',
    world: world(newSet({}, stable('a', { lastStableRevision: 'web-x' })), 'a', { tasks: three }),
    actions: [],
    progressing: 'NewRevisionAvailable',
    available: true,
    status: {
      lastStableRevision: 'web-a',
      replicas: 3,
      updatedReplicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
    },
    endpoints: ['web-a-0', 'web-a-1', 'web-a-2'],
  },
  {
    name: 'a settled set plans nothing and gets its stored status itself',
    world: settled(world(newSet({}, stable('a')), 'a', { tasks: three })),
    actions: [],
    notes: [],
    lookAgainMs: undefined,
    also: (plan, { set }) => expect(plan.status).to.equal(set.status),
  },
  {
    name: 'one vanished: the lowest free name',
    world: world(newSet({}, stable('a')), 'a', { tasks: [task('a', 0), task('a', 2)] }),
    actions: ['create web-a-1'],
    progressing: 'NewRevisionAvailable',
  },
  {
    name: 'one being deleted counts for nothing, and its name is not free',
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...tasks('a', 2), task('a', 2, { isDeleting: true })],
    }),
    actions: ['create web-a-3'],
    endpoints: ['web-a-0', 'web-a-1'],
  },
  {
    name: "a name that is somebody else's is passed over",
    world: world(newSet({}, stable('a')), 'a', { tasks: tasks('a', 2), taken: ['web-a-2'] }),
    actions: ['create web-a-3'],
  },
  {
    name: 'ended for good: replaced, and in leaving before it is deleted',
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...tasks('a', 2), task('a', 2, { ready: false, phase: 'Failed', reason: 'Evicted' })],
    }),
    actions: ['create web-a-3'],
    chosen: ['web-a-2 Failed'],
    why: 'ended for good: Failed, Evicted',
    notes: ['TaskReplaced'],
  },
  {
    name: 'scaled up',
    world: world(newSet({ replicas: 5 }, stable('a')), 'a', { tasks: three }),
    actions: ['create web-a-3', 'create web-a-4'],
    notes: ['ScaledUp'],
    also: ({ notes }) => expect(notes[0]?.decision?.inputs).to.include({ from: 3, to: 5 }),
  },
  {
    name: 'scaled down: the newest of equals, and out of endpoints in the same write',
    world: world(newSet({ replicas: 2 }, stable('a')), 'a', {
      tasks: [task('a', 0), task('a', 1, { age: 10 }), task('a', 2)],
    }),
    actions: [],
    chosen: ['web-a-1 ScaledDown'],
    why: 'it is the newest',
    endpoints: ['web-a-0', 'web-a-2'],
    notes: ['ScaledDown'],
    lookAgainMs: 1000,
  },
  {
    name: 'scaled to nothing: all go, and it is complete',
    world: world(newSet({ replicas: 0 }, stable('a')), 'a', { tasks: three }),
    chosen: ['web-a-2 ScaledDown', 'web-a-1 ScaledDown', 'web-a-0 ScaledDown'],
    progressing: 'NewRevisionAvailable',
    available: true,
    status: { endpoints: [], desiredReplicas: 0 },
  },
  {
    name: 'many: fifty at a time, and again at once',
    world: world(newSet({ replicas: 120 }), 'a', { revisions: [revision('a', 1)] }),
    also: ({ actions, hasMore }) => expect([actions.length, hasMore.creates]).to.deep.equal([50, true]),
  },
  {
    name: 'what the template is made from cannot be told: nothing is begun, the number is kept',
    world: world(newSet({}, stable('a')), 'unknown', { tasks: tasks('a', 2) }),
    actions: ['create web-a-2'],
    status: { updateRevision: 'web-a', targetRevision: 'web-a' },
  },
  {
    name: 'nor was there anything before: nothing at all',
    world: world(newSet(), 'unknown', { revisions: [] }),
    actions: [],
    progressing: 'RevisionUnknown',
  },
  {
    name: 'a set being deleted says what it sees, and does nothing',
    world: world(
      newSet({}, stable('a', { leaving: [leavingFor('web-a-0', 9)] }), { isDeleting: true }),
      'b',
      {
        tasks: [
          task('a', 0),
          task('a', 1, { isDeleting: true }),
          task('a', 2, { phase: 'Failed', ready: false }),
        ],
      },
    ),
    actions: [],
    chosen: [],
    notes: [],
    lookAgainMs: undefined,
    status: { replicas: 0, endpoints: [] },
  },
];

const readiness: readonly Row[] = [
  {
    name: 'ready, but not for minReadySeconds: an endpoint, and not available',
    world: world(newSet({ minReadySeconds: 30 }, stable('a')), 'a', {
      tasks: [...tasks('a', 2), task('a', 2, { since: 10 })],
    }),
    endpoints: ['web-a-0', 'web-a-1', 'web-a-2'],
    status: { readyReplicas: 3, availableReplicas: 2, unavailableReplicas: 1 },
    lookAgainMs: 20_000,
  },
  {
    name: 'an endpoint has its worker, address and ports',
    world: world(newSet({ replicas: 1 }, stable('a')), 'a', { tasks: [task('a', 0, { on: 'w7' })] }),
    also: ({ status }) =>
      expect(status?.endpoints).to.deep.equal([{ task: 'web-a-0', workerName: 'w7', ip: '10.0.0.1' }]),
  },
];

const evicted: readonly Row[] = [
  {
    name: 'neither ready nor available, whatever its worker has said last: it gets no more work',
    world: world(newSet({}, stable('a')), 'a', { tasks: [...tasks('a', 2), task('a', 2, { on: 'none' })] }),
    actions: [],
    endpoints: ['web-a-0', 'web-a-1'],
    status: { replicas: 3, readyReplicas: 2, availableReplicas: 2, unavailableReplicas: 1 },
  },
  {
    name: 'nor is another one taken away on the strength of it',
    world: world(newSet({}, stable('a'), { strategy: { maxSurge: 1, maxUnavailable: 0 } }), 'b', {
      tasks: [...tasks('a', 3), task('b', 0, { on: 'none' })],
    }),
    chosen: [],
  },
];

const leaving: readonly Row[] = [
  {
    name: 'for less than a second: nothing is done yet',
    world: world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', 0.4)] })), 'a', {
      tasks: three,
    }),
    actions: [],
    lookAgainMs: 600,
  },
  {
    name: 'for a second: deleted, and the entry stays',
    world: world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', 1)] })), 'a', {
      tasks: three,
    }),
    actions: ['delete web-a-2'],
    also: ({ status }) => expect(status?.leaving?.length).to.equal(1),
  },
  {
    name: 'for long by the wall clock, and just seen: its second has only begun',
    world: {
      ...world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', 900)] })), 'a', {
        tasks: three,
      }),
      noticedMs: new Map([['uid-web-a-2', 100]]),
    },
    actions: [],
    lookAgainMs: 900,
  },
  {
    name: 'since a time to come: since now',
    world: world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', -3600)] })), 'a', {
      tasks: three,
    }),
    actions: [],
    also: ({ status }) => expect(status?.leaving?.[0]?.since).to.equal(new Date(NOW).toISOString()),
  },
  {
    name: 'still an endpoint in the stored status: that is written first',
    world: world(
      newSet(
        { replicas: 2 },
        stable('a', { leaving: [leavingFor('web-a-2', 9)], endpoints: [{ task: 'web-a-2' }] }),
      ),
      'a',
      { tasks: three },
    ),
    actions: [],
    endpoints: ['web-a-0', 'web-a-1'],
  },
  {
    name: 'another one of that name is not deleted',
    world: world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', 4)] })), 'a', {
      tasks: [...tasks('a', 2), task('a', 2, { uid: 'another' })],
    }),
    actions: [],
  },
  {
    name: 'gone: the entry is dropped, a little later',
    world: world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', 6)] })), 'a', {
      tasks: tasks('a', 2),
    }),
    actions: [],
    status: { leaving: undefined },
  },
  {
    name: 'gone just now: a copy may lag, the entry stays',
    world: world(newSet({ replicas: 2 }, stable('a', { leaving: [leavingFor('web-a-2', 2)] })), 'a', {
      tasks: tasks('a', 2),
    }),
    also: ({ status }) => expect(status?.leaving?.length).to.equal(1),
    lookAgainMs: 3000,
  },
];

const victims: readonly Row[] = [
  {
    name: 'not placed before not ready',
    world: world(newSet({ replicas: 2 }, stable('a')), 'a', {
      tasks: [task('a', 0, { ready: false }), task('a', 1, { ready: false, on: 'none' }), task('a', 2)],
    }),
    chosen: ['web-a-1 ScaledDown'],
    why: 'it has no worker yet',
  },
  {
    name: 'not ready before the newest, in its own words',
    world: world(newSet({ replicas: 2 }, stable('a')), 'a', {
      tasks: [
        task('a', 0, { ready: false, reason: 'ImagePullBackOff' }),
        task('a', 1, { age: 5 }),
        task('a', 2),
      ],
    }),
    chosen: ['web-a-0 ScaledDown'],
    why: 'it is not ready (ImagePullBackOff)',
  },
  {
    name: 'ready for less than minReadySeconds before the others',
    world: world(newSet({ replicas: 2, minReadySeconds: 60 }, stable('a')), 'a', {
      tasks: [task('a', 0, { since: 5 }), task('a', 1), task('a', 2)],
    }),
    chosen: ['web-a-0 ScaledDown'],
    why: 'minReadySeconds',
  },
  {
    name: 'of one age: doubled on its worker',
    world: world(newSet({ replicas: 2 }, stable('a')), 'a', {
      tasks: [task('a', 0, { on: 'w1' }), task('a', 1, { on: 'w1' }), task('a', 2, { on: 'w2' })],
    }),
    chosen: ['web-a-1 ScaledDown'],
    why: '2 of the set are on worker w1',
  },
];

const ownership: readonly Row[] = [
  {
    name: "one that matches and is nobody's is adopted, and counts",
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...tasks('a', 2), task('a', 2, { owner: 'nobody' })],
    }),
    actions: ['adopt web-a-2'],
    status: { replicas: 3 },
  },
  {
    name: 'one adopted that is of no revision is replaced',
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...tasks('a', 3), task('z', 0, { owner: 'nobody', labels: { app: 'web' } })],
    }),
    actions: ['adopt web-z-0'],
    chosen: ['web-z-0 Superseded'],
  },
  {
    name: "another's is left alone",
    world: world(newSet({}, stable('a')), 'a', { tasks: [...three, task('z', 0, { owner: 'other' })] }),
    actions: [],
    status: { replicas: 3 },
  },
  {
    name: 'one of its own that does not match any more is released, and replaced',
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...tasks('a', 2), task('a', 2, { labels: { app: 'mine' } })],
    }),
    actions: ['release web-a-2', 'create web-a-3'],
    endpoints: ['web-a-0', 'web-a-1'],
  },
  {
    name: "nobody's, but being deleted: left alone",
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...three, task('z', 0, { owner: 'nobody', isDeleting: true })],
    }),
    actions: [],
    status: { replicas: 3 },
  },
  {
    name: 'its own, not matching, but being deleted: left alone',
    world: world(newSet({}, stable('a')), 'a', {
      tasks: [...three, task('z', 0, { labels: {}, isDeleting: true })],
    }),
    actions: [],
  },
];

const old = (count: number) => Array.from({ length: count }, (_, at) => revision(`o${at}`, at + 1));
const revisions: readonly Row[] = [
  {
    name: 'an old one that becomes the newest gets the highest number',
    world: world(newSet({}, stable('b')), 'a', {
      tasks: tasks('b', 3),
      revisions: [revision('a', 1), revision('b', 2)],
    }),
    actions: ['renumberRevision web-a 3', 'create web-a-0'],
    status: { updateRevision: 'web-a', targetRevision: 'web-a', currentRevision: 'web-b' },
  },
  {
    name: 'beyond revisionHistoryLimit the oldest go',
    world: world(newSet({ revisionHistoryLimit: 2 }, stable('a')), 'a', {
      tasks: three,
      revisions: [...old(4), revision('a', 9)],
    }),
    actions: ['deleteRevision web-o0', 'deleteRevision web-o1'],
  },
  {
    name: 'none that a task is of, even on its way out, nor the last stable one',
    world: world(newSet({ revisionHistoryLimit: 0 }, stable('a', { lastStableRevision: 'web-o1' })), 'a', {
      tasks: [task('a', 0), task('a', 1), task('o0', 0, { isDeleting: true })],
      revisions: [...old(3), revision('a', 9)],
    }),
    actions: ['create web-a-2', 'deleteRevision web-o2'],
  },
];

const global = (status = stable('a', { desiredReplicas: 2 }), rest: Parameters<typeof newSet>[2] = {}) =>
  newSet({ mode: 'Global' }, status, rest);
const two = [newWorker('w1'), newWorker('w2')];
const on = (hash: string, worker: string, rest: Parameters<typeof task>[2] = {}) =>
  task(hash, worker, { for: worker, on: worker, ...rest });

const everywhere: readonly Row[] = [
  {
    name: 'one on every worker, by its name',
    world: world(global(), 'a', { workers: two }),
    actions: ['create web-a-w1 for w1', 'create web-a-w2 for w2'],
    status: { desiredReplicas: 2 },
  },
  {
    name: 'settled',
    world: settled(world(global(), 'a', { workers: two, tasks: [on('a', 'w1'), on('a', 'w2')] })),
    actions: [],
    also: (plan, { set }) => expect(plan.status).to.equal(set.status),
  },
  {
    name: 'only where workerSelector and tolerations admit it',
    world: world(global(undefined, { template: { workerSelector: { disk: 'ssd' } } }), 'a', {
      workers: [
        newWorker('w1', { labels: { disk: 'ssd' } }),
        newWorker('w2'),
        {
          ...newWorker('w3', { labels: { disk: 'ssd' } }),
          spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] },
        },
        newWorker('w4', { labels: { disk: 'ssd' }, isDeleting: true }),
      ],
    }),
    actions: ['create web-a-w1 for w1'],
    status: { desiredReplicas: 1 },
  },
  {
    name: 'a cordoned or silent worker gets no new one',
    world: world(global(), 'a', {
      workers: [...two, newWorker('w3', { unschedulable: true }), newWorker('w4', { ready: 'Unknown' })],
      tasks: [on('a', 'w1'), on('a', 'w2')],
    }),
    actions: [],
    status: { desiredReplicas: 2 },
  },
  {
    name: 'and keeps the one it has',
    world: world(global(), 'a', {
      workers: [newWorker('w1'), newWorker('w2', { unschedulable: true })],
      tasks: [on('a', 'w1'), on('a', 'w2')],
    }),
    actions: [],
    chosen: [],
    status: { desiredReplicas: 2 },
  },
  {
    name: 'a worker that does not match any more, or is gone: its task goes',
    world: world(global(), 'a', { workers: two, tasks: [on('a', 'w1'), on('a', 'w2'), on('a', 'w3')] }),
    chosen: ['web-a-w3 WorkerNotMatching'],
    notes: ['TaskReplaced'],
  },
  {
    name: 'a taint NoSchedule that comes later keeps new ones away and drives none away, as with a DaemonSet',
    world: world(global(), 'a', {
      workers: [
        newWorker('w1'),
        { ...newWorker('w2'), spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } },
        { ...newWorker('w3'), spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } },
      ],
      tasks: [on('a', 'w1'), on('a', 'w2')],
    }),
    actions: [],
    chosen: [],
    status: { desiredReplicas: 2 },
  },
  {
    name: 'a task that was made for a worker and never placed there goes once a taint keeps it away',
    world: world(global(), 'a', {
      workers: [
        newWorker('w1'),
        { ...newWorker('w2'), spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } },
      ],
      tasks: [on('a', 'w1'), on('a', 'w2', { on: 'none', ready: false })],
    }),
    chosen: ['web-a-w2 WorkerNotMatching'],
  },
  {
    name: 'a worker whose disk is full keeps its task',
    world: world(global(), 'a', {
      workers: [newWorker('w1'), newWorker('w2', { pressure: ['DiskPressure'] })],
      tasks: [on('a', 'w1'), on('a', 'w2')],
    }),
    chosen: [],
  },
  {
    name: 'rolling with surge: the new one comes beside the old',
    world: world(global(), 'b', { workers: two, tasks: [on('a', 'w1'), on('a', 'w2')] }),
    actions: ['create web-b-w1 for w1'],
    chosen: [],
  },
  {
    name: 'which goes once the new one is available',
    world: world(global(undefined), 'b', {
      workers: two,
      tasks: [on('a', 'w1'), on('a', 'w2'), on('b', 'w1')],
    }),
    chosen: ['web-a-w1 Superseded'],
    why: 'on worker w1 it is available',
  },
  {
    name: 'rolling without surge: one makes room first',
    world: world(global(undefined, { strategy: { maxSurge: 0, maxUnavailable: 1 } }), 'b', {
      workers: two,
      tasks: [on('a', 'w1'), on('a', 'w2')],
    }),
    actions: [],
    chosen: ['web-a-w1 Superseded'],
  },
  {
    name: 'what is on a closed worker waits for it, and the rollout is complete without',
    world: world(
      global(
        stable('a', { desiredReplicas: 2, targetRevision: 'web-b', updateRevision: 'web-b', furthest: {} }),
      ),
      'b',
      {
        workers: [newWorker('w1'), newWorker('w2', { unschedulable: true })],
        tasks: [on('b', 'w1'), on('a', 'w2')],
      },
    ),
    chosen: [],
    progressing: 'NewRevisionAvailable',
    status: { lastStableRevision: 'web-b' },
    notes: ['RolloutCompleted'],
  },
];

describeRows('planTaskSet', {
  'how many, and what they are called': numbers,
  'ready and available': readiness,
  'taken off its worker': evicted,
  'leaving in two steps': leaving,
  'who goes first': victims,
  'whose they are': ownership,
  'which revisions are kept': revisions,
  'mode Global': everywhere,
});
