/** `gantry why`: why an object is as it is, or is not there any more. */
import { readWhy } from '../../client/why.ts';
import { CommandError, type Io } from '../io.ts';
import { documentPrinter } from '../printers.ts';
import { chooseFrom, keyIn } from '../selection.ts';
import type { Session } from '../session.ts';
import { whyText } from '../whytext.ts';

export interface WhyFlags {
  readonly output?: string;
  readonly limit?: string;
}

const EXAMPLE = 'for example "task/hello"';

/** Rejects with `ApiError` or `CommandError`. */
export async function runWhy(
  words: readonly string[],
  flags: WhyFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const { output, limit = '40' } = flags;
  if (output !== undefined && output !== 'json' && output !== 'yaml') {
    throw new CommandError(`--output: found "${output}", wanted json or yaml`);
  }
  if (!/^\d{1,4}$/.test(limit)) {
    throw new CommandError(`--limit: found "${limit}", wanted a number of entries, or 0 for all`);
  }
  const choices = chooseFrom(await session.kinds(), words);
  const [choice, another] = choices;
  const [name, second] = choice?.names ?? [];
  if (choice === undefined || name === undefined) {
    throw new CommandError(`name one object: found "${words.join(' ')}", wanted KIND/NAME, ${EXAMPLE}`);
  }
  if (another !== undefined || second !== undefined) {
    throw new CommandError(`one object at a time: found "${words.join(' ')}", wanted KIND/NAME, ${EXAMPLE}`);
  }
  const key = keyIn(choice.kind, session.namespace, name);
  const answer = await readWhy(session.client, choice.kind, key, io.signal);
  if (output !== undefined) return io.stdout.write((await documentPrinter(output))(answer));
  await io.stdout.write(whyText(answer, Number(limit)));
}
