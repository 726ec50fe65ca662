/** The planner's table for a set whose template has changed: from one revision to another, held up, given up, undone. */
import { expect } from 'chai';
import { describeRows, type Row } from './rows.ts';
import { ago, leavingFor, NOW, newSet, revision, rolling, stable, task, tasks, world } from './worlds.ts';

const three = tasks('a', 3);
const abc = [revision('a', 1), revision('b', 2), revision('c', 3)];
const surge = { maxSurge: 1, maxUnavailable: 0 };
const room = { maxSurge: 0, maxUnavailable: 1 };

const moving: readonly Row[] = [
  {
    name: 'another template: its revision, and as many of it as may be more',
    world: world(newSet({}, stable('a')), 'b', { tasks: three, revisions: [revision('a', 1)] }),
    actions: ['createRevision 2', 'create web-b-0'],
    chosen: [],
    progressing: 'ReplicasUpdating',
    notes: ['RolloutStarted'],
    status: {
      currentRevision: 'web-a',
      targetRevision: 'web-b',
      lastStableRevision: 'web-a',
      updatedReplicas: 0,
    },
    lookAgainMs: 600_000,
  },
  {
    name: 'the new one is not available: no old one goes',
    world: world(newSet({}, rolling('a', 'b')), 'b', { tasks: [...three, task('b', 0, { ready: false })] }),
    actions: [],
    chosen: [],
  },
  {
    name: 'it is: one old one goes, and the message says for whom and why this one',
    world: world(newSet({}, rolling('a', 'b')), 'b', {
      tasks: [task('a', 0), task('a', 1, { ready: false }), task('a', 2), task('b', 0)],
    }),
    actions: [],
    chosen: ['web-a-1 Superseded'],
    why: 'web-b takes its place; this one: it is not ready',
  },
  {
    name: 'one on its way out does not count against the surge',
    world: world(newSet({}, rolling('a', 'b', { leaving: [leavingFor('web-a-2', 0.5)] })), 'b', {
      tasks: [...three, task('b', 0)],
    }),
    actions: ['create web-b-1'],
    chosen: [],
  },
  {
    name: 'without surge: one makes room first, and nothing comes before that is written down',
    world: world(newSet({}, stable('a'), { strategy: room }), 'b', { tasks: three }),
    actions: [],
    chosen: ['web-a-2 Superseded'],
  },
  {
    name: 'of percentages the surge is rounded up and what may be unavailable down',
    world: world(
      newSet({ replicas: 5 }, stable('a', { desiredReplicas: 5 }), {
        strategy: { maxSurge: '25%', maxUnavailable: '25%' },
      }),
      'b',
      {
        tasks: tasks('a', 5),
      },
    ),
    actions: ['create web-b-0', 'create web-b-1'],
    chosen: ['web-a-4 Superseded'],
  },
  {
    name: 'where both come to nothing, one may be unavailable',
    world: world(newSet({}, stable('a'), { strategy: { maxSurge: '0%', maxUnavailable: '25%' } }), 'b', {
      tasks: three,
    }),
    chosen: ['web-a-2 Superseded'],
  },
  {
    name: 'old ones that are down at the moment are counted on: they do not all go at once',
    world: world(newSet({}, rolling('a', 'b'), { strategy: room }), 'b', {
      tasks: tasks('a', 3, { ready: false }),
    }),
    chosen: ['web-a-2 Superseded'],
  },
  {
    name: 'all of the new one and available: complete',
    world: world(newSet({}, rolling('a', 'b', { updatedReplicas: 3 })), 'b', { tasks: tasks('b', 3) }),
    actions: [],
    progressing: 'NewRevisionAvailable',
    notes: ['RolloutCompleted'],
    status: { currentRevision: 'web-b', lastStableRevision: 'web-b', furthest: undefined },
  },
  {
    name: 'available for less than minReadySeconds: not complete',
    world: world(newSet({ minReadySeconds: 30 }, rolling('a', 'b')), 'b', {
      tasks: [...tasks('b', 2), task('b', 2, { since: 10 })],
    }),
    progressing: 'ReplicasUpdating',
    lookAgainMs: 20_000,
  },
  {
    name: 'a complete one stays so while its tasks fail and come back',
    world: world(newSet({}, stable('b')), 'b', { tasks: [task('b', 0), task('b', 1, { ready: false })] }),
    actions: ['create web-b-2'],
    progressing: 'NewRevisionAvailable',
    available: false,
  },
  {
    name: 'changed again in mid-rollout: of three revisions the one in between goes first',
    world: world(newSet({}, rolling('a', 'b')), 'c', {
      revisions: abc,
      tasks: [task('a', 0), task('a', 1), task('b', 0, { ready: false }), task('c', 0)],
    }),
    chosen: ['web-b-0 Superseded'],
    status: { currentRevision: 'web-a', targetRevision: 'web-c', lastStableRevision: 'web-a' },
    notes: ['RolloutStarted'],
  },
  {
    name: 'undone in mid-rollout: the old one is the newest, and what came of the other goes',
    world: world(newSet({}, rolling('a', 'b')), 'a', {
      revisions: [revision('a', 1), revision('b', 2)],
      tasks: [task('a', 0), task('a', 1), task('b', 0)],
    }),
    actions: ['renumberRevision web-a 3', 'create web-a-2'],
    chosen: [],
    progressing: 'ReplicasUpdating',
  },
];

