/** An exec probe: success when the command ends with 0; what it wrote is what a failure says, as the kubelet's does. */
import { type Clock, sleep } from '../../machinery/clock.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { type Answer, success } from './answer.ts';
import { type Command, runCommand } from './command.ts';

/** The engine's, for a command that it could not start. */
const NOT_STARTED = /^OCI runtime exec failed/;
/** Which of these are the fault of the command: the others (the container is ending, no memory) say nothing of it. */
const ITS_OWN_FAULT = /executable file not found|no such file or directory|permission denied|is a directory/;

/** Ended by KILL, as every process is when its container ends. */
const KILLED = 137;
/** An engine may clean up for a while before it says that a container has ended. */
const ENDING_MS = 500;

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
  if (end.exitCode === KILLED) {
    const ended: Answer = { kind: 'unknown', message: `${what} ended with its container` };
    if (!(await isRunning(deps.runtime, question.containerId, signal))) return ended;
    await sleep(deps.clock, ENDING_MS, signal);
    if (!(await isRunning(deps.runtime, question.containerId, signal))) return ended;
  }
  return { kind: 'failure', message: end.output === '' ? `${what} ended with ${end.exitCode}` : end.output };
}

async function isRunning(runtime: Runtime, containerId: string, signal: AbortSignal): Promise<boolean> {
  try {
    return (await runtime.inspect(containerId, signal))?.state === 'running';
  } catch {
    // Nobody can say so: no ground to call it failed.
    return false;
  }
}
