/** The status: what was seen of a Task, never what is hoped. */
import { type Condition, findCondition, setCondition } from '../../../machinery/conditions.ts';
import { isSameJson } from '../../../machinery/json.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { StopReason, TaskStatus } from '../types.ts';
import { type Attempt, engineTime } from './attempts.ts';
import { signalOf } from './history.ts';
import { type Readiness, readinessOf } from './readiness.ts';
import { fitted, type TaskResult } from './result.ts';
import { isSameSpec } from './spechash.ts';
import { toldStop } from './toldstop.ts';
import type { End, TaskView } from './view.ts';

export type Verdict =
  | {
      readonly kind: 'running';
      readonly attempt: Attempt;
      /** What is not as it was asked for, and does not keep it from running. */
      readonly trouble?: { readonly reason: string; readonly message: string };
    }
  /** It still has a process, and is being stopped. */
  | { readonly kind: 'stopping'; readonly attempt: Attempt; readonly message: string }
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      readonly message: string;
      /** Wall time of the next start, milliseconds. */
      readonly nextRestartAtMs?: number;
    }
  | { readonly kind: 'ended'; readonly end: End }
  /** By default because that is what was asked for. */
  | { readonly kind: 'stopped'; readonly message?: string };

interface Words {
  readonly phase: NonNullable<TaskStatus['phase']>;
  readonly reason?: string;
  readonly message?: string;
  readonly ready: Pick<Condition, 'status' | 'reason' | 'message'>;
}

/** The very same object as the stored status when nothing but the time of looking would differ. */
export function statusOf(view: TaskView, verdict: Verdict): TaskStatus {
  const { task, world, history } = view;
  const old = task.status ?? {};
  const readiness = verdict.kind === 'running' ? readinessOf(view, verdict.attempt) : undefined;
  const words = wordsOf(verdict, readiness);
  const shown = shownAttempt(view, verdict);
  const generation = task.metadata.generation;
  const conditions = setCondition(
    old.conditions,
    {
      type: 'Ready',
      ...words.ready,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    },
    world.nowMs,
  );
  const isUnderWay = verdict.kind === 'running' || verdict.kind === 'stopping';
  const ports = portsOf(task, verdict);
  const { startedAt } = view;
  const finishedAt = finishedAtOf(view, verdict);
  const result = storedResult(view, verdict);
  const progress = progressOf(view, shown);
  const next = {
    phase: words.phase,
    ...(words.reason === undefined ? {} : { reason: words.reason }),
    ...(words.message === undefined ? {} : { message: words.message }),
    conditions: [...conditions],
    workerName: world.worker,
    ...(shown === undefined
      ? {}
      : { container: containerStatus(shown, readiness, stopReasonOf(view, verdict)) }),
    attempts: Math.max(old.attempts ?? 0, ...view.attempts.map(({ attempt }) => attempt)),
    restartCount: (old.restartCount ?? 0) + newRestarts(view),
    ...(history.entries.length === 0 ? {} : { history: [...history.entries] }),
    ...(result === undefined ? {} : { result }),
    ...(verdict.kind === 'waiting' && verdict.nextRestartAtMs !== undefined
      ? { nextRestartAt: new Date(verdict.nextRestartAtMs).toISOString() }
      : {}),
    ...(progress === undefined ? {} : { progress }),
    ...(ports.length === 0 ? {} : { ports }),
    ...(isUnderWay && verdict.attempt.container.ip !== undefined ? { ip: verdict.attempt.container.ip } : {}),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  } satisfies TaskStatus;
  const { observedAt: _, ...seenBefore } = old;
  if (isSameJson(next, seenBefore)) return old;
  const news = { ...next, observedAt: new Date(world.nowMs).toISOString() };
  const fresh = freshResult(view, verdict);
  if (fresh === undefined) return news;
  return { ...news, result: fitted(fresh, Buffer.byteLength(JSON.stringify({ ...task, status: news }))) };
}

/** Read for the end that is told now; what the container says that a Task ended with is told in the same status. */
function freshResult({ history, world }: TaskView, verdict: Verdict): TaskResult | undefined {
  const id = history.entries[0]?.id;
  return verdict.kind !== 'ended' || id === undefined ? undefined : world.results.get(id);
}

/** What was told before stays as long as the end is the same. */
function storedResult(view: TaskView, verdict: Verdict): TaskResult | undefined {
  const { status } = view.task;
  const isSame = status?.history?.[0]?.id === view.history.entries[0]?.id;
  return verdict.kind === 'ended' && isSame ? status?.result : undefined;
}

/** What the container that is shown said last; one that follows begins anew. */
function progressOf({ task, world }: TaskView, shown: Attempt | undefined): number | undefined {
  const id = shown?.container.id;
  if (id === undefined) return undefined;
  const { container, progress } = task.status ?? {};
  return world.progress.get(id) ?? (container?.id === id ? progress : undefined);
}

