/**
 * The audit of requests over a wire: gives each its origin, under which the registry tells what it did, and tells
 * itself how those ended that never got there: paths, streams, requests of nobody. The request's id is the audit's, so
 * that log, audit and answer (`Audit-Id`) are found by one word.
 */
import type { Clock } from '../../../machinery/clock.ts';
import type { Registry, RequestOrigin } from '../../registry/types.ts';
import { type AppMiddleware, requestContext } from '../context.ts';
import { toApiError } from '../errors.ts';
import { arrivalOf } from './arrival.ts';

/** Stands inside of what makes errors answers, and around authentication. */
export function audited(registry: Pick<Registry, 'auditRequest'>, clock: Clock): AppMiddleware {
  return async (ctx, next) => {
    const auditId = ctx.state.trace.requestId;
    const address = ctx.req.socket.remoteAddress;
    const origin: RequestOrigin = {
      auditId,
      uri: ctx.originalUrl,
      sourceIps: address === undefined ? [] : [address.replace(/^::ffff:(?=\d)/, '')],
      receivedMs: clock.now(),
      told: 'nothing',
    };
    ctx.state.origin = origin;
    ctx.set('Audit-Id', auditId);
    const tell = (outcome: Parameters<Registry['auditRequest']>[3]): void => {
      if (origin.told === 'everything') return;
      const path = { verb: ctx.method.toLowerCase(), path: ctx.path };
      const isKnown = arrivalOf(ctx.req).identity !== undefined;
      registry.auditRequest(isKnown ? requestContext(ctx) : undefined, origin, path, outcome);
    };
    try {
      await next();
    } catch (error) {
      tell({ error: toApiError(error) });
      throw error;
    }
    tell({ code: ctx.status });
  };
}
