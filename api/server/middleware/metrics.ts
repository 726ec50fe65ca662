/** The server's own metrics, under the names Kubernetes gives its API server's. Labels never carry object names. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Clock } from '../../../machinery/clock.ts';
import { exemplarsFor, type HistogramExemplars, type SeriesExemplars } from '../../../machinery/exemplars.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import type { Door } from '../../doors/door.ts';
import type { AppContext, AppMiddleware, RouteLabels } from '../context.ts';

const ROUTE = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const;
const ANSWERED = [...ROUTE, 'door'] as const;
const KIND = ['group', 'version', 'kind'] as const;
/** The door of all paths that belong to no other one. */
const KUBERNETES = 'kubernetes';
const READS = new Set(['GET', 'HEAD']);
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const DURATIONS = 'apiserver_request_duration_seconds';
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export interface ServerMetrics {
  readonly requests: Counter<(typeof ANSWERED)[number] | 'code'>;
  /** Those of clients, by whether the server kept its promise: what the error budget is reckoned from. */
  readonly served: Counter<'result'>;
  readonly durations: Histogram<(typeof ANSWERED)[number]>;
  /** The traces of requests that took so long. */
  readonly exemplars: HistogramExemplars;
  readonly inflight: Gauge<'request_kind'>;
  readonly longRunning: Gauge<(typeof ROUTE)[number]>;
  readonly watchEvents: Counter<(typeof KIND)[number]>;
  readonly watchesEnded: Counter<'reason'>;
}

/**
 * Why a watch ended: its client left, its time was over, it was too slow or asked for what is gone, its client took
 * nothing for too long, the listener stops, or it failed.
 */
export const WATCH_ENDS = ['client', 'timeout', 'expired', 'stalled', 'stopping', 'failed'] as const;
export type WatchEnd = (typeof WATCH_ENDS)[number];

/** Registers the metrics; once for each metrics registry. */
export function newServerMetrics(metrics: Metrics): ServerMetrics {
  const registers = [metrics];
  const watchesEnded = new Counter({
    name: 'gantry_watch_ended_total',
    help: 'Watches over HTTP that have ended, by why.',
    labelNames: ['reason'],
    registers,
  });
  // Known from the first scrape on, so that the first end of a kind is an increase.
  for (const reason of WATCH_ENDS) watchesEnded.inc({ reason }, 0);
  const served = new Counter({
    name: 'gantry_served_requests_total',
    help: 'Requests but for probes and scrapes, by result: answered, refusals too, or failed (5xx).',
    labelNames: ['result'],
    registers,
  });
  // By code and resource a series begins with its first failure, which no rate can see.
  for (const result of ['answered', 'failed']) served.inc({ result }, 0);
  return {
    watchesEnded,
    served,
    requests: new Counter({
      name: 'apiserver_request_total',
      help: 'Requests answered, by verb, resource, HTTP status code and door.',
      labelNames: [...ANSWERED, 'code'],
      registers,
    }),
    exemplars: exemplarsFor(metrics, DURATIONS, SECONDS),
    durations: new Histogram({
      name: DURATIONS,
      help: 'Time from the first byte of a request to the end of its answer; watches and followed logs are left out.',
      labelNames: ANSWERED,
      buckets: SECONDS,
      registers,
    }),
    inflight: new Gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Requests being answered now, without watches and followed logs.',
      labelNames: ['request_kind'],
      registers,
    }),
    longRunning: new Gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Watches and followed logs open now.',
      labelNames: ROUTE,
      registers,
    }),
    watchEvents: new Counter({
      name: 'apiserver_watch_events_total',
      help: 'Events sent to watchers.',
      labelNames: KIND,
      registers,
    }),
  };
}

/** Who asks whether all is well, or how it is: when it is not, that is told by other figures, and fails nobody. */
const PROBES_AND_SCRAPES = /^(?:\/(?:livez|readyz|healthz|metrics|discovery)\b|proxy$)/;

interface Children {
  readonly requests: { inc(): void };
  /** Absent for probes and scrapes. */
  readonly served: { inc(): void } | undefined;
  readonly durations: { observe(seconds: number): void };
  readonly exemplars: SeriesExemplars;
}

/**
 * Counts and times every request. A path that is not served counts under empty labels, whatever it was called; `door` is
 * whose path it is, also where the answer was given before the door was reached.
 */
export function measured(metrics: ServerMetrics, clock: Clock, doors: readonly Door[]): AppMiddleware {
  // Finding a metric's child by its labels costs more than counting: each is looked up once.
  const known = new Map<string, Children>();
  function childrenOf(route: RouteLabels, door: string, status: number): Children {
    const { verb, group, version, resource, subresource, scope } = route;
    const key = `${verb} ${group} ${version} ${resource} ${subresource} ${scope} ${door} ${status}`;
    let children = known.get(key);
    if (children === undefined) {
      const labels = { ...route, door };
      children = {
        requests: metrics.requests.labels({ ...labels, code: String(status) }),
        served: PROBES_AND_SCRAPES.test(subresource)
          ? undefined
          : metrics.served.labels({ result: status >= 500 ? 'failed' : 'answered' }),
        durations: metrics.durations.labels(labels),
        exemplars: metrics.exemplars.series(labels),
      };
      known.set(key, children);
    }
    return children;
  }
  const doorOf = (path: string): string => doors.find((door) => door.owns(path))?.name ?? KUBERNETES;
  return async (ctx, next) => {
    const startMs = clock.monotonicMs();
    const kind = { request_kind: READS.has(ctx.method) ? 'readOnly' : 'mutating' };
    metrics.inflight.inc(kind);
    let isCounted = true;
    const release = (): void => {
      if (isCounted) metrics.inflight.dec(kind);
      isCounted = false;
    };
    ctx.state.whenLongRunning = [release];
    try {
      await next();
    } finally {
      release();
      const labels = ctx.state.labels ?? unknownRoute(ctx.method);
      const { requests, served, durations, exemplars } = childrenOf(labels, doorOf(ctx.path), ctx.status);
      requests.inc();
      served?.inc();
      if (ctx.state.isLongRunning !== true) {
        const seconds = (clock.monotonicMs() - startMs) / 1000;
        durations.observe(seconds);
        exemplars.observe(seconds, ctx.state.trace.traceId, clock.now());
      }
    }
  };
}

/** Lets the request go on for as long as it likes: no seat, no deadline, not in flight. */
export function becomeLongRunning(ctx: AppContext): void {
  ctx.state.isLongRunning = true;
  for (const letGo of ctx.state.whenLongRunning?.splice(0) ?? []) letGo();
}

/** Runs `work` counted as long-running instead of in flight. */
export async function longRunning(
  ctx: AppContext,
  metrics: ServerMetrics,
  work: () => Promise<void>,
): Promise<void> {
  const labels = { ...(ctx.state.labels ?? unknownRoute(ctx.method)) };
  becomeLongRunning(ctx);
  metrics.longRunning.inc(labels);
  try {
    await work();
  } finally {
    metrics.longRunning.dec(labels);
  }
}

export function unknownRoute(method: string): RouteLabels {
  const verb = METHODS.has(method) ? method : 'OTHER';
  return { verb, group: '', version: '', resource: '', subresource: '', scope: '' };
}

/** A path outside the kinds, such as `/metrics`: Kubernetes reports it as the subresource. */
export function pathRoute(method: string, path: string): RouteLabels {
  return { ...unknownRoute(method), subresource: path };
}
