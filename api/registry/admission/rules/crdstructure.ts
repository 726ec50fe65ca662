/**
 * Whether a schema is structural: types are spoken of once, outside of value validations, and everything a validation
 * speaks of is spoken of there too. Reads what a user wrote, so nothing is taken for granted but that it is an object.
 * Source: Kubernetes documentation, "Specifying a structural schema"; apiextensions-apiserver
 * `pkg/apiserver/schema/validation.go`, whose messages these are.
 */
import { isRecord, isSameJson } from '../../../../machinery/json.ts';
import {
  type FieldProblem,
  forbidden,
  invalid,
  required,
  typeName,
  unsupported,
  wrongType,
} from '../fielderrors.ts';
import { schemaOfSchemas } from '../schemaschema.ts';

type Raw = Readonly<Record<string, unknown>>;
type Level = 'root' | 'item' | 'field';

/** Deep enough for any kind, and far from what could exhaust the stack. */
const MAX_DEPTH = 64;
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const UNSUPPORTED: Readonly<Record<string, string>> = {
  id: 'id is not supported',
  additionalItems: 'additionalItems is not supported',
  patternProperties: 'patternProperties is not supported',
  definitions: 'definitions is not supported',
  dependencies: 'dependencies is not supported',
  $ref: '$ref is not supported',
};
/** What a value validation must not say, and what is said about it. */
const NOT_NESTED: Readonly<Record<string, string>> = {
  type: 'must be empty to be structural',
  additionalProperties: 'must be undefined to be structural',
  default: 'must be undefined to be structural',
  title: 'must be empty to be structural',
  description: 'must be empty to be structural',
  nullable: 'must be false to be structural',
  externalDocs: 'must be undefined to be structural',
  'x-kubernetes-preserve-unknown-fields': 'must be false to be structural',
  'x-kubernetes-embedded-resource': 'must be false to be structural',
  'x-kubernetes-int-or-string': 'must be false to be structural',
  'x-kubernetes-list-map-keys': 'must be empty to be structural',
  'x-kubernetes-list-type': 'must be undefined to be structural',
  'x-kubernetes-map-type': 'must be undefined to be structural',
  'x-kubernetes-validations': 'must be empty to be structural',
};
const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];

/** All that is wrong, at most once each. */
export function structuralProblems(schema: unknown, place: string): readonly FieldProblem[] {
  if (!isRecord(schema)) return [wrongType(place, schema, 'object')];
  const shapes = [...shapeProblems(schema, place, 0)];
  if (shapes.length > 0) return shapes;
  return [...levelProblems(schema, place, 'root'), ...completenessProblems(schema, place)];
}

/** Whether every keyword has a value of the type it must have. */
function* shapeProblems(schema: Raw, place: string, depth: number): Generator<FieldProblem> {
  if (depth > MAX_DEPTH) {
    yield invalid(place, '', `schemas may be ${MAX_DEPTH} levels deep at most`);
    return;
  }
  for (const [keyword, value] of Object.entries(schema)) {
    const part = schemaOfSchemas.properties?.[keyword];
    const at = `${place}.${keyword}`;
    if (keyword === 'additionalProperties' && typeof value === 'boolean') continue;
    if (keyword === 'items' && Array.isArray(value)) {
      yield forbidden(at, 'items must be a schema object and not an array');
      continue;
    }
    if (part === undefined) continue;
    if (part.type !== undefined && !isOfType(value, part.type)) {
      yield wrongType(at, value, part.type);
      continue;
    }
    if (keyword === 'x-kubernetes-validations' && Array.isArray(value)) yield* ruleShapes(value, at);
    if (part.type === 'array' && part.items?.type !== undefined && Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        if (!isOfType(item, part.items.type)) yield wrongType(`${at}[${index}]`, item, part.items.type);
      }
    }
  }
  for (const [at, part] of partsOf(schema, place)) {
    if (isRecord(part)) yield* shapeProblems(part, at, depth + 1);
    else yield wrongType(at, part, 'object');
  }
}

function* ruleShapes(rules: readonly unknown[], place: string): Generator<FieldProblem> {
  const fields = schemaOfSchemas.properties?.['x-kubernetes-validations']?.items?.properties ?? {};
  for (const [index, rule] of rules.entries()) {
    if (!isRecord(rule)) continue;
    if (typeof rule['rule'] !== 'string') yield required(`${place}[${index}].rule`, 'rule is not specified');
    for (const [field, value] of Object.entries(rule)) {
      const type = fields[field]?.type;
      if (field !== 'rule' && type !== undefined && !isOfType(value, type)) {
        yield wrongType(`${place}[${index}].${field}`, value, type);
      }
    }
  }
}

function isOfType(value: unknown, type: string): boolean {
  const found = typeName(value);
  return found === type || (type === 'number' && found === 'integer');
}

