/** Figures about tasks, read off the informer: how many in which phase, and how long from accepted to running. */
import { Gauge, Histogram } from 'prom-client';
import type { ObjectStore } from '../../client/informer.ts';
import type { Clock } from '../../machinery/clock.ts';
import { exemplarsFor, type SeriesExemplars } from '../../machinery/exemplars.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import { traceOfObject } from '../../machinery/trace.ts';
import type { Task } from '../../schemas/types.gen.ts';

const PHASES = ['Pending', 'Running', 'Succeeded', 'Failed', 'Stopped', 'Unknown'] as const;

const START_SECONDS = 'gantry_task_start_duration_seconds';
const SECONDS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 20, 30, 60, 120, 300, 600];

interface Figures {
  readonly startSeconds: Histogram;
  /** The traces of tasks that took so long. */
  readonly exemplars: SeriesExemplars;
  /** Undefined while nobody listens here. */
  tasks: ObjectStore<Task> | undefined;
}

/** One for each metrics registry: whoever listens after another goes on with its figures. */
const made = new WeakMap<Metrics, Figures>();

function figuresOn(metrics: Metrics): Figures {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const figures: Figures = {
    startSeconds: new Histogram({
      name: START_SECONDS,
      help: 'Seconds from when a new task was first seen to when it was first seen Running, on one monotonic clock.',
      buckets: SECONDS,
      registers: [metrics],
    }),
    exemplars: exemplarsFor(metrics, START_SECONDS, SECONDS).series({}),
    tasks: undefined,
  };
  const phases = new Gauge({
    name: 'gantry_tasks',
    help: 'Tasks by phase.',
    labelNames: ['phase'],
    registers: [],
    collect() {
      this.reset();
      if (figures.tasks === undefined) return;
      const counts = new Map<string, number>(PHASES.map((phase) => [phase, 0]));
      for (const task of figures.tasks.list()) {
        const phase = task.status?.phase ?? 'Pending';
        counts.set(phase, (counts.get(phase) ?? 0) + 1);
      }
      for (const [phase, count] of counts) this.set({ phase }, count);
    },
  });
  metrics.registerMetric(phases);
  made.set(metrics, figures);
  return figures;
}

/** Returns how to stop listening. */
export function listenForTaskStats(
  tasks: ObjectStore<Task>,
  { clock, metrics }: { readonly clock: Clock; readonly metrics: Metrics },
): () => void {
  const figures = figuresOn(metrics);
  figures.tasks = tasks;
  /** Key -> when a task that has not run yet was first seen. Bounded by the tasks there are. */
  const firstSeenMs = new Map<string, number>();
  const stop = tasks.onChange((key, task, old) => {
    if (task === undefined) {
      firstSeenMs.delete(key);
      return;
    }
    // Tasks of the first list are older than this process: their beginning was not seen.
    if (old === undefined && tasks.hasSynced) firstSeenMs.set(key, clock.monotonicMs());
    if (task.status?.phase !== 'Running') return;
    const sinceMs = firstSeenMs.get(key);
    if (sinceMs === undefined) return;
    firstSeenMs.delete(key);
    const seconds = (clock.monotonicMs() - sinceMs) / 1000;
    figures.startSeconds.observe(seconds);
    const { traceId } = traceOfObject(task.metadata) ?? {};
    if (traceId !== undefined) figures.exemplars.observe(seconds, traceId, clock.now());
  });
  return () => {
    stop();
    if (figures.tasks === tasks) figures.tasks = undefined;
  };
}
