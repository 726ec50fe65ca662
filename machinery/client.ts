/**
 * `Client`: the one way anything reads or changes objects.
 *
 * Two implementations keep this promise and one conformance suite holds them to it: the registry's in-process client
 * (`registry.as(identity)`) and the HTTP client. Admission, authorization and audit run the same behind both.
 *
 * Every method rejects with `ApiError` and with nothing else the caller is expected to handle. Objects handed out are
 * shared and frozen in process: copy before changing.
 */
import type { DynamicObject, KubeObject, ObjectKey, ObjectList, Resource } from './meta.ts';

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** The moment of the past that a read was of. */
export interface ReadMoment {
  readonly revision: number;
  /** Wall time asked for, milliseconds since the epoch; undefined when a revision was. */
  readonly timeMs: number | undefined;
}

/** Which moment a read is of; without any of them, of the present. */
export interface MomentOptions {
  /** `0` whatever is at hand, another one that or something newer; with `Exact` just that. */
  readonly resourceVersion?: string;
  /** `Exact` or `NotOlderThan`. `Exact` also for a get, which Kubernetes does not have. */
  readonly resourceVersionMatch?: string;
  /**
   * Of this time: RFC 3339, or a duration back from now such as `-10m`. Gantry's own, alone. `Expired` says since when
   * the past is kept.
   */
  readonly at?: string;
  /** Told before the answer of a read by `at` or `Exact`, and of its further pages; from other servers never. */
  readonly onMoment?: (moment: ReadMoment) => void;
}

export interface GetOptions extends CallOptions, MomentOptions {}

export interface WriteOptions extends CallOptions {
  /** Everything runs but the commit; the answer is what would have been stored. */
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  readonly subresource?: string;
}

export interface ListOptions extends CallOptions, MomentOptions {
  /** Absent: all namespaces (or a cluster-scoped kind). */
  readonly namespace?: string;
  /** Kubernetes label selector syntax, all operators. */
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
}

export interface WatchOptions extends CallOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this version. Absent or `0`: first ADDED for all that exists, then events. */
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  /** Told once it is known that the watch can begin (allowed, its version kept), before the first event if there is one. */
  readonly onStart?: () => void;
}

export interface DeleteOptions extends CallOptions {
  readonly gracePeriodSeconds?: number;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly dryRun?: boolean;
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  /** Everything up to this version has been delivered. */
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export type Patch =
  | { readonly type: 'merge'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  /** Strategic merge: lists merge by the keys their schema names. Only for Kubernetes' own kinds, 415 for others. */
  | { readonly type: 'strategic'; readonly body: unknown }
  /**
   * Server-side apply: the whole wish of one field manager (`WriteOptions.fieldManager`, required). Creates the object
   * when there is none. `isForced` takes fields from other managers instead of failing with `Conflict`.
   */
  | { readonly type: 'apply'; readonly body: unknown; readonly isForced?: boolean };

export interface Client {
  get<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: GetOptions): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options?: ListOptions): Promise<ObjectList<T>>;
  /**
   * In order, no gap, no repeat. Ends quietly when the signal aborts or the server shuts down; throws
   * `ApiError('Expired')` when the asked-for version is gone, in which case: list again.
   */
  watch<T extends KubeObject>(resource: Resource<T>, options?: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** The namespace and the name are the object's own. */
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  /** With `metadata.resourceVersion` set, refused with `Conflict` if the object changed since. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>;
  /** The object as it was last seen: gone, or still there with a deletionTimestamp while finalizers hold it. */
  delete<T extends KubeObject>(resource: Resource<T>, key: ObjectKey, options?: DeleteOptions): Promise<T>;
  /** POST to a subresource that is an act rather than a part, such as `tasks/binding`. */
  post(
    resource: Resource<KubeObject>,
    key: ObjectKey,
    subresource: string,
    body: DynamicObject,
    options?: WriteOptions,
  ): Promise<DynamicObject>;
}
