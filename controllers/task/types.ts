/**
 * What the planner of a Task is given and what it answers. Everything here is a value: the planner neither waits nor
 * looks, so a table of worlds is its specification.
 */
import type { RuntimeErrorReason } from '../../machinery/errors.ts';
import type { ContainerDetail, ContainerSpec, RegistryAuth, Resources } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { Decision } from '../engine/event.ts';
import type { Hook, ProbeState, ProbeTarget, TaskInputs, VolumeFiles } from './services.ts';

export type TaskStatus = NonNullable<Task['status']>;
export type HistoryEntry = NonNullable<TaskStatus['history']>[number];

/** Why a container that Gantry stops is stopped; also the reason its end gets in the history. */
export type StopReason =
  | 'Stopped'
  | 'Superseded'
  | 'Evicted'
  /** Its room went to a Task of higher priority. */
  | 'Preempted'
  | 'LivenessFailed'
  | 'StartupFailed'
  | 'DeadlineExceeded'
  /** Its postStart hook failed. */
  | 'Error';

/** What went wrong last on the way to a container as it is wanted. Forgotten when the spec changes or a step succeeds. */
export interface Failure {
  /** `prepare`: what a container needs before it can be created. `update`: new limits for one that runs. */
  readonly step: 'pull' | 'prepare' | 'create' | 'start' | 'update';
  readonly reason: RuntimeErrorReason;
  readonly message: string;
  /** Failures of this step in a row. */
  readonly count: number;
  /** Monotonic, milliseconds. */
  readonly atMs: number;
  /** The Task's generation that failed. */
  readonly generation: number;
  /** The container that did not start, or did not take its limits. */
  readonly containerId?: string;
}

export interface Birth {
  /** `status.startedAt`. */
  readonly startedAt: string;
  /** Monotonic, milliseconds; below 0 for what began before the process. */
  readonly monotonicMs: number;
}

export interface Stopping {
  readonly reason: StopReason;
  /** Monotonic time of the kill, milliseconds. */
  readonly killAtMs: number;
  /** What led to it, in a sentence for the history. */
  readonly detail?: string;
}

/**
 * What the controller remembers of a Task besides objects and containers. Losing it (a restart of Gantry) costs a
 * retry that comes sooner, never a wrong act.
 */
export interface TaskMemory {
  readonly failure?: Failure;
  /** The image being pulled now. */
  readonly pulling?: string;
  /** How far that has come, in words. */
  readonly pullProgress?: string;
  /** The image that was pulled for the container to be created next. */
  readonly pulled?: string;
  /** By container id: the stops that were begun. They stay until the container is gone: they name its end. */
  readonly stopping: ReadonlyMap<string, Stopping>;
  /** The highest attempt whose container name turned out to be somebody else's. */
  readonly attemptFloor: number;
  /** Containers this process started: all others that run were adopted. */
  readonly started: ReadonlySet<string>;
  /** Container id -> its postStart hook, once this process has begun it. */
  readonly postStart: ReadonlyMap<string, 'running' | 'done' | { readonly failed: string }>;
  /** The `filesVersion` that the Task's volumes were last brought to. */
  readonly filesVersion?: string;
  /** Containers whose log is being kept, and that go then. */
  readonly removing: ReadonlySet<string>;
  /** When the Task's first start was, on the clock that never jumps. */
  readonly birth?: Birth;
  /** True once this process has planned the Task: what it finds before that is an inheritance. */
  readonly isKnown: boolean;
}

export const emptyMemory: TaskMemory = {
  stopping: new Map(),
  attemptFloor: 0,
  started: new Set(),
  postStart: new Map(),
  removing: new Set(),
  isKnown: false,
};

