/**
 * Which runs of a Job begin, which wait, and which are refused or give way. Pure.
 *
 * It promises, with what the controller makes of it:
 * - a run begins only by being in `active`, which the status write that carries the version it was planned from puts it
 *   in: so there are never more than maxConcurrentRuns, however many plan;
 * - it leaves `active` only once it has ended or is certainly gone;
 * - a run that the schedule or a dependency made is taken note of in the same write that deals with its time or key. One
 *   that is not in the lists afterwards was made again by somebody who knew less, and goes without having begun.
 */
import { childName } from '../../../machinery/names.ts';
import { MAX_QUEUED, maxRunsOf, policyOf } from '../../../schemas/jobrules.ts';
import {
  awaitedRuns,
  byAge,
  hasBegun,
  hasEnded,
  isOf,
  isStopping,
  timeMs,
} from '../../../schemas/runlives.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import type { JobNote, JobStatus, JobWorld, NewRun, RunReference } from '../types.ts';
import { dependencyRunName, KEY_LENGTH } from './upstream.ts';

export interface AdmissionWorld {
  readonly world: JobWorld;
  /** What the schedule and the dependencies ask for now, oldest first; those that could not be made are left out. */
  readonly wanted: readonly NewRun[];
  /** Why nothing may begin that no dependency made; empty: it may. */
  readonly unmet: readonly string[];
}

export interface Admission {
  /** To be made before any of the rest holds. */
  readonly make: readonly NewRun[];
  readonly active: readonly RunReference[];
  readonly waiting: readonly RunReference[];
  readonly queued: readonly Run[];
  /** What does not begin, and has not. */
  readonly cancelled: readonly Run[];
  readonly unsatisfied: readonly Run[];
  readonly exceeding: readonly Run[];
  readonly replaced: readonly Run[];
  /** Made again. */
  readonly strays: readonly Run[];
  /** Made for a time that nobody wants now and that is not dealt with: it has yet to come again, or nobody came to note it. */
  readonly unclaimed: readonly Run[];
  /** Under way, and to give way to those that wait. */
  readonly giveWay: readonly Run[];
  /** Ended since the status was written. */
  readonly ended: readonly Run[];
  /** Asked for, and left out by the policy. */
  readonly skipped: readonly NewRun[];
  readonly notes: readonly JobNote[];
}

/** One that would begin if there is a place: a Run, or what is to be made into one. */
interface Applicant {
  readonly run: Run | undefined;
  readonly wanted: NewRun | undefined;
  readonly priority: number;
  readonly createdMs: number;
}

