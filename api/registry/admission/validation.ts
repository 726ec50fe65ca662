/**
 * A kind's schema as a compiled check: Ajv for the structure, re2js for the patterns (linear time, whatever a user's
 * document says), answers in Kubernetes' wording. CEL rules run only on objects whose structure is sound.
 */
import { Ajv, type ErrorObject, type Options, type SchemaObject } from 'ajv';
import addFormats from 'ajv-formats';
import { RE2JS } from 're2js';
import { isRecord } from '../../../machinery/json.ts';
import { parseQuantity } from '../../../machinery/quantity.ts';
import type { Schema } from '../../../schemas/crd.ts';
import { compileRules } from './cel.ts';
import {
  duplicate,
  type FieldProblem,
  invalid,
  required,
  tooLong,
  tooMany,
  unsupported,
  wrongType,
} from './fielderrors.ts';
import { joinPath } from './structural.ts';

export interface Validator {
  /** All that is wrong with the object; `old` is the stored one, for transition rules. */
  problems(object: object, old: object | undefined): readonly FieldProblem[];
}

const QUANTITY_DETAIL =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** @param name of the kind, for the errors of a document that is itself wrong. */
export function compileValidator(schema: Schema, name: string): Validator {
  const check = newAjv().compile(toAjv(schema));
  const rules = compileRules(schema, name);
  return {
    problems(object, old) {
      if (!check(object)) {
        const problems = (check.errors ?? []).flatMap(problemsOf);
        if (problems.length > 0) return unique(problems);
      }
      return rules(object, old);
    },
  };
}

function newAjv(): Ajv {
  const options: Options = {
    allErrors: true,
    // Messages name the value that was found.
    verbose: true,
    strict: false,
    logger: false,
    code: { regExp: Object.assign(linearRegExp, { code: 'linearRegExp' }) },
  };
  const ajv = new Ajv(options);
  addFormats.default(ajv, [
    'date-time',
    'date',
    'int32',
    'int64',
    'float',
    'double',
    'ipv4',
    'ipv6',
    'uri',
    'uuid',
  ]);
  ajv.addKeyword({
    keyword: 'x-kubernetes-int-or-string',
    validate: (isOn: boolean, value: unknown) =>
      !isOn || typeof value === 'string' || Number.isInteger(value),
    errors: false,
  });
  ajv.addKeyword({
    keyword: 'x-gantry-quantity',
    validate: (isOn: boolean, value: unknown) =>
      !isOn ||
      (typeof value !== 'string' && typeof value !== 'number') ||
      (parseQuantity(value) ?? -1n) >= 0n,
    errors: false,
  });
  ajv.addKeyword({
    keyword: 'x-gantry-unique',
    type: 'array',
    validate: (keys: readonly string[], value: readonly unknown[]) => firstRepeat(keys, value) === undefined,
    errors: false,
  });
  return ajv;
}

/** What Ajv asks of a regular expression: it keeps one for each `toString`. */
function linearRegExp(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = RE2JS.compile(pattern);
  return { test: (text) => compiled.matcher(text).find(), toString: () => pattern };
}

/** The structural schema as the JSON Schema that Ajv compiles: extensions kept, defaults and prose left out. */
function toAjv(schema: Schema): SchemaObject {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'description' || keyword === 'default' || value === undefined) continue;
    if (keyword.startsWith('x-kubernetes-') && keyword !== 'x-kubernetes-int-or-string') continue;
    result[keyword] = value;
  }
  if (schema['x-kubernetes-int-or-string'] === true) delete result['type'];
  if (schema.properties !== undefined) {
    result['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([field, part]) => [field, toAjv(part)]),
    );
  }
  if (schema.items !== undefined) result['items'] = toAjv(schema.items);
  if (typeof schema.additionalProperties === 'object') {
    result['additionalProperties'] = toAjv(schema.additionalProperties);
  }
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set') result['x-gantry-unique'] = [];
  if (listType === 'map') result['x-gantry-unique'] = schema['x-kubernetes-list-map-keys'] ?? [];
  return result;
}

/** Index and identity of the first item that an earlier one equals; the whole item counts when there are no keys. */
function firstRepeat(
  keys: readonly string[],
  items: readonly unknown[],
): { readonly index: number; readonly identity: unknown } | undefined {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const identity =
      keys.length > 0 && isRecord(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item;
    const text = JSON.stringify(identity) ?? '';
    if (seen.has(text)) return { index, identity };
    seen.add(text);
  }
  return undefined;
}

function problemsOf(error: ErrorObject): FieldProblem[] {
  const field = fieldOf(error.instancePath);
  const value: unknown = error.data;
  const limit = Number(error.params['limit'] ?? 0);
  const inBody = (text: string): FieldProblem => invalid(field, value, `${field} in body ${text}`);
  switch (error.keyword) {
    case 'required':
      return [required(joinPath(field, String(error.params['missingProperty'])))];
    case 'type':
      return [
        wrongType(
          field,
          value,
          [error.schema]
            .flat()
            .filter((type) => type !== 'null')
            .join(','),
        ),
      ];
    case 'x-kubernetes-int-or-string':
      return [wrongType(field, value, 'integer,string')];
    case 'enum':
      return [unsupported(field, value, Array.isArray(error.schema) ? error.schema : [])];
    case 'pattern':
      return [inBody(`should match '${String(error.schema)}'`)];
    case 'format':
      return [
        invalid(
          field,
          value,
          `${field} in body must be of type ${String(error.schema)}: ${JSON.stringify(value)}`,
        ),
      ];
    case 'minimum':
      return [inBody(`should be greater than or equal to ${limit}`)];
    case 'maximum':
      return [inBody(`should be less than or equal to ${limit}`)];
    case 'minLength':
      return [inBody(`should be at least ${limit} chars long`)];
    case 'maxLength':
      return [tooLong(field, limit)];
    case 'minItems':
      return [inBody(`should have at least ${limit} items`)];
    case 'minProperties':
      return [inBody(`should have at least ${limit} properties`)];
    case 'maxItems':
      return [tooMany(field, Array.isArray(value) ? value.length : 0, limit)];
    case 'maxProperties':
      return [tooMany(field, isRecord(value) ? Object.keys(value).length : 0, limit)];
    case 'x-gantry-quantity':
      return [quantityProblem(field, value)];
    case 'x-gantry-unique': {
      const keys: readonly string[] = Array.isArray(error.schema) ? error.schema : [];
      const repeat = firstRepeat(keys, Array.isArray(value) ? value : []);
      return repeat === undefined ? [] : [duplicate(`${field}[${repeat.index}]`, repeat.identity)];
    }
    default:
      return [invalid(field, value, error.message ?? error.keyword)];
  }
}

function quantityProblem(field: string, value: unknown): FieldProblem {
  const isReadable =
    (typeof value === 'string' || typeof value === 'number') && parseQuantity(value) !== undefined;
  return invalid(field, value, isReadable ? 'must be greater than or equal to 0' : QUANTITY_DETAIL);
}

/** `/spec/ports/0/name` as `spec.ports[0].name`; keys that are no plain words in brackets, as Kubernetes prints map keys. */
function fieldOf(pointer: string): string {
  let field = '';
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (/^\d+$/.test(key) || /[^\w-]/.test(key)) field += `[${key}]`;
    else field = joinPath(field, key);
  }
  return field;
}

function unique(problems: readonly FieldProblem[]): FieldProblem[] {
  const seen = new Map(problems.map((problem) => [`${problem.field} ${problem.message}`, problem]));
  return [...seen.values()];
}
