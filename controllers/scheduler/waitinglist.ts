/**
 * The tasks that wait for a worker, the most urgent first: the highest priority, of those the oldest.
 *
 * Tasks that ask for the same are of one class: where one of them does not fit, none does, so that thousands cost
 * hardly more to look at than one.
 */
import type { Task } from '../../schemas/types.gen.ts';
import { priorityOf } from './demand.ts';

export interface Waiting {
  readonly key: string;
  readonly task: Task;
  readonly priority: number;
  readonly createdAt: string;
  /** Equal for tasks of which the same can be said, whatever the workers are. */
  readonly class: string;
}

export class WaitingList {
  readonly #byKey = new Map<string, Waiting>();
  /** Sorted. */
  readonly #order: Waiting[] = [];

  get size(): number {
    return this.#order.length;
  }

  get(key: string): Waiting | undefined {
    return this.#byKey.get(key);
  }

  /** In order of urgency, as it is now. */
  all(): readonly Waiting[] {
    return [...this.#order];
  }

  set(key: string, task: Task): Waiting {
    const known = this.#byKey.get(key);
    if (known?.task === task) return known;
    this.delete(key);
    const waiting: Waiting = {
      key,
      task,
      priority: priorityOf(task),
      createdAt: task.metadata.creationTimestamp ?? '',
      class: classOf(task),
    };
    this.#byKey.set(key, waiting);
    this.#order.splice(this.#placeOf(waiting), 0, waiting);
    return waiting;
  }

  delete(key: string): void {
    const waiting = this.#byKey.get(key);
    if (waiting === undefined) return;
    this.#byKey.delete(key);
    this.#order.splice(this.#placeOf(waiting), 1);
  }

  /** The first place whose task is not more urgent. */
  #placeOf(waiting: Waiting): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#order[middle];
      if (other !== undefined && compareUrgency(other, waiting) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Below 0: the first is more urgent. No two are equal: keys are not. */
export function compareUrgency(a: Waiting, b: Waiting): number {
  return b.priority - a.priority || compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** All of a task that a filter or the planner of preemptions looks at. */
function classOf(task: Task): string {
  const { resources, ports, network, workerSelector, tolerations, preemptionPolicy } = task.spec;
  const fixed = network?.mode === 'host' ? ports : ports?.filter((port) => port.hostPort !== undefined);
  return JSON.stringify([
    priorityOf(task),
    preemptionPolicy ?? 'Never',
    resources?.requests ?? null,
    resources?.limits ?? null,
    fixed ?? [],
    network?.mode ?? null,
    workerSelector ?? {},
    tolerations ?? [],
  ]);
}
