/**
 * The planner of a TaskSet: what is asked for, its tasks and revisions, now -> actions, status, when to look again.
 *
 * Pure. It promises that during a rollout no act of its takes available tasks away below what is promised, nor makes
 * more than the limits allow, as far as its copy of the tasks shows them; that a task is deleted only after the stored status has had it out of `endpoints` and in
 * `leaving` for a second; that names follow from what a task is for; and that a settled set plans nothing and gets its
 * stored status back. The status is to be written first, with the version it was read at: two planners cannot both
 * choose. The rules for what a rollout may do are those of Kubernetes' Deployments and DaemonSets.
 */
import { isSameJson } from '../../machinery/json.ts';
import { labelSelectorText } from '../../machinery/selectors.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { conditionsOf } from './planning/conditions.ts';
import { gapOf } from './planning/gap.ts';
import { planGlobal } from './planning/global.ts';
import { planForgetting, planRevisions } from './planning/history.ts';
import { leaveOf, NOTICE_MS } from './planning/leaving.ts';
import { type Limits, limitsOf } from './planning/limits.ts';
import { createsOf } from './planning/names.ts';
import { notesOf } from './planning/notes.ts';
import { availablePlaces, isWholeEverywhere, type Places, placesOf, toReplace } from './planning/places.ts';
import { type Coming, type Moves, planReplicated } from './planning/replicated.ts';
import { type Rollout, rolloutOf, type Split } from './planning/rollout.ts';
import { leavingEntry, type Victim } from './planning/victims.ts';
import { type Member, type SetView, uidOf, viewOf } from './planning/view.ts';
import type { Leaving, Status, TaskSetAction, TaskSetPlan, TaskSetWorld } from './types.ts';

/** Giving up is written down first; what follows from it is planned when that is read back. */
const AGAIN_MS = 50;

export function planTaskSet(world: TaskSetWorld): TaskSetPlan {
  const view = viewOf(world);
  const places = world.set.spec.mode === 'Global' ? placesOf(view) : undefined;
  const limits = limitsOf(world.set, places?.wanted.length ?? world.set.spec.replicas ?? 1);
  const gap = gapOf(view, limits);
  const leave = leaveOf(view, gap.measureOf);
  const rollout = rolloutOf(view, {
    desired: limits.desired,
    isWhole: (split) => isWholeSplit(split, limits, places),
    toReplace: ({ old }) => (places === undefined ? old.length : toReplace(places, old)),
  });
  const isDeleting = world.set.metadata.deletionTimestamp !== undefined;
  const moves = isDeleting || rollout.gaveUp !== undefined ? nothing : movesOf(view, rollout, limits, places);
  const going = [...failedOf(view, isDeleting), ...moves.going];
  const chosen = new Set(going.map(({ member }) => member));
  const { creates, isCut } = createsOf(view, existingOnly(view, moves.coming));
  const next = statusOf({ view, rollout, limits, places, chosen, moves, gap: gap.lastGap }, [
    ...leave.kept,
    ...going.map((victim) => leavingEntry(victim, world.nowMs)),
  ]);
  const status =
    world.set.status !== undefined && isSameJson(world.set.status, next) ? world.set.status : next;
  if (isDeleting) {
    const hasMore = { creates: false, deletes: false };
    return { actions: [], status, lookAgainMs: undefined, hasMore, notes: [] };
  }
  const revisions = planRevisions(view, rollout.target);
  const actions: readonly TaskSetAction[] = [
    ...view.released.map((task) => ofTask('release', task)),
    ...view.adopted.map((task) => ofTask('adopt', task)),
    ...revisions,
    ...creates,
    ...leave.deletes,
    ...planForgetting(view, next),
  ];
  const looks = [
    leave.lookAgainMs,
    rollout.gaveUp === undefined ? undefined : AGAIN_MS,
    going.length > 0 ? NOTICE_MS : undefined,
    rollout.deadlineInMs !== undefined && rollout.deadlineInMs > 0 ? rollout.deadlineInMs : undefined,
    ...view.members.map(({ availableInMs }) => availableInMs),
  ].filter((look) => look !== undefined);
  return {
    actions,
    status,
    lookAgainMs: looks.length === 0 ? undefined : Math.max(1, Math.min(...looks)),
    hasMore: { creates: isCut, deletes: leave.hasMore },
    notes: notesOf({ view, rollout, limits, next, going }),
  };
}

