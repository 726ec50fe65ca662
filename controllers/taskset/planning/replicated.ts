/** Mode Replicated: how many of which revision come, and which go. Pure. */
import type { Task } from '../../../schemas/types.gen.ts';
import type { Limits } from './limits.ts';
import type { Rollout } from './rollout.ts';
import { chooseVictims, type Victim } from './victims.ts';
import { isOver, type Member, revisionOf, type SetView } from './view.ts';

export interface Coming {
  readonly revision: string;
  readonly reason: string;
  /** With mode Global: the worker it is for. */
  readonly worker?: string;
}

export interface Moves {
  readonly coming: readonly Coming[];
  readonly going: readonly Victim[];
  /** Tasks whose end is waited for. */
  readonly waitsFor: readonly string[];
}

export function planReplicated(view: SetView, rollout: Rollout, limits: Limits): Moves {
  const { target } = rollout;
  if (target === undefined) return { coming: [], going: surplusOf(view, rollout, limits), waitsFor: [] };
  if (rollout.phase === 'paused') return planPaused(view, rollout, limits, target);
  if (view.set.spec.strategy?.type === 'Recreate') return planRecreate(view, rollout, limits, target);
  return planRolling(view, rollout, limits, target);
}

function planRolling(view: SetView, rollout: Rollout, limits: Limits, target: string): Moves {
  const { split, canaries, current } = rollout;
  const { fresh, old } = split;
  const { desired, surge, floor, isStopFirst } = limits;
  const isCanary = canaries > 0;
  const keep = !isCanary ? 0 : isStopFirst ? desired - canaries : desired;
  const ceiling = desired + (isCanary && !isStopFirst ? Math.max(surge, canaries) : surge);
  const room = Math.max(0, ceiling - view.members.length);
  const wanted = isCanary ? canaries : desired;
  const newer = clamp(wanted - fresh.length, room);
  const older = current === target ? 0 : clamp(keep - old.length, room - newer);
  const because = isCanary ? `a canary of ${target}` : reasonToCome(view, rollout, limits);
  const coming: Coming[] = [
    ...repeated(newer, { revision: target, reason: because }),
    ...repeated(older, {
      revision: current ?? target,
      reason: `${desired} of it stay until ${target} is promoted`,
    }),
  ];

  const budget = budgetOf(view.members, floor);
  // While old ones are missing, a canary too many is better than none.
  const isFull = !isCanary || old.length >= keep;
  const surplus = chooseVictims({
    from: fresh,
    members: view.members,
    count: isFull ? Math.max(0, fresh.length - wanted) : 0,
    reason: 'ScaledDown',
    because: `${wanted} are wanted, ${fresh.length} of ${target} are there`,
    availableBudget: budget,
  });
  const spent = surplus.filter(({ member }) => member.isAvailable).length;
  // Old ones that are not available just now may be again: they are counted on until new ones have shown more.
  const availableFresh = fresh.filter(({ isAvailable }) => isAvailable).length - spent;
  const replaceable = isCanary
    ? old.length - keep
    : Math.min(old.length, old.length + availableFresh - floor);
  const superseded = chooseVictims({
    from: old,
    members: view.members,
    count: Math.max(0, replaceable),
    reason: 'Superseded',
    preferred: current,
    because: `${target} takes its place`,
    availableBudget: budget - spent,
  });
  return { coming, going: [...surplus, ...superseded], waitsFor: [] };
}

function planRecreate(view: SetView, rollout: Rollout, { desired }: Limits, target: string): Moves {
  const { fresh, old } = rollout.split;
  const going = [
    ...chooseVictims({
      from: old,
      members: view.members,
      count: old.length,
      reason: 'Recreate',
      because: `all of other revisions end before ${target} begins`,
      availableBudget: old.length,
    }),
    ...chooseVictims({
      from: fresh,
      members: view.members,
      count: Math.max(0, fresh.length - desired),
      reason: 'ScaledDown',
      because: `${desired} are wanted, ${fresh.length} of ${target} are there`,
      availableBudget: fresh.length,
    }),
  ];
  const waitsFor = blockersOf(view, rollout);
  const reason = `all of other revisions have ended, ${desired} are wanted`;
  const count = waitsFor.length > 0 ? 0 : Math.max(0, desired - fresh.length);
  return { coming: repeated(count, { revision: target, reason }), going, waitsFor };
}

/** Tasks of other revisions that may still run: not gone yet. */
export function blockersOf(
  { all, set }: SetView,
  { target }: Rollout,
  isKept: (task: Task) => boolean = () => false,
): readonly string[] {
  return all
    .filter((task) => revisionOf(task, set) !== target && !isOver(task) && !isKept(task))
    .map(({ metadata }) => metadata.name);
}

/** The number is kept, and what there is of each revision; what is lost comes back as it was before the rollout. */
function planPaused(view: SetView, rollout: Rollout, limits: Limits, target: string): Moves {
  const { current, split, update } = rollout;
  const { desired } = limits;
  const missing = Math.max(0, desired - view.members.length);
  const had = update === target ? Math.min(view.status.updatedReplicas ?? 0, desired) : 0;
  const isMixed = current !== undefined && current !== target;
  const newer = isMixed ? clamp(had - split.fresh.length, missing) : missing;
  const reason = `${desired} are wanted, ${view.members.length} are there`;
  return {
    coming: [
      ...repeated(newer, { revision: target, reason }),
      ...repeated(missing - newer, {
        revision: current ?? target,
        reason: `${reason}; the rollout is paused`,
      }),
    ],
    going: surplusOf(view, rollout, limits),
    waitsFor: [],
  };
}

/** While a rollout stands still, what it has added stays. */
function surplusOf(
  view: SetView,
  { split, phase, target }: Rollout,
  { desired, surge, floor }: Limits,
): readonly Victim[] {
  const { members } = view;
  const isMixed = phase === 'paused' && split.fresh.length > 0 && split.old.length > 0 && desired > 0;
  const canaries = view.set.spec.strategy?.canary?.replicas ?? 0;
  const allowed = desired + (isMixed ? Math.max(surge, canaries) : 0);
  return chooseVictims({
    from: members,
    members,
    count: Math.max(0, members.length - allowed),
    reason: 'ScaledDown',
    preferred: target,
    because: `${desired} are wanted, ${members.length} are there`,
    availableBudget: budgetOf(members, floor),
  });
}

function reasonToCome(view: SetView, { phase, target }: Rollout, { desired }: Limits): string {
  if (phase === 'reverting') return `${target} comes back`;
  if (phase === 'complete') return `${desired} are wanted, ${view.members.length} are there`;
  return `the rollout of ${target}`;
}

/** How many available ones can be spared. */
export function budgetOf(members: readonly Member[], floor: number): number {
  return Math.max(0, members.filter(({ isAvailable }) => isAvailable).length - floor);
}

function clamp(count: number, most: number): number {
  return Math.max(0, Math.min(count, most));
}

function repeated(count: number, coming: Coming): readonly Coming[] {
  return Array.from({ length: count }, () => coming);
}
