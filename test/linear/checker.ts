/**
 * Is there an order of one register's operations, each at a moment between its call and its answer, in which every
 * answer is right? The search of Wing and Gong with the memory of Lowe ("Testing for linearizability", 2017): keys are
 * judged one by one, a point that was reached before is not searched again, and writes of unknown outcome stay open to
 * the end.
 *
 * What keeps it small, without leaving an order out:
 * - An open write whose value somebody saw was made, and before the first who saw it was answered: it is no longer open.
 * - Any other open write is put into the order only where an answer cannot be explained without it. Wherever it could
 *   have been done earlier, it can as well be done there.
 * - Open writes that want the same and do the same are alike: the first is taken.
 * - Of two ways to the same point, the one that used fewer open writes can do all that the other can.
 *
 * Bounded: it gives up after a number of points, and says so; that is a failure of the test, never a pass.
 */
import type { Operation } from './history.ts';
import { NEW_REGISTER, type RegisterState, type Revisions, revisionsSeen, step } from './register.ts';

export interface SearchOptions {
  /** Points looked at; each costs some hundred bytes. */
  readonly maxPoints?: number;
  readonly start?: RegisterState;
  /** What is known of the whole history that the operations are a part of. */
  readonly revisions?: Revisions;
}

const DEFAULT_MAX_POINTS = 500_000;
/** Open writes in a row that may be needed: a deletion, and a put that wants nothing to be there; */
const LONGEST_CHAIN = 2;
/** and in a part of a history more, which build on revisions that only the rest tells of. */
const MOST_KNOWN = 4;

export type Verdict =
  | { readonly kind: 'linearizable'; readonly points: number }
  | { readonly kind: 'impossible'; readonly points: number; readonly furthest: Furthest }
  | { readonly kind: 'undecided'; readonly why: string };

/** The longest order that explains answers, and the register at its end: every way on contradicts an answer. */
export interface Furthest {
  readonly order: readonly Operation[];
  readonly state: RegisterState;
}

/** A place in the search: which operations are in order so far, and the register after them. */
interface Point {
  readonly state: RegisterState;
  /** All answered operations before this index are in. */
  readonly low: number;
  /** Answered operations that are in beyond `low`, ascending. */
  readonly beyond: readonly number[];
  /** Bit n: open write n is in. */
  readonly used: bigint;
  readonly added: readonly Operation[];
  readonly from: Point | undefined;
}

interface OpenWrite {
  readonly operation: Operation;
  readonly bit: bigint;
  /** Open writes of one sort can stand in for each other. */
  readonly sort: string;
  /** Somebody saw its value. */
  readonly isKnown: boolean;
}

/** The register after some open writes. */
interface Chain {
  readonly state: RegisterState;
  readonly used: bigint;
  readonly added: readonly Operation[];
}

/** @param operations of one key. */
export function checkRegister(operations: readonly Operation[], options: SearchOptions = {}): Verdict {
  const { maxPoints = DEFAULT_MAX_POINTS, start = NEW_REGISTER } = options;
  const revisions = options.revisions ?? revisionsSeen(operations);
  const byCall = settled(operations, revisions).sort((a, b) => a.called - b.called);
  const answered = byCall.filter(({ returned }) => Number.isFinite(returned));
  const open = byCall
    .filter(({ returned }) => !Number.isFinite(returned))
    .map((operation, index) => ({ operation, bit: 1n << BigInt(index), ...sortOf(operation, revisions) }));
  const known = open.filter(({ isKnown }) => isKnown).length;
  const longestChain = LONGEST_CHAIN + Math.min(known, MOST_KNOWN);
  const reached = new Map<string, bigint[]>();
  const root: Point = { state: start, low: 0, beyond: [], used: 0n, added: [], from: undefined };
  const stack: Point[] = [root];
  let points = 0;
  let furthest = root;
  let furthestCount = 0;
  for (let point = stack.pop(); point !== undefined; point = stack.pop()) {
    if (point.low === answered.length) return { kind: 'linearizable', points };
    if (isCovered(reached, point)) continue;
    if (++points > maxPoints) {
      const why = `gave up after ${maxPoints} points: ${answered.length} answered operations and ${open.length} open ones`;
      return { kind: 'undecided', why };
    }
    const count = point.low + point.beyond.length;
    if (count > furthestCount) [furthest, furthestCount] = [point, count];
    const { candidates, earliestReturn } = next(answered, point);
    const plain: Point[] = [];
    const helped: Point[] = [];
    let chains: readonly Chain[] | undefined;
    for (const index of candidates) {
      const operation = answered[index];
      if (operation === undefined) continue;
      const state = step(point.state, operation, revisions);
      if (state !== undefined) {
        plain.push(withAnswered(point, index, { state, used: point.used, added: [operation] }));
        continue;
      }
      chains ??= chainsFrom(point, open, longestChain, earliestReturn, revisions);
      for (const chain of chains) {
        const after = step(chain.state, operation, revisions);
        if (after === undefined) continue;
        const added = [...chain.added, operation];
        helped.push(withAnswered(point, index, { state: after, used: chain.used, added }));
      }
    }
    // The last pushed is looked at first: what needs no open write, and of that the earliest call.
    for (const way of helped.toReversed()) stack.push(way);
    for (const way of plain.toReversed()) stack.push(way);
  }
  return { kind: 'impossible', points, furthest: { order: orderOf(furthest), state: furthest.state } };
}

