/** Writes down what was seen of a Task, and tells of it. */
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { EventSink } from '../../engine/event.ts';
import type { TaskMetrics } from '../metrics.ts';
import type { TaskPlan, TaskStatus } from '../types.ts';
import type { TaskCopy } from './taskcopy.ts';

export interface PublisherOptions {
  readonly client: Client;
  readonly events: EventSink;
  readonly copy: TaskCopy;
  readonly metrics: TaskMetrics;
}

export class Publisher {
  readonly #options: PublisherOptions;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * Writes the status if it says something new, and tells what the plan has to tell besides. Refused if somebody else
   * wrote in between: then it is all looked at again.
   */
  async publish(key: string, task: Task, plan: TaskPlan, signal: AbortSignal): Promise<void> {
    const { client, copy, events } = this.#options;
    const { status } = plan;
    if (status !== undefined && status !== task.status) {
      try {
        await copy.keep(key, () =>
          client.update(tasks, { ...task, status }, { subresource: 'status', signal }),
        );
      } catch (error) {
        if (isApiError(error, 'NotFound')) return;
        throw error;
      }
      this.#countRestarts(task.status, status);
    }
    for (const event of plan.events) events.record({ object: task, ...event });
  }

  #countRestarts(before: TaskStatus | undefined, after: TaskStatus): void {
    const restarts = (after.restartCount ?? 0) - (before?.restartCount ?? 0);
    if (restarts <= 0) return;
    const reason = after.history?.[0]?.reason ?? 'Error';
    this.#options.metrics.restarts.inc({ reason }, restarts);
  }
}
