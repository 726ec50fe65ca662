/**
 * The ids that follow one request through the house: from the HTTP header to log lines, objects and Events.
 *
 * W3C Trace Context, version 00: `traceparent: 00-<trace id 32 hex>-<span id 16 hex>-<flags>`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { ANNOTATION_REQUEST_ID, ANNOTATION_TASK_ID, ANNOTATION_TRACE } from './labels.ts';
import type { ObjectMeta } from './meta.ts';
import type { Random } from './random.ts';

export interface Trace {
  readonly requestId: string;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
  /** What is worked on, as far as it is known by now. */
  work?: Work;
  /** The object asked about or reconciled (`objectPath`), as far as it is known by now. */
  object?: string;
}

/** Whom a piece of work belongs to: the ids that whoever dispatched it knows it by. */
export interface Work {
  readonly requestId?: string;
  readonly taskId?: string;
}

/** What an object's annotations say of the request behind it. */
export interface ObjectTrace extends Work {
  readonly traceId?: string;
}

const storage = new AsyncLocalStorage<Trace>();

/** Runs `work` with the trace as the current one, for everything it awaits. */
export function withTrace<T>(trace: Trace, work: () => T): T {
  return storage.run(trace, work);
}

export function currentTrace(): Trace | undefined {
  return storage.getStore();
}

/** From here on the current trace's log lines name this work; without a current trace there is nobody to tell. */
export function nameWork(work: Work): void {
  const trace = storage.getStore();
  if (trace !== undefined) trace.work = work;
}

/** From here on the current trace's log lines name this object, unless they name one already. */
export function nameObject(object: string): void {
  const trace = storage.getStore();
  if (trace !== undefined) trace.object ??= object;
}

/** The fields of a log line, in the words of the dispatch API. */
export function traceFields(trace: Trace | undefined): Readonly<Record<string, string>> {
  if (trace === undefined) return {};
  const { traceId, requestId, work, object } = trace;
  return {
    trace_id: traceId,
    // Of the work where it has one: what is done for it in the background is another request by itself.
    request_id: work?.requestId ?? requestId,
    ...(work?.taskId === undefined ? {} : { task_id: work.taskId }),
    ...(object === undefined ? {} : { object }),
  };
}

export function traceOfObject(metadata: ObjectMeta | undefined): ObjectTrace | undefined {
  const annotations = metadata?.annotations;
  if (annotations === undefined) return undefined;
  const {
    [ANNOTATION_TRACE]: traceId,
    [ANNOTATION_REQUEST_ID]: requestId,
    [ANNOTATION_TASK_ID]: taskId,
  } = annotations;
  return {
    ...(traceId === undefined ? {} : { traceId }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(taskId === undefined ? {} : { taskId }),
  };
}

/** The W3C form of a trace id that somebody gives: 32 lower-case hex digits. Undefined for what is none. */
export function parseTraceId(text: string): string | undefined {
  const id = text.replaceAll('-', '').toLowerCase();
  const isUuid = !text.includes('-') || /^[^-]{8}-[^-]{4}-[^-]{4}-[^-]{4}-[^-]{12}$/.test(text);
  return isUuid && /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id) ? id : undefined;
}

export function newTrace(random: Random, traceparent?: string): Trace {
  const given = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/.exec(traceparent ?? '')?.[1];
  const isUsable = given !== undefined && !/^0+$/.test(given) && traceparent?.startsWith('ff') !== true;
  const requestId = random.uuid();
  return { requestId, traceId: isUsable ? given : random.uuid().replaceAll('-', '') };
}
