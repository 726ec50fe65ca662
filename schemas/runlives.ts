/** What the life of a Run looks like to its Job, and to whoever asks about either. Pure. */
import { apiVersionOf } from '../machinery/meta.ts';
import { jobs } from './kinds.ts';
import type { Job, Run } from './types.gen.ts';

export const DEPENDENCY_NOT_SATISFIED = 'DependencyNotSatisfied';
export const WAITING_FOR_RUNS = 'WaitingForRuns';
export const MAX_CONCURRENT_RUNS_EXCEEDED = 'MaxConcurrentRunsExceeded';

/** Of this Job, not of an earlier one of its name that the collector has yet to clear up after. */
export function isOf(job: Job, run: Run): boolean {
  if (run.spec.jobRef?.name !== job.metadata.name) return false;
  const owners = jobsOwning(run);
  return owners.length === 0 || owners.includes(job.metadata.uid ?? '');
}

/** Uids of the Jobs that own it: one, unless somebody took it away or it is younger than that. */
export function jobsOwning({ metadata }: Run): readonly string[] {
  const apiVersion = apiVersionOf(jobs);
  return (metadata.ownerReferences ?? [])
    .filter((owner) => owner.kind === jobs.kind && owner.apiVersion === apiVersion)
    .map(({ uid }) => uid);
}

export function hasEnded({ status }: Run): boolean {
  return status?.finishedAt !== undefined;
}

/** The run controller has it in its hands. */
export function hasBegun({ spec, status }: Run): boolean {
  return spec.revision !== undefined || status?.startedAt !== undefined || status?.state === 'running';
}

/**
 * Names of the Runs that it cannot begin without and that it was not seen to have outlived yet. One that has ended, or
 * begun, waits for nothing; one that is to be cancelled waits for its end only.
 */
export function awaitedRuns({ spec, status = {} }: Run): readonly string[] {
  if (spec.dependsOn === undefined || status.finishedAt !== undefined || status.startedAt !== undefined)
    return [];
  const seen = new Set(
    (status.dependsOn ?? []).flatMap(({ name, completedAt }) => (completedAt === undefined ? [] : [name])),
  );
  return spec.dependsOn.flatMap(({ name }) => (seen.has(name) ? [] : [name]));
}

/** It ended without having begun: it says nothing of how the Job's runs go. */
export function wasRefused(run: Run): boolean {
  const { reason, state, startedAt } = run.status ?? {};
  if (reason === DEPENDENCY_NOT_SATISFIED || reason === MAX_CONCURRENT_RUNS_EXCEEDED) return true;
  return state === 'cancelled' && startedAt === undefined && run.spec.revision === undefined;
}

/** It is on its way to its end by somebody's wish. */
export function isStopping({ metadata, spec }: Run): boolean {
  return spec.cancel === true || metadata.deletionTimestamp !== undefined;
}

/** Milliseconds since the epoch; undefined where there is no time, or none that can be read. */
export function timeMs(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The last to end comes last. */
export function byEnd(a: Run, b: Run): number {
  return (timeMs(a.status?.finishedAt) ?? 0) - (timeMs(b.status?.finishedAt) ?? 0) || byAge(a, b);
}

/** The oldest comes first; those of one second in the order of their times and names. */
export function byAge(a: Run, b: Run): number {
  const created = (run: Run): number => timeMs(run.metadata.creationTimestamp) ?? 0;
  const scheduled = (run: Run): number => timeMs(run.spec.scheduledTime) ?? 0;
  return (
    created(a) - created(b) || scheduled(a) - scheduled(b) || (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}
