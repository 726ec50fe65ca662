/**
 * Whether a Run of a Job may begin: what the Job depends on, and how many of its Runs may be under way. The Job controller
 * decides by these rules; whoever wants to know beforehand asks them, too. Pure.
 *
 * Dependencies are judged by the Runs that are there; where there are none any more, by what the other Job's status
 * remembers. What was refused, or cancelled before it began, is no Run in this sense.
 */
import { byEnd, hasEnded, isOf, timeMs, wasRefused } from './runlives.ts';
import type { Job, Run } from './types.gen.ts';

/** Beyond this many that wait, more are refused. */
export const MAX_QUEUED = 100;
const MAX_ALLOWED = 1_000;

export type Policy = NonNullable<Job['spec']['concurrencyPolicy']>;

export function policyOf({ spec }: Job): Policy {
  return spec.concurrencyPolicy ?? 'Allow';
}

export function maxRunsOf(job: Job): number {
  return job.spec.maxConcurrentRuns ?? (policyOf(job) === 'Allow' ? MAX_ALLOWED : 1);
}

/** That there is no place, in words. */
export function fullText(job: Job): string {
  const max = maxRunsOf(job);
  const found = max === 1 ? 'a run of' : `${max} runs of`;
  return `${found} job "${job.metadata.name}" ${max === 1 ? 'is' : 'are'} under way, and maxConcurrentRuns is ${max}`;
}

/** Why a Run is refused: there is no place, and none to wait at. */
export function exceededText(job: Job): string {
  const policy = policyOf(job);
  const queue = policy === 'Queue' ? `, and ${MAX_QUEUED} wait already` : '';
  return `${fullText(job)}${queue} (concurrencyPolicy ${policy})`;
}

/** How many Runs may be there that have not ended; one more is refused. A Replace gives way to as many as come. */
export function mostOpenRunsOf(job: Job): number {
  const policy = policyOf(job);
  if (policy === 'Replace') return Number.POSITIVE_INFINITY;
  return maxRunsOf(job) + (policy === 'Queue' ? MAX_QUEUED : 0);
}

type Dependency = NonNullable<Job['spec']['dependsOn']>[number];

export interface Upstream {
  /** Empty: all of it is so. */
  readonly unmet: readonly string[];
  /** The runs by which it is so, in the order of `dependsOn`; undefined when it is not, or only by memory. */
  readonly runs: readonly Run[] | undefined;
}

type Judged =
  | { readonly kind: 'met'; readonly run: Run | undefined }
  | { readonly kind: 'unmet'; readonly why: string };

/** What it is judged from. */
export interface UpstreamWorld {
  readonly job: Job;
  /** Another Job of the namespace. */
  readonly findJob: (name: string) => Job | undefined;
  /** Runs of its name in the namespace. */
  readonly runsOf: (jobName: string) => readonly Run[];
  /** Wall time, milliseconds since the epoch. */
  readonly nowMs: number;
}

export function judgeUpstream({ job, findJob, runsOf, nowMs }: UpstreamWorld): Upstream {
  const judged = (job.spec.dependsOn ?? []).map((dependency): Judged => {
    const upstream = findJob(dependency.job);
    if (upstream === undefined) return { kind: 'unmet', why: `job "${dependency.job}" is not there` };
    const ended = endedOf(upstream, runsOf(dependency.job));
    return judge(dependency, upstream, ended, nowMs);
  });
  const runs = judged.flatMap((one) => (one.kind === 'met' && one.run !== undefined ? [one.run] : []));
  return {
    unmet: judged.flatMap((one) => (one.kind === 'unmet' ? [one.why] : [])),
    runs: runs.length === judged.length ? runs : undefined,
  };
}

/** Oldest end first. */
export function endedOf(job: Job, runs: readonly Run[]): readonly Run[] {
  return runs.filter((run) => isOf(job, run) && hasEnded(run) && !wasRefused(run)).sort(byEnd);
}

function judge(
  { condition = 'LastSuccess', windowSeconds = 0 }: Dependency,
  upstream: Job,
  ended: readonly Run[],
  nowMs: number,
): Judged {
  const job = `job "${upstream.metadata.name}"`;
  const { lastRunState, lastSuccessfulTime } = upstream.status ?? {};
  const last = ended.at(-1);
  const state = last === undefined ? lastRunState : last.status?.state;
  const met: Judged = { kind: 'met', run: last };
  if (condition === 'LastComplete') {
    return state === undefined ? { kind: 'unmet', why: `${job} has no run that has ended` } : met;
  }
  if (condition === 'LastSuccess') {
    if (state === undefined) return { kind: 'unmet', why: `${job} has no run that has ended` };
    const name = last === undefined ? '' : ` "${last.metadata.name}"`;
    return state === 'completed' ? met : { kind: 'unmet', why: `the last run${name} of ${job} is ${state}` };
  }
  const success = ended.findLast(({ status }) => status?.state === 'completed');
  const atText = success?.status?.finishedAt ?? lastSuccessfulTime;
  const atMs = timeMs(atText);
  if (atMs === undefined) return { kind: 'unmet', why: `${job} has no run that has completed` };
  if (nowMs - atMs <= windowSeconds * 1000) return { kind: 'met', run: success };
  return {
    kind: 'unmet',
    why: `${job} last completed at ${atText}, wanted within ${windowSeconds} seconds`,
  };
}
