/**
 * Who may say of a Run that a schedule or another Job made it, and to which revision it is pinned: who writes the status
 * of Jobs and of Runs, which is their controllers. Whoever may create Runs could otherwise be the next time of a schedule,
 * with parameters of their own, or begin beside all that maxConcurrentRuns lets begin. Pure.
 */
import { readPath } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import type { AccessRequest } from '../types.ts';

/** What a controller says, not a person. */
const MADE_BY_JOBS: ReadonlySet<unknown> = new Set(['Schedule', 'CatchUp', 'Dependency']);

/** @returns why a write is refused; undefined: nothing speaks against it. */
export function originRefusal(
  isAllowed: (request: AccessRequest) => boolean,
  { group, resource, subresource, namespace }: AccessRequest,
  before: DynamicObject | undefined,
  after: DynamicObject,
): string | undefined {
  if (group !== runs.group || resource !== runs.plural || subresource !== undefined) return undefined;
  const writesStatusOf = ({ plural }: { readonly plural: string }): boolean =>
    isAllowed({
      verb: 'update',
      group,
      resource: plural,
      subresource: 'status',
      ...(namespace === undefined ? {} : { namespace }),
    });
  const trigger = readPath(after, ['spec', 'trigger']);
  if (before === undefined && MADE_BY_JOBS.has(trigger) && !writesStatusOf(jobs)) {
    return `spec.trigger ${JSON.stringify(trigger)} is for the job controller to say, and needs the right to update jobs/status; leave it out, or write "Manual"`;
  }
  const isPinned = readPath(before, ['spec', 'revision']) !== undefined;
  if (!isPinned && readPath(after, ['spec', 'revision']) !== undefined && !writesStatusOf(runs)) {
    return 'spec.revision is for the run controller to say, and needs the right to update runs/status; leave it out';
  }
  return undefined;
}
