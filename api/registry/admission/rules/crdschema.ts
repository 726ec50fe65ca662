/**
 * What speaks against the schema of a definition: it must be structural (every field has one type, wherever it is
 * spoken of), its defaults must be valid, its lists must name their keys, its patterns and CEL rules must compile and
 * be affordable. Source: apiextensions-apiserver `pkg/apiserver/schema` (ValidateStructural, listtype, defaulting) and
 * `pkg/apis/apiextensions/validation`, whose messages these are.
 */
import { RE2JS } from 're2js';
import { isApiError } from '../../../../machinery/errors.ts';
import { isRecord, isSameJson } from '../../../../machinery/json.ts';
import type { KindVersion, Schema } from '../../../../schemas/crd.ts';
import { excessOf, RULE_COST_LIMIT, SCHEMA_COST_LIMIT } from '../cel/cost.ts';
import { costsOf, RuleError } from '../cel.ts';
import { type FieldProblem, forbidden, invalid, required, unsupported } from '../fielderrors.ts';
import { type Conformed, conformValue } from '../structural.ts';
import { compileValidator, type Validator } from '../validation.ts';
import { structuralProblems } from './crdstructure.ts';

const REASONS = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueDuplicate'];
const SIMPLER =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
const MAX_SELECTABLE = 8;

/** @param path of the version, such as `spec.versions[0]`. */
export function schemaProblems(version: KindVersion, path: string): readonly FieldProblem[] {
  const schema = version.schema.openAPIV3Schema;
  const place = `${path}.schema.openAPIV3Schema`;
  const structural = structuralProblems(schema, place);
  // The rest reads the schema as what it claims to be.
  if (structural.length > 0) return structural;
  const defaults: Default[] = [];
  const problems = [...partProblems(schema, place, true, defaults)];
  problems.push(...validityProblems(defaults));
  if (problems.length > 0) return problems;
  problems.push(...ruleProblems(schema, place), ...selectableProblems(version, path));
  if (problems.length > 0) return problems;
  try {
    compileValidator(schema, 'the schema');
  } catch (error) {
    problems.push(
      invalid(
        place,
        '',
        `error building validator: ${error instanceof Error ? error.message : String(error)}`,
      ),
    );
  }
  return problems;
}

/** Patterns, list types and the form of defaults, of the schema and all below it; gathers the defaults to be validated. */
function* partProblems(
  schema: Schema,
  place: string,
  isRoot: boolean,
  defaults: Default[],
): Generator<FieldProblem> {
  yield* patternProblems(schema, place);
  yield* listProblems(schema, place);
  if (schema.default !== undefined) yield* defaultProblems(schema, place, isRoot, defaults);
  for (const [field, part] of Object.entries(schema.properties ?? {})) {
    // What is said of metadata at the root is the API's own.
    if (isRoot && field === 'metadata') continue;
    yield* partProblems(part, `${place}.properties[${field}]`, false, defaults);
  }
  const { items, additionalProperties } = schema;
  if (items !== undefined) yield* partProblems(items, `${place}.items`, false, defaults);
  if (typeof additionalProperties === 'object') {
    yield* partProblems(additionalProperties, `${place}.additionalProperties`, false, defaults);
  }
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    for (const [index, part] of (schema[junctor] ?? []).entries()) {
      yield* partProblems(part, `${place}.${junctor}[${index}]`, false, defaults);
    }
  }
  if (schema.not !== undefined) yield* partProblems(schema.not, `${place}.not`, false, defaults);
}

function* patternProblems({ pattern }: Schema, place: string): Generator<FieldProblem> {
  if (pattern === undefined || pattern === '') return;
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    yield invalid(`${place}.pattern`, pattern, `must be a valid regular expression, but isn't: ${why}`);
  }
}

