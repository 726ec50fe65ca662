/** Worlds for the planner's table: a bound Task on worker `w1` and containers as an engine would show them. */
import { containerName } from '../../../controllers/task/planning/attempts.ts';
import { wantedResources } from '../../../controllers/task/planning/resources.ts';
import { specHash } from '../../../controllers/task/planning/spechash.ts';
import type { TaskInputs } from '../../../controllers/task/services.ts';
import {
  type Action,
  emptyMemory,
  type TaskMemory,
  type TaskStatus,
  type TaskWorld,
} from '../../../controllers/task/types.ts';
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

export const NOW = Date.UTC(2026, 0, 1, 12);
export const UID = '12345678-aaaa-bbbb-cccc-000000000000';

/** ISO time, so many seconds before `NOW`. */
export function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

export function boundTask(spec: Partial<Task['spec']> = {}, status?: TaskStatus): Task {
  return newTask(
    'web',
    { image: 'app:1', workerName: 'w1', bindingEpoch: 1, ...spec },
    {
      metadata: { uid: UID, finalizers: ['gantry.dev/container'] },
      ...(status === undefined ? {} : { status }),
    },
  );
}

export function container(
  attempt: number,
  task: Task,
  rest: Partial<ContainerDetail> & { readonly epoch?: number; readonly hash?: string } = {},
): ContainerDetail {
  const { epoch = 1, hash = specHash(task.spec), ...detail } = rest;
  const state = detail.state ?? 'running';
  return {
    id: `c${attempt}`,
    name: containerName({ namespace: 'default', name: 'web', uid: UID }, attempt),
    labels: {
      'gantry.dev/cluster': 'cl',
      'gantry.dev/worker': 'w1',
      'gantry.dev/task': 'default/web',
      'gantry.dev/uid': UID,
      'gantry.dev/epoch': String(epoch),
      'gantry.dev/attempt': String(attempt),
      'gantry.dev/spec-hash': hash,
    },
    state,
    image: task.spec.image,
    imageId: 'sha256:1',
    createdAt: ago(100),
    ...(state === 'created' ? {} : { startedAt: ago(60) }),
    ...(state === 'exited' || state === 'dead' ? { finishedAt: ago(0), exitCode: 0 } : {}),
    oomKilled: false,
    resources: wantedResources(task.spec),
    ports: [],
    ...detail,
  };
}

/** Ended with this code, having run from `startedAgo` to `endedAgo` seconds before now. */
export function ended(
  attempt: number,
  task: Task,
  exitCode: number,
  endedAgo = 0,
  startedAgo = endedAgo + 5,
): ContainerDetail {
  return container(attempt, task, {
    state: 'exited',
    exitCode,
    startedAt: ago(startedAgo),
    finishedAt: ago(endedAgo),
  });
}

export function world(
  task: Task | undefined,
  containers: readonly ContainerDetail[] = [],
  rest: Partial<TaskWorld> = {},
): TaskWorld {
  return {
    task,
    containers,
    memory: emptyMemory,
    inputs: plainInputs(task),
    probes: new Map(),
    overuse: new Map(),
    progress: new Map(),
    outputs: new Map(),
    results: new Map(),
    nowMs: NOW,
    monotonicMs: NOW,
    worker: 'w1',
    clusterId: 'cl',
    publishAddress: '127.0.0.1',
    ...rest,
  };
}

/** What the controller remembers, on top of nothing. */
export function after(memory: Partial<TaskMemory>): { readonly memory: TaskMemory } {
  return { memory: { ...emptyMemory, ...memory } };
}

/** A Task that takes nothing from ConfigMaps and Secrets. */
export function plainInputs(task: Task | undefined): TaskInputs {
  return {
    kind: 'ready',
    env: (task?.spec.env ?? []).map(({ name, value }) => `${name}=${value ?? ''}`),
    files: new Map(),
    filesVersion: '',
    registryAuths: [],
  };
}

/** An action as the table writes it: `create 2`, `stop c1 30s`. */
export function shortly(action: Action): string {
  switch (action.kind) {
    case 'pull':
      return `pull ${action.image}`;
    case 'create':
      return `create ${action.attempt}`;
    case 'start':
      return action.id === undefined ? 'start' : `start ${action.id}`;
    case 'stop':
      return `${action.preStop === undefined ? '' : 'preStop, '}stop ${action.id} ${action.gracePeriodMs / 1000}s ${action.stopReason}`;
    case 'update':
      return `update ${action.id} ${JSON.stringify(action.resources)}`;
    case 'rename':
      return `rename ${action.id} ${action.name}`;
    case 'unpause':
    case 'remove':
      return `${action.kind} ${action.id}`;
    case 'postStart':
      return `postStart ${action.id}`;
    case 'refreshVolumes':
      return `refreshVolumes ${action.filesVersion}`;
    case 'releaseVolumes':
    case 'liftFinalizer':
      return action.kind;
  }
}
