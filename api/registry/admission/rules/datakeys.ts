/**
 * Keyed data, as ConfigMaps and Secrets hold it: which keys are valid, how much it may be, and base64 as Go reads it.
 * Source of the rules and the wording: Kubernetes' apimachinery `IsConfigMapKey` and core validation.
 */
import { ApiError } from '../../../../machinery/errors.ts';
import { isRecord, isSameJson } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { type FieldProblem, forbidden, invalid } from '../fielderrors.ts';

/** All data of one object together, decoded. */
export const MAX_DATA_BYTES = 1024 * 1024;

const MAX_KEY_LENGTH = 253;
const KEY = /^[-._a-zA-Z0-9]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** Every field that `immutable` freezes, besides itself. */
const FROZEN = ['data', 'binaryData'] as const;
const IMMUTABLE = 'field is immutable when `immutable` is set';

/** The entries of a map field whose values are text; others are the schema's to refuse. */
export function textEntries(object: DynamicObject, field: string): readonly (readonly [string, string])[] {
  const data = object[field];
  if (!isRecord(data)) return [];
  return Object.entries(data).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
}

export function keyProblems(object: DynamicObject, field: string): FieldProblem[] {
  return textEntries(object, field).flatMap(([key]) =>
    problemsOfKey(key).map((detail) => invalid(`${field}[${key}]`, key, detail)),
  );
}

function problemsOfKey(key: string): string[] {
  const problems: string[] = [];
  if (key.length > MAX_KEY_LENGTH) problems.push(`must be no more than ${MAX_KEY_LENGTH} characters`);
  if (!KEY.test(key)) {
    problems.push(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    );
  }
  if (key === '.') problems.push("must not be '.'");
  else if (key === '..') problems.push("must not be '..'");
  else if (key.startsWith('..')) problems.push("must not start with '..'");
  return problems;
}

/** Bytes that a field's values decode to. Throws `BadRequest` for what is not base64, as Kubernetes' decoder does. */
export function decodedBytes(object: DynamicObject, field: string): number {
  let bytes = 0;
  for (const [key, value] of textEntries(object, field)) {
    // Go's decoder passes over line breaks.
    const text = value.replace(/[\r\n]/g, '');
    if (!BASE64.test(text)) {
      throw new ApiError(
        'BadRequest',
        `${object.kind} in version "v1" cannot be handled as a ${object.kind}: ${field}[${key}]: illegal base64 data at input byte ${illegalAt(text)}`,
      );
    }
    bytes += Buffer.byteLength(text, 'base64');
  }
  return bytes;
}

function illegalAt(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/]/);
  return at < 0 ? text.length : at;
}

/** What speaks against a change of an object whose data is immutable. */
export function immutableProblems(object: DynamicObject, before: DynamicObject): FieldProblem[] {
  if (before['immutable'] !== true) return [];
  const changed = FROZEN.filter((field) => !isSameJson(before[field] ?? {}, object[field] ?? {}));
  return [...(object['immutable'] === true ? [] : ['immutable']), ...changed].map((field) =>
    forbidden(field, IMMUTABLE),
  );
}
