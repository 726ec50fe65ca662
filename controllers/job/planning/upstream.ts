/**
 * What a Job depends on: whether it is so, by which runs, and whether Jobs wait for each other in a circle. Pure.
 *
 * Judged by the runs that are there; where there are none any more, by what the other Job's status remembers. What was
 * refused, or cancelled before it began, is no run in this sense.
 */
import { jsonHash } from '../../../machinery/json.ts';
import { childName } from '../../../machinery/names.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import type { JobWorld } from '../types.ts';
import { byEnd, hasEnded, isOf, timeMs, wasRefused } from './lives.ts';

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

export function judgeUpstream({ job, findJob, runsOf, nowMs }: JobWorld): Upstream {
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

/** Of its key, in characters. */
export const KEY_LENGTH = 10;

/** Which runs made all of it true: other runs, another key. */
export function dependencyKey(runs: readonly Run[]): string {
  return jsonHash(runs.map(({ metadata }) => metadata.uid ?? metadata.name)).slice(0, KEY_LENGTH);
}

export function dependencyRunName(job: Job, key: string): string {
  return childName([job.metadata.name, key]);
}

/** Of several hundred Jobs that depend on each other, the rest is not looked at. */
const MAX_VISITED = 1_000;

/** From the Job back to itself along `dependsOn`, the shortest way; undefined when no way leads back. */
export function circleOf(job: Job, findJob: JobWorld['findJob']): readonly string[] | undefined {
  const start = job.metadata.name;
  const cameFrom = new Map<string, string>();
  const queue = [job];
  for (let current = queue.shift(); current !== undefined; current = queue.shift()) {
    const from = current.metadata.name;
    for (const { job: name } of current.spec.dependsOn ?? []) {
      if (name === start) return [...wayTo(from, start, cameFrom), start];
      const next = findJob(name);
      if (next === undefined || cameFrom.has(name) || cameFrom.size >= MAX_VISITED) continue;
      cameFrom.set(name, from);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(end: string, start: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [end];
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    way.unshift(at);
  }
  return way;
}
