/**
 * `…/log`: the container's output, through the worker that has it. Served under Tasks and under their Pod view, with
 * Kubernetes' parameters and words. Needs the permission to get `tasks/log`, under either name.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { AppContext } from '../context.ts';
import { longRunning, type ServerMetrics } from '../middleware/metrics.ts';
import type { Target } from '../objects/objects.ts';
import { type BoundTaskDeps, findBoundTask } from './boundtask.ts';
import { readLogQuery } from './logquery.ts';
import { ResponseStream } from './stream.ts';

export interface LogDeps extends BoundTaskDeps {
  readonly workerLink: WorkerLink;
  readonly metrics: ServerMetrics;
}

export async function streamLog(ctx: AppContext, target: Target, deps: LogDeps): Promise<void> {
  const { container, options } = readLogQuery(ctx.query, target.name ?? '', deps.clock.now());
  const found = await findBoundTask(ctx, target, deps, { verbs: ['get'], container });
  const { task, worker, status, called } = found;
  if (worker === undefined) {
    const reason = status.reason ?? 'Pending';
    throw new ApiError('BadRequest', `container "${task.name}" in ${called} is waiting to start: ${reason}`);
  }
  const stream = new ResponseStream(ctx, { clock: deps.clock });
  try {
    const chunks = await deps.workerLink.logs(worker, task, options, stream.signal);
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
