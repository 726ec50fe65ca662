/**
 * Quotas: whether a namespace has room for a write. Two kinds of limits, one decision, made before the commit:
 * what every namespace may hold at most (the operator's setting; Gantry's own namespace is exempt), and what its
 * ResourceQuota objects say.
 *
 * Events, Leases and IdempotencyKeys do not count for the first: they come and go by themselves. Of the last there may be
 * so many in a namespace, whatever else is in it. A change that only reports (status)
 * or that lets an object go is never refused, however full its namespace is.
 * Source of the wording: Kubernetes' resource quota admission.
 */
import { ApiError, forbiddenObject } from '../../../machinery/errors.ts';
import { isSameJson, readPath } from '../../../machinery/json.ts';
import { NAMESPACE_SYSTEM } from '../../../machinery/labels.ts';
import { type DynamicObject, qualifiedName } from '../../../machinery/meta.ts';
import { idempotencyKeys, resourceQuotas } from '../../../schemas/kinds.ts';
import type { CacheOf } from '../cache/cacheof.ts';
import type { KindEntry } from '../kindtable.ts';
import type { StoredObject } from '../types.ts';
import { type Growth, growthOf, type Reservation, type Tally } from './tally.ts';
import { formatAmount, isCounted, isSum, limitsIn, taskAmounts } from './usage.ts';

export interface NamespaceLimits {
  readonly maxObjects: number;
  /** Of all objects' JSON together. */
  readonly maxBytes: number;
}

export const DEFAULT_NAMESPACE_LIMITS: NamespaceLimits = { maxObjects: 5_000, maxBytes: 64 * 1024 * 1024 };

const KEYS = qualifiedName(idempotencyKeys);
const UNCOUNTED: ReadonlySet<string> = new Set(['events', 'leases.coordination.k8s.io', KEYS]);
/** How long somebody waits who finds no room for another key: some are removed every moment. */
const KEYS_RETRY_SECONDS = 10;

/** One limit that a write would exceed. */
interface Excess {
  readonly name: string;
  readonly requested: string;
  readonly used: string;
  readonly limit: string;
}

/** Where less than this part of a namespace's limit is left, servers that share a store count together. */
const NEAR = 0.1;

const NOTHING: Reservation = { settle() {}, [Symbol.dispose]() {} };

export class Quotas {
  readonly #tally: Tally;
  readonly #limits: NamespaceLimits;
  readonly #cacheOf: CacheOf;
  readonly #maxKeys: number;

  /** @param maxKeys how many IdempotencyKeys a namespace may hold. */
  constructor(tally: Tally, limits: NamespaceLimits, cacheOf: CacheOf, maxKeys: number) {
    this.#tally = tally;
    this.#limits = limits;
    this.#maxKeys = maxKeys;
    this.#cacheOf = cacheOf;
  }

  /**
   * Holds the room that a write needs. Throws `Forbidden` when there is none, naming what is used, the limit and what
   * was asked for. The check and the reservation happen in one turn: two writers never get the same room.
   */
  reserve(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject,
    payloadBytes: number,
  ): Reservation {
    const { namespace } = after.metadata;
    if (namespace === undefined || !entry.kind.namespaced) return NOTHING;
    const growth = growthOf(entry, before, after, payloadBytes);
    if (growth.objects === 0 && growth.bytes === 0 && growth.amounts.size === 0) return NOTHING;
    if (before === undefined || after.metadata.deletionTimestamp === undefined) {
      this.#checkLimits(entry, namespace, before, after, growth);
      this.#checkKeys(entry, namespace, growth);
      this.#checkQuotas(entry, namespace, before, after, growth);
    }
    return this.#tally.reserve(entry, namespace, growth);
  }

  /**
   * Whether a write may bring its namespace to a limit, so that servers which share a store must not decide on it at the
   * same time: with a ResourceQuota that counts it always, with the operator's limits in their last tenth.
   */
  isTight(
    entry: KindEntry,
    before: StoredObject | undefined,
    after: DynamicObject,
    payloadBytes: number,
  ): boolean {
    const { namespace, deletionTimestamp } = after.metadata;
    const { kind } = entry;
    if (namespace === undefined || !kind.namespaced) return false;
    if (before !== undefined && (deletionTimestamp !== undefined || isReport(before.object, after)))
      return false;
    const growth = growthOf(entry, before, after, payloadBytes);
    if (growth.objects === 0 && growth.bytes === 0 && growth.amounts.size === 0) return false;
    for (const { object: quota } of this.#cacheOf(resourceQuotas)?.list(namespace) ?? []) {
      for (const name of limitsIn(readPath(quota, ['spec', 'hard'])).keys())
        if (isCounted(name, kind)) return true;
    }
    if (namespace === NAMESPACE_SYSTEM || !isIncluded(kind)) return false;
    const { maxObjects, maxBytes } = this.#limits;
    const { objects, bytes } = this.#tally.size(namespace, isIncluded);
    return objects + growth.objects > maxObjects * (1 - NEAR) || bytes + growth.bytes > maxBytes * (1 - NEAR);
  }

