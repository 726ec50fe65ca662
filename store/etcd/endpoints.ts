/**
 * The members of an etcd as we reach them: one gRPC channel each, and which of them is asked next.
 *
 * - A member is asked only after it answered lately, on this very connection, and showed that it belongs to the same
 *   cluster as the others; hence what fails before that was certainly never sent.
 * - Calls stay with one member until it fails; who fails is left alone for a while that doubles up to a few seconds.
 * - Nothing bounds what may be received; a call whose answer has begun to arrive gets time to finish.
 */
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  credentials,
  Metadata,
} from '@grpc/grpc-js';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import type { EtcdEndpoints } from './client.ts';
import { ForeignClusterError, isAccessRefused, SilenceError } from './errors.ts';
import type { WatchMessage } from './hotmessages.ts';
import { type EtcdMethod, statusMethod, type WatchRequest, watchMethod } from './messages.ts';

export interface Timing {
  /** How long a read may stay without the beginning of an answer. */
  readonly readSilenceMs: number;
  /** The same for a write: after it nobody knows whether the write was made, so a slow disk gets more time. */
  readonly writeSilenceMs: number;
  /** How long trouble may last before callers are told of it. */
  readonly patienceMs: number;
  /** A watch that hears nothing for so long asks whether its member is alive. */
  readonly watchProbeMs: number;
}

export const DEFAULT_TIMING: Timing = {
  readSilenceMs: 1000,
  writeSilenceMs: 2000,
  patienceMs: 5000,
  watchProbeMs: 700,
};

/** For the rest of an answer that has begun. */
const ARRIVAL_MS = 60_000;
/** A member that is up says so at once: it answers this from memory. */
const LIVENESS_MS = 1000;
/** Who has not answered for so long is asked for its status before it gets a call: it may have died in silence. */
const TRUST_MS = 3000;
/** Who refuses costs nothing to ask again; who is silent costs a second each time. */
const REFUSAL_BLOCK_MS = { first: 50, most: 500 };
const LOOK_AFTER_MS = 250;
const SILENCE_BLOCK_MS = { first: 2000, most: 8000 };

/** etcd closes connections that ping more often than every 5 s (`--grpc-keepalive-min-time`), or without a call. */
const CHANNEL_OPTIONS: ChannelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  // What may be under way to us unasked: with HTTP/2's 64 KiB a watch waits for us again and again.
  'grpc-node.flow_control_window': 8 * 1024 ** 2,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.enable_retries': 0,
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.use_local_subchannel_pool': 1,
};

interface Ask {
  readonly metadata: Metadata;
  readonly silenceMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Set when the first member answers, and the same for all from then on. */
export interface ClusterIdentity {
  clusterId: string | undefined;
}

export class Endpoint {
  readonly address: string;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #identity: ClusterIdentity;
  readonly #cancels = new Set<() => void>();
  #isProven = false;
  #answeredAtMs = 0;
  #proving: Promise<void> | undefined;
  #probing: Promise<boolean> | undefined;

  constructor(address: string, tls: EtcdEndpoints['tls'], clock: Clock, identity: ClusterIdentity) {
    this.address = address;
    this.#clock = clock;
    this.#identity = identity;
    this.#client = new Client(
      `dns:${address}`,
      channelCredentials(address, tls),
      channelOptions(address, tls),
    );
  }

  /** True when a call can be sent without asking first. */
  get isReady(): boolean {
    return (
      this.#isProven &&
      this.#clock.monotonicMs() - this.#answeredAtMs < TRUST_MS &&
      this.#client.getChannel().getConnectivityState(false) === connectivityState.READY
    );
  }

