/** `gantry cancel`: stops Runs; what runs of them ends with its grace period. */
import { runs } from '../../schemas/kinds.ts';
import type { Run } from '../../schemas/types.gen.ts';
import { changeObject } from '../changing.ts';
import { CommandError, type Io } from '../io.ts';
import { severalOfKind } from '../naming.ts';
import { isEnded } from '../runprogress.ts';
import { runName } from '../runs.ts';
import type { Session } from '../session.ts';

/** Those that can be cancelled are, whatever is said of the others. Rejects with `ApiError` or `CommandError`. */
export async function runCancel(words: readonly string[], session: Session, io: Io): Promise<void> {
  const problems: unknown[] = [];
  for (const name of await severalOfKind(words, runs, 'nightly-x7k2p', session)) {
    let said = 'cancelled';
    const decide = (run: Run): Record<string, unknown> | undefined => {
      if (isEnded(run)) {
        throw new CommandError(
          `run "${name}" has ended already (${run.status?.state ?? 'unknown'}): there is nothing to cancel`,
        );
      }
      said = run.spec.cancel === true ? 'is being cancelled already' : 'cancelled';
      return run.spec.cancel === true ? undefined : { spec: { cancel: true } };
    };
    try {
      await changeObject({ kind: runs, key: { namespace: session.namespace, name } }, decide, session, io);
      await io.stdout.write(`${runName(name)} ${said}\n`);
    } catch (error) {
      problems.push(error);
    }
  }
  if (problems.length > 0) throw problems.length === 1 ? problems[0] : new AggregateError(problems);
}
