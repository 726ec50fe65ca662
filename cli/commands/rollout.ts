/** `gantry rollout pause`, `resume`, `restart` and `promote`: the small writes by which a rollout is steered. */
import { findCondition } from '../../machinery/conditions.ts';
import { ANNOTATION_PROMOTED, ANNOTATION_RESTARTED } from '../../machinery/labels.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { changeObject } from '../changing.ts';
import { CommandError, type Io } from '../io.ts';
import type { Session } from '../session.ts';
import { setName, setsNamed } from '../tasksets.ts';

/** Rejects with `CommandError` or `ApiError`, as all of these do; sets after one that is refused stay as they are. */
export function runRolloutPause(words: readonly string[], session: Session, io: Io): Promise<void> {
  return changeEach(words, pausing, 'paused', session, io);
}

export function runRolloutResume(words: readonly string[], session: Session, io: Io): Promise<void> {
  return changeEach(words, resuming, 'resumed', session, io);
}

export function runRolloutRestart(words: readonly string[], session: Session, io: Io): Promise<void> {
  const at = new Date(io.clock.now()).toISOString();
  return changeEach(words, (set) => restarting(set, at), 'restarted', session, io);
}

export function runRolloutPromote(words: readonly string[], session: Session, io: Io): Promise<void> {
  return changeEach(words, promoting, 'promoted', session, io);
}

async function changeEach(
  words: readonly string[],
  decide: (set: TaskSet) => Record<string, unknown>,
  done: string,
  session: Session,
  io: Io,
): Promise<void> {
  for (const subject of await setsNamed(words, session)) {
    await changeObject(subject, decide, session, io);
    await io.stdout.write(`${setName(subject.key.name)} ${done}\n`);
  }
}

function pausing({ metadata, spec }: TaskSet): Record<string, unknown> {
  if (spec.paused === true)
    throw new CommandError(`tasksets.gantry.dev "${metadata.name}" is already paused`);
  return { spec: { paused: true } };
}

function resuming({ metadata, spec }: TaskSet): Record<string, unknown> {
  if (spec.paused !== true) throw new CommandError(`tasksets.gantry.dev "${metadata.name}" is not paused`);
  return { spec: { paused: null } };
}

function restarting({ metadata, spec }: TaskSet, at: string): Record<string, unknown> {
  if (spec.paused === true) {
    throw new CommandError(
      `can't restart the paused taskset "${metadata.name}": run gantry rollout resume taskset/${metadata.name} first`,
    );
  }
  return { spec: { template: { metadata: { annotations: { [ANNOTATION_RESTARTED]: at } } } } };
}

/** Only of what the controller has seen and holds back: an older answer of it is no reason to promote anything. */
function promoting({ metadata, spec, status }: TaskSet): Record<string, unknown> {
  const { name, generation = 0 } = metadata;
  const refuse = (why: string): never => {
    throw new CommandError(`nothing of taskset "${name}" waits for promotion: ${why}`);
  };
  const update = status?.updateRevision;
  if (update === undefined || (status?.observedGeneration ?? 0) < generation) {
    return refuse('its newest spec has not been looked at yet; try again in a moment');
  }
  if (status?.rejectedRevision === update) {
    return refuse(
      `its revision ${update} was given up; change the template, or go back with gantry rollout undo`,
    );
  }
  const isPromoted = [metadata.annotations?.[ANNOTATION_PROMOTED], status?.promotedRevision].includes(update);
  if (isPromoted) return refuse(`its revision ${update} is promoted already`);
  const reason = findCondition(status?.conditions, 'Progressing')?.reason;
  if (reason !== 'CanaryWaiting') {
    return refuse(
      spec.strategy?.canary === undefined
        ? 'it has no spec.strategy.canary'
        : `its condition Progressing says ${reason ?? 'nothing yet'}, wanted CanaryWaiting; gantry rollout status taskset/${name} tells how it stands`,
    );
  }
  return { metadata: { annotations: { [ANNOTATION_PROMOTED]: update } } };
}
