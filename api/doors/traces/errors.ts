/**
 * How this door tells what went wrong: `{error_code, message, trace_id}`, before a connection is a WebSocket as the
 * answer, afterwards as a frame. The numbers are those of the dispatch API, and a few more.
 */
import { ApiError, type StatusReason } from '../../../machinery/errors.ts';

const CODES: Readonly<Record<StatusReason, number>> = {
  BadRequest: 1000,
  Invalid: 1000,
  NotAcceptable: 1000,
  RequestEntityTooLarge: 1000,
  UnsupportedMediaType: 1000,
  MethodNotAllowed: 1008,
  NotFound: 2001,
  Conflict: 2002,
  AlreadyExists: 2002,
  Expired: 2004,
  Gone: 2004,
  Unauthorized: 4001,
  Forbidden: 4003,
  TooManyRequests: 4029,
  InternalError: 5000,
  ServiceUnavailable: 5003,
  Timeout: 5004,
};

/** What has a number of its own. */
export const TRACE_ID = 1006;
export const FROM_REVISION = 1007;
export const MESSAGE = 1009;
export const UPGRADE = 1010;

export class TraceError extends ApiError {
  readonly errorCode: number;
  /** What the answer's status is, where it is not the reason's: 426. */
  readonly status: number;

  constructor(errorCode: number, message: string, status = 400) {
    super('BadRequest', message);
    this.name = 'TraceError';
    this.errorCode = errorCode;
    this.status = status;
  }
}

export interface ErrorBody {
  readonly error_code: number;
  readonly message: string;
  readonly trace_id: string;
}

export function statusOf(error: ApiError): number {
  return error instanceof TraceError ? error.status : error.code;
}

export function errorBody(error: ApiError, traceId: string): ErrorBody {
  const isInside = error.reason === 'InternalError';
  return {
    error_code: error instanceof TraceError ? error.errorCode : CODES[error.reason],
    // What is broken inside is for the log.
    message: isInside ? 'internal error: the server log tells more under this trace_id' : error.message,
    trace_id: traceId,
  };
}