const recreate = { strategy: { type: 'Recreate' as const } };
const port = { template: { ports: [{ containerPort: 80, hostPort: 8080 }] }, strategy: surge };
const stopping: readonly Row[] = [
  {
    name: 'Recreate: all old ones go at once',
    world: world(newSet({}, stable('a'), recreate), 'b', { tasks: three }),
    actions: [],
    chosen: ['web-a-2 Recreate', 'web-a-1 Recreate', 'web-a-0 Recreate'],
  },
  {
    name: 'Recreate: no new one begins before the last old one is gone, and it says for whom it waits',
    world: world(newSet({}, rolling('a', 'b', { leaving: [leavingFor('web-a-0', 3)] }), recreate), 'b', {
      tasks: [task('a', 0, { isDeleting: true })],
    }),
    actions: [],
    progressing: 'ReplicasUpdating',
    message: 'waits for the end of web-a-0',
  },
  {
    name: 'Recreate: then all new ones',
    world: world(newSet({}, rolling('a', 'b', { leaving: [leavingFor('web-a-0', 3)] }), recreate), 'b'),
    actions: ['create web-b-0', 'create web-b-1', 'create web-b-2'],
  },
  {
    name: 'a fixed hostPort: the old one stops first, whatever maxSurge says, and it says so',
    world: world(
      newSet({ replicas: 1 }, stable('a', { desiredReplicas: 1, lastGap: { seconds: 1.5 } }), port),
      'b',
      {
        tasks: [task('a', 0)],
      },
    ),
    actions: [],
    chosen: ['web-a-0 Superseded'],
    progressing: 'ReplicasUpdating',
    message: 'nobody answered for 1.5 s the last time',
  },
  {
    name: 'a fixed hostPort: the gap is from the leaving of the old one until the new one was Ready',
    world: world(
      newSet({ replicas: 1 }, rolling('a', 'b', { leaving: [leavingFor('web-a-0', 6)] }), port),
      'b',
      {
        tasks: [task('b', 0, { since: 2 })],
      },
    ),
    status: { lastGap: { task: 'web-b-0', seconds: 4, finishedAt: ago(2) }, leaving: undefined },
  },
  {
    name: 'a fixed hostPort: while it is measured, the entry of one that is long gone stays',
    world: world(
      newSet({ replicas: 1 }, rolling('a', 'b', { leaving: [leavingFor('web-a-0', 60)] }), port),
      'b',
      {
        tasks: [task('b', 0, { ready: false })],
      },
    ),
    also: ({ status }) => expect(status?.leaving?.length).to.equal(1),
  },
];

