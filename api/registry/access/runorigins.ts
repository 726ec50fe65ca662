/**
 * Who may say of a Run that a schedule or another Job made it, and to which revision it is pinned: who writes the status
 * of Jobs and of Runs, which is their controllers. Whoever may create Runs could otherwise be the next time of a schedule,
 * with parameters of their own, or begin beside all that maxConcurrentRuns lets begin. And who may run another one again:
 * who may read that one, since the answer has its parameters; and who may have one wait for another: who may read that one, too. And whose job of the job runner it is: that is the job runner's
 * to say, since its callers' rights hang on it. Pure.
 */
import { doorIdentity, type Identity } from '../../../machinery/identity.ts';
import { readPath } from '../../../machinery/json.ts';
import { ANNOTATION_STARTED_BY } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import type { AccessRequest } from '../types.ts';

/** What a controller says, not a person. */
const MADE_BY_JOBS: ReadonlySet<unknown> = new Set(['Schedule', 'CatchUp', 'Dependency']);

/** The schema's bound: a longer list is refused as it is. */
const MOST_AWAITED = 100;

/** Who tells of a Run who started it. */
const JOB_RUNNER = doorIdentity('grpc').name;

/** @returns why a write is refused; undefined: nothing speaks against it. */
export function originRefusal(
  { name: writer }: Identity,
  isAllowed: (request: AccessRequest) => boolean,
  { group, resource, subresource, namespace }: AccessRequest,
  before: DynamicObject | undefined,
  after: DynamicObject,
): string | undefined {
  if (group !== runs.group || resource !== runs.plural || subresource !== undefined) return undefined;
  const starter = (run: DynamicObject | undefined): string | undefined =>
    run?.metadata.annotations?.[ANNOTATION_STARTED_BY];
  if (starter(before) !== starter(after) && writer !== JOB_RUNNER) {
    return `the annotation ${ANNOTATION_STARTED_BY} says whose job it is, and is for the job runner to write; ${before === undefined ? 'leave it out' : 'leave it as it is'}`;
  }
  const within = { group, ...(namespace === undefined ? {} : { namespace }) };
  const writesStatusOf = ({ plural }: { readonly plural: string }): boolean =>
    isAllowed({ ...within, verb: 'update', resource: plural, subresource: 'status' });
  const trigger = readPath(after, ['spec', 'trigger']);
  if (before === undefined && MADE_BY_JOBS.has(trigger) && !writesStatusOf(jobs)) {
    return `spec.trigger ${JSON.stringify(trigger)} is for the job controller to say, and needs the right to update jobs/status; leave it out, or write "Manual"`;
  }
  const again = before === undefined ? readPath(after, ['spec', 'rerunOf', 'name']) : undefined;
  if (typeof again === 'string' && !isAllowed({ ...within, verb: 'get', resource, name: again })) {
    return `spec.rerunOf needs the right to get run ${JSON.stringify(again)}, whose parameters the new one takes over`;
  }
  const awaited = before === undefined ? readPath(after, ['spec', 'dependsOn']) : undefined;
  for (const entry of Array.isArray(awaited) ? awaited.slice(0, MOST_AWAITED) : []) {
    const name = readPath(entry, ['name']);
    if (typeof name === 'string' && !isAllowed({ ...within, verb: 'get', resource, name }))
      return `spec.dependsOn needs the right to get run ${JSON.stringify(name)}, of whose end the new one tells`;
  }
  const isPinned = readPath(before, ['spec', 'revision']) !== undefined;
  if (!isPinned && readPath(after, ['spec', 'revision']) !== undefined && !writesStatusOf(runs)) {
    return 'spec.revision is for the run controller to say, and needs the right to update runs/status; leave it out';
  }
  return undefined;
}
