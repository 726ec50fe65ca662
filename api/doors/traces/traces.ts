/** The WebSocket door. */
import type { Clock } from '../../../machinery/clock.ts';
import type { Log } from '../../../machinery/log.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import type { Registry } from '../../registry/types.ts';
import type { Door } from '../door.ts';

export interface TracesDoorDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface TracesDoor extends Door {
  /** Ends every subscription. */
  close(): Promise<void>;
}

export function tracesDoor(_deps: TracesDoorDeps): TracesDoor {
  return {
    name: 'traces',
    owns: () => false,
    describeError: (error) => ({ code: error.code, body: error.toStatus() }),
    middleware: (_ctx, next) => next(),
    close: () => Promise.resolve(),
  };
}
