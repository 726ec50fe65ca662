/**
 * Schemas and JSON values as CEL sees them: which fields a rule may name, under which names, and of which types.
 * Source: Kubernetes documentation, "Validation rules": types and the escaping of property names.
 */

import type { Environment } from '@marcbachmann/cel-js';
import { Duration } from '@marcbachmann/cel-js/evaluator';
import { parseDurationMs } from '../../../../machinery/duration.ts';
import { isRecord } from '../../../../machinery/json.ts';
import type { Schema } from '../../../../schemas/crd.ts';

/** CEL's own words, which are no field names. */
const RESERVED: ReadonlySet<string> = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const text: Schema = { type: 'string' };
/** What rules may ask of a whole object beside its own fields. */
const ROOT: Readonly<Record<string, Schema>> = {
  apiVersion: text,
  kind: text,
  metadata: { type: 'object', properties: { name: text, generateName: text } },
};

/** The fields of a value of this schema that rules can name, by their own names. */
export function fieldsOf(schema: Schema, isRoot: boolean): Readonly<Record<string, Schema>> {
  const isWhole = isRoot || schema['x-kubernetes-embedded-resource'] === true;
  return isWhole ? { ...schema.properties, ...ROOT } : (schema.properties ?? {});
}

/** Almost every name: asked of each field of each object. */
const PLAIN = /^[A-Za-z][A-Za-z0-9]*$/;

/** The field's name in CEL; undefined for one that cannot be named there. */
export function escapedName(field: string): string | undefined {
  if (RESERVED.has(field)) return `__${field}__`;
  if (PLAIN.test(field)) return field;
  const escaped = field
    .replaceAll('__', '__underscores__')
    .replaceAll('.', '__dot__')
    .replaceAll('-', '__dash__')
    .replaceAll('/', '__slash__');
  return /^[A-Za-z_]\w*$/.test(escaped) ? escaped : undefined;
}

/** Declares `self` and `oldSelf` with all their fields, so that rules that name others are found. */
export function declareVariables(
  environment: Environment,
  schema: Schema,
  isRoot: boolean,
  oldIsOptional: boolean,
): void {
  const type = declareType(environment, schema, isRoot, { count: 0 });
  environment.registerVariable('self', type);
  environment.registerVariable('oldSelf', oldIsOptional ? `optional<${type}>` : type);
}

function declareType(
  environment: Environment,
  schema: Schema,
  isRoot: boolean,
  names: { count: number },
): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'dyn';
  switch (schema.type) {
    case 'object': {
      if (typeof schema.additionalProperties === 'object') {
        return `map<string, ${declareType(environment, schema.additionalProperties, false, names)}>`;
      }
      const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
      if (schema['x-kubernetes-preserve-unknown-fields'] === true && !isRoot && !isEmbedded) return 'dyn';
      const fields: Record<string, string> = {};
      for (const [field, part] of Object.entries(fieldsOf(schema, isRoot))) {
        const name = escapedName(field);
        if (name !== undefined) fields[name] = declareType(environment, part, false, names);
      }
      if (Object.keys(fields).length === 0) return 'map';
      const name = `Object${names.count++}`;
      environment.registerType(name, { fields });
      return name;
    }
    case 'array':
      return schema.items === undefined
        ? 'list'
        : `list<${declareType(environment, schema.items, false, names)}>`;
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    case 'string':
      return stringType(schema.format);
    case undefined:
      return 'dyn';
    default:
      throw new Error(`no schema type is called ${JSON.stringify(schema.type satisfies never)}`);
  }
}

function stringType(format: string | undefined): string {
  if (format === 'date-time' || format === 'date') return 'google.protobuf.Timestamp';
  if (format === 'duration') return 'google.protobuf.Duration';
  return format === 'byte' ? 'bytes' : 'string';
}

/**
 * JSON as CEL sees it: whole numbers of integer fields become CEL's int, names are escaped.
 * @param only of an object: these fields alone, by their escaped names
 */
export function toCel(schema: Schema | undefined, value: unknown, only?: ReadonlySet<string>): unknown {
  if (typeof value === 'number') {
    const isInteger = schema?.type === 'integer' || schema?.['x-kubernetes-int-or-string'] === true;
    return isInteger && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (typeof value === 'string') return typedText(schema, value);
  if (Array.isArray(value)) return value.map((item: unknown) => toCel(schema?.items, item));
  if (!isRecord(value)) return value;
  const { properties, additionalProperties } = schema ?? {};
  const rest = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const part = properties !== undefined && Object.hasOwn(properties, key) ? properties[key] : undefined;
    const name = rest === undefined ? (escapedName(key) ?? key) : key;
    if (only !== undefined && !only.has(name)) continue;
    result[name] = toCel(part ?? rest, item);
  }
  return result;
}

function typedText(schema: Schema | undefined, value: string): unknown {
  if (schema === undefined || schema['x-kubernetes-int-or-string'] === true) return value;
  switch (schema.format ?? '') {
    case 'date-time':
    case 'date':
      return new Date(value);
    case 'duration': {
      const ms = parseDurationMs(value);
      return ms === undefined ? value : Duration.fromMilliseconds(ms);
    }
    case 'byte':
      return Uint8Array.from(Buffer.from(value, 'base64'));
    default:
      return value;
  }
}
