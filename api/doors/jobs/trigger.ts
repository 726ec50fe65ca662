/**
 * Making Runs: of a Job by hand, and the same again. Whether one may begin is judged before it is made, by the rules of the
 * Job controller, so that the answer tells; two that come at the same moment may both be let pass, and the one that finds
 * no place then is a Run that ends `failed` with the same reason.
 */
import type { Client } from '../../../machinery/client.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import { exceededText, judgeUpstream, mostOpenRunsOf } from '../../../schemas/jobrules.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import {
  DEPENDENCY_NOT_SATISFIED,
  hasBegun,
  hasEnded,
  isOf,
  isStopping,
  MAX_CONCURRENT_RUNS_EXCEEDED,
} from '../../../schemas/runlives.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';

export interface TriggerDeps {
  readonly client: Client;
  readonly namespace: string;
  readonly nowMs: number;
  readonly isScheduling: () => Promise<boolean>;
}

export interface Wish {
  readonly parameters: Record<string, unknown> | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Throws `ServiceUnavailable`, `Conflict` and `TooManyRequests` for what would not begin, `BadRequest` for parameters. */
export async function triggerJob(job: Job, wish: Wish, deps: TriggerDeps): Promise<Run> {
  await requireScheduling(deps);
  await requireRoom(job, wish, deps);
  return createRun(`${job.metadata.name}-`, { jobRef: { name: job.metadata.name } }, wish, deps);
}

/** As `triggerJob`; also `Conflict` for a Run that has not ended. */
export async function rerun(
  run: Run,
  fromTask: string | undefined,
  wish: Wish,
  deps: TriggerDeps,
): Promise<Run> {
  await requireScheduling(deps);
  const { name } = run.metadata;
  const { jobRef, templateRef, priority, ttlSecondsAfterFinished } = run.spec;
  if (!hasEnded(run)) {
    const state = run.status?.state ?? 'pending';
    throw new ApiError('Conflict', `run "${name}" is still ${state}: wait for its end, or cancel it`);
  }
  if (jobRef !== undefined) {
    const job = await deps.client.get(jobs, { namespace: deps.namespace, name: jobRef.name });
    await requireRoom(job, wish, deps);
  }
  // Of a Run of no Job there is one step only: from there on is the whole of it.
  const from = jobRef === undefined ? undefined : fromTask;
  if (jobRef === undefined) requireStep(run, fromTask);
  const again: Run['spec'] = {
    ...(jobRef === undefined ? {} : { jobRef }),
    ...(templateRef === undefined ? {} : { templateRef }),
    trigger: 'Rerun',
    rerunOf: { name, ...(from === undefined ? {} : { fromTask: from }) },
    ...(priority === undefined ? {} : { priority }),
    ...(ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished }),
  };
  return createRun(`${jobRef?.name ?? templateRef?.name ?? name}-`, again, wish, deps);
}

function requireStep({ metadata, status }: Run, fromTask: string | undefined): void {
  const names = (status?.tasks ?? []).map(({ name }) => name);
  if (fromTask === undefined || names.includes(fromTask)) return;
  const has = names.join(', ') || 'none';
  throw new ApiError(
    'BadRequest',
    `from_task: found "${fromTask}", but run "${metadata.name}" has no such task: it has ${has}`,
  );
}

async function requireScheduling({ isScheduling }: TriggerDeps): Promise<void> {
  if (await isScheduling()) return;
  throw new ApiError('ServiceUnavailable', 'the scheduler is not running: nothing would begin; try again');
}

async function requireRoom(job: Job, { idempotencyKey }: Wish, deps: TriggerDeps): Promise<void> {
  const { client, namespace, nowMs } = deps;
  const all = (await client.list(runs, { namespace })).items;
  const runsOf = (name: string): readonly Run[] => all.filter(({ spec }) => spec.jobRef?.name === name);
  const own = runsOf(job.metadata.name);
  // The same request again is answered by the Run it made, which may be the very one that takes the place.
  if (idempotencyKey !== undefined && own.some(({ spec }) => spec.idempotencyKey === idempotencyKey)) return;
  const upstream =
    (job.spec.dependsOn ?? []).length === 0 ? [] : (await client.list(jobs, { namespace })).items;
  const findJob = (name: string): Job | undefined => upstream.find(({ metadata }) => metadata.name === name);
  const { unmet } = judgeUpstream({ job, findJob, runsOf, nowMs });
  if (unmet.length > 0) throw new ApiError('Conflict', `${DEPENDENCY_NOT_SATISFIED}: ${unmet.join('; ')}`);
  const open = own.filter((run) => isOf(job, run) && !hasEnded(run) && (hasBegun(run) || !isStopping(run)));
  if (open.length < mostOpenRunsOf(job)) return;
  throw new ApiError('TooManyRequests', `${MAX_CONCURRENT_RUNS_EXCEEDED}: ${exceededText(job)}`);
}

/** The longest name that a Run may have, without the five characters that the server adds. */
const LONGEST_PREFIX = 58;
const PARAMETERS = 'spec.parameters.';

async function createRun(prefix: string, spec: Run['spec'], wish: Wish, deps: TriggerDeps): Promise<Run> {
  const { parameters, idempotencyKey } = wish;
  try {
    return await deps.client.create(runs, {
      apiVersion: apiVersionOf(runs),
      kind: runs.kind,
      metadata: { name: '', generateName: prefix.slice(-LONGEST_PREFIX), namespace: deps.namespace },
      spec: {
        ...spec,
        ...(parameters === undefined || Object.keys(parameters).length === 0 ? {} : { parameters }),
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      },
    });
  } catch (error) {
    throw byParameter(error);
  }
}

/** What is wrong, in the words of this API: clients know nothing of specs. */
function byParameter(error: unknown): unknown {
  if (!isApiError(error, 'Invalid')) return error;
  const causes = error.details?.causes ?? [];
  if (causes.length === 0) return error;
  const told = causes.map(({ field = '', message }) => {
    if (field.startsWith(PARAMETERS)) return `parameter "${field.slice(PARAMETERS.length)}": ${message}`;
    return `${FIELDS.get(field) ?? field}: ${message}`;
  });
  return new ApiError('BadRequest', told.join('; '), undefined, { cause: error });
}

const FIELDS: ReadonlyMap<string, string> = new Map([
  ['spec.parameters', 'parameters'],
  ['spec.idempotencyKey', 'Idempotency-Key'],
  ['spec.rerunOf.fromTask', 'from_task'],
  ['spec.rerunOf.name', 'run_id'],
]);
