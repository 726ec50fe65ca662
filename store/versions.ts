/**
 * The history of one key in an embedded engine: its rows, as far as they are above the floor, and the one that was there
 * at the floor. What lies deeper may be there still, because nobody has come to forget it; it is not told all the same.
 */
import { StoreError } from '../machinery/errors.ts';
import type { Envelopes } from './envelope.ts';
import type { Log, LogRow } from './log.ts';
import { toVersion } from './rows.ts';
import type { HistoryQuery, StoreHistory } from './store.ts';

/** Rows read at once. */
const PAGE_ROWS = 500;

/** @param floor now, and not before the rows are read: what is forgotten meanwhile is not told. */
export async function historyOf(
  log: Log,
  envelopes: Envelopes,
  floor: () => number,
  key: string,
  { limit, beforeRevision, signal }: HistoryQuery,
): Promise<StoreHistory> {
  if (!(limit >= 1)) throw new RangeError(`history of "${key}": limit is ${limit}, wanted 1 or more`);
  if (signal?.aborted === true) {
    throw new StoreError('Unavailable', 'the caller no longer waits', { cause: signal.reason });
  }
  const page = await log.versions(key, beforeRevision, Math.min(limit, PAGE_ROWS));
  const oldestRevision = floor();
  const { rows, isEnd } = told(page.rows, oldestRevision);
  const [first] = rows;
  if (first !== undefined && first.revision <= oldestRevision) {
    // It is what was there at the floor only if nothing newer is that was there at the floor, too.
    const [live] = (await log.versions(key, oldestRevision + 1, 1)).rows;
    if (live?.revision !== first.revision) return { versions: [], more: false, oldestRevision };
  }
  return {
    versions: rows.map((row) => toVersion(row, envelopes)),
    more: page.more && !isEnd,
    oldestRevision,
  };
}

/** Up to the row that was there at the floor; a delete at or below it says nothing of what can still be read. */
function told(
  rows: readonly LogRow[],
  floor: number,
): { readonly rows: readonly LogRow[]; readonly isEnd: boolean } {
  const at = rows.findIndex(({ revision }) => revision <= floor);
  if (at < 0) return { rows, isEnd: false };
  return { rows: rows.slice(0, rows[at]?.isDelete === true ? at : at + 1), isEnd: true };
}
