/**
 * Leader election: of all processes that share a store, one at a time leads, by holding one Lease.
 *
 * It promises:
 * - whoever leads has renewed its lease within the renew deadline on its own monotonic clock; a leader that could not,
 *   or that was asleep meanwhile, does not lead any more from that moment on, whatever it was doing: `guard` refuses its
 *   writes before they are sent, and what it leads is stopped;
 * - a stopped leader gives the lease back after what it led has ended, and a successor takes over at once; after a crash
 *   one does when the lease was not seen to change for its duration;
 * - it never rejects, and goes on as a candidate after it lost.
 * It is no fence: a write that was sent in time may arrive late, so every write must carry its own precondition.
 */
import { Gauge } from 'prom-client';
import { Informer } from '../../client/informer.ts';
import type { Client } from '../../machinery/client.ts';
import { type Clock, sleep, type Timer } from '../../machinery/clock.ts';
import { ApiError, isApiError, messageOf } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import { withinBounds } from '../../runtime/bounded.ts';
import { leases } from '../../schemas/kinds.ts';
import type { Lease } from '../../schemas/types.gen.ts';
import {
  DEFAULT_TIMING,
  type ElectionTiming,
  holderOf,
  type LeaseSpec,
  planElection,
  released,
  timingProblem,
} from './election.ts';
import type { EventSink } from './event.ts';

export interface LeaderElectionOptions {
  readonly client: Client;
  readonly recorder: EventSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The lease. */
  readonly namespace: string;
  readonly name: string;
  /** Of this process, and of no other that ever was. */
  readonly identity: string;
  readonly timing?: ElectionTiming;
}

/** One leadership, from winning the lease to losing it. */
interface Term {
  lease: Lease;
  /** When the last successful renewal was sent, monotonic. */
  renewedAtMs: number;
  readonly end: AbortController;
  watchdog: Timer | undefined;
}

