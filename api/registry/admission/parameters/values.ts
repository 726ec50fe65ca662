/**
 * The values that a Run gives to parameters, judged and completed by their defaults: those of a Job by its list, those of
 * a TaskTemplate by its JSON Schema. One problem for each parameter, naming it, what was found and what is wanted.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isDeeperThan, isRecord, jsonHash } from '../../../../machinery/json.ts';
import {
  declaredIn,
  type JobParameter,
  jobDefaults,
  namesAll,
  parameterMisfit,
  templateDefaults,
  type Values,
} from '../../../../schemas/parameters.ts';
import {
  type FieldProblem,
  forbidden,
  invalid,
  required,
  tooLong,
  typeName,
  unsupported,
} from '../fielderrors.ts';
import { linearPatterns, matchingWithinBounds } from '../patterns.ts';
import { Effort } from './effort.ts';
import { FORMATS } from './keywords.ts';

/** Of all values of one Run together, as JSON. */
const MAX_VALUES_BYTES = 256 * 1024;
const MAX_VALUES_DEPTH = 32;
/** Compiled schemas that are kept; the oldest goes first. */
const MAX_COMPILED = 64;
const MAX_LISTED = 20;

export interface Judged {
  /** What was given, and the defaults of what was not. */
  readonly values: Values;
  readonly problems: readonly FieldProblem[];
  readonly warnings: readonly string[];
}

/** @param what the parameters are of, for messages: `job "nightly"`. @param at where the values stand. */
export function judgeJobValues(
  parameters: readonly JobParameter[],
  given: Values,
  what: string,
  at: string,
): Judged {
  const size = sizeProblems(given, at);
  if (size.length > 0) return { values: given, problems: size, warnings: [] };
  const known = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const problems: FieldProblem[] = Object.keys(given)
    .filter((name) => !known.has(name))
    .map((name) => unknownParameter(name, [...known.keys()], what, at));
  const values = { ...jobDefaults(parameters), ...given };
  for (const parameter of parameters) {
    const { name } = parameter;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) problems.push(...misfitProblems(parameter, value, `${at}.${name}`));
    else if (parameter.required === true) {
      problems.push(required(`${at}.${name}`, `${what} needs it, as type ${parameter.type ?? 'string'}`));
    }
  }
  return { values, problems, warnings: [] };
}

export function misfitProblems(parameter: JobParameter, value: unknown, at: string): FieldProblem[] {
  const misfit = parameterMisfit(parameter, value);
  if (misfit === undefined) return [];
  return misfit.kind === 'enum'
    ? [unsupported(at, value, misfit.allowed)]
    : [ofType(at, value, misfit.wanted)];
}

/**
 * The same for a TaskTemplate.
 * @param schema `spec.parameters` of the template, undefined where it takes none.
 * @param effort what the write that it is judged for may take in all.
 */
export function judgeTemplateValues(
  schema: unknown,
  given: Values,
  what: string,
  at: string,
  effort = new Effort(),
): Judged {
  const size = sizeProblems(given, at);
  if (size.length > 0) return { values: given, problems: size, warnings: [] };
  const names = Object.keys(declaredIn(schema));
  const unnamed = Object.keys(given).filter((name) => !names.includes(name));
  if (!isRecord(schema)) {
    const problems = unnamed.map((name) => unknownParameter(name, names, what, at));
    return { values: given, problems, warnings: [] };
  }
  const values = { ...templateDefaults(schema), ...given };
  const isLoose = namesAll(schema) && schema['additionalProperties'] === undefined;
  const warnings = isLoose
    ? unnamed.map((name) => `${at}.${name}: ${what} names no such parameter${listed(names)}`)
    : [];
  if (!effort.affordsSchema(schema)) {
    const why = `the schemas of the task templates that it is judged by are too large together; ${what} is one of them`;
    return { values, problems: [invalid(at, 'object', why)], warnings };
  }
  if (!effort.affords(schema, values)) {
    const why = `takes too long to be compared with the schema of ${what}: give fewer items, or make the schema simpler`;
    return { values, problems: [invalid(at, 'object', why)], warnings };
  }
  const check = compiled(schema);
  if (matchingWithinBounds(() => check(values))) return { values, problems: [], warnings };
  return { values, problems: oneEach(check.errors ?? [], names, what, at), warnings };
}

