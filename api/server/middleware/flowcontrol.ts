/**
 * How many requests run at once, and whose turn it is when there are too many. In small what Kubernetes' API Priority
 * and Fairness does: levels with seats of their own, so that no user's flood reaches the workers' heartbeats, and in
 * each level the users take turns. Requests that go on (watches, followed logs, sessions) leave their seat when they
 * have begun, and are counted instead.
 *
 * Deviation from Kubernetes: `system:masters` is not exempt but has a level of its own. An administrator is never kept
 * out by others, and an administrator's runaway script does not take the process's memory.
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { FairQueue, type LevelOptions, type Refusal, type Seat } from '../../../machinery/fairqueue.ts';
import {
  GROUP_CONTROLLERS,
  GROUP_MASTERS,
  GROUP_WORKERS,
  type Identity,
} from '../../../machinery/identity.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import { type AppContext, type AppMiddleware, identityOf } from '../context.ts';

/** A quarter of the time a request has, as in Kubernetes. */
const WAIT_MS = 15_000;
const RETRY_AFTER_SECONDS = 1;

const LEVELS = {
  /** Heartbeats. Kubernetes: node-high and leader-election. */
  leases: { name: 'leases', seats: 50, seatsPerUser: 10, queueLength: 50, waiting: 1_000, waitMs: WAIT_MS },
  /** Workers and controllers. Kubernetes: system and workload-high. */
  system: { name: 'system', seats: 200, queueLength: 50, waiting: 1_000, waitMs: WAIT_MS },
  masters: {
    name: 'masters',
    seats: 200,
    seatsPerUser: 200,
    queueLength: 200,
    waiting: 1_000,
    waitMs: WAIT_MS,
  },
  /** Everybody else. */
  default: { name: 'global-default', seats: 200, queueLength: 50, waiting: 1_000, waitMs: WAIT_MS },
} as const satisfies Record<string, LevelOptions>;

export type LevelName = keyof typeof LEVELS;
export type Levels = Readonly<Record<LevelName, LevelOptions>>;

const LEASES = /^\/apis\/coordination\.k8s\.io\//;
/** How overload is seen must not depend on it. */
const EXEMPT = '/metrics';

export interface FlowControlDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly levels?: Partial<Levels>;
}

/** Stands after authentication: who asks decides. Throws `TooManyRequests` with `Retry-After`. */
export function flowControlled({ clock, metrics, levels = {} }: FlowControlDeps): AppMiddleware {
  const queues = openQueues({ ...LEVELS, ...levels }, clock);
  const { rejected, waits } = newFlowMetrics(metrics, Object.values(queues));
  return async (ctx, next) => {
    if (ctx.path === EXEMPT) return next();
    const identity = identityOf(ctx);
    const queue = queues[levelOf(identity, ctx.path)];
    const seat = queue.take(identity.name) ?? (await turn(ctx, queue, identity.name));
    ctx.state.whenLongRunning?.push(() => seat.release());
    try {
      await next();
    } finally {
      seat.release();
    }
  };

  async function turn(ctx: AppContext, queue: FairQueue, user: string): Promise<Seat> {
    const startMs = clock.monotonicMs();
    const gone = new AbortController();
    const left = (): void => gone.abort();
    ctx.res.once('close', left);
    const result = await queue.wait(user, gone.signal);
    ctx.res.off('close', left);
    const { name } = queue.options;
    const labels = { flow_schema: name, priority_level: name };
    const isSeat = typeof result !== 'string';
    waits.observe({ ...labels, execute: String(isSeat) }, (clock.monotonicMs() - startMs) / 1000);
    if (isSeat) return result;
    rejected.inc({ ...labels, reason: result });
    throw tooMany(result);
  }
}

/** Which level a request belongs to. */
export function levelOf({ groups }: Identity, path: string): LevelName {
  if (groups.includes(GROUP_WORKERS) || groups.includes(GROUP_CONTROLLERS)) {
    return LEASES.test(path) ? 'leases' : 'system';
  }
  return groups.includes(GROUP_MASTERS) ? 'masters' : 'default';
}

function tooMany(refusal: Refusal): ApiError {
  const why =
    refusal === 'queue-full' ? 'too many of yours are waiting already' : 'it waited too long for its turn';
  return new ApiError('TooManyRequests', `Too many requests, please try again later: ${why}`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function openQueues(levels: Levels, clock: Clock): Readonly<Record<LevelName, FairQueue>> {
  return {
    leases: new FairQueue(levels.leases, clock),
    system: new FairQueue(levels.system, clock),
    masters: new FairQueue(levels.masters, clock),
    default: new FairQueue(levels.default, clock),
  };
}

const FLOW = ['flow_schema', 'priority_level'] as const;

/** What can be read off the queues is read when asked for, so that requests need not count. */
function newFlowMetrics(
  metrics: Metrics,
  queues: readonly FairQueue[],
): {
  readonly rejected: Counter<(typeof FLOW)[number] | 'reason'>;
  readonly waits: Histogram<(typeof FLOW)[number] | 'execute'>;
} {
  const registers = [metrics];
  const gauge = (name: string, help: string, read: (queue: FairQueue) => number): Gauge =>
    new Gauge({
      name: `apiserver_flowcontrol_${name}`,
      help,
      labelNames: FLOW,
      registers,
      collect() {
        for (const queue of queues) {
          const { name: level } = queue.options;
          this.set({ flow_schema: level, priority_level: level }, read(queue));
        }
      },
    });
  gauge('current_executing_requests', 'Requests that hold a seat now.', ({ running }) => running);
  gauge('current_inqueue_requests', 'Requests that wait for a seat now.', ({ waiting }) => waiting);
  gauge('nominal_limit_seats', 'Requests that may run at once.', ({ options }) => options.seats);
  new Counter({
    name: 'apiserver_flowcontrol_dispatched_requests_total',
    help: 'Requests that got a seat.',
    labelNames: FLOW,
    registers,
    collect() {
      this.reset();
      for (const { options, dispatched } of queues) {
        this.inc({ flow_schema: options.name, priority_level: options.name }, dispatched);
      }
    },
  });
  return {
    rejected: new Counter({
      name: 'apiserver_flowcontrol_rejected_requests_total',
      help: 'Requests refused with 429, by reason: queue-full, time-out or cancelled (the client left).',
      labelNames: [...FLOW, 'reason'],
      registers,
    }),
    waits: new Histogram({
      name: 'apiserver_flowcontrol_request_wait_duration_seconds',
      help: 'Time requests waited for a seat, by whether they got one; those that found one free are left out.',
      labelNames: [...FLOW, 'execute'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15],
      registers,
    }),
  };
}