const canary = { strategy: { ...surge, canary: { replicas: 2 } } };
const auto = { strategy: { ...surge, canary: { replicas: 1, autoPromote: true } } };
const canaries: readonly Row[] = [
  {
    name: 'first the canaries, beside all old ones, more than maxSurge',
    world: world(newSet({}, stable('a'), canary), 'b', { tasks: three }),
    actions: ['create web-b-0', 'create web-b-1'],
    chosen: [],
    message: 'canaries first',
  },
  {
    name: 'available: they wait for somebody to promote them, and no deadline runs',
    world: world(newSet({}, rolling('a', 'b', { lastProgressTime: ago(9000) }), canary), 'b', {
      tasks: [...three, ...tasks('b', 2)],
    }),
    actions: [],
    chosen: [],
    progressing: 'CanaryWaiting',
    notes: ['CanaryWaiting'],
    lookAgainMs: undefined,
  },
  {
    name: 'an old one that vanishes meanwhile is made again as it was',
    world: world(newSet({}, rolling('a', 'b'), canary), 'b', { tasks: [...tasks('a', 2), ...tasks('b', 2)] }),
    actions: ['create web-a-2'],
  },
  {
    name: 'promoted: the rest follows',
    world: world(
      newSet({}, rolling('a', 'b'), { ...canary, annotations: { 'gantry.dev/promoted-revision': 'web-b' } }),
      'b',
      { tasks: [...three, ...tasks('b', 2)] },
    ),
    chosen: ['web-a-2 Superseded', 'web-a-1 Superseded'],
    status: { promotedRevision: 'web-b' },
    notes: ['Promoted'],
  },
  {
    name: 'another revision was promoted: that is not this one',
    world: world(
      newSet({}, rolling('a', 'b'), { ...canary, annotations: { 'gantry.dev/promoted-revision': 'web-c' } }),
      'b',
      { tasks: [...three, ...tasks('b', 2)] },
    ),
    chosen: [],
    progressing: 'CanaryWaiting',
  },
  {
    name: 'autoPromote: as soon as they are available',
    world: world(newSet({}, rolling('a', 'b'), auto), 'b', { tasks: [...three, task('b', 0)] }),
    chosen: ['web-a-2 Superseded'],
    status: { promotedRevision: 'web-b' },
    notes: ['Promoted'],
  },
  {
    name: 'autoPromote: and not before',
    world: world(newSet({}, rolling('a', 'b'), auto), 'b', {
      tasks: [...three, task('b', 0, { ready: false })],
    }),
    chosen: [],
    progressing: 'ReplicasUpdating',
  },
  {
    name: 'the first rollout has nothing to stand beside: all come',
    world: world(newSet({}, undefined, canary), 'a'),
    actions: ['create web-a-0', 'create web-a-1', 'create web-a-2'],
  },
  {
    name: 'canaries that do not get ready are subject to the deadline',
    world: world(
      newSet(
        {},
        rolling('a', 'b', {
          lastProgressTime: ago(601),
          furthest: { updated: 2, available: 0, outdated: 3 },
        }),
        {
          strategy: { ...canary.strategy, autoRevert: true },
        },
      ),
      'b',
      { tasks: [...three, ...tasks('b', 2, { ready: false })] },
    ),
    progressing: 'RolledBack',
  },
];

const paused: readonly Row[] = [
  {
    name: 'a change of the template waits, and is not even kept',
    world: world(newSet({ paused: true }, stable('a')), 'b', { tasks: three, revisions: [revision('a', 1)] }),
    actions: [],
    chosen: [],
    progressing: 'Paused',
    status: { updateRevision: 'web-b', targetRevision: 'web-a', updatedReplicas: 0 },
  },
  {
    name: 'the number is kept, of what there was before',
    world: world(newSet({ paused: true, replicas: 4 }, stable('a')), 'b', { tasks: three }),
    actions: ['create web-a-3'],
  },
  {
    name: 'in mid-rollout: what has come stays, and nothing more comes of it',
    world: world(newSet({ paused: true }, rolling('a', 'b', { updatedReplicas: 1 })), 'b', {
      tasks: [...three, task('b', 0)],
    }),
    actions: [],
    chosen: [],
  },
  {
    name: 'in mid-rollout: a new one that vanishes comes back as a new one',
    world: world(newSet({ paused: true }, rolling('a', 'b', { updatedReplicas: 1 })), 'b', {
      tasks: tasks('a', 2),
    }),
    actions: ['create web-b-0'],
  },
  {
    name: 'scaled down while paused: the least useful go',
    world: world(newSet({ paused: true, replicas: 1 }, stable('a')), 'a', {
      tasks: [task('a', 0), task('a', 1, { ready: false }), task('a', 2)],
    }),
    chosen: ['web-a-1 ScaledDown', 'web-a-2 ScaledDown'],
  },
  {
    name: 'time in which it was paused does not count',
    world: world(
      newSet(
        {},
        rolling('a', 'b', {
          lastProgressTime: ago(5000),
          furthest: { updated: 1, available: 0, outdated: 3 },
          conditions: [
            {
              type: 'Progressing',
              status: 'Unknown',
              reason: 'Paused',
              message: '.',
              lastTransitionTime: ago(4000),
            },
          ],
        }),
      ),
      'b',
      { tasks: [...three, task('b', 0, { ready: false })] },
    ),
    progressing: 'ReplicasUpdating',
    status: { lastProgressTime: new Date(NOW).toISOString() },
  },
];

