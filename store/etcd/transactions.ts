/**
 * A batch of commits as one transaction of etcd, and what its answer means for each of them. Pure.
 *
 * Each commit is a transaction nested in the batch's, with its own comparisons: a conflict fails that commit and no
 * other. A commit alone is not nested, so that its conflict writes nothing at all. Last comes the mark.
 */
import { StoreError } from '../../machinery/errors.ts';
import type { Envelopes } from '../envelope.ts';
import type { CommitResult, KeyValue, Write } from '../store.ts';
import type { EtcdKeys } from './address.ts';
import type {
  EtcdAnswer,
  EtcdCompare,
  EtcdKeyValue,
  EtcdOperation,
  EtcdTxn,
  EtcdTxnAnswer,
} from './client.ts';
import type { Decoder } from './events.ts';
import { encodeMark } from './mark.ts';
import type { Versions } from './versions.ts';

/** etcd's default limit (`--max-txn-ops`): a transaction's operations and those of one nested in it count together. */
const MAX_OPERATIONS = 128;
const NOTHING = new Uint8Array();
/** No key ever has it: a comparison that fails whatever is there. */
const NEVER = Number.MAX_SAFE_INTEGER;

export interface Planned {
  readonly writes: readonly Write[];
  /** Indices of writes whose precondition is known to be false for good. */
  readonly falseAt: ReadonlySet<number> | undefined;
}

/** What one commit comes to. */
export type Outcome =
  | { readonly kind: 'result'; readonly result: CommitResult }
  /** A conflict, of which only the revision was asked: what is there must be read at that revision of etcd. */
  | {
      readonly kind: 'conflict';
      readonly failed: number;
      readonly key: string;
      readonly etcdRevision: number;
      readonly revision: number;
    };

/** Whether one more commit fits into a batch. @param mostOperations of any of its commits. */
export function fitsTransaction(commits: number, mostOperations: number): boolean {
  return commits <= 1 || commits + 1 + mostOperations <= MAX_OPERATIONS;
}

/** The note of a delete is put under a key of its own. */
export function operationsOf(writes: readonly Write[]): number {
  let operations = writes.length;
  for (const { kind, note } of writes) if (kind === 'delete' && note !== undefined) operations++;
  return operations;
}

export class Transactions {
  readonly #keys: EtcdKeys;
  readonly #versions: Versions;
  readonly #envelopes: Envelopes;
  readonly #decoder: Decoder;

  constructor(keys: EtcdKeys, versions: Versions, envelopes: Envelopes, decoder: Decoder) {
    this.#keys = keys;
    this.#versions = versions;
    this.#envelopes = envelopes;
    this.#decoder = decoder;
  }