function wordsOf(verdict: Verdict, readiness: Readiness | undefined): Words {
  switch (verdict.kind) {
    case 'running': {
      const { state, name } = verdict.attempt.container;
      if (state === 'running' && readiness !== undefined) {
        return { phase: 'Running', ...verdict.trouble, ready: readiness.ready };
      }
      const message = `container ${name} is ${state}`;
      const reason = state === 'paused' ? 'Paused' : 'ContainerNotRunning';
      return { phase: 'Running', reason, message, ready: { status: 'False', reason, message } };
    }
    case 'stopping': {
      const { message } = verdict;
      const reason = 'Stopping';
      return { phase: 'Running', reason, message, ready: { status: 'False', reason, message } };
    }
    case 'waiting': {
      const { reason, message } = verdict;
      return { phase: 'Pending', reason, message, ready: { status: 'False', reason, message } };
    }
    case 'ended': {
      const { phase, reason, message } = verdict.end;
      return { phase, reason, message, ready: { status: 'False', reason, message } };
    }
    case 'stopped': {
      const reason = 'Stopped';
      const { message = 'desiredState is Stopped' } = verdict;
      return { phase: 'Stopped', reason, message, ready: { status: 'False', reason, message } };
    }
  }
}

/** The one that matters now, else the newest that ever ran, else the newest. */
function shownAttempt({ attempts }: TaskView, verdict: Verdict): Attempt | undefined {
  if (verdict.kind === 'running' || verdict.kind === 'stopping') return verdict.attempt;
  return attempts.findLast(({ life }) => life !== 'created') ?? attempts.at(-1);
}

function containerStatus(
  { container, life }: Attempt,
  readiness: Readiness | undefined,
  stopReason: StopReason | undefined,
): NonNullable<TaskStatus['container']> {
  const startedAt = engineTime(container.startedAt);
  const hasEnded = life === 'ended' && container.state !== 'created';
  const finishedAt = hasEnded ? engineTime(container.finishedAt) : undefined;
  const exitCode = hasEnded ? container.exitCode : undefined;
  const signal = signalOf(exitCode);
  return {
    id: container.id,
    name: container.name,
    image: container.image,
    imageID: container.imageId,
    state: container.state,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(hasEnded && container.oomKilled ? { oomKilled: true } : {}),
    ...(readiness === undefined ? {} : { started: readiness.isStarted }),
    ...(stopReason === undefined ? {} : { stopReason }),
  };
}

/** Stored, so that a container that ends while Gantry is away has not ended by itself. */
function stopReasonOf({ task, world }: TaskView, verdict: Verdict): StopReason | undefined {
  if (verdict.kind !== 'stopping') return undefined;
  const { container } = verdict.attempt;
  return world.memory.stopping.get(container.id)?.reason ?? toldStop(task, container)?.reason;
}

/** While a restart waits the last ports stay: the next container of this binding is to have them again. */
function portsOf(task: Task, verdict: Verdict): NonNullable<TaskStatus['ports']> {
  if (verdict.kind === 'waiting') return [...(task.status?.ports ?? [])];
  if (verdict.kind !== 'running' && verdict.kind !== 'stopping') return [];
  return verdict.attempt.container.ports.map(({ containerPort, protocol, hostIP, hostPort }) => {
    const name = task.spec.ports?.find(
      (port) => port.containerPort === containerPort && (port.protocol ?? 'TCP') === protocol,
    )?.name;
    return { ...(name === undefined ? {} : { name }), containerPort, protocol, hostIP, hostPort };
  });
}

/** Containers seen for the first time that follow one of the same run that ended by itself. */
function newRestarts({ task, attempts, history, epoch, hash }: TaskView): number {
  const known = task.status?.attempts ?? 0;
  return attempts.filter((attempt) => {
    if (attempt.attempt <= known || attempt.epoch !== epoch) return false;
    const before = history.entries.find((entry) => entry.attempt < attempt.attempt);
    return (
      before !== undefined &&
      before.epoch === epoch &&
      before.reason !== 'Superseded' &&
      before.reason !== 'Stopped' &&
      isSameSpec(before.specHash, hash)
    );
  }).length;
}

function finishedAtOf({ task, world }: TaskView, verdict: Verdict): string | undefined {
  if (verdict.kind === 'ended') return verdict.end.finishedAt;
  if (verdict.kind !== 'stopped') return undefined;
  const old = task.status;
  return (old?.phase === 'Stopped' ? old.finishedAt : undefined) ?? new Date(world.nowMs).toISOString();
}

/** What the scheduler says while no worker has the Task. */
export function unscheduledVerdict(task: Task): Verdict {
  const scheduled = findCondition(task.status?.conditions, 'Scheduled');
  return scheduled?.status === 'False'
    ? { kind: 'waiting', reason: scheduled.reason, message: scheduled.message }
    : { kind: 'waiting', reason: 'Scheduling', message: 'waiting for the scheduler to choose a worker' };
}
