/** Stops and removes containers that the API confirmed to be nobody's, and says so on the Worker. */
import type { Clock } from '../../../machinery/clock.ts';
import type { Log } from '../../../machinery/log.ts';
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import type { Worker } from '../../../schemas/types.gen.ts';
import type { EventSink } from '../../engine/event.ts';
import type { TaskMetrics } from '../metrics.ts';
import { planTask } from '../plan.ts';
import { emptyMemory, type TaskMemory, type TaskWorld } from '../types.ts';
import type { Performer } from './perform.ts';
import { type Outcome, remember } from './remember.ts';
import type { Stray } from './strays.ts';

export interface ClearanceOptions {
  readonly performer: Performer;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: TaskMetrics;
  readonly worker: string;
  /** What a plan is made from besides the container. */
  readonly worldOf: (stray: Stray, container: ContainerDetail, memory: TaskMemory) => TaskWorld;
}

export class Clearance {
  readonly #options: ClearanceOptions;
  /** By container id: the stops under way. */
  readonly #memories = new Map<string, TaskMemory>();

  constructor(options: ClearanceOptions) {
    this.#options = options;
  }

  /** One step towards the container's removal. Throws `RuntimeError`. @returns when to look again, milliseconds. */
  async clear(
    taskKey: string,
    stray: Stray,
    container: ContainerDetail,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { performer, worldOf } = this.#options;
    const plan = planTask(worldOf(stray, container, this.#memories.get(container.id) ?? emptyMemory));
    const subject = { taskKey, uid: container.id, isStray: true } as const;
    for (const outcome of await performer.perform(subject, stray.task, plan.actions, signal)) {
      if (outcome.kind === 'failed') throw outcome.error;
      this.#tell(taskKey, stray, container, outcome);
      if (outcome.kind === 'done') this.note(container.id, outcome);
    }
    return plan.requeueAfterMs;
  }

  /** A stop began or has ended. */
  note(containerId: string, outcome: Outcome): void {
    const before = this.#memories.get(containerId);
    if (outcome.action.kind === 'remove') this.#memories.delete(containerId);
    else if (before !== undefined || outcome.kind === 'begun') {
      const moment = { monotonicMs: this.#options.clock.monotonicMs(), generation: 0 };
      this.#memories.set(containerId, remember(before ?? emptyMemory, outcome, moment));
    }
  }

  /** Drops what is remembered of containers that are not there any more. */
  retain(present: ReadonlySet<string>): void {
    for (const id of this.#memories.keys()) if (!present.has(id)) this.#memories.delete(id);
  }

  sayHeld(held: number, all: number): void {
    const message = `${held} of ${all} containers have no Task any more; not removed before a second look confirms it`;
    this.#options.log.warn({ held, all }, message);
    this.#options.events.record({
      object: this.#workerReference(),
      type: 'Warning',
      reason: 'OrphansHeld',
      message,
      decision: { inputs: { held, containers: all }, verdict: 'MoreThanHalf', action: 'hold' },
    });
  }

  #tell(taskKey: string, stray: Stray, container: ContainerDetail, { action }: Outcome): void {
    const { log, events, metrics } = this.#options;
    log.warn({ key: taskKey, container: container.name }, action.message);
    if (action.kind === 'remove') metrics.orphansRemoved.inc();
    events.record({
      object: this.#workerReference(),
      type: 'Warning',
      reason: action.kind === 'remove' ? 'OrphanRemoved' : 'OrphanKilling',
      message: action.message,
      decision: {
        inputs: { container: container.name, task: taskKey },
        verdict: stray.task === undefined ? 'TaskGone' : 'BoundElsewhere',
        action: action.kind,
      },
    });
  }

  /** The subject of Events about containers that have no Task. */
  #workerReference(): Pick<Worker, 'apiVersion' | 'kind' | 'metadata'> {
    return { apiVersion: 'gantry.dev/v1', kind: 'Worker', metadata: { name: this.#options.worker } };
  }
}
