/** Worlds for the planner's tables: a set `web` of three, its revisions `web-<hash>`, and tasks in every state. */
import type {
  Leaving,
  Status,
  TaskSetAction,
  TaskSetPlan,
  TaskSetWorld,
} from '../../../controllers/taskset/types.ts';
import { LABEL_REVISION, LABEL_TASKSET, LABEL_WORKER } from '../../../machinery/labels.ts';
import type { ControllerRevision, Task, TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

export const NOW = Date.UTC(2026, 0, 1, 12);
export const SET_UID = 'uid-set-web';

/** RFC 3339 with milliseconds, so many seconds before `NOW`. */
export function ago(seconds: number): string {
  return new Date(NOW - seconds * 1000).toISOString();
}

type Spec = TaskSet['spec'];
type Strategy = NonNullable<Spec['strategy']>;

export interface SetRest {
  readonly strategy?: Strategy;
  readonly template?: Partial<Spec['template']['spec']>;
  readonly annotations?: Record<string, string>;
  readonly isDeleting?: boolean;
}

export function newSet(
  spec: Partial<Omit<Spec, 'strategy' | 'template'>> = {},
  status?: Status,
  rest: SetRest = {},
): TaskSet {
  const { mode = 'Replicated' } = spec;
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'TaskSet',
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: SET_UID,
      resourceVersion: '1',
      generation: 1,
      ...(rest.annotations === undefined ? {} : { annotations: rest.annotations }),
      ...(rest.isDeleting === true ? { deletionTimestamp: ago(0) } : {}),
    },
    spec: {
      mode,
      ...(mode === 'Replicated' ? { replicas: 3 } : {}),
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { image: 'app:1', ...rest.template } },
      strategy: { type: 'RollingUpdate', maxSurge: 1, maxUnavailable: 0, ...rest.strategy },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  };
}

export function revision(hash: string, number: number): ControllerRevision {
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `web-${hash}`,
      namespace: 'default',
      uid: `uid-${hash}`,
      labels: { [LABEL_REVISION]: hash },
    },
    data: {},
    revision: number,
  };
}

export interface TaskRest {
  /** Default true. */
  readonly ready?: boolean;
  /** Seconds for which it has been as Ready says. Default 100. */
  readonly since?: number;
  /** Default `w1`; `none`: not placed. */
  readonly on?: string;
  /** With mode Global: the worker it is for. */
  readonly for?: string;
  readonly phase?: 'Pending' | 'Running' | 'Failed' | 'Succeeded' | 'Unknown';
  readonly reason?: string;
  readonly isDeleting?: boolean;
  /** Default: the set. */
  readonly owner?: 'set' | 'nobody' | 'other';
  readonly labels?: Record<string, string>;
  /** Seconds. Default 1000. */
  readonly age?: number;
  readonly uid?: string;
}

/** `task('a', 0)` is `web-a-0` of the revision `web-a`, ready for long. */
export function task(hash: string, ordinal: number | string, rest: TaskRest = {}): Task {
  const { ready = true, since = 100, on = 'w1', owner = 'set', age = 1000 } = rest;
  const name = `web-${hash}-${ordinal}`;
  const phase = rest.phase ?? (ready ? 'Running' : 'Pending');
  return newTask(
    name,
    {
      image: 'app:1',
      ...(on === 'none' ? {} : { workerName: on }),
      ...(rest.for === undefined ? {} : { workerSelector: { [LABEL_WORKER]: rest.for } }),
    },
    {
      metadata: {
        uid: rest.uid ?? `uid-${name}`,
        creationTimestamp: ago(age),
        labels: rest.labels ?? { app: 'web', [LABEL_TASKSET]: 'web', [LABEL_REVISION]: hash },
        ...(owner === 'nobody'
          ? {}
          : {
              ownerReferences: [
                {
                  apiVersion: 'gantry.dev/v1',
                  kind: 'TaskSet',
                  name: 'web',
                  uid: owner === 'set' ? SET_UID : 'uid-other',
                  controller: true,
                },
              ],
            }),
        ...(rest.isDeleting === true ? { deletionTimestamp: ago(0) } : {}),
      },
      status: {
        phase,
        ...(rest.reason === undefined ? {} : { reason: rest.reason }),
        observedGeneration: 1,
        ...(ready ? { ip: `10.0.0.${String(ordinal).length}` } : {}),
        conditions: [
          {
            type: 'Ready',
            status: ready ? 'True' : 'False',
            reason: ready ? 'ContainerRunning' : 'ContainerNotReady',
            message: 'as the test says',
            lastTransitionTime: ago(since),
          },
        ],
      },
    },
  );
}

