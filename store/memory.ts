/**
 * The memory engine: tests and the simulator. The same MVCC code as on disk, nothing durable.
 *
 * Uses no timer and no I/O, only resolved promises, so that a simulated run is the same every time.
 */
import { StoreError } from '../machinery/errors.ts';
import { keyIdOf } from './envelope.ts';
import { compareKeys, hasAnyPrefix, isBeforePage } from './keys.ts';
import {
  isMet,
  type Log,
  type LogChange,
  type LogChanges,
  type LogEffect,
  type LogHead,
  type LogOutcome,
  type LogPage,
  type LogRangeQuery,
  type LogRow,
  type LogSize,
  type LogTrim,
  type LogVersions,
  type LogWrite,
} from './log.ts';

interface MemoryRow extends LogRow {
  readonly previousRevision: number | undefined;
  readonly commitEnd: number;
}

export class MemoryLog implements Log {
  readonly #clusterId: string;
  /** By revision; trimmed ones are missing. */
  readonly #rows = new Map<number, MemoryRow>();
  /** Every key that has rows, in byte order. */
  readonly #keys: string[] = [];
  /** A key's revisions that still have rows, in order. */
  readonly #revisions = new Map<string, number[]>();
  #revision = 0;
  #floor = 0;
  #transientFloor = 0;
  #transientPrefixes: readonly string[] = [];
  #cursor = 0;
  #transientCursor = 0;
  #live = 0;
  #bytes = 0;
  #isClosed = false;

  /**
   * @param clusterId of the cluster that lives and dies with this object.
   * @param afterRevision its revisions are greater than this one.
   */
  constructor(clusterId = 'memory', afterRevision = 0) {
    this.#clusterId = clusterId;
    this.#revision = afterRevision;
    this.#floor = afterRevision;
    this.#transientFloor = afterRevision;
    this.#cursor = afterRevision;
    this.#transientCursor = afterRevision;
  }

  async head(): Promise<LogHead> {
    this.#checkOpen();
    return this.#head();
  }

