/** Objects in pages: what a page is asked for and what it holds, the same for the present and for the past. */
import { compareKeys } from '../../store/keys.ts';
import { keyOfStored } from './cache/cachedobject.ts';
import type { Matches } from './cache/change.ts';
import type { StoredObject } from './types.ts';

/** Objects as they are kept; served at the version asked for when the page is whole. */
export interface Page {
  readonly items: readonly StoredObject[];
  /** Key of the last item, when there are more. */
  readonly next: string | undefined;
  readonly remaining: number | undefined;
}

export interface Query {
  readonly namespace: string | undefined;
  /** The only name that can match, where there is one. */
  readonly name: string | undefined;
  readonly matches: Matches | undefined;
  readonly limit: number;
  /** Only keys after this one. */
  readonly after: string | undefined;
}

/** The page of all there is, in key order. */
export function pageOf(all: readonly StoredObject[], query: Query): Page {
  const { matches, limit, after } = query;
  if (matches === undefined && limit === Infinity && after === undefined) {
    return { items: all, next: undefined, remaining: undefined };
  }
  const start = after === undefined ? 0 : firstAfter(all, after);
  const items: StoredObject[] = [];
  for (let at = start; at < all.length && items.length <= limit; at++) {
    const stored = all[at];
    if (stored !== undefined && matches?.(stored) !== false) items.push(stored);
  }
  if (items.length <= limit) return { items, next: undefined, remaining: undefined };
  items.pop();
  // With a selector nobody knows how many more match; Kubernetes then says nothing.
  const remaining = matches === undefined ? all.length - start - items.length : undefined;
  return { items, next: lastKey(items), remaining };
}

function firstAfter(all: readonly StoredObject[], after: string): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const stored = all[middle];
    if (stored !== undefined && compareKeys(keyOfStored(stored), after) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where the next page goes on after these. */
export function lastKey(items: readonly StoredObject[]): string | undefined {
  const last = items.at(-1);
  return last === undefined ? undefined : keyOfStored(last);
}
