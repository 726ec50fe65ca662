/**
 * Where a task goes, and why not elsewhere. Pure: the same task and the same candidates give the same answer.
 *
 * It never binds to a worker that a filter speaks against, so within its view no worker is ever overfilled; the
 * binding itself is checked again by the registry against what is true then.
 */
import type { Task } from '../../schemas/types.gen.ts';
import { demandOf, hasEnded, isLeaving } from './demand.ts';
import { type Ask, type Candidate, obstacle, type PlacementReason, untolerated } from './filters.ts';
import { DEFAULT_PROFILE, type Field, type ProfileName, profiles } from './profiles.ts';

export type Verdict =
  /** `avoided`: taints of effect PreferNoSchedule that the task does not tolerate; `rank`, `words`: the profile's score. */
  | {
      readonly worker: string;
      readonly fits: true;
      readonly isPrevious: boolean;
      readonly avoided: number;
      readonly rank: number;
      readonly words: string;
    }
  | {
      readonly worker: string;
      readonly fits: false;
      readonly reason: PlacementReason;
      readonly detail: string;
    };

/** Why nobody needs to place a task, or not yet. */
export type RestReason = 'Deleting' | 'Bound' | 'Stopped' | 'Ended' | 'Leaving';

export type Plan =
  | { readonly kind: 'nothing'; readonly reason: RestReason }
  | {
      readonly kind: 'bind';
      readonly worker: string;
      readonly epoch: number;
      readonly reason: string;
      readonly profile: ProfileName;
      readonly verdicts: readonly Verdict[];
    }
  | { readonly kind: 'unschedulable'; readonly message: string; readonly verdicts: readonly Verdict[] };

/** How workers that fit are compared. */
export interface Comparison {
  readonly profile: ProfileName;
  readonly lastWorker: string | undefined;
}

const BY_DEFAULT: Comparison = { profile: DEFAULT_PROFILE, lastWorker: undefined };

export function planSchedule(
  task: Task,
  candidates: readonly Candidate[],
  { profile, lastWorker }: Comparison = BY_DEFAULT,
): Plan {
  const rest = restReason(task);
  if (rest !== undefined) return { kind: 'nothing', reason: rest };
  const ask: Ask = { task, demand: demandOf(task) };
  const field: Field = { workers: candidates.length, lastWorker };
  const verdicts = [...candidates]
    .sort((a, b) => compareText(a.worker.metadata.name, b.worker.metadata.name))
    .map((candidate) => judge(ask, candidate, profile, field));
  const fitting = verdicts.filter((verdict) => verdict.fits).sort(compareFit);
  const best = fitting[0];
  if (best === undefined) return { kind: 'unschedulable', message: explainAll(verdicts), verdicts };
  return {
    kind: 'bind',
    worker: best.worker,
    epoch: (task.spec.bindingEpoch ?? 0) + 1,
    reason: explainChoice(best, fitting.length, profile, field),
    profile,
    verdicts,
  };
}

/** Undefined for a task that waits for a worker. */
export function restReason(task: Task): RestReason | undefined {
  if (task.spec.workerName !== undefined) return 'Bound';
  if (task.metadata.deletionTimestamp !== undefined) return 'Deleting';
  if (task.spec.desiredState === 'Stopped') return 'Stopped';
  if (hasEnded(task)) return 'Ended';
  return isLeaving(task) ? 'Leaving' : undefined;
}

/** Workers told of in full; of the rest the message gives counts, so that it stays readable and bounded. */
const TOLD_IN_FULL = 10;

function judge(ask: Ask, candidate: Candidate, profile: ProfileName, field: Field): Verdict {
  const worker = candidate.worker.metadata.name;
  const against = obstacle(ask, candidate);
  if (against !== undefined) {
    return { worker, fits: false, reason: against.reason, detail: against.explain(ask, candidate) };
  }
  return {
    worker,
    fits: true,
    isPrevious: ask.task.status?.workerName === worker,
    avoided: untolerated(ask.task, candidate.worker, 'PreferNoSchedule').length,
    ...profiles[profile].score(ask, candidate, field),
  };
}

type Fit = Extract<Verdict, { fits: true }>;

function compareFit(a: Fit, b: Fit): number {
  if (a.avoided !== b.avoided) return a.avoided - b.avoided;
  if (a.isPrevious !== b.isPrevious) return a.isPrevious ? -1 : 1;
  return a.rank - b.rank || compareText(a.worker, b.worker);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function explainChoice(best: Fit, fitting: number, profile: ProfileName, field: Field): string {
  if (best.isPrevious) return 'it ran there before';
  if (field.workers === 1) return 'the only worker';
  if (fitting === 1) return `the only one of ${field.workers} workers that fits`;
  const why = profiles[profile].explain(fitting, field);
  return profile === DEFAULT_PROFILE ? why : `${why} (profile ${profile})`;
}

function explainAll(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return '0/0 workers fit: no worker has joined yet';
  const against = verdicts.filter((verdict) => !verdict.fits);
  const told = against
    .slice(0, TOLD_IN_FULL)
    .map(({ worker, reason, detail }) => `${worker} ${reason} (${detail})`);
  const counts = new Map<PlacementReason, number>();
  for (const { reason } of against.slice(TOLD_IN_FULL)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  if (counts.size > 0) {
    const rest = [...counts].sort((a, b) => b[1] - a[1]).map(([reason, count]) => `${count} ${reason}`);
    told.push(`and ${against.length - TOLD_IN_FULL} more: ${rest.join(', ')}`);
  }
  return `0/${verdicts.length} workers fit: ${told.join('; ')}`;
}
