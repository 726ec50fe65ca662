/** Which container's log answers a question about a Task, and its bytes within the asked-for bounds. */
import { ApiError, messageOf, RuntimeError } from '../machinery/errors.ts';
import { LABEL_ATTEMPT, LABEL_CLUSTER, LABEL_UID, LABEL_WORKER } from '../machinery/labels.ts';
import type { ObjectKey } from '../machinery/meta.ts';
import type { ContainerState, ContainerSummary, LogOptions, Runtime } from '../machinery/runtime.ts';
import type { TaskLogOptions } from '../machinery/workerlink.ts';

export interface LogSource {
  readonly runtime: Runtime;
  readonly clusterId: string;
  readonly worker: string;
}

const ENDED: readonly ContainerState[] = ['exited', 'dead'];

/**
 * The newest container that ever ran, or with `previous` the newest that has ended.
 * Throws `ApiError`: BadRequest when there is none yet (Kubernetes' wording: tools look for it), ServiceUnavailable
 * while the engine does not answer.
 */
export async function findLogContainer(
  { runtime, clusterId, worker }: LogSource,
  task: ObjectKey & { readonly uid: string },
  isPrevious: boolean,
  signal: AbortSignal,
): Promise<ContainerSummary> {
  const labels = { [LABEL_CLUSTER]: clusterId, [LABEL_WORKER]: worker, [LABEL_UID]: task.uid };
  const found = await runtime.list(labels, signal).catch((error: unknown) => {
    throw toApiError(error, worker);
  });
  const newestFirst = found.sort((a, b) => attemptOf(b) - attemptOf(a));
  const chosen = newestFirst.find(({ state }) => (isPrevious ? ENDED.includes(state) : state !== 'created'));
  if (chosen !== undefined) return chosen;
  throw new ApiError(
    'BadRequest',
    isPrevious
      ? `previous terminated container "${task.name}" in pod "${task.name}" not found`
      : `container "${task.name}" in pod "${task.name}" is waiting to start: ContainerCreating`,
  );
}

/** The log's bytes, at most `limitBytes` of them. Throws `ApiError` when the engine goes away in between. */
export async function* readLog(
  { runtime, worker }: LogSource,
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
    throw toApiError(error, worker);
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

function attemptOf({ labels }: ContainerSummary): number {
  return Number(labels[LABEL_ATTEMPT] ?? 0) || 0;
}

function toApiError(error: unknown, worker: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof RuntimeError && error.reason === 'NotFound') {
    return new ApiError('NotFound', `the container is gone from worker "${worker}": ${error.message}`);
  }
  return new ApiError(
    'ServiceUnavailable',
    `the container engine of worker "${worker}" does not answer, try again when it is back: ${messageOf(error)}`,
    { retryAfterSeconds: 1 },
    { cause: error },
  );
}
