/**
 * Pins a Run to what it runs: makes sure of the ControllerRevision, and writes its name into the Run. Made from a Job that
 * is no older than the Run (it knows the Run to be active), from TaskTemplates as they are now, or from an older Run.
 */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { type KubeObject, keyString, type ObjectKey, type Resource } from '../../../machinery/meta.ts';
import { childName } from '../../../machinery/names.ts';
import { controllerRevisions, jobs, runs, taskTemplates } from '../../../schemas/kinds.ts';
import type { ControllerRevision, Job, Run, TaskTemplate } from '../../../schemas/types.gen.ts';
import { BY_CONTROLLER } from '../../informers.ts';
import { newRevision, revisionHash } from '../../revisions/revision.ts';
import { planRerun } from '../planning/rerun.ts';
import { pinJob, pinTemplate, templatesOf } from '../planning/revision.ts';
import type { Pinned } from '../types.ts';
import type { Written } from './memory.ts';

export interface PinActs {
  readonly client: Client;
  readonly jobs: ObjectStore<Job>;
  readonly runs: ObjectStore<Run>;
  readonly revisions: ObjectStore<ControllerRevision>;
  readonly made: Written<ControllerRevision>;
  /** Told of a revision before a Run is pinned to it: it must not go now. */
  readonly keep: (key: string) => void;
}

export type Pinning =
  | { readonly kind: 'pinned'; readonly run: Run }
  /** The Job has not let it begin; its next change brings us back. */
  | { readonly kind: 'waits' }
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string };

const refused = (reason: string, message: string): Pinning => ({ kind: 'refused', reason, message });

export async function pinRun(acts: PinActs, run: Run, signal: AbortSignal): Promise<Pinning> {
  const { jobRef, templateRef, rerunOf } = run.spec;
  const job = jobRef === undefined ? undefined : acts.jobs.get(keyString(siblingOf(run, jobRef.name)));
  if (templateRef === undefined && !isLetBegin(run, job)) return { kind: 'waits' };
  if (rerunOf !== undefined) {
    const again = planRerun(run, await findEnded(acts, siblingOf(run, rerunOf.name), signal));
    if (again.kind === 'refused') return refused('InvalidRerun', again.message);
    if (again.revision !== undefined) return writePin(acts, run, again.revision, signal);
  }
  if (templateRef !== undefined) {
    const template = await find(acts.client, taskTemplates, siblingOf(run, templateRef.name), signal);
    if (template === undefined) {
      const message = `TaskTemplate "${templateRef.name}" does not exist; create it, then dispatch it again`;
      return refused('TemplateNotFound', message);
    }
    const owner = { resource: taskTemplates, object: template };
    return pinTo(acts, run, owner, pinTemplate(template), signal);
  }
  if (job === undefined) return { kind: 'waits' };
  const names = templatesOf(job);
  const found = await Promise.all(
    names.map((name) => find(acts.client, taskTemplates, siblingOf(run, name), signal)),
  );
  const templates = new Map(names.map((name, at): [string, TaskTemplate | undefined] => [name, found[at]]));
  const resolved = pinJob(job, (name) => templates.get(name));
  if (resolved.kind === 'refused') return refused(resolved.reason, resolved.message);
  return pinTo(acts, run, { resource: jobs, object: job }, resolved.pinned, signal);
}

/** What a Job has once counted among its active runs stays there until it has ended, so an old copy does no harm. */
function isLetBegin(run: Run, job: Job | undefined): boolean {
  return job?.status?.active?.some(({ uid }) => uid === run.metadata.uid) === true;
}

interface Owner {
  readonly resource: Resource<Job> | Resource<TaskTemplate>;
  readonly object: Job | TaskTemplate;
}

async function pinTo(
  acts: PinActs,
  run: Run,
  owner: Owner,
  pinned: Pinned,
  signal: AbortSignal,
): Promise<Pinning> {
  try {
    const revision = await ensureRevision(acts, owner, pinned, signal);
    if (revision === undefined) {
      const message = `two ControllerRevisions that belong to others have the names of this one of ${owner.resource.kind} "${owner.object.metadata.name}"; delete one, then run again`;
      return refused('RevisionConflict', message);
    }
    return await writePin(acts, run, revision, signal);
  } catch (error) {
    // Refused as it is: a graph with its templates may be larger than an object can be.
    if (isApiError(error, 'Invalid', 'Forbidden', 'RequestEntityTooLarge', 'BadRequest'))
      return refused(error.reason, error.message);
    throw error;
  }
}

async function writePin(acts: PinActs, run: Run, revision: string, signal: AbortSignal): Promise<Pinning> {
  acts.keep(keyString(siblingOf(run, revision)));
  const spec = { ...run.spec, revision };
  return { kind: 'pinned', run: await acts.client.update(runs, { ...run, spec }, { signal }) };
}

/** Its name; undefined where others have all the names it could have. */
async function ensureRevision(
  { client, revisions, made, keep }: PinActs,
  { resource, object }: Owner,
  pinned: Pinned,
  signal: AbortSignal,
): Promise<string | undefined> {
  const hash = revisionHash(pinned);
  const { name, uid = '' } = object.metadata;
  const siblings = revisions.byIndex(BY_CONTROLLER, uid);
  const newest = Math.max(0, ...siblings.map(({ revision }) => revision));
  const wanted = newRevision({
    resource,
    owner: object,
    hash,
    data: { ...pinned },
    revision: newest + 1,
  });
  for (const candidate of [wanted.metadata.name, childName([name, hash, uid.slice(0, 8)])]) {
    const key = siblingOf(object, candidate);
    keep(keyString(key));
    const known = revisions.get(keyString(key)) ?? made.get(keyString(key));
    if (known !== undefined && isControlled(known, uid)) {
      if (known.revision >= newest) return candidate;
      // What is run again is the newest again; and whoever was about to remove it has an old version now.
      if (await renumber(client, known, newest + 1, signal)) return candidate;
    }
    try {
      made.add(
        await client.create(
          controllerRevisions,
          { ...wanted, metadata: { ...wanted.metadata, name: candidate } },
          { signal },
        ),
      );
      return candidate;
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
    const found = await find(client, controllerRevisions, key, signal);
    if (found !== undefined && isControlled(found, uid)) return candidate;
  }
  return undefined;
}

/** False: it has just gone. */
async function renumber(
  client: Client,
  revision: ControllerRevision,
  number: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.update(controllerRevisions, { ...revision, revision: number }, { signal });
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

function isControlled({ metadata }: KubeObject, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true;
}

/** The copy may lag: a Run that is to have ended, or to be gone, is read live before it is believed. */
async function findEnded(acts: PinActs, key: ObjectKey, signal: AbortSignal): Promise<Run | undefined> {
  const copy = acts.runs.get(keyString(key));
  if (copy?.status?.finishedAt !== undefined) return copy;
  return find(acts.client, runs, key, signal);
}

/** Read live. */
export async function find<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await client.get(resource, key, { signal });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

export function siblingOf({ metadata: { namespace } }: KubeObject, name: string): ObjectKey {
  return namespace === undefined ? { name } : { namespace, name };
}
