/**
 * Follows the CustomResourceDefinitions in the store and keeps the live table of kinds in step with them, on every API
 * server that shares the store, whoever changed them. Level-triggered: each pass compares what is defined with what is
 * served. A kind's cache is filled as soon as its names are accepted, so that it is served in the very moment in which
 * it is told to be established.
 */

import type { Client } from '../../../machinery/client.ts';
import { type Clock, sleep } from '../../../machinery/clock.ts';
import { ApiError, messageOf } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import type { StoreFeed } from '../cache/storefeed.ts';
import { type CacheLimits, WatchCache, type Watcher } from '../cache/watchcache.ts';
import { defineKind, terminating } from '../kindtable.ts';
import {
  acceptedDocument,
  asDefinition,
  type Definition,
  definitions,
  isTrue,
  signatureOf,
} from './definition.ts';
import { Establishment, eachDespite } from './establishment.ts';
import type { CachedKind, Kinds } from './kinds.ts';

export interface DefinitionParts {
  readonly kinds: Kinds;
  readonly feed: StoreFeed;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: CacheLimits;
}

/** What was made of one definition. */
interface Prepared {
  readonly uid: string | undefined;
  readonly signature: string;
  /** Undefined for one that cannot be compiled: it is told once and left alone until it changes. */
  readonly kind: CachedKind | undefined;
  readonly ending: CachedKind | undefined;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;
/** Whoever asks for a kind waits this long for definitions that were just heard of. */
const SETTLE_PATIENCE_MS = 3_000;

export class Definitions implements Watcher {
  readonly #parts: DefinitionParts;
  readonly #prepared = new Map<string, Prepared>();
  #establishment: Establishment | undefined;
  #isDirty = false;
  #running: Promise<void> | undefined;
  /** News that nobody has looked at yet, and what is being looked at: resolved once it was, also in vain. */
  #news: PromiseWithResolvers<void> | undefined;
  #looking: PromiseWithResolvers<void> | undefined;
  /** Ends the wait between two tries. */
  #hurry = new AbortController();

  constructor(parts: DefinitionParts) {
    this.#parts = parts;
  }

  /** Resolves when every kind that is established is served. Rejects when its objects cannot be read. */
  async start(client: Client): Promise<void> {
    const cache = this.#parts.kinds.cacheOf(definitions);
    if (cache === undefined) return;
    await this.#pass();
    this.#establishment = new Establishment(
      client,
      { ...this.#parts, isPrepared: (definition) => this.#isPrepared(definition) },
      this,
    );
    cache.subscribe(this);
    this.wake();
  }

