/**
 * What was wrong with which field, in Kubernetes' own words: people search for them and tools match them.
 * Source: apimachinery `field.Error` and `field.ErrorType`, kube-openapi's validation messages.
 */
import { ApiError, type StatusCause } from '../../../machinery/errors.ts';

/** An answer with more causes than this helps nobody. */
const MAX_CAUSES = 50;

/** A text that is longer is told by its beginning: a message is for people, and goes to logs, too. */
const MAX_TEXT_CHARACTERS = 500;

export interface FieldProblem {
  readonly reason:
    | 'FieldValueRequired'
    | 'FieldValueNotFound'
    | 'FieldValueInvalid'
    | 'FieldValueTypeInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany';
  readonly field: string;
  readonly message: string;
}

export function required(field: string, detail = ''): FieldProblem {
  return { reason: 'FieldValueRequired', field, message: withDetail('Required value', detail) };
}

export function invalid(field: string, value: unknown, detail: string): FieldProblem {
  return {
    reason: 'FieldValueInvalid',
    field,
    message: withDetail(`Invalid value: ${shown(value)}`, detail),
  };
}

export function wrongType(field: string, value: unknown, wanted: string): FieldProblem {
  const found = JSON.stringify(typeName(value));
  return {
    reason: 'FieldValueTypeInvalid',
    field,
    message: `Invalid value: ${found}: ${field} in body must be of type ${wanted}: ${found}`,
  };
}

export function unsupported(field: string, value: unknown, supported: readonly unknown[]): FieldProblem {
  const list = supported.map((item) => JSON.stringify(item)).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${shown(value)}: supported values: ${list}`,
  };
}

export function duplicate(field: string, value: unknown): FieldProblem {
  return { reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${shown(value)}` };
}

/** What it refers to is not there. */
export function missing(field: string, value: unknown): FieldProblem {
  return { reason: 'FieldValueNotFound', field, message: `Not found: ${shown(value)}` };
}

export function forbidden(field: string, detail: string): FieldProblem {
  return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${detail}` };
}

export function tooLong(field: string, limit: number): FieldProblem {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${limit} bytes` };
}

export function tooMany(field: string, found: number, limit: number): FieldProblem {
  return {
    reason: 'FieldValueTooMany',
    field,
    message: `Too many: ${found}: must have at most ${limit} items`,
  };
}

/** 422: `Task.gantry.dev "hello" is invalid: spec.image: Required value`. */
export function invalidObject(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  problems: readonly FieldProblem[],
): ApiError {
  const shownProblems = problems.slice(0, MAX_CAUSES);
  const texts = shownProblems.map((problem) => `${problem.field}: ${problem.message}`);
  const left = problems.length - shownProblems.length;
  if (left > 0) texts.push(`and ${left} more`);
  const qualified = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
  const causes: StatusCause[] = shownProblems.map(({ reason, message, field }) => ({
    reason,
    message,
    field,
  }));
  return new ApiError(
    'Invalid',
    `${qualified} "${name}" is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`,
    { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.kind, causes },
  );
}

/** JSON's word for a value's type. */
export function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function withDetail(text: string, detail: string): string {
  return detail === '' ? text : `${text}: ${detail}`;
}

/** Small values as they are, long texts by their beginning, whole objects and lists as their type's name. */
function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) {
    const text = JSON.stringify(value);
    return text.length > 200 ? JSON.stringify(typeName(value)) : text;
  }
  if (typeof value === 'string' && value.length > MAX_TEXT_CHARACTERS) {
    return `${JSON.stringify(value.slice(0, MAX_TEXT_CHARACTERS).toWellFormed())}… (${value.length} characters)`;
  }
  return JSON.stringify(value) ?? 'null';
}
