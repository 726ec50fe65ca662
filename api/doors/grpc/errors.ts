/** How the job runner says what went wrong: gRPC's codes, with messages that name field, found and wanted. */
import { status } from '@grpc/grpc-js';
import { ApiError, type StatusReason } from '../../../machinery/errors.ts';

export type CodeName = keyof typeof status;

/** What a call ends with. */
export class CallError extends Error {
  readonly codeName: CodeName;

  constructor(codeName: CodeName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CallError';
    this.codeName = codeName;
  }

  /** As gRPC wants it. */
  get answer(): { readonly code: status; readonly details: string } {
    return { code: status[this.codeName], details: this.message };
  }
}

const CODES: Readonly<Record<StatusReason, CodeName>> = {
  BadRequest: 'INVALID_ARGUMENT',
  Unauthorized: 'UNAUTHENTICATED',
  Forbidden: 'PERMISSION_DENIED',
  NotFound: 'NOT_FOUND',
  MethodNotAllowed: 'UNIMPLEMENTED',
  NotAcceptable: 'INVALID_ARGUMENT',
  Conflict: 'ABORTED',
  AlreadyExists: 'ALREADY_EXISTS',
  Gone: 'NOT_FOUND',
  Expired: 'ABORTED',
  RequestEntityTooLarge: 'INVALID_ARGUMENT',
  UnsupportedMediaType: 'INVALID_ARGUMENT',
  Invalid: 'INVALID_ARGUMENT',
  TooManyRequests: 'RESOURCE_EXHAUSTED',
  InternalError: 'INTERNAL',
  ServiceUnavailable: 'UNAVAILABLE',
  Timeout: 'DEADLINE_EXCEEDED',
};

/** Whatever was thrown; what nobody foresaw says nothing of itself to the caller. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (!(error instanceof ApiError)) return new CallError('INTERNAL', 'internal error', { cause: error });
  // A namespace that is full is no question of rights.
  const isFull = error.reason === 'Forbidden' && error.message.includes('exceeded quota');
  return new CallError(isFull ? 'RESOURCE_EXHAUSTED' : CODES[error.reason], error.message, { cause: error });
}