const checks = new Map<string, ValidateFunction>();

/** Throws for a schema that Ajv cannot compile; admission has judged it. */
export function compiled(schema: Readonly<Record<string, unknown>>): ValidateFunction {
  const hash = jsonHash(schema);
  const known = checks.get(hash);
  if (known !== undefined) return known;
  const check = newAjv().compile(schema);
  const [oldest] = checks.keys();
  if (checks.size >= MAX_COMPILED && oldest !== undefined) checks.delete(oldest);
  checks.set(hash, check);
  return check;
}

/** One for each schema: what it keeps goes with it. */
function newAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    // A parameter may be called `constructor`, and is absent where an object merely inherits it.
    ownProperties: true,
    verbose: true,
    strict: true,
    // Valid JSON Schema, and no nonsense.
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    logger: false,
    // The dialect has been judged; compiling the draft's own schema takes longer than all else.
    meta: false,
    validateSchema: false,
    code: { regExp: linearPatterns },
  });
  addFormats.default(ajv, [...FORMATS]);
  // Ajv compares every item with every other.
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (isOn: boolean, items: readonly unknown[]) =>
      !isOn || new Set(items.map(jsonHash)).size === items.length,
    errors: false,
  });
  return ajv;
}

function sizeProblems(given: Values, at: string): FieldProblem[] {
  if (isDeeperThan(given, MAX_VALUES_DEPTH))
    return [invalid(at, 'object', `must not be more than ${MAX_VALUES_DEPTH} levels deep`)];
  return Buffer.byteLength(JSON.stringify(given)) > MAX_VALUES_BYTES ? [tooLong(at, MAX_VALUES_BYTES)] : [];
}

/** The first problem of each parameter, in the order they are told; of a choice that failed, the choice itself. */
function oneEach(
  errors: readonly ErrorObject[],
  names: readonly string[],
  what: string,
  at: string,
): FieldProblem[] {
  const byParameter = new Map<string, ErrorObject>();
  for (const error of errors) {
    const name = parameterOf(error);
    // Ajv tells of the branches of a choice before the choice.
    if (!byParameter.has(name) || CHOICES.has(error.keyword)) byParameter.set(name, error);
  }
  return [...byParameter].map(([name, error]) => problemOf(error, name, names, what, at));
}

const CHOICES: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'not', 'if']);
/** Errors of the object of parameters that are about one of them. */
const NAMING: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  dependentRequired: 'missingProperty',
  additionalProperties: 'additionalProperty',
  propertyNames: 'propertyName',
};

/** Empty: all of them together are meant. */
function parameterOf({ instancePath, keyword, params }: ErrorObject): string {
  const [, first] = instancePath.split('/');
  if (first !== undefined) return first.replaceAll('~1', '/').replaceAll('~0', '~');
  const param = NAMING[keyword];
  return param === undefined ? '' : String(params[param]);
}

function problemOf(
  error: ErrorObject,
  name: string,
  names: readonly string[],
  what: string,
  at: string,
): FieldProblem {
  const { instancePath, keyword, params, data } = error;
  const field = name === '' ? at : `${at}.${name}`;
  if (instancePath === '') {
    if (keyword === 'required') return required(field, `${what} needs it${typeText(error)}`);
    if (keyword === 'dependentRequired')
      return required(field, `${what} needs it where ${String(params['property'])} is given`);
    if (keyword === 'additionalProperties') return unknownParameter(name, names, what, at);
    if (keyword === 'propertyNames') return invalid(field, name, `${what} takes no parameter of this name`);
  }
  const inside = placeIn(instancePath);
  const where = inside === '' ? '' : `${inside} `;
  if (keyword === 'enum' && inside === '') return unsupported(field, data, allowedBy(error));
  return invalid(field, data, `${where}${wantedBy(error)}`);
}

