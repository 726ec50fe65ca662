/** The scheduler's metrics: Kubernetes' names where one exists. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

export interface SchedulerMetrics {
  readonly attempts: Counter<'result'>;
  readonly attemptSeconds: Histogram<'result'>;
  readonly victims: Counter;
}

interface Made {
  readonly metrics: SchedulerMetrics;
  pending: () => number;
}

/** One for each metrics registry: a scheduler that comes after another goes on with its figures. */
const made = new WeakMap<Metrics, Made>();

/** @param pending how many tasks wait for a worker now. */
export function schedulerMetrics(metrics: Metrics, pending: () => number): SchedulerMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) {
    existing.pending = pending;
    return existing.metrics;
  }
  const fresh: Made = { metrics: newMetricsOn(metrics), pending };
  made.set(metrics, fresh);
  metrics.registerMetric(
    new Gauge({
      name: 'scheduler_pending_tasks',
      help: 'Tasks that wait for a worker.',
      registers: [],
      collect() {
        this.set(fresh.pending());
      },
    }),
  );
  return fresh.metrics;
}

function newMetricsOn(metrics: Metrics): SchedulerMetrics {
  const registers = [metrics];
  return {
    attempts: new Counter({
      name: 'scheduler_schedule_attempts_total',
      help: 'Attempts to place a task, by result.',
      labelNames: ['result'],
      registers,
    }),
    victims: new Counter({
      name: 'scheduler_preemption_victims_total',
      help: 'Tasks taken off a worker to make room for one of higher priority.',
      registers,
    }),
    attemptSeconds: new Histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Seconds an attempt to place a task takes, the binding included, by result.',
      labelNames: ['result'],
      buckets: Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power),
      registers,
    }),
  };
}
