/**
 * The registry: the one place where objects are read and changed, whoever asks and through whichever door. Each verb
 * reads like its walk: authorize, do it (`Reads`, `Writes`), tell the audit.
 */
import type { Client, DeleteOptions } from '../../machinery/client.ts';
import { ApiError, type Status } from '../../machinery/errors.ts';
import type { HistoryOptions, ObjectHistory } from '../../machinery/history.ts';
import type { Identity } from '../../machinery/identity.ts';
import type { Log } from '../../machinery/log.ts';
import type { DynamicObject, ObjectKey } from '../../machinery/meta.ts';
import { pinnedName } from '../../machinery/selectors.ts';
import type { Store } from '../../store/store.ts';
import type { Audit, AuditOutcome } from './access/audit/audit.ts';
import type { TokenAuthenticator } from './access/authenticate.ts';
import type { Authorizer, Passage } from './access/authorize.ts';
import { signed } from './authors.ts';
import { readBinding } from './binding/binding.ts';
import { readEviction } from './binding/eviction.ts';
import type { StoreFeed } from './cache/storefeed.ts';
import { deleteSelected } from './collections.ts';
import type { Commits, Judge } from './commits.ts';
import type { Deletes } from './deletes.ts';
import { withoutStatus } from './idempotency.ts';
import { InProcessClient } from './inprocess.ts';
import type { Definitions } from './kinds/definitions.ts';
import type { Kinds, ServedEntry } from './kinds/kinds.ts';
import type { RegistryMetrics } from './metrics.ts';
import type { Reads } from './reads.ts';
import { isChange, nameRequested, namesIn, requestOf } from './requested.ts';
import { isTokenRequest, type TokenRequests } from './reviews/tokenrequests.ts';
import { SCALE, storedScale } from './scale.ts';
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
  RequestOrigin,
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
  readonly kinds: Kinds;
  readonly feed: StoreFeed;
  /** What follows the definitions of users, until the registry closes. */
  readonly definitions: Definitions;
  readonly reads: Reads;
  readonly commits: Commits;
  readonly writes: Writes;
  readonly deletes: Deletes;
  readonly reviews: readonly Review[];
  readonly authorizer: Authorizer;
  readonly audit: Audit;
  readonly tokens: TokenAuthenticator;
  readonly tokenRequests: TokenRequests;
  readonly refusalsOf: RegistryMetrics['refusalsOf'];
}

export class StoreRegistry implements Registry {
  readonly #parts: RegistryParts;
  readonly #running = new Set<Promise<unknown>>();
  #isClosing = false;

  constructor(parts: RegistryParts) {
    this.#parts = parts;
  }

  as(identity: Identity): Client {
    return new InProcessClient(this, { identity });
  }

  kinds(): readonly ServedKind[] {
    return this.#parts.kinds.list();
  }

  findKind(group: string, version: string, plural: string): ServedKind | undefined {
    return this.#parts.kinds.find({ group, version, plural })?.entry.kind;
  }

  async settleKinds(signal?: AbortSignal): Promise<void> {
    const { store, reads, definitions } = this.#parts;
    if (!store.isShared) return;
    try {
      await reads.catchUp(signal);
    } catch (error) {
      throw apiErrorFromStore(error);
    }
    await definitions.settled(signal);
  }

  mayTryAgain(attempt: number): Promise<boolean> {
    return this.#parts.commits.mayTryAgain(attempt);
  }

