/** What the registry tells of itself on `/metrics`. Names are Kubernetes' where it has one; labels never carry names. */
import { Counter, Gauge, Histogram } from 'prom-client';
import { isApiError } from '../../machinery/errors.ts';
import { qualifiedName } from '../../machinery/meta.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Kinds } from './kinds/kinds.ts';
import type { AccessRequest } from './types.ts';

export const KEYED_RESULTS = ['miss', 'hit', 'conflict', 'refused'] as const;
/** What became of a request under an idempotency key. */
export type KeyedResult = (typeof KEYED_RESULTS)[number];

export interface RegistryMetrics {
  /** Does the work of a write that may be made, and counts what it is refused with; what merely failed is not counted. */
  readonly refusalsOf: <T>(request: AccessRequest, work: () => Promise<T>) => Promise<T>;
  readonly keyed: (result: KeyedResult) => void;
  /** @param ms from the commit of a change until a watcher was given it. */
  readonly delivered: (ms: number) => void;
}

/** Said of what was asked for, not of how things are at the moment. */
const REFUSALS = [
  'BadRequest',
  'Forbidden',
  'Invalid',
  'MethodNotAllowed',
  'RequestEntityTooLarge',
  'TooManyRequests',
  'UnsupportedMediaType',
] as const;

export function isRefusal(error: unknown): boolean {
  return isApiError(error, ...REFUSALS);
}

/** Made once for each metrics registry. */
export function newRegistryMetrics(metrics: Metrics): RegistryMetrics {
  const registers = [metrics];
  const refusals = new Counter({
    name: 'gantry_admission_refusals_total',
    help: 'Writes that were refused although whoever asked may write there, by operation, reason and resource.',
    labelNames: ['operation', 'reason', 'group', 'resource'],
    registers,
  });
  const keyed = new Counter({
    name: 'gantry_idempotency_requests_total',
    help: 'Requests to make a Run under an idempotency key, by what became of them.',
    labelNames: ['result'],
    registers,
  });
  for (const result of KEYED_RESULTS) keyed.inc({ result }, 0);
  const deliveries = new Histogram({
    name: 'gantry_watch_delivery_duration_seconds',
    help: 'Seconds from a change being committed until it was handed to a watcher, by the wall clock.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  }).labels();
  return {
    refusalsOf: async ({ verb: operation, group, resource }, work) => {
      try {
        return await work();
      } catch (error) {
        if (isApiError(error, ...REFUSALS))
          refusals.inc({ operation, reason: error.reason, group, resource });
        throw error;
      }
    },
    keyed: (result) => keyed.inc({ result }),
    // Of two clocks one may be behind the other.
    delivered: (ms) => deliveries.observe(Math.max(0, ms) / 1000),
  };
}

/** Both are read from the caches when somebody scrapes. */
export function measureKinds(metrics: Metrics, kinds: Kinds): void {
  metrics.registerMetric(
    new Gauge({
      name: 'apiserver_storage_objects',
      help: 'Number of stored objects by resource.',
      labelNames: ['resource'],
      registers: [],
      collect() {
        // Kinds of users come and go.
        this.reset();
        for (const { entry, size } of kinds.caches()) this.set({ resource: qualifiedName(entry.kind) }, size);
      },
    }),
  );
  metrics.registerMetric(
    new Gauge({
      name: 'apiserver_registered_watchers',
      help: 'Number of watchers by kind.',
      labelNames: ['group', 'version', 'kind'],
      registers: [],
      collect() {
        this.reset();
        for (const { entry, watcherCount } of kinds.caches()) {
          const { group, version, kind } = entry.kind;
          this.set({ group, version, kind }, watcherCount);
        }
      },
    }),
  );
}
