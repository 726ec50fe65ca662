/**
 * `/gantry/v1/backup`: the whole store at one revision, as a stream (`store/backup/format.ts`). Not an object, so what
 * it takes is the permission to get this path: `system:masters` have it, others by a role with it in `nonResourceURLs`.
 * A stream that was cut lacks its trailer, and is no backup to anybody who looks.
 */
import type { Clock } from '../../machinery/clock.ts';
import { ApiError } from '../../machinery/errors.ts';
import { apiErrorFromStore } from '../registry/storeerrors.ts';
import type { Registry } from '../registry/types.ts';
import { type AppMiddleware, requestContext } from './context.ts';
import { methodNotAllowed } from './errors.ts';
import { longRunning, pathRoute, type ServerMetrics } from './middleware/metrics.ts';
import { ResponseStream } from './streams/stream.ts';

/** Gives a new backup. Ends early when the signal aborts. */
export type BackupSource = (signal: AbortSignal) => AsyncIterable<Uint8Array>;

export interface BackupDeps {
  readonly registry: Pick<Registry, 'authorizePath'>;
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  readonly source: BackupSource;
}

export const BACKUP_PATH = '/gantry/v1/backup';
const CONTENT_TYPE = 'application/vnd.gantry.backup';
/** Each reads everything there is. */
const MOST_AT_ONCE = 2;
const RETRY_AFTER_SECONDS = 10;

export function servesBackups({ registry, metrics, clock, source }: BackupDeps): AppMiddleware {
  let running = 0;
  return async (ctx, next) => {
    if (ctx.path !== BACKUP_PATH) return next();
    ctx.state.labels = pathRoute(ctx.method, BACKUP_PATH);
    if (ctx.method !== 'GET') throw methodNotAllowed(ctx, ['GET']);
    registry.authorizePath(requestContext(ctx), 'get', ctx.path);
    if (running >= MOST_AT_ONCE) {
      throw new ApiError(
        'TooManyRequests',
        `${running} backups are being taken already; wait for one to end`,
        {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        },
      );
    }
    running++;
    const stream = new ResponseStream(ctx, { clock });
    try {
      await longRunning(ctx, metrics, () => send(stream, source(stream.signal)));
      stream.end();
    } finally {
      running--;
      stream.release();
    }
  };
}

/** Rejects when not everything was sent: what had been sent is then cut off. */
async function send(stream: ResponseStream, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let hasBegun = false;
  try {
    for await (const chunk of chunks) {
      // A store that cannot be read can still be answered with a code.
      if (!hasBegun) stream.begin(CONTENT_TYPE);
      hasBegun = true;
      if (!(await stream.write(chunk))) {
        throw new ApiError(
          'ServiceUnavailable',
          'the backup was not taken to its end: its reader left or stalled',
        );
      }
    }
  } catch (error) {
    throw apiErrorFromStore(error);
  }
}
