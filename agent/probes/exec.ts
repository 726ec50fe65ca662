/** An exec probe: success when the command ends with 0; what it wrote is what a failure says, as the kubelet's does. */
import type { Clock } from '../../machinery/clock.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { type Answer, success } from './answer.ts';
import { type Command, runCommand } from './command.ts';

/** The engine's, for a command that it could not start. */
const NOT_STARTED = /^OCI runtime exec failed/;
/** Which of these are the fault of the command: the others (the container is ending, no memory) say nothing of it. */
const ITS_OWN_FAULT = /executable file not found|no such file or directory|permission denied|is a directory/;

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
  if (NOT_STARTED.test(end.output) && !ITS_OWN_FAULT.test(end.output)) {
    return { kind: 'unknown', message: end.output };
  }
  return { kind: 'failure', message: end.output === '' ? `${what} ended with ${end.exitCode}` : end.output };
}
