/** What the task controller counts. */
import { Counter } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';
import { DRIFT_KINDS } from './types.ts';

export interface TaskMetrics {
  readonly restarts: Counter<'reason'>;
  readonly driftRepaired: Counter<'kind'>;
  readonly orphansRemoved: Counter;
}

const made = new WeakMap<Metrics, TaskMetrics>();

/** Made once for each metrics registry: several controllers in one process count together. */
export function taskMetrics(metrics: Metrics): TaskMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const fresh = makeMetrics(metrics);
  // Known from the first scrape on, so that the first ones are an increase.
  for (const kind of DRIFT_KINDS) fresh.driftRepaired.inc({ kind }, 0);
  made.set(metrics, fresh);
  return fresh;
}

function makeMetrics(metrics: Metrics): TaskMetrics {
  const registers = [metrics];
  return {
    restarts: new Counter({
      name: 'gantry_task_restarts_total',
      help: 'Containers started again after one of the same run ended, by the reason of that end.',
      labelNames: ['reason'],
      registers,
    }),
    driftRepaired: new Counter({
      name: 'gantry_task_drift_repaired_total',
      help: 'Changes made by hand to containers that were put right, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    orphansRemoved: new Counter({
      name: 'gantry_orphans_removed_total',
      help: 'Containers of this cluster and worker that were removed because their Task is gone or elsewhere.',
      registers,
    }),
  };
}
