/**
 * An object as its lines of `/metrics/state`: made once for each version of it, and kept beside it. What most objects have
 * alike (the lines of a phase, of a condition) is one text for all of them, so that thousands of objects stay small.
 */
import type { DynamicObject } from '../../../machinery/meta.ts';
import { type Family, labelText, lineTail } from './family.ts';

/** The ends of an object's lines in one family; none where it has nothing to say there. */
export type Tails = readonly string[];

export interface Described {
  /** What all of its lines begin with, after the name of their family. */
  readonly head: string;
  /** In the order of the families. */
  readonly tails: readonly Tails[];
}

/** One family and what an object says under it. */
export interface StateFamily<T> extends Family {
  readonly tell: (object: T) => Tails;
}

/** A kind's families, as one thing that knows how to describe its objects. */
export interface StateView {
  readonly families: readonly Family[];
  readonly describe: (object: DynamicObject) => Described;
}

export function newStateView<T>(
  families: readonly StateFamily<T>[],
  headOf: (object: T) => string,
): StateView {
  return {
    families,
    describe(object) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- admitted by its kind's schema
      const typed = object as unknown as T;
      return { head: headOf(typed), tails: families.map(({ tell }) => tell(typed)) };
    },
  };
}

const NOTHING: Tails = [];
const ZERO: Tails = [lineTail(0)];
const ONE: Tails = [lineTail(1)];

/** Nothing where there is no value. */
export function plain(value: number | undefined): Tails {
  if (value === undefined) return NOTHING;
  return value === 0 ? ZERO : value === 1 ? ONE : [lineTail(value)];
}

export function flag(isSo: boolean | undefined): Tails {
  return isSo === true ? ONE : ZERO;
}

/** One line for each of the known words: 1 for the one that is so, 0 for the others. One text for all objects. */
export function oneOf(label: string, words: readonly string[]): (found: string) => Tails {
  const kept = new Map(
    words.map((found) => [found, words.map((word) => lineTail(word === found ? 1 : 0, [[label, word]]))]),
  );
  const none = words.map((word) => lineTail(0, [[label, word]]));
  return (found) => kept.get(found) ?? none;
}

const STATUSES = ['true', 'false', 'unknown'] as const;
/** Conditions are few; whoever may write a status could make up any number of them. */
const MOST_KEPT = 512;
const keptConditions = new Map<string, Tails>();

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
}

/** Three lines for each condition: 1 for how it is, 0 for the others. Of two that would be told under one name the first counts. */
export function conditionTails(conditions: readonly Condition[] | undefined, hasReason = false): Tails {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition) => {
    const name = labelText([['condition', condition.type]]);
    if (seen.has(name)) return [];
    seen.add(name);
    return tailsOf(condition, hasReason);
  });
}

function tailsOf({ type, status, reason = '' }: Condition, hasReason: boolean): Tails {
  const key = JSON.stringify(hasReason ? [type, status, reason] : [type, status]);
  const known = keptConditions.get(key);
  if (known !== undefined) return known;
  const made = STATUSES.map((each) =>
    lineTail(each === status.toLowerCase() ? 1 : 0, [
      ['condition', type],
      ...(hasReason ? [['reason', reason] as const] : []),
      ['status', each],
    ]),
  );
  if (keptConditions.size < MOST_KEPT) keptConditions.set(key, made);
  return made;
}
