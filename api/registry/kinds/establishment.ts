/**
 * What the server itself writes about the definitions of users: whether their names are accepted, whether they are
 * established, and, when one is deleted, that its objects went before it. Every API server does it; a write that
 * another was faster with is no error, since its news wakes this one again.
 */

import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { isApiError, StoreError } from '../../../machinery/errors.ts';
import { keyOf } from '../../../machinery/meta.ts';
import type { StoreFeed } from '../cache/storefeed.ts';
import type { Watcher } from '../cache/watchcache.ts';
import { type Definition, definitions, FINALIZER_CLEANUP, isTrue } from './definition.ts';
import type { CachedKind, Kinds } from './kinds.ts';
import { type NamedKind, planStatus } from './naming.ts';

export interface EstablishmentParts {
  readonly kinds: Kinds;
  readonly feed: StoreFeed;
  readonly clock: Clock;
  /** Whether this server could serve the definition as it is now. */
  readonly isPrepared: (definition: Definition) => boolean;
}

export class Establishment {
  readonly #client: Client;
  readonly #parts: EstablishmentParts;
  /** Woken when an object goes that a deleted definition waits for. */
  readonly #waiting: Watcher;
  readonly #builtin: readonly NamedKind[];

  constructor(client: Client, parts: EstablishmentParts, waiting: Watcher) {
    this.#client = client;
    this.#parts = parts;
    this.#waiting = waiting;
    this.#builtin = parts.kinds.builtin().map(({ definition: { storage } }) => {
      const { kind: entry } = storage;
      const { group, plural, singular, kind, listKind, shortNames } = entry;
      return { group, names: { plural, singular, kind, listKind, shortNames } };
    });
  }

  /** One look at everything that is defined. Rejects with what should be tried again. */
  async pass(defined: readonly Definition[]): Promise<void> {
    // The older one has the name; the order is the same on every server.
    const inOrder = defined.toSorted((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));
    const named = new Map<string, NamedKind>();
    for (const { metadata, spec, status } of inOrder) {
      named.set(metadata.name, { group: spec.group, names: status?.acceptedNames ?? {} });
    }
    await eachDespite(inOrder, async (definition) => {
      if (this.#parts.feed.closing.aborted) return;
      const { name } = definition.metadata;
      const others = [...this.#builtin];
      for (const [other, kind] of named) if (other !== name) others.push(kind);
      const status = planStatus(
        definition,
        others,
        this.#parts.isPrepared(definition),
        this.#parts.clock.now(),
      );
      named.set(name, { group: definition.spec.group, names: status.acceptedNames ?? {} });
      const isEnding = definition.metadata.deletionTimestamp !== undefined;
      if (status !== definition.status) await this.#write({ ...definition, status }, 'status');
      else if (isEnding) await this.#finish(definition);
    });
  }

  /** Deletes what is left of the objects; the definition goes with the last of them. */
  async #finish(definition: Definition): Promise<void> {
    const { name, finalizers = [] } = definition.metadata;
    if (!finalizers.includes(FINALIZER_CLEANUP)) return;
    const kind = this.#parts.kinds.get(name);
    // Established, and not served here yet: its objects are not known.
    if (kind === undefined && isTrue(definition, 'Established')) return;
    if (kind !== undefined && !(await this.#isEmptied(kind))) return;
    const left = finalizers.filter((finalizer) => finalizer !== FINALIZER_CLEANUP);
    await this.#write({ ...definition, metadata: { ...definition.metadata, finalizers: left } }, undefined);
  }

  async #isEmptied({ definition, cache }: CachedKind): Promise<boolean> {
    cache.subscribe(this.#waiting);
    const { kind } = definition.storage;
    const served = definition.served[0]?.kind ?? kind;
    for (const { object } of cache.list()) {
      if (this.#parts.feed.closing.aborted) return false;
      if (object.metadata.deletionTimestamp !== undefined) continue;
      try {
        const { uid } = object.metadata;
        // A slow server must not take for its own what another one has let in since, under a new definition.
        await this.#client.delete(served, keyOf(object), uid === undefined ? {} : { preconditions: { uid } });
      } catch (error) {
        if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
      }
    }
    return cache.size === 0;
  }

  async #write(definition: Definition, subresource: 'status' | undefined): Promise<void> {
    try {
      await this.#client.update(definitions, definition, subresource === undefined ? {} : { subresource });
    } catch (error) {
      if (!isApiError(error, 'Conflict', 'NotFound')) throw error;
    }
  }
}

/**
 * Does the work for every item, one after the other, and then rejects with the first problem there was: what is wrong
 * with one definition holds no other up. Rejects at once when the store does not answer.
 */
export async function eachDespite<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const problems: unknown[] = [];
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      const isSilent = error instanceof StoreError && error.reason === 'Unavailable';
      if (isSilent || isApiError(error, 'ServiceUnavailable')) throw error;
      problems.push(error);
    }
  }
  if (problems.length > 0) throw problems[0];
}

function ageOf({ metadata }: Definition): string {
  return `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
}
