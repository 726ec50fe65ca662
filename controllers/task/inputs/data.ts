/**
 * The data of a ConfigMap or a Secret, by key: as text for variables, as bytes for files. What was decoded is kept as
 * long as the object is, which is frozen: a Task is looked at often, its files change seldom. Pure to whoever asks.
 */
import { createHash } from 'node:crypto';
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { ConfigMap, Secret } from '../../../schemas/types.gen.ts';

export type InputObject = ConfigMap | Secret;

export interface KeyBytes {
  readonly bytes: Uint8Array;
  /** Tells two contents apart. */
  readonly digest: string;
}

/** How messages name the kinds. */
export const KIND_WORDS: Readonly<Record<InputKind, 'ConfigMap' | 'Secret'>> = {
  configmaps: 'ConfigMap',
  secrets: 'Secret',
};

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decoded = new WeakMap<InputObject, Map<string, KeyBytes>>();

/** The keys that can become variables, in the order of their bytes. */
export function textKeys({ data = {} }: InputObject): readonly string[] {
  return Object.keys(data).toSorted();
}

/** The keys that can become files: also the binary ones of a ConfigMap. */
export function fileKeys(object: InputObject): readonly string[] {
  return [...Object.keys(object.data ?? {}), ...Object.keys(binaryOf(object))].toSorted();
}

/**
 * One key's text. `absent`: no such key; `binary`: of a ConfigMap's binaryData, or not UTF-8, or holding a NUL byte,
 * none of which a variable can be.
 */
export function textOf(
  kind: InputKind,
  object: InputObject,
  key: string,
): { readonly text: string } | 'absent' | 'binary' {
  const value = own(object.data, key);
  if (value === undefined) return own(binaryOf(object), key) === undefined ? 'absent' : 'binary';
  const text = kind === 'configmaps' ? value : decodeText(value);
  return text === undefined || text.includes('\0') ? 'binary' : { text };
}

/** One key's bytes; undefined where there is no such key. */
export function bytesOf(kind: InputKind, object: InputObject, key: string): KeyBytes | undefined {
  let known = decoded.get(object);
  if (known === undefined) decoded.set(object, (known = new Map()));
  const found = known.get(key) ?? read(kind, object, key);
  if (found !== undefined) known.set(key, found);
  return found;
}

function read(kind: InputKind, object: InputObject, key: string): KeyBytes | undefined {
  const value = own(object.data, key);
  const binary = own(binaryOf(object), key);
  const isText = kind === 'configmaps' && value !== undefined;
  const source = value ?? binary;
  if (source === undefined) return undefined;
  const bytes = Buffer.from(source, isText ? 'utf8' : 'base64');
  return { bytes, digest: createHash('sha256').update(bytes).digest('hex') };
}

function decodeText(base64: string): string | undefined {
  try {
    return decoder.decode(Buffer.from(base64, 'base64'));
  } catch {
    // Not UTF-8, which is an answer.
    return undefined;
  }
}

function binaryOf(object: InputObject): Readonly<Record<string, string>> {
  return ('binaryData' in object ? object.binaryData : undefined) ?? {};
}

/** A key may be called `constructor`. */
function own(record: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
