/** What is counted of the job runner's calls. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Metrics } from '../../../machinery/metrics.ts';

export interface CallMetrics {
  readonly ended: Counter<'method' | 'code'>;
  readonly seconds: Histogram<'method'>;
  readonly readers: Gauge;
}

export function newCallMetrics(metrics: Metrics): CallMetrics {
  const registers = [metrics];
  return {
    ended: new Counter({
      name: 'gantry_grpc_calls_total',
      help: 'Calls of the job runner that have ended, by method and by the name of their code.',
      labelNames: ['method', 'code'],
      registers,
    }),
    seconds: new Histogram({
      name: 'gantry_grpc_call_duration_seconds',
      help: 'How long calls of the job runner took, but for Tail, which takes as long as its job.',
      labelNames: ['method'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    readers: new Gauge({
      name: 'gantry_grpc_tail_readers',
      help: 'Who follows the output of jobs now.',
      registers,
    }),
  };
}
