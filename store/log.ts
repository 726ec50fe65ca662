/**
 * `Log`: what an embedded engine must give; `mvcc.ts` makes a `Store` of it.
 *
 * A log is a sequence of rows, one per write, numbered by revision, and the newest row of each key. It knows records
 * (opaque bytes, but for the id of their encryption key), not values, watches or time.
 *
 * What an engine promises:
 * - `append` is one transaction and resolves when it is durable. Each commit of the batch is compared and applied on
 *   its own, in order: a conflict fails that whole commit and no other. If `append` rejects, nothing of the batch
 *   is known to be there: the caller reads `head` again.
 * - Calls take effect, and are answered, in the order they were made.
 * - Rejects with `StoreError` and with nothing else.
 * - The row of the newest revision is never trimmed, so that no revision is ever given twice; nor is that of the floor
 *   while it is the floor, a delete too: by its time one knows when the past begins.
 */
import type { Precondition } from './store.ts';

export interface LogRow {
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  readonly version: number;
  /** The row says that the key was deleted. */
  readonly isDelete: boolean;
  readonly record: Uint8Array;
}

export interface LogWrite {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  readonly record: Uint8Array;
  readonly precondition: Precondition;
  /** The caller holds the row of this revision: if that is the one written over, it need not be sent back. */
  readonly knownRevision: number | undefined;
}

/** What one write did. */
export interface LogEffect {
  readonly revision: number;
  readonly createRevision: number;
  readonly version: number;
  /** The revision of the live row written over; undefined when the key was absent. */
  readonly previousRevision: number | undefined;
  /** That row; undefined when the caller knows it already. */
  readonly previous: LogRow | undefined;
}

export type LogOutcome =
  | {
      readonly ok: true;
      /** The log's revision after this commit. */
      readonly revision: number;
      /** One for each write; undefined for a delete that found nothing. */
      readonly effects: readonly (LogEffect | undefined)[];
    }
  | {
      readonly ok: false;
      readonly failed: number;
      readonly current: LogRow | undefined;
      readonly revision: number;
    };

export interface LogHead {
  /** Names the cluster whose data this is; given once. */
  readonly clusterId: string;
  /** Of the newest durable row. */
  readonly revision: number;
  /** History up to here is gone. */
  readonly floor: number;
  /** The same for keys under `transientPrefixes`; never below `floor`. */
  readonly transientFloor: number;
  readonly transientPrefixes: readonly string[];
}

export interface LogRangeQuery {
  readonly prefix: string;
  readonly after: string | undefined;
  /** Absent is now. A revision inside a commit stands for that commit's end. */
  readonly revision: number | undefined;
  readonly limit: number;
}

export interface LogPage {
  readonly rows: readonly LogRow[];
  readonly revision: number;
  /** True when keys are left, also where the engine stopped before the limit to keep the page small. */
  readonly more: boolean;
}

export interface LogVersions {
  readonly rows: readonly LogRow[];
  /** Older rows are there. */
  readonly more: boolean;
}

export interface LogChange {
  readonly row: LogRow;
  /** The live row it replaced. */
  readonly previous: LogRow | undefined;
}

export interface LogChanges {
  readonly changes: readonly LogChange[];
  /** Everything up to here was looked at. */
  readonly revision: number;
}

export interface LogTrim {
  readonly floor: number;
  readonly transientFloor: number;
  readonly transientPrefixes: readonly string[];
  /** Rows to look at in this slice: what bounds the time it takes. */
  readonly maxRows: number;
}

export interface LogSize {
  readonly keys: number;
  readonly bytes: number;
  /** Without room that is free for reuse. */
  readonly usedBytes: number;
}

export interface Log {
  head(): Promise<LogHead>;
  append(commits: readonly (readonly LogWrite[])[]): Promise<readonly LogOutcome[]>;
  /** The live row of a key, as of a revision or now. */
  read(key: string, revision: number | undefined): Promise<LogRow | undefined>;
  /** Rows of one key, newest first, deletes among them, before a revision or all; a page may end early. */
  versions(key: string, beforeRevision: number | undefined, limit: number): Promise<LogVersions>;
  /** Live rows in byte order of their keys. */
  range(query: LogRangeQuery): Promise<LogPage>;
  /** Rows after a revision in order, of keys under any of the prefixes; looks at `maxRows` at most. */
  changes(afterRevision: number, prefixes: readonly string[], maxRows: number): Promise<LogChanges>;
  /**
   * One slice of forgetting. Sets the floors first (each rounded up to the end of its commit), for good, then walks
   * the rows up to them: of each row its predecessor goes, and the row itself if it is a delete. Rows that an event
   * above the floor needs as its previous value stay.
   */
  trim(request: LogTrim): Promise<{ readonly head: LogHead; readonly isDone: boolean }>;
  size(): Promise<LogSize>;
  /** Ids of the keys that records here are encrypted with (`envelope.ts`), those of the past too. */
  keyIds(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Whether a precondition holds for a key whose live row has this revision. */
export function isMet(precondition: Precondition, revision: number | undefined): boolean {
  switch (precondition.kind) {
    case 'none':
      return true;
    case 'absent':
      return revision === undefined;
    case 'modRevision':
      return revision === precondition.modRevision;
  }
}
