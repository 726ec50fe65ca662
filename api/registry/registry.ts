/**
 * The registry: the one place where objects are read and changed, whoever asks and through whichever door. Each verb
 * reads like its walk: authorize, do it (`Reads`, `Writes`), tell the audit.
 */
import type { Client, DeleteOptions } from '../../machinery/client.ts';
import { ApiError, isApiError, type Status } from '../../machinery/errors.ts';
import type { Identity } from '../../machinery/identity.ts';
import { isRecord } from '../../machinery/json.ts';
import type { Log } from '../../machinery/log.ts';
import { type DynamicObject, keyOf, type ObjectKey } from '../../machinery/meta.ts';
import { pinnedName } from '../../machinery/selectors.ts';
import type { Store } from '../../store/store.ts';
import type { Audit } from './access/audit.ts';
import type { Authorizer } from './access/authorize.ts';
import type { Role } from './access/policy.ts';
import { readBinding } from './binding/binding.ts';
import { readEviction } from './binding/eviction.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import type { WatchCache } from './cache/watchcache.ts';
import type { Judge } from './commits.ts';
import type { Deletes } from './deletes.ts';
import { InProcessClient } from './inprocess.ts';
import type { Reads } from './reads.ts';
import { apiErrorFromStore, unavailable } from './storeerrors.ts';
import type {
  AccessRequest,
  DeleteCollectionOptions,
  DeleteResult,
  ReadOptions,
  Registry,
  RegistryListOptions,
  RegistryPatch,
  RegistryWatchOptions,
  RegistryWriteOptions,
  RequestContext,
  Review,
  ServedKind,
  StoredList,
  StoredObject,
  StoredWatchEvent,
  WriteResult,
} from './types.ts';
import { isBinding, isEviction, type Writes } from './writes.ts';

export interface RegistryParts {
  readonly store: Store;
  readonly log: Log;
  readonly caches: readonly WatchCache[];
  readonly feed: StoreFeed;
  readonly reads: Reads;
  readonly writes: Writes;
  readonly deletes: Deletes;
  readonly reviews: readonly Review[];
  readonly authorizer: Authorizer;
  readonly audit: Audit;
}

/** What an access request says of one object or of a kind. */
interface Target {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

export class StoreRegistry implements Registry {
  readonly #parts: RegistryParts;
  readonly #caches: ReadonlyMap<string, WatchCache>;
  readonly #kinds: readonly ServedKind[];
  readonly #running = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
    this.#kinds = parts.caches.map((cache) => cache.entry.kind);
    this.#caches = new Map(parts.caches.map((cache) => [kindId(cache.entry.kind), cache]));
  }

  as(identity: Identity): Client {
    return new InProcessClient(this, { identity });
  }

  kinds(): readonly ServedKind[] {
    return this.#kinds;
  }

  findKind(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#caches.get(kindId({ group, version, plural }))?.entry.kind;
  }

