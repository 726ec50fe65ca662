/**
 * Values that programs stumble over, and changes to good ones: of JSON values, of their texts, of bytes. What is here
 * knows nothing of Kubernetes.
 */
import { isRecord } from '../../machinery/json.ts';
import type { Chance } from './chance.ts';

const WORDS = [
  'a',
  'b',
  'web',
  'db',
  'x',
  'app',
  'tier',
  'blue',
  'v1',
  '1',
  'spec',
  'status',
  'name',
] as const;

const ODD_TEXTS = [
  '',
  ' ',
  '.',
  '..',
  '../..',
  '/',
  '-',
  '~',
  '~1',
  '*',
  '%',
  '%s%n',
  '\u0000',
  'a\u0000b',
  '\n',
  '\r\n',
  '\ud800',
  'a\udfff',
  '\u202e',
  'ünïcödé',
  '日本語',
  '💥',
  'İ',
  'ß',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '$ref',
  'null',
  'true',
  'NaN',
  'Infinity',
  '-0',
  '1e999',
  '0x10',
  '08',
  '1970-01-01T00:00:00Z',
  '9999-99-99T99:99:99Z',
  '+275760-09-13T00:00:00.001Z',
  '5m',
  '-5m',
  '1e6',
  '1Ei',
  '99999999999999999999999999Ei',
  '<script>',
  '"',
  "'",
  '\\',
  '(a+)+$',
  '[',
  '{{.}}',
  'self.spec',
] as const;

const ODD_NUMBERS = [
  0,
  -0,
  -1,
  1,
  0.5,
  -1.5,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  -(2 ** 63),
  1e21,
  1e308,
  5e-324,
  65_535,
  65_536,
  86_401,
] as const;

export function word(chance: Chance): string {
  return chance.of(WORDS);
}

export function oddText(chance: Chance): string {
  return chance.weighted<() => string>(
    [10, () => chance.of(ODD_TEXTS)],
    [3, () => word(chance)],
    [2, () => chance.some([...ODD_TEXTS, ...WORDS], 5).join('')],
    [1, () => chance.of([...ODD_TEXTS, 'x']).repeat(chance.between(10, 3_000))],
    [2, () => String.fromCharCode(...Array.from({ length: chance.below(20) }, () => chance.below(0x10000)))],
  )();
}

export function oddNumber(chance: Chance): number {
  return chance.is(0.7) ? chance.of(ODD_NUMBERS) : chance.between(-1_000, 1_000) / chance.of([1, 3, 10]);
}

/** Any JSON value. */
export function oddValue(chance: Chance, depth = 3): unknown {
  return chance.weighted<() => unknown>(
    [4, () => oddText(chance)],
    [3, () => oddNumber(chance)],
    [2, () => null],
    [2, () => chance.is(0.5)],
    [Math.max(0, depth), () => Array.from({ length: chance.below(4) }, () => oddValue(chance, depth - 1))],
    [Math.max(0, depth), () => oddRecord(chance, depth)],
    [0.2, () => nested(chance, chance.between(10, 400))],
    [0.1, () => Array.from({ length: chance.between(100, 5_000) }, () => oddNumber(chance))],
  )();
}

function oddRecord(chance: Chance, depth: number): unknown {
  const keys = Array.from({ length: chance.below(4) }, () =>
    chance.is(0.5) ? word(chance) : oddText(chance),
  );
  // fromEntries defines: `__proto__` becomes a key like any other, as JSON.parse has it.
  return Object.fromEntries(keys.map((key) => [key, oddValue(chance, depth - 1)]));
}

function nested(chance: Chance, levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = chance.is(0.5) ? [value] : { a: value };
  return value;
}

interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly key: string | number;
}

function placesIn(value: unknown, places: Place[] = []): Place[] {
  if (Array.isArray(value)) {
    value.forEach((item, key) => {
      places.push({ holder: value, key });
      placesIn(item, places);
    });
  } else if (isRecord(value)) {
    for (const [key, item] of Object.entries(value)) {
      places.push({ holder: value, key });
      placesIn(item, places);
    }
  }
  return places;
}

function read({ holder, key }: Place): unknown {
  return (holder as Record<string | number, unknown>)[key];
}

function write({ holder, key }: Place, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A copy of the value with a few things wrong in it; the value itself where chance wants none. */
export function mutated(value: unknown, chance: Chance, changes = chance.below(4)): unknown {
  const copy: unknown = structuredClone(value);
  for (let change = 0; change < changes; change++) {
    const places = placesIn(copy);
    if (places.length === 0) return oddValue(chance);
    mutate(chance.of(places), places, chance);
  }
  return copy;
}

function mutate(place: Place, places: readonly Place[], chance: Chance): void {
  const { holder, key } = place;
  const value = read(place);
  chance.weighted<() => void>(
    [5, () => write(place, oddValue(chance))],
    [3, () => write(place, retyped(value, chance))],
    [3, () => void (Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key])],
    [2, () => write({ holder, key: Array.isArray(holder) ? holder.length : oddText(chance) }, value)],
    [2, () => write(place, structuredClone(read(chance.of(places))))],
    [1, () => write(place, typeof value === 'string' ? mutatedText(value, chance) : [value, value])],
    [1, () => write(place, null)],
    [
      0.3,
      () =>
        write(
          place,
          Array.from({ length: chance.between(10, 1_000) }, () => structuredClone(value)),
        ),
    ],
  )();
}

/** The same in another type: where a type was not looked at, this goes through. */
function retyped(value: unknown, chance: Chance): unknown {
  return chance.of<() => unknown>([
    () => JSON.stringify(value),
    () => Number(JSON.stringify(value)) || 0,
    () => Boolean(value),
    () => [value],
    () => ({ value }),
    () => (isRecord(value) ? Object.entries(value) : [[value]]),
    () => (Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : { 0: value }),
  ])();
}

export function mutatedText(text: string, chance: Chance): string {
  const at = chance.below(text.length + 1);
  return chance.weighted<() => string>(
    [3, () => text.slice(0, at)],
    [3, () => text.slice(0, at) + oddText(chance) + text.slice(at)],
    [2, () => text.slice(0, at) + text.slice(at + chance.between(1, 3))],
    [1, () => text + text],
    [1, () => text.slice(at) + text.slice(0, at)],
  )();
}

/** Bytes flipped, cut, doubled or put in. */
export function mutatedBytes(bytes: Buffer, chance: Chance): Buffer {
  const at = chance.below(bytes.length + 1);
  return chance.weighted<() => Buffer>(
    [
      6,
      () => {
        const copy = Buffer.from(bytes);
        for (let flip = chance.between(1, 4); flip > 0 && copy.length > 0; flip--) {
          const index = chance.below(copy.length);
          copy[index] = (copy[index] ?? 0) ^ (1 << chance.below(8));
        }
        return copy;
      },
    ],
    [2, () => bytes.subarray(0, at)],
    [2, () => Buffer.concat([bytes.subarray(0, at), chance.bytes(chance.between(1, 8)), bytes.subarray(at)])],
    [1, () => Buffer.concat([bytes, bytes])],
  )();
}
