/**
 * A watch that outlives its streams. Each stream tells of a range from one revision on; when it breaks, or its member
 * falls silent or loses its leader, the next one starts at the last delivered revision, and what was delivered of that
 * one is dropped: no gap, no repeat, also when a revision was cut in the middle of a fragment.
 *
 * That is right because etcd tells the events of one revision in the same order each time. Progress notifications are
 * not used: those of etcd before 3.4.31 may run ahead of events.
 * Source: etcd API reference v3.4, Watch; `fragment`, `compact_revision` and the metadata `hasleader`.
 */
import { status } from '@grpc/grpc-js';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { StoreError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { Tokens } from './auth.ts';
import type { EtcdEvent, EtcdWatch, EtcdWatchBatch } from './client.ts';
import type { Endpoint, Endpoints, Timing } from './endpoints.ts';
import { type Fault, faultOf, SilenceError } from './errors.ts';
import type { WatchMessage } from './hotmessages.ts';

/** Messages read ahead of a slow reader; then the stream is stopped and etcd keeps the rest. */
const MOST_WAITING = 16;
const PAUSE_MS = 100;

export interface WatchContext {
  readonly endpoints: Endpoints;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly log: Log;
  readonly timing: Timing;
  /** Aborts when the client closes. */
  readonly closing: AbortSignal;
}

/** How far a watch has told. */
export class WatchPosition {
  /** The revision to ask for next, and how many of its events are told already. */
  #revision: number;
  #told = 0;
  #toDrop = 0;

  constructor(startRevision: number) {
    this.#revision = startRevision;
  }

  /** A new stream tells its first revision from the beginning. */
  restart(): number {
    this.#toDrop = this.#told;
    return this.#revision;
  }

  /** What of an answer is new. */
  take(events: readonly EtcdEvent[], isFragment: boolean): readonly EtcdEvent[] {
    const fresh = events.filter(({ current: { modRevision } }) => {
      if (modRevision < this.#revision) return false;
      if (modRevision > this.#revision) {
        this.#revision = modRevision;
        this.#told = 0;
        this.#toDrop = 0;
      }
      if (this.#toDrop > 0) {
        this.#toDrop -= 1;
        return false;
      }
      this.#told += 1;
      return true;
    });
    const last = events.at(-1)?.current.modRevision ?? 0;
    if (!isFragment && last >= this.#revision) {
      this.#revision = last + 1;
      this.#told = 0;
      this.#toDrop = 0;
    }
    return fresh;
  }
}

export async function* watchEtcd(context: WatchContext, watch: EtcdWatch): AsyncGenerator<EtcdWatchBatch> {
  const { endpoints, tokens, clock, log } = context;
  const signal = AbortSignal.any([watch.signal, context.closing]);
  const position = new WatchPosition(watch.startRevision);
  let hasRenewed = false;
  let lostAt: string | undefined;
  while (!signal.aborted) {
    const endpoint = endpoints.pick();
    let heardAtMs = clock.monotonicMs();
    let fault: Fault | undefined;
    try {
      for await (const message of stream(context, watch, endpoint, position.restart(), signal)) {
        if (message.isCreated && !message.isCanceled) {
          endpoints.praise(endpoint);
          hasRenewed = false;
          if (lostAt !== undefined) log.info({ from: lostAt, to: endpoint.address }, 'etcd watch goes on');
          lostAt = undefined;
          watch.onOpen?.();
        }
        const events = position.take(message.events, message.isFragment);
        const last = events.at(-1);
        if (last !== undefined) {
          yield { events, revision: last.current.modRevision, isFragment: message.isFragment };
        }
        if (message.isCanceled) throw cancellation(message);
        heardAtMs = clock.monotonicMs();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof StoreError) throw error;
      fault = faultOf(error, endpoint.address, false);
    }
    if (signal.aborted) return;
    // A watch is told "permission denied" also for a token that is out of date.
    const isTokenDoubted = fault?.error.message.includes('does not let this user') === true;
    if ((fault?.remedy === 'token' || isTokenDoubted) && tokens.canRenew && !hasRenewed) {
      hasRenewed = true;
      tokens.forgetAny();
      continue;
    }
    if (fault?.remedy === 'never') throw fault.error;
    endpoints.blame(endpoint, fault?.isSilence === true ? 'silent' : 'refused', heardAtMs);
    if (lostAt === undefined)
      log.warn({ endpoint: endpoint.address, err: fault?.error }, 'etcd watch lost its member');
    lostAt ??= endpoint.address;
    if (!endpoints.hasUnblocked()) await sleep(clock, PAUSE_MS, signal);
  }
}

/** Why etcd ended it: always an error, as gRPC would tell it. */
function cancellation({ compactRevision, cancelReason }: WatchMessage): Error {
  if (compactRevision > 0) {
    return new StoreError(
      'Compacted',
      `etcd has compacted everything before its revision ${compactRevision}: list again and watch from there`,
    );
  }
  const details = cancelReason === '' ? 'the watch was ended' : cancelReason;
  return Object.assign(new Error(details), { code: status.UNAVAILABLE, details });
}

/** The messages of one stream; ends when the signal aborts, throws what ended it otherwise. */
async function* stream(
  { tokens, clock, timing }: WatchContext,
  { key, end }: EtcdWatch,
  endpoint: Endpoint,
  startRevision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchMessage> {
  const { plain, withLeader } = await tokens.credentials(endpoint);
  await endpoint.prepare(plain);
  if (signal.aborted) return;
  const call = endpoint.openWatch({ key, end, startRevision }, withLeader);
  const waiting: WatchMessage[] = [];
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  let heardAtMs = clock.monotonicMs();
  const fail = (error: unknown): void => {
    failure ??= { error };
    call.cancel();
    wake?.();
  };
  const onAbort = (): void => fail(new Error('the watch is over'));
  call.on('data', (message: WatchMessage) => {
    heardAtMs = clock.monotonicMs();
    waiting.push(message);
    if (waiting.length >= MOST_WAITING) call.pause();
    wake?.();
  });
  call.on('error', fail);
  call.on('end', () =>
    fail(Object.assign(new Error('ended'), { code: status.UNAVAILABLE, details: 'the watch stream ended' })),
  );
  signal.addEventListener('abort', onAbort, { once: true });

  const look = async (): Promise<void> => {
    const askedAtMs = clock.monotonicMs();
    const isQuiet = askedAtMs - heardAtMs >= timing.watchProbeMs;
    if (isQuiet && !(await endpoint.isAlive(plain)) && heardAtMs < askedAtMs) {
      fail(new SilenceError(Math.round(clock.monotonicMs() - heardAtMs)));
    }
    if (failure !== undefined) return;
    const dueMs = isQuiet ? timing.watchProbeMs : heardAtMs + timing.watchProbeMs - clock.monotonicMs();
    timer = clock.after(dueMs, () => void look());
  };
  let timer = clock.after(timing.watchProbeMs, () => void look());
  try {
    while (!signal.aborted) {
      const message = waiting.shift();
      if (message !== undefined) {
        if (waiting.length === 0) call.resume();
        yield message;
      } else if (failure === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      } else throw failure.error;
    }
  } finally {
    failure ??= { error: undefined };
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
    call.cancel();
  }
}
