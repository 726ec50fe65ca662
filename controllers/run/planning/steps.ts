/**
 * One step of a Run: where it stands, and what is to be done about it.
 *
 * What a Task shows is acted upon at once, for every process sees the same of it. What no Task shows (a step is skipped,
 * was refused, has vanished) is a decision: it is stored first, with the version it was made from, and acted upon only
 * where it is read back from.
 */
import type { Task } from '../../../schemas/types.gen.ts';
import type { CreateAction, PinnedStep, RunWorld, StepState, StepStatus, StopAction } from '../types.ts';
import { isEnd, whySkipped } from './conditions.ts';
import { backoffMs, type End, endOf, imageTrouble, isGivenUp, lostWorker, vanished } from './ends.ts';
import { taskNames } from './names.ts';

/** Why nothing more begins: the run is cancelled, or nobody knows any more what it is made of. */
export type Abort = 'Cancelled' | 'RevisionMissing';

export interface StepView {
  readonly world: RunWorld;
  /** As it is stored. */
  readonly stored: StepStatus | undefined;
  readonly abort: Abort | undefined;
}

export interface StepPlan {
  readonly entry: StepStatus;
  /** What shows how it ended. */
  readonly proof: 'stored' | 'task' | 'none';
  /** The Task that ended just now. */
  readonly ended?: Task;
  readonly create?: CreateAction;
  readonly stop?: StopAction;
  readonly lookups?: readonly string[];
  /** There is more to do once the entry is stored. */
  readonly waitsForStore?: boolean;
  readonly lookAgainMs?: number;
}

/** @param before plans of the steps it depends on. */
export function planStep(view: StepView, step: PinnedStep, before: readonly StepPlan[]): StepPlan {
  const { stored, world } = view;
  if (stored !== undefined && isEnd(stored.state)) {
    const stop = strayStop(world, stored);
    return { entry: stored, proof: 'stored', ...(stop === undefined ? {} : { stop }) };
  }
  const tries = stored?.attempts ?? 0;
  const next = findTask(world, step.name, tries + 1);
  if (next !== undefined) return planTry(view, step, next, tries + 1);
  if (stored === undefined || tries === 0) return planBeginning(view, step, before);
  if (stored.retryAt !== undefined) return planRetry(view, step, stored);
  const name = stored.taskName ?? taskNames(world.run, step.name, tries)[0];
  const current = world.tasks.get(name);
  if (current !== undefined) return planTry(view, step, current, tries);
  if (!world.absent.has(name)) return { entry: stored, proof: 'none', lookups: [name] };
  return planEnd(view, step, { attempt: tries, end: vanished(name, world.nowMs), task: undefined });
}

/**
 * A try that nobody knows of although its step has ended: another process planned it from an older copy. What is known
 * of is left alone: a hand may have started it again.
 */
export function strayStop(world: RunWorld, { name, attempts = 0 }: StepStatus): StopAction | undefined {
  const task = findTask(world, name, attempts + 1);
  if (task === undefined || endOf(task, world.nowMs) !== undefined || isStopping(task)) return undefined;
  return { task, reason: `step "${name}" has ended without it` };
}

function planBeginning(view: StepView, step: PinnedStep, before: readonly StepPlan[]): StepPlan {
  const { abort, world, stored } = view;
  const entry: StepStatus = {
    name: step.name,
    state: 'pending',
    ...(stored?.reason === undefined ? {} : { reason: stored.reason }),
    ...(stored?.message === undefined ? {} : { message: stored.message }),
  };
  const haveEnded = before.every((other) => isEnd(other.entry.state));
  if (!haveEnded) return abort === undefined ? { entry, proof: 'none' } : abandoned(view, entry, abort);
  const isStored = before.every(({ proof }) => proof !== 'none');
  if (abort !== undefined) {
    // What nobody could have begun yet was not begun.
    return isStored ? planAbandoning(view, step, entry, 1, abort) : abandoned(view, entry, abort);
  }
  const why = whySkipped(
    step.condition,
    before.map((other) => other.entry),
  );
  if (why !== undefined) {
    const skipped: StepStatus = { name: step.name, state: 'skipped', reason: 'Skipped', message: why };
    return { entry: { ...skipped, finishedAt: isoTime(world.nowMs) }, proof: 'none' };
  }
  return isStored ? planCreation(view, step, entry, 1) : { entry, proof: 'none', waitsForStore: true };
}

