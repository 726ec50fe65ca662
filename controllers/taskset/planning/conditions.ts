/** What is said of a set in its conditions. Reasons are Kubernetes', with CanaryWaiting and RolledBack besides. Pure. */
import { type ConditionInput, findCondition, setCondition } from '../../../machinery/conditions.ts';
import type { Status } from '../types.ts';
import type { Limits } from './limits.ts';
import type { Rollout } from './rollout.ts';
import { readyWords } from './victims.ts';
import type { SetView } from './view.ts';

export interface Said {
  readonly view: SetView;
  readonly rollout: Rollout;
  readonly limits: Limits;
  /** With mode Global workers count, not tasks. */
  readonly available: number;
  readonly waitsFor: readonly string[];
  /** More have to come than there are. */
  readonly isMissingSome: boolean;
}

type Conditions = NonNullable<Status['conditions']>;

export function conditionsOf(said: Said): Conditions {
  const { set, status, nowMs } = said.view;
  const observedGeneration = set.metadata.generation ?? 0;
  // What creating was refused with is said by who created, and holds as long as something is missing.
  const kept = (status.conditions ?? []).filter(
    ({ type }) => type !== 'ReplicaFailure' || said.isMissingSome,
  );
  const available = setCondition(kept, { ...availability(said), observedGeneration }, nowMs);
  return [...setCondition(available, { ...progress(said), observedGeneration }, nowMs)];
}

function availability({ limits, available }: Said): ConditionInput {
  const { desired, unavailable } = limits;
  // Recreate promises nothing while it replaces; what is wanted is wanted all the same.
  const least = limits.floor === 0 && unavailable === desired ? Math.min(1, desired) : limits.floor;
  const isMet = available >= least;
  return {
    type: 'Available',
    status: isMet ? 'True' : 'False',
    reason: isMet ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: `${available} of ${desired} are available, at least ${least} must be`,
  };
}

function progress(said: Said): ConditionInput {
  const { view, rollout, limits } = said;
  const { phase, target, split, lastStable } = rollout;
  const type = 'Progressing';
  const { desired } = limits;
  const freshAvailable = split.fresh.filter(({ isAvailable }) => isAvailable).length;
  switch (phase) {
    case 'unknown':
      return {
        type,
        status: 'Unknown',
        reason: 'RevisionUnknown',
        message: 'what the template is made from could not be read; nothing is begun until it can be',
      };
    case 'reverting':
      return { type, status: 'False', reason: 'RolledBack', message: revertWords(said) };
    case 'paused':
      return {
        type,
        status: 'Unknown',
        reason: 'Paused',
        message: `spec.paused is true: changes of the template wait; the number of replicas is kept`,
      };
    case 'complete':
      return {
        type,
        status: 'True',
        reason: 'NewRevisionAvailable',
        message: `${target} is complete${gapWords(said)}`,
      };
    case 'waiting':
      return {
        type,
        status: 'True',
        reason: 'CanaryWaiting',
        message: `${split.fresh.length} of ${target} are available beside ${split.old.length} others; \`gantry rollout promote taskset/${view.set.metadata.name}\` lets the rest follow, \`gantry rollout undo\` takes them back`,
      };
    case 'canary':
    case 'moving':
      if (isExceeded(rollout)) {
        return {
          type,
          status: 'False',
          reason: 'ProgressDeadlineExceeded',
          message: `${target} has made no progress for ${deadlineSeconds(view)} s${stuckWords(rollout)}; ${lastStable === undefined ? 'there is no stable revision to go back to' : lastStable === target ? 'it is the last stable revision' : `\`gantry rollout undo\` brings back what was before`}`,
        };
      }
      return {
        type,
        status: 'True',
        reason: 'ReplicasUpdating',
        message: `${phase === 'canary' ? 'canaries first: ' : ''}${split.fresh.length} of ${desired} are of ${target}, ${freshAvailable} of them available, ${split.old.length} are of others${waitWords(said)}${gapWords(said)}`,
      };
  }
}

export function isExceeded({ deadlineInMs }: Rollout): boolean {
  return deadlineInMs !== undefined && deadlineInMs <= 0;
}

/** Said once, with what was seen when it was given up. */
function revertWords({ view, rollout }: Said): string {
  const told = findCondition(view.status.conditions, 'Progressing');
  if (told?.reason === 'RolledBack' && rollout.gaveUp === undefined) return told.message;
  return `${rollout.rejected} made no progress for ${deadlineSeconds(view)} s${stuckWords(rollout)}, ${rollout.target} comes back; change spec.template, or \`gantry rollout restart\`, to try again`;
}

/** One that is not available, and its own words for it. */
function stuckWords({ split }: Rollout): string {
  const stuck =
    split.fresh.find(({ isReady }) => !isReady) ?? split.fresh.find(({ isAvailable }) => !isAvailable);
  return stuck === undefined ? '' : ` (${stuck.name}: ${readyWords(stuck)})`;
}

function deadlineSeconds({ set }: SetView): number {
  return set.spec.progressDeadlineSeconds ?? 600;
}

const TOLD_TASKS = 3;

function waitWords({ waitsFor }: Said): string {
  if (waitsFor.length === 0) return '';
  const more = waitsFor.length > TOLD_TASKS ? ` and ${waitsFor.length - TOLD_TASKS} more` : '';
  return `; waits for the end of ${waitsFor.slice(0, TOLD_TASKS).join(', ')}${more}`;
}

function gapWords({ view, limits }: Said): string {
  if (!limits.isStopFirst) return '';
  const { lastGap } = view.status;
  return `; a fixed hostPort means that the old task stops first${lastGap?.seconds === undefined ? '' : `: nobody answered for ${lastGap.seconds} s the last time`}`;
}
