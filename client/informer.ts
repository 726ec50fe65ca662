/**
 * The informer: a local, always catching-up copy of one kind's objects, for any `Client`.
 *
 * It promises:
 * - after `hasSynced`, the copy is some true moment of the server's past, and moves only forward;
 * - every handler hears of every change of the copy, one after the other; several changes of an object between two
 *   lists may be heard as one, but a deletion is never missed, not even across a relist;
 * - it ends only when its signal aborts: errors back off with jitter and are tried again, an expired version is listed
 *   again, and a handler that throws is logged and hurts nobody else.
 * Objects handed out are shared and frozen. Model: client-go's Reflector and SharedIndexInformer.
 */

import type { Client, WatchEvent } from '../machinery/client.ts';
import { type Clock, sleep } from '../machinery/clock.ts';
import { isApiError, messageOf } from '../machinery/errors.ts';
import { deepFreeze } from '../machinery/json.ts';
import type { Log } from '../machinery/log.ts';
import { type KubeObject, keyOf, keyString, qualifiedName, type Resource } from '../machinery/meta.ts';
import type { Random } from '../machinery/random.ts';

/** @param object the object now, undefined once deleted; @param old as it was before, undefined when new. */
export type ChangeHandler<T> = (key: string, object: T | undefined, old: T | undefined) => void;

/** The values under which an object is found in an index: none, one or several. */
export type IndexFunction<T> = (object: T) => readonly string[];