export interface TaskWorld {
  /** Undefined: an uncached read said that it is gone. */
  readonly task: Task | undefined;
  /** All containers on this engine that carry the Task's uid, in any order. */
  readonly containers: readonly ContainerDetail[];
  readonly memory: TaskMemory;
  readonly inputs: TaskInputs;
  /** By container id: what its probes say; none for one that is not probed (yet). */
  readonly probes: ReadonlyMap<string, ProbeState>;
  /** By container id: why it took more of the worker's disk than it may, for those that did. */
  readonly overuse: ReadonlyMap<string, string>;
  /** By container id: how far those that said it are, percent. */
  readonly progress: ReadonlyMap<string, number>;
  /** By container id: the last lines of ended ones whose end is not in the stored status yet. */
  readonly outputs: ReadonlyMap<string, string>;
  /** By container id: what the container said with whose end the Task ends, where the stored status does not tell it yet. */
  readonly results: ReadonlyMap<string, NonNullable<TaskStatus['result']>>;
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Time that never jumps: what is only remembered is compared with it. */
  readonly monotonicMs: number;
  readonly worker: string;
  readonly clusterId: string;
  /** Where ports without a hostIP are published. */
  readonly publishAddress: string;
  /** Of the engine's machine; absent while nobody knows. */
  readonly cores?: number;
}

/** What of a container was found changed by hand. */
export const DRIFT_KINDS = ['paused', 'renamed', 'resources', 'removed', 'duplicate', 'started'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Whose container it was and how it ended, for those who read its log when it is gone. */
export interface EndedContainer {
  readonly taskKey: string;
  readonly taskUid: string;
  readonly attempt: number;
  readonly end?: HistoryEntry;
}

/** One act on the engine or the object. `reason` is one word, `message` the sentence that goes into the Event. */
interface ActionBase {
  readonly reason: string;
  readonly message: string;
  /** Set when the act puts right what somebody changed by hand. */
  readonly drift?: DriftKind;
}

export type Action = ActionBase &
  (
    | { readonly kind: 'pull'; readonly image: string; readonly auths: readonly RegistryAuth[] }
    /** Volumes, the network and a seccomp profile are the worker's to add to the spec. */
    | {
        readonly kind: 'create';
        readonly attempt: number;
        readonly spec: ContainerSpec;
        readonly files: ReadonlyMap<string, VolumeFiles>;
        readonly filesVersion: string;
      }
    /** `id` is absent for the container created just before in the same plan. */
    | { readonly kind: 'start'; readonly id?: string; readonly name: string }
    /** In the background, once a container; `done` or `failed` is remembered under its id. */
    | { readonly kind: 'postStart'; readonly id: string; readonly name: string; readonly hook: Hook }
    /** Brings ConfigMap and Secret volumes up to date. */
    | {
        readonly kind: 'refreshVolumes';
        readonly files: ReadonlyMap<string, VolumeFiles>;
        readonly filesVersion: string;
      }
    /** The last act on this worker, when no container is left. */
    | { readonly kind: 'releaseVolumes' }
    | {
        readonly kind: 'stop';
        readonly id: string;
        readonly name: string;
        readonly gracePeriodMs: number;
        readonly stopReason: StopReason;
        /** What led to it, for the history. */
        readonly detail?: string;
        /** Done first; its time counts against the grace period, of which at least 2 s are left for the signal. */
        readonly preStop?: Hook;
      }
    | { readonly kind: 'unpause'; readonly id: string }
    | { readonly kind: 'rename'; readonly id: string; readonly name: string }
    | { readonly kind: 'update'; readonly id: string; readonly resources: Resources }
    | {
        readonly kind: 'remove';
        readonly id: string;
        readonly name: string;
        /** Set when it has run: its log is kept first. */
        readonly ended?: EndedContainer;
      }
    | { readonly kind: 'liftFinalizer' }
  );

/** Something seen rather than done, told once: when the status that says it is written. */
export interface PlannedEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly decision: Decision;
}

export interface TaskPlan {
  /** In order; the first that fails ends the plan. */
  readonly actions: readonly Action[];
  /** What was seen; undefined when the status is not this worker's to write. */
  readonly status: TaskStatus | undefined;
  readonly events: readonly PlannedEvent[];
  /** The container to be probed from now on; all others of the Task are not. */
  readonly probing?: Pick<ProbeTarget, 'containerId' | 'startedAtMs' | 'ip' | 'wasReady' | 'wasStarted'>;
  /** When to look again although nothing happens. */
  readonly requeueAfterMs?: number;
}
