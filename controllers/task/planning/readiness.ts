/** Whether a running container has started up and is ready, by its postStart hook and its probes. */
import { type Condition, findCondition } from '../../../machinery/conditions.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { TaskPlan } from '../types.ts';
import { type Attempt, engineTime } from './attempts.ts';
import type { TaskView } from './view.ts';

export interface Readiness {
  /** It got through its postStart hook and its startup probe. */
  readonly isStarted: boolean;
  readonly ready: Pick<Condition, 'status' | 'reason' | 'message'>;
}

export function readinessOf(view: TaskView, { container: { id } }: Attempt): Readiness {
  const { task, world } = view;
  if (!isPostStartDone(view, id)) {
    return notReady('PostStartRunning', 'the postStart hook is running', false);
  }
  if (!isProbed(task.spec)) return { isStarted: true, ready: ready() };
  const state = world.probes.get(id);
  if (state === undefined) return unasked(task, id);
  const { startup, readiness, message } = state;
  if (startup === 'pending' || startup === 'failed') {
    return notReady('StartupProbePending', message ?? 'the startup probe has not succeeded yet', false);
  }
  if (readiness === 'notReady') {
    return notReady('ReadinessProbeFailed', message ?? 'the readiness probe has not succeeded yet', true);
  }
  return { isStarted: true, ready: ready() };
}

/** Nobody has asked yet: what was said of this very container before stays said. */
function unasked(task: Task, id: string): Readiness {
  const { startupProbe, readinessProbe } = task.spec;
  const before = wasBefore(task, id);
  const isStarted = startupProbe === undefined || before.wasStarted;
  if (!isStarted) {
    return notReady('StartupProbePending', 'the startup probe has not succeeded yet', false);
  }
  return readinessProbe === undefined || before.wasReady
    ? { isStarted, ready: ready() }
    : notReady('ReadinessProbeFailed', 'the readiness probe has not succeeded yet', true);
}

/**
 * Once for each container, and again where Gantry was restarted before it was told that the hook is through: Kubernetes
 * promises no more ("Container Lifecycle Hooks", at least once). A hook that the Task is given later is not run late.
 */
export function isPostStartDue({ task, world }: TaskView, id: string): boolean {
  const { started, postStart } = world.memory;
  if (task.spec.lifecycle?.postStart === undefined || postStart.has(id)) return false;
  const told = task.status?.container;
  if (told?.id !== id) return true;
  return started.has(id) ? told.started !== true : told.started === false;
}

export function isPostStartDone(view: TaskView, id: string): boolean {
  const state = view.world.memory.postStart.get(id);
  return state === undefined ? !isPostStartDue(view, id) : state === 'done';
}

/** What to probe: a running container that is through its postStart hook, if there is anything to ask. */
export function probingOf(view: TaskView, { container }: Attempt): TaskPlan['probing'] {
  const { task, world } = view;
  const { id, ip, state } = container;
  if (state !== 'running' || !isProbed(task.spec) || !isPostStartDone(view, id)) return undefined;
  const startedMs = Date.parse(engineTime(container.startedAt) ?? '');
  return {
    containerId: id,
    startedAtMs: Number.isNaN(startedMs) ? world.nowMs : startedMs,
    ...(ip === undefined ? {} : { ip }),
    ...wasBefore(task, id),
  };
}

function wasBefore(
  { status }: Task,
  id: string,
): { readonly wasReady: boolean; readonly wasStarted: boolean } {
  const isSame = status?.container?.id === id;
  return {
    wasReady: isSame && findCondition(status.conditions, 'Ready')?.status === 'True',
    wasStarted: isSame && status.container?.started === true,
  };
}

function isProbed({ livenessProbe, readinessProbe, startupProbe }: Task['spec']): boolean {
  return livenessProbe !== undefined || readinessProbe !== undefined || startupProbe !== undefined;
}

function ready(): Readiness['ready'] {
  return { status: 'True', reason: 'ContainerRunning', message: 'the container runs' };
}

function notReady(reason: string, message: string, isStarted: boolean): Readiness {
  return { isStarted, ready: { status: 'False', reason, message } };
}
