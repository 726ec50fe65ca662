/** What is told about a Task besides acts: how containers ended, why the next one waits, what was adopted. */

import type { PlannedEvent } from '../types.ts';
import { describeEnd } from './history.ts';
import type { Verdict } from './phase.ts';
import type { TaskView } from './view.ts';

const FAILURES: readonly string[] = [
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];

/** What the status that is about to be written says for the first time. */
export function noticesOf({ task, world, history }: TaskView, verdict: Verdict): PlannedEvent[] {
  const old = task.status;
  const told = history.fresh.map((entry): PlannedEvent => {
    // Taken off the worker is orderly; put out for what it took of the disk is not, and says so.
    const isOrderly =
      ['Completed', 'Stopped', 'Superseded', 'Preempted'].includes(entry.reason) ||
      (entry.reason === 'Evicted' && entry.message === undefined);
    const { output: _, ...inputs } = entry;
    return {
      type: isOrderly ? 'Normal' : 'Warning',
      reason: 'Ended',
      message: `Container ended with ${describeEnd(entry)}`,
      decision: { inputs, verdict: entry.reason, action: actionWord(verdict) },
    };
  });
  if (verdict.kind === 'waiting' && verdict.reason !== old?.reason) {
    const isBackOff = verdict.reason.endsWith('BackOff');
    if (isBackOff || FAILURES.includes(verdict.reason)) {
      told.push({
        type: 'Warning',
        reason: isBackOff ? 'BackOff' : 'Failed',
        message: verdict.message,
        decision: {
          inputs: { restartPolicy: task.spec.restartPolicy, backoff: task.spec.backoff },
          verdict: verdict.reason,
          action: 'wait',
        },
      });
    }
  }
  if (verdict.kind === 'running' && !world.memory.isKnown) {
    const { id, name } = verdict.attempt.container;
    if (!world.memory.started.has(id)) {
      told.push({
        type: 'Normal',
        reason: 'Adopted',
        message: `Found container ${name} running and kept it`,
        decision: { inputs: { id, specHash: verdict.attempt.specHash }, verdict: 'SameSpec', action: 'keep' },
      });
    }
  }
  return told;
}

function actionWord(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'running':
      return 'restarted';
    case 'waiting':
      return 'restart later';
    case 'stopping':
      return 'wait for the end';
    case 'ended':
    case 'stopped':
      return 'none';
  }
}
