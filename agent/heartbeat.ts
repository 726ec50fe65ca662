/**
 * The worker's sign of life: a Lease that is renewed. The observer judges its age by its own clock, so all that counts
 * is that it changes. A renewal that fails, or hangs, is tried again soon, however seldom the beat is; the beat itself never
 * stops.
 * Source of the scheme: Kubernetes' node heartbeats ("Leases").
 */
import { Counter, Gauge } from 'prom-client';
import type { Client } from '../machinery/client.ts';
import { type Clock, microTimestamp, sleep } from '../machinery/clock.ts';
import { isApiError, messageOf } from '../machinery/errors.ts';
import { NAMESPACE_SYSTEM } from '../machinery/labels.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import { withinBounds } from '../runtime/bounded.ts';
import { leases } from '../schemas/kinds.ts';
import type { Lease } from '../schemas/types.gen.ts';

export interface HeartbeatOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly worker: string;
  /** Milliseconds between two renewals. */
  readonly renewMs: number;
  /** What the Lease says of itself. */
  readonly leaseSeconds: number;
  readonly metrics: Metrics;
}

/** At most so long for one renewal, and between one that failed and the next. */
const LIMIT_MS = 10_000;
const RETRY_MS = 3_000;

export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #lease: Lease | undefined;
  #hasFailed = false;
  readonly #counts: HeartbeatCounts;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#counts = countsOn(options.metrics);
  }

  /** Beats until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, renewMs, worker } = this.#options;
    while (!signal.aborted) {
      try {
        // A renewal that hangs must not take the next one with it.
        const bounds = {
          what: `renewal of the lease of worker ${worker}`,
          signal,
          limitMs: Math.min(renewMs, LIMIT_MS),
        };
        await withinBounds(clock, bounds, (inner) => this.#renew(inner));
        if (this.#hasFailed) log.info('the lease is renewed again');
        this.#hasFailed = false;
        this.#counts.lastSuccess.set(clock.now() / 1000);
      } catch (error) {
        if (signal.aborted) return;
        this.#counts.failures.inc();
        this.#lease = undefined;
        const level = this.#hasFailed ? 'debug' : 'warn';
        log[level]({ err: error }, `cannot renew the lease: ${messageOf(error)}`);
        this.#hasFailed = true;
      }
      await sleep(clock, this.#hasFailed ? Math.min(renewMs, RETRY_MS) : renewMs, signal);
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { client, clock, worker, leaseSeconds } = this.#options;
    const now = microTimestamp(clock.now());
    const current = this.#lease ?? (await this.#read(signal));
    if (current === undefined) {
      this.#lease = await client.create(
        leases,
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name: worker, namespace: NAMESPACE_SYSTEM },
          spec: {
            holderIdentity: worker,
            leaseDurationSeconds: leaseSeconds,
            acquireTime: now,
            renewTime: now,
          },
        },
        { signal },
      );
      return;
    }
    const spec = {
      ...current.spec,
      holderIdentity: worker,
      leaseDurationSeconds: leaseSeconds,
      renewTime: now,
    };
    this.#lease = await client.update(leases, { ...current, spec }, { signal });
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, worker } = this.#options;
    try {
      return await client.get(leases, { namespace: NAMESPACE_SYSTEM, name: worker }, { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

interface HeartbeatCounts {
  readonly failures: Counter;
  readonly lastSuccess: Gauge;
}

const made = new WeakMap<Metrics, HeartbeatCounts>();

/** Made once for each metrics registry. */
function countsOn(metrics: Metrics): HeartbeatCounts {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const registers = [metrics];
  const fresh: HeartbeatCounts = {
    failures: new Counter({
      name: 'gantry_heartbeat_failures_total',
      help: "Renewals of the worker's lease that failed.",
      registers,
    }),
    lastSuccess: new Gauge({
      name: 'gantry_heartbeat_last_success_timestamp_seconds',
      help: "When the worker's lease was last renewed, Unix time.",
      registers,
    }),
  };
  // Not 1970, which would be an alarm, before the first.
  fresh.lastSuccess.remove();
  made.set(metrics, fresh);
  return fresh;
}
