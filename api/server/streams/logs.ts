/**
 * `…/log`: the container's output, through the worker that has it. Served under Tasks and under their Pod view, with
 * Kubernetes' parameters and words. Needs the permission to get `tasks/log`, under either name.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { Registry } from '../../registry/types.ts';
import { asTask } from '../../views/pod.ts';
import { type AppContext, requestContext } from '../context.ts';
import { longRunning, type ServerMetrics } from '../middleware/metrics.ts';
import { keyOfTarget, type ObjectDeps, type Target } from '../objects/objects.ts';
import { logOptions } from '../objects/query.ts';
import { ResponseStream } from './stream.ts';

export interface LogDeps extends ObjectDeps {
  readonly registry: Pick<Registry, 'authorize'>;
  readonly workerLink: WorkerLink;
  readonly metrics: ServerMetrics;
}

export async function streamLog(ctx: AppContext, target: Target, deps: LogDeps): Promise<void> {
  const { container, options } = logOptions(ctx.query, deps.clock.now());
  const key = keyOfTarget(target);
  const { kind } = target;
  const context = requestContext(ctx);
  const source = deps.catalog.sourceOf(kind);
  const { group, plural: resource } = source;
  deps.registry.authorize(context, { verb: 'get', group, resource, subresource: 'log', ...key });
  // Reading the face first gives a missing object the name the client knows it by.
  await deps.catalog.get(context, kind, key);
  const { object } = await deps.catalog.get(context, source, key);
  const { metadata, spec, status } = asTask(object);
  if (container !== undefined && container !== metadata.name) {
    throw new ApiError(
      'BadRequest',
      `container ${container} is not valid for ${kind.singular} ${metadata.name}`,
    );
  }
  const worker = spec.workerName ?? status?.workerName;
  if (worker === undefined) {
    const reason = status?.reason ?? 'Pending';
    throw new ApiError(
      'BadRequest',
      `container "${metadata.name}" in ${kind.singular} "${metadata.name}" is waiting to start: ${reason}`,
    );
  }
  const stream = new ResponseStream(ctx, { clock: deps.clock });
  try {
    const task = { ...key, uid: metadata.uid ?? '' };
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
