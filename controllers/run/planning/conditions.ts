/** Whether a step runs, by how those before it have ended: the words of `condition` in a Job. */
import type { Condition, StepState } from '../types.ts';

export interface Before {
  readonly name: string;
  readonly state: StepState;
}

const ENDED: ReadonlySet<StepState> = new Set(['completed', 'failed', 'interrupted', 'cancelled', 'skipped']);

export function isEnd(state: StepState): boolean {
  return ENDED.has(state);
}

/**
 * Undefined: it runs. Else why it is skipped. An interrupted step counts as one that failed: it did not do its work, and
 * what cleans up after a failure cleans up after it, too.
 * @param before what it depends on; all of them have ended.
 */
export function whySkipped(condition: Condition, before: readonly Before[]): string | undefined {
  const [odd] = before.filter(({ state }) => !isFitting(condition, state));
  switch (condition) {
    case 'Always':
      return undefined;
    case 'AllSuccess':
    case 'AllDone':
      return odd === undefined ? undefined : `${condition} is not so: step "${odd.name}" is ${odd.state}`;
    case 'OnFailure':
      return before.some(({ state }) => isFailure(state))
        ? undefined
        : 'OnFailure is not so: no step that it depends on has failed';
  }
}

function isFitting(condition: Condition, state: StepState): boolean {
  return state === 'completed' || (condition === 'AllDone' && isFailure(state));
}

function isFailure(state: StepState): boolean {
  return state === 'failed' || state === 'interrupted';
}
