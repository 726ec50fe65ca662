/**
 * What subscribers are sent: small bodies in the dispatch API's words, made of objects and of nothing else, so that a
 * change is told the same whether it is told live or later. Never a whole object: its variables may be secrets.
 */
import { isRecord, readPath } from '../../../machinery/json.ts';
import {
  ANNOTATION_REQUEST_ID,
  ANNOTATION_TASK_ID,
  ANNOTATION_TRACE,
  LABEL_JOB,
  LABEL_RUN,
  LABEL_STEP,
} from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';

export type TraceKind = 'run' | 'task' | 'event';
/** `current` is no change: how things were when the subscription began. */
export type Change = 'current' | 'added' | 'modified' | 'deleted';

/** One thing to tell of one object. */
export interface TraceEvent {
  readonly traceId: string;
  readonly revision: number;
  readonly kind: TraceKind;
  /** `kind/namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly change: Change;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Longer texts are for those who read the object. */
const MAX_TEXT = 1_024;

/** Undefined for what is in no trace. */
export function traceEventOf(
  kind: TraceKind,
  change: Change,
  object: DynamicObject,
  revision: number,
): TraceEvent | undefined {
  const { name, namespace = '', annotations } = object.metadata;
  const traceId = annotations?.[ANNOTATION_TRACE];
  if (traceId === undefined) return undefined;
  return {
    traceId,
    revision,
    kind,
    key: `${kind}/${namespace}/${name}`,
    namespace,
    change,
    body: without({ namespace, name, ...idsOf(object), ...BODIES[kind](object) }),
  };
}

/** The frame of an event, without a line break. */
export function frameOf({ traceId, revision, kind, change, body }: TraceEvent): string {
  return JSON.stringify({ type: 'event', trace_id: traceId, revision, kind, event: { change, ...body } });
}

type Body = Readonly<Record<string, unknown>>;

const BODIES: Readonly<Record<TraceKind, (object: DynamicObject) => Body>> = {
  run: runBody,
  task: taskBody,
  event: eventBody,
};

function idsOf({ metadata: { annotations } }: DynamicObject): Body {
  return { task_id: annotations?.[ANNOTATION_TASK_ID], request_id: annotations?.[ANNOTATION_REQUEST_ID] };
}

function runBody(run: DynamicObject): Body {
  const startedAt = at(run, 'status', 'startedAt');
  const endedAt = at(run, 'status', 'finishedAt');
  return {
    job: at(run, 'spec', 'jobRef', 'name'),
    work_type: at(run, 'spec', 'templateRef', 'name'),
    trigger: at(run, 'spec', 'trigger'),
    status: at(run, 'status', 'state') ?? 'pending',
    reason: at(run, 'status', 'reason'),
    message: text(at(run, 'status', 'message')),
    progress: at(run, 'status', 'progress'),
    steps: stepsOf(at(run, 'status', 'tasks')),
    started_at: startedAt,
    ended_at: endedAt,
    at: endedAt ?? startedAt ?? run.metadata.creationTimestamp,
  };
}

/** How many steps are how; a run may have a thousand. */
function stepsOf(steps: unknown): Readonly<Record<string, number>> | undefined {
  if (!Array.isArray(steps) || steps.length === 0) return undefined;
  const counts: Record<string, number> = { total: steps.length };
  for (const step of steps as readonly unknown[]) {
    const state = isRecord(step) ? String(step['state']) : 'pending';
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}

function taskBody(task: DynamicObject): Body {
  const labels = task.metadata.labels;
  const startedAt = at(task, 'status', 'container', 'startedAt');
  const endedAt = at(task, 'status', 'container', 'finishedAt');
  return {
    run: labels?.[LABEL_RUN],
    step: labels?.[LABEL_STEP],
    job: labels?.[LABEL_JOB],
    status: lower(at(task, 'status', 'phase')) ?? 'pending',
    reason: at(task, 'status', 'reason'),
    message: text(at(task, 'status', 'message')),
    progress: at(task, 'status', 'progress'),
    worker: at(task, 'status', 'workerName') ?? at(task, 'spec', 'workerName'),
    container_id: at(task, 'status', 'container', 'id'),
    exit_code: at(task, 'status', 'container', 'exitCode'),
    restart_count: at(task, 'status', 'restartCount'),
    started_at: startedAt,
    ended_at: endedAt,
    at: endedAt ?? startedAt ?? task.metadata.creationTimestamp,
  };
}

function eventBody(event: DynamicObject): Body {
  const seen =
    at(event, 'series', 'lastObservedTime') ?? at(event, 'lastTimestamp') ?? at(event, 'eventTime');
  return {
    object: {
      kind: at(event, 'involvedObject', 'kind'),
      namespace: at(event, 'involvedObject', 'namespace'),
      name: at(event, 'involvedObject', 'name'),
    },
    level: lower(at(event, 'type')) ?? 'normal',
    reason: at(event, 'reason'),
    message: text(at(event, 'message')),
    count: at(event, 'count'),
    component: at(event, 'reportingComponent') ?? at(event, 'source', 'component'),
    at: seen ?? event.metadata.creationTimestamp,
  };
}

/** Fields that are not there are left out of the frame. */
function at(object: DynamicObject, ...path: readonly string[]): unknown {
  const found = readPath(object, path);
  return found === null || found === '' ? undefined : found;
}

function lower(value: unknown): string | undefined {
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}

function text(value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT - 1)}…` : value;
}

function without(body: Body): Body {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}
