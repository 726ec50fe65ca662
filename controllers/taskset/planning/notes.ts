/** What is told of a set once it has happened: read off what its status said before and says now. Pure. */
import { findCondition } from '../../../machinery/conditions.ts';
import type { Status, TaskSetNote } from '../types.ts';
import type { Limits } from './limits.ts';
import type { Rollout } from './rollout.ts';
import type { Victim } from './victims.ts';
import type { SetView } from './view.ts';

export interface Noted {
  readonly view: SetView;
  readonly rollout: Rollout;
  readonly limits: Limits;
  readonly next: Status;
  readonly going: readonly Victim[];
}

/** Victims told of one by one in a decision, which is to stay small. */
const TOLD_VICTIMS = 10;

export function notesOf(noted: Noted): readonly TaskSetNote[] {
  return [...scaling(noted), ...rolling(noted), ...replacing(noted)];
}

function scaling({ view, limits, next, going }: Noted): readonly TaskSetNote[] {
  const from = view.status.desiredReplicas ?? 0;
  const to = limits.desired;
  if (from === to) return [];
  const isUp = to > from;
  const chosen = going.filter(({ reason }) => reason !== 'Superseded' && reason !== 'Recreate');
  return [
    {
      type: 'Normal',
      reason: isUp ? 'ScaledUp' : 'ScaledDown',
      message: `Scaled ${isUp ? 'up' : 'down'} from ${from} to ${to}`,
      decision: {
        inputs: { from, to, replicas: next.replicas, available: next.availableReplicas },
        verdict: isUp ? `${to - from} more are wanted` : toldVictims(chosen),
        action: isUp ? `create ${Math.max(0, to - (next.replicas ?? 0))}` : `remove ${chosen.length}`,
      },
    },
  ];
}

function rolling({ view, rollout, limits, next }: Noted): readonly TaskSetNote[] {
  const { status } = view;
  const notes: TaskSetNote[] = [];
  const was = findCondition(status.conditions, 'Progressing');
  const is = findCondition(next.conditions, 'Progressing');
  const { target, promoted, gaveUp, split } = rollout;
  const inputs = {
    target,
    current: next.currentRevision,
    desired: limits.desired,
    surge: limits.surge,
    unavailable: limits.unavailable,
    fresh: split.fresh.length,
    old: split.old.length,
  };
  if (target !== status.targetRevision && gaveUp === undefined && target !== undefined) {
    notes.push({
      type: 'Normal',
      reason: 'RolloutStarted',
      message: `Rolling out ${target}`,
      decision: {
        inputs,
        verdict: is?.message ?? '',
        action: rollout.canaries > 0 ? `${rollout.canaries} first` : `replace ${split.old.length}`,
      },
    });
  }
  if (promoted !== undefined && promoted !== status.promotedRevision) {
    notes.push({
      type: 'Normal',
      reason: 'Promoted',
      message: `${promoted} was promoted, the rest follows`,
      decision: { inputs, verdict: 'promoted', action: `replace ${split.old.length}` },
    });
  }
  if (is === undefined || is.reason === was?.reason) return notes;
  if (is.reason === 'CanaryWaiting') {
    notes.push({
      type: 'Normal',
      reason: 'CanaryWaiting',
      message: is.message,
      decision: { inputs, verdict: is.message, action: 'wait' },
    });
  }
  if (is.reason === 'NewRevisionAvailable' && status.furthest !== undefined) {
    notes.push({
      type: 'Normal',
      reason: 'RolloutCompleted',
      message: `${target} is complete`,
      decision: { inputs, verdict: 'complete', action: 'none' },
    });
  }
  if (is.reason === 'ProgressDeadlineExceeded') {
    notes.push({
      type: 'Warning',
      reason: 'ProgressDeadlineExceeded',
      message: is.message,
      decision: { inputs, verdict: is.message, action: 'go on trying' },
    });
  }
  if (is.reason === 'RolledBack') {
    notes.push({
      type: 'Warning',
      reason: 'RolledBack',
      message: is.message,
      decision: { inputs, verdict: is.message, action: `bring back ${target}` },
    });
  }
  return notes;
}

function replacing({ going }: Noted): readonly TaskSetNote[] {
  return (['Failed', 'WorkerNotMatching'] as const).flatMap((reason): readonly TaskSetNote[] => {
    const chosen = going.filter((victim) => victim.reason === reason);
    const [first] = chosen;
    if (first === undefined) return [];
    const more = chosen.length === 1 ? '' : ` and ${chosen.length - 1} more`;
    return [
      {
        type: reason === 'Failed' ? 'Warning' : 'Normal',
        reason: 'TaskReplaced',
        message: `Removing ${first.member.name}${more}: ${first.message}`,
        decision: { inputs: { reason }, verdict: toldVictims(chosen), action: `remove ${chosen.length}` },
      },
    ];
  });
}

function toldVictims(victims: readonly Victim[]): readonly string[] {
  return victims.slice(0, TOLD_VICTIMS).map(({ member, message }) => `${member.name}: ${message}`);
}
