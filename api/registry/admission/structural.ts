/**
 * Structural schemas applied to values: unknown fields are pruned (and named), absent ones get their defaults.
 *
 * The input is never changed; the result shares nothing with it that the caller could still write to. Wrong types
 * pass through untouched: validation tells about them. Source of the rules: Kubernetes documentation, "Extend the
 * Kubernetes API with CustomResourceDefinitions", Pruning and Defaulting (a null that is not nullable counts as absent).
 */
import { isRecord } from '../../../machinery/json.ts';
import type { Schema } from '../../../schemas/crd.ts';

export interface Conformed {
  readonly value: unknown;
  /** Paths of the fields that the schema does not know, such as `spec.ports[0].nme`, sorted. */
  readonly unknown: readonly string[];
}

/** Fields of the root that the schema does not describe: they are checked elsewhere and copied as they are. */
const ROOT_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Prunes and defaults a whole object; apiVersion, kind and metadata are left to the caller. */
export function conformObject(schema: Schema, object: Readonly<Record<string, unknown>>): Conformed {
  const unknown: string[] = [];
  const value: Record<string, unknown> = {};
  for (const field of ROOT_FIELDS) {
    if (object[field] !== undefined) value[field] = object[field];
  }
  conformFields(schema, object, '', unknown, value, ROOT_FIELDS);
  return { value, unknown: unknown.sort() };
}

export function joinPath(path: string, field: string): string {
  return path === '' ? field : `${path}.${field}`;
}

function conform(schema: Schema, value: unknown, path: string, unknown: string[]): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value.map(copy);
    return value.map((item: unknown, index) =>
      item === null && items.nullable !== true && items.default !== undefined
        ? conform(items, items.default, `${path}[${index}]`, unknown)
        : conform(items, item, `${path}[${index}]`, unknown),
    );
  }
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  conformFields(schema, value, path, unknown, result);
  return result;
}

function conformFields(
  schema: Schema,
  source: Readonly<Record<string, unknown>>,
  path: string,
  unknown: string[],
  result: Record<string, unknown>,
  skip?: ReadonlySet<string>,
): void {
  const { properties, additionalProperties } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || additionalProperties === true;
  for (const field of Object.keys(source)) {
    const value = source[field];
    if (value === undefined || skip?.has(field) === true) continue;
    const known =
      properties !== undefined && Object.hasOwn(properties, field) ? properties[field] : undefined;
    const part = known ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined);
    if (field === '__proto__' || (part === undefined && !isOpen)) {
      unknown.push(joinPath(path, field));
    } else if (part === undefined) {
      result[field] = copy(value);
    } else if (value === null && part.nullable !== true) {
      // As if it were absent: a default may still come.
      if (known === undefined && part.default !== undefined) {
        result[field] = conform(part, part.default, joinPath(path, field), unknown);
      }
    } else {
      result[field] = conform(part, value, joinPath(path, field), unknown);
    }
  }
  if (properties === undefined) return;
  for (const field of Object.keys(properties)) {
    const part = properties[field];
    if (part?.default === undefined || Object.hasOwn(result, field) || skip?.has(field) === true) continue;
    result[field] = conform(part, part.default, joinPath(path, field), unknown);
  }
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
