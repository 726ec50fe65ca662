/** What a Job is planned from, and what the planner may ask for. */
import type { Job, Run } from '../../schemas/types.gen.ts';
import type { Decision } from '../engine/event.ts';

export type JobStatus = NonNullable<Job['status']>;
export type RunStatus = NonNullable<Run['status']>;
export type RunReference = NonNullable<JobStatus['active']>[number];

export interface JobWorld {
  readonly job: Job;
  /** Those of its name in its namespace, and those that its status tells of, read live where the copy has them not. */
  readonly runs: readonly Run[];
  /** Uids that its status tells of and that are certainly gone. */
  readonly gone: ReadonlySet<string>;
  /** Another Job of the namespace. */
  readonly findJob: (name: string) => Job | undefined;
  /** Runs of its name in the namespace. */
  readonly runsOf: (jobName: string) => readonly Run[];
  /** Other Jobs depend on it. */
  readonly hasDependents: boolean;
  /** Names of its runs for whose end other runs wait that have not seen it. */
  readonly awaited: ReadonlySet<string>;
  /** Every schedule of the cluster rests. */
  readonly isSchedulerSuspended: boolean;
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
  /** Monotonic time since just before the wall clock was last set ahead; undefined: not seen to have been. */
  readonly sinceJumpMs: number | undefined;
  /** Monotonic time since this process last wrote the status; undefined: it has not. */
  readonly sinceWriteMs: number | undefined;
  /** Names of runs that could not be made in this pass, and why. */
  readonly unmade: ReadonlyMap<string, string>;
}

export interface NewRun {
  /** Follows from what it is for, so that making it twice is making it once. */
  readonly name: string;
  readonly trigger: 'Schedule' | 'CatchUp' | 'Dependency';
  /** Milliseconds since the epoch. */
  readonly scheduledMs?: number;
}

/** Each carries the version of the Run that it was decided from. */
export type JobAction =
  /** A Run that has not begun gets this status: refused, cancelled, or told what it waits for. */
  | { readonly kind: 'tell'; readonly run: Run; readonly status: RunStatus; readonly note?: JobNote }
  /** Sets `spec.cancel`. */
  | { readonly kind: 'cancel'; readonly run: Run; readonly reason: string }
  | { readonly kind: 'delete'; readonly run: Run; readonly reason: string }
  /** Makes the Job its owner. */
  | { readonly kind: 'adopt'; readonly run: Run };

export interface JobNote {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly decision: Decision;
}

export type JobPlan =
  /** Makes these, and is planned again with them: what becomes of them is for the status to say. */
  | { readonly kind: 'make'; readonly runs: readonly NewRun[] }
  | {
      readonly kind: 'settle';
      /**
       * The whole status as it should be, the stored one itself when it need not be written. Written first, with the
       * version it was read at: only a plan made from what is so goes on to its actions.
       */
      readonly status: JobStatus | undefined;
      readonly actions: readonly JobAction[];
      /** Times of its schedule that the status now says are past and do not run. */
      readonly missed: number;
      /** Those that its concurrencyPolicy leaves out. */
      readonly skipped: number;
      /** Look again after this long at the latest. */
      readonly lookAgainMs: number | undefined;
      /** Told once the status is written. */
      readonly notes: readonly JobNote[];
    };
