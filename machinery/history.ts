/**
 * What became of one object, version by version: as the registry tells it, and as `gantry history`, `gantry undo` and
 * `gantry why` read it.
 */
import type { DynamicObject } from './meta.ts';

/** Who wrote a version. Kept beside the object in the store, never in it. */
export interface Author {
  /** As authenticated; whom an administrator acted as, not the administrator. */
  readonly user: string;
  /** The real user where somebody acted as `user`. */
  readonly impersonator?: string;
  /** The field manager of the write, where it had one. */
  readonly manager?: string;
  /** Kubernetes' word: create, update, patch, delete, … */
  readonly verb: string;
  /** Of the write, such as `status` or `binding`. */
  readonly subresource?: string;
  readonly requestId?: string;
  /** 32 lower-case hex digits. */
  readonly traceId?: string;
}

export interface ObjectVersion {
  /** The resourceVersion that this write gave. */
  readonly revision: number;
  /** Wall time of the write by the server's clock, milliseconds since the epoch. */
  readonly timeMs: number;
  /** `deleted`: it was gone from then on. A finalizer's wait is a change before that. */
  readonly operation: 'created' | 'changed' | 'deleted';
  /** Undefined where nobody was recorded: a version of a release that did not, or a sweep of the server's own. */
  readonly author: Author | undefined;
  /** As it was written; of a deletion, as it was last. Shared: frozen. */
  readonly object: DynamicObject;
  /** What this write changed, or deleted; absent for what it created, and where the past before it is gone. */
  readonly previous?: DynamicObject;
}

export interface ObjectHistory {
  /** Newest first; of all objects that had the name, one after another. */
  readonly versions: readonly ObjectVersion[];
  /** Older versions there may be: ask with `beforeRevision`. Undefined when these were all that is kept. */
  readonly continueBefore: number | undefined;
  /** The past is kept from here on: what was before is not known. */
  readonly oldestRevision: number;
}

export interface HistoryOptions {
  /** Absent: 100. At most 500. */
  readonly limit?: number;
  /** Only versions older than this revision. */
  readonly beforeRevision?: number;
  /** Also versions that changed nothing but status and managed fields. */
  readonly hasStatus?: boolean;
  /** Looked at, as JSON: fewer versions come where they are large, one at least. Absent, and at most: 32 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}
