/**
 * Job and Run objects as the jobs API tells of them. Pure.
 *
 * Keys are snake_case, times milliseconds since the epoch; what there is none of is null.
 */
import { ANNOTATION_JOB_ID } from '../../../machinery/labels.ts';
import { maxRunsOf } from '../../../schemas/jobrules.ts';
import { timeMs } from '../../../schemas/runlives.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';

export interface JobItem {
  readonly id: string;
  /** The object's. */
  readonly name: string;
  /** Whether it runs by itself when its time comes. */
  readonly enabled: boolean;
  /** Whether it has a schedule. */
  readonly scheduled: boolean;
  readonly task_count: number;
}

export interface JobDetails {
  readonly id: string;
  readonly name: string;
  readonly enabled: boolean;
  readonly schedule: string | null;
  readonly timezone: string | null;
  readonly max_concurrency: number;
  readonly tasks: readonly {
    readonly id: string;
    readonly name: string;
    readonly depends_on: readonly string[];
    readonly condition: Condition;
  }[];
  readonly next_run_at: number | null;
}

export interface RunItem {
  readonly id: string;
  /** Null of a Run that is of no Job but of a TaskTemplate. */
  readonly job_id: string | null;
  readonly status: RunState;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly duration_ms: number | null;
  readonly error: string | null;
}

export interface RunTask {
  readonly task_id: string;
  readonly run_id: string;
  readonly status: StepState;
  readonly attempts: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly duration_ms: number | null;
  readonly error: string | null;
}

type Condition = (typeof CONDITIONS)[keyof typeof CONDITIONS];
type RunStatus = NonNullable<Run['status']>;
type RunState = NonNullable<RunStatus['state']>;
type Step = NonNullable<RunStatus['tasks']>[number];
type StepState = NonNullable<RunStatus['tasks']>[number]['state'];

const CONDITIONS = {
  AllSuccess: 'all_success',
  OnFailure: 'on_failure',
  AllDone: 'all_done',
  Always: 'always',
} as const;

/** What clients of this API call a Job: what its annotation says, else its name. */
export function jobIdOf({ metadata }: Job): string {
  const said = metadata.annotations?.[ANNOTATION_JOB_ID] ?? '';
  return said === '' ? metadata.name : said;
}

export function jobItemOf(job: Job): JobItem {
  const { metadata, spec } = job;
  return {
    id: jobIdOf(job),
    name: metadata.name,
    enabled: spec.suspend !== true,
    scheduled: spec.schedule !== undefined,
    task_count: spec.tasks.length,
  };
}

export function jobDetailsOf(job: Job): JobDetails {
  const { metadata, spec, status } = job;
  return {
    id: jobIdOf(job),
    name: metadata.name,
    enabled: spec.suspend !== true,
    schedule: spec.schedule ?? null,
    timezone: spec.schedule === undefined ? null : (spec.timeZone ?? 'UTC'),
    max_concurrency: maxRunsOf(job),
    tasks: spec.tasks.map(({ name, dependsOn = [], condition = 'AllSuccess' }) => ({
      id: name,
      name,
      depends_on: dependsOn,
      condition: CONDITIONS[condition],
    })),
    next_run_at: timeMs(status?.nextScheduleTime) ?? null,
  };
}

/** @param job of which it is a Run; undefined where there is none, or none any more. */
export function runItemOf(run: Run, job: Job | undefined): RunItem {
  const { metadata, spec, status = {} } = run;
  const state = status.state ?? 'pending';
  return {
    id: metadata.name,
    job_id: job === undefined ? (spec.jobRef?.name ?? null) : jobIdOf(job),
    status: state,
    ...timesOf(status),
    error: isBad(state) ? sentenceOf(status) : null,
  };
}

/** Its steps. Of a Run that has not begun they are those of its Job, which have not either. */
export function runTasksOf(run: Run, job: Job | undefined): readonly RunTask[] {
  const { metadata, spec, status = {} } = run;
  const planned = job?.spec.tasks.map(({ name }) => name) ?? [spec.templateRef?.name ?? []].flat();
  const hasEnded = status.finishedAt !== undefined;
  const steps: readonly Step[] =
    status.tasks ??
    (hasEnded ? [] : planned.map((name) => ({ name, state: 'pending' as const, attempts: 0 })));
  return steps.map((step) => ({
    task_id: step.name,
    run_id: metadata.name,
    status: step.state,
    attempts: step.attempts ?? 0,
    ...timesOf(step),
    error: isBad(step.state) ? sentenceOf(step) : null,
  }));
}

/** The last to be made comes first; of those of one second, the last to begin, and those that have not before it. */
export function byNewest(a: Run, b: Run): number {
  const made = (run: Run): number => timeMs(run.metadata.creationTimestamp) ?? 0;
  const began = (run: Run): number => timeMs(run.status?.startedAt) ?? Number.MAX_SAFE_INTEGER;
  return made(b) - made(a) || began(b) - began(a) || (a.metadata.name < b.metadata.name ? 1 : -1);
}

function timesOf({ startedAt, finishedAt }: { readonly startedAt?: string; readonly finishedAt?: string }): {
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly duration_ms: number | null;
} {
  const startedMs = timeMs(startedAt) ?? null;
  const endedMs = timeMs(finishedAt) ?? null;
  const durationMs = startedMs === null || endedMs === null ? null : Math.max(0, endedMs - startedMs);
  return { started_at: startedMs, ended_at: endedMs, duration_ms: durationMs };
}

const BAD: ReadonlySet<StepState> = new Set(['failed', 'interrupted', 'cancelled']);

function isBad(state: StepState): boolean {
  return BAD.has(state);
}

/** `TaskFailed: step "build" failed with exit code 1` */
function sentenceOf({
  reason,
  message,
}: {
  readonly reason?: string;
  readonly message?: string;
}): string | null {
  const words = [reason, message].filter((word) => word !== undefined && word !== '');
  return words.length === 0 ? null : words.join(': ');
}
