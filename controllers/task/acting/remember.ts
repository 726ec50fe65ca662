/** How the controller's memory of a Task changes with what its acts came to. Pure. */
import type { RuntimeError } from '../../../machinery/errors.ts';
import type { Action, Failure, TaskMemory } from '../types.ts';

/** What an act came to. Stops and pulls begin in one pass and are done in another. */
export type Outcome =
  | { readonly kind: 'begun'; readonly action: Action }
  | { readonly kind: 'done'; readonly action: Action; readonly containerId?: string }
  | {
      readonly kind: 'failed';
      readonly action: Action;
      readonly error: RuntimeError;
      readonly containerId?: string;
    };

export interface Moment {
  readonly nowMs: number;
  readonly generation: number;
}

export function remember(memory: TaskMemory, outcome: Outcome, moment: Moment): TaskMemory {
  const { action } = outcome;
  switch (action.kind) {
    case 'pull':
      if (outcome.kind === 'begun') return { ...memory, pulling: action.image };
      return outcome.kind === 'done'
        ? { ...without(memory, 'pulling', 'failure'), pulled: action.image }
        : failed(without(memory, 'pulling'), 'pull', outcome, moment);
    case 'create':
      if (outcome.kind !== 'failed') return without(memory, 'pulled', 'failure');
      return createFailed(memory, action, outcome, moment);
    case 'start': {
      const { containerId = action.id } = outcome.kind === 'begun' ? {} : outcome;
      if (outcome.kind === 'failed') return failed(memory, 'start', outcome, moment);
      return {
        ...without(memory, 'failure'),
        started: containerId === undefined ? memory.started : new Set([...memory.started, containerId]),
      };
    }
    case 'stop': {
      const stopping = new Map(memory.stopping);
      if (outcome.kind === 'begun') {
        stopping.set(action.id, {
          reason: action.stopReason,
          killAtMs: moment.nowMs + action.gracePeriodMs,
        });
      }
      // A stop that failed is not under way; the reason of one that was done names the end that will be seen.
      if (outcome.kind === 'failed') stopping.delete(action.id);
      return { ...memory, stopping };
    }
    case 'unpause':
    case 'rename':
    case 'update':
    case 'remove':
    case 'liftFinalizer':
      return memory;
  }
}

/** Drops what is remembered of containers that are not there any more. */
export function forgetGone(memory: TaskMemory, present: ReadonlySet<string>): TaskMemory {
  const isAllThere =
    [...memory.stopping.keys()].every((id) => present.has(id)) &&
    [...memory.started].every((id) => present.has(id));
  if (isAllThere) return memory;
  return {
    ...memory,
    stopping: new Map([...memory.stopping].filter(([id]) => present.has(id))),
    started: new Set([...memory.started].filter((id) => present.has(id))),
  };
}

function createFailed(
  memory: TaskMemory,
  action: Action & { readonly kind: 'create' },
  outcome: Outcome & { readonly kind: 'failed' },
  moment: Moment,
): TaskMemory {
  const { error } = outcome;
  // The name belongs to something that is not ours (ours would have been adopted): the next number is free.
  const attemptFloor =
    error.reason === 'Conflict' ? Math.max(memory.attemptFloor, action.attempt) : memory.attemptFloor;
  const next = failed({ ...memory, attemptFloor }, 'create', outcome, moment);
  const isMissingThoughPulled = error.reason === 'ImageNotFound' && memory.pulled === action.spec.image;
  // Pulling it again at once would go round in circles: this one waits like any other refusal.
  return isMissingThoughPulled && next.failure !== undefined
    ? { ...without(next, 'pulled'), failure: { ...next.failure, reason: 'Failed' } }
    : next;
}

function failed(
  memory: TaskMemory,
  step: Failure['step'],
  { error, containerId }: Outcome & { readonly kind: 'failed' },
  { nowMs, generation }: Moment,
): TaskMemory {
  const before = memory.failure;
  const isSame = before?.step === step && before.generation === generation;
  const failure: Failure = {
    step,
    reason: error.reason,
    message: error.message,
    count: isSame ? before.count + 1 : 1,
    atMs: nowMs,
    generation,
    ...(containerId === undefined ? {} : { containerId }),
  };
  return { ...memory, failure };
}

function without(memory: TaskMemory, ...keys: readonly ('failure' | 'pulling' | 'pulled')[]): TaskMemory {
  const rest = { ...memory };
  for (const key of keys) delete rest[key];
  return rest;
}
