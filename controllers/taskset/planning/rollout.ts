/**
 * How the change from one revision to another stands: what is aimed at, what was given up, what waits for whom. Pure.
 *
 * Everything that outlives a look is in the status: update, target, current, last stable, rejected and promoted
 * revision, and how far the rollout has been. Words and rules for progress follow Kubernetes' Deployments, with one
 * difference: what only comes and goes, as a crash loop does, is no progress.
 */

import { findCondition } from '../../../machinery/conditions.ts';
import { ANNOTATION_PROMOTED } from '../../../machinery/labels.ts';
import type { Status } from '../types.ts';
import { type Member, revisionOf, type SetView } from './view.ts';

/** Fresh ones are of the target revision, old ones of any other. */
export interface Split {
  readonly fresh: readonly Member[];
  readonly old: readonly Member[];
  /** Old ones that still exist, on their way out or not. */
  readonly outdated: number;
}

export interface Names {
  readonly update: string | undefined;
  readonly target: string | undefined;
  /** What most are of until the update is complete; only one that there still is. */
  readonly current: string | undefined;
  readonly lastStable: string | undefined;
  readonly rejected: string | undefined;
  readonly promoted: string | undefined;
}

export type Phase =
  /** What the revision is made from could not be read, and there was none before. */
  | 'unknown'
  | 'paused'
  | 'complete'
  /** The first ones are on their way. */
  | 'canary'
  /** They are available, and somebody has to say yes. */
  | 'waiting'
  | 'moving'
  /** The update was given up; the last stable one comes back. */
  | 'reverting';

export interface Rollout extends Names {
  readonly split: Split;
  readonly phase: Phase;
  readonly canaries: number;
  readonly lastProgressTime: string | undefined;
  readonly furthest: Status['furthest'];
  /** Until the deadline; undefined while its time does not count. */
  readonly deadlineInMs: number | undefined;
  /** The update that is given up by this plan. */
  readonly gaveUp: string | undefined;
}

/** What is there for a revision to be whole: judged by the mode. */
export interface Whole {
  readonly desired: number;
  readonly isWhole: (split: Split) => boolean;
  /** How many old ones the rollout has still to replace. */
  readonly toReplace: (split: Split) => number;
}

export function rolloutOf(view: SetView, whole: Whole): Rollout {
  const { set, nowMs } = view;
  const names = namesOf(view);
  const split = splitOf(view, names.target);
  const isComplete = isCompleteWith(names, split, view, whole);
  const canaries = canariesOf(view, names, whole);
  const availableFresh = split.fresh.filter(({ isAvailable }) => isAvailable).length;
  const isShown = canaries > 0 && availableFresh >= canaries;
  const isAuto = set.spec.strategy?.canary?.autoPromote === true;
  const phase = phaseOf({ view, names, isComplete, canaries, isShown, isAuto });
  const promoted = isShown && isAuto && phase === 'moving' ? names.target : names.promoted;
  const { lastProgressTime, furthest } = progressOf(view, { names, split, phase });
  const limitMs = (set.spec.progressDeadlineSeconds ?? 600) * 1000;
  const isTimed = phase === 'moving' || phase === 'canary';
  const deadlineInMs = isTimed ? limitMs - quietMs(lastProgressTime, view) : undefined;
  const rollout: Rollout = {
    ...completed(names, split, isComplete, whole),
    promoted,
    split,
    phase,
    canaries: phase === 'canary' || phase === 'waiting' ? canaries : 0,
    lastProgressTime,
    furthest,
    deadlineInMs,
    gaveUp: undefined,
  };
  return canRevert(rollout, view) ? reverted(rollout, nowMs) : rollout;
}

/** For how long nothing has moved. */
function quietMs(since: string | undefined, { status, world, nowMs }: SetView): number {
  if (since === undefined || since !== status.lastProgressTime) return 0;
  const wallMs = Math.max(0, nowMs - Date.parse(since));
  return Math.min(wallMs, world.watchedMs ?? wallMs);
}

function namesOf({ world, set, status }: SetView): Names {
  const existing = new Set(world.revisions.map(({ metadata }) => metadata.name));
  const exists = (name: string | undefined): string | undefined =>
    name !== undefined && existing.has(name) ? name : undefined;
  const update = world.update?.name ?? status.updateRevision;
  const isSame = status.updateRevision === update;
  const lastStable = status.lastStableRevision;
  const rejected =
    isSame && status.rejectedRevision === update && exists(lastStable) !== undefined ? update : undefined;
  const isPaused = set.spec.paused === true;
  const asked = isPaused ? undefined : set.metadata.annotations?.[ANNOTATION_PROMOTED];
  const promoted =
    asked !== undefined && asked === update ? update : isSame ? status.promotedRevision : undefined;
  const kept = exists(status.targetRevision);
  const target =
    rejected !== undefined
      ? lastStable
      : world.update === undefined
        ? status.targetRevision
        : isPaused
          ? (kept ?? update)
          : update;
  const current = exists(status.currentRevision) ?? exists(lastStable) ?? target;
  return { update, target, current, lastStable, rejected, promoted };
}