  /** Resolves when a call can be sent; rejects as a call does. Nothing but a question about status leaves before that. */
  prepare(metadata: Metadata): Promise<void> {
    if (this.isReady) return Promise.resolve();
    this.#isProven = false;
    this.#proving ??= this.#prove(metadata).finally(() => {
      this.#proving = undefined;
    });
    return this.#proving;
  }

  async #prove(metadata: Metadata): Promise<void> {
    const clusterId = await this.#clusterId(metadata);
    this.#identity.clusterId ??= clusterId;
    if (clusterId !== undefined && clusterId !== this.#identity.clusterId) {
      throw new ForeignClusterError(
        `etcd at ${this.address} is another cluster (${hexadecimal(clusterId)}) than the one in use (${hexadecimal(this.#identity.clusterId ?? '0')}): name members of one cluster, and start Gantry again when etcd was restored from a snapshot`,
      );
    }
    this.#isProven = true;
  }

  /** Undefined where our user may not know. */
  async #clusterId(metadata: Metadata): Promise<string | undefined> {
    try {
      return (await this.ask(statusMethod, undefined, { metadata, silenceMs: LIVENESS_MS })).header.clusterId;
    } catch (error) {
      if (isAccessRefused(error)) return undefined;
      throw error;
    }
  }

  /** Whether it answers at all, soon. */
  isAlive(metadata: Metadata): Promise<boolean> {
    this.#probing ??= this.ask(statusMethod, undefined, { metadata, silenceMs: LIVENESS_MS })
      .then(
        () => true,
        (error: unknown) => isAccessRefused(error),
      )
      .finally(() => {
        this.#probing = undefined;
      });
    return this.#probing;
  }

  /** Proven again before the next call. */
  distrust(): void {
    this.#isProven = false;
  }

  /** Rejects with gRPC's error, with `SilenceError`, or with the signal's reason. */
  ask<Request, Answer>(
    method: EtcdMethod<Request, Answer>,
    request: Request,
    { metadata, silenceMs, signal }: Ask,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let isSilent = false;
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.encode,
        method.decode,
        request,
        metadata,
        (error, answer) => {
          timer.cancel();
          this.#cancels.delete(cancel);
          signal?.removeEventListener('abort', cancel);
          if (error !== null) reject(isSilent ? new SilenceError(silenceMs) : error);
          else if (answer === undefined) reject(new SilenceError(silenceMs));
          else {
            this.#answeredAtMs = this.#clock.monotonicMs();
            resolve(answer);
          }
        },
      );
      const cancel = (): void => call.cancel();
      const giveUp = (): void => {
        isSilent = true;
        call.cancel();
      };
      let timer = this.#clock.after(silenceMs, giveUp);
      call.on('metadata', () => {
        timer.cancel();
        timer = this.#clock.after(ARRIVAL_MS, giveUp);
      });
      this.#cancels.add(cancel);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
  }

  openWatch(request: WatchRequest, metadata: Metadata): ClientDuplexStream<WatchRequest, WatchMessage> {
    const stream = this.#client.makeBidiStreamRequest(
      watchMethod.path,
      watchMethod.encode,
      watchMethod.decode,
      metadata,
    );
    const cancel = (): void => stream.cancel();
    this.#cancels.add(cancel);
    stream.once('close', () => this.#cancels.delete(cancel));
    stream.write(request);
    return stream;
  }

  close(): void {
    for (const cancel of this.#cancels) cancel();
    this.#client.close();
  }
}

interface Block {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly lengthMs: number;
}

export class Endpoints {
  readonly identity: ClusterIdentity = { clusterId: undefined };
  readonly #all: readonly Endpoint[];
  readonly #clock: Clock;
  readonly #blocks = new Map<Endpoint, Block>();
  readonly #lookedAfter = new Set<Endpoint>();
  readonly #closing = new AbortController();
  #current = 0;

