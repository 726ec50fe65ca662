/** The store's errors as API errors: translated here and nowhere else. */
import { ApiError, messageOf, StoreError } from '../../machinery/errors.ts';

/** Any thrown value as an ApiError; ones that already are stay as they are. */
export function apiErrorFromStore(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof StoreError)) {
    return new ApiError('InternalError', `internal error: ${messageOf(error)}`, undefined, { cause: error });
  }
  switch (error.reason) {
    case 'Compacted':
      return new ApiError('Expired', `the requested history is gone: ${error.message}`, undefined, {
        cause: error,
      });
    case 'TooLarge':
      return new ApiError('RequestEntityTooLarge', error.message, undefined, { cause: error });
    case 'ReadOnly':
      return unavailable(`the store takes no writes at the moment, reads go on: ${error.message}`, error);
    case 'Unavailable':
      return unavailable(`the store does not answer: ${error.message}`, error);
    case 'Locked':
    case 'Corrupt':
      return unavailable(`the store cannot be used: ${error.message}`, error);
  }
}

export function unavailable(message: string, cause?: unknown): ApiError {
  return new ApiError('ServiceUnavailable', message, { retryAfterSeconds: 1 }, { cause });
}

/** 410 for a watch that wants to begin before what is kept; Kubernetes' wording. */
export function tooOld(asked: number, compacted: number, cause?: unknown): ApiError {
  return new ApiError('Expired', `too old resource version: ${asked} (${compacted})`, undefined, { cause });
}

/** 504 for a revision that nobody has written yet. */
export function tooNew(asked: number, current: number): ApiError {
  return new ApiError('Timeout', `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
