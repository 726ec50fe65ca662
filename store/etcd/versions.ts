/**
 * Between etcd's revisions and the store's. One transaction of etcd is one revision of etcd, and holds many writes; the
 * store promises each write a revision of its own. So the store's is
 *
 *   (revision of etcd + epoch offset) x 1024 + position of the write in its transaction.
 *
 * The epoch offset makes revisions grow where etcd's own would fall back: after etcd was restored from a snapshot, and
 * for a cluster that moved here from another store.
 */
import { MAX_POSITIONS } from '../envelope.ts';

/** What a transaction stands at when all of it is meant; no write has it. */
const END = MAX_POSITIONS - 1;
/** Writes in one transaction. */
export const MAX_BATCH_WRITES = END;
/** How far an epoch lies from the one before: more than the writes any etcd has between two snapshots. */
const EPOCH_REVISIONS = 2 ** 30;

export interface Place {
  /** Of etcd; below 1 for what was before this epoch. */
  readonly revision: number;
  readonly position: number;
}

export class Versions {
  readonly epochOffset: number;

  constructor(epochOffset: number) {
    this.epochOffset = epochOffset;
  }

  at(etcdRevision: number, position: number): number {
    return (etcdRevision + this.epochOffset) * MAX_POSITIONS + position;
  }

  /** Everything up to the end of a revision of etcd. */
  endOf(etcdRevision: number): number {
    return this.at(etcdRevision, END);
  }

  placeOf(revision: number): Place {
    const whole = Math.floor(revision / MAX_POSITIONS);
    return { revision: whole - this.epochOffset, position: revision - whole * MAX_POSITIONS };
  }

  isEnd({ position }: Place): boolean {
    return position === END;
  }
}

/** The least offset at which every revision, from etcd's first on, is greater than `revision`. */
export function epochAfter(revision: number): number {
  return Math.ceil((revision + 1) / MAX_POSITIONS);
}

export function nextEpoch(epochOffset: number): number {
  return epochOffset + EPOCH_REVISIONS;
}
