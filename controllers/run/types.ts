/** What a Run is planned from, and what the planner may ask for. */
import type { Job, Run, Task } from '../../schemas/types.gen.ts';
import type { Decision } from '../engine/event.ts';

export type Status = NonNullable<Run['status']>;
export type StepStatus = NonNullable<Status['tasks']>[number];
export type StepState = StepStatus['state'];

type JobStep = Job['spec']['tasks'][number];
export type Template = NonNullable<JobStep['template']>;
export type Condition = NonNullable<JobStep['condition']>;
export type Variable = NonNullable<Task['spec']['env']>[number];

/** A step as the Run's revision has it: with everything that a TaskTemplate adds. */
export interface PinnedStep {
  readonly name: string;
  readonly template: Template;
  readonly dependsOn: readonly string[];
  readonly condition: Condition;
  readonly retries: {
    readonly limit: number;
    readonly backoffSeconds: number;
    readonly on: 'Always' | 'Transient' | 'Never';
  };
  readonly timeoutSeconds?: number;
  /** The TaskTemplate's. */
  readonly priority?: number;
  /** The parameters of the TaskTemplate it is made from; absent: the template's texts speak of the Run's. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** What a ControllerRevision of a Job or TaskTemplate holds. */
export interface Pinned {
  readonly tasks: readonly PinnedStep[];
  readonly env: readonly Variable[];
  readonly config: Readonly<Record<string, string>>;
}

/** Why a step's Task could not be created. */
export interface Refusal {
  /** `final`: the same Task would be refused again. `wait`: room may come. */
  readonly kind: 'final' | 'wait';
  readonly reason: string;
  /** The server's words. */
  readonly message: string;
  /** Milliseconds until it is tried again; 0 or less: now. */
  readonly leftMs: number;
  /** How often it has waited. */
  readonly waits?: number;
}

export interface RunWorld {
  /** As it is stored; pinned. */
  readonly run: Run;
  /** Undefined: its revision is gone. */
  readonly pinned: Pinned | undefined;
  /** Tasks that the Run controls, by name. */
  readonly tasks: ReadonlyMap<string, Task>;
  /** Names of Tasks that were read live, and are not there. */
  readonly absent: ReadonlySet<string>;
  /** By step. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** What a rerun takes over; looked at while the Run has no steps in its status. */
  readonly takenOver: readonly StepStatus[];
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Monotonic time since this process last wrote its status; absent: it has not, or long ago. */
  readonly sinceWriteMs?: number;
}

export interface CreateAction {
  readonly step: PinnedStep;
  readonly attempt: number;
}

export interface StopAction {
  /** Stopped in just this version: one that has ended meanwhile is left alone. */
  readonly task: Task;
  readonly reason: string;
}

export interface RunNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly decision: Decision;
}

export interface RunPlan {
  /** Tasks to read live first: the copy does not have them, and that they are gone decides something. Then plan again. */
  readonly lookups: readonly string[];
  /** In any order. */
  readonly creates: readonly CreateAction[];
  readonly stops: readonly StopAction[];
  /** The whole status of what is seen; the stored one itself when nothing changed. */
  readonly status: Status;
  /** A decision that no Task proves is acted upon only once it is stored: plan again after the write. */
  readonly goesOn: boolean;
  /** Look again after this long at the latest. */
  readonly lookAgainMs: number | undefined;
  /** Told once the status is written. */
  readonly notes: readonly RunNote[];
}