/** The schemas directly inside a schema, with their places. */
function* partsOf(schema: Raw, place: string): Generator<readonly [place: string, part: unknown]> {
  for (const keyword of ['items', 'not'] as const) {
    if (schema[keyword] !== undefined && !Array.isArray(schema[keyword]))
      yield [`${place}.${keyword}`, schema[keyword]];
  }
  const { additionalProperties } = schema;
  if (additionalProperties !== undefined && typeof additionalProperties !== 'boolean') {
    yield [`${place}.additionalProperties`, additionalProperties];
  }
  const { properties } = schema;
  if (isRecord(properties)) {
    for (const [field, part] of Object.entries(properties)) yield [`${place}.properties[${field}]`, part];
  }
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    const parts = schema[junctor];
    if (!Array.isArray(parts)) continue;
    for (const [index, part] of parts.entries()) yield [`${place}.${junctor}[${index}]`, part];
  }
}

function* levelProblems(schema: Raw, place: string, level: Level): Generator<FieldProblem> {
  yield* keywordProblems(schema, place);
  yield* typeProblems(schema, place, level);
  yield* metadataProblems(schema, place, level);
  const { items, properties, additionalProperties } = schema;
  if (isRecord(items)) yield* levelProblems(items, `${place}.items`, 'item');
  else if (schema['type'] === 'array') yield required(`${place}.items`, 'must be specified');
  if (isRecord(properties)) {
    for (const [field, part] of Object.entries(properties)) {
      if (isRecord(part)) yield* levelProblems(part, `${place}.properties[${field}]`, 'field');
    }
  }
  if (additionalProperties !== undefined) {
    const at = `${place}.additionalProperties`;
    if (level === 'root') yield forbidden(at, 'must not be used at the root');
    if (isRecord(properties) && Object.keys(properties).length > 0 && additionalProperties !== true) {
      yield forbidden(at, 'additionalProperties and properties are mutual exclusive');
    }
    if (isRecord(additionalProperties)) yield* levelProblems(additionalProperties, at, 'field');
  }
  const isChoiceOfTypes = schema['x-kubernetes-int-or-string'] === true;
  for (const [at, part, isTypes] of branchesOf(schema, place)) {
    if (!(isTypes && isChoiceOfTypes)) yield* nestedProblems(part, at, isChoiceOfTypes);
  }
}

/** The value validations beside a schema; `isTypes` marks the two ways in which int-or-string may spell itself out. */
function* branchesOf(
  schema: Raw,
  place: string,
): Generator<readonly [place: string, part: Raw, isTypes: boolean]> {
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    const parts = schema[junctor];
    if (!Array.isArray(parts)) continue;
    const spellsTypes = junctor === 'anyOf' && isSameJson(parts, INT_OR_STRING);
    for (const [index, part] of parts.entries()) {
      if (isRecord(part)) yield [`${place}.${junctor}[${index}]`, part, spellsTypes];
    }
  }
  if (isRecord(schema['not'])) yield [`${place}.not`, schema['not'], false];
}

/** @param mayChoose whether an `anyOf` of integer and string may stand in here (within the first allOf). */
function* nestedProblems(schema: Raw, place: string, mayChoose: boolean): Generator<FieldProblem> {
  yield* keywordProblems(schema, place);
  for (const [keyword, text] of Object.entries(NOT_NESTED)) {
    const value = schema[keyword];
    const isSaid = value !== undefined && value !== false && value !== '' && !isSameJson(value, []);
    if (isSaid) yield forbidden(`${place}.${keyword}`, text);
  }
  const { items, properties } = schema;
  if (isRecord(items)) yield* nestedProblems(items, `${place}.items`, false);
  if (isRecord(properties)) {
    for (const [field, part] of Object.entries(properties)) {
      const at = `${place}.properties[${field}]`;
      if (field === 'metadata') yield forbidden(at, 'must not be specified in a nested context');
      if (isRecord(part)) yield* nestedProblems(part, at, false);
    }
  }
  for (const [at, part, isTypes] of branchesOf(schema, place)) {
    if (!(isTypes && mayChoose)) yield* nestedProblems(part, at, false);
  }
}

