/** How the controller's memory of a Task changes with what its acts came to. Pure. */
import type { RuntimeError } from '../../../machinery/errors.ts';
import type { Action, Failure, TaskMemory, TaskPlan } from '../types.ts';

/** What an act came to. Stops, pulls and postStart hooks begin in one pass and are done in another. */
export type Outcome =
  | { readonly kind: 'begun'; readonly action: Action; readonly words?: string }
  | {
      readonly kind: 'done';
      readonly action: Action;
      readonly containerId?: string;
      /** What there is to say of it, where that is known only now. */
      readonly words?: string;
    }
  | {
      readonly kind: 'failed';
      readonly action: Action;
      readonly error: RuntimeError;
      readonly containerId?: string;
      /** Of a creation: what the container needs could not be made ready, the engine was not asked yet. */
      readonly isPreparation?: boolean;
    };

/** What one pass over a Task came to. */
export interface Pass {
  readonly plan?: TaskPlan;
  readonly isSettled: boolean;
  readonly failure?: RuntimeError;
  /** There is no place for making its container; it is in line for one. Nothing of the plan was done. */
  readonly isPostponed?: true;
}

type Failed = Outcome & { readonly kind: 'failed' };

export interface Moment {
  readonly monotonicMs: number;
  readonly generation: number;
}

export function remember(memory: TaskMemory, outcome: Outcome, moment: Moment): TaskMemory {
  const { action } = outcome;
  switch (action.kind) {
    case 'pull':
      if (outcome.kind === 'begun') {
        const { words } = outcome;
        const begun = { ...without(memory, 'pullProgress'), pulling: action.image };
        return words === undefined ? begun : { ...begun, pullProgress: words };
      }
      return outcome.kind === 'done'
        ? { ...without(memory, 'pulling', 'pullProgress', 'failure'), pulled: action.image }
        : failed(without(memory, 'pulling', 'pullProgress'), 'pull', outcome, moment);
    case 'create':
      if (outcome.kind === 'failed') return createFailed(memory, action, outcome, moment);
      return { ...without(memory, 'pulled', 'failure'), filesVersion: action.filesVersion };
    case 'start': {
      const { containerId = action.id } = outcome.kind === 'begun' ? {} : outcome;
      if (outcome.kind === 'failed') return failed(memory, 'start', outcome, moment);
      return {
        ...without(memory, 'failure'),
        started: containerId === undefined ? memory.started : new Set([...memory.started, containerId]),
      };
    }
    case 'postStart': {
      const said = { begun: 'running', done: 'done' } as const;
      const state = outcome.kind === 'failed' ? { failed: outcome.error.message } : said[outcome.kind];
      return { ...memory, postStart: new Map([...memory.postStart, [action.id, state]]) };
    }
    case 'stop': {
      const stopping = new Map(memory.stopping);
      if (outcome.kind === 'begun') {
        stopping.set(action.id, {
          reason: action.stopReason,
          killAtMs: moment.monotonicMs + action.gracePeriodMs,
          ...(action.detail === undefined ? {} : { detail: action.detail }),
        });
      }
      // A stop that failed is not under way; the reason of one that was done names the end that will be seen.
      if (outcome.kind === 'failed') stopping.delete(action.id);
      return { ...memory, stopping };
    }
    case 'update':
      if (outcome.kind === 'failed') return failed(memory, 'update', outcome, moment);
      return memory.failure?.step === 'update' ? without(memory, 'failure') : memory;
    case 'refreshVolumes':
      return outcome.kind === 'done' ? { ...memory, filesVersion: action.filesVersion } : memory;
    case 'remove': {
      const removing = new Set(memory.removing);
      if (outcome.kind === 'begun') removing.add(action.id);
      else removing.delete(action.id);
      return { ...memory, removing };
    }
    case 'unpause':
    case 'rename':
    case 'releaseVolumes':
    case 'liftFinalizer':
      return memory;
  }
}

/** A start without an answer may have happened: if the container turns out to run, it was this process that started it. */
export function unanswered(memory: TaskMemory, { action, containerId, error }: Failed): TaskMemory {
  const id = containerId ?? ('id' in action ? action.id : undefined);
  if (action.kind !== 'start' || error.reason !== 'Unavailable' || id === undefined) return memory;
  return { ...memory, started: new Set([...memory.started, id]) };
}

/** Drops what is remembered of containers that are not there any more. */
export function forgetGone(memory: TaskMemory, present: ReadonlySet<string>): TaskMemory {
  const known = [
    ...memory.stopping.keys(),
    ...memory.started,
    ...memory.postStart.keys(),
    ...memory.removing,
  ];
  if (known.every((id) => present.has(id))) return memory;
  return {
    ...memory,
    stopping: new Map([...memory.stopping].filter(([id]) => present.has(id))),
    started: new Set([...memory.started].filter((id) => present.has(id))),
    postStart: new Map([...memory.postStart].filter(([id]) => present.has(id))),
    removing: new Set([...memory.removing].filter((id) => present.has(id))),
  };
}

function createFailed(
  memory: TaskMemory,
  action: Action & { readonly kind: 'create' },
  outcome: Failed,
  moment: Moment,
): TaskMemory {
  const { error } = outcome;
  if (outcome.isPreparation === true) return failed(memory, 'prepare', outcome, moment);
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
  { error, containerId }: Failed,
  { monotonicMs, generation }: Moment,
): TaskMemory {
  const before = memory.failure;
  const isSame = before?.step === step && before.generation === generation;
  const failure: Failure = {
    step,
    reason: error.reason,
    message: error.message,
    count: isSame ? before.count + 1 : 1,
    atMs: monotonicMs,
    generation,
    ...(containerId === undefined ? {} : { containerId }),
  };
  return { ...memory, failure };
}

type Passing = 'failure' | 'pulling' | 'pullProgress' | 'pulled';

function without(memory: TaskMemory, ...keys: readonly Passing[]): TaskMemory {
  const rest = { ...memory };
  for (const key of keys) delete rest[key];
  return rest;
}

/** A failure that no memory of the planner covers; without an answer nothing is known to have failed. */
export function isUncovered(outcome: Outcome): outcome is Extract<Outcome, { kind: 'failed' }> {
  if (outcome.kind !== 'failed') return false;
  const isCovered = ['pull', 'create', 'start', 'update'].includes(outcome.action.kind);
  return !isCovered || outcome.error.reason === 'Unavailable' || outcome.error.reason === 'NotFound';
}

/** These are remembered as they begin. */
export function isRememberedAlready({ kind, action }: Outcome): boolean {
  return kind === 'begun' && ['stop', 'pull', 'postStart', 'remove'].includes(action.kind);
}
