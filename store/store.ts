/**
 * `Store`: keys, bytes, revisions. No kinds, no JSON.
 *
 * The promise, the same for every engine and held by one conformance suite (`test/store/conformance.ts`):
 * - One global revision that only grows. Every write of a key has a revision of its own; a commit of several writes
 *   takes consecutive ones, and reads see either all of a commit or nothing. Between two commits numbers may be left
 *   out: revisions are compared, never counted.
 * - A commit is acknowledged when it is durable, never earlier. Watchers hear of it after that, in revision order,
 *   exactly once each.
 * - Failures are told as `StoreError`; a failed precondition is an answer, not an error.
 * Source of the model: etcd's KV and watch API guarantees.
 */

/** No object may be larger on any engine. */
export const MAX_VALUE_BYTES = 1024 * 1024;
/** All keys, values and notes of one commit together: what fits into one request to etcd with its default limits. */
export const MAX_COMMIT_BYTES = 1.25 * 1024 * 1024;
/** Writes in one commit: what fits into one nested transaction of etcd with its default limits. A noted delete is two. */
export const MAX_COMMIT_WRITES = 100;
/** Of a note, in UTF-8. */
export const MAX_NOTE_BYTES = 4096;

export interface KeyValue {
  readonly key: string;
  /** The bytes as they were put. Shared: never change them. */
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Writes since the key was created, from 1. */
  readonly version: number;
  /** Wall time of the last write, milliseconds since the epoch. */
  readonly writtenAtMs: number;
  /** What the writer noted beside the value, such as who it was; no part of it. */
  readonly note?: string;
}

/** What must hold for a write to go in. */
export type Precondition =
  | { readonly kind: 'absent' }
  | { readonly kind: 'modRevision'; readonly modRevision: number }
  | { readonly kind: 'none' };

export type Write =
  | {
      readonly kind: 'put';
      readonly key: string;
      readonly value: Uint8Array;
      readonly precondition: Precondition;
      /** Kept with the write, for `history`; encrypted where the value is. */
      readonly note?: string;
    }
  /** Deleting an absent key with precondition `none` is a write that changes nothing. */
  | {
      readonly kind: 'delete';
      readonly key: string;
      readonly precondition: Precondition;
      readonly note?: string;
    };

export type CommitResult =
  | {
      readonly ok: true;
      /** The store's revision after the commit. */
      readonly revision: number;
      /** One for each write, in order: the revision it got; undefined for a delete that found nothing. */
      readonly modRevisions: readonly (number | undefined)[];
      readonly writtenAtMs: number;
    }
  | {
      readonly ok: false;
      /** Index of the first write whose precondition failed. */
      readonly failed: number;
      /** What that key holds now. */
      readonly current: KeyValue | undefined;
      readonly revision: number;
    };

export interface GetOptions {
  /** As of this revision; absent is now. */
  readonly revision?: number;
}

export interface RangeOptions {
  /** At most this many keys. */
  readonly limit?: number;
  /** Only keys after this one. */
  readonly after?: string;
  /** As of this revision; absent is now. */
  readonly revision?: number;
}

export interface RangeResult {
  readonly items: readonly KeyValue[];
  /** The revision the answer is true for: pass it on to read the next page of the same moment. */
  readonly revision: number;
  readonly more: boolean;
}

/** One write of one key, as watchers see it. */
export interface StoreEvent {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  readonly writtenAtMs: number;
  /** The new value; undefined for a delete. */
  readonly current: KeyValue | undefined;
  /** The value before; undefined for the first put. */
  readonly previous: KeyValue | undefined;
}

export interface WatchBatch {
  /** In revision order; empty in a pure progress mark. */
  readonly events: readonly StoreEvent[];
  /** Everything up to this revision has been delivered. */
  readonly revision: number;
}

export interface StoreWatchOptions {
  /** Events with a revision greater than this one. */
  readonly afterRevision: number;
  readonly signal: AbortSignal;
  /** One more batch, which may be empty, as soon as all that was written before the call has been told. */
  readonly marksPresent?: boolean;
}

export interface HistoryQuery {
  /** At most this many. */
  readonly limit: number;
  /** Only what was written before this revision. */
  readonly beforeRevision?: number;
  readonly signal?: AbortSignal;
}