/** Candidates spread their tries by this much of the retry period. */
const JITTER = 0.2;
/** The lease is given back within this time, or left to run out. */
const RELEASE_MS = 2_000;

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #timing: ElectionTiming;
  readonly #informer: Informer<Lease>;
  readonly #status: Gauge<'name'>;
  /** What would be different after a renewal, and since when it was not. */
  #seen: { readonly mark: string; readonly atMs: number } | undefined;
  #leader: string | undefined;
  #term: Term | undefined;
  /** An outage is told once. */
  #hasFailed = false;
  #wake: () => void = () => undefined;

  /** Throws a RangeError for a timing that could let two lead. */
  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#timing = options.timing ?? DEFAULT_TIMING;
    const problem = timingProblem(this.#timing);
    if (problem !== undefined) throw new RangeError(`leader election "${options.name}": ${problem}`);
    this.#status = statusGauge(options.metrics);
    this.#status.set({ name: options.name }, 0);
    this.#informer = new Informer({
      ...options,
      resource: leases,
      fieldSelector: `metadata.name=${options.name}`,
    });
  }

  get identity(): string {
    return this.#options.identity;
  }

  /** Who led when it was last looked; undefined for nobody, also when this process did and does not any more. */
  get leader(): string | undefined {
    return this.#leader === this.identity && !this.isLeading ? undefined : this.#leader;
  }

  /**
   * Whether somebody leads just now, as far as can be known from here: this process, or another one whose lease was seen to
   * be renewed within its duration.
   */
  get isLed(): boolean {
    if (this.isLeading) return true;
    if (this.leader === undefined || this.leader === this.identity || this.#seen === undefined) return false;
    return this.#options.clock.monotonicMs() - this.#seen.atMs < this.#timing.leaseDurationMs;
  }

  /** True while this process leads: no longer than the renew deadline after its last renewal. */
  get isLeading(): boolean {
    return this.#isCurrent(this.#term);
  }

  /** The client whose writes are refused, with `Conflict`, from the end of the present leadership on. */
  guard(client: Client): Client {
    const term = this.#term;
    const check = (): void => {
      if (this.#isCurrent(term)) return;
      const { identity, namespace, name } = this.#options;
      throw new ApiError(
        'Conflict',
        `${identity} does not hold the lease ${namespace}/${name} any more: nothing is written; whoever leads now does it`,
      );
    };
    return {
      get: (resource, key, options) => client.get(resource, key, options),
      list: (resource, options) => client.list(resource, options),
      watch: (resource, options) => client.watch(resource, options),
      create: async (resource, object, options) => (check(), client.create(resource, object, options)),
      update: async (resource, object, options) => (check(), client.update(resource, object, options)),
      patch: async (resource, key, patch, options) => (check(), client.patch(resource, key, patch, options)),
      delete: async (resource, key, options) => (check(), client.delete(resource, key, options)),
      post: async (resource, key, subresource, body, options) => (
        check(), client.post(resource, key, subresource, body, options)
      ),
    };
  }

  /**
   * Stands as a candidate and leads whenever it can, until the signal aborts; resolves when the lease is given back.
   * @param lead works until its signal aborts; what it starts must have ended when it resolves.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    const stopInforming = this.#informer.onChange((_, lease) => this.#hear(lease));
    const informing = this.#informer.start(signal);
    while (!signal.aborted) {
      const term = await this.#acquire(signal);
      if (term === undefined) break;
      try {
        await this.#leadFor(term, signal, lead);
      } catch (error) {
        log.error({ err: error }, `what the leader does failed, it stands again: ${messageOf(error)}`);
      }
      await sleep(clock, this.#timing.retryPeriodMs, signal);
    }
    stopInforming();
    await informing;
  }

  /** Tries until it holds the lease; undefined when the signal aborts first. */
  async #acquire(signal: AbortSignal): Promise<Term | undefined> {
    const { random, log } = this.#options;
    while (!signal.aborted) {
      let waitMs = this.#timing.retryPeriodMs * (1 + JITTER * random.next());
      const heard = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      try {
        const attempt = await this.#bounded('try to become leader', signal, (inner) => this.#attempt(inner));
        if (this.#hasFailed) log.info('the lease can be read again');
        this.#hasFailed = false;
        if (attempt.term !== undefined) return attempt.term;
        // Not later than it may be taken: how long nobody leads does not depend on luck.
        waitMs = Math.min(waitMs, Math.max(1, attempt.forMs));
      } catch (error) {
        if (signal.aborted) return undefined;
        // Somebody else was faster: the ordinary way to lose.
        const isLost = isApiError(error, 'Conflict', 'AlreadyExists');
        const level = isLost || this.#hasFailed ? 'debug' : 'warn';
        this.#hasFailed ||= !isLost;
        log[level]({ err: error }, `cannot become leader now: ${messageOf(error)}`);
      }
      await this.#pause(waitMs, signal, heard);
    }
    return undefined;
  }

  async #attempt(
    signal: AbortSignal,
  ): Promise<{ readonly term: Term } | { readonly term: undefined; readonly forMs: number }> {
    const { clock, identity } = this.#options;
    const startedMs = clock.monotonicMs();
    const lease = await this.#read(signal);
    this.#see(lease);
    const plan = planElection({
      lease,
      unchangedForMs: clock.monotonicMs() - (this.#seen?.atMs ?? clock.monotonicMs()),
      identity,
      nowMs: clock.now(),
      timing: this.#timing,
    });
    if (plan.kind === 'wait') return { term: undefined, forMs: plan.forMs };
    const written = await this.#write(lease, plan.spec, signal);
    this.#see(written);
    const previous = plan.kind === 'take' ? plan.previous : undefined;
    const how = previous === undefined ? '' : `: ${previous} did not renew its lease in time`;
    this.#tell(`${identity} became leader${how}`, written);
    return {
      term: { lease: written, renewedAtMs: startedMs, end: new AbortController(), watchdog: undefined },
    };
  }

  async #leadFor(
    term: Term,
    signal: AbortSignal,
    lead: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { name, identity } = this.#options;
    this.#term = term;
    this.#status.set({ name }, 1);
    this.#watch(term);
    // A stop ends the work, and only then the leadership: what is still written then is written by the leader.
    const work = AbortSignal.any([signal, term.end.signal]);
    const renewing = new AbortController();
    const renewal = this.#renewUntil(term, AbortSignal.any([renewing.signal, term.end.signal]));
    try {
      await lead(work);
    } finally {
      renewing.abort();
      await renewal;
      term.watchdog?.cancel();
      if (this.#isCurrent(term)) await this.#release(term);
      // Before it stands again, also when what it led ended by itself.
      this.#term = undefined;
      this.#status.set({ name }, 0);
      this.#tell(`${identity} stopped leading`, term.lease);
    }
  }

  async #renewUntil(term: Term, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    for (;;) {
      await sleep(clock, this.#timing.retryPeriodMs, signal);
      if (signal.aborted) return;
      try {
        // Not taken back when the work ends meanwhile: the lease is given back at the version it has then.
        await this.#bounded('renewal of the lease', term.end.signal, (inner) => this.#renew(term, inner));
      } catch (error) {
        if (term.end.signal.aborted) return;
        log.warn({ err: error }, `cannot renew the leader's lease: ${messageOf(error)}`);
      }
    }
  }

  async #renew(term: Term, signal: AbortSignal): Promise<void> {
    const { clock, identity } = this.#options;
    const startedMs = clock.monotonicMs();
    try {
      const plan = planElection({
        lease: term.lease,
        unchangedForMs: 0,
        identity,
        nowMs: clock.now(),
        timing: this.#timing,
      });
      if (plan.kind !== 'renew') return this.#lose(term, 'the lease is held by somebody else');
      term.lease = await this.#write(term.lease, plan.spec, signal);
    } catch (error) {
      if (!isApiError(error, 'Conflict', 'NotFound')) throw error;
      const lease = await this.#read(signal);
      const holder = holderOf(lease);
      if (lease === undefined || holder !== identity) {
        this.#see(lease);
        return this.#lose(term, `the lease is held by ${holder ?? 'nobody'}`);
      }
      // Ours all the same: the answer to an earlier renewal was lost. The next one counts.
      term.lease = lease;
      return;
    }
    this.#see(term.lease);
    if (!this.#isCurrent(term)) return;
    term.renewedAtMs = startedMs;
    this.#watch(term);
  }

  /** Ends the leadership at its deadline, whatever else hangs. */
  #watch(term: Term): void {
    const { clock } = this.#options;
    term.watchdog?.cancel();
    const leftMs = term.renewedAtMs + this.#timing.renewDeadlineMs - clock.monotonicMs();
    term.watchdog = clock.after(leftMs, () =>
      this.#lose(term, `the lease could not be renewed for ${this.#timing.renewDeadlineMs} ms`),
    );
  }

  #lose(term: Term, why: string): void {
    if (term.end.signal.aborted) return;
    term.watchdog?.cancel();
    const { log, identity, name } = this.#options;
    this.#status.set({ name }, 0);
    log.warn({ identity, leader: this.#leader }, `leadership lost: ${why}`);
    term.end.abort(new Error(`leadership lost: ${why}`));
  }

  async #release(term: Term): Promise<void> {
    const { clock, log } = this.#options;
    const bounds = { what: 'return of the lease', signal: term.end.signal, limitMs: RELEASE_MS };
    try {
      await withinBounds(clock, bounds, async (signal) => {
        const lease = await this.#read(signal);
        if (lease === undefined || holderOf(lease) !== this.identity) return;
        term.lease = await this.#write(lease, released(lease, clock.now()), signal);
        this.#setLeader(undefined);
      });
    } catch (error) {
      log.warn(
        { err: error },
        `the lease could not be given back, it runs out by itself: ${messageOf(error)}`,
      );
    }
  }

  #isCurrent(term: Term | undefined): boolean {
    if (term === undefined || term !== this.#term || term.end.signal.aborted) return false;
    return this.#options.clock.monotonicMs() - term.renewedAtMs < this.#timing.renewDeadlineMs;
  }

  async #read(signal: AbortSignal): Promise<Lease | undefined> {
    const { client, namespace, name } = this.#options;
    try {
      return await client.get(leases, { namespace, name }, { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** With the version that was read as its precondition. */
  #write(lease: Lease | undefined, spec: LeaseSpec, signal: AbortSignal): Promise<Lease> {
    const { client, namespace, name } = this.#options;
    if (lease !== undefined) return client.update(leases, { ...lease, spec }, { signal });
    const metadata = { namespace, name };
    return client.create(
      leases,
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec },
      { signal },
    );
  }

  /** Notes what the lease is now; a change begins its time anew. */
  #see(lease: Lease | undefined): void {
    const { uid = '', resourceVersion = '' } = lease?.metadata ?? {};
    const mark = lease === undefined ? '' : `${uid}/${resourceVersion}`;
    if (this.#seen?.mark !== mark) this.#seen = { mark, atMs: this.#options.clock.monotonicMs() };
    this.#setLeader(holderOf(lease));
  }

  /** The watch only hurries: what is decided is decided on what is read then. */
  #hear(lease: Lease | undefined): void {
    if (this.#term !== undefined) return;
    this.#see(lease);
    if (holderOf(lease) === undefined) this.#wake();
  }

  #setLeader(holder: string | undefined): void {
    if (this.#leader === holder) return;
    this.#leader = holder;
    const { log, identity } = this.#options;
    if (holder !== undefined) log.info({ leader: holder, isSelf: holder === identity }, 'new leader');
  }

  #tell(message: string, object: Lease): void {
    const { log, recorder, identity } = this.#options;
    log.info({ lease: object.metadata.name }, message);
    const decision = { inputs: { identity, holder: holderOf(object) }, verdict: message, action: 'none' };
    recorder.record({ object, type: 'Normal', reason: 'LeaderElection', message, decision });
  }

  #bounded<T>(what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#options;
    return withinBounds(clock, { what, signal, limitMs: this.#timing.renewDeadlineMs }, work);
  }

  async #pause(waitMs: number, signal: AbortSignal, heard: Promise<void>): Promise<void> {
    const done = new AbortController();
    const stop = AbortSignal.any([signal, done.signal]);
    await Promise.race([sleep(this.#options.clock, waitMs, stop), heard]);
    done.abort();
  }
}

const gauges = new WeakMap<Metrics, Gauge<'name'>>();

/** One for each metrics registry. Name and label are Kubernetes'. */
function statusGauge(metrics: Metrics): Gauge<'name'> {
  let gauge = gauges.get(metrics);
  if (gauge === undefined) {
    gauge = new Gauge({
      name: 'leader_election_master_status',
      help: 'Whether this process holds the lease of this name: 1 leader, 0 candidate.',
      labelNames: ['name'],
      registers: [metrics],
    });
    gauges.set(metrics, gauge);
  }
  return gauge;
}
