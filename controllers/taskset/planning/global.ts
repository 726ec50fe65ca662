/** Mode Global: on which workers tasks come and go. Pure. */
import type { Limits } from './limits.ts';
import { availablePlaces, type Place, type Places } from './places.ts';
import { blockersOf, type Coming, type Moves } from './replicated.ts';
import type { Rollout } from './rollout.ts';
import { chooseVictims, type Victim } from './victims.ts';
import type { Member, SetView } from './view.ts';

export function planGlobal(view: SetView, rollout: Rollout, limits: Limits, places: Places): Moves {
  const { target, phase } = rollout;
  const going: Victim[] = places.strays.map((member) => ({
    member,
    reason: 'WorkerNotMatching',
    message:
      member.place === undefined
        ? 'it is for no worker in particular'
        : `worker ${member.place} does not match workerSelector and tolerations, or is gone`,
  }));
  going.push(...places.wanted.flatMap((place) => doubled(place, rollout)));
  if (target === undefined) return { coming: [], going, waitsFor: [] };
  const isRecreate = view.set.spec.strategy?.type === 'Recreate';
  if (phase !== 'paused') {
    going.push(...(isRecreate ? allOld(places, target) : replaceable(places, limits, target)));
  }
  const open = new Set(places.wanted.filter(({ isOpen }) => isOpen).map(({ worker }) => worker));
  // What stays on a closed worker is not waited for.
  const isKept = new Set(
    view.members.filter(({ place }) => place !== undefined && !open.has(place)).map(({ task }) => task),
  );
  const waitsFor =
    isRecreate && phase !== 'paused' ? blockersOf(view, rollout, (task) => isKept.has(task)) : [];
  return { coming: waitsFor.length > 0 ? [] : comingTo(rollout, limits, places, target), going, waitsFor };
}

function comingTo(
  { phase, current }: Rollout,
  { desired, surge }: Limits,
  { wanted }: Places,
  target: string,
): readonly Coming[] {
  const open = wanted.filter(({ isOpen }) => isOpen);
  const empty = open.filter(({ members }) => members.length === 0);
  const isHeld = phase === 'paused';
  const revision = isHeld ? (current ?? target) : target;
  const counted = wanted.reduce((sum, { members }) => sum + members.length, 0);
  const room = Math.max(0, desired + surge - counted);
  const coming: Coming[] = empty.slice(0, room).map(({ worker }) => ({
    revision,
    worker,
    reason: `worker ${worker} has none${isHeld ? '; the rollout is paused' : ''}`,
  }));
  if (isHeld) return coming;
  const outdated = open.filter(
    ({ members }) => members.length > 0 && members.every((member) => member.revision !== target),
  );
  const beside = outdated.slice(0, room - coming.length).map(({ worker }) => ({
    revision: target,
    worker,
    reason: `the rollout of ${target}`,
  }));
  return [...coming, ...beside];
}

/** More than one of the same revision: somebody gave the set a task that it did not make. */
function doubled({ worker, members }: Place, { target }: Rollout): readonly Victim[] {
  const fresh = members.filter(({ revision }) => revision === target);
  return chooseVictims({
    from: fresh,
    members,
    count: Math.max(0, fresh.length - 1),
    reason: 'ScaledDown',
    because: `worker ${worker} has ${fresh.length}, 1 is wanted`,
    availableBudget: fresh.length,
  });
}

function allOld({ wanted }: Places, target: string): readonly Victim[] {
  return wanted
    .filter(({ isOpen }) => isOpen)
    .flatMap(({ members }) => members.filter(({ revision }) => revision !== target))
    .map((member) => ({
      member,
      reason: 'Recreate',
      message: `all of other revisions end before ${target} begins`,
    }));
}

/**
 * Old ones whose successor does its work go, and of several on one worker all but the best; then, as far as the promise
 * allows, others make room for theirs.
 */
function replaceable(places: Places, { floor }: Limits, target: string): readonly Victim[] {
  const going: Victim[] = [];
  const supersede = (members: readonly Member[], why: string): void => {
    for (const member of members) {
      going.push({ member, reason: 'Superseded', message: `${target} takes its place; ${why}` });
    }
  };
  const waiting: Member[] = [];
  for (const { worker, isOpen, members } of places.wanted) {
    const old = members.filter(({ revision }) => revision !== target);
    if (!isOpen || old.length === 0) continue;
    const best = old.find(({ isAvailable }) => isAvailable) ?? old[0];
    const isDone = members.some(({ revision, isAvailable }) => revision === target && isAvailable);
    if (isDone) supersede(old, `on worker ${worker} it is available`);
    else if (best !== undefined) {
      supersede(
        old.filter((member) => member !== best),
        `another one is on worker ${worker}`,
      );
      waiting.push(best);
    }
  }
  let available = availablePlaces(places);
  // Old ones that are not available just now may be again: they are counted on until new ones have shown more.
  let promising = places.wanted.filter(({ members }) =>
    members.some(({ revision, isAvailable }) => revision !== target || isAvailable),
  ).length;
  const down = waiting.filter(({ isAvailable }) => !isAvailable);
  const up = waiting.filter(({ isAvailable }) => isAvailable);
  for (const member of [...down, ...up]) {
    if (promising <= floor || (member.isAvailable && available <= floor)) break;
    supersede([member], member.isAvailable ? 'maxUnavailable allows it' : 'it is not available');
    promising--;
    if (member.isAvailable) available--;
  }
  return going;
}