  #checkLimits(
    { kind }: KindEntry,
    namespace: string,
    before: StoredObject | undefined,
    after: DynamicObject,
    growth: Growth,
  ): void {
    if (namespace === NAMESPACE_SYSTEM || !isIncluded(kind)) return;
    const { maxObjects, maxBytes } = this.#limits;
    const size = this.#tally.size(namespace, isIncluded);
    const excesses: Excess[] = [];
    for (const [name, requested, used, limit] of [
      ['objects', growth.objects, size.objects, maxObjects],
      ['bytes', growth.bytes, size.bytes, maxBytes],
    ] as const) {
      if (requested === 0 || used + requested <= limit) continue;
      excesses.push({ name, requested: String(requested), used: String(used), limit: String(limit) });
    }
    if (excesses.length === 0 || (before !== undefined && isReport(before.object, after))) return;
    throw exceeded(
      kind,
      after,
      `the limit of every namespace (delete what "${namespace}" does not need, or start the server with a larger --namespace-max-objects or --namespace-max-bytes)`,
      excesses,
    );
  }

  #checkKeys({ kind }: KindEntry, namespace: string, growth: Growth): void {
    if (growth.objects === 0 || qualifiedName(kind) !== KEYS) return;
    const { objects } = this.#tally.size(namespace, (other) => qualifiedName(other) === KEYS);
    if (objects < this.#maxKeys) return;
    throw new ApiError(
      'TooManyRequests',
      `namespace "${namespace}" remembers ${objects} idempotency keys, and may remember ${this.#maxKeys}: try again when some are forgotten, or send no key`,
      { retryAfterSeconds: KEYS_RETRY_SECONDS },
    );
  }

  #checkQuotas(
    { kind }: KindEntry,
    namespace: string,
    before: StoredObject | undefined,
    after: DynamicObject,
    growth: Growth,
  ): void {
    if (before !== undefined && isReport(before.object, after)) return;
    for (const { object: quota } of this.#cacheOf(resourceQuotas)?.list(namespace) ?? []) {
      const excesses: Excess[] = [];
      const unsaid: string[] = [];
      for (const [name, limit] of limitsIn(readPath(quota, ['spec', 'hard']))) {
        if (!isCounted(name, kind)) continue;
        if (isSum(name) && before === undefined && !taskAmounts(kind, after).has(name)) unsaid.push(name);
        const requested = isCountOf(name) ? growth.objects : (growth.amounts.get(name) ?? 0);
        if (requested === 0) continue;
        const used = this.#tally.used(namespace, name);
        if (used + requested <= limit) continue;
        excesses.push({
          name,
          requested: formatAmount(name, requested),
          used: formatAmount(name, used),
          limit: formatAmount(name, limit),
        });
      }
      if (unsaid.length > 0) {
        throw forbiddenObject(
          kind,
          after.metadata.name,
          `failed quota: ${quota.metadata.name}: must specify ${unsaid.sort().join(',')}`,
        );
      }
      if (excesses.length > 0) throw exceeded(kind, after, quota.metadata.name, excesses);
    }
  }
}

function isIncluded(kind: KindEntry['kind']): boolean {
  return !UNCOUNTED.has(qualifiedName(kind));
}

/** Counted by objects rather than by what they use. */
function isCountOf(name: string): boolean {
  return name !== 'pods' && !isSum(name);
}

/** Whether a change says nothing new of what is wished: a status, a finalizer. */
function isReport(before: DynamicObject, after: DynamicObject): boolean {
  const wish = ({ status: _status, metadata, ...rest }: DynamicObject): unknown => ({
    ...rest,
    metadata: { labels: metadata.labels ?? {}, annotations: metadata.annotations ?? {} },
  });
  return isSameJson(wish(before), wish(after));
}

function exceeded(
  kind: KindEntry['kind'],
  { metadata: { name } }: DynamicObject,
  quota: string,
  excesses: readonly Excess[],
): ApiError {
  const shown = (of: (excess: Excess) => string): string =>
    excesses
      .map((excess) => `${excess.name}=${of(excess)}`)
      .sort()
      .join(',');
  return forbiddenObject(
    kind,
    name,
    `exceeded quota: ${quota}, requested: ${shown((excess) => excess.requested)}, used: ${shown((excess) => excess.used)}, limited: ${shown((excess) => excess.limit)}`,
  );
}
