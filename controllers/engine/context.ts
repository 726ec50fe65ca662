/** What every controller is handed. */
import type { Client } from '../../machinery/client.ts';
import type { Clock } from '../../machinery/clock.ts';
import type { Log } from '../../machinery/log.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import type { EventSink } from './event.ts';

export interface ControllerContext {
  /** Under the controller's own identity. */
  readonly client: Client;
  readonly recorder: EventSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}