  plan(batch: readonly Planned[], timeMs: number): EtcdTxn {
    const ends: number[] = [];
    const deletes = new Map<string, number>();
    const commits: EtcdTxn[] = [];
    let position = 0;
    for (const planned of batch) {
      commits.push(this.#planOne(planned, timeMs, position));
      for (const { kind, key } of planned.writes) {
        if (kind === 'delete') deletes.set(key, position);
        position++;
      }
      ends.push(position);
    }
    const mark: EtcdOperation = {
      kind: 'put',
      key: this.#keys.mark,
      value: encodeMark({ timeMs, ends, deletes }),
    };
    const [alone] = commits;
    if (alone !== undefined && commits.length === 1) {
      const newest: EtcdOperation = { kind: 'range', key: this.#keys.mark, keysOnly: true };
      return {
        compare: alone.compare,
        success: [...alone.success, mark],
        failure: [...alone.failure, newest],
      };
    }
    const nested = commits.map((commit): EtcdOperation => ({ kind: 'txn', ...commit }));
    return { compare: [], success: [...nested, mark], failure: [] };
  }

  #planOne({ writes, falseAt }: Planned, timeMs: number, first: number): EtcdTxn {
    const compare: EtcdCompare[] = [];
    const success: EtcdOperation[] = [];
    const failure: EtcdOperation[] = [];
    // Values are asked for where one can be wrong: a hundred of them would be too much for an answer.
    const keysOnly = writes.length > 1;
    for (const [at, write] of writes.entries()) {
      const key = this.#keys.of(write.key);
      const { precondition } = write;
      if (precondition.kind !== 'none') {
        if (falseAt?.has(at) === true) compare.push({ key, target: 'createRevision', equals: NEVER });
        else if (precondition.kind === 'absent') compare.push({ key, target: 'createRevision', equals: 0 });
        else compare.push({ key, target: 'modRevision', equals: this.#etcdRevisionOf(write) });
        failure.push({ kind: 'range', key, keysOnly });
      }
      if (write.kind === 'delete') success.push({ kind: 'delete', key });
      else {
        const value = this.#envelopes.seal(write.key, write.value, timeMs, first + at, write.note);
        success.push({ kind: 'put', key, value });
      }
    }
    // After the writes, whose answers are found by their place.
    for (const [at, { kind, key, note }] of writes.entries()) {
      if (kind !== 'delete' || note === undefined) continue;
      const value = this.#envelopes.seal(key, NOTHING, timeMs, first + at, note);
      success.push({ kind: 'put', key: this.#keys.gone(key), value });
    }
    return { compare, success, failure };
  }

  /** Of the revision a precondition names; undefined where it names none. */
  #etcdRevisionOf({ precondition }: Write): number {
    if (precondition.kind !== 'modRevision') return 0;
    return this.#versions.placeOf(precondition.modRevision).revision;
  }

  /** One for each commit, in order. */
  outcomes(batch: readonly Planned[], answer: EtcdTxnAnswer, timeMs: number): (Outcome | StoreError)[] {
    const etcdRevision = answer.header.revision;
    const [alone] = batch;
    if (alone !== undefined && batch.length === 1) {
      if (answer.succeeded) return [this.#success(alone, answer.answers, etcdRevision, 0, timeMs)];
      const mark = answer.answers.at(-1);
      const newest = mark?.kind === 'range' ? mark.items[0]?.modRevision : undefined;
      const revision = this.#versions.endOf(newest ?? etcdRevision);
      return [this.#conflict(alone, answer.answers, etcdRevision, revision)];
    }
    let first = 0;
    return batch.map((planned, at) => {
      const position = first;
      first += planned.writes.length;
      const own = answer.answers[at];
      if (own?.kind !== 'txn') return unanswered();
      if (own.succeeded) return this.#success(planned, own.answers, etcdRevision, position, timeMs);
      // What it saw is what the commits before it left.
      return this.#conflict(
        planned,
        own.answers,
        etcdRevision,
        this.#versions.at(etcdRevision, position) - 1,
      );
    });
  }

  #success(
    { writes }: Planned,
    answers: readonly EtcdAnswer[],
    etcdRevision: number,
    first: number,
    timeMs: number,
  ): Outcome {
    const modRevisions = writes.map((_, at) => {
      const own = answers[at];
      const isNothing = own?.kind === 'delete' && own.deleted === 0;
      return isNothing ? undefined : this.#versions.at(etcdRevision, first + at);
    });
    const revision = this.#versions.at(etcdRevision, first + writes.length - 1);
    return { kind: 'result', result: { ok: true, revision, modRevisions, writtenAtMs: timeMs } };
  }

  #conflict(
    { writes, falseAt }: Planned,
    answers: readonly EtcdAnswer[],
    etcdRevision: number,
    revision: number,
  ): Outcome | StoreError {
    let next = 0;
    for (const [at, write] of writes.entries()) {
      if (write.precondition.kind === 'none') continue;
      const own = answers[next++];
      if (own?.kind !== 'range') return unanswered();
      const [found] = own.items;
      const wanted = this.#etcdRevisionOf(write);
      const isMet = falseAt?.has(at) !== true && (found?.modRevision ?? 0) === wanted;
      if (isMet) continue;
      if (found !== undefined && writes.length > 1) {
        return { kind: 'conflict', failed: at, key: write.key, etcdRevision, revision };
      }
      const current = this.#open(found);
      if (current instanceof StoreError) return current;
      return { kind: 'result', result: { ok: false, failed: at, current, revision } };
    }
    return unanswered();
  }

  #open(found: EtcdKeyValue | undefined): KeyValue | undefined | StoreError {
    if (found === undefined) return undefined;
    try {
      return this.#decoder.value(found);
    } catch (error) {
      if (error instanceof StoreError) return error;
      throw error;
    }
  }
}

function unanswered(): StoreError {
  return new StoreError(
    'Unavailable',
    'etcd gave no answer to one commit of a transaction; it may or may not have been made: read what is there',
  );
}
