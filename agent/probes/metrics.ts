/** What the prober counts, under the kubelet's names; of whom is not said, so that the figures stay few. */
import { Counter, Histogram } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Answer } from './answer.ts';
import type { ProbeKind } from './state.ts';

const PROBE_TYPES = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;
const RESULTS = {
  success: 'successful',
  warning: 'successful',
  failure: 'failed',
  unknown: 'unknown',
} as const;

/** Seconds: prom-client's own, as the kubelet takes its library's. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type CountProbe = (kind: ProbeKind, answer: Answer, durationMs: number) => void;

const made = new WeakMap<Metrics, CountProbe>();

/** Made once for each metrics registry: several agents in one process count together. */
export function probeCounter(metrics: Metrics): CountProbe {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const fresh = makeCounter(metrics);
  made.set(metrics, fresh);
  return fresh;
}

function makeCounter(metrics: Metrics): CountProbe {
  const total = new Counter({
    name: 'prober_probe_total',
    help: 'Cumulative number of a liveness, readiness or startup probe for a container by result.',
    labelNames: ['probe_type', 'result'],
    registers: [metrics],
  });
  const seconds = new Histogram({
    name: 'prober_probe_duration_seconds',
    help: 'Duration in seconds for a probe response.',
    labelNames: ['probe_type'],
    buckets: BUCKETS,
    registers: [metrics],
  });
  return (kind, answer, durationMs) => {
    const probe_type = PROBE_TYPES[kind];
    total.inc({ probe_type, result: RESULTS[answer.kind] });
    seconds.observe({ probe_type }, durationMs / 1000);
  };
}
