/** Objects for tests: valid, small, and saying only what the test is about. */
import type { ObjectMeta } from '../machinery/meta.ts';
import type { Event, Task, Worker } from '../schemas/types.gen.ts';

export interface Rest {
  readonly metadata?: Partial<ObjectMeta>;
  readonly status?: NonNullable<Task['status']>;
}

/** A task in namespace `default` as it would be stored: uid, generation 1, resourceVersion. */
export function newTask(name: string, spec: Partial<Task['spec']> = {}, rest: Rest = {}): Task {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...rest.metadata,
    },
    spec: { image: 'busybox', ...spec },
    ...(rest.status === undefined ? {} : { status: rest.status }),
  };
}

/** A task as a person would send it. */
export function taskManifest(
  name: string,
  spec: Partial<Task['spec']> = {},
  metadata: Partial<ObjectMeta> = {},
): Task {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, namespace: 'default', ...metadata },
    spec: { image: 'busybox', ...spec },
  };
}

export interface WorkerOptions {
  /** Default 4. */
  readonly cpu?: string;
  /** Default 8Gi. */
  readonly memory?: string;
  /** Of ephemeral-storage; absent: the worker does not say. */
  readonly disk?: string;
  /** Conditions that are True besides. */
  readonly pressure?: readonly ('DiskPressure' | 'MemoryPressure')[];
  readonly labels?: Record<string, string>;
  readonly unschedulable?: boolean;
  /** Default True; `never`: no condition at all. */
  readonly ready?: 'True' | 'False' | 'Unknown' | 'never';
  readonly isDeleting?: boolean;
}

const READY_REASONS = { True: 'AgentReady', False: 'RuntimeDown', Unknown: 'LeaseExpired' } as const;

/** A worker that publishes on 127.0.0.1. */
export function newWorker(name: string, options: WorkerOptions = {}): Worker {
  const {
    cpu = '4',
    memory = '8Gi',
    disk,
    pressure = [],
    labels,
    unschedulable,
    ready = 'True',
    isDeleting = false,
  } = options;
  const room = { cpu, memory, ...(disk === undefined ? {} : { 'ephemeral-storage': disk }) };
  const said = { message: 'as the test says', lastTransitionTime: '2026-01-01T00:00:00Z' };
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Worker',
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: '1',
      generation: 1,
      ...(labels === undefined ? {} : { labels }),
      ...(isDeleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: unschedulable === undefined ? {} : { unschedulable },
    status: {
      capacity: room,
      allocatable: room,
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      conditions:
        ready === 'never'
          ? []
          : [
              {
                type: 'Ready',
                status: ready,
                reason: READY_REASONS[ready],
                ...said,
              },
              ...pressure.map((type) => ({
                type,
                status: 'True' as const,
                reason: `AgentHas${type}`,
                ...said,
              })),
            ],
    },
  };
}

/** An Event about a task, last seen at `atMs`. */
export function newEvent(name: string, atMs: number, uid = 'uid-t'): Event {
  const at = new Date(atMs).toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1' },
    involvedObject: { kind: 'Task', namespace: 'default', name: 't', uid },
    reason: 'Test',
    message: name,
    type: 'Normal',
    count: 1,
    lastTimestamp: at,
  };
}
