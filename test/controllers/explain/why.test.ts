/**
 * Why, word by word of the vocabulary: it really happens in a small cluster, and what was recorded of it makes the
 * sentence. What the controllers record and what `why` reads cannot part without a row here failing.
 */
import { expect } from 'chai';
import { RuntimeError } from '../../../machinery/errors.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { linesOf, WhyWorld } from './whyworld.ts';

type Spec = Partial<Task['spec']>;

const failing = { exec: { command: ['exit', '1'] }, periodSeconds: 1, failureThreshold: 2 };

describe('why a Task waits', () => {
  let here: WhyWorld;
  beforeEach(async () => {
    here = await WhyWorld.open();
  });
  afterEach(() => here.close());

  interface Row {
    readonly reason: string;
    readonly spec?: Spec;
    readonly before?: () => void;
    readonly summary: RegExp;
    readonly needs: RegExp;
    /** Lines of the timeline, in order, with others between them. */
    readonly told: readonly RegExp[];
    /** True where the time of the next step is known. */
    readonly isTimed?: true;
  }
  const rows: readonly Row[] = [
    {
      reason: 'Unschedulable',
      spec: { resources: { requests: { memory: '64Gi' } } },
      summary:
        /^it waits for a worker: 0\/1 workers fit: w1 InsufficientMemory \(asks 65536Mi, 8192Mi free\)$/,
      needs:
        /^one of: more memory free on worker w1, or less asked in spec\.resources \(asks 65536Mi, 8192Mi free\)$/,
      told: [/^placement FailedScheduling: 0\/1 workers fit: w1 InsufficientMemory/],
    },
    {
      reason: 'DependencyNotReady',
      spec: { dependsOn: [{ name: 'db' }] },
      summary: /^it waits for what it depends on: task "db" is missing/,
      needs: /^what spec\.dependsOn names as it is wanted there: task "db" is missing/,
      told: [/^dependency DependencyNotReady: task "db" is missing/],
    },
    {
      reason: 'ContainerCreating',
      spec: { imagePullPolicy: 'Always' },
      before: () => {
        here.runtime.hooks = {
          before: (call) =>
            call.operation === 'pull'
              ? new Promise((_, reject) =>
                  call.signal.addEventListener('abort', () => reject(call.signal.reason)),
                )
              : undefined,
        };
      },
      summary: /^its container is on the way: .*pull/,
      needs: /^$/,
      told: [
        /^placement Scheduled/,
        /^image Pulling: Pulling image "app:1" because imagePullPolicy is Always$/,
      ],
    },
    {
      reason: 'ErrImagePull',
      spec: { image: 'nowhere:9' },
      summary: /^its image cannot be had: image "nowhere:9" is not in the registry$/,
      needs: /^an image of that name that the worker can pull/,
      told: [/^image Pulling: /, /^image Failed: image "nowhere:9" is not in the registry$/],
      isTimed: true,
    },
    {
      reason: 'ImagePullBackOff',
      spec: { image: 'nowhere:9' },
      summary: /^its image cannot be had: image "nowhere:9" is not in the registry$/,
      needs: /^an image of that name that the worker can pull/,
      told: [/^image Pulling: /, /^image Failed: /, /^image Pulling: .* again$/, /^image BackOff: /],
      isTimed: true,
    },
    {
      reason: 'InvalidImageName',
      spec: { image: 'No/Capitals:1' },
      summary: /^spec\.image is no name of an image: /,
      needs: /^another spec\.image$/,
      told: [/^image Failed: /],
    },
    {
      reason: 'CreateContainerConfigError',
      spec: { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'conf', key: 'a' } } }] },
      summary: /^what its container needs is not there: configmap "conf" not found$/,
      needs: /^this put right: configmap "conf" not found$/,
      told: [/^placement Scheduled/, /^input Failed: configmap "conf" not found$/],
    },
    {
      reason: 'CreateContainerError',
      before: () => {
        here.runtime.hooks = {
          before: ({ operation }) => {
            if (operation === 'create') throw new RuntimeError('Failed', 'no space left on device');
          },
        };
      },
      summary: /^its container could not be created: .*no space left on device/,
      needs: /^the engine's or the worker's refusal gone: .*no space left on device/,
      told: [/^placement Scheduled/, /^container Failed: .*no space left on device/],
      isTimed: true,
    },
    {
      reason: 'RunContainerError',
      spec: { image: 'broken:1' },
      summary: /^its container could not be started: back-off .* executable file not found in \$PATH$/,
      needs: /^a command that the image has/,
      told: [
        /^container Created: .*\.1$/,
        /^ended ContainerCannotRun: container 1 could not be started \(exit code 127\): exec: "serve"/,
        /^container Created: .*\.2: the one before ended/,
      ],
      isTimed: true,
    },
    {
      reason: 'CrashLoopBackOff',
      spec: { image: 'crash:1' },
      summary: /^its containers end one after the other: back-off 1s before the next start/,
      needs: /^a container that goes on running/,
      told: [
        /^placement Scheduled: bound to worker w1: the only worker$/,
        /^container Created: .*\.1$/,
        /^container Started: .*\.1$/,
        /^ended Error: container 1 ended by itself with exit code 3$/,
        /^container Created: .*\.2: the one before ended with exit code 3/,
        /^ended Error: container 2 ended by itself with exit code 3$/,
        /^backoff BackOff: back-off 1s before the next start/,
      ],
      isTimed: true,
    },
  ];
  for (const { reason, spec = {}, before, summary, needs, told, isTimed } of rows) {
    it(`${reason}: says so, what would have to change, and what led there`, async () => {
      before?.();
      await here.task('t', spec);
      await here.untilReason('t', reason);
      await here.world.settle();
      const answer = await here.why(tasks, 't');
      expect(answer.state).to.equal('Pending');
      expect(answer.reason).to.equal(reason);
      expect(answer.summary).to.match(summary);
      expect(answer.needs.join(' | ')).to.match(needs);
      expectInOrder(linesOf(answer.timeline), told);
      const [next] = answer.next;
      expect(next?.at !== undefined, JSON.stringify(answer.next)).to.equal(isTimed === true);
      if (isTimed === true) expect(Date.parse(next?.at ?? '')).to.be.greaterThan(Date.parse(answer.at));
      for (const entry of answer.timeline.filter(({ source }) => source === 'event')) {
        expect(entry.decision, entry.message).to.have.property('action');
      }
      here.runtime.hooks = {};
    });
  }

  it('gives the last lines of each container that ended', async () => {
    await here.task('t', { image: 'crash:1' });
    await here.untilReason('t', 'CrashLoopBackOff');
    const { timeline, causes } = await here.why(tasks, 't');
    const ends = timeline.filter(({ topic }) => topic === 'ended');
    expect(ends.map(({ attempt, exitCode, lastLines }) => [attempt, exitCode, lastLines])).to.deep.equal([
      [1, 3, ['cannot reach the database']],
      [2, 3, ['cannot reach the database']],
    ]);
    expect(causes[0]).to.match(
      /^container 2 ended by itself with exit code 3 at .*; its last line: cannot reach the database$/,
    );
  });
});

