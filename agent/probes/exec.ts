/** An exec probe: success when the command ends with 0; what it wrote is what a failure says, as the kubelet's does. */
import type { Clock } from '../../machinery/clock.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { type Answer, success } from './answer.ts';
import { type Command, runCommand } from './command.ts';

/** @param signal gives the question up. */
export async function askExec(
  deps: { readonly runtime: Runtime; readonly clock: Clock },
  question: Command & { readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<Answer> {
  const what = `command "${question.command.join(' ')}"`;
  const end = await runCommand(deps, question, signal);
  if (end.kind === 'unknown') return { kind: 'unknown', message: `${what}: ${end.message}` };
  if (end.kind === 'overdue') {
    const said = end.output === '' ? '' : `: ${end.output}`;
    return { kind: 'failure', message: `${what} timed out after ${question.timeoutMs / 1000}s${said}` };
  }
  if (end.exitCode === 0) return success;
  return { kind: 'failure', message: end.output === '' ? `${what} ended with ${end.exitCode}` : end.output };
}
