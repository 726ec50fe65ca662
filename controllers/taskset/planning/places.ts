/** Mode Global: the workers there should be a task on. Pure. */
import { findCondition } from '../../../machinery/conditions.ts';
import type { TaskSet, Worker } from '../../../schemas/types.gen.ts';
import { untolerated, workerLabels } from '../../scheduler/filters.ts';
import type { Split } from './rollout.ts';
import type { Member, SetView } from './view.ts';

export interface Place {
  readonly worker: string;
  /** It takes new tasks: neither cordoned nor out of touch, and no taint keeps them away. */
  readonly isOpen: boolean;
  readonly members: readonly Member[];
}

export interface Places {
  /** Open ones, and closed ones that have a task: as many as are wanted. */
  readonly wanted: readonly Place[];
  /** Tasks of closed workers that nothing runs of: they wait for their worker, and hold nobody up. */
  readonly stranded: readonly Member[];
  /** Tasks on workers, or for workers, that do not match. */
  readonly strays: readonly Member[];
}

export function placesOf({ set, world, members }: SetView): Places {
  const byPlace = Map.groupBy(members, ({ place }) => place ?? '');
  const matching = world.workers.filter((worker) => isMatching(set, worker));
  const admitting = matching.filter((worker) => isAdmitting(set, worker));
  const admittingNames = new Set(admitting.map(({ metadata }) => metadata.name));
  const names = new Set(matching.map(({ metadata }) => metadata.name));
  // A taint that came later keeps new ones away, and drives none away that is there: NoSchedule says no more.
  const isAtHome = ({ place, worker }: Member): boolean =>
    place !== undefined && (admittingNames.has(place) || (names.has(place) && worker === place));
  const places = matching
    .map((worker) => {
      const { name } = worker.metadata;
      const isTaking = admittingNames.has(name) && isOpen(worker);
      return { worker: name, isOpen: isTaking, members: (byPlace.get(name) ?? []).filter(isAtHome) };
    })
    .sort((a, b) => (a.worker < b.worker ? -1 : 1));
  const isWanted = (place: Place): boolean =>
    place.isOpen || place.members.some(({ worker }) => worker === place.worker);
  return {
    wanted: places.filter(isWanted),
    stranded: places.filter((place) => !isWanted(place)).flatMap((place) => place.members),
    strays: members.filter((member) => !isAtHome(member)),
  };
}

/** Every open worker has one of the target revision, available, and none of another; closed ones alone show nothing. */
export function isWholeEverywhere({ wanted, strays }: Places, { fresh }: Split): boolean {
  const isFresh = new Set(fresh);
  const open = wanted.filter(({ isOpen }) => isOpen);
  return (
    strays.length === 0 &&
    (open.length > 0 || wanted.length === 0) &&
    open.every(
      ({ members }) =>
        members.every((member) => isFresh.has(member)) && members.some(({ isAvailable }) => isAvailable),
    )
  );
}

/** Of these, how many can be replaced: those on closed workers have to wait for their worker. */
export function toReplace({ wanted, strays }: Places, old: readonly Member[]): number {
  const isOld = new Set(old);
  const open = wanted.filter(({ isOpen }) => isOpen).flatMap(({ members }) => members);
  return [...open, ...strays].filter((member) => isOld.has(member)).length;
}

export function availablePlaces({ wanted }: Places): number {
  return wanted.filter(({ members }) => members.some(({ isAvailable }) => isAvailable)).length;
}

function isMatching(set: TaskSet, worker: Worker): boolean {
  if (worker.metadata.deletionTimestamp !== undefined) return false;
  const labels = workerLabels(worker);
  const wanted = Object.entries(set.spec.template.spec.workerSelector ?? {});
  return wanted.every(([key, value]) => labels[key] === value);
}

/**
 * Whether the template tolerates what the worker keeps away. What a worker says of itself for a moment, that its disk is
 * full, is the scheduler's to see to.
 * Source: Kubernetes' DaemonSets, which leave a pod on a node whose taint of effect NoSchedule came after it.
 */
function isAdmitting(set: TaskSet, worker: Worker): boolean {
  const spec = { ...set.spec.template.spec, restartPolicy: 'Always' as const };
  const steady: Worker = { ...worker, status: {} };
  return (
    untolerated({ apiVersion: '', kind: '', metadata: { name: '' }, spec }, steady, 'NoSchedule').length === 0
  );
}

function isOpen({ spec, status }: Worker): boolean {
  return spec?.unschedulable !== true && findCondition(status?.conditions, 'Ready')?.status === 'True';
}
