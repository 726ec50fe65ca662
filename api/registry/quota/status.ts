/**
 * Keeps `status.used` of ResourceQuotas: after every write in a namespace that has one, what is there is counted again
 * and written if it is another figure. Level-triggered: a write says *look*, never *what*; writes that come meanwhile
 * are one more look. A look that fails comes again later.
 */
import type { Client } from '../../../machinery/client.ts';
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { isApiError, messageOf } from '../../../machinery/errors.ts';
import { isSameJson } from '../../../machinery/json.ts';
import type { Log } from '../../../machinery/log.ts';
import { qualifiedName } from '../../../machinery/meta.ts';
import { resourceQuotas } from '../../../schemas/kinds.ts';
import type { ResourceQuota } from '../../../schemas/types.gen.ts';
import type { CacheOf } from '../cache/cacheof.ts';
import type { Tally } from './tally.ts';
import { formatAmount, limitsIn } from './usage.ts';

const RETRY_MS = 1_000;

export interface QuotaStatusParts {
  readonly tally: Tally;
  readonly cacheOf: CacheOf;
  readonly clock: Clock;
  readonly log: Log;
  /** Resolves when the caches hold everything that was acknowledged. */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
  /** Aborts when the registry closes: nothing is written after that. */
  readonly closing: AbortSignal;
}

export class QuotaStatus {
  readonly #parts: QuotaStatusParts;
  /** Namespaces to look at; at most those that have a quota. */
  readonly #dirty = new Set<string>();
  #client: Client | undefined;
  #isRunning = false;

  constructor(parts: QuotaStatusParts) {
    this.#parts = parts;
  }

  /** Looks at every quota once, for what it says is from before the last stop; and from now on at each write. */
  start(client: Client): void {
    this.#client = client;
    for (const { object } of this.#parts.cacheOf(resourceQuotas)?.list() ?? []) {
      this.#look(client, object.metadata.namespace ?? '');
    }
  }

  /** An object of the kind was written in the namespace. */
  touch(kind: Parameters<typeof qualifiedName>[0], namespace: string): void {
    const client = this.#client;
    if (client === undefined) return;
    // The cache need not have a quota yet that was just written; one that it does not have has its own look to come.
    const isQuota = qualifiedName(kind) === qualifiedName(resourceQuotas);
    const quotas = this.#parts.cacheOf(resourceQuotas)?.list(namespace) ?? [];
    if (isQuota || quotas.length > 0) this.#look(client, namespace);
  }

  #look(client: Client, namespace: string): void {
    if (this.#parts.closing.aborted) return;
    this.#dirty.add(namespace);
    if (!this.#isRunning) void this.#run(client);
  }

  async #run(client: Client): Promise<void> {
    this.#isRunning = true;
    const { closing: signal } = this.#parts;
    // A set hands out what is added while it is gone through.
    for (const namespace of this.#dirty) {
      if (signal.aborted) break;
      this.#dirty.delete(namespace);
      try {
        await this.#parts.catchUp(signal);
        await this.#write(client, namespace);
      } catch (error) {
        if (signal.aborted) break;
        this.#parts.log.debug({ namespace, reason: messageOf(error) }, 'quota status not written yet');
        this.#dirty.add(namespace);
        await sleep(this.#parts.clock, RETRY_MS, signal);
      }
    }
    // In the same turn as the last look at the set: whoever touches a namespace next starts anew.
    this.#isRunning = false;
  }

  async #write(client: Client, namespace: string): Promise<void> {
    const { tally } = this.#parts;
    for (const quota of (await client.list(resourceQuotas, { namespace })).items) {
      const status = statusOf(quota, (name) => tally.used(namespace, name));
      if (isSameJson(quota.status, status)) continue;
      try {
        await client.update(resourceQuotas, { ...quota, status }, { subresource: 'status' });
      } catch (error) {
        // Gone, or changed since: the write that did it comes with a look of its own.
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
      }
    }
  }
}

function statusOf(
  quota: ResourceQuota,
  usedOf: (name: string) => number,
): NonNullable<ResourceQuota['status']> {
  const hard = quota.spec?.hard ?? {};
  const names = [...limitsIn(hard).keys()];
  return { hard, used: Object.fromEntries(names.map((name) => [name, formatAmount(name, usedOf(name))])) };
}
