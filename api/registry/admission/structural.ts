/**
 * Structural schemas applied to values: unknown fields are pruned (and named), absent ones get their defaults.
 *
 * The input is never changed; the result shares nothing with it that the caller could still write to. Wrong types
 * pass through untouched: validation tells about them. Source of the rules: Kubernetes documentation, "Extend the
 * Kubernetes API with CustomResourceDefinitions", Pruning and Defaulting (a null that is not nullable counts as absent).
 */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { Schema } from '../../../schemas/crd.ts';
import { MAX_VALUE_BYTES } from '../../../store/store.ts';
import { schemaOfSchemas } from './schemaschema.ts';

export interface Conformed {
  readonly value: unknown;
  /** Paths of the fields that the schema does not know, such as `spec.ports[0].nme`, sorted. */
  readonly unknown: readonly string[];
}

interface Pass {
  readonly unknown: string[];
  readonly hasDefaults: boolean;
  /** Bytes that defaults may still add: defaults inside the items of defaults multiply. */
  room: number;
}

const newPass = (hasDefaults: boolean): Pass => ({ unknown: [], hasDefaults, room: MAX_VALUE_BYTES });

/** Fields of the root that the schema does not describe: they are checked elsewhere and copied as they are. */
const ROOT_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Prunes and defaults a whole object; apiVersion, kind and metadata are left to the caller. */
export function conformObject(schema: Schema, object: Readonly<Record<string, unknown>>): Conformed {
  return conformRoot(schema, object, newPass(true));
}

/** Prunes a whole object and leaves its defaults alone. */
export function pruneObject(schema: Schema, object: Readonly<Record<string, unknown>>): Conformed {
  return conformRoot(schema, object, newPass(false));
}

/** Prunes and defaults a value that is not a root. */
export function conformValue(schema: Schema, value: unknown): Conformed {
  const pass = newPass(true);
  return { value: conform(schema, value, '', pass), unknown: pass.unknown };
}

function conformRoot(schema: Schema, object: Readonly<Record<string, unknown>>, pass: Pass): Conformed {
  const value: Record<string, unknown> = {};
  for (const field of ROOT_FIELDS) {
    if (object[field] !== undefined) value[field] = object[field];
  }
  conformFields(schema, object, '', pass, value, ROOT_FIELDS);
  return { value, unknown: pass.unknown.sort() };
}

export function joinPath(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

function conform(given: Schema, value: unknown, path: string, pass: Pass): unknown {
  const schema = given['x-gantry-schema'] === true ? schemaOfSchemas : given;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value.map(copy);
    return value.map((item: unknown, index) =>
      item === null && items.nullable !== true && items.default !== undefined && pass.hasDefaults
        ? filledIn(items, `${path}[${index}]`, pass)
        : conform(items, item, `${path}[${index}]`, pass),
    );
  }
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  if (schema['x-kubernetes-embedded-resource'] !== true) conformFields(schema, value, path, pass, result);
  else {
    for (const field of ROOT_FIELDS) if (value[field] !== undefined) result[field] = copy(value[field]);
    conformFields(schema, value, path, pass, result, ROOT_FIELDS);
  }
  return result;
}

function conformFields(
  schema: Schema,
  source: Readonly<Record<string, unknown>>,
  path: string,
  pass: Pass,
  result: Record<string, unknown>,
  skip?: ReadonlySet<string>,
): void {
  const { properties, additionalProperties } = schema;
  for (const field of Object.keys(source)) {
    const value = source[field];
    if (value === undefined || skip?.has(field) === true) continue;
    const part = partOf(schema, field);
    if (field === '__proto__' || (part === undefined && !isOpen(schema))) {
      pass.unknown.push(joinPath(path, field));
    } else if (part === undefined) {
      result[field] = copy(value);
    } else if (value === null && part.nullable !== true && pass.hasDefaults) {
      // As if it were absent: a default may still come.
      if (part.default !== undefined && typeof additionalProperties === 'object') {
        result[field] = filledIn(part, joinPath(path, field), pass);
      }
    } else {
      result[field] = conform(part, value, joinPath(path, field), pass);
    }
  }
  if (properties === undefined || !pass.hasDefaults) return;
  for (const field of Object.keys(properties)) {
    const part = properties[field];
    if (part?.default === undefined || Object.hasOwn(result, field) || skip?.has(field) === true) continue;
    result[field] = filledIn(part, joinPath(path, field), pass);
  }
}

const lengths = new WeakMap<Schema, number>();

/** Throws `RequestEntityTooLarge` when defaults alone make more than can be stored. */
function filledIn(part: Schema, path: string, pass: Pass): unknown {
  let length = lengths.get(part);
  if (length === undefined) lengths.set(part, (length = JSON.stringify(part.default).length));
  pass.room -= length;
  if (pass.room < 0) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `${path}: the defaults of the schema add more than ${MAX_VALUE_BYTES} bytes, which cannot be stored`,
    );
  }
  return conform(part, part.default, path, pass);
}

function isOpen({
  'x-kubernetes-preserve-unknown-fields': preserves,
  additionalProperties,
}: Schema): boolean {
  return preserves === true || additionalProperties === true;
}

function partOf({ properties, additionalProperties }: Schema, field: string): Schema | undefined {
  const known = properties !== undefined && Object.hasOwn(properties, field) ? properties[field] : undefined;
  return known ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
}

/** Whether `conformObject` would change nothing: asked of every object that is read, so it makes nothing. */
export function isConforming(schema: Schema, object: Readonly<Record<string, unknown>>): boolean {
  return hasOnlyKnown(schema, object, ROOT_FIELDS);
}

function conforms(given: Schema, value: unknown): boolean {
  const schema = given['x-gantry-schema'] === true ? schemaOfSchemas : given;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return true;
    return value.every((item: unknown) =>
      item === null ? items.nullable === true || items.default === undefined : conforms(items, item),
    );
  }
  if (!isRecord(value)) return true;
  const skip = schema['x-kubernetes-embedded-resource'] === true ? ROOT_FIELDS : undefined;
  return hasOnlyKnown(schema, value, skip);
}

function hasOnlyKnown(
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  skip: ReadonlySet<string> | undefined,
): boolean {
  for (const field in value) {
    if (skip?.has(field) === true) continue;
    const part = partOf(schema, field);
    if (part === undefined) {
      if (field === '__proto__' || !isOpen(schema)) return false;
      continue;
    }
    const item = value[field];
    if (item === null ? part.nullable !== true : !conforms(part, item)) return false;
  }
  const { properties } = schema;
  for (const field in properties) {
    if (properties[field]?.default === undefined || Object.hasOwn(value, field)) continue;
    if (skip?.has(field) !== true) return false;
  }
  return true;
}

/** A copy of a JSON value that nobody else holds. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (key !== '__proto__' && value[key] !== undefined) result[key] = copy(value[key]);
  }
  return result;
}
