/** What TaskSets have come to, all together: names of objects are no labels. */
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';

export interface TaskSetMetrics {
  /** `result`: completed, failed or reverted. */
  readonly rollouts: Counter<'result'>;
}

interface Made {
  readonly metrics: TaskSetMetrics;
  sets: () => readonly TaskSet[];
}

/** One for each metrics registry: a controller that comes after another goes on with its figures. */
const made = new WeakMap<Metrics, Made>();

/** @param sets those that this process answers for; none once it has stopped. */
export function taskSetMetrics(metrics: Metrics, sets: () => readonly TaskSet[]): TaskSetMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) {
    existing.sets = sets;
    return existing.metrics;
  }
  const rollouts = new Counter({
    name: 'gantry_taskset_rollouts_total',
    help: 'Rollouts of TaskSets that have ended, by result.',
    labelNames: ['result'],
    registers: [metrics],
  });
  const fresh: Made = { metrics: { rollouts }, sets };
  made.set(metrics, fresh);
  metrics.registerMetric(
    new Gauge({
      name: 'gantry_taskset_replicas',
      help: 'Tasks of all TaskSets: desired, ready and available.',
      labelNames: ['state'],
      registers: [],
      collect() {
        const sum = { desired: 0, ready: 0, available: 0 };
        for (const { status } of fresh.sets()) {
          sum.desired += status?.desiredReplicas ?? 0;
          sum.ready += status?.readyReplicas ?? 0;
          sum.available += status?.availableReplicas ?? 0;
        }
        for (const [state, count] of Object.entries(sum)) this.set({ state }, count);
      },
    }),
  );
  return fresh.metrics;
}
