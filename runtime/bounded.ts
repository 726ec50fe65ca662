/**
 * One wait with an end: a caller's signal and a limit in time, whichever comes first.
 *
 * Promises to settle as soon as either happens, even when the work itself never does (a broken connection to an
 * engine leaves some calls unanswered for ever), and to leave no timer and no listener behind.
 */
import type { Clock } from '../machinery/clock.ts';
import { RuntimeError } from '../machinery/errors.ts';

export interface Bounds {
  /** What is being done, for messages: `create of container "x"`. */
  readonly what: string;
  readonly signal: AbortSignal;
  /** Milliseconds; absent leaves the signal as the only end. */
  readonly limitMs?: number;
}

/** The error of a call whose caller gave up: it may or may not have happened. */
function abandoned(bounds: Bounds): RuntimeError {
  return new RuntimeError(
    'Unavailable',
    `${bounds.what} was abandoned by its caller; it may have happened: look again`,
    {
      cause: bounds.signal.reason,
    },
  );
}

/**
 * Runs `work` within the bounds. The signal handed to it aborts when they are passed.
 * Rejects with `RuntimeError('Unavailable')` then, otherwise with whatever `work` rejected with.
 */
export async function withinBounds<T>(
  clock: Clock,
  bounds: Bounds,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (bounds.signal.aborted) throw abandoned(bounds);
  const inner = new AbortController();
  let giveUp: (error: RuntimeError) => void = () => {};
  const givenUp = new Promise<never>((_resolve, reject) => {
    giveUp = (error) => {
      // Reject before aborting: the caller hears why, not how the work noticed.
      reject(error);
      inner.abort(error);
    };
  });
  const onAbort = (): void => giveUp(abandoned(bounds));
  bounds.signal.addEventListener('abort', onAbort, { once: true });
  const { limitMs } = bounds;
  const timer =
    limitMs === undefined
      ? undefined
      : clock.after(limitMs, () =>
          giveUp(
            new RuntimeError(
              'Unavailable',
              `${bounds.what} got no answer within ${limitMs / 1000} s; it may have happened: look again`,
            ),
          ),
        );
  try {
    return await Promise.race([work(inner.signal), givenUp]);
  } finally {
    timer?.cancel();
    bounds.signal.removeEventListener('abort', onAbort);
  }
}