function* keywordProblems(schema: Raw, place: string): Generator<FieldProblem> {
  for (const [keyword, text] of Object.entries(UNSUPPORTED)) {
    if (schema[keyword] !== undefined) yield forbidden(`${place}.${keyword}`, text);
  }
  if (schema['uniqueItems'] === true) {
    yield forbidden(
      `${place}.uniqueItems`,
      'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    );
  }
}

function* typeProblems(schema: Raw, place: string, level: Level): Generator<FieldProblem> {
  const { type } = schema;
  const at = `${place}.type`;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  const isIntOrString = schema['x-kubernetes-int-or-string'] === true;
  const preserves = schema['x-kubernetes-preserve-unknown-fields'];
  const isTyped = typeof type === 'string' && type !== '';
  if (preserves === false) {
    yield invalid(`${place}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined');
  }
  if (isIntOrString && preserves === true) {
    yield invalid(
      `${place}.x-kubernetes-preserve-unknown-fields`,
      true,
      'must be false if x-kubernetes-int-or-string is true',
    );
  }
  if (isIntOrString && isEmbedded) {
    yield invalid(
      `${place}.x-kubernetes-embedded-resource`,
      true,
      'must be false if x-kubernetes-int-or-string is true',
    );
  }
  if (isIntOrString && isTyped)
    yield invalid(at, type, 'must be empty if x-kubernetes-int-or-string is true');
  else if (type === 'null') yield forbidden(at, 'type cannot be set to null, use nullable as an alternative');
  else if (isTyped && !TYPES.includes(type)) yield unsupported(at, type, TYPES);
  if (isEmbedded && type !== 'object') {
    const text = 'must be object if x-kubernetes-embedded-resource is true';
    yield isTyped ? invalid(at, type, text) : required(at, text);
  } else if (!isTyped && !isIntOrString && preserves !== true) {
    const what = {
      root: 'at the root',
      item: 'for specified array items',
      field: 'for specified object fields',
    };
    yield required(at, `must not be empty ${what[level]}`);
  }
  if (level === 'root' && isTyped && type !== 'object') yield invalid(at, type, 'must be object at the root');
  if (isEmbedded && schema['additionalProperties'] !== undefined) {
    yield forbidden(
      `${place}.additionalProperties`,
      'must not be used if x-kubernetes-embedded-resource is set',
    );
  }
  const hasProperties = isRecord(schema['properties']) && Object.keys(schema['properties']).length > 0;
  if (isEmbedded && preserves !== true && !hasProperties) {
    yield required(
      `${place}.properties`,
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    );
  }
}

/** At a root, and in an object inside another, three fields are the API's own. */
function* metadataProblems(schema: Raw, place: string, level: Level): Generator<FieldProblem> {
  const { properties } = schema;
  if (!isRecord(properties) || (level !== 'root' && schema['x-kubernetes-embedded-resource'] !== true))
    return;
  for (const [field, type] of [
    ['kind', 'string'],
    ['apiVersion', 'string'],
    ['metadata', 'object'],
  ] as const) {
    const part = properties[field];
    if (isRecord(part) && part['type'] !== type) {
      yield invalid(`${place}.properties[${field}].type`, part['type'] ?? '', `must be ${type}`);
    }
  }
  const { metadata } = properties;
  if (level !== 'root' || !isRecord(metadata)) return;
  const { type: _type, description: _text, properties: named, ...rest } = metadata;
  const others = isRecord(named)
    ? Object.keys(named).filter((field) => field !== 'name' && field !== 'generateName')
    : [];
  if (others.length > 0 || Object.keys(rest).length > 0) {
    yield forbidden(
      `${place}.properties[metadata]`,
      'must not specify anything other than name and generateName, but metadata is implicitly specified',
    );
  }
}

/** Fields and items that value validations speak of must be there outside of them. */
function* completenessProblems(schema: Raw, place: string): Generator<FieldProblem> {
  for (const [, part] of branchesOf(schema, place)) yield* missingIn(part, schema, place);
  const { properties, items, additionalProperties } = schema;
  if (isRecord(properties)) {
    for (const [field, part] of Object.entries(properties)) {
      if (isRecord(part)) yield* completenessProblems(part, `${place}.properties[${field}]`);
    }
  }
  if (isRecord(items)) yield* completenessProblems(items, `${place}.items`);
  if (isRecord(additionalProperties)) {
    yield* completenessProblems(additionalProperties, `${place}.additionalProperties`);
  }
}

function* missingIn(nested: Raw, outer: Raw | undefined, place: string): Generator<FieldProblem> {
  const { properties, items } = nested;
  if (isRecord(items)) {
    const known = outer?.['items'];
    if (isRecord(known)) yield* missingIn(items, known, `${place}.items`);
    else yield required(`${place}.items`, 'because it is defined in a value validation');
  }
  if (isRecord(properties)) {
    const known = isRecord(outer?.['properties']) ? outer['properties'] : {};
    for (const [field, part] of Object.entries(properties)) {
      const found = known[field];
      const at = `${place}.properties[${field}]`;
      if (!isRecord(found)) yield required(at, 'because it is defined in a value validation');
      else if (isRecord(part)) yield* missingIn(part, found, at);
    }
  }
  for (const [, part] of branchesOf(nested, place)) yield* missingIn(part, outer, place);
}
