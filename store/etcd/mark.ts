/**
 * The mark: the last put of every transaction, under one key of the cluster. In the watch it closes its revision; it
 * holds what deletes cannot say themselves (position and time); read alone it tells the newest revision of this cluster,
 * whatever other clusters write to the same etcd; and read at a past revision it tells the wall time there.
 */
import { StoreError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';

export interface Mark {
  /** Wall time of the transaction. */
  readonly timeMs: number;
  /** The position after the last write of each commit, in order. */
  readonly ends: readonly number[];
  /** The position of each delete, by the key in the store. */
  readonly deletes: ReadonlyMap<string, number>;
  /** Of etcd, in a mark that was put for the time alone: the last transaction, whose ends are repeated here. */
  readonly writtenRevision?: number;
}

export function encodeMark({ timeMs, ends, deletes, writtenRevision }: Mark): Uint8Array {
  const text = JSON.stringify({
    timeMs,
    ends,
    writtenRevision,
    ...(deletes.size === 0 ? {} : { deletes: Object.fromEntries(deletes) }),
  });
  return Buffer.from(text);
}

/** Throws `StoreError('Corrupt')`. */
export function decodeMark(key: string, value: Uint8Array): Mark {
  const { timeMs, ends, deletes = {}, writtenRevision } = parse(value);
  const areDeletes = isRecord(deletes) && Object.values(deletes).every(Number.isSafeInteger);
  if (
    typeof timeMs !== 'number' ||
    !Array.isArray(ends) ||
    !ends.every(Number.isSafeInteger) ||
    !areDeletes
  ) {
    throw new StoreError(
      'Corrupt',
      `etcd key "${key}" is not the mark of a Gantry cluster: found ${JSON.stringify(Buffer.from(value).toString().slice(0, 80))}; somebody else writes there, or etcd must be restored`,
    );
  }
  return {
    timeMs,
    ends,
    deletes: new Map(Object.entries(deletes).map(([name, at]) => [name, Number(at)])),
    ...(typeof writtenRevision === 'number' ? { writtenRevision } : {}),
  };
}

function parse(value: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString());
    return isRecord(parsed) ? parsed : {};
  } catch {
    // The caller says what was found instead.
    return {};
  }
}
