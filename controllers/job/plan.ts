/**
 * What becomes of a Job's schedule, its dependencies and its runs. Pure: the same world, the same plan.
 *
 * Every decision is in the status, which is written with the version it was planned from. A settled Job plans nothing.
 */
import { timestamp } from '../../machinery/clock.ts';
import { type Condition, findCondition, setCondition } from '../../machinery/conditions.ts';
import { isSameJson } from '../../machinery/json.ts';
import { judgeUpstream, maxRunsOf, policyOf, type Upstream } from '../../schemas/jobrules.ts';
import { byEnd, isOf, jobsOwning, timeMs } from '../../schemas/runlives.ts';
import { parseSchedule, type Schedule, scheduleProblem } from '../../schemas/schedule.ts';
import type { Job, Run } from '../../schemas/types.gen.ts';
import { type Admission, fireName, planAdmission } from './planning/admission.ts';
import { type FirePlan, LATE_MS, planFires } from './planning/fires.ts';
import { planHistory } from './planning/history.ts';
import { refusals } from './planning/refusals.ts';
import { circleOf, dependencyKey, dependencyRunName } from './planning/upstream.ts';
import type { JobAction, JobNote, JobPlan, JobStatus, JobWorld, NewRun } from './types.ts';

export const SUSPENDED = 'Suspended';
export const VALID = 'Valid';

/** What only tells is written no oftener than this. */
const QUIET_MS = 1_000;
export function planJob(world: JobWorld): JobPlan {
  const { job, nowMs } = world;
  if (job.metadata.deletionTimestamp !== undefined) {
    return {
      kind: 'settle',
      status: job.status,
      actions: [],
      missed: 0,
      skipped: 0,
      lookAgainMs: undefined,
      notes: [],
    };
  }
  const notes: JobNote[] = [];
  const wish = wishOf(job);
  const problem =
    job.spec.schedule === undefined ? undefined : scheduleProblem(job.spec.schedule, job.spec.timeZone);
  const circle = circleOf(job, world.findJob);
  const judged = judgeConditions(world, problem, circle, notes);
  const scheduleSince = sinceOf(job, wish, nowMs);
  const sinceMs = [timeMs(job.metadata.creationTimestamp), timeMs(scheduleSince), judged.restedUntilMs];
  const schedule = problem === undefined ? scheduleOf(job) : undefined;
  const fires =
    schedule === undefined || judged.isResting
      ? undefined
      : planFires({ ...world, ...timesOf(job), schedule, sinceMs });
  notes.push(...(fires?.notes ?? []));

  const upstream = judgeUpstream(world);
  const key = judged.isResting || circle !== undefined ? undefined : newKey(job, upstream, sinceMs);
  const asked = [...scheduledRuns(world, fires), ...dependentRuns(job, key)];
  const admission = planAdmission({
    world,
    wanted: asked.filter(({ name }) => !world.unmade.has(name)),
    unmet: upstream.unmet,
  });
  if (admission.make.length > 0) return { kind: 'make', runs: admission.make };
  notes.push(...asked.flatMap((one) => unmadeNote(world, one)), ...admission.notes);

  const unclaimedMs = admission.unclaimed.flatMap(({ spec }) => timeMs(spec.scheduledTime) ?? []);
  // Its time has come and nobody wants it: from now on it is nobody's, and what was made for it goes.
  const status = nextStatus(job, {
    wish,
    scheduleSince: unclaimedMs.some((ms) => ms <= nowMs) ? timestamp(nowMs) : scheduleSince,
    fires,
    key,
    admission,
    conditions: judged.conditions,
  });
  const held = holdBack(world, status);
  return {
    kind: 'settle',
    status: held.status,
    actions: actionsOf(world, admission, upstream),
    missed: fires?.missed ?? 0,
    skipped: admission.skipped.filter(({ scheduledMs }) => scheduledMs !== undefined).length,
    lookAgainMs: soonest(
      fires?.nextMs === undefined ? undefined : fires.nextMs - nowMs,
      ...unclaimedMs.filter((ms) => ms > nowMs).map((ms) => ms - nowMs),
      held.lookAgainMs,
    ),
    notes,
  };
}

/** What makes it run by itself, as text: when it changes, what was before is nobody's. */
function wishOf({ spec }: Job): string | undefined {
  if (spec.schedule !== undefined) return `${spec.schedule} ${spec.timeZone ?? 'UTC'}`;
  if (spec.dependsOn === undefined || spec.dependsOn.length === 0) return undefined;
  const each = spec.dependsOn.map(({ job, condition = 'LastSuccess' }) => `${job} ${condition}`);
  return `after ${each.join(', ')}`;
}

