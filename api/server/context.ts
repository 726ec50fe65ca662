/** What every middleware and handler of this server may rely on about a request. */
import type { Middleware, ParameterizedContext } from 'koa';
import type { Client, ReadMoment } from '../../machinery/client.ts';
import { ApiError } from '../../machinery/errors.ts';
import type { Identity } from '../../machinery/identity.ts';
import type { Trace } from '../../machinery/trace.ts';
import { InProcessClient } from '../registry/inprocess.ts';
import type { Registry, RequestContext, RequestOrigin } from '../registry/types.ts';
import { arrivalOf } from './middleware/arrival.ts';

/** Labels of the request metrics, in Kubernetes' spelling. Bounded: only served kinds and known paths get here. */
export interface RouteLabels {
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: string;
}

export interface AppState {
  trace: Trace;
  /** Set by the route that answers; until then the request is of no known resource. */
  labels?: RouteLabels;
  /** Where the request came from, for the audit. */
  origin?: RequestOrigin;
  /** The moment of the past that the answer is of. */
  moment?: ReadMoment;
  /** A watch or a followed log: counted while it runs, left out of durations. */
  isLongRunning?: boolean;
  /** What to let go of when the request turns out to go on: its place in flight, its seat, its deadline. */
  whenLongRunning?: (() => void)[];
}

export type AppContext = ParameterizedContext<AppState, object>;
export type AppMiddleware = Middleware<AppState, object>;

/** Throws `ApiError('Unauthorized')` when nobody proved to be anybody. */
export function identityOf(ctx: AppContext): Identity {
  const { identity } = arrivalOf(ctx.req);
  if (identity === undefined) throw new ApiError('Unauthorized', 'Unauthorized');
  return identity;
}

export function requestContext(ctx: AppContext): RequestContext {
  const userAgent = ctx.get('User-Agent');
  const { impersonator } = arrivalOf(ctx.req);
  const { origin } = ctx.state;
  return {
    identity: identityOf(ctx),
    ...(impersonator === undefined ? {} : { impersonator }),
    ...(userAgent === '' ? {} : { userAgent }),
    ...(origin === undefined ? {} : { origin }),
  };
}

/**
 * Acts as whoever asks. The audit is told of what it does beside the request itself, under the same id, and who was behind
 * it where they act as somebody else.
 */
export function clientOf(registry: Registry, ctx: AppContext): Client {
  const { origin: _origin, ...context } = requestContext(ctx);
  return new InProcessClient(registry, context);
}
