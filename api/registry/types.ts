/** What the registry offers to the HTTP server and the doors, beside the in-process `Client`. */
import type {
  Client,
  DeleteOptions,
  GetOptions,
  ListOptions,
  WatchOptions,
  WriteOptions,
} from '../../machinery/client.ts';
import type { ApiError } from '../../machinery/errors.ts';
import type { HistoryOptions, ObjectHistory } from '../../machinery/history.ts';
import type { Identity } from '../../machinery/identity.ts';
import type { DynamicObject, ObjectKey, Resource } from '../../machinery/meta.ts';
import type { KindVersion, PrinterColumn } from '../../schemas/crd.ts';

/** One served version of one kind, ready to be routed. */
export interface ServedKind extends Resource {
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Verbs in Kubernetes' spelling: create, delete, deletecollection, get, list, patch, update, watch. */
  readonly verbs: readonly string[];
  readonly columns: readonly PrinterColumn[];
  readonly definition: KindVersion;
  /** What whoever uses this version is warned of, in a `Warning` header. */
  readonly deprecation?: string;
  /** Subresources such as `status` and `binding`, with their verbs. */
  readonly subresources: readonly {
    readonly name: string;
    readonly verbs: readonly string[];
    readonly kind?: string;
  }[];
}

/** An object together with the bytes it is served as (its JSON with resourceVersion in it). Both are shared: frozen. */
export interface StoredObject {
  readonly object: DynamicObject;
  readonly json: Uint8Array;
  readonly resourceVersion: number;
}

export interface StoredList {
  /** The very same array as long as nothing in an unfiltered list changed: what is made from it can be kept. */
  readonly items: readonly StoredObject[];
  readonly resourceVersion: number;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** One change as watchers of one kind see it; shared by all of them. */
export interface StoredEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly stored: StoredObject;
  /** What the object was before a MODIFIED, so that views can tell transitions; undefined for ADDED and DELETED. */
  readonly previous: StoredObject | undefined;
  /** The complete watch frame `{"type":…,"object":…}\n`, encoded once. */
  readonly frame: () => Uint8Array;
}

export type StoredWatchEvent =
  | StoredEvent
  | {
      readonly type: 'BOOKMARK';
      readonly resourceVersion: number;
      /** True once, at the end of the initial ADDED events that `sendInitialEvents` asked for. */
      readonly isInitialEnd?: boolean;
    };

/** The name under which a view is asked for: a permission on it is as good as one on the object behind it. */
export interface FaceAsked {
  readonly group: string;
  readonly resource: string;
  /** What is done to the face, where that is another verb than what it means for the object. */
  readonly verb?: string;
  /** The subresource of the face; absent: as asked of the object; null: the face itself. */
  readonly subresource?: string | null;
}

/** Who asks and through which door, for authorization and audit. */
export interface RequestContext {
  /** Whom the request acts as. */
  readonly identity: Identity;
  /** Who really asks, when they act as somebody else (`kubectl --as`). */
  readonly impersonator?: Identity;
  readonly userAgent?: string;
  /** Absent for calls that came over no wire. */
  readonly origin?: RequestOrigin;
  /** Set by the catalog while it reads or writes what is behind a view. */
  readonly face?: FaceAsked;
}

/** Where a request over a wire came from, for the audit. */
export interface RequestOrigin {
  readonly auditId: string;
  readonly uri: string;
  readonly sourceIps: readonly string[];
  /** Wall time, milliseconds. */
  readonly receivedMs: number;
  /** What of the registry it asked for, as soon as that is known; written by the registry. */
  request?: AccessRequest;
  /** How much of it the registry has told the audit itself; written by the registry. */
  told: 'nothing' | 'beginning' | 'everything';
}

export interface ReadOptions extends GetOptions {
  /** `status` reads the same object; only the permission asked for differs. */
  readonly subresource?: string;
}

/** What somebody wants to do to a resource, for authorization alone. */
export interface AccessRequest {
  /** Kubernetes' verbs: get, list, watch, create, update, patch, delete, deletecollection. */
  readonly verb: string;
  readonly group: string;
  /** For the audit; rights are the same for all versions. */
  readonly version?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** Another name for what is asked: either permission will do. */
  readonly face?: FaceAsked;
}

export type RegistryListOptions = ListOptions;

export interface RegistryWatchOptions extends WatchOptions {
  readonly resourceVersionMatch?: string;
  readonly sendInitialEvents?: boolean;
  /** One BOOKMARK as soon as everything has been told that had happened when the watch began. */
  readonly marksPresent?: boolean;
}

export interface RegistryWriteOptions extends WriteOptions {
  /** The namespace in the request's path: the body's must be absent or the same. */
  readonly namespace?: string;
  /** Paths of keys that the body gave more than once, for `fieldValidation`. */
  readonly duplicates?: readonly string[];
}

