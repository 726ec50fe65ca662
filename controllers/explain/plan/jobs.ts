/** What becomes of Jobs, of their schedules and of Runs. Pure. */
import { timestamp } from '../../../machinery/clock.ts';
import { fieldChanges } from '../../../machinery/fieldchanges.ts';
import { type KubeObject, keyOf, keyString } from '../../../machinery/meta.ts';
import {
  jobs as jobKind,
  runs as runKind,
  schedulerSettings,
  taskTemplates,
} from '../../../schemas/kinds.ts';
import { parseSchedule, scheduleProblem } from '../../../schemas/schedule.ts';
import type { Job, Run, SchedulerSettings } from '../../../schemas/types.gen.ts';
import { asStored } from './cluster.ts';
import type { JobForecast, PlanFacts, PlannedChange } from './types.ts';

const FIELDS_TOLD = 6;

export function forecastJobs(facts: PlanFacts): readonly JobForecast[] {
  const isSuspended = isResting(facts);
  const changes = facts.changes.filter(({ after }) => after.kind === jobKind.kind);
  const changed = new Map(changes.map((change) => [keyString(keyOf(asStored(change, facts.nowMs))), change]));
  const own = [...changed].map(([key, change]) => {
    // The server has said that they are Jobs.
    const job = asStored(change, facts.nowMs) as Job;
    return forecastOf(key, job, messageOf(change.before as Job | undefined, job), isSuspended, facts);
  });
  const templates = facts.changes.filter(({ after }) => after.kind === taskTemplates.kind);
  const used = facts.jobs.flatMap((job) => {
    const key = keyString(keyOf(job));
    const names = templates
      .filter((change) => !changed.has(key) && isUsing(job, change, facts.nowMs))
      .map(({ after }) => after.metadata.name);
    if (names.length === 0) return [];
    const message = `runs from then on are made from TaskTemplate ${names.join(', ')} as it is then`;
    return [forecastOf(key, job, message, isSuspended, facts)];
  });
  const settings = facts.changes.some(({ after }) => after.kind === schedulerSettings.kind);
  const rest = !settings
    ? []
    : facts.jobs.flatMap((job) => {
        const key = keyString(keyOf(job));
        const isScheduled = job.spec.schedule !== undefined;
        const was = facts.settings?.spec?.suspended === true;
        if (changed.has(key) || !isScheduled || was === isSuspended) return [];
        const message = isSuspended
          ? 'SchedulerSettings are suspended: it does not run by itself'
          : 'SchedulerSettings are not suspended any more: it runs by itself';
        return [forecastOf(key, job, message, isSuspended, facts)];
      });
  return [...own, ...used, ...rest, ...runsOf(facts)];
}

function forecastOf(
  key: string,
  job: Job,
  message: string,
  isSuspended: boolean,
  { nowMs }: PlanFacts,
): JobForecast {
  const nextMs = isSuspended ? undefined : nextFireMs(job, nowMs);
  return {
    job: key,
    message,
    active: (job.status?.active ?? []).map(({ name }) => name),
    ...(nextMs === undefined ? {} : { nextFire: timestamp(nextMs) }),
  };
}

function messageOf(before: Job | undefined, after: Job): string {
  const { schedule, timeZone, suspend, dependsOn = [] } = after.spec;
  if (before === undefined) {
    if (suspend === true) return 'the Job is new, and suspended';
    if (schedule !== undefined) return `the Job is new; its schedule is ${schedule} ${timeZone ?? 'UTC'}`;
    if (dependsOn.length > 0)
      return `the Job is new; it runs after ${dependsOn.map(({ job }) => job).join(', ')}`;
    return 'the Job is new; it runs when it is triggered';
  }
  const fields = fieldChanges(before.spec, after.spec, 'spec').map(({ path }) => path);
  if (fields.length === 0) return 'nothing that its runs are made from changes';
  const shown = fields.slice(0, FIELDS_TOLD).join(', ');
  const more = fields.length > FIELDS_TOLD ? ` and ${fields.length - FIELDS_TOLD} more` : '';
  return `runs from then on differ in ${shown}${more}`;
}

function nextFireMs({ metadata, spec }: Job, nowMs: number): number | undefined {
  const { schedule, timeZone, suspend } = spec;
  if (schedule === undefined || suspend === true) return undefined;
  if (scheduleProblem(schedule, timeZone) !== undefined) return undefined;
  const anchorMs = Date.parse(metadata.creationTimestamp ?? '');
  return parseSchedule(schedule, timeZone, Number.isNaN(anchorMs) ? nowMs : anchorMs).next(nowMs);
}

function isUsing({ metadata, spec }: Job, change: PlannedChange, nowMs: number): boolean {
  const { namespace, name } = asStored(change, nowMs).metadata;
  return metadata.namespace === namespace && spec.tasks.some(({ templateRef }) => templateRef?.name === name);
}

/** As they would be. */
function isResting({ changes, settings }: PlanFacts): boolean {
  const after = changes.find((change) => change.after.kind === schedulerSettings.kind)?.after as
    | (KubeObject & SchedulerSettings)
    | undefined;
  return (after ?? settings)?.spec?.suspended === true;
}

/** A Run begins when it is there; its steps come one after another, from what its Job or template is then. */
function runsOf({ changes, nowMs }: PlanFacts): readonly JobForecast[] {
  return changes.flatMap((change) => {
    if (change.after.kind !== runKind.kind) return [];
    const run = asStored(change, nowMs) as Run;
    const { jobRef, templateRef, cancel } = run.spec;
    const what = jobRef === undefined ? `TaskTemplate ${templateRef?.name ?? ''}` : `Job ${jobRef.name}`;
    const message =
      cancel === true
        ? `run ${run.metadata.name} is cancelled: what runs of it is stopped`
        : `run ${run.metadata.name} of ${what} begins: a container for each step, as its turn comes`;
    const { namespace } = run.metadata;
    const name = jobRef?.name ?? run.metadata.name;
    const job = keyString({ name, ...(namespace === undefined ? {} : { namespace }) });
    return change.before === undefined || cancel === true ? [{ job, message, active: [] }] : [];
  });
}
