/** Asking whoever sits at the terminal whether to go on. */
import { CommandError, type Io } from './io.ts';

/** Nobody answers with more. */
const MAX_ANSWER_BYTES = 1024;

/** False for every answer but yes. Rejects with `CommandError` where there is nobody to ask. */
export async function confirm(
  question: string,
  io: Pick<Io, 'stdin' | 'stderr' | 'isInteractive'>,
): Promise<boolean> {
  if (io.isInteractive !== true) {
    throw new CommandError(
      'nothing was changed: standard input is no terminal, so nobody can be asked; --yes goes on without asking',
    );
  }
  await io.stderr.write(`${question} [y/N] `);
  let answer = '';
  for await (const chunk of io.stdin) {
    answer += Buffer.from(chunk).toString('utf8');
    if (answer.includes('\n') || answer.length > MAX_ANSWER_BYTES) break;
  }
  return /^\s*y(es)?\s*$/i.test(answer.split('\n')[0] ?? '');
}