export interface InformerOptions<T extends KubeObject> {
  readonly client: Client;
  readonly resource: Resource<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>;
  /**
   * What of an object is kept, for readers that need little of many: handlers and readers see nothing else. Names, uid
   * and resourceVersion must stay. Default: all of it.
   */
  readonly keep?: (object: T) => T;
  /** Objects a list asks for at once; default 500. */
  readonly pageSize?: number;
  /** Delays between tries after errors, milliseconds; default 100 to 30,000. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
}

/** What readers of the copy need; the informer is the only writer. */
export interface ObjectStore<T extends KubeObject> {
  readonly hasSynced: boolean;
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects whose index function gave this value. Throws for an index that was not declared. */
  byIndex(index: string, value: string): readonly T[];
  /** Calls the handler now for everything already known, then for every change. Returns how to take it away. */
  onChange(handler: ChangeHandler<T>): () => void;
}

const DEFAULT_BACKOFF = { baseMs: 100, maxMs: 30_000 };

export class Informer<T extends KubeObject> implements ObjectStore<T> {
  readonly #options: InformerOptions<T>;
  readonly #name: string;
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<
    string,
    { readonly of: IndexFunction<T>; readonly values: Map<string, Set<string>> }
  >();
  readonly #handlers = new Set<ChangeHandler<T>>();
  readonly #syncWaiters = new Set<() => void>();
  #hasSynced = false;
  #failures = 0;
  /** Where to go on watching; undefined: list first. */
  #resourceVersion: string | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#name = qualifiedName(options.resource);
    for (const [index, of] of Object.entries(options.indexes ?? {})) {
      this.#indexes.set(index, { of, values: new Map() });
    }
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves at the first complete list, or when the signal aborts: the caller looks at the signal. */
  synced(signal: AbortSignal): Promise<void> {
    if (this.#hasSynced || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#syncWaiters.delete(finish);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      this.#syncWaiters.add(finish);
      signal.addEventListener('abort', finish, { once: true });
    });
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  byIndex(index: string, value: string): readonly T[] {
    const declared = this.#indexes.get(index);
    if (declared === undefined) {
      throw new Error(
        `informer of ${this.#name} has no index "${index}", only ${[...this.#indexes.keys()].join(', ') || 'none'}; declare it in its options`,
      );
    }
    const found: T[] = [];
    for (const key of declared.values.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  onChange(handler: ChangeHandler<T>): () => void {
    for (const [key, object] of this.#objects) this.#tell(handler, key, object, undefined);
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  /** Lists and watches until the signal aborts. Never rejects. */
  async start(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#relist(signal);
        await this.#follow(signal);
        // A watch that ended quietly (server restart, timeout) resumes; the pause keeps a broken server from a spin.
        await this.#pause(signal, undefined);
      } catch (error) {
        if (signal.aborted) return;
        if (isApiError(error, 'Expired', 'Gone')) {
          this.#options.log.info({ resource: this.#name }, `listing again: ${messageOf(error)}`);
          this.#resourceVersion = undefined;
        }
        await this.#pause(signal, error);
      }
    }
  }

  async #relist(signal: AbortSignal): Promise<void> {
    const { client, resource, pageSize = 500 } = this.#options;
    const seen = new Map<string, T>();
    let next: string | undefined;
    let version: string | undefined;
    do {
      const page = await client.list(resource, {
        ...this.#selection(),
        limit: pageSize,
        signal,
        ...(next === undefined ? {} : { continue: next }),
      });
      for (const object of page.items) seen.set(keyString(keyOf(object)), this.#kept(object));
      version = page.metadata.resourceVersion;
      next = page.metadata.continue === '' ? undefined : page.metadata.continue;
    } while (next !== undefined);
    if (version === undefined) {
      throw new Error(
        `the list of ${this.#name} came without metadata.resourceVersion; a watch cannot follow it`,
      );
    }
    for (const key of this.#objects.keys()) {
      if (!seen.has(key)) this.#apply(key, undefined);
    }
    for (const [key, object] of seen) this.#apply(key, object);
    this.#resourceVersion = version;
    this.#failures = 0;
    this.#hasSynced = true;
    for (const finish of this.#syncWaiters) finish();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { client, resource } = this.#options;
    const events = client.watch(resource, {
      ...this.#selection(),
      allowWatchBookmarks: true,
      signal,
      ...(this.#resourceVersion === undefined ? {} : { resourceVersion: this.#resourceVersion }),
    });
    for await (const event of events) {
      if (signal.aborted) return;
      this.#take(event);
      this.#failures = 0;
    }
  }

  #take(event: WatchEvent<T>): void {
    if (event.type === 'BOOKMARK') {
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    const key = keyString(keyOf(event.object));
    this.#apply(key, event.type === 'DELETED' ? undefined : this.#kept(event.object));
    this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
  }

  #kept(object: T): T {
    return this.#options.keep?.(object) ?? object;
  }

  #apply(key: string, next: T | undefined): void {
    const old = this.#objects.get(key);
    if (old === undefined && next === undefined) return;
    const isSame =
      old !== undefined &&
      next !== undefined &&
      old.metadata.uid === next.metadata.uid &&
      old.metadata.resourceVersion === next.metadata.resourceVersion;
    if (isSame) return;
    if (next === undefined) this.#objects.delete(key);
    else this.#objects.set(key, deepFreeze(next));
    this.#reindex(key, next, old);
    for (const handler of this.#handlers) {
      // The same name with another uid is another object: handlers hear that the first one is gone.
      if (old !== undefined && next !== undefined && old.metadata.uid !== next.metadata.uid) {
        this.#tell(handler, key, undefined, old);
        this.#tell(handler, key, next, undefined);
      } else {
        this.#tell(handler, key, next, old);
      }
    }
  }

  #reindex(key: string, next: T | undefined, old: T | undefined): void {
    for (const [index, { of, values }] of this.#indexes) {
      for (const value of this.#valuesOf(index, of, old)) {
        const keys = values.get(value);
        keys?.delete(key);
        if (keys?.size === 0) values.delete(value);
      }
      for (const value of this.#valuesOf(index, of, next)) {
        const keys = values.get(value);
        if (keys === undefined) values.set(value, new Set([key]));
        else keys.add(key);
      }
    }
  }

  #valuesOf(index: string, of: IndexFunction<T>, object: T | undefined): readonly string[] {
    if (object === undefined) return [];
    try {
      return of(object);
    } catch (error) {
      this.#options.log.error(
        { resource: this.#name, index, key: keyString(keyOf(object)), err: error },
        `index function failed, object left out of the index: ${messageOf(error)}`,
      );
      return [];
    }
  }

  #tell(handler: ChangeHandler<T>, key: string, object: T | undefined, old: T | undefined): void {
    try {
      handler(key, object, old);
    } catch (error) {
      this.#options.log.error(
        { resource: this.#name, key, err: error },
        `handler failed: ${messageOf(error)}`,
      );
    }
  }

  #selection(): { namespace?: string; labelSelector?: string; fieldSelector?: string } {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }

  async #pause(signal: AbortSignal, error: unknown): Promise<void> {
    const { clock, random, log, backoff = DEFAULT_BACKOFF } = this.#options;
    if (signal.aborted) return;
    const ceilingMs = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    // Between half and all of the ceiling: many informers of one lost server do not come back in step.
    const delayMs = ceilingMs * (0.5 + random.next() / 2);
    if (error !== undefined) {
      log.warn(
        { resource: this.#name, retryInMs: Math.round(delayMs), err: error },
        `list or watch failed: ${messageOf(error)}`,
      );
    }
    await sleep(clock, delayMs, signal);
  }
}
