/**
 * What pages of other sites may not send with the user's certificate. A browser adds it to any page's requests, and lets a
 * page send a POST as forms are sent, or without any body, before it asks whether the page may: it hides the answer only,
 * and what was asked for is done. Everything else it asks about first, and is told nothing here.
 *
 * Source: Fetch standard, "CORS-safelisted request-header" and "CORS-preflight fetch".
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { AppContext, AppMiddleware } from '../context.ts';
import { arrivalOf } from './arrival.ts';
import { mediaType } from './body.ts';

/** Media types that a page sends without asking; also none. */
const UNASKED = new Set(['', 'application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']);

export function refusingForeignForms(): AppMiddleware {
  return (ctx, next) => {
    if (ctx.method === 'POST' && isForeign(ctx) && UNASKED.has(mediaType(ctx))) {
      throw new ApiError(
        'Forbidden',
        `pages of ${ctx.get('Origin')} may change nothing here with the user's certificate`,
      );
    }
    return next();
  };
}

/**
 * Who is somebody by the connection did not have to prove it with the request. Without TLS that is the development
 * listener's user, and that listener judges pages itself.
 */
function isForeign(ctx: AppContext): boolean {
  const origin = ctx.get('Origin');
  if (!ctx.secure || origin === '' || origin === `${ctx.protocol}://${ctx.host}`) return false;
  return arrivalOf(ctx.req).identity !== undefined;
}