  /** Something changed, or may have. */
  wake(): void {
    if (this.#parts.feed.closing.aborted) return;
    // What is filled already is served before anybody hears that it is established.
    this.#serve(this.#defined());
    this.#isDirty = true;
    this.#news ??= Promise.withResolvers();
    this.#hurry.abort();
    this.#running ??= this.#run();
  }

  /**
   * Resolves when all that was heard of definitions so far was looked at, after some patience, or when the signal aborts.
   * What has to be tried again is not waited for.
   */
  async settled(signal?: AbortSignal): Promise<void> {
    const looked = (this.#news ?? this.#looking)?.promise;
    if (looked === undefined) return;
    const { clock, feed } = this.#parts;
    const enough = new AbortController();
    const signals = [enough.signal, feed.closing, ...(signal === undefined ? [] : [signal])];
    await Promise.race([looked, sleep(clock, SETTLE_PATIENCE_MS, AbortSignal.any(signals))]);
    enough.abort();
  }

  /** Resolves when nothing runs any more; the feed must be closed. */
  async close(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, feed, log } = this.#parts;
    let retryMs = FIRST_RETRY_MS;
    while (this.#isDirty && !feed.closing.aborted) {
      this.#isDirty = false;
      this.#looking = this.#news;
      this.#news = undefined;
      let problem: unknown;
      try {
        await this.#pass();
        await this.#establishment?.pass(this.#defined());
        retryMs = FIRST_RETRY_MS;
      } catch (error) {
        if (feed.closing.aborted) break;
        problem = error;
      } finally {
        this.#looking?.resolve();
        this.#looking = undefined;
      }
      if (problem === undefined) continue;
      log.warn({ reason: messageOf(problem) }, 'custom kinds could not be brought up to date; trying again');
      await sleep(clock, FIRST_RETRY_MS, feed.closing);
      // What has come meanwhile does not wait for the turn of what failed.
      if (this.#news === undefined) {
        this.#hurry = new AbortController();
        await sleep(clock, retryMs - FIRST_RETRY_MS, AbortSignal.any([feed.closing, this.#hurry.signal]));
      }
      this.#isDirty = true;
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
    this.#running = undefined;
  }

  #defined(): readonly Definition[] {
    const cache = this.#parts.kinds.cacheOf(definitions);
    return (cache?.list() ?? []).map(({ object }) => asDefinition(object));
  }

  async #pass(): Promise<void> {
    const accepted = this.#defined().filter(
      (definition) => isTrue(definition, 'NamesAccepted') || isTrue(definition, 'Established'),
    );
    try {
      await eachDespite(accepted, (definition) => this.#prepare(definition));
    } finally {
      this.#serve(this.#defined());
    }
  }

  #isPrepared(definition: Definition): boolean {
    const known = this.#prepared.get(definition.metadata.name);
    return known?.kind !== undefined && this.#isOf(known, definition);
  }

  #isOf(known: Prepared, definition: Definition): boolean {
    return known.signature === signatureOf(definition) && known.uid === definition.metadata.uid;
  }

  /** Compiles the definition and fills its cache, unless that was done. */
  async #prepare(definition: Definition): Promise<void> {
    const { name, uid } = definition.metadata;
    const known = this.#prepared.get(name);
    if (known !== undefined && this.#isOf(known, definition)) return;
    const kind = this.#compile(definition);
    if (kind !== undefined) await this.#parts.feed.add(kind.cache);
    const ending =
      kind === undefined ? undefined : { definition: terminating(kind.definition), cache: kind.cache };
    if (known?.kind !== undefined && this.#parts.kinds.get(name)?.cache !== known.kind.cache) {
      this.#parts.feed.remove(known.kind.cache);
    }
    this.#prepared.set(name, { uid, signature: signatureOf(definition), kind, ending });
  }

  #compile(definition: Definition): CachedKind | undefined {
    const { limits, log } = this.#parts;
    try {
      const kind = defineKind(acceptedDocument(definition), false);
      return { definition: kind, cache: new WatchCache(kind.storage, limits) };
    } catch (error) {
      log.error(
        { definition: definition.metadata.name, reason: messageOf(error) },
        'a definition cannot be served: change it, or delete it',
      );
      return undefined;
    }
  }

  /** Brings the table in line with what is defined, as far as it is prepared. */
  #serve(defined: readonly Definition[]): void {
    const { kinds } = this.#parts;
    const names = new Set(defined.map(({ metadata }) => metadata.name));
    for (const definition of defined) {
      const { name, deletionTimestamp, uid } = definition.metadata;
      const prepared = this.#prepared.get(name);
      if (prepared?.uid !== uid || !isTrue(definition, 'Established')) continue;
      const kind = deletionTimestamp === undefined ? prepared?.kind : prepared?.ending;
      if (kind !== undefined && kinds.get(name) !== kind) kinds.serve(kind);
    }
    for (const [name, { uid, kind }] of this.#prepared) {
      const isSame = defined.some(({ metadata }) => metadata.name === name && metadata.uid === uid);
      if (names.has(name) && isSame) continue;
      this.#prepared.delete(name);
      if (kind !== undefined && kinds.get(name)?.cache !== kind.cache) this.#parts.feed.remove(kind.cache);
      kinds.withdraw(name, goneKind(name));
    }
  }
}

function goneKind(name: string): ApiError {
  return new ApiError(
    'Gone',
    `${name} is not served any more: its CustomResourceDefinition was deleted, and all objects with it`,
  );
}
