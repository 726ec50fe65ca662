/** Any `Runtime` with its operations counted and timed. Names and buckets follow the kubelet's `runtime_operations`. */
import { Counter, Histogram } from 'prom-client';
import type { Clock } from '../machinery/clock.ts';
import { RuntimeError } from '../machinery/errors.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { LogOptions, Runtime } from '../machinery/runtime.ts';

/** Seconds: an inspection takes 2 ms, a start 0.2 s, a stop its grace period. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * - `gantry_runtime_operations_total{operation}`: begun, streams (`events`, `logs`) included.
 * - `gantry_runtime_operation_errors_total{operation,reason}`: the `RuntimeError`'s reason; `Aborted` when the caller
 *   gave up, `Unknown` for anything else.
 * - `gantry_runtime_operation_duration_seconds{operation}`: of calls, failed ones too; streams are not timed. An exec,
 *   an attach and a dial are calls: what is timed and counted is their beginning, not the session they open.
 */
export function measuredRuntime(runtime: Runtime, metrics: Metrics, clock: Clock): Runtime {
  const operations = new Counter({
    name: 'gantry_runtime_operations_total',
    help: 'Container runtime operations by type.',
    labelNames: ['operation'],
    registers: [metrics],
  });
  const errors = new Counter({
    name: 'gantry_runtime_operation_errors_total',
    help: 'Container runtime operations that failed, by type and reason.',
    labelNames: ['operation', 'reason'],
    registers: [metrics],
  });
  const durations = new Histogram({
    name: 'gantry_runtime_operation_duration_seconds',
    help: 'Duration of container runtime operations in seconds, by type.',
    labelNames: ['operation'],
    buckets: BUCKETS,
    registers: [metrics],
  });

  const fail = (operation: keyof Runtime, signal: AbortSignal, error: unknown): void => {
    const reason = error instanceof RuntimeError ? error.reason : 'Unknown';
    errors.inc({ operation, reason: signal.aborted ? 'Aborted' : reason });
  };
  const call = async <T>(
    operation: keyof Runtime,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> => {
    operations.inc({ operation });
    const startedMs = clock.monotonicMs();
    try {
      return await work();
    } catch (error) {
      fail(operation, signal, error);
      throw error;
    } finally {
      durations.observe({ operation }, (clock.monotonicMs() - startedMs) / 1000);
    }
  };
  async function* read<T>(
    operation: keyof Runtime,
    signal: AbortSignal,
    stream: AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    try {
      yield* stream;
    } catch (error) {
      fail(operation, signal, error);
      throw error;
    }
  }
  const stream = <T>(
    operation: keyof Runtime,
    signal: AbortSignal,
    open: () => AsyncIterable<T>,
  ): AsyncIterable<T> => {
    operations.inc({ operation });
    // Opened now, not at the first read: an event stream tells what happens from its call on.
    return read(operation, signal, open());
  };

  return {
    info: (signal) => call('info', signal, () => runtime.info(signal)),
    list: (labels, signal) => call('list', signal, () => runtime.list(labels, signal)),
    inspect: (id, signal) => call('inspect', signal, () => runtime.inspect(id, signal)),
    create: (spec, signal) => call('create', signal, () => runtime.create(spec, signal)),
    start: (id, signal) => call('start', signal, () => runtime.start(id, signal)),
    stop: (id, options, signal) => call('stop', signal, () => runtime.stop(id, options, signal)),
    unpause: (id, signal) => call('unpause', signal, () => runtime.unpause(id, signal)),
    rename: (id, name, signal) => call('rename', signal, () => runtime.rename(id, name, signal)),
    update: (id, resources, signal) => call('update', signal, () => runtime.update(id, resources, signal)),
    remove: (id, signal) => call('remove', signal, () => runtime.remove(id, signal)),
    writableBytes: (id, signal) => call('writableBytes', signal, () => runtime.writableBytes(id, signal)),
    readFile: (id, path, maxBytes, signal) =>
      call('readFile', signal, () => runtime.readFile(id, path, maxBytes, signal)),
    image: (reference, signal) => call('image', signal, () => runtime.image(reference, signal)),
    pull: (reference, options, signal) =>
      call('pull', signal, () => runtime.pull(reference, options, signal)),
    images: (signal) => call('images', signal, () => runtime.images(signal)),
    removeImage: (id, signal) => call('removeImage', signal, () => runtime.removeImage(id, signal)),
    volumes: (labels, signal) => call('volumes', signal, () => runtime.volumes(labels, signal)),
    createVolume: (name, labels, signal) =>
      call('createVolume', signal, () => runtime.createVolume(name, labels, signal)),
    removeVolume: (name, signal) => call('removeVolume', signal, () => runtime.removeVolume(name, signal)),
    networks: (labels, signal) => call('networks', signal, () => runtime.networks(labels, signal)),
    createNetwork: (spec, signal) => call('createNetwork', signal, () => runtime.createNetwork(spec, signal)),
    removeNetwork: (id, signal) => call('removeNetwork', signal, () => runtime.removeNetwork(id, signal)),
    events: (labels, signal) => stream('events', signal, () => runtime.events(labels, signal)),
    logs: (id, options: LogOptions, signal) =>
      stream('logs', signal, () => runtime.logs(id, options, signal)),
    exec: (id, command, options, signal) =>
      call('exec', signal, () => runtime.exec(id, command, options, signal)),
    attach: (id, options, signal) => call('attach', signal, () => runtime.attach(id, options, signal)),
    stats: (id, signal) => call('stats', signal, () => runtime.stats(id, signal)),
    figures: (ids, signal) => call('figures', signal, () => runtime.figures(ids, signal)),
    dial: (id, port, signal) => call('dial', signal, () => runtime.dial(id, port, signal)),
  };
}
