import { expect } from 'chai';
import { asTask, podOf, podUid } from '../../../api/views/pod.ts';
import { podTable } from '../../../api/views/podtable.ts';
import { readPath } from '../../../machinery/json.ts';
import type { Task } from '../../../schemas/types.gen.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const TASK_UID = '11111111-2222-4333-8444-555555555555';

type Status = NonNullable<Task['status']>;

function task(
  spec: Partial<Task['spec']> = {},
  status: Status = {},
  metadata: Partial<Task['metadata']> = {},
): Task {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: {
      name: 'hello',
      namespace: 'default',
      uid: TASK_UID,
      resourceVersion: '42',
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: { image: 'web:1', ...spec },
    status,
  };
}

const bound = { workerName: 'w1', bindingEpoch: 1 } as const;
const running: Status = {
  phase: 'Running',
  restartCount: 0,
  ip: '172.17.0.5',
  startedAt: '2026-01-01T00:00:10Z',
  container: {
    id: 'c1',
    state: 'running',
    startedAt: '2026-01-01T00:00:10Z',
    image: 'web:1',
    imageID: 'sha256:1',
  },
  ports: [{ containerPort: 80, hostPort: 8080, hostIP: '127.0.0.1', protocol: 'TCP' }],
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'ContainerRunning',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:11Z',
    },
    {
      type: 'Scheduled',
      status: 'True',
      reason: 'Bound',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:09Z',
    },
  ],
};
const crashed = { attempt: 1, id: 'c0', exitCode: 3, reason: 'Error', finishedAt: '2026-01-01T00:55:00Z' };

