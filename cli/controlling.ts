/**
 * The control plane beside an API server. Alone on its store it simply runs; where several servers share a store they
 * elect one whose control plane works, and all of them serve the API all the time.
 */
import { hostname } from 'node:os';
import { Gauge } from 'prom-client';
import type { Registry } from '../api/registry/types.ts';
import type { HealthCheck } from '../api/server/health.ts';
import { DEFAULT_TIMING, type ElectionTiming } from '../controllers/engine/election.ts';
import { LeaderElection } from '../controllers/engine/leaderelection.ts';
import { Recorder } from '../controllers/engine/recorder.ts';
import { ControlPlane } from '../controllers/list.ts';
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import { controllerIdentity } from '../machinery/identity.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Random } from '../machinery/random.ts';

export interface ControllingOptions {
  readonly registry: Registry;
  /** Whether other servers write to the store, too. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A worker whose lease did not change for this long is lost. */
  readonly lostAfterMs: number;
  readonly timing?: ElectionTiming;
}

export interface Controlling {
  readonly readiness: HealthCheck;
  /** Whether what is due is begun: by this control plane, or by that of the server which leads. */
  readonly isScheduling: () => Promise<boolean>;
  /** Resolves when nothing is written any more, and the lease is given back. */
  stop(): Promise<void>;
}

/** The lease is where Kubernetes has those of its control plane, and where no worker may write. */
const LEASE = { namespace: 'kube-system', name: 'gantry-controllers' };
const ELECTION = 'leader-election';
/** Events of the election that are still unwritten at a stop get this long. */
const FLUSH_MS = 2_000;

/** Throws a RangeError for a timing that could let two lead. */
export function startControlling(options: ControllingOptions): Controlling {
  const { registry, isShared } = options;
  return isShared
    ? startElected(options)
    : startAlone(options, (name) => registry.as(controllerIdentity(name)));
}

function startAlone(options: ControllingOptions, clientOf: (name: string) => Client): Controlling {
  const controlPlane = new ControlPlane({ ...options, clientOf });
  const stop = new AbortController();
  const running = controlPlane.run(stop.signal);
  measureActive(options.metrics, () => controlPlane.isReady && !stop.signal.aborted);
  return {
    readiness: {
      name: 'controllers',
      check() {
        if (!controlPlane.isReady) throw new Error('the controllers still fill their caches');
      },
    },
    isScheduling: () => Promise.resolve(controlPlane.isReady && !stop.signal.aborted),
    async stop() {
      stop.abort();
      await running;
    },
  };
}

function startElected(options: ControllingOptions): Controlling {
  const { registry, clock, random, timing = DEFAULT_TIMING } = options;
  const client = registry.as(controllerIdentity(ELECTION));
  const recorder = new Recorder({ ...options, client, component: ELECTION });
  const identity = `${hostname()}_${random.uuid()}`;
  const election = new LeaderElection({ ...options, ...LEASE, client, recorder, identity, timing });
  const controlPlane = new ControlPlane({
    ...options,
    clientOf: (name) => election.guard(registry.as(controllerIdentity(name))),
  });
  const stop = new AbortController();
  const running = election.run(stop.signal, (signal) => controlPlane.run(signal));
  measureActive(options.metrics, () => election.isLeading && controlPlane.isReady);
  return {
    readiness: {
      name: 'controllers',
      // Serving needs no leader: a server that waits for its turn, or whose turn has just come, is as good as another.
      check: () => undefined,
      note() {
        if (election.isLeading) return `this server leads (${identity})`;
        return election.leader === undefined ? 'nobody is known to lead' : `${election.leader} leads`;
      },
    },
    // A new leader works once its caches are full; one that is not heard of any more does not, whatever its lease says.
    isScheduling: () =>
      Promise.resolve(!stop.signal.aborted && (election.isLeading ? controlPlane.isReady : election.isLed)),
    async stop() {
      stop.abort();
      await running;
      const flush = new AbortController();
      const timer = clock.after(FLUSH_MS, () => flush.abort());
      await recorder.stop(flush.signal);
      timer.cancel();
    },
  };
}

/** With and without an election: that nowhere it is 1 means the same for both. */
function measureActive(metrics: Metrics, isActive: () => boolean): void {
  metrics.registerMetric(
    new Gauge({
      name: 'gantry_controllers_active',
      help: 'Whether the controllers of the control plane work in this process: 1 or 0.',
      registers: [],
      collect() {
        this.set(isActive() ? 1 : 0);
      },
    }),
  );
}
