/** One log line for each request, when its answer ended. Bodies are never logged. */
import type { Clock } from '../../../machinery/clock.ts';
import type { Log } from '../../../machinery/log.ts';
import { REDACTED } from '../../../machinery/redaction.ts';
import type { AppMiddleware } from '../context.ts';
import { arrivalOf } from './arrival.ts';

/** Probes and scrapes come every few seconds and say nothing when they succeed. */
const QUIET = /^\/(?:livez|readyz|healthz|metrics|discovery|api\/v1\/nodes\/[^/]+\/proxy\/metrics)\b/;
/** What is run in a container is said to the container, not to the log: people put passwords there. */
const COMMANDS = /(^|&)command=[^&]*/g;

export function logged(log: Log, clock: Clock): AppMiddleware {
  return async (ctx, next) => {
    const startMs = clock.monotonicMs();
    await next();
    const isQuiet = ctx.status < 400 && QUIET.test(ctx.path);
    if (!log.isLevelEnabled(isQuiet ? 'debug' : 'info')) return;
    const line = {
      method: ctx.method,
      path: ctx.path,
      ...(ctx.querystring === ''
        ? {}
        : { query: ctx.querystring.replaceAll(COMMANDS, `$1command=${REDACTED}`) }),
      status: ctx.status,
      durationMs: Math.round((clock.monotonicMs() - startMs) * 10) / 10,
      user: arrivalOf(ctx.req).identity?.name ?? '',
      userAgent: ctx.get('User-Agent'),
    };
    if (isQuiet) log.debug(line, 'request');
    else log.info(line, 'request');
  };
}
