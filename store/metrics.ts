/** What the store tells Prometheus. Reading a gauge asks the store at that moment; a closed store reports nothing new. */
import { Counter, Gauge, Histogram } from 'prom-client';
import { StoreError, type StoreErrorReason } from '../machinery/errors.ts';
import { type Metrics, newMetrics } from '../machinery/metrics.ts';

export interface MetricsSource {
  revision(): number;
  compactedRevision(): number;
  watcherCount(): number;
  /** Undefined when the store is closed or does not answer. */
  sizeNow(): Promise<{ readonly keys: number; readonly bytes: number } | undefined>;
}

export class StoreMetrics {
  readonly #commitSeconds: Histogram;
  readonly #batchSize: Histogram;
  readonly #failures: Counter<'reason'>;

  constructor(source: MetricsSource, metrics: Metrics = newMetrics()) {
    const registers = [metrics];
    this.#commitSeconds = new Histogram({
      name: 'gantry_store_commit_duration_seconds',
      help: 'Seconds from a commit being asked for until it was durable and answered.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#batchSize = new Histogram({
      name: 'gantry_store_commit_batch_size',
      help: 'Commits that shared one flush to disk.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
      registers,
    });
    this.#failures = new Counter({
      name: 'gantry_store_commit_failures_total',
      help: 'Commits that the store could not make, by reason; failed preconditions are not counted.',
      labelNames: ['reason'],
      registers,
    });
    gauge(registers, 'gantry_store_revision', 'Revision of the last acknowledged commit.', () =>
      source.revision(),
    );
    gauge(registers, 'gantry_store_compacted_revision', 'Newest revision whose past is gone.', () =>
      source.compactedRevision(),
    );
    gauge(registers, 'gantry_store_watchers', 'Open watches of the store.', () => source.watcherCount());
    gauge(
      registers,
      'gantry_store_size_bytes',
      'Bytes the store takes, on disk if it has one.',
      async () => (await source.sizeNow())?.bytes,
    );
    gauge(
      registers,
      'gantry_store_keys',
      'Keys that hold a value.',
      async () => (await source.sizeNow())?.keys,
    );
  }

  committed(seconds: number): void {
    this.#commitSeconds.observe(seconds);
  }

  batched(commits: number): void {
    this.#batchSize.observe(commits);
  }

  failed(error: unknown): void {
    const reason: StoreErrorReason = error instanceof StoreError ? error.reason : 'Unavailable';
    this.#failures.inc({ reason });
  }
}

type Reading = number | undefined;

function gauge(
  registers: Metrics[],
  name: string,
  help: string,
  read: () => Reading | Promise<Reading>,
): void {
  const made = new Gauge({
    name,
    help,
    registers,
    async collect() {
      const value = await read();
      if (value !== undefined) made.set(value);
    },
  });
}