export function splitOf({ members, all, set }: SetView, target: string | undefined): Split {
  return {
    fresh: members.filter(({ revision }) => revision === target),
    old: members.filter(({ revision }) => revision !== target),
    outdated: all.filter((task) => revisionOf(task, set) !== target).length,
  };
}

/** Once complete it stays so while tasks come, go and fail: that is no rollout. */
function isCompleteWith(names: Names, split: Split, { status }: SetView, whole: Whole): boolean {
  const { target, lastStable } = names;
  if (target === undefined) return false;
  if (whole.isWhole(split)) return true;
  const wasComplete = status.targetRevision === target && status.furthest === undefined;
  const isProven = lastStable === target || whole.desired === 0;
  return wasComplete && isProven && whole.toReplace(split) === 0;
}

/** A first rollout has nothing good that canaries could stand beside, and an old revision has been seen before. */
function canariesOf({ set }: SetView, names: Names, { desired }: Whole): number {
  const { canary, type } = set.spec.strategy ?? {};
  const { target, update, current, lastStable, promoted } = names;
  const isNew = target !== undefined && target === update && target !== current && target !== lastStable;
  if (canary === undefined || type === 'Recreate' || set.spec.mode === 'Global') return 0;
  if (!isNew || lastStable === undefined || promoted === target) return 0;
  return Math.min(canary.replicas ?? 1, desired);
}

function phaseOf(input: {
  readonly view: SetView;
  readonly names: Names;
  readonly isComplete: boolean;
  readonly canaries: number;
  readonly isShown: boolean;
  readonly isAuto: boolean;
}): Phase {
  const { view, names, isComplete, canaries, isShown, isAuto } = input;
  if (names.target === undefined) return 'unknown';
  if (names.rejected !== undefined) return 'reverting';
  if (view.set.spec.paused === true) return 'paused';
  if (isComplete) return 'complete';
  if (canaries === 0 || (isShown && isAuto)) return 'moving';
  return isShown ? 'waiting' : 'canary';
}

function completed(names: Names, split: Split, isComplete: boolean, whole: Whole): Names {
  const { target } = names;
  if (target === undefined || !isComplete) return names;
  // Of none at all nothing was seen to be good.
  const isSeen = whole.desired > 0 && whole.isWhole(split);
  return { ...names, current: target, lastStable: isSeen ? target : names.lastStable };
}

function progressOf(
  { status, nowMs, world }: SetView,
  { names, split, phase }: { readonly names: Names; readonly split: Split; readonly phase: Phase },
): Pick<Rollout, 'lastProgressTime' | 'furthest'> {
  const now = new Date(nowMs).toISOString();
  const before = status.targetRevision === names.target ? status.furthest : undefined;
  const kept = status.lastProgressTime;
  if (phase === 'unknown') return { lastProgressTime: kept, furthest: status.furthest };
  if (phase === 'complete') {
    return { lastProgressTime: before === undefined ? (kept ?? now) : now, furthest: undefined };
  }
  const isNew =
    status.targetRevision !== names.target || status.updateRevision !== names.update || kept === undefined;
  // Nothing is under way, and nothing was: only pausing was asked for.
  if (phase === 'paused' && before === undefined && !isNew) {
    return { lastProgressTime: kept, furthest: undefined };
  }
  const seen = {
    updated: split.fresh.length,
    available: split.fresh.filter(({ isAvailable }) => isAvailable).length,
    outdated: split.outdated,
  };
  const furthest = {
    updated: Math.max(seen.updated, before?.updated ?? 0),
    available: Math.max(seen.available, before?.available ?? 0),
    outdated: Math.min(seen.outdated, before?.outdated ?? Number.POSITIVE_INFINITY),
  };
  const hasMoved =
    before === undefined ||
    furthest.updated > (before.updated ?? 0) ||
    furthest.available > (before.available ?? 0) ||
    furthest.outdated < (before.outdated ?? 0);
  const had = findCondition(status.conditions, 'Progressing')?.reason;
  const wasHeld = had === 'Paused' || had === 'CanaryWaiting';
  const isHeld = phase === 'paused' || phase === 'waiting' || world.update === undefined;
  const isAhead = kept !== undefined && Date.parse(kept) > nowMs;
  const isMoved = isNew || hasMoved || isAhead || (wasHeld && !isHeld);
  return { lastProgressTime: isMoved ? now : kept, furthest };
}

function canRevert(rollout: Rollout, { set, world }: SetView): boolean {
  const { deadlineInMs, target, update, lastStable } = rollout;
  return (
    set.spec.strategy?.autoRevert === true &&
    set.metadata.deletionTimestamp === undefined &&
    world.update !== undefined &&
    deadlineInMs !== undefined &&
    deadlineInMs <= 0 &&
    target === update &&
    lastStable !== undefined &&
    lastStable !== target &&
    world.revisions.some(({ metadata }) => metadata.name === lastStable)
  );
}

/** First it is written down; what follows from it is planned when that is read back. */
function reverted(rollout: Rollout, nowMs: number): Rollout {
  const { lastStable, target } = rollout;
  return {
    ...rollout,
    target: lastStable,
    rejected: target,
    phase: 'reverting',
    canaries: 0,
    lastProgressTime: new Date(nowMs).toISOString(),
    furthest: undefined,
    deadlineInMs: undefined,
    gaveUp: target,
  };
}
