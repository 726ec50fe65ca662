/** Making Runs, and reading the ones that are named. */
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
  const options = { signal: io.signal, fieldManager: FIELD_MANAGER };
  const made = await session.client.create(runs, run, options).catch((error: unknown) => {
    throw byParameter(error);
  });
  await tellingOutput(flags, io).write(`${runName(made.metadata.name)} created\n`);
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
