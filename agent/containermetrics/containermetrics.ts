/**
 * The figures of this worker's containers, read when somebody asks and at no other time. Many who ask at once cost one
 * reading; who leaves before its end does not end it for the others.
 */
import { RuntimeError } from '../../machinery/errors.ts';
import { LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../../machinery/labels.ts';
import { parseKey } from '../../machinery/meta.ts';
import { parseQuantity } from '../../machinery/quantity.ts';
import type { ContainerSummary } from '../../machinery/runtime.ts';
import type { TaskContainerFigures, WorkerContainers } from '../../machinery/workerlink.ts';
import type { Worker } from '../../schemas/types.gen.ts';
import { type ContainerSource, engineError } from '../containers.ts';

export interface ContainerMetricsDeps extends ContainerSource {
  /** The worker's own object, as it was last seen. */
  readonly workerObject: () => Worker | undefined;
}

export class ContainerMetrics {
  readonly #deps: ContainerMetricsDeps;
  readonly #stopped: AbortSignal;
  #reading: Promise<WorkerContainers> | undefined;

  /** @param stopped ends a reading that is under way. */
  constructor(deps: ContainerMetricsDeps, stopped: AbortSignal) {
    this.#deps = deps;
    this.#stopped = stopped;
  }

  /** Rejects with `ApiError` ServiceUnavailable while the engine does not answer, and when the signal aborts. */
  async read(signal: AbortSignal): Promise<WorkerContainers> {
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined;
    });
    const { promise: left, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(new RuntimeError('Unavailable', 'who asked has left'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([this.#reading, left]);
    } catch (error) {
      throw engineError(error, this.#deps.worker);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #readAll(): Promise<WorkerContainers> {
    const { runtime, clusterId, worker, workerObject } = this.#deps;
    const labels = { [LABEL_CLUSTER]: clusterId, [LABEL_WORKER]: worker };
    const listed = await runtime.list(labels, this.#stopped);
    const running = listed.filter(({ state }) => state === 'running' || state === 'paused');
    const figures = await runtime.figures(
      running.map(({ id }) => id),
      this.#stopped,
    );
    const containers = running.flatMap((container): readonly TaskContainerFigures[] => {
      const found = figures.get(container.id);
      return found === undefined ? [] : [{ ...found, ...ownerOf(container) }];
    });
    const { cpu, memory } = workerObject()?.status?.capacity ?? {};
    return {
      worker,
      containers,
      machineCores: wholeOrPart(cpu),
      machineMemoryBytes: wholeOrPart(memory),
    };
  }
}

function ownerOf({
  labels,
  name,
  image,
}: ContainerSummary): Pick<TaskContainerFigures, 'task' | 'containerName' | 'image'> {
  const task = { ...parseKey(labels[LABEL_TASK] ?? ''), uid: labels[LABEL_UID] ?? '' };
  return { task, containerName: name, image };
}

function wholeOrPart(quantity: string | undefined): number | undefined {
  const nano = quantity === undefined ? undefined : parseQuantity(quantity);
  return nano === undefined ? undefined : Number(nano) / 1e9;
}
