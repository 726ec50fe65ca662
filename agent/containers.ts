/** Which container answers a question about a Task, and why there is none. Errors are `ApiError`, in Kubernetes' words. */
import { ApiError, messageOf, RuntimeError } from '../machinery/errors.ts';
import { LABEL_ATTEMPT, LABEL_CLUSTER, LABEL_UID, LABEL_WORKER } from '../machinery/labels.ts';
import type { ContainerSummary, Runtime } from '../machinery/runtime.ts';
import type { TaskRef } from '../machinery/workerlink.ts';

/** One worker's containers of one cluster. */
export interface ContainerSource {
  readonly runtime: Runtime;
  readonly clusterId: string;
  readonly worker: string;
}

/**
 * The container that runs now. Throws `NotFound` when the Task has none (the kubelet's wording), `Conflict` when its
 * newest does not run, `ServiceUnavailable` while the engine does not answer.
 */
export async function findRunningContainer(
  source: ContainerSource,
  task: TaskRef,
  signal: AbortSignal,
): Promise<ContainerSummary> {
  const newestFirst = await containersOf(source, task, signal);
  const running = newestFirst.find(({ state }) => state === 'running');
  if (running !== undefined) return running;
  const [newest] = newestFirst;
  if (newest === undefined) throw new ApiError('NotFound', `container not found ("${task.name}")`);
  throw new ApiError(
    'Conflict',
    `container "${task.name}" in pod "${task.name}" is not running: it is ${newest.state}, try again when it runs`,
  );
}

/** What the engine says about a container, as the API tells it. */
export function containerError(error: unknown, worker: string, task: TaskRef): ApiError {
  if (error instanceof ApiError) return error;
  const options = { cause: error };
  const reason = error instanceof RuntimeError ? error.reason : 'Failed';
  switch (reason) {
    case 'NotFound':
      return new ApiError('NotFound', `container not found ("${task.name}")`, undefined, options);
    case 'Conflict':
      return new ApiError(
        'Conflict',
        `container "${task.name}" in pod "${task.name}" is not running: ${messageOf(error)}`,
        undefined,
        options,
      );
    case 'InvalidSpec':
      return new ApiError('BadRequest', messageOf(error), undefined, options);
    case 'Unavailable':
      return engineError(error, worker);
    case 'ImageNotFound':
    case 'Unauthorized':
    case 'RegistryUnavailable':
    case 'PortConflict':
    case 'AddressConflict':
    case 'Failed':
      return new ApiError('InternalError', messageOf(error), undefined, options);
  }
}

export function engineError(error: unknown, worker: string): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(
    'ServiceUnavailable',
    `the container engine of worker "${worker}" does not answer, try again when it is back: ${messageOf(error)}`,
    { retryAfterSeconds: 1 },
    { cause: error },
  );
}

/** Newest first. Throws `ServiceUnavailable` while the engine does not answer. */
export async function containersOf(
  { runtime, clusterId, worker }: ContainerSource,
  task: TaskRef,
  signal: AbortSignal,
): Promise<ContainerSummary[]> {
  const labels = { [LABEL_CLUSTER]: clusterId, [LABEL_WORKER]: worker, [LABEL_UID]: task.uid };
  const found = await runtime.list(labels, signal).catch((error: unknown) => {
    throw engineError(error, worker);
  });
  return found.sort((a, b) => attemptOf(b) - attemptOf(a));
}

export function attemptOf({ labels }: ContainerSummary): number {
  return Number(labels[LABEL_ATTEMPT] ?? 0) || 0;
}
