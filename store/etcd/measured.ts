/** Any `EtcdClient` with its calls counted and timed, as what asks sees them: with all tries on all members. */
import { Counter, Histogram } from 'prom-client';
import type { Clock } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { EtcdClient, EtcdWatchBatch } from './client.ts';
import { UncertainWriteError } from './errors.ts';

type Call = 'range' | 'txn' | 'compact' | 'status';

/**
 * - `gantry_etcd_request_duration_seconds{operation}`: of calls, failed ones too. A watch goes on and is not timed.
 * - `gantry_etcd_request_errors_total{operation,reason}`: of calls and watches, the `StoreError`'s reason; `Uncertain` for a
 *   write that may have been made, `Aborted` when the caller gave up, `Unknown` for anything else.
 */
export function measuredEtcd(client: EtcdClient, metrics: Metrics, clock: Clock): EtcdClient {
  const registers = [metrics];
  const durations = new Histogram({
    name: 'gantry_etcd_request_duration_seconds',
    help: 'Duration of calls of etcd in seconds, with all their tries, by operation.',
    labelNames: ['operation'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const errors = new Counter({
    name: 'gantry_etcd_request_errors_total',
    help: 'Calls of etcd that failed in the end, by operation and reason.',
    labelNames: ['operation', 'reason'],
    registers,
  });
  const fail = (operation: Call | 'watch', signal: AbortSignal | undefined, error: unknown): void =>
    errors.inc({ operation, reason: signal?.aborted === true ? 'Aborted' : reasonOf(error) });
  // Found once: finding them by their label costs more than counting.
  const timers = {
    range: durations.labels('range'),
    txn: durations.labels('txn'),
    compact: durations.labels('compact'),
    status: durations.labels('status'),
  };
  const call = async <T>(
    operation: Call,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> => {
    const startedMs = clock.monotonicMs();
    try {
      return await work();
    } catch (error) {
      fail(operation, signal, error);
      throw error;
    } finally {
      timers[operation].observe((clock.monotonicMs() - startedMs) / 1000);
    }
  };
  async function* read(
    batches: AsyncIterable<EtcdWatchBatch>,
    signal: AbortSignal,
  ): AsyncGenerator<EtcdWatchBatch, void, undefined> {
    try {
      yield* batches;
    } catch (error) {
      fail('watch', signal, error);
      throw error;
    }
  }
  return {
    range: (range, signal) => call('range', signal, () => client.range(range, signal)),
    txn: (txn, signal) => call('txn', signal, () => client.txn(txn, signal)),
    // Opened now, not at the first read: who waits for `onOpen` may not have begun to read.
    watch: (watch) => read(client.watch(watch), watch.signal),
    compact: (revision, signal) => call('compact', signal, () => client.compact(revision, signal)),
    status: (signal) => call('status', signal, () => client.status(signal)),
    close: () => client.close(),
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof UncertainWriteError) return 'Uncertain';
  return error instanceof StoreError ? error.reason : 'Unknown';
}
