/**
 * Who may lead, decided from one Lease. Pure.
 *
 * The rules are client-go's (`tools/leaderelection`): a lease that nobody holds, or that was not seen to change for as
 * long as its holder promised, may be taken by whoever writes first. How long it was not seen to change is measured by
 * the observer on its own monotonic clock; the times written in the lease are for people and are never compared.
 */
import { microTimestamp } from '../../machinery/clock.ts';
import type { Lease } from '../../schemas/types.gen.ts';

export interface ElectionTiming {
  /** A lease that was not renewed for this long may be taken. */
  readonly leaseDurationMs: number;
  /** A leader that could not renew for this long stops; shorter than the lease lasts. */
  readonly renewDeadlineMs: number;
  /** Between two tries to renew, or to become leader. */
  readonly retryPeriodMs: number;
}

/** Kubernetes' own. */
export const DEFAULT_TIMING: ElectionTiming = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** Two tries to renew must fit into the deadline, or one lost answer ends a leadership. */
const JITTER = 1.2;

/** What is wrong with the timing, as a sentence; undefined when nothing is. */
export function timingProblem({
  leaseDurationMs,
  renewDeadlineMs,
  retryPeriodMs,
}: ElectionTiming): string | undefined {
  if (leaseDurationMs < 1000 || leaseDurationMs % 1000 !== 0) {
    return `the lease lasts ${leaseDurationMs} ms; a lease can say whole seconds only, at least one`;
  }
  if (leaseDurationMs <= renewDeadlineMs) {
    return `the lease lasts ${leaseDurationMs} ms and its leader gives up after ${renewDeadlineMs} ms; the lease must last longer, or two would lead`;
  }
  if (renewDeadlineMs <= retryPeriodMs * JITTER) {
    return `the leader gives up after ${renewDeadlineMs} ms and renews every ${retryPeriodMs} ms; the first must be more than ${JITTER} times the second`;
  }
  return retryPeriodMs > 0 ? undefined : `the retry period is ${retryPeriodMs} ms, wanted more than 0`;
}

export interface ElectionInput {
  /** As read just now; undefined when there is none. */
  readonly lease: Lease | undefined;
  /** How long the observer has seen it unchanged. */
  readonly unchangedForMs: number;
  readonly identity: string;
  /** Wall time, for what people read. */
  readonly nowMs: number;
  readonly timing: ElectionTiming;
}

export type LeaseSpec = NonNullable<Lease['spec']>;

export type ElectionPlan =
  | { readonly kind: 'create'; readonly spec: LeaseSpec }
  /** @property previous who held it, undefined when nobody did. */
  | { readonly kind: 'take'; readonly spec: LeaseSpec; readonly previous: string | undefined }
  /** It is ours already: the answer to an earlier write was lost. */
  | { readonly kind: 'renew'; readonly spec: LeaseSpec }
  /** @property forMs after which it may be taken if it does not change. */
  | { readonly kind: 'wait'; readonly holder: string; readonly forMs: number };

export function planElection(input: ElectionInput): ElectionPlan {
  const { lease, identity, nowMs, timing, unchangedForMs } = input;
  const holder = holderOf(lease);
  const now = microTimestamp(nowMs);
  const spec = {
    ...lease?.spec,
    holderIdentity: identity,
    leaseDurationSeconds: secondsOf(timing),
    renewTime: now,
  };
  if (lease === undefined)
    return { kind: 'create', spec: { ...spec, acquireTime: now, leaseTransitions: 0 } };
  if (holder === identity) return { kind: 'renew', spec };
  const validMs = promisedMs(lease, timing);
  if (holder !== undefined && unchangedForMs < validMs) {
    return { kind: 'wait', holder, forMs: validMs - unchangedForMs };
  }
  const leaseTransitions = (lease.spec?.leaseTransitions ?? 0) + 1;
  return { kind: 'take', spec: { ...spec, acquireTime: now, leaseTransitions }, previous: holder };
}

/** The lease as a leader leaves it: held by nobody, free at once. */
export function released(lease: Lease, nowMs: number): LeaseSpec {
  const now = microTimestamp(nowMs);
  return { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
}

/** Who holds it; undefined for nobody. */
export function holderOf(lease: Lease | undefined): string | undefined {
  const holder = lease?.spec?.holderIdentity ?? '';
  return holder === '' ? undefined : holder;
}

/** What its holder promised; a lease that says nothing is good for as long as ours would be. */
function promisedMs({ spec }: Lease, timing: ElectionTiming): number {
  return (spec?.leaseDurationSeconds ?? secondsOf(timing)) * 1000;
}

function secondsOf({ leaseDurationMs }: ElectionTiming): number {
  return leaseDurationMs / 1000;
}