function* listProblems(schema: Schema, place: string): Generator<FieldProblem> {
  const listType: string | undefined = schema['x-kubernetes-list-type'];
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const mapType: string | undefined = schema['x-kubernetes-map-type'];
  const typeField = `${place}.type`;
  const listField = `${place}.x-kubernetes-list-type`;
  const keysField = `${place}.x-kubernetes-list-map-keys`;
  if (mapType !== undefined) {
    if (schema.type !== 'object') {
      yield schema.type === undefined
        ? required(typeField, 'must be object if x-kubernetes-map-type is specified')
        : invalid(typeField, schema.type, 'must be object if x-kubernetes-map-type is specified');
    }
    if (mapType !== 'atomic' && mapType !== 'granular') {
      yield unsupported(`${place}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']);
    }
  }
  if (listType === undefined) {
    if (keys.length > 0) {
      yield required(listField, 'must be map if x-kubernetes-list-map-keys is non-empty');
    }
    return;
  }
  if (schema.type !== 'array') {
    yield schema.type === undefined
      ? required(typeField, 'must be array if x-kubernetes-list-type is specified')
      : invalid(typeField, schema.type, 'must be array if x-kubernetes-list-type is specified');
  }
  if (listType !== 'atomic' && listType !== 'set' && listType !== 'map') {
    yield unsupported(listField, listType, ['atomic', 'map', 'set']);
    return;
  }
  if (listType !== 'map') {
    if (keys.length > 0)
      yield invalid(listField, listType, 'must be map if x-kubernetes-list-map-keys is non-empty');
    if (listType === 'set') yield* setProblems(schema.items, `${place}.items`);
    return;
  }
  yield* mapKeyProblems(schema, keys, place, keysField);
}

/** Items of a set are compared whole, so none of them may be merged. */
function* setProblems(items: Schema | undefined, place: string): Generator<FieldProblem> {
  if (items === undefined) return;
  if (items.nullable === true) {
    yield forbidden(`${place}.nullable`, 'cannot be nullable when x-kubernetes-list-type is set');
  }
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
    yield invalid(
      `${place}.x-kubernetes-map-type`,
      items['x-kubernetes-map-type'] ?? null,
      'must be atomic as item of a list with x-kubernetes-list-type=set',
    );
  }
  const itemType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && itemType !== undefined && itemType !== 'atomic') {
    yield invalid(
      `${place}.x-kubernetes-list-type`,
      itemType,
      'must be atomic as item of a list with x-kubernetes-list-type=set',
    );
  }
}

function* mapKeyProblems(
  { items }: Schema,
  keys: readonly string[],
  place: string,
  keysField: string,
): Generator<FieldProblem> {
  if (keys.length === 0) yield required(keysField, 'must not be empty if x-kubernetes-list-type is map');
  if (items?.type !== 'object') {
    yield items?.type === undefined
      ? required(`${place}.items.type`, "must be object if parent array's x-kubernetes-list-type is map")
      : invalid(
          `${place}.items.type`,
          items.type,
          "must be object if parent array's x-kubernetes-list-type is map",
        );
    return;
  }
  if (items.nullable === true) {
    yield forbidden(`${place}.items.nullable`, 'cannot be nullable when x-kubernetes-list-type is map');
  }
  for (const [index, key] of keys.entries()) {
    const part = items.properties?.[key];
    const keyField = `${place}.items.properties[${key}]`;
    if (keys.indexOf(key) !== index) {
      yield {
        ...invalid(`${keysField}[${index}]`, key, ''),
        reason: 'FieldValueDuplicate',
        message: `Duplicate value: ${JSON.stringify(key)}`,
      };
    }
    if (part === undefined) {
      yield invalid(`${keysField}[${index}]`, key, 'entries must all be names of item properties');
      continue;
    }
    if (part.type === 'array' || part.type === 'object') {
      yield invalid(
        `${keyField}.type`,
        part.type,
        "must be a scalar type if parent array's x-kubernetes-list-type is map",
      );
    }
    if (part.nullable === true) {
      yield forbidden(
        `${keyField}.nullable`,
        'this property is in x-kubernetes-list-map-keys, so it cannot be nullable',
      );
    }
    if (part.default === undefined && !(items.required ?? []).includes(key)) {
      yield required(
        `${keyField}.default`,
        'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      );
    }
  }
}

/** A default of sound form, and what it becomes when it is filled in. */
interface Default {
  readonly schema: Schema;
  readonly field: string;
  readonly conformed: unknown;
}

function* defaultProblems(
  schema: Schema,
  place: string,
  isRoot: boolean,
  defaults: Default[],
): Generator<FieldProblem> {
  const field = `${place}.default`;
  if (isRoot) {
    yield forbidden(field, 'must not be set at the root of the schema');
    return;
  }
  const { default: value } = schema;
  if (value === null) {
    if (schema.nullable !== true) yield invalid(field, null, 'must not be null: the field is not nullable');
    return;
  }
  let conforming: Conformed;
  try {
    conforming = conformValue(schema, value);
  } catch (error) {
    if (!isApiError(error, 'RequestEntityTooLarge')) throw error;
    yield invalid(field, '', error.message);
    return;
  }
  const { value: conformed, unknown } = conforming;
  if (unknown.length > 0 || !holds(conformed, value)) {
    yield invalid(field, value, 'must match the schema: it has fields that would be pruned');
    return;
  }
  defaults.push({ schema, field, conformed });
}

/** All defaults are judged by one validator: what compiling costs is paid once, however many there are. */
function* validityProblems(defaults: readonly Default[]): Generator<FieldProblem> {
  if (defaults.length === 0) return;
  const named = defaults.map((each, index) => [`d${index}`, each] as const);
  const wrapped: Schema = {
    type: 'object',
    properties: Object.fromEntries(named.map(([name, { schema }]) => [name, withoutRules(schema)])),
  };
  const values = Object.fromEntries(named.map(([name, { conformed }]) => [name, conformed]));
  for (const problem of compiled(wrapped)?.problems(values, undefined) ?? []) {
    const [, at = '', below = ''] = /^d(\d+)(.*)$/s.exec(problem.field) ?? [];
    const message = problem.message.replace(`${problem.field} in body`, () => `value${below} in body`);
    yield { ...problem, message, field: `${defaults[Number(at)]?.field ?? ''}${below}` };
  }
}

/** Undefined for a schema that does not compile: its pattern, or the schema as a whole, is told of by itself. */
function compiled(schema: Schema): Validator | undefined {
  try {
    return compileValidator(schema, 'the default');
  } catch {
    return undefined;
  }
}

/** Everything in `inner` is in `outer`, which may have more (defaults of its own). */
function holds(outer: unknown, inner: unknown): boolean {
  if (Array.isArray(inner)) {
    return (
      Array.isArray(outer) &&
      outer.length === inner.length &&
      inner.every((item, at) => holds(outer[at], item))
    );
  }
  if (!isRecord(inner)) return isSameJson(outer, inner);
  return isRecord(outer) && Object.keys(inner).every((key) => holds(outer[key], inner[key]));
}

/** CEL rules are judged by themselves, with their own messages. */
function withoutRules(schema: Schema): Schema {
  const { 'x-kubernetes-validations': _rules, ...rest } = schema;
  return {
    ...rest,
    ...(rest.properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(rest.properties).map(([field, part]) => [field, withoutRules(part)]),
          ),
        }),
    ...(rest.items === undefined ? {} : { items: withoutRules(rest.items) }),
    ...(typeof rest.additionalProperties === 'object'
      ? { additionalProperties: withoutRules(rest.additionalProperties) }
      : {}),
  };
}

/** The CEL rules: they compile, say something, point at something, and are affordable. */
function* ruleProblems(schema: Schema, place: string): Generator<FieldProblem> {
  let total = 0;
  const dear: { readonly field: string; readonly cost: number }[] = [];
  for (const { place: at, rule, outcome, cost } of costsOf(schema, place)) {
    if (rule.rule.trim() === '') {
      yield required(`${at}.rule`, 'rule is not specified');
      continue;
    }
    if (rule.message !== undefined && (rule.message.trim() === '' || rule.message.length > 2_048)) {
      yield rule.message.trim() === ''
        ? invalid(`${at}.message`, rule.message, 'message must be non-empty if specified')
        : invalid(`${at}.message`, rule.message, 'message must be no longer than 2048 characters');
    }
    if (rule.message?.includes('\n') === true) {
      yield invalid(`${at}.message`, rule.message, 'message must not contain line breaks');
    }
    if (rule.reason !== undefined && !REASONS.includes(rule.reason)) {
      yield unsupported(`${at}.reason`, rule.reason, REASONS);
    }
    if (rule.fieldPath !== undefined && !isFieldPath(rule.fieldPath, schemaAt(schema, place, at))) {
      yield invalid(`${at}.fieldPath`, rule.fieldPath, 'fieldPath must be a valid path');
    }
    if (outcome instanceof RuleError) {
      yield invalid(`${at}.${outcome.part}`, rule[outcome.part], outcome.message);
      continue;
    }
    total += cost;
    dear.push({ field: `${at}.rule`, cost });
    if (cost > RULE_COST_LIMIT) {
      yield forbidden(`${at}.rule`, `estimated rule cost ${excessOf(cost, RULE_COST_LIMIT)} ${SIMPLER}`);
    }
  }
  if (total <= SCHEMA_COST_LIMIT) return;
  for (const { field, cost } of dear.filter((one) => one.cost > SCHEMA_COST_LIMIT / 100)) {
    yield forbidden(
      field,
      `contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema (${Math.round((cost / total) * 100)} % of it)`,
    );
  }
  yield forbidden(
    place,
    `x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema ${excessOf(total, SCHEMA_COST_LIMIT)} ${SIMPLER}`,
  );
}

/** The part of the schema that a rule's place in the document speaks of. */
function schemaAt(schema: Schema, place: string, at: string): Schema | undefined {
  let part: Schema | undefined = schema;
  const steps = at
    .slice(place.length)
    .matchAll(/\.properties\[([^\]]*)\]|\.(items|additionalProperties)(?=[.[]|$)/g);
  for (const [, field, keyword] of steps) {
    if (field !== undefined) part = part?.properties?.[field];
    else if (keyword === 'items') part = part?.items;
    else part = typeof part?.additionalProperties === 'object' ? part.additionalProperties : undefined;
  }
  return part;
}

/** `.a.b` or `.a['b.c']`, of fields the schema has. */
function isFieldPath(path: string, schema: Schema | undefined): boolean {
  const steps = /^(?:\.[A-Za-z_][\w-]*|\['[^']*'\])+$/.test(path)
    ? [...path.matchAll(/\.([A-Za-z_][\w-]*)|\['([^']*)'\]/g)].map(([, name, quoted]) => name ?? quoted ?? '')
    : undefined;
  let part = schema;
  for (const step of steps ?? []) {
    const rest: Schema | boolean | undefined = part?.additionalProperties;
    part = part?.properties?.[step] ?? (typeof rest === 'object' ? rest : undefined);
    if (part === undefined) return false;
  }
  return steps !== undefined;
}

function* selectableProblems(version: KindVersion, path: string): Generator<FieldProblem> {
  const { selectableFields = [], schema } = version;
  const place = `${path}.selectableFields`;
  if (selectableFields.length > MAX_SELECTABLE) {
    yield {
      reason: 'FieldValueTooMany',
      field: place,
      message: `Too many: ${selectableFields.length}: must have at most ${MAX_SELECTABLE} items`,
    };
  }
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of selectableFields.entries()) {
    const field = `${place}[${index}].jsonPath`;
    if ((jsonPath ?? '') === '') {
      yield required(field);
      continue;
    }
    if (!/^(?:\.[A-Za-z_][\w-]*)+$/.test(jsonPath)) {
      yield invalid(field, jsonPath, 'must be a simple json path: fields alone, each after a dot');
      continue;
    }
    if (jsonPath.startsWith('.metadata.') || jsonPath === '.metadata') {
      yield invalid(field, jsonPath, 'must not point to fields in metadata');
      continue;
    }
    const steps = jsonPath.slice(1).split('.');
    const found = steps.reduce<Schema | undefined>(
      (part, step) => part?.properties?.[step],
      schema.openAPIV3Schema,
    );
    if (found === undefined)
      yield invalid(field, jsonPath, 'is an invalid path: does not refer to a valid field');
    else if (!['string', 'boolean', 'integer'].includes(found.type ?? '')) {
      yield invalid(
        field,
        jsonPath,
        `must point to a field of type string, boolean or integer, found ${found.type ?? 'none'}`,
      );
    }
    if (seen.has(jsonPath)) {
      yield { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(jsonPath)}` };
    }
    seen.add(jsonPath);
  }
}