const nothing: Moves = { coming: [], going: [], waitsFor: [] };

function movesOf(view: SetView, rollout: Rollout, limits: Limits, places: Places | undefined): Moves {
  return places === undefined
    ? planReplicated(view, rollout, limits)
    : planGlobal(view, rollout, limits, places);
}

function isWholeSplit(split: Split, { desired }: Limits, places: Places | undefined): boolean {
  if (places !== undefined) return isWholeEverywhere(places, split);
  const available = split.fresh.filter(({ isAvailable }) => isAvailable).length;
  return split.old.length === 0 && split.fresh.length === desired && available === desired;
}

/** Ended for good, for example taken off its worker for the last time: another takes its place. */
function failedOf({ ended }: SetView, isDeleting: boolean): readonly Victim[] {
  if (isDeleting) return [];
  return ended.map((member) => ({
    member,
    reason: 'Failed',
    message: `it has ended for good: ${member.task.status?.phase}, ${member.task.status?.reason ?? 'no reason given'}`,
  }));
}

/** Nothing can be made from a ControllerRevision that somebody has deleted. */
function existingOnly({ world }: SetView, coming: readonly Coming[]): readonly Coming[] {
  const known = new Set(world.revisions.map(({ metadata }) => metadata.name));
  if (world.update !== undefined) known.add(world.update.name);
  return coming.filter(({ revision }) => known.has(revision));
}

function ofTask(kind: 'adopt' | 'release', task: Task): TaskSetAction {
  return { kind, task: task.metadata.name, uid: uidOf(task) };
}

interface Seen {
  readonly view: SetView;
  readonly rollout: Rollout;
  readonly limits: Limits;
  readonly places: Places | undefined;
  /** Those that this plan takes out. */
  readonly chosen: ReadonlySet<Member>;
  readonly moves: Moves;
  readonly gap: Status['lastGap'];
}

function statusOf(seen: Seen, leaving: readonly Leaving[]): Status {
  const { view, rollout, limits, places, chosen, moves, gap } = seen;
  const { set } = view;
  const staying = view.members.filter((member) => !chosen.has(member));
  const available = staying.filter(({ isAvailable }) => isAvailable);
  const counted = places === undefined ? available.length : availablePlaces(without(places, chosen));
  const conditions = conditionsOf({
    view,
    rollout,
    limits,
    available: counted,
    waitsFor: moves.waitsFor,
    isMissingSome: moves.coming.length > 0,
  });
  return present({
    observedGeneration: set.metadata.generation ?? 0,
    desiredReplicas: limits.desired,
    replicas: staying.length,
    updatedReplicas: staying.filter(({ revision }) => revision === rollout.update).length,
    readyReplicas: staying.filter(({ isReady }) => isReady).length,
    availableReplicas: available.length,
    unavailableReplicas: Math.max(0, limits.desired - counted),
    endpoints: staying.filter(({ isReady }) => isReady).map(endpointOf),
    leaving: leaving.length === 0 ? undefined : [...leaving],
    currentRevision: rollout.current,
    updateRevision: rollout.update,
    targetRevision: rollout.target,
    lastStableRevision: rollout.lastStable,
    rejectedRevision: rollout.rejected,
    promotedRevision: rollout.promoted,
    lastProgressTime: rollout.lastProgressTime,
    furthest: rollout.furthest,
    lastGap: gap,
    selector: labelSelectorText(set.spec.selector),
    conditions,
  });
}

function without(places: Places, chosen: ReadonlySet<Member>): Places {
  const wanted = places.wanted.map((place) => ({
    ...place,
    members: place.members.filter((member) => !chosen.has(member)),
  }));
  return { ...places, wanted };
}

function endpointOf({ task, name, worker }: Member): NonNullable<Status['endpoints']>[number] {
  const { ip, ports } = task.status ?? {};
  return present({
    task: name,
    workerName: worker,
    ip,
    ports: ports === undefined || ports.length === 0 ? undefined : ports,
  });
}

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without what is undefined. */
function present<T extends object>(value: T): Partial<Present<T>> & Pick<Present<T>, RequiredOf<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as never;
}

type RequiredOf<T> = { [K in keyof T]: undefined extends T[K] ? never : K }[keyof T];