/** Gives open writes whose value was seen the answer they must have had, at the latest when it was seen. */
function settled(operations: readonly Operation[], revisions: Revisions): Operation[] {
  const firstSeen = new Map<string, number>();
  for (const { action, returned } of operations) {
    const evidence =
      action.kind === 'write' && action.outcome.kind === 'conflict' ? action.outcome.evidence : undefined;
    const seen = action.kind === 'read' ? action.seen : evidence?.kind === 'seen' ? evidence.seen : undefined;
    if (seen === undefined) continue;
    firstSeen.set(seen.value, Math.min(firstSeen.get(seen.value) ?? returned, returned));
  }
  return operations.map((operation) => {
    const { action } = operation;
    if (action.kind === 'read' || action.outcome.kind !== 'unknown') return operation;
    const { value } = action.intent;
    const returned = value === undefined ? undefined : firstSeen.get(value);
    const revision = value === undefined ? undefined : revisions.get(value);
    if (returned === undefined || revision === undefined) return operation;
    return { ...operation, returned, action: { ...action, outcome: { kind: 'done', revision } } };
  });
}

/** Answered operations that may come next: called before any of those still missing was answered. */
function next(
  answered: readonly Operation[],
  { low, beyond }: Point,
): { candidates: readonly number[]; earliestReturn: number } {
  const candidates: number[] = [];
  let earliestReturn = Number.POSITIVE_INFINITY;
  let at = 0;
  for (let index = low; index < answered.length; index++) {
    const operation = answered[index];
    if (operation === undefined || operation.called > earliestReturn) break;
    while ((beyond[at] ?? Number.POSITIVE_INFINITY) < index) at++;
    if (beyond[at] === index) continue;
    candidates.push(index);
    earliestReturn = Math.min(earliestReturn, operation.returned);
  }
  return { candidates, earliestReturn };
}

/** What some open writes called by then can make of the register. */
function chainsFrom(
  point: Point,
  open: readonly OpenWrite[],
  longest: number,
  earliestReturn: number,
  revisions: Revisions,
): readonly Chain[] {
  const chains: Chain[] = [];
  let ends: readonly Chain[] = [{ state: point.state, used: point.used, added: [] }];
  for (let length = 1; length <= longest; length++) {
    ends = ends.flatMap((end) => {
      const tried = new Set<string>();
      return open.flatMap(({ operation, bit, sort }) => {
        if (operation.called > earliestReturn || (end.used & bit) !== 0n || tried.has(sort)) return [];
        tried.add(sort);
        const state = step(end.state, operation, revisions);
        return state === undefined ? [] : [{ state, used: end.used | bit, added: [...end.added, operation] }];
      });
    });
    chains.push(...ends);
  }
  return chains;
}

function sortOf({ action }: Operation, revisions: Revisions): Pick<OpenWrite, 'sort' | 'isKnown'> {
  if (action.kind === 'read') return { sort: 'read', isKnown: false };
  const { value, wants } = action.intent;
  const isKnown = value !== undefined && revisions.has(value);
  const what = value === undefined ? 'delete' : isKnown ? `put ${value}` : 'put';
  return { sort: `${what} ${wants.kind} ${wants.kind === 'revision' ? wants.revision : ''}`, isKnown };
}

function withAnswered(from: Point, index: number, { state, used, added }: Chain): Point {
  if (index !== from.low) {
    const beyond = [...from.beyond, index].sort((a, b) => a - b);
    return { state, low: from.low, beyond, used, added, from };
  }
  let low = index + 1;
  let taken = 0;
  while (from.beyond[taken] === low) {
    low++;
    taken++;
  }
  return { state, low, beyond: from.beyond.slice(taken), used, added, from };
}

/** Whether the same place was reached before with no more open writes than now; if not, it is remembered. */
function isCovered(reached: Map<string, bigint[]>, { state, low, beyond, used }: Point): boolean {
  const { content, floor } = state;
  const shown = content.kind === 'value' ? (content.revision ?? 'unseen') : content.kind;
  const key = `${low} ${beyond.join(',')} ${floor} ${shown}`;
  const ways = reached.get(key);
  if (ways === undefined) {
    reached.set(key, [used]);
    return false;
  }
  if (ways.some((way) => (way & used) === way)) return true;
  reached.set(key, [...ways.filter((way) => (way & used) !== used), used]);
  return false;
}

function orderOf(end: Point): Operation[] {
  const parts: (readonly Operation[])[] = [];
  for (let point: Point | undefined = end; point !== undefined; point = point.from) parts.push(point.added);
  return parts.toReversed().flat();
}
