/**
 * How containers ended. The history in the status is the memory of a Task: restarts, backoff and the outcome are
 * computed from it, so a restart of Gantry forgets nothing.
 */

import { findCondition } from '../../../machinery/conditions.ts';
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { emptyMemory, type HistoryEntry, type Stopping, type TaskWorld } from '../types.ts';
import { type Attempt, attemptsOf, engineTime } from './attempts.ts';
import { isPastDeadline } from './deadline.ts';
import { isSameSpec } from './spechash.ts';
import { toldStop } from './toldstop.ts';

/** Ended containers kept in the status. */
export const HISTORY_LIMIT = 10;

const ALIVE_STATES: readonly (string | undefined)[] = ['running', 'paused', 'restarting'];

export interface History {
  /** Newest first, with what this look found. */
  readonly entries: readonly HistoryEntry[];
  /** The ones that the stored status does not have yet, oldest first. */
  readonly fresh: readonly HistoryEntry[];
}

/** @param isSuperseded says whether the container would have been replaced even if it had not ended. */
export function historyOf(
  task: Task,
  world: TaskWorld,
  attempts: readonly Attempt[],
  isSuperseded: (attempt: Attempt) => boolean,
): History {
  const stored = task.status?.history ?? [];
  const fresh = attempts
    .filter((attempt) => attempt.life === 'ended' && !isRecorded(stored, attempt))
    .map((attempt) => endOf(attempt, task, world, isSuperseded));
  const vanished = vanishedEnd(task, world, attempts);
  if (vanished !== undefined) fresh.push(vanished);
  fresh.sort(byAge);
  const entries = [...stored, ...fresh].sort((a, b) => byAge(b, a)).slice(0, HISTORY_LIMIT);
  return { entries: fresh.length === 0 ? stored : entries, fresh };
}

/** True once the container's end is kept, or too old to be: then the container itself may go. */
export function isRecorded(stored: readonly HistoryEntry[], { attempt, container }: Attempt): boolean {
  const finishedAt = container.state === 'created' ? undefined : engineTime(container.finishedAt);
  const isKept = stored.some(
    (entry) =>
      entry.id === container.id && (finishedAt === undefined || engineTime(entry.finishedAt) === finishedAt),
  );
  const oldest = stored.at(-1);
  return isKept || (stored.length >= HISTORY_LIMIT && oldest !== undefined && attempt < oldest.attempt);
}

/** The containers that ran and ended without the stored status telling of it yet. */
export function unrecordedEnds(
  task: Task,
  containers: readonly ContainerDetail[],
): readonly { readonly id: string; readonly finishedAt: string }[] {
  const stored = task.status?.history ?? [];
  return attemptsOf(containers, emptyMemory).flatMap((attempt) => {
    const { id, finishedAt, state } = attempt.container;
    const isNews = attempt.life === 'ended' && state !== 'created' && !isRecorded(stored, attempt);
    return isNews && finishedAt !== undefined ? [{ id, finishedAt }] : [];
  });
}

/**
 * The ends that count for what to do next: of this binding, and back to the last change of the spec. Newest first.
 * Of a container only its first: what became of it when somebody started it again by hand says nothing of the Task.
 */
export function currentRun(
  history: readonly HistoryEntry[],
  epoch: number,
  specHash: string,
): readonly HistoryEntry[] {
  const ends = history.filter(({ id }, at) => !history.slice(at + 1).some((older) => older.id === id));
  const boundary = ends.findIndex(
    (entry) =>
      entry.epoch !== epoch ||
      entry.reason === 'Superseded' ||
      entry.reason === 'Stopped' ||
      !isSameSpec(entry.specHash, specHash),
  );
  return boundary < 0 ? ends : ends.slice(0, boundary);
}

export function isSuccess(entry: HistoryEntry): boolean {
  return entry.reason === 'Completed';
}

/** `exit code 137 (Error, signal 9)`. */
export function describeEnd(entry: HistoryEntry): string {
  const code = entry.exitCode === undefined ? 'no known exit code' : `exit code ${entry.exitCode}`;
  const signal = entry.signal === undefined ? '' : `, signal ${entry.signal}`;
  const words = entry.message === undefined ? '' : `: ${entry.message}`;
  return `${code} (${entry.reason}${signal})${words}`;
}

/** Linux and Docker report death by signal n as exit code 128+n; 64 is the last signal there is. */
export function signalOf(exitCode: number | undefined): number | undefined {
  return exitCode !== undefined && exitCode > 128 && exitCode <= 128 + 64 ? exitCode - 128 : undefined;
}

