/**
 * What a request asks for, as the application may rely on it: a path that begins with `/`. Proxies' clients name the
 * whole URL (`GET http://host/path`), which every server must understand; what is neither is refused.
 * Source: RFC 9112, 3.2 (request target); a URL without a path means its root.
 */
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../machinery/errors.ts';

/** Scheme and authority, and the rest: path and query. */
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/i;

/** Puts `request.url` right; gives the refusal of a target that is none. */
export function readTarget(request: IncomingMessage): ApiError | undefined {
  const target = request.url ?? '';
  // `*` is about the server as a whole: no path that anybody serves.
  if (target.startsWith('/') || target === '*') return undefined;
  const rest = ABSOLUTE.exec(target)?.[1];
  if (rest !== undefined) {
    request.url = rest.startsWith('/') ? rest : `/${rest}`;
    return undefined;
  }
  request.url = '/';
  return new ApiError(
    'BadRequest',
    `the request target is neither a path nor a URL: ${target.slice(0, 200)}`,
  );
}
