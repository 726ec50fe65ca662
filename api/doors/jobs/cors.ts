/**
 * Cross-origin requests (Fetch standard, CORS protocol) of web pages to the jobs API.
 *
 * Pages of the origins that are named may read what is answered, also with a client certificate; with `*` those of any
 * origin, without one. Pages of others may not read, and what they send with a browser's help is refused where it would
 * change something: the browser adds the user's certificate to it whoever's page it is. A token it does not add, so with
 * `*` a page that has one may change something, too.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { AppContext, AppMiddleware } from '../../server/context.ts';
import { arrivalOf } from '../../server/middleware/arrival.ts';

const METHODS = 'GET, HEAD, POST';
const HEADERS = 'Authorization, Content-Type, Idempotency-Key, Traceparent, X-Request-Id';
const EXPOSED = 'Retry-After, X-Request-Id';
const MAX_AGE_SECONDS = 600;

/** @param origins that may; `*` is any */
export function corsOf(origins: readonly string[]): AppMiddleware {
  const named = new Set(origins.filter((origin) => origin !== '*'));
  const isOpen = origins.includes('*');
  return (ctx, next) => {
    const origin = ctx.get('Origin');
    // Also where there is none: what is kept for one page must not be given to another.
    if (named.size > 0 || isOpen) ctx.vary('Origin');
    if (origin === '') return next();
    const isNamed = named.has(origin);
    if (!isNamed && !isOpen) {
      if (isChange(ctx) && !isSameOrigin(ctx, origin)) throw foreign(origin);
      return next();
    }
    ctx.set('Access-Control-Allow-Origin', isNamed ? origin : '*');
    if (isNamed) ctx.set('Access-Control-Allow-Credentials', 'true');
    // The connection says who it is, and a page need not be able to: it has opened nothing but a connection.
    const isByConnection = arrivalOf(ctx.req).identity !== undefined;
    if (!isNamed && isByConnection && isChange(ctx) && !isSameOrigin(ctx, origin)) throw foreign(origin);
    if (ctx.method !== 'OPTIONS' || ctx.get('Access-Control-Request-Method') === '') {
      ctx.set('Access-Control-Expose-Headers', EXPOSED);
      return next();
    }
    ctx.vary('Access-Control-Request-Method, Access-Control-Request-Headers');
    ctx.set('Access-Control-Allow-Methods', METHODS);
    ctx.set('Access-Control-Allow-Headers', HEADERS);
    ctx.set('Access-Control-Max-Age', String(MAX_AGE_SECONDS));
    ctx.status = 204;
    return undefined;
  };
}

function isChange({ method }: AppContext): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

function isSameOrigin({ host, protocol }: AppContext, origin: string): boolean {
  return origin === `${protocol}://${host}`;
}

function foreign(origin: string): ApiError {
  return new ApiError(
    'Forbidden',
    `pages of ${origin} may not use the jobs API: name it with --api-cors-origins if they are to`,
  );
}