export function planAdmission({ world, wanted: asked, unmet }: AdmissionWorld): Admission {
  const { job, runs, nowMs } = world;
  const open = sortOpen(world, asked);
  // What is there and not open any more is not made again: it was made, and has begun or ended since.
  const there = new Set(
    runs.filter((run) => isOf(job, run) && isMade(job, run) && !open.made.includes(run)).map(purposeOf),
  );
  const wanted = asked.filter(({ name }) => !there.has(name));
  const max = maxRunsOf(job);
  const policy = policyOf(job);

  const isTriggered = (run: Run): boolean => run.spec.trigger === 'Dependency' && isMade(job, run);
  const gated = (run: Run): boolean => unmet.length > 0 && !isTriggered(run);
  const unsatisfied = open.pending.filter(gated);
  const free = open.pending.filter((run) => !gated(run)).sort(byAge);
  // Refused once it is there, so that it can be seen in the list of runs.
  const gatedWanted = unmet.length === 0 ? [] : wanted.filter(({ trigger }) => trigger !== 'Dependency');
  const known = new Map(open.made.map((run) => [purposeOf(run), run]));
  const applicants = [
    ...free.map((run): Applicant => ({ run, wanted: undefined, ...rankOf(job, run, nowMs) })),
    ...wanted
      .filter((one) => !gatedWanted.includes(one))
      .map((one): Applicant => {
        const run = known.get(one.name);
        return { run, wanted: one, priority: run?.spec.priority ?? 0, createdMs: one.scheduledMs ?? nowMs };
      }),
  ].sort((a, b) => (policy === 'Queue' ? b.priority - a.priority : 0) || a.createdMs - b.createdMs);

  const places = Math.max(0, max - open.active.length);
  // Replace: those that would have to give way as soon as they had begun do not begin at all.
  const passed = policy === 'Replace' ? applicants.splice(0, Math.max(0, applicants.length - max)) : [];
  const begin = applicants.slice(0, places);
  const rest = applicants.slice(places);
  const longest = policy === 'Queue' ? MAX_QUEUED : policy === 'Replace' ? max : 0;
  const wait = rest.slice(0, longest);
  const over = rest.slice(longest);

  const staying = [...begin, ...wait];
  const make = [
    ...staying.flatMap(({ run, wanted: one }) => (run === undefined && one !== undefined ? [one] : [])),
    ...gatedWanted.filter(({ name }) => !known.has(name)),
  ];
  const acknowledged = new Set([
    ...(job.status?.waiting ?? []).map(({ uid }) => uid),
    ...open.made.map(({ metadata }) => metadata.uid),
  ]);
  const begun = new Set(begin.flatMap(({ run }) => (run === undefined ? [] : [run.metadata.uid])));
  const gatedNew = gatedWanted.flatMap(({ name }) => known.get(name) ?? []);
  const newWaiting = [
    ...wait.flatMap(({ run }) => (run === undefined || !acknowledged.has(run.metadata.uid) ? [] : [run])),
    ...gatedNew,
  ].filter((run) => !open.waiting.some(({ uid }) => uid === run.metadata.uid));
  const queued = wait.flatMap(({ run }) => run ?? []);
  const skipped = [...over, ...passed].flatMap(({ wanted: one }) => one ?? []);
  return {
    make,
    active: [...open.active, ...begin.flatMap(({ run }) => (run === undefined ? [] : [referenceTo(run)]))],
    waiting: [...open.waiting.filter(({ uid }) => !begun.has(uid)), ...newWaiting.map(referenceTo)],
    queued,
    cancelled: open.cancelled,
    // What is not in the stored lists yet is dealt with once it is.
    unsatisfied,
    exceeding: over.flatMap(({ run, wanted: one }) => (run !== undefined && one === undefined ? [run] : [])),
    replaced: passed.flatMap(({ run, wanted: one }) => (run !== undefined && one === undefined ? [run] : [])),
    strays: open.strays,
    unclaimed: open.unclaimed,
    giveWay: policy === 'Replace' ? oldest(world, open.active, queued, wanted) : [],
    ended: (job.status?.active ?? []).flatMap(({ uid }) =>
      runs.filter((run) => run.metadata.uid === uid && hasEnded(run)),
    ),
    skipped,
    notes: skipped.map((one) => skippedNote(job, one)),
  };
}

interface Open {
  readonly active: readonly RunReference[];
  readonly waiting: readonly RunReference[];
  /** Neither begun nor ended, and nobody wants them to end. */
  readonly pending: readonly Run[];
  /** For what is wanted now, and not in the stored lists yet. */
  readonly made: readonly Run[];
  readonly cancelled: readonly Run[];
  readonly strays: readonly Run[];
  readonly unclaimed: readonly Run[];
}

function sortOpen({ job, runs, gone }: JobWorld, wanted: readonly NewRun[]): Open {
  const { status = {} } = job;
  const byUid = new Map(runs.map((run) => [run.metadata.uid, run]));
  const stays = ({ uid }: RunReference): boolean => {
    const run = byUid.get(uid);
    return !gone.has(uid) && (run === undefined || !hasEnded(run));
  };
  const active = (status.active ?? []).filter(stays);
  const waiting = (status.waiting ?? []).filter(stays);
  const listed = new Set(active.map(({ uid }) => uid));
  const noted = new Set(waiting.map(({ uid }) => uid));
  const names = new Set(wanted.map(({ name }) => name));
  const pending: Run[] = [];
  const made: Run[] = [];
  const cancelled: Run[] = [];
  const strays: Run[] = [];
  const unclaimed: Run[] = [];
  for (const run of runs) {
    const { uid = '', deletionTimestamp } = run.metadata;
    if (!isOf(job, run) || hasEnded(run) || listed.has(uid)) continue;
    // It has its place already, whatever became of the list, which may come from a backup.
    if (hasBegun(run)) active.push(referenceTo(run));
    else if (deletionTimestamp !== undefined) continue;
    else if (run.spec.cancel === true) cancelled.push(run);
    // It asks for a place once those that it waits for have completed.
    else if (awaitedRuns(run).length > 0) continue;
    else if (noted.has(uid) || !isMade(job, run)) pending.push(run);
    else if (names.has(purposeOf(run))) made.push(run);
    else if (isDealtWith(job, run)) strays.push(run);
    // Of a dependency, by somebody who did not get to note it: it is let run.
    else if (run.spec.trigger === 'Dependency') pending.push(run);
    else unclaimed.push(run);
  }
  return { active, waiting, pending, made, cancelled, strays, unclaimed };
}