function planRetry(view: StepView, step: PinnedStep, stored: StepStatus): StepPlan {
  const { abort, world } = view;
  const { attempts = 1, retryAt = '', reason = '' } = stored;
  if (abort !== undefined) return planAbandoning(view, step, stored, attempts + 1, abort);
  // The clock may have been set back since: no retry waits longer than its backoff.
  const end: End = {
    kind: 'failed',
    reason,
    message: '',
    ...(stored.exitCode === undefined ? {} : { exitCode: stored.exitCode }),
    finishedMs: 0,
  };
  const longestMs = backoffMs(step, attempts, end) ?? 0;
  const leftMs = Date.parse(retryAt) - world.nowMs;
  if (leftMs <= 0) return planCreation(view, step, stored, attempts + 1);
  if (leftMs <= longestMs || longestMs === 0) return { entry: stored, proof: 'none', lookAgainMs: leftMs };
  const entry = { ...stored, retryAt: isoTime(world.nowMs + longestMs) };
  return { entry, proof: 'none', lookAgainMs: longestMs };
}

function planCreation(view: StepView, step: PinnedStep, entry: StepStatus, attempt: number): StepPlan {
  const { nowMs, refusals } = view.world;
  const refusal = refusals.get(step.name);
  const create = { step, attempt };
  if (refusal === undefined) return { entry, proof: 'none', create };
  const { kind, reason, message, leftMs } = refusal;
  if (kind === 'final') {
    const { retryAt: _retryAt, ...known } = entry;
    return {
      entry: { ...known, state: 'failed', reason, message, finishedAt: isoTime(nowMs) },
      proof: 'none',
    };
  }
  const waiting: StepStatus = { ...entry, reason, message };
  return { entry: waiting, proof: 'none', ...(leftMs <= 0 ? { create } : { lookAgainMs: leftMs }) };
}

/** It could have been begun by a process that came to nothing then: only what is surely not there is abandoned. */
function planAbandoning(
  view: StepView,
  step: PinnedStep,
  entry: StepStatus,
  attempt: number,
  abort: Abort,
): StepPlan {
  const lookups = taskNames(view.world.run, step.name, attempt).filter(
    (name) => !view.world.absent.has(name),
  );
  return lookups.length > 0 ? { entry, proof: 'none', lookups } : abandoned(view, entry, abort);
}

function abandoned({ world }: StepView, known: StepStatus, abort: Abort): StepPlan {
  const { retryAt: _retryAt, ...rest } = known;
  const entry: StepStatus = {
    ...rest,
    state: abort === 'Cancelled' ? 'cancelled' : 'interrupted',
    reason: abort,
    message: ABORT_WORDS[abort],
    finishedAt: isoTime(world.nowMs),
  };
  return { entry, proof: 'none' };
}

const ABORT_WORDS = {
  Cancelled: 'the run was cancelled',
  RevisionMissing: 'the ControllerRevision that holds the steps is gone; nothing more begins',
} as const;

/** A Task of the step that is there. */
function planTry(view: StepView, step: PinnedStep, task: Task, attempt: number): StepPlan {
  const { world, stored, abort } = view;
  const end = endOf(task, world.nowMs);
  if (end !== undefined) return planEnd(view, step, { attempt, end, task });
  const lost = lostWorker(task, world.nowMs);
  if (lost !== undefined && abort === 'Cancelled' && isStopping(task) && lost.leftMs <= 0) {
    const message = `${lost.message}; the run was cancelled and waits no longer: the worker stops the task when it is back`;
    const entry = tryEntry(view, step, task, attempt);
    const finishedAt = isoTime(world.nowMs);
    return {
      entry: { ...entry, state: 'interrupted', reason: lost.reason, message, finishedAt },
      proof: 'none',
    };
  }
  const known = stored?.attempts === attempt ? stored : undefined;
  const trouble = imageTrouble(task, step, world.nowMs);
  const isWaiting = trouble !== undefined && trouble.leftMs > 0;
  const wasGivenUp = isGivenUp(known?.reason) && known?.state === 'running';
  const isHopeless =
    (trouble !== undefined && !isWaiting) || (wasGivenUp && task.spec.desiredState === 'Stopped');
  const words = wasGivenUp ? known : trouble;
  const entry: StepStatus = {
    ...tryEntry(view, step, task, attempt),
    state: 'running',
    ...(isHopeless && words !== undefined ? wordsOf(words) : {}),
    ...(lost === undefined ? {} : wordsOf(lost)),
  };
  const waitMs = isWaiting ? trouble.leftMs : lost !== undefined && lost.leftMs > 0 ? lost.leftMs : undefined;
  const why =
    abort === 'Cancelled' ? ABORT_WORDS[abort] : isHopeless && wasGivenUp ? entry.message : undefined;
  return {
    entry,
    proof: 'none',
    ...(why === undefined || isStopping(task) ? {} : { stop: { task, reason: why } }),
    ...(isHopeless && !wasGivenUp ? { waitsForStore: true } : {}),
    ...(waitMs === undefined ? {} : { lookAgainMs: waitMs }),
  };
}

