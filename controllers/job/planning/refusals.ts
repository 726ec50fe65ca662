/** What the Job controller says of runs that have not begun: refused, cancelled, or waiting for what. Pure. */
import { timestamp } from '../../../machinery/clock.ts';
import { exceededText, fullText, maxRunsOf, policyOf, type Upstream } from '../../../schemas/jobrules.ts';
import { DEPENDENCY_NOT_SATISFIED, MAX_CONCURRENT_RUNS_EXCEEDED } from '../../../schemas/runlives.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import type { JobAction, JobWorld, RunStatus } from '../types.ts';
import type { Admission } from './admission.ts';

export const QUEUED = 'Queued';
const CANCELLED = 'Cancelled';

export function refusals(world: JobWorld, admission: Admission, { unmet }: Upstream): readonly JobAction[] {
  const { job, nowMs } = world;
  const max = maxRunsOf(job);
  const policy = policyOf(job);
  const full = fullText(job);
  const refuse = (
    run: Run,
    reason: string,
    message: string,
    inputs: Readonly<Record<string, unknown>>,
  ): JobAction => ({
    kind: 'tell',
    run,
    status: ended(run, 'failed', reason, message, nowMs),
    note: {
      type: 'Warning',
      reason,
      message,
      decision: { inputs, verdict: reason, action: 'the run is refused' },
    },
  });
  const limits = { concurrencyPolicy: policy, maxConcurrentRuns: max };
  return [
    ...admission.cancelled.map(
      (run): JobAction => ({
        kind: 'tell',
        run,
        status: ended(run, 'cancelled', CANCELLED, 'cancelled before it began', nowMs),
      }),
    ),
    ...admission.replaced.map((run): JobAction => {
      const message = 'a later run took its place before it began (concurrencyPolicy Replace)';
      return {
        kind: 'tell',
        run,
        status: ended(run, 'cancelled', CANCELLED, message, nowMs),
        note: {
          type: 'Normal',
          reason: CANCELLED,
          message,
          decision: { inputs: limits, verdict: 'Replaced', action: 'the run is cancelled' },
        },
      };
    }),
    ...admission.unsatisfied.map((run) =>
      refuse(run, DEPENDENCY_NOT_SATISFIED, unmet.join('; '), { dependsOn: job.spec.dependsOn }),
    ),
    ...admission.exceeding.map((run) => refuse(run, MAX_CONCURRENT_RUNS_EXCEEDED, exceededText(job), limits)),
    ...admission.queued.flatMap((run): readonly JobAction[] => {
      const message = `${full}: it waits until one has ended (concurrencyPolicy ${policy})`;
      const { state, reason } = run.status ?? {};
      if (state === 'pending' && reason === QUEUED) return [];
      return [{ kind: 'tell', run, status: { ...begunBy(run), state: 'pending', reason: QUEUED, message } }];
    }),
  ];
}

function ended(
  run: Run,
  state: 'failed' | 'cancelled',
  reason: string,
  message: string,
  nowMs: number,
): RunStatus {
  return { ...begunBy(run), state, reason, message, finishedAt: timestamp(nowMs) };
}

/** What is so whatever becomes of it. */
function begunBy({ metadata, spec, status }: Run): RunStatus {
  return {
    ...status,
    ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
    ...(spec.scheduledTime === undefined ? {} : { scheduledTime: spec.scheduledTime }),
  };
}