  constructor({ endpoints, tls }: EtcdEndpoints, clock: Clock) {
    this.#clock = clock;
    this.#all = endpoints.map((address) => new Endpoint(address, tls, clock, this.identity));
    if (this.#all.length === 0) throw new TypeError('etcd needs at least one endpoint: host:port');
  }

  get count(): number {
    return this.#all.length;
  }

  get addresses(): string {
    return this.#all.map(({ address }) => address).join(', ');
  }

  /** The one in use while it works, then the next that is not blocked, at last the one whose block ends first. */
  pick(): Endpoint {
    const nowMs = this.#clock.monotonicMs();
    const inTurn = this.#all.map((_, index) => this.#all[(this.#current + index) % this.#all.length]);
    let best: Endpoint | undefined;
    for (const endpoint of inTurn) {
      if (endpoint === undefined) continue;
      const until = this.#blocks.get(endpoint)?.untilMs ?? 0;
      if (until <= nowMs) {
        best = endpoint;
        break;
      }
      if (best === undefined || until < (this.#blocks.get(best)?.untilMs ?? 0)) best = endpoint;
    }
    if (best === undefined) throw new StoreError('Unavailable', 'etcd has no endpoints');
    this.#current = this.#all.indexOf(best);
    return best;
  }

  /** True when some member is not left alone just now. */
  hasUnblocked(): boolean {
    return this.#all.some((endpoint) => !this.#isBlocked(endpoint));
  }

  /**
   * It failed: the others come first for a while.
   * @param askedAtMs monotonic; calls that were on the way together fail together, and that is one failure.
   */
  blame(endpoint: Endpoint, manner: 'refused' | 'silent', askedAtMs: number): void {
    endpoint.distrust();
    const nowMs = this.#clock.monotonicMs();
    const block = this.#blocks.get(endpoint);
    if (block !== undefined && askedAtMs <= block.sinceMs) return;
    const { first, most } = manner === 'silent' ? SILENCE_BLOCK_MS : REFUSAL_BLOCK_MS;
    const lengthMs = Math.min(Math.max(first, (block?.lengthMs ?? 0) * 2), most);
    this.#blocks.set(endpoint, { sinceMs: nowMs, untilMs: nowMs + lengthMs, lengthMs });
    const at = this.#all.indexOf(endpoint);
    if (at === this.#current) this.#current = (at + 1) % this.#all.length;
    if (manner === 'silent') void this.#lookAfter(endpoint);
  }

  /** Asks a silent member in the background, so that no call waits to find out that it is back. */
  async #lookAfter(endpoint: Endpoint): Promise<void> {
    if (this.#lookedAfter.has(endpoint)) return;
    this.#lookedAfter.add(endpoint);
    while (this.#isBlocked(endpoint) && !this.#closing.signal.aborted) {
      const block = this.#blocks.get(endpoint);
      if (await endpoint.isAlive(new Metadata())) {
        // It comes after those that were not silent, and is doubted longer when it fails again.
        if (block !== undefined) this.#blocks.set(endpoint, { ...block, untilMs: this.#clock.monotonicMs() });
      } else await sleep(this.#clock, LOOK_AFTER_MS, this.#closing.signal);
    }
    this.#lookedAfter.delete(endpoint);
  }

  #isBlocked(endpoint: Endpoint): boolean {
    return (this.#blocks.get(endpoint)?.untilMs ?? 0) > this.#clock.monotonicMs();
  }

  /** It answered. */
  praise(endpoint: Endpoint): void {
    this.#blocks.delete(endpoint);
  }

  close(): void {
    this.#closing.abort();
    for (const endpoint of this.#all) endpoint.close();
  }
}

/** Node complains of an address as the server's name in TLS: for one a fixed name is sent and the address is checked. */
function channelOptions(address: string, tls: EtcdEndpoints['tls']): ChannelOptions {
  if (tls === undefined || isIP(hostOf(address)) === 0) return CHANNEL_OPTIONS;
  return { ...CHANNEL_OPTIONS, 'grpc.ssl_target_name_override': 'etcd' };
}

function channelCredentials(address: string, tls: EtcdEndpoints['tls']): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const pem = (part: string | undefined): Buffer | null => (part === undefined ? null : Buffer.from(part));
  try {
    return credentials.createSsl(pem(tls.ca), pem(tls.key), pem(tls.certificate), {
      checkServerIdentity: (_name, certificate) => checkServerIdentity(hostOf(address), certificate),
    });
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new StoreError(
      'Unavailable',
      `the certificates given for etcd cannot be used (${found}): give PEM, and a client certificate together with its key`,
      { cause: error },
    );
  }
}

/** Of `host:port`; IPv6 addresses stand in brackets. */
function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** As etcdctl prints it. */
function hexadecimal(id: string): string {
  return BigInt(id).toString(16);
}
