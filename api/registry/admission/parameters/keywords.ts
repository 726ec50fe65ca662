/**
 * The keywords of a JSON Schema that hold no schema themselves: what each may say, and that it means something where it
 * stands. Pure. Source: JSON Schema, draft 2020-12, "Validation".
 */
import { RE2JS } from 're2js';
import { isRecord } from '../../../../machinery/json.ts';
import { type FieldProblem, invalid, typeName, unsupported } from '../fielderrors.ts';

const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'] as const;
export const FORMATS = [
  'date-time',
  'date',
  'time',
  'duration',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'uri',
  'uuid',
] as const;
const MAX_PATTERN_LENGTH = 512;

/** What a keyword's value must be: a check, and the words for it. */
interface Form {
  readonly wanted: string;
  readonly fits: (value: unknown) => boolean;
}

const TEXT: Form = { wanted: 'a string', fits: (value) => typeof value === 'string' };
const FLAG: Form = { wanted: 'true or false', fits: (value) => typeof value === 'boolean' };
const NUMBER: Form = { wanted: 'a number', fits: (value) => Number.isFinite(value) };
const COUNT: Form = {
  wanted: 'a whole number, 0 or more',
  fits: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
};
const NAMES: Form = { wanted: 'a list of strings, each once', fits: isNames };
const ANYTHING: Form = { wanted: 'anything', fits: () => true };

const FORMS: Readonly<Record<string, Form>> = {
  type: { wanted: `one of ${TYPES.join(', ')}, or a list of these, each once`, fits: isTypes },
  enum: {
    wanted: 'a list of at least one value',
    fits: (value) => Array.isArray(value) && value.length > 0,
  },
  const: ANYTHING,
  default: ANYTHING,
  examples: { wanted: 'a list', fits: (value) => Array.isArray(value) },
  title: TEXT,
  description: TEXT,
  $comment: TEXT,
  format: TEXT,
  pattern: TEXT,
  deprecated: FLAG,
  readOnly: FLAG,
  writeOnly: FLAG,
  uniqueItems: FLAG,
  minLength: COUNT,
  maxLength: COUNT,
  minItems: COUNT,
  maxItems: COUNT,
  minContains: COUNT,
  maxContains: COUNT,
  minProperties: COUNT,
  maxProperties: COUNT,
  minimum: NUMBER,
  maximum: NUMBER,
  exclusiveMinimum: NUMBER,
  exclusiveMaximum: NUMBER,
  multipleOf: { wanted: 'a number above 0', fits: (value) => Number.isFinite(value) && Number(value) > 0 },
  required: NAMES,
  dependentRequired: {
    wanted: 'a map of lists of strings',
    fits: (value) => isRecord(value) && Object.values(value).every(isNames),
  },
};

/** Keywords that speak of values of certain types alone. */
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  array: [
    'minItems',
    'maxItems',
    'uniqueItems',
    'contains',
    'minContains',
    'maxContains',
    'items',
    'prefixItems',
  ],
  object: [
    'properties',
    'patternProperties',
    'additionalProperties',
    'propertyNames',
    'required',
    'dependentRequired',
    'dependentSchemas',
    'minProperties',
    'maxProperties',
  ],
};

const BOUNDS = [
  ['minLength', 'maxLength'],
  ['minItems', 'maxItems'],
  ['minContains', 'maxContains'],
  ['minProperties', 'maxProperties'],
  ['minimum', 'maximum'],
] as const;

export function isPlainKeyword(keyword: string): boolean {
  return Object.hasOwn(FORMS, keyword);
}

/** @param schema one schema alone, without those it holds. */
export function* keywordProblems(
  schema: Readonly<Record<string, unknown>>,
  at: string,
): Generator<FieldProblem> {
  for (const [keyword, value] of Object.entries(schema)) {
    const form = Object.hasOwn(FORMS, keyword) ? FORMS[keyword] : undefined;
    if (form === undefined || form.fits(value)) continue;
    yield invalid(`${at}.${keyword}`, value, `must be ${form.wanted}, found ${typeName(value)}`);
  }
  const { pattern, format, patternProperties } = schema;
  if (typeof pattern === 'string') yield* patternProblems(pattern, `${at}.pattern`);
  for (const name of isRecord(patternProperties) ? Object.keys(patternProperties) : [])
    yield* patternProblems(name, `${at}.patternProperties`);
  if (typeof format === 'string' && !FORMATS.some((known) => known === format))
    yield unsupported(`${at}.format`, format, FORMATS);
  for (const [least, most] of BOUNDS) {
    const low = schema[least];
    const high = schema[most];
    if (typeof low === 'number' && typeof high === 'number' && low > high)
      yield invalid(
        `${at}.${least}`,
        low,
        `must not be more than ${most}, which is ${high}: nothing would fit`,
      );
  }
  yield* misplaced(schema, at);
}

/** A keyword that says nothing of any value that the type lets pass is a mistake. */
function* misplaced(schema: Readonly<Record<string, unknown>>, at: string): Generator<FieldProblem> {
  const { type } = schema;
  if (!isTypes(type)) return;
  const types = [type].flat().map((name) => (name === 'integer' ? 'number' : name));
  for (const [of, keywords] of Object.entries(OF_TYPE)) {
    if (types.includes(of)) continue;
    for (const keyword of keywords) {
      if (schema[keyword] === undefined) continue;
      yield invalid(
        `${at}.${keyword}`,
        keyword,
        `says nothing about type ${JSON.stringify(type)}; it is for ${of}`,
      );
    }
  }
}

function* patternProblems(pattern: string, at: string): Generator<FieldProblem> {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    yield invalid(at, 'a pattern', `must be no more than ${MAX_PATTERN_LENGTH} characters`);
    return;
  }
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    yield invalid(at, pattern, `must be a valid regular expression (RE2), but isn't: ${why}`);
  }
}

function isTypes(value: unknown): value is string | readonly string[] {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value];
  return (
    names.length > 0 &&
    new Set(names).size === names.length &&
    names.every((name) => TYPES.some((type) => type === name))
  );
}

function isNames(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((name) => typeof name === 'string') &&
    new Set(value).size === value.length
  );
}
