/**
 * `openEtcd`: etcd over gRPC, as `client.ts` asks for it.
 *
 * Every call has a deadline of about a second, asks another member when one fails, and is tried again while that is
 * safe: reads always, writes only when they were certainly not made, which is when they were never sent or etcd refused
 * them. A write that may have been made ends as `UncertainWriteError`. Trouble is waited out for a few seconds from its
 * beginning; when it lasts longer, calls fail after a second.
 */
import type { Metadata } from '@grpc/grpc-js';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import { Tokens } from './auth.ts';
import type {
  EtcdClient,
  EtcdEndpoints,
  EtcdHeader,
  EtcdRange,
  EtcdRangeAnswer,
  EtcdStatus,
  EtcdTxn,
  EtcdTxnAnswer,
  EtcdWatch,
  EtcdWatchBatch,
} from './client.ts';
import { DEFAULT_TIMING, type Endpoint, Endpoints, type Timing } from './endpoints.ts';
import { faultOf, uncertain } from './errors.ts';
import { compactMethod, type EtcdMethod, rangeMethod, statusMethod, txnMethod } from './messages.ts';
import { watchEtcd } from './watch.ts';

export interface EtcdOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** What differs from the usual times. */
  readonly timing?: Partial<Timing>;
}

const FIRST_PAUSE_MS = 25;
const MOST_PAUSE_MS = 400;
/** While trouble lasts, each call may find out for itself that it is over. */
const GRACE_MS = 1000;

/** Opens nothing yet: the first call finds out whether somebody answers. Throws `StoreError` for unusable certificates. */
export function openEtcd(endpoints: EtcdEndpoints, options: EtcdOptions): EtcdClient {
  return new Connection(endpoints, options);
}

interface Manner {
  readonly isWrite: boolean;
  /** False for what a member answers from what it has. */
  readonly needsLeader: boolean;
  readonly signal: AbortSignal | undefined;
}

class Connection implements EtcdClient {
  readonly #endpoints: Endpoints;
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timing: Timing;
  readonly #closing = new AbortController();
  /** When the present trouble began: no call has succeeded since. */
  #troubleSinceMs: number | undefined;

  constructor(endpoints: EtcdEndpoints, { clock, log, timing }: EtcdOptions) {
    this.#clock = clock;
    this.#log = log;
    this.#timing = { ...DEFAULT_TIMING, ...timing };
    this.#endpoints = new Endpoints(endpoints, clock);
    this.#tokens = new Tokens(endpoints.user, log);
  }

