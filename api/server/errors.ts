/**
 * Where errors become answers: the one place. Kubernetes paths get a metav1.Status, a door's paths the door's form.
 * Every error body is `application/json`.
 */
import { ApiError, messageOf } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { Door } from '../doors/door.ts';
import type { AppContext, AppMiddleware } from './context.ts';
import { cutShort } from './sessions.ts';

export function answeringErrors(log: Log, doors: readonly Door[]): AppMiddleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const apiError = toApiError(error);
      if (apiError.code === 500) log.error({ err: error, path: ctx.path }, 'request failed');
      if (ctx.headerSent || ctx.respond === false) {
        // The answer has begun: cutting the connection is the only way left to say that it is not complete.
        log.warn({ path: ctx.path, reason: messageOf(error) }, 'answer cut short');
        ctx.respond = false;
        cutShort(ctx.res);
        return;
      }
      answerError(ctx, apiError, doors);
    }
  };
}

function answerError(ctx: AppContext, error: ApiError, doors: readonly Door[]): void {
  const door = doors.find((candidate) => candidate.owns(ctx.path));
  const { code, body } = door?.describeError(error) ?? { code: error.code, body: error.toStatus() };
  ctx.status = code;
  ctx.set('Content-Type', 'application/json');
  const retryAfterSeconds = error.details?.retryAfterSeconds;
  if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds));
  ctx.body = Buffer.from(JSON.stringify(body));
}

/** Anything that is not an `ApiError` is a fault of ours: 500, in Kubernetes' words. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('InternalError', `Internal error occurred: ${messageOf(error)}`, undefined, {
    cause: error,
  });
}

/** Kubernetes' answer to a path or resource that is not served. */
export function unknownPath(): ApiError {
  return new ApiError('NotFound', 'the server could not find the requested resource', {});
}

/** Kubernetes' answer to a verb that a resource does not have. */
export function methodNotAllowed(ctx: AppContext, allowed: readonly string[]): ApiError {
  ctx.set('Allow', allowed.join(', '));
  return new ApiError(
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}
