/** A container's log within the asked-for bounds. */
import { ApiError, RuntimeError } from '../machinery/errors.ts';
import type { LogOptions } from '../machinery/runtime.ts';
import type { TaskLogOptions } from '../machinery/workerlink.ts';
import { type ContainerSource, engineError } from './containers.ts';

/** The log's bytes, at most `limitBytes` of them. Throws `ApiError` when the engine goes away in between. */
export async function* readLog(
  { runtime, worker }: ContainerSource,
  containerId: string,
  options: TaskLogOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  if (left <= 0) return;
  try {
    for await (const { data } of runtime.logs(containerId, engineOptions(options), signal)) {
      const piece = data.length > left ? data.subarray(0, left) : data;
      left -= piece.length;
      yield piece;
      if (left <= 0) return;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof RuntimeError && error.reason === 'NotFound') {
      throw new ApiError('NotFound', `the container is gone from worker "${worker}": ${error.message}`);
    }
    throw engineError(error, worker);
  }
}

function engineOptions({ follow, timestamps, tailLines, sinceSeconds }: TaskLogOptions): LogOptions {
  return {
    follow,
    timestamps,
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
  };
}
