/** What the task controller of one worker is given. */
import type { ObjectStore } from '../../client/informer.ts';
import type { Client } from '../../machinery/client.ts';
import type { Clock } from '../../machinery/clock.ts';
import type { Log } from '../../machinery/log.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { EventSink } from '../engine/event.ts';
import type { PullSettings } from './acting/pulls.ts';
import type { TaskServices } from './services.ts';

export interface TaskControllerOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  /** All Tasks: which of them are this worker's is decided here. */
  readonly taskStore: ObjectStore<Task>;
  readonly services: TaskServices;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly worker: string;
  readonly clusterId: string;
  /** Where ports without a hostIP are published. */
  readonly publishAddress: string;
  /** Of the engine's machine; undefined while nobody knows. */
  readonly cores?: () => number | undefined;
  /** Containers created and started at once; the engine gets slower past 8. */
  readonly startsAtOnce: number;
  /** Time between two full lists of containers, milliseconds; default 10 s. */
  readonly relistMs?: number;
  /** Time between two inspections in rotation, milliseconds; default 1 s. */
  readonly rotationMs?: number;
  /** Reconciles at once; default 16: they wait for the engine, not for a processor. */
  readonly concurrency?: number;
  /** How images are pulled. */
  readonly pulls?: PullSettings;
}
