/** Between wall times and revisions: by the write times in the log, so that nothing has to be remembered over a restart. */
import { StoreError } from '../machinery/errors.ts';
import type { Envelopes } from './envelope.ts';
import type { Log } from './log.ts';
import type { OldestMoment, StoreMoment } from './store.ts';

/** Damaged values in a row that are looked past. */
const MAX_WITNESSES = 100;

/** The newest moment in the span written at or before a time. Throws `Compacted` when that is before the span. */
export async function momentAt(
  log: Log,
  envelopes: Envelopes,
  timeMs: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<StoreMoment> {
  const oldest = await momentOf(log, envelopes, from);
  if (timeMs < (oldest.writtenAtMs ?? Number.NEGATIVE_INFINITY)) {
    throw new StoreError(
      'Compacted',
      `what was at ${new Date(timeMs).toISOString()} is gone: history is kept from revision ${oldest.revision} of ${new Date(oldest.writtenAtMs ?? 0).toISOString()} on`,
    );
  }
  return momentOf(log, envelopes, await revisionAt(log, envelopes, timeMs, from, to));
}

/** A revision with the time of its write, or of the next one that can be read. */
async function momentOf(log: Log, envelopes: Envelopes, revision: number): Promise<StoreMoment> {
  if (revision === 0) return { revision, writtenAtMs: undefined };
  return { revision, writtenAtMs: await writtenAtOrAfter(log, envelopes, revision) };
}

/** The moment of a floor: 0 is that of a store that has forgotten nothing. */
export async function oldestMomentOf(log: Log, envelopes: Envelopes, floor: number): Promise<OldestMoment> {
  const moment = await momentOf(log, envelopes, floor);
  return floor > 0 ? moment : { ...moment, beganAtMs: await writtenAtOrAfter(log, envelopes, 1) };
}

/**
 * The newest revision in [from, to] written at or before a moment; `from` if there is none. A binary search over
 * write times, so it needs nothing remembered over a restart; where the wall clock jumped it is as wrong as the clock.
 */
export async function revisionAt(
  log: Log,
  envelopes: Envelopes,
  timeMs: number,
  from: number,
  to: number,
): Promise<number> {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const writtenAtMs = await writtenAtOrAfter(log, envelopes, middle);
    if (writtenAtMs === undefined) return low;
    if (writtenAtMs <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows may be trimmed, and one may be damaged: the next one that can be read is the nearest witness. */
async function writtenAtOrAfter(log: Log, envelopes: Envelopes, from: number): Promise<number | undefined> {
  let after = from - 1;
  for (let tries = 0; tries < MAX_WITNESSES; tries++) {
    const [witness] = (await log.changes(after, [''], 1)).changes;
    if (witness === undefined) return undefined;
    const { key, revision, record } = witness.row;
    try {
      return envelopes.open(key, revision, record).writtenAtMs;
    } catch (error) {
      if (!(error instanceof StoreError && error.reason === 'Corrupt')) throw error;
      after = revision;
    }
  }
  return undefined;
}
