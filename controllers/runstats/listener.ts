/** Figures about runs, read off the informer: how they ended and how long they took, whoever ended them. */
import { Counter, Histogram } from 'prom-client';
import type { ObjectStore } from '../../client/informer.ts';
import type { Clock } from '../../machinery/clock.ts';
import { exemplarsFor, type HistogramExemplars } from '../../machinery/exemplars.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import { traceOfObject } from '../../machinery/trace.ts';
import { hasEnded } from '../../schemas/runlives.ts';
import type { Run } from '../../schemas/types.gen.ts';

const TRIGGERS = ['Schedule', 'Manual', 'Dependency', 'CatchUp', 'Rerun'] as const;
const ENDS = ['completed', 'failed', 'interrupted', 'cancelled'] as const;

const DURATION = 'gantry_run_duration_seconds';
/** A step that does nothing takes a third of a second, a nightly backup hours. */
const SECONDS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 43_200];

interface Figures {
  readonly ended: Counter<'state' | 'trigger'>;
  readonly seconds: Histogram<'state'>;
  /** The traces of runs that took so long. */
  readonly exemplars: HistogramExemplars;
}

/** One for each metrics registry: whoever listens after another goes on with its figures. */
const made = new WeakMap<Metrics, Figures>();

function figuresOn(metrics: Metrics): Figures {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const registers = [metrics];
  const figures: Figures = {
    ended: new Counter({
      name: 'gantry_runs_ended_total',
      help: 'Runs that have ended, by state and by what had triggered them.',
      labelNames: ['state', 'trigger'],
      registers,
    }),
    seconds: new Histogram({
      name: DURATION,
      help: 'Seconds from the start of a run to its end; those that never began are left out.',
      labelNames: ['state'],
      buckets: SECONDS,
      registers,
    }),
    exemplars: exemplarsFor(metrics, DURATION, SECONDS),
  };
  // Known from the first scrape on, so that the first one is an increase.
  for (const state of ENDS) for (const trigger of TRIGGERS) figures.ended.inc({ state, trigger }, 0);
  made.set(metrics, figures);
  return figures;
}

/** Returns how to stop listening. */
export function listenForRunStats(
  runs: ObjectStore<Run>,
  { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics },
): () => void {
  const figures = figuresOn(metrics);
  return runs.onChange((_key, run, old) => {
    // Those of the first list ended before anybody listened here; they were counted by whoever did then.
    if (run === undefined || old === undefined || !hasEnded(run) || hasEnded(old)) return;
    const { state, startedAt, finishedAt } = run.status ?? {};
    if (state === undefined) return;
    figures.ended.inc({ state, trigger: run.spec.trigger ?? 'Manual' });
    const seconds = (Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '')) / 1000;
    if (!(seconds >= 0)) return;
    figures.seconds.observe({ state }, seconds);
    const { traceId } = traceOfObject(run.metadata) ?? {};
    if (traceId !== undefined) figures.exemplars.series({ state }).observe(seconds, traceId, clock.now());
  });
}