describe('why no worker takes a Task', () => {
  let here: WhyWorld;
  beforeEach(async () => {
    here = await WhyWorld.open();
  });
  afterEach(() => here.close());

  const rows: readonly (readonly [
    verdict: string,
    spec: Spec,
    need: RegExp,
    before?: () => Promise<unknown>,
  ])[] = [
    [
      'InsufficientCPU',
      { resources: { requests: { cpu: '64' } } },
      /more CPU free on worker w1, .* \(asks 64, 4 free\)/,
    ],
    ['InsufficientMemory', { resources: { requests: { memory: '64Gi' } } }, /more memory free on worker w1/],
    [
      'InsufficientDisk',
      { resources: { requests: { 'ephemeral-storage': '64Gi' } } },
      /more disk free on worker w1-disk, .* \(asks 65536Mi of ephemeral-storage, 1024Mi free\)/,
      () => here.world.addWorker('w1-disk', { disk: '1Gi' }).then(() => here.cordon('w1')),
    ],
    [
      'SelectorMismatch',
      { workerSelector: { disk: 'ssd' } },
      /the labels on worker w1 .* \(wants disk=ssd, has no label disk\)/,
    ],
    [
      'TaintNotTolerated',
      {},
      /a toleration .* \(the worker has the taint gpu=yes:NoSchedule\)/,
      () => here.editWorker('w1', { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] }),
    ],
    ['WorkerCordoned', {}, /worker w1 uncordoned/, () => here.cordon('w1')],
    [
      'WorkerNotReady',
      {},
      /worker w1 Ready again \(Ready is Unknown, reason LeaseExpired\)/,
      () => here.loseWorker(),
    ],
    [
      'PortConflict',
      { ports: [{ containerPort: 80, hostPort: 8080 }] },
      /another hostPort .* \(TCP 8080 is held by task default\/first\)/,
      async () => {
        await here.task('first', { ports: [{ containerPort: 80, hostPort: 8080 }] });
        await here.untilPhase('first', 'Running');
      },
    ],
  ];
  for (const [verdict, spec, need, before] of rows) {
    it(`${verdict}: is the worker's verdict, with what would have to change there`, async () => {
      await before?.();
      await here.task('t', spec);
      await here.untilReason('t', 'Unschedulable');
      const { placement, needs, timeline } = await here.why(tasks, 't');
      expect(placement.map(({ verdict: found }) => found)).to.include(verdict);
      expect(needs.join(' | ')).to.match(need);
      const event = timeline.find(({ reason }) => reason === 'FailedScheduling');
      expect(event?.verdicts).to.deep.equal(placement);
    });
  }

  it('a cluster without workers: needs one', async () => {
    await here.world.admin.delete(workers, { name: 'w1' });
    await here.loseWorker();
    await here.task('t');
    await here.untilReason('t', 'Unschedulable');
    const { placement, needs, summary } = await here.why(tasks, 't');
    expect(placement).to.deep.equal([]);
    expect(summary).to.match(/no worker has joined yet/);
    expect(needs.join()).to.match(/a worker that joins/);
  });
});

