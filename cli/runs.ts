/** Making Runs, and reading the ones that are named. */
import { asObject } from '../client/http.ts';
import { resourcePath } from '../client/paths.ts';
import { isApiError } from '../machinery/errors.ts';
import { apiVersionOf } from '../machinery/meta.ts';
import { runs } from '../schemas/kinds.ts';
import type { Run } from '../schemas/types.gen.ts';
import { FIELD_MANAGER } from './changing.ts';
import { CommandError, type Io } from './io.ts';
import { tellingOutput, type WaitForRunFlags } from './runprogress.ts';
import type { Session } from './session.ts';

/** The longest name that a Run may have, without the five characters that the server adds. */
const LONGEST_PREFIX = 58;
const PARAMETERS = 'spec.parameters.';
/** The status of what is new; what is there already is answered with another. */
const CREATED = 201;

/** What a Run by hand asks for, whatever it is of. */
export interface AskedRun {
  /** `jobRef` or `templateRef`. */
  readonly source: Pick<Run['spec'], 'jobRef' | 'templateRef'>;
  readonly parameters: Record<string, unknown>;
  readonly priority: number | undefined;
  readonly idempotencyKey: string | undefined;
}

/** Without what was not asked for. */
export function specOf({ source, parameters, priority, idempotencyKey }: AskedRun): Run['spec'] {
  return {
    ...source,
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    ...(priority === undefined ? {} : { priority }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  };
}

/** Rejects with `ApiError`, and with `CommandError` that says of each parameter what is wrong with it. @param prefix of its name */
export async function createRun(
  spec: Run['spec'],
  prefix: string,
  flags: WaitForRunFlags,
  session: Session,
  io: Io,
): Promise<Run> {
  const run: Run = {
    apiVersion: apiVersionOf(runs),
    kind: runs.kind,
    metadata: { name: '', generateName: prefix.slice(-LONGEST_PREFIX), namespace: session.namespace },
    spec,
  };
  const path = resourcePath(runs, { namespace: session.namespace });
  let isNew = true;
  const answer = await session.client
    .json('POST', path, {
      query: { fieldManager: FIELD_MANAGER },
      body: run,
      signal: io.signal,
      onHeaders: (_headers, status) => {
        isNew = status === CREATED;
      },
    })
    .catch((error: unknown) => {
      throw byParameter(error);
    });
  const made = asObject(runs, answer, `POST ${path}`);
  const said = isNew ? 'created' : 'was created before, with the same idempotency key';
  await tellingOutput(flags, io).write(`${runName(made.metadata.name)} ${said}\n`);
  return made;
}

/** A line for each parameter, where nothing else is wrong; else the error as it came. */
function byParameter(error: unknown): unknown {
  if (!isApiError(error, 'Invalid')) return error;
  const lines = (error.details?.causes ?? []).map(({ field = '', message }) =>
    field.startsWith(PARAMETERS) ? `parameter "${field.slice(PARAMETERS.length)}": ${message}` : undefined,
  );
  const told = lines.filter((line) => line !== undefined);
  return told.length === 0 || told.length < lines.length ? error : new CommandError(told, { cause: error });
}

/** `run.gantry.dev/fib-x7k2p` */
export function runName(name: string): string {
  return `run.gantry.dev/${name}`;
}
