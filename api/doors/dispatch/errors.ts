/**
 * How this door tells what went wrong: `{error_code, message, trace_id}`. One list of codes; an error of the registry finds
 * its code here, by its reason and by the fields it names.
 */
import { ApiError, type StatusCause, type StatusReason } from '../../../machinery/errors.ts';
import { currentTrace } from '../../../machinery/trace.ts';

export const CODES = {
  /** The body cannot be read at all: no JSON, too large, another media type. */
  BODY: 1000,
  /** No such work_type. */
  WORK_TYPE: 1001,
  /** A field is missing, unknown, or of another type. */
  FIELD: 1002,
  PRIORITY: 1003,
  /** Parameters that do not fit the schema of their work_type. */
  PARAMETERS: 1004,
  DEPENDS_ON: 1005,
  /** A task_id or request_id that cannot be one, or two that differ. */
  ID: 1006,
  /** A query parameter. */
  QUERY: 1007,
  METHOD: 1008,
  NOT_FOUND: 2001,
  STATE: 2002,
  CONFLICT: 2003,
  UNAUTHENTICATED: 4001,
  FORBIDDEN: 4003,
  TOO_MANY: 4029,
  INTERNAL: 5000,
  UNAVAILABLE: 5003,
  TIMEOUT: 5004,
} as const;

export type ErrorCode = (typeof CODES)[keyof typeof CODES];

/** An error that knows its code already. */
export class DispatchError extends ApiError {
  readonly errorCode: ErrorCode;

  constructor(reason: StatusReason, errorCode: ErrorCode, message: string) {
    super(reason, message);
    this.name = 'DispatchError';
    this.errorCode = errorCode;
  }
}

/** Of errors about a task: its trace, which may be older than the request's. */
const traces = new WeakMap<ApiError, string>();

/** The same error, told in this trace. */
export function inTrace(error: ApiError, traceId: string): ApiError {
  traces.set(error, traceId);
  return error;
}

export interface ErrorBody {
  readonly error_code: ErrorCode;
  readonly message: string;
  readonly trace_id: string;
}

const BY_REASON: Readonly<Record<Exclude<StatusReason, 'Invalid'>, ErrorCode>> = {
  BadRequest: CODES.BODY,
  Unauthorized: CODES.UNAUTHENTICATED,
  Forbidden: CODES.FORBIDDEN,
  NotFound: CODES.NOT_FOUND,
  MethodNotAllowed: CODES.METHOD,
  NotAcceptable: CODES.BODY,
  Conflict: CODES.CONFLICT,
  AlreadyExists: CODES.CONFLICT,
  Gone: CODES.CONFLICT,
  Expired: CODES.CONFLICT,
  RequestEntityTooLarge: CODES.BODY,
  UnsupportedMediaType: CODES.BODY,
  TooManyRequests: CODES.TOO_MANY,
  InternalError: CODES.INTERNAL,
  ServiceUnavailable: CODES.UNAVAILABLE,
  Timeout: CODES.TIMEOUT,
};

export function describeError(error: ApiError): { readonly code: number; readonly body: ErrorBody } {
  const { code, errorCode, message } = judged(error);
  const trace_id = traces.get(error) ?? currentTrace()?.traceId ?? '';
  return { code, body: { error_code: errorCode, message, trace_id } };
}

interface Told {
  readonly code: number;
  readonly errorCode: ErrorCode;
  readonly message: string;
}

function judged(error: ApiError): Told {
  const { code, reason, message } = error;
  if (error instanceof DispatchError) return { code, errorCode: error.errorCode, message };
  if (reason === 'Invalid') return invalid(error);
  // What is broken inside is for the log, which has it under the same trace_id.
  const told =
    reason === 'InternalError' ? 'internal error: the server log tells more under this trace_id' : message;
  return { code, errorCode: BY_REASON[reason], message: told };
}

/** Fields of a Run as this API calls them, and what a mistake in them is; the first that fits. */
const FIELDS: readonly (readonly [at: RegExp, called: string, code: ErrorCode])[] = [
  [/^spec\.templateRef\.name$/, 'work_type', CODES.WORK_TYPE],
  [/^spec\.parameters/, 'parameters', CODES.PARAMETERS],
  [/^spec\.priority/, 'priority', CODES.PRIORITY],
  [/^spec\.dependsOn/, 'depends_on', CODES.DEPENDS_ON],
  [/^spec\.idempotencyKey/, 'request_id', CODES.ID],
  [/^metadata\.name/, 'task_id', CODES.ID],
];

/** What is 422 elsewhere: this API knows one status for a request that cannot be done. */
function invalid({ message, details }: ApiError): Told {
  const causes = (details?.causes ?? []).map(renamed);
  const [first] = causes;
  if (first === undefined) return { code: 400, errorCode: CODES.FIELD, message };
  return { code: 400, errorCode: first.code, message: causes.map(({ text }) => text).join('; ') };
}

function renamed({ field = '', message }: StatusCause): { readonly code: ErrorCode; readonly text: string } {
  for (const [at, called, code] of FIELDS) {
    if (at.test(field)) return { code, text: `${field.replace(at, called)}: ${message}` };
  }
  return { code: CODES.FIELD, text: `${field}: ${message}` };
}
