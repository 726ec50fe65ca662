/** Which runs of a Job that have ended go: those beyond its history limits, the oldest first. Pure. */
import { ANNOTATION_PROTECT } from '../../../machinery/labels.ts';
import { endedOf } from '../../../schemas/jobrules.ts';
import { byEnd, hasEnded, isOf } from '../../../schemas/runlives.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import type { JobWorld } from '../types.ts';
import { isDealtWith, isMade } from './admission.ts';

const DEFAULT_LIMIT = 10;
/** In one pass; their going brings the next. */
const MAX_REMOVED = 100;

export interface Removal {
  readonly run: Run;
  readonly reason: string;
}

export function planHistory(world: JobWorld): readonly Removal[] {
  const { job, runs } = world;
  const { successfulRunsHistoryLimit: good = DEFAULT_LIMIT, failedRunsHistoryLimit: bad = DEFAULT_LIMIT } =
    job.spec;
  const needed = neededUids(world);
  const ended = runs.filter((run) => isOf(job, run) && hasEnded(run)).sort(byEnd);
  const completed = ended.filter(isCompleted);
  const others = ended.filter((run) => !isCompleted(run));
  return [
    ...completed
      .slice(0, Math.max(0, completed.length - good))
      .map((run) => ({ run, reason: `successfulRunsHistoryLimit is ${good}` })),
    ...others
      .slice(0, Math.max(0, others.length - bad))
      .map((run) => ({ run, reason: `failedRunsHistoryLimit is ${bad}` })),
  ]
    .filter(
      ({ run: { metadata } }) => !needed.has(metadata.uid ?? '') && metadata.deletionTimestamp === undefined,
    )
    .filter(({ run: { metadata } }) => metadata.annotations?.[ANNOTATION_PROTECT] !== 'true')
    .filter(({ run }) => !isMade(job, run) || run.spec.trigger === 'Dependency' || isDealtWith(job, run))
    .slice(0, MAX_REMOVED);
}

/**
 * Whose end the status has yet to take in, whose outputs another run takes over, whose end others wait for and have not
 * seen, and by which Jobs that depend on this one are judged. A run of a time that is not dealt with yet stays, too: its name is what keeps it from running again.
 */
function neededUids({ job, runs, hasDependents, awaited }: JobWorld): ReadonlySet<string> {
  const listed = [...(job.status?.active ?? []), ...(job.status?.waiting ?? [])].map(({ uid }) => uid);
  const rerun = new Set(runs.filter((run) => !hasEnded(run)).map(({ spec }) => spec.rerunOf?.name));
  const taken = runs
    .filter(({ metadata }) => rerun.has(metadata.name))
    .map(({ metadata }) => metadata.uid ?? '');
  const waitedFor = runs.filter(({ metadata }) => awaited.has(metadata.name));
  const ended = hasDependents ? endedOf(job, runs) : [];
  const judged = [ended.at(-1), ended.findLast(isCompleted)].flatMap((run) => run?.metadata.uid ?? []);
  return new Set([...listed, ...taken, ...waitedFor.map(({ metadata }) => metadata.uid ?? ''), ...judged]);
}

function isCompleted({ status }: Run): boolean {
  return status?.state === 'completed';
}