  range(
    range: Omit<EtcdRange, 'kind'>,
    signal?: AbortSignal,
  ): Promise<EtcdRangeAnswer & { readonly header: EtcdHeader }> {
    return this.#call(rangeMethod, range, {
      isWrite: false,
      needsLeader: range.isSerializable !== true,
      signal,
    });
  }

  txn(txn: EtcdTxn, signal?: AbortSignal): Promise<EtcdTxnAnswer> {
    return this.#call(txnMethod, txn, { isWrite: true, needsLeader: true, signal });
  }

  watch(watch: EtcdWatch): AsyncIterable<EtcdWatchBatch> {
    return watchEtcd(
      {
        endpoints: this.#endpoints,
        tokens: this.#tokens,
        clock: this.#clock,
        log: this.#log,
        timing: this.#timing,
        closing: this.#closing.signal,
      },
      watch,
    );
  }

  /** Compacting twice is compacting once, hence it is tried again like a read. */
  async compact(revision: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#call(compactMethod, { revision }, { isWrite: false, needsLeader: true, signal });
    } catch (error) {
      if (!(error instanceof StoreError) || error.reason !== 'Compacted') throw error;
    }
  }

  status(signal?: AbortSignal): Promise<EtcdStatus> {
    return this.#call(statusMethod, undefined, { isWrite: false, needsLeader: false, signal });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#endpoints.close();
  }

  async #call<Request, Answer>(
    method: EtcdMethod<Request, Answer>,
    request: Request,
    manner: Manner,
  ): Promise<Answer> {
    const { isWrite, signal } = manner;
    const startedAtMs = this.#clock.monotonicMs();
    let pauseMs = FIRST_PAUSE_MS;
    let hasRenewed = false;
    const lasting = new Set<Endpoint>();
    let refusal: StoreError | undefined;
    for (;;) {
      this.#stopIfEnded(signal);
      const endpoint = this.#endpoints.pick();
      const askedAtMs = this.#clock.monotonicMs();
      const progress: Progress = { metadata: undefined };
      try {
        const answer = await this.#attempt(method, request, manner, endpoint, progress);
        this.#endpoints.praise(endpoint);
        this.#troubleSinceMs = undefined;
        return answer;
      } catch (error) {
        const wasSent = progress.metadata !== undefined;
        if (!wasSent) this.#stopIfEnded(signal);
        const fault = faultOf(error, endpoint.address, wasSent);
        if (isWrite && !fault.isUndone) {
          this.#endpoints.blame(endpoint, fault.isSilence ? 'silent' : 'refused', askedAtMs);
          throw uncertain(fault.error);
        }
        this.#stopIfEnded(signal);
        if (fault.remedy === 'never') throw fault.error;
        if (fault.remedy === 'token') {
          if (hasRenewed || !this.#tokens.canRenew) throw fault.error;
          hasRenewed = true;
          if (progress.metadata !== undefined) this.#tokens.forget(progress.metadata);
          continue;
        }
        this.#endpoints.blame(endpoint, fault.isSilence ? 'silent' : 'refused', askedAtMs);
        if (fault.isLasting) lasting.add(endpoint);
        if (fault.isRefusal) refusal = fault.error;
        if (lasting.size === this.#endpoints.count || this.#isHopeless(startedAtMs))
          throw this.#givingUp(refusal ?? fault.error);
      }
      if (!this.#endpoints.hasUnblocked()) {
        await sleep(this.#clock, pauseMs, this.#ending(signal));
        pauseMs = Math.min(pauseMs * 2, MOST_PAUSE_MS);
      }
    }
  }

  #isHopeless(startedAtMs: number): boolean {
    this.#troubleSinceMs ??= startedAtMs;
    const nowMs = this.#clock.monotonicMs();
    const { patienceMs } = this.#timing;
    return nowMs - this.#troubleSinceMs > patienceMs && nowMs - startedAtMs > Math.min(GRACE_MS, patienceMs);
  }

  #givingUp(error: StoreError): StoreError {
    if (this.#endpoints.count === 1) return error;
    const words = `no member of etcd could do it (asked: ${this.#endpoints.addresses}); ${error.message}`;
    return new StoreError(error.reason, words, { cause: error });
  }

  async #attempt<Request, Answer>(
    method: EtcdMethod<Request, Answer>,
    request: Request,
    { isWrite, needsLeader, signal }: Manner,
    endpoint: Endpoint,
    progress: Progress,
  ): Promise<Answer> {
    const { plain, withLeader } = await this.#tokens.credentials(endpoint);
    if (!endpoint.isReady) await endpoint.prepare(plain);
    this.#stopIfEnded(signal);
    const metadata = needsLeader ? withLeader : plain;
    progress.metadata = metadata;
    const silenceMs = isWrite ? this.#timing.writeSilenceMs : this.#timing.readSilenceMs;
    return endpoint.ask(method, request, { metadata, silenceMs, signal });
  }

  #ending(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }

  #stopIfEnded(signal: AbortSignal | undefined): void {
    if (this.#closing.signal.aborted) {
      throw new StoreError('Unavailable', `the connection to etcd at ${this.#endpoints.addresses} is closed`);
    }
    if (signal?.aborted === true) {
      throw new StoreError('Unavailable', 'the caller no longer waits for etcd', { cause: signal.reason });
    }
  }
}

/** Set when the request itself may have left. */
interface Progress {
  metadata: Metadata | undefined;
}