/** `/hosts/3/port` is `[3].port` within the parameter. */
function placeIn(instancePath: string): string {
  return instancePath
    .split('/')
    .slice(2)
    .map((part) =>
      /^\d+$/.test(part) ? `[${part}]` : `.${part.replaceAll('~1', '/').replaceAll('~0', '~')}`,
    )
    .join('')
    .replace(/^\./, '');
}

function allowedBy({ schema }: ErrorObject): readonly unknown[] {
  return Array.isArray(schema) ? schema : [];
}

/** The type that a missing parameter has, where its schema says one. */
function typeText({ parentSchema, params }: ErrorObject): string {
  const part = declaredIn(parentSchema)[String(params['missingProperty'])];
  const type = isRecord(part) ? part['type'] : undefined;
  return typeof type === 'string' ? `, as type ${type}` : '';
}

function wantedBy(error: ErrorObject): string {
  const { keyword, schema, data, params } = error;
  const limit = String(params['limit']);
  switch (keyword) {
    case 'type':
      return `must be of type ${[schema].flat().join(' or ')}, found ${typeName(data)}`;
    case 'enum':
      return `must be one of ${allowedBy(error)
        .map((item) => JSON.stringify(item))
        .join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(schema)}`;
    case 'minimum':
      return `must be ${limit} or more`;
    case 'maximum':
      return `must be ${limit} or less`;
    case 'exclusiveMinimum':
      return `must be more than ${limit}`;
    case 'exclusiveMaximum':
      return `must be less than ${limit}`;
    case 'multipleOf':
      return `must be a multiple of ${String(schema)}`;
    case 'minLength':
      return `must be at least ${limit} characters`;
    case 'maxLength':
      return `must be no more than ${limit} characters`;
    case 'pattern':
      return `must match the regular expression ${String(schema)}`;
    case 'format':
      return `must be a valid ${String(schema)}`;
    case 'minItems':
      return `must have at least ${limit} items`;
    case 'maxItems':
      return `must have no more than ${limit} items`;
    case 'uniqueItems':
      return 'must not hold an item twice';
    case 'required':
      return `must have the property ${String(params['missingProperty'])}`;
    case 'additionalProperties':
      return `must not have the property ${String(params['additionalProperty'])}`;
    case 'anyOf':
    case 'oneOf':
      return `must be of ${keyword === 'anyOf' ? 'at least' : 'exactly'} one of the forms that its schema allows (${keyword})`;
    case 'not':
      return 'must not be of the form that its schema excludes (not)';
    default:
      return `${error.message ?? 'does not fit'} (${keyword})`;
  }
}

function unknownParameter(name: string, names: readonly string[], what: string, at: string): FieldProblem {
  return forbidden(`${at}.${name}`, `${what} has no such parameter${listed(names)}`);
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return '; it takes none';
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return `; it takes ${names.slice(0, MAX_LISTED).join(', ')}${more}`;
}

function ofType(at: string, value: unknown, wanted: string): FieldProblem {
  return invalid(at, value, `must be of type ${wanted}, found ${typeName(value)}`);
}

/** What is wrong with the defaults of a TaskTemplate's parameters: a value that its own schema does not let pass. */
export function defaultProblems(schema: Readonly<Record<string, unknown>>, at: string): FieldProblem[] {
  const defaults = templateDefaults(schema);
  const properties = Object.fromEntries(
    Object.entries(declaredIn(schema)).filter(([name]) => Object.hasOwn(defaults, name)),
  );
  const names = Object.keys(properties);
  if (names.length === 0) return [];
  // Each on its own: what is asked of several together is asked of a Run.
  const alone = { type: 'object', $defs: schema['$defs'] ?? {}, properties };
  if (!new Effort().affords(alone, defaults))
    return [invalid(at, 'a schema', 'takes too long to be compared with its defaults; make it simpler')];
  const check = newAjv().compile(alone);
  if (matchingWithinBounds(() => check(defaults))) return [];
  const problems = oneEach(check.errors ?? [], names, '', at);
  return problems.map((problem) => ({
    ...problem,
    field: `${at}.properties[${problem.field.slice(at.length + 1)}].default`,
  }));
}
