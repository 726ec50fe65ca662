/** How far a Run is, from its steps; and that telling of it alone costs no more than a write a second. Pure. */
import { isSameJson } from '../../../machinery/json.ts';
import type { Status, StepStatus } from '../types.ts';

/** What only tells how far it is is written no oftener than this. */
const QUIET_MS = 1_000;
const WHOLE = 100;

/**
 * The mean of its steps, percent, rounded down: 100 once it has completed and not before. What was skipped is no part of the
 * work. Undefined while none of them has said anything or completed.
 */
export function progressOf(entries: readonly StepStatus[], state: Status['state']): number | undefined {
  if (state === 'completed') return WHOLE;
  const steps = entries.filter((entry) => entry.state !== 'skipped');
  if (steps.every(({ progress }) => progress === undefined)) return undefined;
  const sum = steps.reduce((total, { progress = 0 }) => total + progress, 0);
  return Math.min(WHOLE - 1, Math.floor(sum / steps.length));
}

/**
 * The stored status itself where the new one would only tell of progress, too soon after the last write.
 * @param sinceWriteMs since this process last wrote the Run; undefined: it has not.
 */
export function holdBack(
  old: Status,
  next: Status,
  sinceWriteMs: number | undefined,
): { readonly status: Status; readonly lookAgainMs: number | undefined } {
  const isEarly = sinceWriteMs !== undefined && sinceWriteMs < QUIET_MS;
  if (next === old || !isEarly || !isSameJson(withoutProgress(next), withoutProgress(old)))
    return { status: next, lookAgainMs: undefined };
  return { status: old, lookAgainMs: QUIET_MS - sinceWriteMs };
}

function withoutProgress({ progress: _whole, tasks = [], ...rest }: Status): unknown {
  return { ...rest, tasks: tasks.map(({ progress: _step, ...entry }) => entry) };
}
