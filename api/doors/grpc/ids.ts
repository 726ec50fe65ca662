/**
 * The ids of jobs: six letters and digits that nobody mistakes for others, shown in capitals. In small letters they are
 * the names of Runs.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../../../machinery/random.ts';
import { CallError } from './errors.ts';

/** Without 0 and O, 1, I and L, 2 and Z, 5 and S, 8 and B read as one: of each pair at most one. U looks like V. */
const ALPHABET = '23456789ACDEFGHJKMNPQRTVWXY';
const LENGTH = 6;

export function newId(random: Random): string {
  return spell(() => Math.floor(random.next() * ALPHABET.length));
}

/** Always the same for the same words. */
export function idOf(words: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(words)).digest();
  return spell((index) => hash.readUInt32BE(index * 4) % ALPHABET.length);
}

function spell(next: (index: number) => number): string {
  return Array.from({ length: LENGTH }, (_, index) => ALPHABET.charAt(next(index))).join('');
}

export function nameOfId(id: string): string {
  return id.toLowerCase();
}

export function idOfName(name: string): string {
  return name.toUpperCase();
}

/** As it is shown. Throws `INVALID_ARGUMENT` for what cannot be an id. */
export function parseId(text: string): string {
  if (/^[A-Za-z0-9]{6}$/.test(text)) return text.toUpperCase();
  const found = text === '' ? 'nothing' : JSON.stringify(text.slice(0, 40));
  throw new CallError(
    'INVALID_ARGUMENT',
    `id: found ${found}, wanted six letters and digits such as XE38YM, as Start answered`,
  );
}
