/**
 * A kind's schema as a compiled check: Ajv for the structure, re2js for the patterns (linear time, whatever a user's
 * document says), answers in Kubernetes' wording. CEL rules run only on objects whose structure is sound. What a
 * change leaves as it was does not speak against it (ratcheting).
 */
import { isIP } from 'node:net';
import { Ajv, type ErrorObject, type Options, type SchemaObject } from 'ajv';
import addFormats from 'ajv-formats';
import { parseDurationMs } from '../../../machinery/duration.ts';
import { isRecord } from '../../../machinery/json.ts';
import { dnsLabelProblem, subdomainProblem } from '../../../machinery/names.ts';
import { parseQuantity } from '../../../machinery/quantity.ts';
import type { Schema } from '../../../schemas/crd.ts';
import { compileRules } from './cel.ts';
import { isUntouched } from './correlation.ts';
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
import { linearPatterns, matchingWithinBounds } from './patterns.ts';
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
      if (!matchingWithinBounds(() => check(object))) {
        const problems = (check.errors ?? [])
          .filter((error) => old === undefined || !isUntouched(schema, object, old, error.instancePath))
          .flatMap(problemsOf);
        if (problems.length > 0) return unique(problems);
      }
      return rules(object, old);
    },
  };
}

function newAjv(): Ajv {
  const options: Options = {
    allErrors: true,
    // A field may be called `constructor`, and is absent where an object merely inherits it.
    ownProperties: true,
    // Messages name the value that was found.
    verbose: true,
    strict: false,
    logger: false,
    // The rules of definitions have judged it; Ajv would compare every value of an enum with every other.
    validateSchema: false,
    code: { regExp: linearPatterns },
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
    'email',
    'hostname',
  ]);
  for (const [name, isOf] of Object.entries(TEXT_FORMATS))
    ajv.addFormat(name, { type: 'string', validate: isOf });
  ajv.addKeyword({
    keyword: 'x-kubernetes-int-or-string',
    validate: (isOn: boolean, value: unknown, parent?: { readonly [NULLABLE]?: boolean }) =>
      !isOn ||
      typeof value === 'string' ||
      Number.isInteger(value) ||
      (value === null && parent?.[NULLABLE] === true),
    errors: false,
  });
  ajv.addKeyword({ keyword: NULLABLE, validate: () => true, errors: false });
  ajv.addKeyword({
    keyword: 'x-gantry-quantity',
    validate: (wanted: boolean | 'positive', value: unknown) => {
      if (wanted === false || (typeof value !== 'string' && typeof value !== 'number')) return true;
      const nano = parseQuantity(value) ?? -1n;
      return nano >= (wanted === 'positive' ? 1n : 0n) && nano <= LARGEST_QUANTITY;
    },
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

/** What an engine is told are 64-bit integers; near their end a JavaScript number is no longer one of them. */
const LARGEST_QUANTITY = parseQuantity('4Ei') ?? 0n;

/** On an int-or-string, whose type Ajv does not see. */
const NULLABLE = 'x-gantry-nullable';

/** Formats that Kubernetes knows beside JSON Schema's own. Source: kube-openapi `pkg/validation/strfmt`. */
const TEXT_FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  byte: (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
  cidr: isCidr,
  duration: (text) => parseDurationMs(text) !== undefined,
  datetime: (text) => !Number.isNaN(Date.parse(text)),
  mac: (text) => /^(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$/.test(text),
  uuid3: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
  uuid4: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  uuid5: (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i.test(text),
  hexcolor: (text) => /^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  rgbcolor: (text) => /^rgb\((?:\s*\d{1,3}\s*,){2}\s*\d{1,3}\s*\)$/.test(text),
  'k8s-short-name': (text) => dnsLabelProblem(text) === undefined,
  'k8s-long-name': (text) => subdomainProblem(text) === undefined,
};

function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more !== undefined || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}

/** Prose and what is done elsewhere: Ajv need not see it. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'description',
  'title',
  'example',
  'externalDocs',
  'default',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'x-gantry-schema',
]);

/** The structural schema as the JSON Schema that Ajv compiles: extensions kept, defaults and prose left out. */
function toAjv(schema: Schema): SchemaObject {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (LEFT_OUT.has(keyword) || value === undefined) continue;
    if (keyword.startsWith('x-kubernetes-') && keyword !== 'x-kubernetes-int-or-string') continue;
    result[keyword] = value;
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    delete result['type'];
    if (schema.nullable === true) result[NULLABLE] = true;
  }
  // Ajv takes it only beside a type; without one everything may be null anyway.
  if (result['type'] === undefined) delete result['nullable'];
  if (schema.exclusiveMinimum === true && schema.minimum !== undefined) {
    delete result['minimum'];
    result['exclusiveMinimum'] = schema.minimum;
  }
  if (schema.exclusiveMaximum === true && schema.maximum !== undefined) {
    delete result['maximum'];
    result['exclusiveMaximum'] = schema.maximum;
  }
  addParts(schema, result);
  const listType = schema['x-kubernetes-list-type'];
  if (listType === 'set') result['x-gantry-unique'] = [];
  if (listType === 'map') result['x-gantry-unique'] = schema['x-kubernetes-list-map-keys'] ?? [];
  return result;
}

function addParts(schema: Schema, result: Record<string, unknown>): void {
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const properties = isEmbedded ? { ...schema.properties, ...EMBEDDED } : schema.properties;
  if (isEmbedded) result['required'] = [...new Set([...(schema.required ?? []), 'apiVersion', 'kind'])];
  if (properties !== undefined) {
    result['properties'] = Object.fromEntries(
      Object.entries(properties).map(([field, part]) => [field, toAjv(part)]),
    );
  }
  if (schema.items !== undefined) result['items'] = toAjv(schema.items);
  if (typeof schema.additionalProperties === 'object') {
    result['additionalProperties'] = toAjv(schema.additionalProperties);
  }
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    const parts = schema[junctor];
    if (parts !== undefined) result[junctor] = parts.map(toAjv);
  }
  if (schema.not !== undefined) result['not'] = toAjv(schema.not);
}

/** What every object has, also one inside another. */
const EMBEDDED: Readonly<Record<string, Schema>> = {
  apiVersion: { type: 'string', minLength: 1 },
  kind: { type: 'string', minLength: 1 },
  metadata: { type: 'object' },
};

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

/** A branch of a choice that does not fit is no problem of its own: the choice tells of it. */
const IN_A_BRANCH = /(?<!\/properties)\/(?:anyOf|oneOf)\/\d+\/|(?<!\/properties)\/not\//;

function problemsOf(error: ErrorObject): FieldProblem[] {
  if (IN_A_BRANCH.test(error.schemaPath)) return [];
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
    case 'exclusiveMinimum':
      return [inBody(`should be greater than ${limit}`)];
    case 'exclusiveMaximum':
      return [inBody(`should be less than ${limit}`)];
    case 'multipleOf':
      return [inBody(`should be a multiple of ${Number(error.schema)}`)];
    case 'anyOf':
      return [choice(field, 'must validate at least one schema (anyOf)')];
    case 'oneOf': {
      const passing: unknown = error.params['passingSchemas'];
      const found = Array.isArray(passing)
        ? `Found ${passing.length} valid alternatives`
        : 'Found none valid';
      return [choice(field, `must validate one and only one schema (oneOf). ${found}`)];
    }
    case 'not':
      return [choice(field, 'must not validate the schema (not)')];
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
      return [quantityProblem(field, value, error.schema === 'positive')];
    case 'x-gantry-unique': {
      const keys: readonly string[] = Array.isArray(error.schema) ? error.schema : [];
      const repeat = firstRepeat(keys, Array.isArray(value) ? value : []);
      return repeat === undefined ? [] : [duplicate(`${field}[${repeat.index}]`, repeat.identity)];
    }
    default:
      return [invalid(field, value, error.message ?? error.keyword)];
  }
}

function choice(field: string, text: string): FieldProblem {
  return invalid(field, '', `"${field}" ${text}`);
}

function quantityProblem(field: string, value: unknown, isPositive: boolean): FieldProblem {
  const nano = typeof value === 'string' || typeof value === 'number' ? parseQuantity(value) : undefined;
  if (nano === undefined) return invalid(field, value, QUANTITY_DETAIL);
  if (nano > LARGEST_QUANTITY) return invalid(field, value, 'must be at most 4Ei');
  return invalid(field, value, isPositive ? 'must be greater than 0' : 'must be greater than or equal to 0');
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
