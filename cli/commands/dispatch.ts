/** `gantry dispatch`: has a TaskTemplate's work done once, with parameters. */
import { isApiError } from '../../machinery/errors.ts';
import { taskTemplates } from '../../schemas/kinds.ts';
import { CommandError, type Io } from '../io.ts';
import { nameOfKind } from '../naming.ts';
import { type ParameterFlags, parametersFrom } from '../parameters.ts';
import { checkWaitFlags, type WaitForRunFlags, waitForRun } from '../runprogress.ts';
import { createRun, specOf } from '../runs.ts';
import type { Session } from '../session.ts';

export interface DispatchFlags extends ParameterFlags, WaitForRunFlags {
  readonly priority?: string;
  readonly idempotencyKey?: string;
}

/** @param words the template, and parameters as NAME=VALUE. Rejects with `ApiError` or `CommandError`; the latter also when it is waited for and fails. */
export async function runDispatch(
  words: readonly string[],
  flags: DispatchFlags,
  session: Session,
  io: Io,
): Promise<void> {
  checkWaitFlags(flags);
  const priority = priorityFrom(flags.priority);
  const isPair = (word: string): boolean => word.includes('=');
  const named = words.filter((word) => !isPair(word));
  const given = { ...flags, parameter: [...words.filter(isPair), ...(flags.parameter ?? [])] };
  const name = await nameOfKind(named, taskTemplates, 'fib', session);
  const parameters = await parametersFrom(given, () => schemaOf(name, session, io), io);
  const { idempotencyKey } = flags;
  const spec = specOf({ source: { templateRef: { name } }, parameters, priority, idempotencyKey });
  const run = await createRun(spec, `${name}-`, flags, session, io);
  await waitForRun(run, flags, session, io);
}

/** The JSON Schema that a template's parameters are typed by. */
export async function schemaOf(name: string, session: Session, io: Pick<Io, 'signal'>): Promise<unknown> {
  const key = { namespace: session.namespace, name };
  try {
    return (await session.client.get(taskTemplates, key, { signal: io.signal })).spec.parameters;
  } catch (error) {
    if (!isApiError(error, 'Forbidden')) throw error;
    throw new CommandError(
      `the types of -p are those of tasktemplate "${name}", which you may not read: give --parameters with JSON instead (${error.message})`,
      { cause: error },
    );
  }
}

export function priorityFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^-?\d{1,7}$/.test(text)) return Number(text);
  throw new CommandError(`--priority: found "${text}", wanted a whole number from -1000000 to 1000000`);
}
