/** The scheduler's metrics: Kubernetes' names where one exists. */
import { Counter, Gauge, Histogram } from 'prom-client';
import { exemplarsFor, type HistogramExemplars } from '../../machinery/exemplars.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import { PLACEMENT_REASONS, type PlacementReason } from './filters.ts';

export type AttemptResult = 'scheduled' | 'unschedulable' | 'error';

export interface SchedulerMetrics {
  readonly attempts: Counter<'result'>;
  readonly attemptSeconds: Histogram<'result'>;
  /** The traces of tasks whose attempt took so long. */
  readonly exemplars: HistogramExemplars;
  readonly victims: Counter;
  readonly bindErrors: Counter<'reason'>;
}

/** Why a task waits: what workers say against it, or that there is none to say anything. */
export type UnschedulableReason = PlacementReason | 'NoWorkers';

const UNSCHEDULABLE: readonly UnschedulableReason[] = [...PLACEMENT_REASONS, 'NoWorkers'];
const ATTEMPT = 'scheduler_scheduling_attempt_duration_seconds';
const SECONDS = Array.from({ length: 15 }, (_, power) => 0.001 * 2 ** power);

/** What a scheduler can say of those that wait when somebody scrapes; nothing once it has stopped. */
export interface WaitingFigures {
  /** How many tasks wait for a worker now. */
  pending(): number;
  /** Of each task that was told why it waits, the reasons, each once. */
  unschedulable(): Iterable<readonly UnschedulableReason[]>;
}

interface Made {
  readonly metrics: SchedulerMetrics;
  waiting: WaitingFigures;
}

/** One for each metrics registry: a scheduler that comes after another goes on with its figures. */
const made = new WeakMap<Metrics, Made>();

export function schedulerMetrics(metrics: Metrics, waiting: WaitingFigures): SchedulerMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) {
    existing.waiting = waiting;
    return existing.metrics;
  }
  const fresh: Made = { metrics: newMetricsOn(metrics), waiting };
  made.set(metrics, fresh);
  metrics.registerMetric(
    new Gauge({
      name: 'scheduler_pending_tasks',
      help: 'Tasks that wait for a worker.',
      registers: [],
      collect() {
        this.set(fresh.waiting.pending());
      },
    }),
  );
  metrics.registerMetric(
    new Gauge({
      name: 'gantry_scheduler_unschedulable_tasks',
      help: 'Tasks that wait because no worker fits, under every reason that some worker gave.',
      labelNames: ['reason'],
      registers: [],
      collect() {
        const counts = new Map<string, number>(UNSCHEDULABLE.map((reason) => [reason, 0]));
        for (const reasons of fresh.waiting.unschedulable()) {
          for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
        }
        for (const [reason, count] of counts) this.set({ reason }, count);
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
    bindErrors: new Counter({
      name: 'gantry_scheduler_bind_errors_total',
      help: 'Bindings of tasks that failed, by reason.',
      labelNames: ['reason'],
      registers,
    }),
    exemplars: exemplarsFor(metrics, ATTEMPT, SECONDS),
    attemptSeconds: new Histogram({
      name: ATTEMPT,
      help: 'Seconds an attempt to place a task takes, the binding included, by result.',
      labelNames: ['result'],
      buckets: SECONDS,
      registers,
    }),
  };
}
