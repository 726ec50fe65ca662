/** What the planner's parts share: one Task of this worker, what is on the engine for it, and what that amounts to. */
import type { Resources } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { HistoryEntry, TaskWorld } from '../types.ts';
import { type Attempt, attemptsOf, engineTime } from './attempts.ts';
import { type Deadline, deadlineOf } from './deadline.ts';
import { currentRun, describeEnd, type History, historyOf, isSuccess } from './history.ts';
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
  /** When the first container was started, whichever worker had it. */
  readonly startedAt: string | undefined;
  readonly deadline: Deadline | undefined;
}

export function viewOf(task: Task, world: TaskWorld): TaskView {
  const epoch = task.spec.bindingEpoch ?? 0;
  const hash = specHash(task.spec);
  const wanted = wantedResources(task.spec, world.cores);
  const attempts = attemptsOf(world.containers, world.memory);
  const isSuperseded = (attempt: Attempt): boolean =>
    replacementReason(attempt, { epoch, hash, wanted }) !== undefined;
  const history = historyOf(task, world, attempts, isSuperseded);
  const startedAt = task.status?.startedAt ?? firstStart(attempts, history);
  return {
    task,
    world,
    epoch,
    hash,
    wanted,
    attempts,
    history,
    run: currentRun(history.entries, epoch, hash),
    startedAt,
    deadline: deadlineOf(task, startedAt, world),
  };
}

function firstStart(attempts: readonly Attempt[], { entries }: History): string | undefined {
  const starts = [
    ...attempts.map(({ container }) => engineTime(container.startedAt)),
    ...entries.map((entry) => engineTime(entry.startedAt)),
  ].filter((start) => start !== undefined);
  return starts.sort()[0];
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

/** How a Task came to its end, and what to say of it. */
export interface End {
  readonly phase: 'Succeeded' | 'Failed';
  readonly reason: string;
  readonly message: string;
  readonly finishedAt?: string;
}

/** The kubelet's words, with ours for its nouns. */
export const DEADLINE_MESSAGE = 'Task was active on the worker longer than the specified deadline';

/**
 * How the Task ended: once its newest container did and the restart policy leaves it at that, or once it has had its
 * time, whatever the restart policy.
 */
export function outcomeOf(view: TaskView): End | undefined {
  const { task, attempts, run } = view;
  const [last] = run;
  const policy = task.spec.restartPolicy ?? 'Always';
  const isNewest = last !== undefined && attempts.every(({ attempt }) => attempt <= last.attempt);
  if (isNewest && last.reason === 'DeadlineExceeded') return deadlineEnd(view);
  if (isNewest && policy !== 'Always') {
    if (isSuccess(last)) return endedWith('Succeeded', last);
    if (policy === 'Never') return endedWith('Failed', last);
  }
  return view.deadline !== undefined && view.deadline.leftMs <= 0 ? deadlineEnd(view) : undefined;
}

function endedWith(phase: End['phase'], end: HistoryEntry): End {
  return {
    phase,
    reason: end.reason,
    message: `the container ended with ${describeEnd(end)}`,
    ...(end.finishedAt === undefined ? {} : { finishedAt: end.finishedAt }),
  };
}

/** Where no container was there to be stopped any more, it ended when its time was over. */
function deadlineEnd({ run: [last], deadline }: TaskView): End {
  const endedMs = Math.max(Date.parse(last?.finishedAt ?? '') || 0, deadline?.atMs ?? 0);
  return {
    phase: 'Failed',
    reason: 'DeadlineExceeded',
    message: DEADLINE_MESSAGE,
    ...(endedMs === 0 ? {} : { finishedAt: new Date(endedMs).toISOString() }),
  };
}

/** Created and never started (Gantry stopped in between): still good when nothing newer was there. */
export function isStartable(view: TaskView, attempt: Attempt): boolean {
  return (
    attempt.life === 'created' &&
    view.attempts.every((other) => other === attempt || other.attempt < attempt.attempt) &&
    replacementReason(attempt, view) === undefined
  );
}
