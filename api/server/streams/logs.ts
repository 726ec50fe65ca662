/**
 * `…/log`: the container's output, through the worker that has it. Served under Tasks and under their Pod view, with
 * Kubernetes' parameters and words. Needs the permission to get `tasks/log`, under either name.
 *
 * With `at` (or an exact `resourceVersion`) it is the log of the Task that had the name then, also when it is deleted
 * since, for as long as its worker keeps it. With `list` it is what is kept instead of the log itself.
 */
import type { MomentOptions } from '../../../machinery/client.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { AppContext } from '../context.ts';
import { longRunning, type ServerMetrics } from '../middleware/metrics.ts';
import { type Target, tellMoment } from '../objects/objects.ts';
import { type BoundTask, type BoundTaskDeps, findBoundTask } from './boundtask.ts';
import { deletedWhen } from './deletedtask.ts';
import { readLogQuery } from './logquery.ts';
import { ResponseStream } from './stream.ts';

export interface LogDeps extends BoundTaskDeps {
  readonly workerLink: WorkerLink;
  readonly metrics: ServerMetrics;
}

export async function streamLog(ctx: AppContext, target: Target, deps: LogDeps): Promise<void> {
  const { container, options, isList, moment } = readLogQuery(ctx.query, target.name ?? '', deps.clock.now());
  const found = await findTask(ctx, target, deps, container, moment);
  const { task, worker, status, called } = found;
  if (worker === undefined) {
    const reason = status.reason ?? 'Pending';
    throw new ApiError('BadRequest', `container "${task.name}" in ${called} is waiting to start: ${reason}`);
  }
  const stream = new ResponseStream(ctx, { clock: deps.clock });
  try {
    if (isList) {
      const items = await deps.workerLink.attempts(worker, task, stream.signal);
      ctx.body = { apiVersion: 'gantry.dev/v1', kind: 'TaskLogList', worker, items };
      return;
    }
    const chunks = await deps.workerLink
      .logs(worker, task, options, stream.signal)
      .catch((error: unknown) => {
        if (moment === undefined || options.attempt !== undefined || !isApiError(error, 'BadRequest'))
          throw error;
        throw new ApiError(
          'NotFound',
          `no log of ${called} of that moment (uid ${task.uid}) is kept on worker "${worker}": its retention is over, or it never wrote one`,
          undefined,
          { cause: error },
        );
      });
    stream.begin('text/plain; charset=utf-8');
    const send = (): Promise<void> =>
      sendChunks(stream, chunks, options.limitBytes ?? Number.POSITIVE_INFINITY);
    if (options.follow) await longRunning(ctx, deps.metrics, send);
    else await send();
    stream.end();
  } finally {
    stream.release();
  }
}

/** A missing Task that was there lately is told of: its log may still be. */
async function findTask(
  ctx: AppContext,
  target: Target,
  deps: LogDeps,
  container: string | undefined,
  moment: MomentOptions | undefined,
): Promise<BoundTask> {
  const tell = moment === undefined ? undefined : { ...moment, onMoment: tellMoment(ctx) };
  try {
    return await findBoundTask(ctx, target, deps, { verbs: ['get'], container, moment: tell });
  } catch (error) {
    if (moment !== undefined || !(error instanceof ApiError) || error.reason !== 'NotFound') throw error;
    const last = await deletedWhen(ctx, target, deps);
    if (last === undefined) throw error;
    throw new ApiError(
      'NotFound',
      `${error.message}: it was deleted about ${last}; to read what is still kept of its log, ask for that moment: at=${last}`,
      error.details,
      { cause: error },
    );
  }
}

/** Cuts at the limit: kubectl relies on the server for it. */
async function sendChunks(
  stream: ResponseStream,
  chunks: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<void> {
  let left = limitBytes;
  for await (const chunk of chunks) {
    const part = chunk.length <= left ? chunk : chunk.subarray(0, left);
    left -= part.length;
    if (!(await stream.write(part)) || left <= 0) return;
  }
}
