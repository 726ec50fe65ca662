/** What clients say, parsed once. */
import { isRecord } from '../../../machinery/json.ts';
import { parseTraceId } from '../../../machinery/trace.ts';
import { FROM_REVISION, MESSAGE, TRACE_ID, TraceError } from './errors.ts';

export type Message =
  | { readonly action: 'subscribe'; readonly traceId: string; readonly fromRevision: number | undefined }
  | { readonly action: 'unsubscribe'; readonly traceId: string }
  | { readonly action: 'ping' };

const FIELDS = new Set(['action', 'trace_id', 'from_revision']);

/** Throws `TraceError`. */
export function parseMessage(text: string): Message {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new TraceError(MESSAGE, `found no JSON (${String(error)}), wanted {"action": …}`);
  }
  if (!isRecord(body)) throw new TraceError(MESSAGE, 'found no JSON object, wanted {"action": …}');
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) {
    throw new TraceError(MESSAGE, `${unknown}: no such field, wanted action, trace_id and from_revision`);
  }
  const { action, trace_id: id, from_revision: from } = body;
  switch (action) {
    case 'ping':
      return { action };
    case 'unsubscribe':
      return { action, traceId: readTraceId(id) };
    case 'subscribe':
      return {
        action,
        traceId: readTraceId(id),
        fromRevision: from === undefined ? undefined : readRevision(from),
      };
    default:
      throw new TraceError(
        MESSAGE,
        `action: found ${JSON.stringify(action) ?? 'none'}, wanted subscribe, unsubscribe or ping`,
      );
  }
}

/** Throws `TraceError`. */
export function readTraceId(value: unknown): string {
  const id = typeof value === 'string' ? parseTraceId(value) : undefined;
  if (id !== undefined) return id;
  throw new TraceError(
    TRACE_ID,
    `trace_id: found ${JSON.stringify(value) ?? 'none'}, wanted 32 hex digits, not all 0 (hyphens as in a UUID are fine)`,
  );
}

/** A number, or in an address its digits. Throws `TraceError`. */
export function readRevision(value: unknown): number {
  const revision = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof revision === 'number' && Number.isSafeInteger(revision) && revision > 0) return revision;
  throw new TraceError(
    FROM_REVISION,
    `from_revision: found ${JSON.stringify(value)}, wanted a revision of an earlier frame, such as 4711`,
  );
}
