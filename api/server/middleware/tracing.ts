/** Gives every request its ids, before anything else happens: what is logged and stored afterwards carries them. */
import type { Random } from '../../../machinery/random.ts';
import { newTrace, withTrace } from '../../../machinery/trace.ts';
import type { AppMiddleware } from '../context.ts';

/** What a client may choose as its request id: short and safe to print. */
const USABLE_ID = /^[A-Za-z0-9_.:-]{1,64}$/;

/**
 * Takes `traceparent` (W3C Trace Context) and `X-Request-Id` from the client where they are usable, and answers with
 * `Traceparent`, `X-Trace-Id` and `X-Request-Id`.
 */
export function traced(random: Random): AppMiddleware {
  return (ctx, next) => {
    const fresh = newTrace(random, ctx.get('traceparent'));
    const given = ctx.get('X-Request-Id');
    const trace = USABLE_ID.test(given) ? { ...fresh, requestId: given } : fresh;
    const spanId = fresh.requestId.replaceAll('-', '').slice(0, 16);
    ctx.state.trace = trace;
    ctx.set('X-Request-Id', trace.requestId);
    ctx.set('X-Trace-Id', trace.traceId);
    ctx.set('Traceparent', `00-${trace.traceId}-${spanId}-01`);
    return withTrace(trace, next);
  };
}