const stuck = { updated: 1, available: 0, outdated: 3 };
const broken = [...three, task('b', 0, { ready: false, reason: 'ImagePullBackOff' })];
const revert = { strategy: { ...surge, autoRevert: true } };
const late = rolling('a', 'b', { lastProgressTime: ago(601), furthest: stuck });
const given = rolling('a', 'b', {
  targetRevision: 'web-a',
  rejectedRevision: 'web-b',
  furthest: { updated: 3, available: 3, outdated: 1 },
});
const deadline: readonly Row[] = [
  {
    name: 'something has moved: the time begins anew',
    world: world(
      newSet(
        {},
        rolling('a', 'b', {
          lastProgressTime: ago(700),
          furthest: { updated: 0, available: 0, outdated: 3 },
        }),
      ),
      'b',
      {
        tasks: broken,
      },
    ),
    progressing: 'ReplicasUpdating',
    status: { lastProgressTime: new Date(NOW).toISOString(), furthest: stuck },
    lookAgainMs: 600_000,
  },
  {
    name: 'what was available before and is so again has not moved',
    world: world(
      newSet(
        {},
        rolling('a', 'b', {
          lastProgressTime: ago(601),
          furthest: { updated: 1, available: 1, outdated: 3 },
        }),
      ),
      'b',
      {
        tasks: [...three, task('b', 0)],
      },
    ),
    progressing: 'ProgressDeadlineExceeded',
  },
  {
    name: 'nothing has for progressDeadlineSeconds: it says so, names a task, and goes on trying',
    world: world(newSet({}, late), 'b', { tasks: broken }),
    progressing: 'ProgressDeadlineExceeded',
    message: 'web-b-0: ImagePullBackOff',
    notes: ['ProgressDeadlineExceeded'],
    status: { targetRevision: 'web-b', rejectedRevision: undefined },
  },
  {
    name: 'the wall clock has jumped: this process has not watched for so long',
    world: world(newSet({}, late, revert), 'b', { tasks: broken, watchedMs: 5_000 }),
    progressing: 'ReplicasUpdating',
    lookAgainMs: 595_000,
  },
  {
    name: 'autoRevert: it is given up, which is written down first',
    world: world(newSet({}, late, revert), 'b', { tasks: broken }),
    actions: [],
    chosen: [],
    progressing: 'RolledBack',
    message: 'web-b-0: ImagePullBackOff',
    status: {
      targetRevision: 'web-a',
      rejectedRevision: 'web-b',
      updateRevision: 'web-b',
      updatedReplicas: 1,
    },
    notes: ['RolledBack'],
  },
  {
    name: 'then the last stable one comes back',
    world: world(newSet({}, given, revert), 'b', {
      tasks: [...tasks('a', 2), task('b', 0, { ready: false })],
    }),
    actions: ['create web-a-2'],
    chosen: [],
  },
  {
    name: 'and what came of the rejected one goes',
    world: world(newSet({}, given, revert), 'b', { tasks: broken }),
    actions: [],
    chosen: ['web-b-0 Superseded'],
    progressing: 'RolledBack',
  },
  {
    name: 'the same template applied again: it stays rejected',
    world: world(newSet({}, given, revert), 'b', { tasks: three }),
    actions: [],
    progressing: 'RolledBack',
    status: { rejectedRevision: 'web-b', targetRevision: 'web-a' },
  },
  {
    name: 'another template begins anew',
    world: world(newSet({}, given, revert), 'c', { tasks: three, revisions: abc }),
    actions: ['create web-c-0'],
    status: { rejectedRevision: undefined, targetRevision: 'web-c' },
    notes: ['RolloutStarted'],
  },
  {
    name: 'the first rollout has no stable revision to go back to',
    world: world(
      newSet(
        {},
        {
          desiredReplicas: 3,
          currentRevision: 'web-b',
          updateRevision: 'web-b',
          targetRevision: 'web-b',
          lastProgressTime: ago(601),
          furthest: { updated: 3, available: 0, outdated: 0 },
        },
        revert,
      ),
      'b',
      { tasks: tasks('b', 3, { ready: false }) },
    ),
    progressing: 'ProgressDeadlineExceeded',
    message: 'no stable revision',
  },
];

describeRows('planTaskSet: rollouts', {
  RollingUpdate: moving,
  'stop first': stopping,
  canaries,
  paused,
  'deadline and autoRevert': deadline,
});