  get(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options: ReadOptions = {},
  ): Promise<StoredObject> {
    const request = requestOf('get', kind, { ...key, subresource: options.subresource });
    return this.#run(context, request, async () => {
      this.#parts.authorizer.check(context.identity, request);
      return this.#parts.reads.get(this.#cacheFor(kind, options.subresource), key, options);
    });
  }

  list(context: RequestContext, kind: ServedKind, options: RegistryListOptions = {}): Promise<StoredList> {
    const request = requestOf('list', kind, { ...options, name: pinnedName(options.fieldSelector) });
    return this.#run(context, request, async () => {
      this.#parts.authorizer.check(context.identity, request);
      return this.#parts.reads.list(this.#cacheFor(kind), options);
    });
  }

  watch(
    context: RequestContext,
    kind: ServedKind,
    options: RegistryWatchOptions = {},
  ): Promise<AsyncIterable<StoredWatchEvent>> {
    const request = requestOf('watch', kind, { ...options, name: pinnedName(options.fieldSelector) });
    return this.#run(context, request, async () => {
      this.#parts.authorizer.check(context.identity, request);
      return this.#parts.reads.watch(this.#cacheFor(kind), options);
    });
  }

  create(
    context: RequestContext,
    kind: ServedKind,
    body: unknown,
    options: RegistryWriteOptions = {},
  ): Promise<WriteResult> {
    const { name, namespace } = namesIn(body);
    const request = requestOf('create', kind, {
      namespace: options.namespace ?? (kind.namespaced ? namespace : undefined),
      name,
      subresource: options.subresource,
    });
    return this.#write(context, request, 201, options, (judge) => {
      if (options.subresource !== undefined) throw noSubresource(kind, options.subresource);
      return this.#parts.writes.create(this.#cacheFor(kind).entry, body, options, judge);
    });
  }

  update(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    body: unknown,
    options: RegistryWriteOptions = {},
  ): Promise<WriteResult> {
    const request = requestOf('update', kind, { ...key, subresource: options.subresource });
    return this.#write(context, request, 200, options, (judge) =>
      this.#parts.writes.update(this.#cacheFor(kind, options.subresource).entry, key, body, options, judge),
    );
  }

  patch(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    patch: RegistryPatch,
    options: RegistryWriteOptions = {},
  ): Promise<WriteResult> {
    const request = requestOf('patch', kind, { ...key, subresource: options.subresource });
    return this.#write(context, request, 200, options, (judge) =>
      this.#parts.writes.patch(this.#cacheFor(kind, options.subresource).entry, key, patch, options, judge),
    );
  }

  delete(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<DeleteResult> {
    const request = requestOf('delete', kind, key);
    return this.#write(context, request, 200, options, async (judge) => {
      const { entry } = this.#cacheFor(kind);
      if (!entry.kind.verbs.includes('delete')) {
        throw new ApiError('MethodNotAllowed', `${kind.plural} cannot be deleted yet`);
      }
      return this.#parts.deletes.delete(entry, key, options, judge);
    });
  }

  deleteCollection(
    context: RequestContext,
    kind: ServedKind,
    options: DeleteCollectionOptions = {},
  ): Promise<StoredList> {
    const request = requestOf('deletecollection', kind, {
      namespace: options.namespace,
      name: pinnedName(options.fieldSelector),
    });
    return this.#write(context, request, 200, options, async (judge) => {
      const cache = this.#cacheFor(kind);
      const { gracePeriodSeconds, preconditions, propagationPolicy, dryRun } = options;
      const deletion: DeleteOptions = {
        ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
        ...(preconditions === undefined ? {} : { preconditions }),
        ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
        ...(dryRun === undefined ? {} : { dryRun }),
      };
      const found = this.#parts.reads.select(cache, options);
      this.#parts.deletes.refuseAny(cache.entry, found);
      const items: StoredObject[] = [];
      for (const { object } of found) {
        try {
          items.push((await this.#parts.deletes.delete(cache.entry, keyOf(object), deletion, judge)).stored);
        } catch (error) {
          // Somebody else was faster: it is gone, which is what was asked for.
          if (!isApiError(error, 'NotFound')) throw error;
        }
      }
      return { items, resourceVersion: this.revision() };
    });
  }

  post(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    subresource: string,
    body: unknown,
    options: RegistryWriteOptions = {},
  ): Promise<DynamicObject> {
    const request = requestOf('create', kind, { ...key, subresource });
    return this.#write(context, request, 201, options, async (judge) => {
      const { entry } = this.#cacheFor(kind, subresource);
      const { writes } = this.#parts;
      let status: Status;
      if (isBinding(entry, subresource)) {
        status = await writes.bind(entry, key, readBinding(body, key), options.dryRun === true, judge);
      } else if (isEviction(entry, subresource)) {
        const eviction = readEviction(body, key);
        const isDryRun = eviction.isDryRun || options.dryRun === true;
        status = await writes.evict(entry, key, { ...eviction, isDryRun }, judge);
      } else {
        throw new ApiError('MethodNotAllowed', `${kind.plural}/${subresource} takes no POST`);
      }
      // A Status has no name; everything else about it is an object.
      return { ...status, metadata: { name: key.name } };
    });
  }

  reviews(): readonly Review[] {
    return this.#parts.reviews;
  }

  authorize(context: RequestContext, request: AccessRequest): void {
    this.#audited(context, request, () => this.#parts.authorizer.check(context.identity, request));
  }

  authorizePath(context: RequestContext, verb: string, path: string): void {
    try {
      this.#parts.authorizer.checkPath(context.identity, verb, path);
    } catch (error) {
      const translated = apiErrorFromStore(error);
      this.#parts.audit.refusedPath(context, verb, path, translated);
      throw translated;
    }
  }

  isReady(): boolean {
    return this.#parts.feed.isReady && !this.#isClosing;
  }

  revision(): number {
    return this.#parts.store.revision();
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    // Whoever waits for a revision is let go first; writes that have begun need the feed no more.
    await this.#parts.feed.close();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  /** Authorizes, waits until the caches hold the present, writes, and tells the audit how it went. */
  #write<T>(
    context: RequestContext,
    request: AccessRequest,
    code: number,
    options: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
    work: (judge: Judge) => Promise<T>,
  ): Promise<T> {
    return this.#run(context, request, async () => {
      const roles = this.#parts.authorizer.check(context.identity, request);
      await this.#parts.reads.catchUp(options.signal);
      const result = await work(this.#judge(context, request, roles));
      this.#parts.audit.done(context, request, code, options.dryRun === true ? undefined : versionOf(result));
      return result;
    });
  }

  #judge({ identity }: RequestContext, request: AccessRequest, roles: readonly Role[]): Judge {
    return (before, after) => {
      const name = request.name ?? (after ?? before)?.metadata.name;
      const judged = name === undefined ? request : { ...request, name };
      this.#parts.authorizer.judge(roles, { identity, request: judged, before, after });
    };
  }

  /** Runs one call: refused once the registry closes, waited for by `close`, errors translated, refusals audited. */
  async #run<T>(context: RequestContext, request: AccessRequest, work: () => Promise<T>): Promise<T> {
    if (this.#isClosing) throw unavailable('the server is shutting down');
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw this.#told(context, request, error);
    } finally {
      this.#running.delete(running);
    }
  }

  #audited<T>(context: RequestContext, request: AccessRequest, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#told(context, request, error);
    }
  }

  #told(context: RequestContext, request: AccessRequest, error: unknown): ApiError {
    const translated = apiErrorFromStore(error);
    if (translated.reason === 'InternalError')
      this.#parts.log.error({ err: error }, 'a request failed inside');
    this.#parts.audit.failed(context, request, translated);
    return translated;
  }

  #cacheFor(kind: ServedKind, subresource?: string): WatchCache {
    const cache = this.#caches.get(kindId(kind));
    if (cache === undefined)
      throw new ApiError('NotFound', 'the server could not find the requested resource');
    if (
      subresource !== undefined &&
      !cache.entry.kind.subresources.some(({ name }) => name === subresource)
    ) {
      throw noSubresource(kind, subresource);
    }
    return cache;
  }
}

function kindId({ group, version, plural }: { group: string; version: string; plural: string }): string {
  return `${group}/${version}/${plural}`;
}

function requestOf(verb: string, { group, plural }: ServedKind, target: Target): AccessRequest {
  const { namespace, name, subresource } = target;
  return {
    verb,
    group,
    resource: plural,
    ...(subresource === undefined ? {} : { subresource }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  };
}

function noSubresource(kind: ServedKind, subresource: string): ApiError {
  return new ApiError(
    'NotFound',
    `the server could not find the requested resource: ${kind.plural} has no subresource "${subresource}"`,
  );
}

/** What a body says of its own name, before anything is known to be right about it. */
function namesIn(body: unknown): {
  readonly name: string | undefined;
  readonly namespace: string | undefined;
} {
  const metadata = isRecord(body) ? body['metadata'] : undefined;
  const text = (field: string): string | undefined => {
    const value = isRecord(metadata) ? metadata[field] : undefined;
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  return { name: text('name'), namespace: text('namespace') };
}

function versionOf(result: unknown): number | undefined {
  const stored = isRecord(result) ? result['stored'] : undefined;
  const version = isRecord(stored) ? stored['resourceVersion'] : undefined;
  return typeof version === 'number' ? version : undefined;
}
