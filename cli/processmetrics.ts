/** What the process says of itself on `/metrics`: its build, its memory and CPU, its certificates' days left. */
import { collectDefaultMetrics, Gauge } from 'prom-client';
import type { Clock } from '../machinery/clock.ts';
import type { Metrics } from '../machinery/metrics.ts';

/** prom-client's totals that are gauges by nature: `promtool check metrics` refuses their names. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/** How often the event loop's lag is sampled. The default of 10 ms alone costs half a percent of a core at rest. */
const LAG_SAMPLE_MS = 200;

export function measureProcess(metrics: Metrics, productVersion: string, clock: Clock): void {
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: LAG_SAMPLE_MS });
  for (const name of MISNAMED) metrics.removeSingleMetric(name);
  metrics.registerMetric(
    new Gauge({
      name: 'gantry_time_seconds',
      help: 'Wall clock of this process when it was read, Unix time.',
      registers: [],
      collect() {
        this.set(clock.now() / 1000);
      },
    }),
  );
  const build = new Gauge({
    name: 'gantry_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['version', 'node_version'],
    registers: [metrics],
  });
  build.set({ version: productVersion, node_version: process.versions.node }, 1);
}
