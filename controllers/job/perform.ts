/** Does what a Job's plan says: makes runs, writes the status, and then acts on runs that are there. */
import { timestamp } from '../../machinery/clock.ts';
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { LABEL_JOB } from '../../machinery/labels.ts';
import { apiVersionOf, keyOf } from '../../machinery/meta.ts';
import { jobs, runs } from '../../schemas/kinds.ts';
import { isOf } from '../../schemas/runlives.ts';
import type { Job, Run } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { controllerReference } from '../revisions/revision.ts';
import { isMade, otherFireName } from './planning/admission.ts';
import type { JobAction, JobStatus, NewRun } from './types.ts';

export type Made =
  | {
      readonly kind: 'made';
      readonly run: Run;
      /** False: an earlier try had made it, whose plan came to no status. */
      readonly isNew: boolean;
    }
  /** Trying again would end the same way. */
  | { readonly kind: 'refused'; readonly why: string };

/** The Run as it is stored, by whichever server it was made. Where somebody else has its name, it gets another. */
export async function performMake(
  context: ControllerContext,
  job: Job,
  wanted: NewRun,
  signal: AbortSignal,
): Promise<Made> {
  const { name, scheduledMs } = wanted;
  const names = scheduledMs === undefined ? [name] : [name, otherFireName(job, scheduledMs)];
  for (const candidate of names) {
    const made = await make(context, job, newRun(job, { ...wanted, name: candidate }), signal);
    if (made !== undefined) return made;
  }
  const why = `there are runs already that were made by somebody else: ${names.join(', ')}`;
  return { kind: 'refused', why };
}

/** Undefined: somebody else has its name. */
async function make(
  { client, log }: ControllerContext,
  job: Job,
  manifest: Run,
  signal: AbortSignal,
): Promise<Made | undefined> {
  const { metadata, spec } = manifest;
  try {
    const run = await client.create(runs, manifest, { signal });
    log.info({ job: job.metadata.name, run: metadata.name, trigger: spec.trigger }, 'a run was made');
    return { kind: 'made', run, isNew: true };
  } catch (error) {
    if (isApiError(error, 'AlreadyExists')) return existing(client, job, manifest, signal);
    if (isApiError(error, 'Invalid', 'Forbidden', 'BadRequest'))
      return { kind: 'refused', why: messageOf(error) };
    throw error;
  }
}

async function existing(
  client: ControllerContext['client'],
  job: Job,
  manifest: Run,
  signal: AbortSignal,
): Promise<Made | undefined> {
  // Gone again in the meantime: the next pass makes it, or not.
  const run = await client.get(runs, keyOf(manifest), { signal });
  const isOurs =
    isOf(job, run) &&
    isMade(job, run) &&
    isUnderSameTime(run, manifest) &&
    run.metadata.ownerReferences?.some(({ uid }) => uid === job.metadata.uid) === true;
  return isOurs ? { kind: 'made', run, isNew: false } : undefined;
}

function isUnderSameTime(a: Run, b: Run): boolean {
  const { scheduledTime: first = '' } = a.spec;
  const { scheduledTime: second = '' } = b.spec;
  return first === second || Date.parse(first) === Date.parse(second);
}

function newRun(job: Job, { name, trigger, scheduledMs }: NewRun): Run {
  const { namespace } = job.metadata;
  return {
    apiVersion: apiVersionOf(runs),
    kind: runs.kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [LABEL_JOB]: job.metadata.name },
      ownerReferences: [controllerReference(jobs, job)],
    },
    spec: {
      jobRef: { name: job.metadata.name },
      trigger,
      ...(scheduledMs === undefined ? {} : { scheduledTime: timestamp(scheduledMs) }),
    },
  };
}

/** The Job as it is stored afterwards; undefined: it is gone. */
export async function performStatus(
  { client }: ControllerContext,
  job: Job,
  status: JobStatus,
  signal: AbortSignal,
): Promise<Job | undefined> {
  try {
    return await client.update(jobs, { ...job, status }, { subresource: 'status', signal });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

export async function performAction(
  context: ControllerContext,
  job: Job,
  action: JobAction,
  signal: AbortSignal,
): Promise<void> {
  const { client, recorder, log } = context;
  const { run } = action;
  const told = { job: job.metadata.name, run: run.metadata.name };
  try {
    switch (action.kind) {
      case 'tell':
        await client.update(runs, { ...run, status: action.status }, { subresource: 'status', signal });
        if (action.note !== undefined) recorder.record({ object: run, ...action.note });
        return;
      case 'cancel': {
        await client.update(runs, { ...run, spec: { ...run.spec, cancel: true } }, { signal });
        log.info(told, `a run is cancelled: ${action.reason}`);
        const inputs = { run: run.metadata.name, createdAt: run.metadata.creationTimestamp };
        const decision = { inputs, verdict: 'Replaced', action: 'the run is cancelled' };
        const event = { type: 'Normal', reason: 'Replaced', message: action.reason, decision } as const;
        recorder.record({ object: run, ...event });
        return;
      }
      case 'adopt':
        await client.update(runs, adopted(job, run), { signal });
        return;
      case 'delete': {
        const { uid, resourceVersion } = run.metadata;
        const preconditions = {
          ...(uid === undefined ? {} : { uid }),
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        };
        await client.delete(runs, keyOf(run), { preconditions, propagationPolicy: 'Background', signal });
        log.info(told, `a run was removed: ${action.reason}`);
        return;
      }
    }
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

/** One owner controls: where another does already, the Job only owns. */
function adopted(job: Job, run: Run): Run {
  const { labels, ownerReferences = [], ...metadata } = run.metadata;
  const { controller: _, ...owner } = controllerReference(jobs, job);
  const isControlled = ownerReferences.some(({ controller }) => controller === true);
  return {
    ...run,
    metadata: {
      ...metadata,
      labels: { ...labels, [LABEL_JOB]: job.metadata.name },
      ownerReferences: [...ownerReferences, isControlled ? owner : controllerReference(jobs, job)],
    },
  };
}