describe('the Pod view of a Task', () => {
  it('has the name, namespace, version and labels of its Task, and a uid of its own', () => {
    const pod = podOf(task(bound, running, { labels: { app: 'web' } }));
    expect(pod).to.include({ apiVersion: 'v1', kind: 'Pod' });
    expect(pod.metadata).to.deep.include({
      name: 'hello',
      namespace: 'default',
      resourceVersion: '42',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web' },
    });
    expect(pod.metadata.uid).to.match(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(pod.metadata.uid).not.to.equal(TASK_UID);
    expect(pod.metadata.ownerReferences).to.deep.equal([
      {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        name: 'hello',
        uid: TASK_UID,
        controller: true,
        blockOwnerDeletion: true,
      },
    ]);
  });

  it('has a new uid with every binding after the first, and keeps it from creation to the first binding', () => {
    expect(podUid(TASK_UID, 2)).not.to.equal(podUid(TASK_UID, 1));
    expect(podUid('other', 1)).not.to.equal(podUid(TASK_UID, 1));
  });

  it('carries no annotation that is a tool’s or Gantry’s own', () => {
    const annotations = {
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
      'gantry.dev/trace-id': 'x',
      note: 'kept',
    };
    expect(podOf(task({}, {}, { annotations })).metadata.annotations).to.deep.equal({ note: 'kept' });
    expect(podOf(task({}, {}, { annotations: { 'gantry.dev/ttl': '1h' } })).metadata).not.to.have.property(
      'annotations',
    );
  });

  it('describes the container as the Task asks for it, always with a securityContext', () => {
    const pod = podOf(
      task({
        ...bound,
        command: ['sh'],
        args: ['-c', 'true'],
        env: [{ name: 'A', value: 'b' }],
        ports: [{ containerPort: 80, protocol: 'TCP', publish: true }],
        resources: { limits: { memory: '64Mi' } },
        restartPolicy: 'OnFailure',
      }),
    );
    expect(pod.spec).to.deep.include({
      nodeName: 'w1',
      restartPolicy: 'OnFailure',
      terminationGracePeriodSeconds: 30,
      securityContext: {},
    });
    expect(readPath(pod.spec, ['containers'])).to.deep.equal([
      {
        name: 'hello',
        image: 'web:1',
        command: ['sh'],
        args: ['-c', 'true'],
        env: [{ name: 'A', value: 'b' }],
        ports: [{ containerPort: 80, protocol: 'TCP' }],
        resources: { limits: { memory: '64Mi' } },
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'FallbackToLogsOnError',
      },
    ]);
  });

  it('has no container status before it is placed', () => {
    const pod = podOf(task({}, { phase: 'Pending', reason: 'Unschedulable' }));
    expect(pod.status).not.to.have.property('containerStatuses');
    expect(pod.spec).not.to.have.property('nodeName');
  });

  it('tells addresses, but never that it is on every address', () => {
    const pod = podOf(task(bound, running));
    expect(pod.status).to.deep.include({ podIP: '172.17.0.5', hostIP: '127.0.0.1' });
    const everywhere = {
      ...running,
      ports: [{ containerPort: 80, hostPort: 8080, hostIP: '0.0.0.0', protocol: 'TCP' }],
    };
    expect(podOf(task(bound, everywhere)).status).not.to.have.property('hostIP');
  });

  interface Row {
    readonly name: string;
    readonly spec?: Partial<Task['spec']>;
    readonly status?: Status;
    readonly metadata?: Partial<Task['metadata']>;
    readonly phase: string;
    readonly state?: unknown;
    readonly lastState?: unknown;
    /** READY, STATUS, RESTARTS, AGE, IP, NODE. */
    readonly cells: readonly unknown[];
  }
  const rows: readonly Row[] = [
    {
      name: 'just created',
      phase: 'Pending',
      cells: ['0/1', 'Pending', '0', '60m', '<none>', '<none>'],
    },
    {
      name: 'bound, the container is being made',
      spec: bound,
      status: { phase: 'Pending' },
      phase: 'Pending',
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: {},
      cells: ['0/1', 'ContainerCreating', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'the image cannot be pulled',
      spec: bound,
      status: { phase: 'Pending', reason: 'ImagePullBackOff', message: 'no such image' },
      phase: 'Pending',
      state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
      cells: ['0/1', 'ImagePullBackOff', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'running and ready',
      spec: bound,
      status: running,
      phase: 'Running',
      state: { running: { startedAt: '2026-01-01T00:00:10Z' } },
      lastState: {},
      cells: ['1/1', 'Running', '0', '60m', '172.17.0.5', 'w1'],
    },
    {
      name: 'running again after a crash',
      spec: bound,
      status: { ...running, restartCount: 2, history: [crashed] },
      phase: 'Running',
      lastState: {
        terminated: {
          exitCode: 3,
          reason: 'Error',
          finishedAt: '2026-01-01T00:55:00Z',
          containerID: 'docker://c0',
        },
      },
      cells: ['1/1', 'Running', '2 (5m ago)', '60m', '172.17.0.5', 'w1'],
    },
    {
      name: 'waiting for the next start',
      spec: bound,
      status: {
        phase: 'Running',
        reason: 'CrashLoopBackOff',
        restartCount: 4,
        container: { id: 'c0', state: 'exited', exitCode: 3 },
        history: [crashed],
      },
      phase: 'Running',
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: {
        terminated: {
          exitCode: 3,
          reason: 'Error',
          finishedAt: '2026-01-01T00:55:00Z',
          containerID: 'docker://c0',
        },
      },
      cells: ['0/1', 'CrashLoopBackOff', '4 (5m ago)', '60m', '<none>', 'w1'],
    },
    {
      name: 'done',
      spec: bound,
      status: {
        phase: 'Succeeded',
        reason: 'Completed',
        container: { id: 'c1', state: 'exited', exitCode: 0 },
      },
      phase: 'Succeeded',
      state: { terminated: { exitCode: 0, reason: 'Completed', containerID: 'docker://c1' } },
      cells: ['0/1', 'Completed', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'failed',
      spec: bound,
      status: {
        phase: 'Failed',
        reason: 'OOMKilled',
        container: { id: 'c1', state: 'exited', exitCode: 137, signal: 9 },
      },
      phase: 'Failed',
      state: { terminated: { exitCode: 137, signal: 9, reason: 'OOMKilled', containerID: 'docker://c1' } },
      cells: ['0/1', 'OOMKilled', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'failed, with the last lines it wrote',
      spec: bound,
      status: {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        container: { id: 'c1', state: 'exited', exitCode: 143 },
        history: [{ attempt: 1, id: 'c1', reason: 'DeadlineExceeded', exitCode: 143, output: 'so long' }],
      },
      phase: 'Failed',
      state: {
        terminated: {
          exitCode: 143,
          reason: 'DeadlineExceeded',
          message: 'so long',
          containerID: 'docker://c1',
        },
      },
      cells: ['0/1', 'DeadlineExceeded', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'running again because its liveness probe failed',
      spec: bound,
      status: {
        ...running,
        restartCount: 1,
        history: [{ ...crashed, reason: 'LivenessFailed', exitCode: 0, output: 'unseen' }],
      },
      phase: 'Running',
      lastState: {
        terminated: {
          exitCode: 0,
          reason: 'LivenessFailed',
          finishedAt: '2026-01-01T00:55:00Z',
          containerID: 'docker://c0',
        },
      },
      cells: ['1/1', 'Running', '1 (5m ago)', '60m', '172.17.0.5', 'w1'],
    },
    {
      name: 'waiting for a ConfigMap',
      spec: bound,
      status: { phase: 'Pending', reason: 'CreateContainerConfigError', message: 'configmap "c" not found' },
      phase: 'Pending',
      state: { waiting: { reason: 'CreateContainerConfigError', message: 'configmap "c" not found' } },
      cells: ['0/1', 'CreateContainerConfigError', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'waiting for what it depends on',
      spec: bound,
      status: { phase: 'Pending', reason: 'DependencyNotReady', message: 'task "db" is missing' },
      phase: 'Pending',
      state: { waiting: { reason: 'DependencyNotReady', message: 'task "db" is missing' } },
      cells: ['0/1', 'DependencyNotReady', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'failed without a reason',
      spec: bound,
      status: { phase: 'Failed', container: { state: 'exited', exitCode: 2 } },
      phase: 'Failed',
      cells: ['0/1', 'ExitCode:2', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'stopped, which a Pod can only call succeeded',
      spec: { ...bound, desiredState: 'Stopped' },
      status: { phase: 'Stopped', reason: 'Stopped', container: { state: 'exited', exitCode: 143 } },
      phase: 'Succeeded',
      state: { terminated: { exitCode: 143, reason: 'Stopped' } },
      cells: ['0/1', 'Stopped', '0', '60m', '<none>', 'w1'],
    },
    {
      name: 'on a worker nobody hears from',
      spec: bound,
      status: { ...running, phase: 'Unknown' },
      phase: 'Unknown',
      cells: ['1/1', 'Unknown', '0', '60m', '172.17.0.5', 'w1'],
    },
    {
      name: 'being deleted',
      spec: bound,
      status: running,
      metadata: { deletionTimestamp: '2026-01-01T00:59:00Z' },
      phase: 'Running',
      cells: ['1/1', 'Terminating', '0', '60m', '172.17.0.5', 'w1'],
    },
  ];
  for (const row of rows) {
    it(`shows a Task that is ${row.name}`, () => {
      const pod = podOf(task(row.spec, row.status, row.metadata));
      expect(readPath(pod, ['status', 'phase'])).to.equal(row.phase);
      const statuses = readPath(pod, ['status', 'containerStatuses']);
      const first: unknown = Array.isArray(statuses) ? statuses[0] : undefined;
      if (row.state !== undefined) expect(readPath(first, ['state'])).to.deep.equal(row.state);
      if (row.lastState !== undefined) expect(readPath(first, ['lastState'])).to.deep.equal(row.lastState);
      expect(podTable.cells(pod, NOW)).to.deep.equal(['hello', ...row.cells]);
    });
  }

  it('has started once its startup probe has passed, and is initialized once its dependencies are met', () => {
    const starting = { ...running, container: { ...running.container, started: false } };
    const first = (status: Status): unknown => {
      const statuses = readPath(podOf(task(bound, status)), ['status', 'containerStatuses']);
      return Array.isArray(statuses) ? statuses[0] : undefined;
    };
    expect(readPath(first(starting), ['started'])).to.equal(false);
    expect(readPath(first(running), ['started'])).to.equal(true);
    const waiting: Status = {
      phase: 'Pending',
      conditions: [
        {
          type: 'DependenciesMet',
          status: 'False',
          reason: 'DependencyNotReady',
          message: 'task "db" is missing',
          lastTransitionTime: '2026-01-01T00:00:12Z',
        },
      ],
    };
    expect(readPath(podOf(task(bound, waiting)), ['status', 'conditions'])).to.deep.include({
      type: 'Initialized',
      status: 'False',
      reason: 'DependencyNotReady',
      message: 'task "db" is missing',
      lastProbeTime: null,
      lastTransitionTime: '2026-01-01T00:00:12Z',
    });
  });

  it('has the conditions that kubectl waits for', () => {
    const conditions = readPath(podOf(task(bound, running)), ['status', 'conditions']);
    expect(conditions).to.deep.equal([
      {
        type: 'PodReadyToStartContainers',
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:09Z',
      },
      {
        type: 'Initialized',
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:09Z',
      },
      { type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:11Z' },
      {
        type: 'ContainersReady',
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:11Z',
      },
      {
        type: 'PodScheduled',
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: '2026-01-01T00:00:09Z',
      },
    ]);
    const unplaced = podOf(
      task(
        {},
        {
          phase: 'Pending',
          conditions: [
            {
              type: 'Scheduled',
              status: 'False',
              reason: 'Unschedulable',
              message: '0/1 workers',
              lastTransitionTime: 't',
            },
          ],
        },
      ),
    );
    expect(readPath(unplaced, ['status', 'conditions'])).to.deep.include({
      type: 'PodScheduled',
      status: 'False',
      lastProbeTime: null,
      lastTransitionTime: 't',
      reason: 'Unschedulable',
      message: '0/1 workers',
    });
  });

  it('leaves the Task as it was', () => {
    const before = task(bound, running);
    const copy = structuredClone(before);
    podOf(before);
    expect(before).to.deep.equal(copy);
    expect(asTask({ ...before })).to.deep.equal(copy);
  });
});
