/** Acts as Events: what was done, to put what right, and why. */
import type { Task } from '../../../schemas/types.gen.ts';
import type { EventInput } from '../../engine/event.ts';
import type { Action } from '../types.ts';
import type { Problem } from './perform.ts';
import type { Outcome } from './remember.ts';

/** None for acts that nobody would look for, and for failures that the status tells of (see notices). */
export function eventsOf(task: Task, outcome: Outcome): readonly EventInput[] {
  const { action } = outcome;
  const told = wordsOf(outcome);
  const events: EventInput[] = [];
  const decision = { inputs: inputsOf(action), verdict: action.reason, action: action.kind };
  if (action.drift !== undefined && outcome.kind !== 'failed' && !isSettling(outcome)) {
    events.push({
      object: task,
      type: 'Warning',
      reason: 'Drifted',
      message: action.message,
      decision: { ...decision, verdict: `Drifted(${action.drift})` },
    });
  }
  if (told !== undefined) events.push({ object: task, ...told, decision });
  return events;
}

export function problemEvent(task: Task, { reason, message, action }: Problem): EventInput {
  const decision = { inputs: inputsOf(action), verdict: reason, action: action.kind };
  return { object: task, type: 'Warning', reason, message, decision };
}

/** The end of a stop or a pull that was told of when it began. */
function isSettling({ kind, action }: Outcome): boolean {
  return kind === 'done' && action.kind === 'stop';
}

function wordsOf(outcome: Outcome): Pick<EventInput, 'type' | 'reason' | 'message'> | undefined {
  const { action } = outcome;
  if (outcome.kind === 'failed') return failureWords(action, outcome.error.message);
  const type = 'Normal';
  const { message } = action;
  const hasBegun = outcome.kind === 'begun';
  switch (action.kind) {
    case 'pull':
      if (!hasBegun)
        return { type, reason: 'Pulled', message: outcome.words ?? `Pulled image "${action.image}"` };
      return {
        type,
        reason: 'Pulling',
        message: outcome.words === undefined ? message : `Pulling image "${action.image}": ${outcome.words}`,
      };
    case 'create':
      return hasBegun
        ? {
            type,
            reason: 'Adopted',
            message: `Found container ${action.spec.name}, made before, and kept it`,
          }
        : { type, reason: 'Created', message };
    case 'start':
      return { type, reason: 'Started', message };
    case 'stop':
      return hasBegun ? { type, reason: 'Killing', message } : undefined;
    case 'update':
      return action.drift === undefined ? { type, reason: 'Updated', message } : undefined;
    case 'postStart':
    case 'refreshVolumes':
    case 'releaseVolumes':
    case 'unpause':
    case 'rename':
    case 'remove':
    case 'liftFinalizer':
      return undefined;
  }
}

/** Undefined for what the status tells of. */
function failureWords(
  action: Action,
  why: string,
): Pick<EventInput, 'type' | 'reason' | 'message'> | undefined {
  const type = 'Warning';
  switch (action.kind) {
    case 'create':
    case 'start':
    case 'pull':
      return undefined;
    case 'postStart':
      return { type, reason: 'FailedPostStartHook', message: `PostStartHook failed: ${why}` };
    case 'refreshVolumes':
      return { type, reason: 'FailedMount', message: `Cannot bring the volumes up to date: ${why}` };
    case 'releaseVolumes':
      return { type, reason: 'FailedUnmount', message: `Cannot take the volumes away: ${why}` };
    case 'update':
    case 'stop':
    case 'unpause':
    case 'rename':
    case 'remove':
    case 'liftFinalizer':
      return { type, reason: 'Failed', message: `Cannot ${action.kind}: ${why}` };
  }
}

function inputsOf(action: Action): Readonly<Record<string, unknown>> {
  switch (action.kind) {
    case 'pull':
      return { image: action.image };
    case 'create':
      return { attempt: action.attempt, image: action.spec.image, ports: action.spec.ports };
    case 'start':
      return { container: action.name };
    case 'stop':
      return {
        container: action.name,
        gracePeriodMs: action.gracePeriodMs,
        ...(action.detail === undefined ? {} : { detail: action.detail }),
      };
    case 'postStart':
      return { container: action.name, hook: Object.keys(action.hook) };
    case 'refreshVolumes':
      return { filesVersion: action.filesVersion };
    case 'update':
      return { container: action.id, resources: action.resources };
    case 'rename':
      return { container: action.id, name: action.name };
    case 'unpause':
    case 'remove':
      return { container: action.id };
    case 'releaseVolumes':
    case 'liftFinalizer':
      return {};
  }
}