  get(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options: ReadOptions = {},
  ): Promise<StoredObject> {
    const request = requestOf('get', kind, { ...key, subresource: options.subresource });
    return this.#run(context, request, async () => {
      const { visible } = await this.#checkRead(context, request, options.signal);
      const served = this.#servedFor(kind, options.subresource);
      const stored = await this.#parts.reads.get(served, key, options, visible);
      return options.subresource === SCALE ? storedScale(served.entry, stored) : stored;
    });
  }

  history(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options: HistoryOptions = {},
  ): Promise<ObjectHistory> {
    const request = requestOf('get', kind, key);
    return this.#run(context, request, async () => {
      const { visible } = await this.#checkRead(context, request, options.signal);
      return this.#parts.reads.history(this.#servedFor(kind), key, options, visible, context.identity.name);
    });
  }

  list(context: RequestContext, kind: ServedKind, options: RegistryListOptions = {}): Promise<StoredList> {
    const request = requestOf('list', kind, { ...options, name: pinnedName(options.fieldSelector) });
    return this.#run(context, request, async () => {
      const { visible } = await this.#checkRead(context, request, options.signal);
      return this.#parts.reads.list(this.#servedFor(kind), options, visible, context.identity.name);
    });
  }

  watch(
    context: RequestContext,
    kind: ServedKind,
    options: RegistryWatchOptions = {},
  ): Promise<AsyncIterable<StoredWatchEvent>> {
    const request = requestOf('watch', kind, { ...options, name: pinnedName(options.fieldSelector) });
    return this.#run(context, request, async () => {
      const { visible } = await this.#checkRead(context, request, options.signal);
      return this.#parts.reads.watch(this.#servedFor(kind), options, visible);
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
    return this.#write(context, request, 201, options, body, async (judge) => {
      if (options.subresource !== undefined) throw noSubresource(kind, options.subresource);
      const { entry } = this.#servedFor(kind);
      const named = signed(context, request, options);
      const answer = await this.#parts.writes.create(entry, body, named, judge);
      // What was there already: who may only create is shown what they asked for, not what has become of it.
      const read = { ...request, verb: 'get', name: answer.stored.object.metadata.name };
      if (context.origin !== undefined) nameRequested(read);
      const isShown = answer.isCreated || this.#parts.authorizer.evaluate(context.identity, read).isAllowed;
      return isShown ? answer : { ...answer, stored: withoutStatus(answer.stored) };
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
    return this.#write(context, request, 200, options, body, (judge) => {
      const { entry } = this.#servedFor(kind, options.subresource);
      return this.#parts.writes.update(entry, key, body, signed(context, request, options), judge);
    });
  }

  patch(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    patch: RegistryPatch,
    options: RegistryWriteOptions = {},
  ): Promise<WriteResult> {
    const request = requestOf('patch', kind, { ...key, subresource: options.subresource });
    return this.#write(context, request, 200, options, patch.body, (judge) => {
      const { entry } = this.#servedFor(kind, options.subresource);
      const mayApply: Judge = (before, after) => {
        // An apply that creates needs the permission to create, too.
        if (before === undefined) this.#check(context, { ...request, verb: 'create' });
        judge(before, after);
      };
      return this.#parts.writes.patch(entry, key, patch, signed(context, request, options), mayApply);
    });
  }

  delete(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options: DeleteOptions = {},
  ): Promise<DeleteResult> {
    const request = requestOf('delete', kind, key);
    return this.#write(context, request, 200, options, undefined, async (judge) => {
      const { entry } = this.#servedFor(kind);
      if (!entry.kind.verbs.includes('delete')) {
        throw new ApiError('MethodNotAllowed', `${kind.plural} cannot be deleted`);
      }
      return this.#parts.deletes.delete(entry, key, signed(context, request, options), judge);
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
    return this.#write(context, request, 200, options, undefined, async (judge) => {
      const items = await deleteSelected(
        this.#parts,
        this.#servedFor(kind),
        signed(context, request, options),
        judge,
      );
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
    return this.#write(context, request, 201, options, body, async (judge) => {
      const { entry } = this.#servedFor(kind, subresource);
      const { writes } = this.#parts;
      const named = signed(context, request, options);
      let status: Status;
      if (isTokenRequest(entry, subresource))
        return this.#parts.tokenRequests.issue(key, body, options.dryRun === true);
      if (isBinding(entry, subresource)) {
        status = await writes.bind(entry, key, readBinding(body, key), named, judge);
      } else if (isEviction(entry, subresource)) {
        const eviction = readEviction(body, key);
        const isDryRun = eviction.isDryRun || options.dryRun === true;
        status = await writes.evict(entry, key, { ...eviction, isDryRun }, named, judge);
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
    const { authorizer, audit } = this.#parts;
    // Over a wire, how it ends is told by the server, which alone sees it.
    if (context.origin !== undefined) context.origin.request = request;
    try {
      authorizer.check(context.identity, request);
    } catch (error) {
      const translated = apiErrorFromStore(error);
      if (context.origin === undefined) audit.begin(context, { request })?.end({ error: translated });
      throw translated;
    }
  }

  authorizePath(context: RequestContext, verb: string, path: string): void {
    this.#parts.authorizer.checkPath(context.identity, verb, path);
  }

  async authenticate(token: string): Promise<Identity | undefined> {
    return (await this.#parts.tokens.authenticate(token)).identity;
  }

  auditRequest(
    context: RequestContext | undefined,
    origin: RequestOrigin,
    path: { readonly verb: string; readonly path: string },
    outcome: AuditOutcome,
  ): void {
    const { request } = origin;
    this.#parts.audit.request(context, origin, request === undefined ? path : { request }, outcome);
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
    await this.#parts.definitions.close();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    await this.#parts.audit.close();
  }

  /** Authorizes, waits until the caches hold the present, and writes. */
  #write<T>(
    context: RequestContext,
    request: AccessRequest,
    code: number,
    options: { readonly signal?: AbortSignal },
    body: unknown,
    work: (judge: Judge) => Promise<T>,
  ): Promise<T> {
    return this.#run(
      context,
      request,
      async () => {
        this.#check(context, request);
        await this.#parts.reads.catchUp(options.signal);
        return this.#parts.refusalsOf(request, () => work(this.#judge(context, request)));
      },
      { code, body },
    );
  }

  #check(context: RequestContext, request: AccessRequest): Passage {
    const { identity, face } = context;
    return this.#parts.authorizer.check(identity, face === undefined ? request : { ...request, face });
  }

  async #checkRead(
    context: RequestContext,
    request: AccessRequest,
    signal: AbortSignal | undefined,
  ): Promise<Passage> {
    const { authorizer, reads } = this.#parts;
    if (authorizer.needsPresent(context.identity, request)) await reads.catchUp(signal);
    return this.#check(context, request);
  }

  #judge({ identity }: RequestContext, request: AccessRequest): Judge {
    return (before, after) => {
      const name = request.name ?? (after ?? before)?.metadata.name;
      const judged = name === undefined ? request : { ...request, name };
      this.#parts.authorizer.judge({ identity, request: judged, before, after });
    };
  }

  /** Runs one call: refused once the registry closes, waited for by `close`, errors translated, its end audited. */
  async #run<T>(
    context: RequestContext,
    request: AccessRequest,
    work: () => Promise<T>,
    { code, body }: { readonly code: number; readonly body?: unknown } = { code: 200 },
  ): Promise<T> {
    if (this.#isClosing) throw unavailable('the server is shutting down');
    const { origin } = context;
    const isWatch = request.verb === 'watch';
    // Over a wire, the end of a watch is the server's to tell.
    if (origin !== undefined) {
      if (isWatch) origin.request = request;
      origin.told = isWatch ? 'beginning' : 'everything';
    }
    // What a request changes is what its log lines are about, whatever it has to read for that.
    if (origin !== undefined && isChange(request)) nameRequested(request);
    const call = this.#parts.audit.begin(context, { request }, body);
    const running = work();
    this.#running.add(running);
    try {
      const answer = await running;
      if (isWatch) call?.tell('ResponseStarted', { code });
      else call?.end({ code, responseObject: answer });
      return answer;
    } catch (error) {
      const translated = apiErrorFromStore(error);
      if (translated.reason === 'InternalError')
        this.#parts.log.error({ err: error }, 'a request failed inside');
      if (!isWatch || origin === undefined) call?.end({ error: translated });
      throw translated;
    } finally {
      this.#running.delete(running);
    }
  }

  /** The kind as it is served now, which may be newer than the one the caller holds. */
  #servedFor(kind: ServedKind, subresource?: string): ServedEntry {
    const served = this.#parts.kinds.find(kind);
    if (served === undefined)
      throw new ApiError('NotFound', 'the server could not find the requested resource');
    if (
      subresource !== undefined &&
      !served.entry.kind.subresources.some(({ name }) => name === subresource)
    ) {
      throw noSubresource(kind, subresource);
    }
    return served;
  }
}

function noSubresource(kind: ServedKind, subresource: string): ApiError {
  return new ApiError(
    'NotFound',
    `the server could not find the requested resource: ${kind.plural} has no subresource "${subresource}"`,
  );
}
