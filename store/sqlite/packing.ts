/**
 * Batches of commits, their outcomes and pages of rows as the two threads hand them over: columns of numbers and one block of bytes,
 * instead of some thousand small objects to be cloned one by one.
 */

import type { LogEffect, LogOutcome, LogPage, LogRow, LogWrite } from '../log.ts';
import type { Precondition } from '../store.ts';

/** In the columns: a number that is not there. Revisions are never negative. */
const NONE = -1;

export interface PackedCommits {
  /** Writes in each commit. */
  readonly lengths: Uint32Array;
  readonly keys: readonly string[];
  /** 1 is a delete. */
  readonly deletes: Uint8Array;
  /** The revision wanted: 0 is absence, `NONE` anything. */
  readonly wanted: Float64Array;
  readonly known: Float64Array;
  /** Where each record ends in `records`. */
  readonly ends: Uint32Array;
  readonly records: Uint8Array<ArrayBuffer>;
}

export interface PackedOutcomes {
  /** For each commit the write that failed, or `NONE`. */
  readonly failed: Float64Array;
  /** For each commit the log's revision after it. */
  readonly revisions: Float64Array;
  /** Four for each write: revision (`NONE`: a delete that found nothing), create revision, version, previous revision. */
  readonly effects: Float64Array;
  /** The rows that have to be told, by the number of the write, or for a failed commit by that of its first write. */
  readonly rows: ReadonlyMap<number, LogRow>;
}

export interface PackedPage {
  readonly keys: readonly string[];
  /** Four for each row: revision, create revision, version, 1 for a delete. */
  readonly numbers: Float64Array;
  readonly ends: Uint32Array;
  readonly records: Uint8Array<ArrayBuffer>;
  readonly revision: number;
  readonly more: boolean;
}

const EFFECT = 4;
const ROW = 4;

export function packCommits(commits: readonly (readonly LogWrite[])[]): PackedCommits {
  const writes = commits.flat();
  return {
    lengths: Uint32Array.from(commits, ({ length }) => length),
    keys: writes.map(({ key }) => key),
    deletes: Uint8Array.from(writes, ({ kind }) => (kind === 'delete' ? 1 : 0)),
    wanted: Float64Array.from(writes, ({ precondition }) => wantedOf(precondition)),
    known: Float64Array.from(writes, ({ knownRevision }) => knownRevision ?? NONE),
    ...packRecords(writes),
  };
}

export function unpackCommits(packed: PackedCommits): LogWrite[][] {
  const { lengths, keys, deletes, wanted, known, ends, records } = packed;
  let at = 0;
  let start = 0;
  return Array.from(lengths, (length) =>
    Array.from({ length }, (): LogWrite => {
      const end = ends[at] ?? start;
      const knownRevision = known[at] ?? NONE;
      const write: LogWrite = {
        kind: deletes[at] === 1 ? 'delete' : 'put',
        key: keys[at] ?? '',
        record: records.subarray(start, end),
        precondition: preconditionOf(wanted[at] ?? NONE),
        knownRevision: knownRevision === NONE ? undefined : knownRevision,
      };
      start = end;
      at++;
      return write;
    }),
  );
}

/** @param lengths writes in each commit, as they were asked for. */
export function packOutcomes(outcomes: readonly LogOutcome[], lengths: Uint32Array): PackedOutcomes {
  const failed = new Float64Array(outcomes.length).fill(NONE);
  const revisions = new Float64Array(outcomes.length);
  const effects = new Float64Array(lengths.reduce((sum, length) => sum + length, 0) * EFFECT).fill(NONE);
  const rows = new Map<number, LogRow>();
  let first = 0;
  for (const [commit, outcome] of outcomes.entries()) {
    revisions[commit] = outcome.revision;
    if (!outcome.ok) {
      failed[commit] = outcome.failed;
      if (outcome.current !== undefined) rows.set(first, outcome.current);
    } else {
      for (const [at, effect] of outcome.effects.entries()) {
        if (effect === undefined) continue;
        const { revision, createRevision, version, previousRevision = NONE } = effect;
        effects.set([revision, createRevision, version, previousRevision], (first + at) * EFFECT);
        if (effect.previous !== undefined) rows.set(first + at, effect.previous);
      }
    }
    first += lengths[commit] ?? 0;
  }
  return { failed, revisions, effects, rows };
}

export function unpackOutcomes(
  packed: PackedOutcomes,
  commits: readonly (readonly LogWrite[])[],
): LogOutcome[] {
  const { failed, revisions, rows } = packed;
  let first = 0;
  return commits.map(({ length }, commit): LogOutcome => {
    const start = first;
    first += length;
    const revision = revisions[commit] ?? 0;
    const failure = failed[commit] ?? NONE;
    if (failure !== NONE) return { ok: false, failed: failure, current: rows.get(start), revision };
    const effects = Array.from({ length }, (_, at) => effectAt(packed, start + at));
    return { ok: true, revision, effects };
  });
}

function effectAt({ effects, rows }: PackedOutcomes, write: number): LogEffect | undefined {
  const at = write * EFFECT;
  const revision = effects[at] ?? NONE;
  if (revision === NONE) return undefined;
  const previousRevision = effects[at + 3] ?? NONE;
  return {
    revision,
    createRevision: effects[at + 1] ?? NONE,
    version: effects[at + 2] ?? NONE,
    previousRevision: previousRevision === NONE ? undefined : previousRevision,
    previous: rows.get(write),
  };
}

function wantedOf(precondition: Precondition): number {
  switch (precondition.kind) {
    case 'none':
      return NONE;
    case 'absent':
      return 0;
    case 'modRevision':
      // Nothing has a revision of 0, which stands for absence here.
      return precondition.modRevision === 0 ? Number.MAX_SAFE_INTEGER : precondition.modRevision;
  }
}

function preconditionOf(wanted: number): Precondition {
  if (wanted === NONE) return { kind: 'none' };
  return wanted === 0 ? { kind: 'absent' } : { kind: 'modRevision', modRevision: wanted };
}

export function packPage({ rows, revision, more }: LogPage): PackedPage {
  const numbers = new Float64Array(rows.length * ROW);
  for (const [at, row] of rows.entries()) {
    numbers.set([row.revision, row.createRevision, row.version, row.isDelete ? 1 : 0], at * ROW);
  }
  return { keys: rows.map(({ key }) => key), numbers, ...packRecords(rows), revision, more };
}

/** The records of a page share one block of memory. */
export function unpackPage({ keys, numbers, ends, records, revision, more }: PackedPage): LogPage {
  let start = 0;
  const rows = keys.map((key, at): LogRow => {
    const end = ends[at] ?? start;
    const record = records.subarray(start, end);
    start = end;
    return {
      key,
      revision: numbers[at * ROW] ?? 0,
      createRevision: numbers[at * ROW + 1] ?? 0,
      version: numbers[at * ROW + 2] ?? 0,
      isDelete: numbers[at * ROW + 3] === 1,
      record,
    };
  });
  return { rows, revision, more };
}

interface Records {
  readonly ends: Uint32Array;
  readonly records: Uint8Array<ArrayBuffer>;
}

function packRecords(holders: readonly { readonly record: Uint8Array }[]): Records {
  const records = new Uint8Array(holders.reduce((sum, { record }) => sum + record.byteLength, 0));
  const ends = new Uint32Array(holders.length);
  let end = 0;
  for (const [at, { record }] of holders.entries()) {
    records.set(record, end);
    end += record.byteLength;
    ends[at] = end;
  }
  return { ends, records };
}