function sinceOf(
  { metadata, status = {} }: Job,
  wish: string | undefined,
  nowMs: number,
): string | undefined {
  if (status.schedule === wish) return status.scheduleSince;
  // Never looked at: it has been so from its beginning.
  const isNew = status.observedGeneration === undefined && metadata.generation === 1;
  return isNew ? metadata.creationTimestamp : timestamp(nowMs);
}

function scheduleOf({ metadata, spec }: Job): Schedule | undefined {
  if (spec.schedule === undefined) return undefined;
  return parseSchedule(spec.schedule, spec.timeZone, timeMs(metadata.creationTimestamp) ?? 0);
}

function timesOf({ spec, status = {} }: Job): { spec: Job['spec']; lastScheduleMs: number | undefined } {
  return { spec, lastScheduleMs: timeMs(status.lastScheduleTime) };
}

interface Conditions {
  readonly conditions: readonly Condition[];
  readonly isResting: boolean;
  /** Since when it does not rest any more; undefined: it never has. */
  readonly restedUntilMs: number | undefined;
}

function judgeConditions(
  { job, isSchedulerSuspended, nowMs }: JobWorld,
  problem: string | undefined,
  circle: readonly string[] | undefined,
  notes: JobNote[],
): Conditions {
  const old = job.status?.conditions;
  const byItself = job.spec.schedule !== undefined || (job.spec.dependsOn ?? []).length > 0;
  const isResting = job.spec.suspend === true || (isSchedulerSuspended && byItself);
  const generation = job.metadata.generation;
  const about = generation === undefined ? {} : { observedGeneration: generation };
  let conditions: readonly Condition[] = old ?? [];
  const wasResting = findCondition(old, SUSPENDED)?.status === 'True';
  if (isResting || findCondition(old, SUSPENDED) !== undefined) {
    const [reason, message] =
      job.spec.suspend === true
        ? ['JobSuspended', 'spec.suspend is true: it does not run by itself']
        : isResting
          ? ['SchedulerSuspended', 'SchedulerSettings "default" says suspended: it does not run by itself']
          : ['Resumed', 'it runs by itself'];
    const status = isResting ? 'True' : 'False';
    conditions = setCondition(conditions, { type: SUSPENDED, status, reason, message, ...about }, nowMs);
    if (isResting !== wasResting) {
      const told = isResting ? SUSPENDED : 'Resumed';
      const action = isResting ? 'times of its schedule do not run' : 'its schedule counts from now';
      const decision = { inputs: { suspend: job.spec.suspend ?? false, reason }, verdict: told, action };
      notes.push({ type: 'Normal', reason: told, message, decision });
    }
  }
  const wrong =
    problem ?? (circle === undefined ? undefined : `jobs depend on each other: ${circle.join(' -> ')}`);
  const reason =
    problem !== undefined ? 'InvalidSchedule' : wrong !== undefined ? 'DependencyCircle' : 'Accepted';
  const message = wrong ?? 'it can run as it is written';
  const isNews = wrong !== undefined && findCondition(old, VALID)?.message !== message;
  if (isNews) {
    const { schedule, timeZone, dependsOn } = job.spec;
    const decision = {
      inputs: { schedule, timeZone, dependsOn },
      verdict: reason,
      action: 'it does not run',
    };
    notes.push({ type: 'Warning', reason, message, decision });
  }
  const status = wrong === undefined ? 'True' : 'False';
  conditions = setCondition(conditions, { type: VALID, status, reason, message, ...about }, nowMs);
  const suspended = findCondition(conditions, SUSPENDED);
  const restedUntilMs = suspended?.status === 'False' ? timeMs(suspended.lastTransitionTime) : undefined;
  return { conditions, isResting, restedUntilMs };
}

/** The key of what newly makes it run; undefined: nothing does. */
function newKey(
  job: Job,
  { unmet, runs }: Upstream,
  sinceMs: readonly (number | undefined)[],
): string | undefined {
  if (job.spec.schedule !== undefined || unmet.length > 0 || runs === undefined || runs.length === 0)
    return undefined;
  const newest = [...runs].sort(byEnd).at(-1);
  const endedMs = timeMs(newest?.status?.finishedAt) ?? 0;
  // What was true before it was there, or while it rested, makes nothing run.
  if (sinceMs.some((ms) => ms !== undefined && endedMs < ms)) return undefined;
  const key = dependencyKey(runs);
  return key === job.status?.lastDependencyKey ? undefined : key;
}

function scheduledRuns({ job, nowMs }: JobWorld, fires: FirePlan | undefined): readonly NewRun[] {
  return (fires?.due ?? []).map((scheduledMs) => ({
    name: fireName(job, scheduledMs),
    trigger: nowMs - scheduledMs > LATE_MS ? 'CatchUp' : 'Schedule',
    scheduledMs,
  }));
}

function dependentRuns(job: Job, key: string | undefined): readonly NewRun[] {
  return key === undefined ? [] : [{ name: dependencyRunName(job, key), trigger: 'Dependency' }];
}

