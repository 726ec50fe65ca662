/** What is counted of pulls: of each image once, however many Tasks wait for it and however many credentials are tried. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Clock } from '../../machinery/clock.ts';
import type { Metrics } from '../../machinery/metrics.ts';

const RESULTS = ['success', 'error', 'aborted'] as const;
/** Seconds: an image that is there already is looked up in a tenth, a large one over a thin line takes an hour. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];

interface Figures {
  readonly ended: Counter<'result'>;
  readonly seconds: Histogram;
  readonly underWay: Gauge;
}

/** Does a pull and counts it. @param signal aborts when the agent stops */
export type CountPull = <T>(clock: Clock, signal: AbortSignal, pull: () => Promise<T>) => Promise<T>;

const made = new WeakMap<Metrics, Figures>();

/** Made once for each metrics registry: several agents in one process count together. */
export function pullCounter(metrics: Metrics): CountPull {
  const { ended, seconds, underWay } = figuresOn(metrics);
  return async (clock, signal, pull) => {
    const startedMs = clock.monotonicMs();
    underWay.inc();
    try {
      const answer = await pull();
      ended.inc({ result: 'success' });
      seconds.observe((clock.monotonicMs() - startedMs) / 1000);
      return answer;
    } catch (error) {
      ended.inc({ result: signal.aborted ? 'aborted' : 'error' });
      throw error;
    } finally {
      underWay.dec();
    }
  };
}

function figuresOn(metrics: Metrics): Figures {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const registers = [metrics];
  const fresh: Figures = {
    ended: new Counter({
      name: 'gantry_image_pulls_total',
      help: 'Pulls of images that have ended, by result: success, error or aborted.',
      labelNames: ['result'],
      registers,
    }),
    seconds: new Histogram({
      name: 'gantry_image_pull_duration_seconds',
      help: 'Seconds that pulls took which succeeded.',
      buckets: SECONDS,
      registers,
    }),
    underWay: new Gauge({
      name: 'gantry_image_pulls_in_progress',
      help: 'Pulls of images under way.',
      registers,
    }),
  };
  // Known from the first scrape on, so that the first one is an increase.
  for (const result of RESULTS) fresh.ended.inc({ result }, 0);
  made.set(metrics, fresh);
  return fresh;
}
