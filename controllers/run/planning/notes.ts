/** What is told of a Run as Events: what went otherwise than wished. That a step began or completed is in the status. */
import type { RunNote, Status, StepStatus } from '../types.ts';

const TOLD = {
  failed: { type: 'Warning', reason: 'StepFailed', action: 'steps that need its success are skipped' },
  interrupted: {
    type: 'Warning',
    reason: 'StepInterrupted',
    action: 'steps that need its success are skipped',
  },
  skipped: { type: 'Normal', reason: 'StepSkipped', action: 'no task is made for it' },
  cancelled: { type: 'Normal', reason: 'StepCancelled', action: 'it is not begun, or its task was stopped' },
} as const;

export function notesOf(before: Status, after: Status): readonly RunNote[] {
  const old = new Map((before.tasks ?? []).map((entry) => [entry.name, entry]));
  const notes = (after.tasks ?? []).flatMap((entry) => noteOfStep(old.get(entry.name), entry));
  if (after.finishedAt === undefined || before.finishedAt !== undefined || after.state === 'completed')
    return notes;
  const { state = 'failed', reason = state, message = '' } = after;
  const states = Object.fromEntries((after.tasks ?? []).map(({ name, state: end }) => [name, end]));
  return [
    ...notes,
    {
      type: state === 'cancelled' ? 'Normal' : 'Warning',
      reason,
      message,
      decision: { inputs: { steps: states }, verdict: state, action: 'the run has ended' },
    },
  ];
}

function noteOfStep(old: StepStatus | undefined, entry: StepStatus): readonly RunNote[] {
  const { name, state, attempts, reason, message = '', exitCode, retryAt } = entry;
  const inputs = { step: name, attempts: attempts ?? 0, exitCode: exitCode ?? null, reason: reason ?? null };
  if (state === 'pending') {
    if (retryAt !== undefined && retryAt !== old?.retryAt) {
      return [
        {
          type: 'Warning',
          reason: 'StepRetried',
          message: `step "${name}", try ${attempts ?? 1}: ${reason ?? ''}, ${message}; it is tried again`,
          decision: { inputs, verdict: reason ?? 'failed', action: `tried again at ${retryAt}` },
        },
      ];
    }
    if (reason === undefined || reason === old?.reason) return [];
    return [
      {
        type: 'Warning',
        reason: 'FailedCreate',
        message: `step "${name}": ${message}`,
        decision: { inputs, verdict: reason, action: 'its task is created when there is room' },
      },
    ];
  }
  if (state === old?.state || state === 'running' || state === 'completed') return [];
  const { type, reason: told, action } = TOLD[state];
  return [
    {
      type,
      reason: told,
      message: `step "${name}": ${message}`,
      decision: { inputs, verdict: state, action },
    },
  ];
}
