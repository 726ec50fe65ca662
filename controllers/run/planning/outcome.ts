/** What becomes of a Run as a whole, from its steps; and the bound of what its status keeps of their outputs. */
import type { Run, Task } from '../../../schemas/types.gen.ts';
import type { PinnedStep, Status, StepStatus } from '../types.ts';
import { isEnd } from './conditions.ts';

type Outcome = Pick<Status, 'state' | 'reason' | 'message'>;

/** Undefined while a step goes on or is still to come. */
export function outcomeOf(
  entries: readonly StepStatus[],
  steps: readonly PinnedStep[],
  isCancelled: boolean,
): Outcome | undefined {
  if (entries.length === 0) return withoutSteps(isCancelled);
  if (!entries.every(({ state }) => isEnd(state))) return undefined;
  const inState = (state: StepStatus['state']): readonly StepStatus[] =>
    entries.filter((entry) => entry.state === state);
  if (isCancelled && inState('cancelled').length > 0) {
    return { state: 'cancelled', reason: 'Cancelled', message: `cancelled: ${counted(entries)}` };
  }
  const failed = inState('failed').toSorted(byEnd)[0];
  if (failed !== undefined) return failureOf(failed, steps);
  const interrupted = inState('interrupted').toSorted(byEnd)[0];
  if (interrupted !== undefined) {
    const { reason, message } = interrupted;
    return {
      state: 'interrupted',
      reason: reason ?? 'Interrupted',
      message: `step "${interrupted.name}": ${message ?? 'it was interrupted'}`,
    };
  }
  return { state: 'completed', reason: 'Completed', message: counted(entries) };
}

/** Its revision went before anybody read of its steps: nothing was done, so nothing has completed. */
function withoutSteps(isCancelled: boolean): Outcome {
  if (isCancelled)
    return { state: 'cancelled', reason: 'Cancelled', message: 'cancelled before a step began' };
  const message = 'the ControllerRevision that holds its steps is gone, or holds none; no step began';
  return { state: 'interrupted', reason: 'RevisionMissing', message };
}

function failureOf(
  { name, attempts = 0, reason, message }: StepStatus,
  steps: readonly PinnedStep[],
): Outcome {
  const limit = steps.find((step) => step.name === name)?.retries.limit ?? 0;
  const words = [reason, message].filter((word) => word !== undefined && word !== '').join(', ');
  const isUsedUp = limit > 0 && attempts > limit;
  const tried = isUsedUp ? ` after ${attempts} tries, as many as its retries allow` : '';
  return {
    state: 'failed',
    reason: isUsedUp ? 'BackoffLimitExceeded' : 'TaskFailed',
    message: `step "${name}" failed${tried}: ${words}`,
  };
}

/** `3 completed, 1 skipped`. */
function counted(entries: readonly StepStatus[]): string {
  const counts = new Map<string, number>();
  for (const { state } of entries) counts.set(state, (counts.get(state) ?? 0) + 1);
  const told = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  return `steps: ${told === '' ? 'none' : told}`;
}

function byEnd(a: StepStatus, b: StepStatus): number {
  return Date.parse(a.finishedAt ?? '') - Date.parse(b.finishedAt ?? '') || 0;
}

/** An object is at most 1 MiB; its steps' names, states and messages need at most so much of it. */
const ROOM_BYTES = 1024 * 1024 - 360 * 1024;
const MOST_OUTPUT_BYTES = 384 * 1024;

/** Gives entries the outputs of the Tasks that have just ended, as long as there is room for them in the Run. */
export function withOutputs(
  run: Run,
  entries: readonly StepStatus[],
  ended: ReadonlyMap<string, Task>,
): readonly StepStatus[] {
  const hasNews = [...ended.values()].some((task) => task.status?.result?.outputs !== undefined);
  if (!hasNews) return entries;
  const { status: _status, ...rest } = run;
  const room = Math.min(MOST_OUTPUT_BYTES, ROOM_BYTES - jsonBytes(rest));
  let used = entries.reduce((sum, { outputs }) => sum + (outputs === undefined ? 0 : jsonBytes(outputs)), 0);
  return entries.map((entry) => {
    const outputs = ended.get(entry.name)?.status?.result?.outputs;
    if (outputs === undefined || Object.keys(outputs).length === 0) return entry;
    const bytes = jsonBytes(outputs);
    if (used + bytes > room) {
      const message = `its outputs (${bytes} bytes) are in its task only: the run has room for ${Math.max(0, room)} bytes of them`;
      return { ...entry, message: entry.message === undefined ? message : `${entry.message}; ${message}` };
    }
    used += bytes;
    return { ...entry, outputs };
  });
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
