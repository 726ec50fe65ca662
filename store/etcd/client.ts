/**
 * What the etcd engine asks of an etcd cluster: its v3 API reduced to what is used, in plain values. `connection.ts`
 * gives it over gRPC.
 *
 * Promises of every call: it ends by a deadline of its own or when the signal aborts; it asks another member when one
 * does not answer; it rejects with `StoreError` and with nothing else:
 * - `Unavailable`: no member answered, or there is no leader or quorum. For `txn` the message says whether the write was
 *   certainly not made or may have been: only what certainly was not made is tried again inside.
 * - `ReadOnly`: etcd's space quota is used up (its NOSPACE alarm); reads go on.
 * - `Compacted`: the revision asked for is gone. `TooLarge`: the request is over the server's limit.
 * Source of names and semantics: etcd API reference v3.4, `rpc.proto` and `kv.proto`.
 */

export interface EtcdHeader {
  /** Of the etcd cluster, in decimal; another one after etcd itself was restored from a snapshot. */
  readonly clusterId: string;
  /** Of the whole etcd at the moment of the answer. */
  readonly revision: number;
}

export interface EtcdKeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** 0 is what an absent key has. */
export interface EtcdCompare {
  readonly key: string;
  readonly target: 'modRevision' | 'createRevision' | 'version';
  readonly equals: number;
}

export interface EtcdRange {
  readonly kind: 'range';
  readonly key: string;
  /** Absent: the one key. Otherwise up to, without, this key. */
  readonly end?: string;
  /** 0 or absent is no limit; answers are bounded by the caller's paging, not by the transport. */
  readonly limit?: number;
  /** As of this revision; absent is now. */
  readonly revision?: number;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** May be answered by a member that lags; absent is linearizable. */
  readonly isSerializable?: boolean;
}

export type EtcdOperation =
  | EtcdRange
  | { readonly kind: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly key: string; readonly end?: string }
  | ({ readonly kind: 'txn' } & EtcdTxn);

/** All of `success` when every comparison holds, otherwise all of `failure`. */
export interface EtcdTxn {
  readonly compare: readonly EtcdCompare[];
  readonly success: readonly EtcdOperation[];
  readonly failure: readonly EtcdOperation[];
}

export interface EtcdRangeAnswer {
  readonly kind: 'range';
  readonly items: readonly EtcdKeyValue[];
  readonly more: boolean;
  readonly count: number;
}

export type EtcdAnswer =
  | EtcdRangeAnswer
  | { readonly kind: 'put' }
  | { readonly kind: 'delete'; readonly deleted: number }
  | { readonly kind: 'txn'; readonly succeeded: boolean; readonly answers: readonly EtcdAnswer[] };

export interface EtcdTxnAnswer {
  readonly header: EtcdHeader;
  readonly succeeded: boolean;
  readonly answers: readonly EtcdAnswer[];
}

export interface EtcdEvent {
  readonly kind: 'put' | 'delete';
  /** Of a delete only key and modRevision mean something. */
  readonly current: EtcdKeyValue;
  /** Undefined when there was none, or when it is compacted. */
  readonly previous: EtcdKeyValue | undefined;
}

export interface EtcdWatchBatch {
  /** In etcd's order: by revision, and within one as the transaction wrote them. A revision may go on in the next batch. */
  readonly events: readonly EtcdEvent[];
  /** The server's revision when it sent this; with everything of the watched range up to it, unless `isFragment`. */
  readonly revision: number;
  /** True when more events of the same answer follow in the next batch. */
  readonly isFragment: boolean;
}

export interface EtcdWatch {
  readonly key: string;
  readonly end: string;
  /** The first revision to tell of. */
  readonly startRevision: number;
  readonly signal: AbortSignal;
  /** Told when the server has set the watch up, and again after every reconnection. */
  readonly onOpen?: () => void;
}

export interface EtcdStatus {
  readonly header: EtcdHeader;
  readonly version: string;
  /** Of this member's database file, bytes; `inUse` without what is free inside it. */
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  /** How far the file may grow before etcd takes no more writes; undefined where this etcd does not tell, as before 3.6. */
  readonly dbSizeQuota?: number;
  readonly hasNoSpaceAlarm: boolean;
}

export interface EtcdClient {
  range(
    range: Omit<EtcdRange, 'kind'>,
    signal?: AbortSignal,
  ): Promise<EtcdRangeAnswer & { readonly header: EtcdHeader }>;
  txn(txn: EtcdTxn, signal?: AbortSignal): Promise<EtcdTxnAnswer>;
  /**
   * Events with their previous values, from the start revision on: no gap, no repeat, over lost connections and
   * changes of leader. Ends quietly on abort; throws `Compacted` when the past asked for is gone, `Unavailable` for
   * what trying again cannot help (no permission), and never just because a member does not answer.
   */
  watch(watch: EtcdWatch): AsyncIterable<EtcdWatchBatch>;
  /** Forgets history before this revision, for the whole etcd; content when that is done already. */
  compact(revision: number, signal?: AbortSignal): Promise<void>;
  status(signal?: AbortSignal): Promise<EtcdStatus>;
  close(): Promise<void>;
}

/** How an etcd is reached. */
export interface EtcdEndpoints {
  /** `host:port`, at least one. */
  readonly endpoints: readonly string[];
  /** Absent: plain text. All PEM. */
  readonly tls?: { readonly ca?: string; readonly certificate?: string; readonly key?: string };
  readonly user?: { readonly name: string; readonly password: string };
}
