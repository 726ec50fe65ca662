/** `gantry trigger` and `gantry rerun`: a Run of a Job by hand, or the same again. */
import { isApiError } from '../../machinery/errors.ts';
import { jobs, runs } from '../../schemas/kinds.ts';
import type { Job, Run } from '../../schemas/types.gen.ts';
import { CommandError, type Io } from '../io.ts';
import { nameOfKind } from '../naming.ts';
import { type ParameterFlags, parametersFrom } from '../parameters.ts';
import { checkWaitFlags, isEnded, type WaitForRunFlags, waitForRun } from '../runprogress.ts';
import { createRun, specOf } from '../runs.ts';
import type { Session } from '../session.ts';
import { priorityFrom, schemaOf } from './dispatch.ts';

export interface TriggerFlags extends ParameterFlags, WaitForRunFlags {
  readonly priority?: string;
  readonly idempotencyKey?: string;
}

export interface RerunFlags extends ParameterFlags, WaitForRunFlags {
  /** The step from which on; absent: everything. */
  readonly from?: string;
}

/** Rejects with `ApiError` or `CommandError`; the latter also when it is waited for and fails. */
export async function runTrigger(
  words: readonly string[],
  flags: TriggerFlags,
  session: Session,
  io: Io,
): Promise<void> {
  checkWaitFlags(flags);
  const priority = priorityFrom(flags.priority);
  const name = await nameOfKind(words, jobs, 'nightly', session);
  const parameters = await parametersFrom(flags, () => jobSchema(name, session, io), io);
  const { idempotencyKey } = flags;
  const spec = specOf({ source: { jobRef: { name } }, parameters, priority, idempotencyKey });
  const run = await createRun(spec, `${name}-`, flags, session, io);
  await waitForRun(run, flags, session, io);
}

/** Rejects as `runTrigger` does. */
export async function runRerun(
  words: readonly string[],
  flags: RerunFlags,
  session: Session,
  io: Io,
): Promise<void> {
  checkWaitFlags(flags);
  const name = await nameOfKind(words, runs, 'nightly-x7k2p', session);
  const before = await session.client.get(
    runs,
    { namespace: session.namespace, name },
    { signal: io.signal },
  );
  const { jobRef, templateRef, parameters = {}, priority, ttlSecondsAfterFinished } = before.spec;
  if (!isEnded(before)) {
    throw new CommandError(
      `run "${name}" is still ${before.status?.state ?? 'pending'}: wait for its end, or end it with gantry cancel ${name}`,
    );
  }
  checkStep(before, flags.from);
  const schema = async (): Promise<unknown> => {
    if (templateRef !== undefined) return schemaOf(templateRef.name, session, io);
    return jobRef === undefined ? undefined : jobSchema(jobRef.name, session, io);
  };
  const changed = await parametersFrom(flags, schema, io);
  const all = { ...parameters, ...changed };
  const run = await createRun(
    {
      ...(jobRef === undefined ? {} : { jobRef }),
      ...(templateRef === undefined ? {} : { templateRef }),
      trigger: 'Rerun',
      rerunOf: { name, ...(flags.from === undefined ? {} : { fromTask: flags.from }) },
      ...(Object.keys(all).length === 0 ? {} : { parameters: all }),
      ...(priority === undefined ? {} : { priority }),
      ...(ttlSecondsAfterFinished === undefined ? {} : { ttlSecondsAfterFinished }),
    },
    `${jobRef?.name ?? templateRef?.name ?? name}-`,
    flags,
    session,
    io,
  );
  await waitForRun(run, flags, session, io);
}

function checkStep({ metadata, spec, status }: Run, from: string | undefined): void {
  if (from === undefined) return;
  if (spec.jobRef === undefined) {
    throw new CommandError(
      `--from: run "${metadata.name}" has one step only, that of its template: rerun all of it`,
    );
  }
  const names = (status?.tasks ?? []).map(({ name }) => name);
  if (names.length === 0 || names.includes(from)) return;
  throw new CommandError(
    `--from: run "${metadata.name}" has no step "${from}"; its steps are ${names.join(', ')}`,
  );
}

/** A Job's parameters in the form in which a template's are. */
async function jobSchema(name: string, session: Session, io: Pick<Io, 'signal'>): Promise<unknown> {
  let job: Job;
  try {
    job = await session.client.get(jobs, { namespace: session.namespace, name }, { signal: io.signal });
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
    throw new CommandError(
      `the types of -p are those of job "${name}", which you may not read: give --parameters with JSON instead (${error.message})`,
      { cause: error },
    );
  }
  const parameters = job.spec.parameters ?? [];
  return {
    type: 'object',
    properties: Object.fromEntries(
      parameters.map(({ name: parameter, type = 'string' }) => [parameter, { type }]),
    ),
  };
}