describe('why a container ended', () => {
  let here: WhyWorld;
  beforeEach(async () => {
    here = await WhyWorld.open();
  });
  afterEach(() => here.close());

  const edit = (spec: Spec): Promise<unknown> =>
    here.world.admin.patch(tasks, { namespace: 'default', name: 't' }, { type: 'merge', body: { spec } });
  const evict = (): Promise<unknown> =>
    here.world.admin.post(tasks, { namespace: 'default', name: 't' }, 'eviction', {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 't', namespace: 'default' },
    });
  const rows: readonly (readonly [
    reason: string,
    spec: Spec,
    sentence: RegExp,
    after?: () => Promise<unknown>,
  ])[] = [
    ['Completed', { image: 'job:1', restartPolicy: 'Never' }, /^container 1 completed with exit code 0$/],
    ['Error', { image: 'crash:1', restartPolicy: 'Never' }, /^container 1 ended by itself with exit code 3$/],
    [
      'OOMKilled',
      { image: 'hungry:1', restartPolicy: 'Never' },
      /^container 1 was killed because its memory ran out \(exit code 137, signal 9\)/,
    ],
    [
      'ContainerCannotRun',
      { image: 'broken:1', restartPolicy: 'Never' },
      /^container 1 could not be started \(exit code 127\): exec: "serve"/,
    ],
    [
      'DeadlineExceeded',
      { activeDeadlineSeconds: 2 },
      /^container 1 was stopped because activeDeadlineSeconds had passed/,
    ],
    [
      'LivenessFailed',
      { livenessProbe: failing },
      /^container 1 was stopped because its liveness probe failed/,
    ],
    ['StartupFailed', { startupProbe: failing }, /^container 1 was stopped because its startup probe failed/],
    ['Stopped', {}, /^container 1 was stopped as asked/, () => edit({ desiredState: 'Stopped' })],
    [
      'Superseded',
      {},
      /^container 1 was stopped because the spec or the binding changed/,
      () => edit({ image: 'app:2' }),
    ],
    ['Evicted', {}, /^container 1 was stopped because its task was taken off the worker/, evict],
    [
      'Preempted',
      { resources: { requests: { cpu: '3' } } },
      /^container 1 was stopped to make room for a task of higher priority.*default\/urgent/,
      () =>
        here.task('urgent', {
          priority: 5,
          preemptionPolicy: 'PreemptLowerPriority',
          resources: { requests: { cpu: '3' } },
        }),
    ],
  ];
  for (const [reason, spec, sentence, after] of rows) {
    it(`${reason}: is told as what it was`, async () => {
      await here.task('t', spec);
      if (after !== undefined) {
        await here.untilPhase('t', 'Running');
        await after();
      }
      await here.world.until(`an end of reason ${reason}`, async () => {
        const { status } = await here.world.admin.get(tasks, { namespace: 'default', name: 't' });
        return status?.history?.some((end) => end.reason === reason) === true;
      });
      await here.world.settle();
      const { timeline } = await here.why(tasks, 't');
      const end = timeline.find((entry) => entry.topic === 'ended' && entry.reason === reason);
      expect(end?.message, linesOf(timeline).join('\n')).to.match(sentence);
      expect(end?.decision, 'the Event of the end').to.have.property('action');
    });
  }

  it('WorkerLost: what became of it is not known, and that is said', async () => {
    await here.task('t');
    await here.untilPhase('t', 'Running');
    await here.loseWorker();
    await here.untilReason('t', 'WorkerLost');
    const { state, summary, causes, needs, timeline } = await here.why(tasks, 't');
    expect(state).to.equal('Unknown');
    expect(summary).to.match(/^whether it runs is not known: WorkerLost: worker w1 is lost/);
    expect(causes.join()).to.match(
      /worker\/w1 is not Ready: LeaseExpired: worker w1 has not renewed its lease/,
    );
    expect(needs).to.deep.equal(['worker w1 Ready again']);
    expectInOrder(linesOf(timeline), [/^worker WorkerLost: worker w1 is lost/]);
  });

  it('a probe that is not content: who asked, how often, and what follows', async () => {
    await here.task('t', { readinessProbe: failing });
    await here.world.until('the probe has failed', async () => {
      const { timeline } = await here.why(tasks, 't');
      return timeline.some(({ topic }) => topic === 'probe');
    });
    await here.world.advance(5_000);
    const { state, summary, needs, timeline } = await here.why(tasks, 't');
    expect(state).to.equal('Running');
    expect(summary).to.match(/and is not Ready: .*Readiness probe failed/);
    expect(needs.join()).to.match(/its probes content/);
    const probe = timeline.findLast(({ topic }) => topic === 'probe');
    expect(probe?.decision).to.deep.include({
      verdict: 'failed',
      action: 'the task is not Ready until it passes',
    });
    expect(probe?.decision?.inputs).to.deep.include({ probe: 'readiness', failureThreshold: 2 });
  });
});

function expectInOrder(lines: readonly string[], wanted: readonly RegExp[]): void {
  let from = 0;
  for (const pattern of wanted) {
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    expect(at, `${pattern.source} from line ${from} on of\n${lines.join('\n')}`).to.be.greaterThan(-1);
    from = at + 1;
  }
}