interface Decided {
  readonly wish: string | undefined;
  readonly scheduleSince: string | undefined;
  readonly fires: FirePlan | undefined;
  readonly key: string | undefined;
  readonly admission: Admission;
  readonly conditions: readonly Condition[];
}

function nextStatus(job: Job, decided: Decided): JobStatus {
  const { wish, scheduleSince, fires, key, admission, conditions } = decided;
  const { status: old = {}, metadata } = job;
  const last = [...admission.ended].sort(byEnd).at(-1)?.status;
  const success = [...admission.ended]
    .sort(byEnd)
    .findLast(({ status }) => status?.state === 'completed')?.status;
  const next: { [K in keyof JobStatus]: JobStatus[K] | undefined } = {
    ...old,
    observedGeneration: metadata.generation,
    active: [...admission.active],
    waiting: admission.waiting.length === 0 ? undefined : [...admission.waiting],
    activeCount: admission.active.length,
    queued: admission.queued.length,
    lastScheduleTime:
      fires?.lastScheduleMs === undefined ? old.lastScheduleTime : timestamp(fires.lastScheduleMs),
    nextScheduleTime: fires?.nextMs === undefined ? undefined : timestamp(fires.nextMs),
    lastSuccessfulTime: success?.finishedAt ?? old.lastSuccessfulTime,
    lastRunTime: last?.finishedAt ?? old.lastRunTime,
    lastRunState: last?.state ?? old.lastRunState,
    lastDependencyKey: key ?? old.lastDependencyKey,
    schedule: wish,
    scheduleSince,
    conditions: [...conditions],
  };
  return withoutUndefined(next);
}

function withoutUndefined(status: { [K in keyof JobStatus]: JobStatus[K] | undefined }): JobStatus {
  return Object.fromEntries(Object.entries(status).filter(([, value]) => value !== undefined));
}

/** What only tells that runs have ended waits for a quiet moment: a Job of every second is written once a second. */
function holdBack(
  { job, sinceWriteMs }: JobWorld,
  next: JobStatus,
): { readonly status: JobStatus | undefined; readonly lookAgainMs: number | undefined } {
  const { status: old } = job;
  if (isSameJson(next, old)) return { status: old, lookAgainMs: undefined };
  if (old === undefined || sinceWriteMs === undefined || sinceWriteMs >= QUIET_MS) {
    return { status: next, lookAgainMs: undefined };
  }
  const before = new Set((old.active ?? []).map(({ uid }) => uid));
  const hasOnlyShrunk = (next.active ?? []).every(({ uid }) => before.has(uid));
  const { active, activeCount, lastSuccessfulTime, lastRunTime, lastRunState } = old;
  const told = { active, activeCount, lastSuccessfulTime, lastRunTime, lastRunState };
  const rest = withoutUndefined({ ...next, ...told });
  if (!hasOnlyShrunk || !isSameJson(rest, old)) return { status: next, lookAgainMs: undefined };
  return { status: old, lookAgainMs: QUIET_MS - sinceWriteMs };
}

function actionsOf(world: JobWorld, admission: Admission, upstream: Upstream): readonly JobAction[] {
  const { job, runs } = world;
  return [
    ...refusals(world, admission, upstream),
    ...admission.strays.map(
      (run): JobAction => ({
        kind: 'delete',
        run,
        reason: 'what it is for was dealt with already: it was made again by a server that did not know',
      }),
    ),
    ...admission.giveWay.map(
      (run): JobAction => ({
        kind: 'cancel',
        run,
        reason: `another run takes its place: concurrencyPolicy is ${policyOf(job)}, maxConcurrentRuns ${maxRunsOf(job)}`,
      }),
    ),
    ...runs
      .filter((run) => isOf(job, run) && isUnowned(run))
      .map((run): JobAction => ({ kind: 'adopt', run })),
    ...planHistory(world).map((removal): JobAction => ({ kind: 'delete', ...removal })),
  ];
}

function isUnowned(run: Run): boolean {
  return run.metadata.deletionTimestamp === undefined && jobsOwning(run).length === 0;
}

function unmadeNote({ unmade }: JobWorld, { name, trigger }: NewRun): readonly JobNote[] {
  const why = unmade.get(name);
  if (why === undefined) return [];
  const what = trigger === 'Dependency' ? 'its dependencies' : 'its schedule';
  return [
    {
      type: 'Warning',
      reason: 'FailedCreate',
      message: `a run for ${what} could not be made, and is left out: ${why}`,
      decision: { inputs: { run: name, trigger }, verdict: 'FailedCreate', action: 'no run is made' },
    },
  ];
}

function soonest(...delays: readonly (number | undefined)[]): number | undefined {
  const known = delays.filter((delayMs): delayMs is number => delayMs !== undefined);
  return known.length === 0 ? undefined : Math.max(1, Math.ceil(Math.min(...known)));
}