/** By this controller, not by a person. */
export function isMade(job: Job, { metadata: { name }, spec }: Run): boolean {
  const { trigger } = spec;
  if (trigger === 'Dependency') return name === dependencyRunName(job, name.slice(-KEY_LENGTH));
  if (trigger !== 'Schedule' && trigger !== 'CatchUp') return false;
  const scheduledMs = timeMs(spec.scheduledTime);
  return name === fireName(job, scheduledMs) || name === otherFireName(job, scheduledMs);
}

export function fireName(job: Job, scheduledMs: number | undefined): string {
  return childName([job.metadata.name, Math.floor((scheduledMs ?? 0) / 1000)]);
}

/** For when somebody else has the first one. */
export function otherFireName(job: Job, scheduledMs: number | undefined): string {
  const { name, uid = '' } = job.metadata;
  return childName([
    name,
    Math.floor((scheduledMs ?? 0) / 1000),
    uid.replaceAll('-', '').slice(0, UID_LENGTH),
  ]);
}

const UID_LENGTH = 8;

/** The stored status says that whatever it is for is done with. */
export function isDealtWith(
  { metadata, status = {}, ...job }: Job,
  { metadata: { name }, spec }: Run,
): boolean {
  if (spec.trigger === 'Dependency') {
    const { lastDependencyKey: key } = status;
    return key !== undefined && name === dependencyRunName({ ...job, metadata }, key);
  }
  const scheduledMs = timeMs(spec.scheduledTime);
  return scheduledMs !== undefined && scheduledMs <= dealtWithMs(status);
}

function dealtWithMs({ lastScheduleTime, scheduleSince }: JobStatus): number {
  return Math.max(timeMs(lastScheduleTime) ?? -1, timeMs(scheduleSince) ?? -1);
}

/** A time that a person gave a run, or that it is run again for, makes it no older. */
function rankOf(
  job: Job,
  run: Run,
  nowMs: number,
): { readonly priority: number; readonly createdMs: number } {
  const scheduledMs = isMade(job, run) ? timeMs(run.spec.scheduledTime) : undefined;
  const createdMs = scheduledMs ?? timeMs(run.metadata.creationTimestamp) ?? nowMs;
  return { priority: run.spec.priority ?? 0, createdMs };
}

/** As many of those under way as there wait more than are stopping already, the oldest first. */
function oldest(
  { runs }: JobWorld,
  active: readonly RunReference[],
  queued: readonly Run[],
  wanted: readonly NewRun[],
): readonly Run[] {
  // Those whose waiting is not in the stored status yet have nobody stopped.
  const stored = queued.filter((run) => !wanted.some(({ name }) => name === purposeOf(run)));
  const byUid = new Map(runs.map((run) => [run.metadata.uid, run]));
  const found = active.flatMap(({ uid }) => byUid.get(uid) ?? []);
  const stopping = found.filter(isStopping);
  return found.filter((run) => !isStopping(run)).slice(0, Math.max(0, stored.length - stopping.length));
}

function skippedNote(job: Job, { scheduledMs, trigger }: NewRun): JobNote {
  const policy = policyOf(job);
  const max = maxRunsOf(job);
  const why =
    policy === 'Replace'
      ? 'later ones take its place'
      : policy === 'Queue'
        ? `${MAX_QUEUED} runs wait already`
        : `maxConcurrentRuns is ${max}, and as many are under way`;
  return {
    type: 'Warning',
    reason: 'MaxConcurrentRunsExceeded',
    message: `a run for its ${trigger === 'Dependency' ? 'dependencies' : 'schedule'} was left out: ${why} (concurrencyPolicy ${policy})`,
    decision: {
      inputs: { trigger, scheduledTime: scheduledMs, concurrencyPolicy: policy, maxConcurrentRuns: max },
      verdict: 'MaxConcurrentRunsExceeded',
      action: 'no run is made',
    },
  };
}

/** The name of what it was made for, whichever of its names it has. */
function purposeOf({ metadata, spec }: Run): string {
  const { jobRef, trigger, scheduledTime } = spec;
  if (jobRef === undefined || (trigger !== 'Schedule' && trigger !== 'CatchUp')) return metadata.name;
  return childName([jobRef.name, Math.floor((timeMs(scheduledTime) ?? 0) / 1000)]);
}

function referenceTo({ metadata: { name, uid = '' } }: Run): RunReference {
  return { name, uid };
}
