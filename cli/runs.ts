/** Making Runs, and reading the ones that are named. */
import { apiVersionOf } from '../machinery/meta.ts';
import { runs } from '../schemas/kinds.ts';
import type { Run } from '../schemas/types.gen.ts';
import { FIELD_MANAGER } from './changing.ts';
import type { Io } from './io.ts';
import { tellingOutput, type WaitForRunFlags } from './runprogress.ts';
import type { Session } from './session.ts';

/** The longest name that a Run may have, without the five characters that the server adds. */
const LONGEST_PREFIX = 58;

/** Rejects with `ApiError`: the server says of each parameter what is wrong with it. @param prefix of its name */
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
  const made = await session.client.create(runs, run, { signal: io.signal, fieldManager: FIELD_MANAGER });
  await tellingOutput(flags, io).write(`${runName(made.metadata.name)} created\n`);
  return made;
}

/** `run.gantry.dev/fib-x7k2p` */
export function runName(name: string): string {
  return `run.gantry.dev/${name}`;
}
