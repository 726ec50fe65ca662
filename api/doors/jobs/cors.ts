/** Cross-origin requests (Fetch standard, CORS protocol) of web pages to the jobs API. */
import type { AppMiddleware } from '../../server/context.ts';

/** @param origins that may; `*` is any */
export function corsOf(_origins: readonly string[]): AppMiddleware {
  return (_ctx, next) => next();
}
