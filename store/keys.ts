/**
 * Keys: what may be one, and how they are ordered. Every engine orders keys by their UTF-8 bytes, as etcd and SQLite
 * do by themselves; JavaScript compares UTF-16 units, which differs beyond the basic plane.
 */
import { StoreError } from '../machinery/errors.ts';

/** No key may be longer, in UTF-8 bytes. */
const MAX_KEY_BYTES = 2048;

/** The greatest code point; no key may hold it, so that prefix + LAST comes after every key with that prefix. */
const LAST = '\u{10FFFF}';

/** Throws TypeError for text that is no key, `StoreError('TooLarge')` for one that is too long. */
export function checkKey(key: string): void {
  if (key === '') throw new TypeError('a store key must not be empty');
  if (!key.isWellFormed() || key.includes('\0') || key.includes(LAST)) {
    throw new TypeError(
      `store key ${JSON.stringify(key)} holds a lone surrogate, U+0000 or U+10FFFF; wanted other text`,
    );
  }
  if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw new StoreError(
      'TooLarge',
      `store key "${key.slice(0, 80)}…" is ${Buffer.byteLength(key)} bytes long; the limit is ${MAX_KEY_BYTES}`,
    );
  }
}

/** The end of a prefix's keys: every key that starts with it is before this text, every later key is not. */
export function prefixEnd(prefix: string): string {
  return prefix + LAST;
}

/** Where a page begins: at the prefix, or just after the last key of the page before. */
export function isBeforePage(key: string, prefix: string, after: string | undefined): boolean {
  return compareKeys(key, prefix) < 0 || (after !== undefined && compareKeys(key, after) <= 0);
}

export function hasAnyPrefix(key: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) if (key.startsWith(prefix)) return true;
  return false;
}

/** True when some key could start with one of each. */
export function doPrefixesOverlap(a: readonly string[], b: readonly string[]): boolean {
  return a.some((left) => b.some((right) => left.startsWith(right) || right.startsWith(left)));
}

/** Negative, zero or positive, by UTF-8 bytes. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they come after every other unit. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
