/**
 * Where a task goes, and why not elsewhere. Pure: the same task and the same candidates give the same answer.
 *
 * It never binds to a worker that a filter speaks against, so within its view no worker is ever overfilled; the
 * binding itself is checked again by the registry against what is true then.
 */
import type { Task } from '../../schemas/types.gen.ts';
import { allocatableOf, demandOf, hasEnded, isLeaving } from './demand.ts';
import { type Ask, type Candidate, obstacle, type PlacementReason, untolerated } from './filters.ts';

export type Verdict =
  /** `avoided`: taints of effect PreferNoSchedule that the task does not tolerate. */
  | {
      readonly worker: string;
      readonly fits: true;
      readonly isPrevious: boolean;
      readonly avoided: number;
      readonly load: number;
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
      readonly verdicts: readonly Verdict[];
    }
  | { readonly kind: 'unschedulable'; readonly message: string; readonly verdicts: readonly Verdict[] };

export function planSchedule(task: Task, candidates: readonly Candidate[]): Plan {
  const rest = restReason(task);
  if (rest !== undefined) return { kind: 'nothing', reason: rest };
  const ask: Ask = { task, demand: demandOf(task) };
  const verdicts = [...candidates]
    .sort((a, b) => compareText(a.worker.metadata.name, b.worker.metadata.name))
    .map((candidate) => judge(ask, candidate));
  const fitting = verdicts.filter((verdict) => verdict.fits).sort(compareFit);
  const best = fitting[0];
  if (best === undefined) return { kind: 'unschedulable', message: explainAll(verdicts), verdicts };
  return {
    kind: 'bind',
    worker: best.worker,
    epoch: (task.spec.bindingEpoch ?? 0) + 1,
    reason: explainChoice(best, fitting.length, verdicts.length),
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

function judge(ask: Ask, candidate: Candidate): Verdict {
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
    load: loadAfter(ask, candidate),
  };
}

/** What every task counts at least when workers are compared, so that tasks that ask for nothing spread too. */
const LEAST_MILLI_CPU = 100;
const LEAST_MEMORY_BYTES = 200 * 2 ** 20;

/** The mean share of CPU and memory held once the task is there: 0 empty, 1 full (Kubernetes' LeastAllocated). */
function loadAfter({ demand }: Ask, candidate: Candidate): number {
  const room = allocatableOf(candidate.worker);
  const tasks = candidate.taskCount + 1;
  const share = (held: number, least: number, all: number): number =>
    all === 0 ? 1 : Math.max(held, least * tasks) / all;
  const cpu = share(candidate.milliCpu + demand.milliCpu, LEAST_MILLI_CPU, room.milliCpu);
  const memory = share(candidate.memoryBytes + demand.memoryBytes, LEAST_MEMORY_BYTES, room.memoryBytes);
  return Math.round(((cpu + memory) / 2) * 1e6) / 1e6;
}

type Fit = Extract<Verdict, { fits: true }>;

function compareFit(a: Fit, b: Fit): number {
  if (a.avoided !== b.avoided) return a.avoided - b.avoided;
  if (a.isPrevious !== b.isPrevious) return a.isPrevious ? -1 : 1;
  return a.load - b.load || compareText(a.worker, b.worker);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function explainChoice(best: Fit, fitting: number, all: number): string {
  if (best.isPrevious) return 'it ran there before';
  if (all === 1) return 'the only worker';
  if (fitting === 1) return `the only one of ${all} workers that fits`;
  return `the least allocated of ${fitting} workers that fit`;
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
