/** What the times of schedules came to, all together: names of Jobs are no labels. */
import { Counter, Histogram } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';

const RESULTS = ['made', 'caught_up', 'skipped', 'refused'] as const;
/** Seconds: a tenth on an idle machine; what is later than ten is late, and what is later than a minute is caught up. */
const DELAYS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface JobMetrics {
  readonly fires: Counter<'result'>;
  readonly fireDelay: Histogram;
  readonly missed: Counter;
}

const made = new WeakMap<Metrics, JobMetrics>();

/** Made once for each metrics registry: a controller that comes after another goes on with its figures. */
export function jobMetrics(metrics: Metrics): JobMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const registers = [metrics];
  const fresh: JobMetrics = {
    fires: new Counter({
      name: 'gantry_cron_fires_total',
      help: 'Times of schedules that were to run, by what came of them: made, caught_up (late), skipped (concurrencyPolicy) or refused.',
      labelNames: ['result'],
      registers,
    }),
    fireDelay: new Histogram({
      name: 'gantry_cron_fire_delay_seconds',
      help: 'Seconds from the time of a schedule until its run was made; those caught up are left out.',
      buckets: DELAYS,
      registers,
    }),
    missed: new Counter({
      name: 'gantry_cron_missed_total',
      help: 'Times of schedules that passed and do not run.',
      registers,
    }),
  };
  // Known from the first scrape on, so that the first one is an increase.
  for (const result of RESULTS) fresh.fires.inc({ result }, 0);
  made.set(metrics, fresh);
  return fresh;
}
