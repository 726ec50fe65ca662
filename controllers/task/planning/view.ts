/** What the planner's parts share: one Task of this worker, what is on the engine for it, and what that amounts to. */
import type { Resources } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { HistoryEntry, TaskWorld } from '../types.ts';
import { type Attempt, attemptsOf } from './attempts.ts';
import { currentRun, type History, historyOf, isSuccess } from './history.ts';
import { surplusLimits, wantedResources } from './resources.ts';
import { isSameSpec, specHash } from './spechash.ts';

export interface TaskView {
  readonly task: Task;
  readonly world: TaskWorld;
  /** The newest binding's number. */
  readonly epoch: number;
  readonly hash: string;
  readonly wanted: Resources;
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
  readonly history: History;
  /** The ends of this binding and this spec, newest first. */
  readonly run: readonly HistoryEntry[];
}

export function viewOf(task: Task, world: TaskWorld): TaskView {
  const epoch = task.spec.bindingEpoch ?? 0;
  const hash = specHash(task.spec);
  const wanted = wantedResources(task.spec);
  const attempts = attemptsOf(world.containers, world.memory);
  const isSuperseded = (attempt: Attempt): boolean =>
    replacementReason(attempt, { epoch, hash, wanted }) !== undefined;
  const history = historyOf(task, world, attempts, isSuperseded);
  return {
    task,
    world,
    epoch,
    hash,
    wanted,
    attempts,
    history,
    run: currentRun(history.entries, epoch, hash),
  };
}

export interface Replacement {
  readonly reason: 'NewBinding' | 'SpecChanged' | 'LimitRemoved';
  readonly message: string;
}

/** Why no change in place can make this container the wanted one; undefined when it is or can become it. */
export function replacementReason(
  { container, epoch, specHash }: Attempt,
  wanted: Pick<TaskView, 'epoch' | 'hash' | 'wanted'>,
): Replacement | undefined {
  if (epoch < wanted.epoch) {
    return {
      reason: 'NewBinding',
      message: `it belongs to binding ${epoch}, the Task is at ${wanted.epoch}`,
    };
  }
  if (!isSameSpec(specHash, wanted.hash)) {
    return {
      reason: 'SpecChanged',
      message: `it was made from spec ${specHash}, the Task has ${wanted.hash}`,
    };
  }
  const surplus = surplusLimits(wanted.wanted, container.resources);
  if (surplus.length > 0) {
    return {
      reason: 'LimitRemoved',
      message: `it has a limit on ${surplus.join(' and ')} that the Task has not, and an engine cannot lift a limit`,
    };
  }
  return undefined;
}

/** How the Task ended, once its newest container did and the restart policy leaves it at that. */
export function outcomeOf({ task, attempts, run }: TaskView): 'Succeeded' | 'Failed' | undefined {
  const [last] = run;
  const policy = task.spec.restartPolicy ?? 'Always';
  if (last === undefined || policy === 'Always') return undefined;
  if (attempts.some(({ attempt }) => attempt > last.attempt)) return undefined;
  if (isSuccess(last)) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : undefined;
}

/** Created and never started (Gantry stopped in between): still good when nothing newer was there. */
export function isStartable(view: TaskView, attempt: Attempt): boolean {
  return (
    attempt.life === 'created' &&
    view.attempts.every((other) => other === attempt || other.attempt < attempt.attempt) &&
    replacementReason(attempt, view) === undefined
  );
}
