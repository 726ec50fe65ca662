/**
 * The engine's metrics, made once for each metrics registry and shared by every loop on it.
 * Names, labels and buckets are Kubernetes' (client-go `workqueue_*`) and controller-runtime's.
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';

/** What a running queue can say of itself when the metrics are read. */
export interface QueueGauges {
  readonly name: string;
  depth(): number;
  /** How long the keys now being worked on have taken together, seconds. */
  unfinishedSeconds(): number;
  longestRunningSeconds(): number;
}

export interface EngineMetrics {
  readonly queues: Set<QueueGauges>;
  readonly adds: Counter<'name'>;
  readonly retries: Counter<'name'>;
  readonly queueSeconds: Histogram<'name'>;
  readonly workSeconds: Histogram<'name'>;
  readonly reconciles: Counter<'controller' | 'result'>;
  readonly reconcileErrors: Counter<'controller'>;
  readonly terminalErrors: Counter<'controller'>;
  readonly reconcileSeconds: Histogram<'controller'>;
  readonly activeWorkers: Gauge<'controller'>;
  readonly maxWorkers: Gauge<'controller'>;
  readonly eventsDropped: Counter<'component' | 'cause'>;
  readonly eventsWritten: Counter<'component' | 'act'>;
}

const WORKQUEUE_BUCKETS = Array.from({ length: 12 }, (_, power) => 1e-8 * 10 ** power);
const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5,
  1.75, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60,
];

const made = new WeakMap<Metrics, EngineMetrics>();

export function engineMetrics(metrics: Metrics): EngineMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const fresh = makeMetrics(metrics);
  made.set(metrics, fresh);
  return fresh;
}

function makeMetrics(metrics: Metrics): EngineMetrics {
  const registers = [metrics];
  const queues = new Set<QueueGauges>();
  const queueGauge = (name: string, help: string, read: (queue: QueueGauges) => number): void => {
    const gauge = new Gauge({
      name,
      help,
      labelNames: ['name'],
      registers: [],
      collect() {
        this.reset();
        for (const queue of queues) this.inc({ name: queue.name }, read(queue));
      },
    });
    metrics.registerMetric(gauge);
  };
  queueGauge('workqueue_depth', 'Current depth of the work queue.', (queue) => queue.depth());
  queueGauge(
    'workqueue_unfinished_work_seconds',
    'Seconds of work that is in progress and has not been observed by work_duration. Large values indicate stuck workers.',
    (queue) => queue.unfinishedSeconds(),
  );
  queueGauge(
    'workqueue_longest_running_processor_seconds',
    'Seconds the longest running worker of the work queue has been running.',
    (queue) => queue.longestRunningSeconds(),
  );
  const byName = { labelNames: ['name'] as const, registers };
  const byController = { labelNames: ['controller'] as const, registers };
  return {
    queues,
    adds: new Counter({ name: 'workqueue_adds_total', help: 'Adds handled by the work queue.', ...byName }),
    retries: new Counter({
      name: 'workqueue_retries_total',
      help: 'Retries handled by the work queue.',
      ...byName,
    }),
    queueSeconds: new Histogram({
      name: 'workqueue_queue_duration_seconds',
      help: 'Seconds a key stays in the work queue before it is worked on.',
      buckets: WORKQUEUE_BUCKETS,
      ...byName,
    }),
    workSeconds: new Histogram({
      name: 'workqueue_work_duration_seconds',
      help: 'Seconds that work on a key from the work queue takes.',
      buckets: WORKQUEUE_BUCKETS,
      ...byName,
    }),
    reconciles: new Counter({
      name: 'controller_runtime_reconcile_total',
      help: 'Reconciliations by controller and result (success, requeue_after, postponed, error, terminal_error).',
      labelNames: ['controller', 'result'],
      registers,
    }),
    reconcileErrors: new Counter({
      name: 'controller_runtime_reconcile_errors_total',
      help: 'Reconciliations that failed, by controller.',
      ...byController,
    }),
    terminalErrors: new Counter({
      name: 'controller_runtime_terminal_reconcile_errors_total',
      help: 'Reconciliations that failed and are not tried again until the object changes, by controller.',
      ...byController,
    }),
    reconcileSeconds: new Histogram({
      name: 'controller_runtime_reconcile_time_seconds',
      help: 'Seconds a reconciliation takes, by controller.',
      buckets: RECONCILE_BUCKETS,
      ...byController,
    }),
    activeWorkers: new Gauge({
      name: 'controller_runtime_active_workers',
      help: 'Reconciliations now running, by controller.',
      ...byController,
    }),
    maxWorkers: new Gauge({
      name: 'controller_runtime_max_concurrent_reconciles',
      help: 'Reconciliations that may run at once, by controller.',
      ...byController,
    }),
    eventsDropped: new Counter({
      name: 'gantry_events_dropped_total',
      help: 'Events that were not written, by component and cause (queue_full, spam, write_failed).',
      labelNames: ['component', 'cause'],
      registers,
    }),
    eventsWritten: new Counter({
      name: 'gantry_events_written_total',
      help: 'Events written, by component and act (created, folded).',
      labelNames: ['component', 'act'],
      registers,
    }),
  };
}
