/**
 * The longest a request may take: 60 s, or less if the client says so (`?timeout=5s`); then 504 with reason Timeout.
 * Requests that go on (watches, followed logs, sessions) are let off when they begin.
 * What was begun is not undone: like Kubernetes' answer this one says only that nobody waited for the end.
 * Source: kube-apiserver's `--request-timeout`, and the wording of its timeout filter.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { parseDurationMs } from '../../../machinery/duration.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import type { AppContext, AppMiddleware } from '../context.ts';

const LONGEST_MS = 60_000;

/** Throws `Timeout`, or `BadRequest` for a `timeout` that is no duration. */
export function deadlined(clock: Clock, log: Log, longestMs = LONGEST_MS): AppMiddleware {
  return (ctx, next) =>
    new Promise<void>((resolve, reject) => {
      let isLate = false;
      const timer = clock.after(timeoutMs(ctx, longestMs), () => {
        isLate = true;
        reject(new ApiError('Timeout', 'Timeout: request did not complete within the allotted timeout', {}));
      });
      ctx.state.whenLongRunning?.push(() => timer.cancel());
      next().then(
        () => {
          timer.cancel();
          resolve();
        },
        (error: unknown) => {
          timer.cancel();
          if (isLate) log.debug({ err: error, path: ctx.path }, 'a request failed after its time was up');
          else reject(error);
        },
      );
    });
}

function timeoutMs(ctx: AppContext, longestMs: number): number {
  // Parsing the query of every request for a parameter that hardly anybody sends would be dear.
  if (!ctx.querystring.includes('timeout=')) return longestMs;
  const [text = ''] = [ctx.query.timeout ?? ''].flat();
  if (text === '') return longestMs;
  const wanted = parseDurationMs(text);
  if (wanted === undefined) {
    throw new ApiError(
      'BadRequest',
      `invalid timeout specified in the request URL: found "${text}", wanted a duration such as 30s`,
    );
  }
  return wanted === 0 ? longestMs : Math.min(wanted, longestMs);
}