function endOf(
  attempt: Attempt,
  task: Task,
  world: TaskWorld,
  isSuperseded: (attempt: Attempt) => boolean,
): HistoryEntry {
  const { container } = attempt;
  const { memory, nowMs } = world;
  const hasRun = container.state !== 'created';
  const failure = memory.failure?.containerId === container.id ? memory.failure : undefined;
  const stopping = memory.stopping.get(container.id);
  const detail =
    stopping === undefined ? inheritedStop(attempt, task, isSuperseded)?.detail : stopping.detail;
  const message = nonEmpty(container.error) ?? failure?.message ?? detail;
  const output = hasRun ? world.outputs.get(container.id) : undefined;
  const startedAt = hasRun ? engineTime(container.startedAt) : undefined;
  const finishedAt = (hasRun ? engineTime(container.finishedAt) : undefined) ?? new Date(nowMs).toISOString();
  const exitCode = hasRun || (container.exitCode ?? 0) !== 0 ? container.exitCode : undefined;
  const signal = signalOf(exitCode);
  return {
    attempt: attempt.attempt,
    id: container.id,
    epoch: attempt.epoch,
    ...(attempt.specHash === undefined ? {} : { specHash: attempt.specHash }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    reason: endReason(attempt, task, world, isSuperseded),
    ...(message === undefined ? {} : { message: message.slice(0, 1024) }),
    ...(output === undefined ? {} : { output }),
    ...(startedAt === undefined ? {} : { startedAt }),
    finishedAt,
  };
}

function endReason(
  attempt: Attempt,
  task: Task,
  { memory }: TaskWorld,
  isSuperseded: (attempt: Attempt) => boolean,
): string {
  const { container } = attempt;
  if (container.state === 'created') return 'ContainerCannotRun';
  const stopping = memory.stopping.get(container.id);
  if (stopping !== undefined) return stopping.reason;
  // Gantry may have been restarted between its stop and this look: what it says it was stopping, it stopped, and what
  // it would have stopped, it did stop.
  const inherited = inheritedStop(attempt, task, isSuperseded);
  if (inherited !== undefined) return inherited.reason;
  if (isSuperseded(attempt)) return 'Superseded';
  if (task.spec.desiredState === 'Stopped') return 'Stopped';
  if (!memory.isKnown && isPastDeadline(task, engineTime(container.finishedAt))) return 'DeadlineExceeded';
  if (container.exitCode === 0) return 'Completed';
  return container.oomKilled ? 'OOMKilled' : 'Error';
}

/** Why a Task that no worker has was taken off the one it was on: the eviction said so in its own commit. */
export function departureOf({ status }: Task): Pick<Stopping, 'reason' | 'detail'> {
  const scheduled = findCondition(status?.conditions, 'Scheduled');
  const isPreempted = scheduled?.status === 'False' && scheduled.reason === 'Preempted';
  return isPreempted ? { reason: 'Preempted', detail: scheduled.message } : { reason: 'Evicted' };
}

function inheritedStop(
  attempt: Attempt,
  task: Task,
  isSuperseded: (attempt: Attempt) => boolean,
): Pick<Stopping, 'reason' | 'detail'> | undefined {
  if (isSuperseded(attempt)) return undefined;
  if (task.spec.workerName !== undefined) return toldStop(task, attempt.container);
  return task.spec.desiredState === 'Stopped' ? undefined : departureOf(task);
}

/** A container that the status says was alive, and that is not there any more. */
function vanishedEnd(task: Task, world: TaskWorld, attempts: readonly Attempt[]): HistoryEntry | undefined {
  const seen = task.status?.container;
  if (
    seen?.id === undefined ||
    !ALIVE_STATES.includes(seen.state) ||
    task.status?.workerName !== world.worker
  ) {
    return undefined;
  }
  if (attempts.some(({ container }) => container.id === seen.id)) return undefined;
  const attempt = Number(/\.(\d+)$/.exec(seen.name ?? '')?.[1] ?? task.status?.attempts ?? 0);
  return {
    attempt,
    id: seen.id,
    ...(task.spec.bindingEpoch === undefined ? {} : { epoch: task.spec.bindingEpoch }),
    reason: world.memory.stopping.get(seen.id)?.reason ?? 'Error',
    message: 'the container was removed from the engine, not by Gantry',
    ...(seen.startedAt === undefined ? {} : { startedAt: seen.startedAt }),
    finishedAt: new Date(world.nowMs).toISOString(),
  };
}

function byAge(a: HistoryEntry, b: HistoryEntry): number {
  return a.attempt - b.attempt || Date.parse(a.finishedAt ?? '') - Date.parse(b.finishedAt ?? '') || 0;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