interface TryEnd {
  readonly attempt: number;
  readonly end: End;
  /** Undefined where it vanished. */
  readonly task: Task | undefined;
}

function planEnd(view: StepView, step: PinnedStep, { attempt, end, task }: TryEnd): StepPlan {
  const { stored, abort, world } = view;
  const base: StepStatus = {
    ...(task === undefined ? known(step.name, stored) : tryEntry(view, step, task, attempt)),
    ...(end.exitCode === undefined ? {} : { exitCode: end.exitCode }),
  };
  const finishedAt = isoTime(end.finishedMs);
  const proof = task === undefined ? 'none' : 'task';
  const ended = task === undefined ? {} : { ended: task };
  if (end.kind === 'completed') {
    const message = task?.status?.result?.message;
    const entry: StepStatus = { ...base, state: 'completed', progress: 100, finishedAt };
    return { entry: message === undefined ? entry : { ...entry, message }, proof, ...ended };
  }
  if (abort === 'Cancelled' && end.kind !== 'failed') {
    const words = { reason: abort, message: ABORT_WORDS[abort] };
    return { entry: { ...base, state: 'cancelled', ...words, finishedAt }, proof };
  }
  const isOurs = end.kind === 'stopped' && stored?.attempts === attempt && isGivenUp(stored.reason);
  const told = isOurs ? { ...end, reason: stored.reason ?? end.reason, message: stored.message ?? '' } : end;
  const waitMs = abort === undefined ? backoffMs(step, attempt, told) : undefined;
  if (waitMs !== undefined) {
    const retryMs = end.finishedMs + waitMs;
    const entry: StepStatus = { ...base, state: 'pending', ...wordsOf(told), retryAt: isoTime(retryMs) };
    const leftMs = retryMs - world.nowMs;
    if (leftMs > 0) return { entry, proof: 'none', lookAgainMs: leftMs };
    // That it is gone is a decision, and stored first.
    if (task === undefined) return { entry, proof: 'none', waitsForStore: true };
    return planCreation(view, step, entry, attempt + 1);
  }
  const state: StepState = end.kind === 'vanished' ? 'interrupted' : 'failed';
  return { entry: { ...base, state, ...wordsOf(told), finishedAt }, proof, ...ended };
}

function wordsOf({ reason, message }: { readonly reason?: string; readonly message?: string }): {
  reason?: string;
  message?: string;
} {
  return { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) };
}

function known(name: string, stored: StepStatus | undefined): StepStatus {
  if (stored === undefined) return { name, state: 'pending' };
  const { reason: _reason, message: _message, retryAt: _retryAt, progress: _progress, ...rest } = stored;
  return rest;
}

function tryEntry({ stored, world }: StepView, step: PinnedStep, task: Task, attempt: number): StepStatus {
  const { name, uid, creationTimestamp } = task.metadata;
  // Told in whole seconds; seen as soon as it was made, our own clock knows better.
  const madeMs = Date.parse(creationTimestamp ?? '');
  const { progress } = task.status ?? {};
  const startMs = Number.isNaN(madeMs) ? world.nowMs : Math.min(Math.max(world.nowMs, madeMs), madeMs + 999);
  return {
    name: step.name,
    state: 'running',
    attempts: attempt,
    taskName: name,
    ...(uid === undefined ? {} : { taskUID: uid }),
    startedAt: stored?.startedAt ?? isoTime(startMs),
    ...(progress === undefined ? {} : { progress }),
  };
}

function findTask({ run, tasks }: RunWorld, step: string, attempt: number): Task | undefined {
  if (tasks.size === 0) return undefined;
  const [name, other] = taskNames(run, step, attempt);
  return tasks.get(name) ?? tasks.get(other);
}

function isStopping({ metadata, spec }: Task): boolean {
  return metadata.deletionTimestamp !== undefined || spec.desiredState === 'Stopped';
}

export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