/** One write of one key, as its history has it. */
export interface StoreVersion {
  readonly kind: 'put' | 'delete';
  readonly revision: number;
  readonly writtenAtMs: number;
  readonly note: string | undefined;
  /** What was put; undefined for a delete. */
  readonly current: KeyValue | undefined;
}

export interface StoreHistory {
  /** Newest first. A page may be smaller than was asked for. */
  readonly versions: readonly StoreVersion[];
  /** Older ones are there. */
  readonly more: boolean;
  /** What was before is gone; the value that was there at this revision is the last that is told. */
  readonly oldestRevision: number;
}

/** A moment in the store's past. */
export interface StoreMoment {
  readonly revision: number;
  /** Wall time of that revision's write; undefined when the store holds no write to tell it by. */
  readonly writtenAtMs: number | undefined;
}

export interface OldestMoment extends StoreMoment {
  /** Of a store that has forgotten nothing: the wall time of its first write, or of its making where it knows that. */
  readonly beganAtMs?: number | undefined;
}

export interface StoreSize {
  readonly keys: number;
  /** On disk, or in memory for an engine without a disk. */
  readonly bytes: number;
}

/** What a new store begins with, for a cluster that was elsewhere before. */
export interface NewCluster {
  readonly clusterId: string;
  /** Every revision of the store is greater than this one, and the past up to it is gone. */
  readonly afterRevision: number;
}

export interface Store {
  /** Names the cluster whose data this is; given to a new store, never changed. */
  readonly clusterId: string;
  /**
   * True when other processes may write to it at the same time: then `revision()` may be behind what they had
   * acknowledged, `latestRevision()` never is, and work that only one may do needs an election.
   */
  readonly isShared: boolean;
  /** Throws `Compacted` for a revision that is gone, `Unavailable` for one that is not written yet. */
  get(key: string, options?: GetOptions): Promise<KeyValue | undefined>;
  /**
   * Keys that start with `prefix`, in byte order. A revision inside a commit stands for that commit's end. Throws as
   * `get` does.
   */
  range(prefix: string, options?: RangeOptions): Promise<RangeResult>;
  /**
   * What became of a key: its writes, newest first, deletes among them, as far as the past is kept; never throws
   * `Compacted`. A delete that was made without a note may be missing, and with it what was before it.
   */
  history(key: string, query: HistoryQuery): Promise<StoreHistory>;
  /** All or nothing. At most one write per key. */
  commit(writes: readonly Write[]): Promise<CommitResult>;
  /**
   * Events of keys that start with any of the prefixes: no gap, no repeat, in order. Ends when the signal aborts or
   * the store closes; throws `Compacted` when the past asked for is gone or the reader fell too far behind.
   */
  watch(prefixes: readonly string[], options: StoreWatchOptions): AsyncIterable<WatchBatch>;
  /** The revision of the last acknowledged commit that this process knows of. */
  revision(): number;
  /**
   * The revision of the last commit acknowledged to anybody, at some moment between the call and the answer; watches
   * reach it. Throws `Unavailable` when nobody can tell, such as an etcd without a quorum.
   */
  latestRevision(signal?: AbortSignal): Promise<number>;
  /**
   * The newest moment written at or before a wall time: what a reader of the past by time reads at. As right as the
   * writers' clocks. Throws `Compacted` when the time is before the oldest moment kept; a time in the future is now.
   */
  momentAt(timeMs: number): Promise<StoreMoment>;
  /**
   * The oldest moment at which keys under the prefix can still be read: some keep a shorter past than others. Without
   * a prefix, of the store as a whole.
   */
  oldestMoment(prefix?: string): Promise<OldestMoment>;
  /** Forgets history up to and including this revision; current values stay. */
  compact(revision: number): Promise<void>;
  /**
   * Keeps the past from a revision on, as far as this process decides about it, until what it gives is called: for long
   * reads at one revision.
   */
  holdHistory(revision: number): () => void;
  /** The newest revision whose past is gone. */
  compactedRevision(): number;
  size(): Promise<StoreSize>;
  /** Finishes accepted commits, then closes; later calls throw `Unavailable`. */
  close(): Promise<void>;
}
