/** What a TaskSet is planned from, and what the planner may ask for. */
import type { ControllerRevision, Task, TaskSet, Worker } from '../../schemas/types.gen.ts';
import type { Decision } from '../engine/event.ts';

export type Status = NonNullable<TaskSet['status']>;
export type Leaving = NonNullable<Status['leaving']>[number];

/** The revision that `spec.template`, and what is in the ConfigMaps and Secrets it uses, make. */
export interface UpdateRevision {
  /** The ControllerRevision's name. */
  readonly name: string;
  /** Its last part, the label `controller-revision-hash` of its tasks. */
  readonly hash: string;
}

export interface TaskSetWorld {
  readonly set: TaskSet;
  /** Tasks that it controls, and those of its namespace that match its selector and that nobody controls. */
  readonly tasks: readonly Task[];
  /** ControllerRevisions that it controls. */
  readonly revisions: readonly ControllerRevision[];
  /** Undefined while it cannot be told, because what it is made from could not be read: nothing new is begun then. */
  readonly update: UpdateRevision | undefined;
  /** All of them; looked at with mode Global only. */
  readonly workers: readonly Worker[];
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Names that creating found to belong to something that is not its: others are taken. */
  readonly taken?: ReadonlySet<string>;
  /**
   * How long this process has seen the stored `lastProgressTime` unchanged, by its monotonic clock: a wall clock that
   * jumped, or a control plane that was away, must not end a rollout. Absent: the wall clock is believed.
   */
  readonly watchedMs?: number;
  /**
   * How long this process has seen each uid in the stored `leaving`, by its monotonic clock: a status may have been
   * written long after it was planned, and wall clocks jump. Absent: `since` is believed.
   */
  readonly noticedMs?: ReadonlyMap<string, number>;
  /** uid -> version of Tasks whose deletion was refused as they were then: others go first. */
  readonly undeletable?: ReadonlyMap<string, string | undefined>;
  /**
   * How long this process has seen each Task Ready without a break, by its monotonic clock: a Task that has been so for
   * minReadySeconds is available, also where its worker's clock is ahead of ours. Absent: clocks are believed.
   */
  readonly readyMs?: ReadonlyMap<string, number>;
}

export type TaskSetAction =
  /** Makes the ControllerRevision of the update, with its snapshots; doing it twice is doing it once. */
  | { readonly kind: 'createRevision'; readonly revision: number }
  /** An old one is the newest again. */
  | { readonly kind: 'renumberRevision'; readonly name: string; readonly revision: number }
  | { readonly kind: 'deleteRevision'; readonly name: string; readonly reason: string }
  | {
      readonly kind: 'create';
      /** Follows from revision and ordinal alone, so that creating twice is creating once. */
      readonly name: string;
      /** The ControllerRevision it is made from. */
      readonly revision: string;
      /** With mode Global: the worker it is for. */
      readonly worker?: string;
      readonly reason: string;
    }
  /** Only of tasks that the STORED status has had in `leaving` for a second: who reads endpoints knew before. */
  | { readonly kind: 'delete'; readonly task: string; readonly uid: string; readonly reason: string }
  | { readonly kind: 'adopt'; readonly task: string; readonly uid: string }
  | { readonly kind: 'release'; readonly task: string; readonly uid: string };

export interface TaskSetNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly decision: Decision;
}

export interface TaskSetPlan {
  /** In this order; a failed one ends the pass. */
  readonly actions: readonly TaskSetAction[];
  /** The whole status as it should be now, the stored one itself when nothing changed. Written with the version it was read at. */
  readonly status: Status | undefined;
  /** Look again after this long at the latest. */
  readonly lookAgainMs: number | undefined;
  /** Whether there is more to do of a kind than one pass does: gone on with soon, unless it was refused. */
  readonly hasMore: { readonly creates: boolean; readonly deletes: boolean };
  /** Told once the status is written. */
  readonly notes: readonly TaskSetNote[];
}