  async append(commits: readonly (readonly LogWrite[])[]): Promise<readonly LogOutcome[]> {
    this.#checkOpen();
    return commits.map((writes) => this.#commit(writes));
  }

  async read(key: string, revision: number | undefined): Promise<LogRow | undefined> {
    this.#checkOpen();
    return this.#liveRow(key, revision === undefined ? this.#revision : this.#commitEnd(revision));
  }

  async versions(key: string, beforeRevision: number | undefined, limit: number): Promise<LogVersions> {
    this.#checkOpen();
    const revisions = this.#revisions.get(key) ?? [];
    const older =
      beforeRevision === undefined ? revisions : revisions.filter((revision) => revision < beforeRevision);
    const rows = older
      .slice(-limit)
      .reverse()
      .map((revision) => this.#rows.get(revision))
      .filter((row) => row !== undefined);
    return { rows, more: older.length > limit };
  }

  async range(query: LogRangeQuery): Promise<LogPage> {
    this.#checkOpen();
    const revision = query.revision === undefined ? this.#revision : this.#commitEnd(query.revision);
    const rows: LogRow[] = [];
    for (let at = this.#firstIndex(query.prefix, query.after); at < this.#keys.length; at++) {
      const key = this.#keys[at] ?? '';
      if (!key.startsWith(query.prefix)) break;
      const row = this.#liveRow(key, revision);
      if (row === undefined) continue;
      if (rows.length === query.limit) return { rows, revision, more: true };
      rows.push(row);
    }
    return { rows, revision, more: false };
  }

  async changes(afterRevision: number, prefixes: readonly string[], maxRows: number): Promise<LogChanges> {
    this.#checkOpen();
    const changes: LogChange[] = [];
    let revision = afterRevision;
    for (let seen = 0; revision < this.#revision && seen < maxRows; ) {
      revision++;
      const row = this.#rows.get(revision);
      if (row === undefined) continue;
      seen++;
      if (hasAnyPrefix(row.key, prefixes)) changes.push({ row, previous: this.#previousOf(row) });
    }
    return { changes, revision };
  }

  async trim(request: LogTrim): Promise<{ head: LogHead; isDone: boolean }> {
    this.#checkOpen();
    // A delete at the floor stays while that is the floor: by its time one knows when the past begins.
    if (this.#cursor === this.#floor) this.#cursor--;
    if (this.#transientCursor === this.#transientFloor) this.#transientCursor--;
    this.#floor = Math.max(this.#floor, this.#commitEnd(request.floor));
    this.#transientFloor = Math.max(
      this.#transientFloor,
      this.#floor,
      this.#commitEnd(request.transientFloor),
    );
    this.#transientPrefixes = request.transientPrefixes;
    this.#cursor = this.#trimRows(this.#cursor, this.#floor, [''], request.maxRows);
    this.#transientCursor = this.#trimRows(
      Math.max(this.#transientCursor, this.#cursor),
      this.#transientFloor,
      request.transientPrefixes,
      request.maxRows,
    );
    const last = this.#revision - 1;
    const isDone =
      this.#cursor >= Math.min(this.#floor, last) &&
      this.#transientCursor >= Math.min(this.#transientFloor, last);
    return { head: this.#head(), isDone };
  }

  async size(): Promise<LogSize> {
    this.#checkOpen();
    return { keys: this.#live, bytes: this.#bytes, usedBytes: this.#bytes };
  }

  async keyIds(): Promise<readonly number[]> {
    this.#checkOpen();
    const ids = new Set(Array.from(this.#rows.values(), ({ record }) => keyIdOf(record)));
    return [...ids].filter((id) => id !== 0);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #commit(writes: readonly LogWrite[]): LogOutcome {
    const before = writes.map((write) => this.#liveRow(write.key, this.#revision));
    const failed = writes.findIndex((write, index) => !isMet(write.precondition, before[index]?.revision));
    if (failed >= 0) return { ok: false, failed, current: before[failed], revision: this.#revision };
    const isEffective = (write: LogWrite, index: number): boolean =>
      write.kind === 'put' || before[index] !== undefined;
    const commitEnd = this.#revision + writes.filter(isEffective).length;
    const effects = writes.map((write, index) =>
      isEffective(write, index) ? this.#write(write, before[index], commitEnd) : undefined,
    );
    return { ok: true, revision: commitEnd, effects };
  }

  #write(write: LogWrite, previous: MemoryRow | undefined, commitEnd: number): LogEffect {
    const revision = ++this.#revision;
    const row: MemoryRow = {
      key: write.key,
      revision,
      createRevision: previous?.createRevision ?? revision,
      version: (previous?.version ?? 0) + 1,
      isDelete: write.kind === 'delete',
      record: write.record,
      previousRevision: previous?.revision,
      commitEnd,
    };
    const revisions = this.#revisions.get(write.key);
    if (revisions !== undefined) {
      revisions.push(revision);
    } else {
      this.#revisions.set(write.key, [revision]);
      this.#keys.splice(this.#firstIndex(write.key, undefined), 0, write.key);
    }
    this.#rows.set(revision, row);
    this.#bytes += sizeOf(row);
    this.#live += (row.isDelete ? 0 : 1) - (previous === undefined ? 0 : 1);
    return {
      revision,
      createRevision: row.createRevision,
      version: row.version,
      previousRevision: previous?.revision,
      previous: previous?.revision === write.knownRevision ? undefined : previous,
    };
  }

  #liveRow(key: string, revision: number): MemoryRow | undefined {
    const newest = this.#revisions.get(key)?.findLast((candidate) => candidate <= revision);
    const row = newest === undefined ? undefined : this.#rows.get(newest);
    return row?.isDelete === true ? undefined : row;
  }

  #previousOf(row: MemoryRow): MemoryRow | undefined {
    return row.previousRevision === undefined ? undefined : this.#rows.get(row.previousRevision);
  }

  #commitEnd(revision: number): number {
    return Math.max(revision, this.#rows.get(revision)?.commitEnd ?? 0);
  }

  /** The index of the first key of a page. */
  #firstIndex(prefix: string, after: string | undefined): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBeforePage(this.#keys[middle] ?? '', prefix, after)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Walks rows after `cursor` up to `floor`; returns how far it got. */
  #trimRows(cursor: number, floor: number, prefixes: readonly string[], maxRows: number): number {
    const end = Math.min(floor, this.#revision - 1);
    let at = cursor;
    for (let seen = 0; at < end && seen < maxRows; ) {
      at++;
      const row = this.#rows.get(at);
      if (row === undefined) continue;
      seen++;
      if (!hasAnyPrefix(row.key, prefixes)) continue;
      if (row.previousRevision !== undefined) this.#remove(row.previousRevision);
      if (row.isDelete && at < floor) this.#remove(row.revision);
    }
    return at;
  }

  #remove(revision: number): void {
    const row = this.#rows.get(revision);
    if (row === undefined) return;
    this.#rows.delete(revision);
    this.#bytes -= sizeOf(row);
    const left = (this.#revisions.get(row.key) ?? []).filter((other) => other !== revision);
    if (left.length > 0) {
      this.#revisions.set(row.key, left);
      return;
    }
    this.#revisions.delete(row.key);
    const index = this.#firstIndex(row.key, undefined);
    if (compareKeys(this.#keys[index] ?? '', row.key) === 0) this.#keys.splice(index, 1);
  }

  #head(): LogHead {
    return {
      clusterId: this.#clusterId,
      revision: this.#revision,
      floor: this.#floor,
      transientFloor: this.#transientFloor,
      transientPrefixes: this.#transientPrefixes,
    };
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new StoreError('Unavailable', 'the memory store is closed');
  }
}

function sizeOf(row: LogRow): number {
  return row.key.length + row.record.byteLength;
}