export interface WriteResult {
  readonly stored: StoredObject;
  /** True when the object did not exist before (201 rather than 200). */
  readonly isCreated: boolean;
  /** For `Warning` headers. */
  readonly warnings: readonly string[];
}

export interface DeleteResult {
  readonly stored: StoredObject;
  /** False while finalizers hold the object. */
  readonly isGone: boolean;
}

export type RegistryPatch =
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: unknown }
  | { readonly type: 'strategic'; readonly body: unknown }
  | { readonly type: 'apply'; readonly body: unknown; readonly isForced?: boolean };

/** Deletes everything of a kind that the selectors select, one object after another, each with its own checks. */
export interface DeleteCollectionOptions extends DeleteOptions {
  /** At most this many, the first in key order; absent or 0 is all. */
  readonly limit?: number;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * A kind that is asked and not stored (SelfSubjectAccessReview, TokenReview, …): creating one answers it.
 * Source: Kubernetes API conventions, "Types (Kinds)": simple, virtual resources.
 */
export interface Review {
  /** Its only verb is create. */
  readonly kind: ServedKind;
  /** The body with its status filled in. Throws `ApiError`; authorizes itself. `namespace` is the path's. */
  answer(context: RequestContext, body: DynamicObject, namespace: string | undefined): Promise<DynamicObject>;
}

/**
 * The one place where objects are read and changed. Every method authorizes, and writes go through admission and
 * audit, whoever asks and through whichever door. Rejects with `ApiError` (store errors are translated here).
 */
export interface Registry {
  /** The `Client` of one identity, without a wire in between. */
  as(identity: Identity): Client;
  kinds(): readonly ServedKind[];
  findKind(group: string, version: string, plural: string): ServedKind | undefined;
  /**
   * Resolves once every kind that was established before the call is served here, also when another server on the same
   * store established it; at once where there is none. For some seconds at most: whoever asked then looks again.
   */
  settleKinds(signal?: AbortSignal): Promise<void>;
  /**
   * Whether to read and decide once more after so many tries that somebody else was faster with; resolves when to. One
   * rule for all who do: more often, and after pauses, where other servers write to the store, too.
   */
  mayTryAgain(attempt: number): Promise<boolean>;
  get(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options?: ReadOptions,
  ): Promise<StoredObject>;
  /**
   * What became of an object, also of one that is deleted: with the permission to get it. Throws `NotFound` for a name
   * that nothing is known of, `BadRequest` for kinds whose past is not kept.
   */
  history(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options?: HistoryOptions,
  ): Promise<ObjectHistory>;
  list(context: RequestContext, kind: ServedKind, options?: RegistryListOptions): Promise<StoredList>;
  /**
   * Resolves once the start is known to be possible (authorized, revision still kept), so that the server can still
   * answer with a status code; the iterable then ends quietly on abort and on `close`.
   */
  watch(
    context: RequestContext,
    kind: ServedKind,
    options?: RegistryWatchOptions,
  ): Promise<AsyncIterable<StoredWatchEvent>>;
  create(
    context: RequestContext,
    kind: ServedKind,
    body: unknown,
    options?: RegistryWriteOptions,
  ): Promise<WriteResult>;
  update(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    body: unknown,
    options?: RegistryWriteOptions,
  ): Promise<WriteResult>;
  patch(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    patch: RegistryPatch,
    options?: RegistryWriteOptions,
  ): Promise<WriteResult>;
  delete(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<DeleteResult>;
  /** Answers with the objects as they were last seen. */
  deleteCollection(
    context: RequestContext,
    kind: ServedKind,
    options?: DeleteCollectionOptions,
  ): Promise<StoredList>;
  post(
    context: RequestContext,
    kind: ServedKind,
    key: ObjectKey,
    subresource: string,
    body: unknown,
    options?: RegistryWriteOptions,
  ): Promise<DynamicObject>;
  /** Kinds that are asked and not stored. */
  reviews(): readonly Review[];
  /** Throws Forbidden unless the caller may: for what is not an object of the registry, such as `pods/log`. */
  authorize(context: RequestContext, request: AccessRequest): void;
  /** Who a bearer token proves somebody to be; undefined when it proves nothing. */
  authenticate(token: string): Promise<Identity | undefined>;
  /** Tells the audit of a request over a wire that ended without one of the verbs above having told it. */
  auditRequest(
    context: RequestContext | undefined,
    origin: RequestOrigin,
    path: { readonly verb: string; readonly path: string },
    outcome: { readonly code: number } | { readonly error: ApiError },
  ): void;
  /** Authorization of what is not an object: `/metrics`, `/version`. */
  authorizePath(context: RequestContext, verb: string, path: string): void;
  /** True once every kind's cache holds the present; readiness waits for it. */
  isReady(): boolean;
  /** The store's last acknowledged revision. */
  revision(): number;
  /** Ends all watches and lets running writes finish. */
  close(): Promise<void>;
}
