/**
 * What a caller may do: for each call nothing, with the jobs they started themselves, or with all. RBAC says which, in
 * the API group `jobs.gantry.dev`: the verbs start, stop, status and tail on `jobs` (all) or `jobs/own`.
 */
import { isApiError } from '../../../machinery/errors.ts';
import { ANNOTATION_STARTED_BY } from '../../../machinery/labels.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import type { AccessRequest, Registry, RequestContext } from '../../registry/types.ts';
import { CallError } from './errors.ts';

export type JobVerb = 'start' | 'stop' | 'status' | 'tail';
export type Reach = 'own' | 'all';

const GROUP = 'jobs.gantry.dev';
const RESOURCE = 'jobs';

/** Throws `Forbidden`. @param name of the job, where one is meant */
export function reachOf(
  registry: Pick<Registry, 'authorize'>,
  context: RequestContext,
  verb: JobVerb,
  at: { readonly namespace: string; readonly name?: string },
): Reach {
  const request: AccessRequest = { verb, group: GROUP, version: 'v1', resource: RESOURCE, ...at };
  try {
    registry.authorize(context, request);
    return 'all';
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
  }
  registry.authorize(context, { ...request, subresource: 'own' });
  return 'own';
}

/** Throws `PERMISSION_DENIED` where it is somebody else's job and the caller may only deal with their own. */
export function refuseOthers(reach: Reach, caller: string, verb: JobVerb, id: string, run: Run): void {
  if (reach === 'all' || run.metadata.annotations?.[ANNOTATION_STARTED_BY] === caller) return;
  throw new CallError(
    'PERMISSION_DENIED',
    `User ${JSON.stringify(caller)} may ${verb} only jobs that they started themselves, and job ${id} is somebody else's; that takes the verb "${verb}" on resource "${RESOURCE}" in API group "${GROUP}"`,
  );
}