export function tasks(hash: string, count: number, rest: TaskRest = {}): Task[] {
  return Array.from({ length: count }, (_, ordinal) => task(hash, ordinal, rest));
}

/** In `status.leaving`, for so many seconds. */
export function leavingFor(name: string, seconds: number, reason = 'Superseded'): Leaving {
  return { task: name, uid: `uid-${name}`, since: ago(seconds), reason, message: 'the test says so' };
}

/** A status in which `web-<hash>` is all there is, and stable. */
export function stable(hash: string, rest: Status = {}): Status {
  const name = `web-${hash}`;
  return {
    desiredReplicas: 3,
    currentRevision: name,
    updateRevision: name,
    targetRevision: name,
    lastStableRevision: name,
    lastProgressTime: ago(500),
    ...rest,
  };
}

/** A status in which the rollout from `from` to `to` is under way. */
export function rolling(from: string, to: string, rest: Status = {}): Status {
  return stable(from, {
    updateRevision: `web-${to}`,
    targetRevision: `web-${to}`,
    lastProgressTime: ago(1),
    furthest: { updated: 0, available: 0, outdated: 3 },
    ...rest,
  });
}

export interface WorldRest {
  readonly tasks?: readonly Task[];
  readonly revisions?: readonly ControllerRevision[];
  readonly workers?: readonly Worker[];
  readonly taken?: readonly string[];
  readonly watchedMs?: number;
}

/** `update`: the hash of what the template is now; `unknown`: it cannot be told. */
export function world(set: TaskSet, update: string, rest: WorldRest = {}): TaskSetWorld {
  return {
    set,
    tasks: rest.tasks ?? [],
    revisions: rest.revisions ?? [revision('a', 1), revision('b', 2)].slice(0, update === 'b' ? 2 : 1),
    update: update === 'unknown' ? undefined : { name: `web-${update}`, hash: update },
    workers: rest.workers ?? [],
    nowMs: NOW,
    ...(rest.taken === undefined ? {} : { taken: new Set(rest.taken) }),
    ...(rest.watchedMs === undefined ? {} : { watchedMs: rest.watchedMs }),
  };
}

/** An action as the tables write it: `create web-a-0`, `delete web-a-1`. */
export function shortly(action: TaskSetAction): string {
  switch (action.kind) {
    case 'createRevision':
      return `createRevision ${action.revision}`;
    case 'renumberRevision':
      return `renumberRevision ${action.name} ${action.revision}`;
    case 'deleteRevision':
      return `deleteRevision ${action.name}`;
    case 'create':
      return `create ${action.name}${action.worker === undefined ? '' : ` for ${action.worker}`}`;
    case 'delete':
    case 'adopt':
    case 'release':
      return `${action.kind} ${action.task}`;
  }
}

/** Those that this plan chose to go, `web-a-0 Superseded`. */
export function chosenBy({ set }: TaskSetWorld, { status }: TaskSetPlan): readonly string[] {
  const before = new Set((set.status?.leaving ?? []).map(({ uid }) => uid));
  return (status?.leaving ?? [])
    .filter(({ uid }) => !before.has(uid))
    .map(({ task: name, reason }) => `${name} ${reason}`);
}
