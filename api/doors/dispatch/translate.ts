/** A dispatched task is a Run: what it is called, made from, and looks like to those who ask how it is. Pure. */

import { jsonHash } from '../../../machinery/json.ts';
import {
  ANNOTATION_REQUEST_HASH,
  ANNOTATION_REQUEST_ID,
  ANNOTATION_TASK_ID,
  ANNOTATION_TRACE,
} from '../../../machinery/labels.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../machinery/names.ts';
import { runs } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { type DispatchRequest, hashOf } from './request.ts';

/** So that the names of its Tasks, which begin with it, say the step, too. */
const MAX_NAME = 50;
const MAX_KEPT = 33;
const HASH = 16;

/** How long a dispatched task can be asked about after its end, seconds. */
export const RETENTION_SECONDS = 24 * 3_600;

/** The same task id always has the same name. */
export function runNameOf(taskId: string): string {
  if (taskId.length <= MAX_NAME && dnsLabelProblem(taskId) === undefined) return taskId;
  const kept = taskId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_KEPT)
    .replaceAll(/^-+|-+$/g, '');
  return `${kept === '' ? 'task' : kept}-${jsonHash(taskId).slice(0, HASH)}`;
}

export function taskIdOf({ metadata }: Run): string {
  return metadata.annotations?.[ANNOTATION_TASK_ID] ?? metadata.name;
}

export function requestIdOf({ metadata, spec }: Run): string {
  return metadata.annotations?.[ANNOTATION_REQUEST_ID] ?? spec.idempotencyKey ?? metadata.uid ?? '';
}

/** Of the request that made it; undefined where it came over no wire, and was in no trace. */
export function traceOf({ metadata, status }: Run): string | undefined {
  return status?.traceID ?? metadata.annotations?.[ANNOTATION_TRACE];
}

/** Whether this request made the Run, or would have. */
export function isMadeBy(run: Run, asked: DispatchRequest): boolean {
  return (
    taskIdOf(run) === asked.taskId && run.metadata.annotations?.[ANNOTATION_REQUEST_HASH] === hashOf(asked)
  );
}

/** 3 is what work without a priority has: 0. Between two of them there is room for priorities of Runs and Tasks. */
const PRIORITY_STEP = 100;
const PRIORITY_DEFAULT = 3;

/** @param ownId of the request itself, for where the client gave none. */
export function runOf(asked: DispatchRequest, namespace: string, ownId: string): Run {
  const { taskId, workType, parameters, priority, dependsOn, requestId } = asked;
  return {
    apiVersion: apiVersionOf(runs),
    kind: runs.kind,
    metadata: {
      name: runNameOf(taskId),
      namespace,
      annotations: {
        [ANNOTATION_TASK_ID]: taskId,
        [ANNOTATION_REQUEST_ID]: requestId ?? ownId,
        [ANNOTATION_REQUEST_HASH]: hashOf(asked),
      },
    },
    spec: {
      templateRef: { name: workType },
      ...(Object.keys(parameters).length === 0 ? {} : { parameters: { ...parameters } }),
      // Else the work type's own counts.
      ...(priority === undefined ? {} : { priority: (priority - PRIORITY_DEFAULT) * PRIORITY_STEP }),
      ...(requestId === undefined ? {} : { idempotencyKey: requestId }),
      ...(dependsOn.length === 0 ? {} : { dependsOn: dependsOn.map((id) => ({ name: runNameOf(id) })) }),
      ttlSecondsAfterFinished: RETENTION_SECONDS,
    },
  };
}

export type TaskState = 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** Why work failed, in numbers. */
const FAILURES: Readonly<Record<string, number>> = {
  Interrupted: 3002,
  RevisionMissing: 3002,
  DependencyNotSatisfied: 3003,
};
const FAILED = 3001;

/** Everything about a task but its output. Times are ISO 8601. */
export interface TaskFacts {
  readonly task_id: string;
  readonly status: TaskState;
  /** 0 to 100. */
  readonly progress: number;
  readonly error_code: number | null;
  readonly error_message: string | null;
  readonly exit_code: number | null;
  /** From the first step's beginning to the end, or until now. */
  readonly duration_ms: number | null;
  readonly trace_id: string | null;
  readonly request_id: string;
  readonly work_type: string;
  /** How often it was tried. */
  readonly attempts: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly updated_at: string;
}

export function stateOf({ status }: Run): TaskState {
  const state = status?.state ?? 'pending';
  return state === 'interrupted' ? 'failed' : state;
}

export function hasEnded(run: Run): boolean {
  const state = stateOf(run);
  return state !== 'pending' && state !== 'running';
}

/**
 * Whether nothing of it has begun on a worker yet, although its Run has: to those who dispatched it, it waits.
 * @param tries the newest Task of each step; a text where it cannot be had.
 */
export function isWaiting(run: Run, tries: readonly (Task | string)[]): boolean {
  const begun = (run.status?.tasks ?? []).filter(({ attempts = 0 }) => attempts > 0);
  const isFirst = begun.length === tries.length && begun.every(({ attempts }) => attempts === 1);
  return isFirst && tries.every((found) => typeof found !== 'string' && isYetToBegin(found));
}

export function isYetToBegin({ status }: Task): boolean {
  return status?.startedAt === undefined && (status?.phase === undefined || status.phase === 'Pending');
}

/** @param waits see `isWaiting`. */
export function factsOf(run: Run, nowMs: number, waits = false): TaskFacts {
  const { metadata, spec, status = {} } = run;
  const ofRun = stateOf(run);
  const state = waits && ofRun === 'running' ? 'pending' : ofRun;
  const steps = status.tasks ?? [];
  const { finishedAt } = status;
  const startedAt = state === 'pending' ? undefined : status.startedAt;
  const endMs = finishedAt === undefined ? nowMs : Date.parse(finishedAt);
  // Of several steps, the one that says how it ended.
  const told = steps.findLast(({ exitCode }) => exitCode !== undefined);
  const isFailure = state === 'failed';
  return {
    task_id: taskIdOf(run),
    status: state,
    progress: state === 'completed' ? 100 : Math.min(100, Math.max(0, status.progress ?? 0)),
    error_code: isFailure ? (FAILURES[status.reason ?? ''] ?? FAILED) : null,
    error_message: isFailure || state === 'cancelled' ? (status.message ?? status.reason ?? state) : null,
    exit_code: told?.exitCode ?? null,
    duration_ms: startedAt === undefined ? null : Math.max(0, endMs - Date.parse(startedAt)),
    trace_id: traceOf(run) ?? null,
    request_id: requestIdOf(run),
    work_type: spec.templateRef?.name ?? spec.jobRef?.name ?? '',
    attempts: steps.reduce((sum, { attempts = 0 }) => sum + attempts, 0),
    created_at: metadata.creationTimestamp ?? '',
    started_at: startedAt ?? null,
    finished_at: finishedAt ?? null,
    updated_at: updatedAt(run),
  };
}

/** The latest time that anything is told to have happened. */
function updatedAt({ metadata, status }: Run): string {
  const times = [
    metadata.creationTimestamp,
    status?.startedAt,
    status?.finishedAt,
    ...(status?.tasks ?? []).flatMap(({ startedAt, finishedAt }) => [startedAt, finishedAt]),
    ...(metadata.managedFields ?? []).map(({ time }) => time),
  ].filter((time) => time !== undefined);
  return times.reduce(
    (latest, time) => (Date.parse(time) > Date.parse(latest) ? time : latest),
    times[0] ?? '',
  );
}
