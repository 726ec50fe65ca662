/**
 * Label and field selectors in Kubernetes' syntax, all operators.
 * Source: Kubernetes documentation, "Labels and Selectors"; apimachinery `labels.Parse` and `fields.ParseSelector`.
 */
import { ApiError } from './errors.ts';
import { labelKeyProblem, labelValueProblem } from './names.ts';

interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent' | 'greater' | 'less';
  readonly values: readonly string[];
}

export type LabelSelector = (labels: Readonly<Record<string, string>> | undefined) => boolean;
/** Reads one field of an object as text; undefined for a field that the kind does not declare. */
export type FieldReader = (field: string) => string | undefined;
export type FieldSelector = (read: FieldReader) => boolean;

/** metav1.LabelSelector. */
export interface LabelSelectorObject {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

const matchesAll = (): boolean => true;

/** Throws `ApiError('BadRequest')` naming what was found. */
export function parseLabelSelector(text: string | undefined): LabelSelector {
  if (text === undefined || text.trim() === '') return matchesAll;
  const requirements = splitOutsideParentheses(text).map(parseRequirement);
  return (labels) => requirements.every((requirement) => isMet(requirement, labels ?? {}));
}

/** The same selector in words: `app=web,tier in (a,b),!old`. An empty one, which selects everything, is the empty text. */
export function labelSelectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelectorObject): string {
  const terms = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of matchExpressions) terms.push(termOf(key, operator, values));
  return terms.join(',');
}

function termOf(key: string, operator: string, values: readonly string[]): string {
  switch (operator) {
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    default:
      return `${key} in (${values.join(',')})`;
  }
}

/** Equality (`=`, `==`) and inequality (`!=`) terms joined by commas; `declared` are the fields the kind allows. */
export function parseFieldSelector(text: string | undefined, declared: readonly string[]): FieldSelector {
  if (text === undefined || text.trim() === '') return matchesAll;
  const terms = text.split(',').map((term) => {
    const match = /^\s*([^=!\s]+)\s*(==?|!=)(.*)$/.exec(term);
    const [, field = '', operator = '', value = ''] = match ?? [];
    if (match === null) {
      throw new ApiError(
        'BadRequest',
        `invalid field selector "${text}": found "${term}", wanted field=value or field!=value`,
      );
    }
    if (!declared.includes(field)) {
      throw new ApiError(
        'BadRequest',
        `field label not supported: "${field}"; this kind supports ${declared.join(', ')}`,
      );
    }
    return { field, isEqual: operator !== '!=', value: value.trim() };
  });
  return (read) => terms.every(({ field, isEqual, value }) => ((read(field) ?? '') === value) === isEqual);
}

/** The exact name a field selector pins, if it pins one: `metadata.name=x`. */
export function pinnedName(fieldSelector: string | undefined): string | undefined {
  return /(?:^|,)\s*metadata\.name\s*==?\s*([^,\s]+)\s*(?:,|$)/.exec(fieldSelector ?? '')?.[1];
}

function splitOutsideParentheses(text: string): string[] {
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === ',' && depth === 0) {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function parseRequirement(term: string): Requirement {
  const text = term.trim();
  const set = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = list.split(',').map((value) => value.trim());
    return checked({ key, operator: operator === 'in' ? 'in' : 'notin', values }, text);
  }
  const compared = /^([^=!<>\s]+)\s*(==|=|!=|>|<)\s*([^=!<>\s]*)$/.exec(text);
  if (compared !== null) {
    const [, key = '', operator, value = ''] = compared;
    if (operator === '>' || operator === '<') {
      if (!/^-?\d+$/.test(value)) throw badSelector(text, `"${value}" is not an integer`);
      return checked({ key, operator: operator === '>' ? 'greater' : 'less', values: [value] }, text);
    }
    return checked({ key, operator: operator === '!=' ? 'notin' : 'in', values: [value] }, text);
  }
  const absent = /^!\s*(\S+)$/.exec(text);
  if (absent !== null) return checked({ key: absent[1] ?? '', operator: 'absent', values: [] }, text);
  if (/^[^\s()=!<>,]+$/.test(text)) return checked({ key: text, operator: 'exists', values: [] }, text);
  throw badSelector(
    text,
    'wanted key=value, key!=value, key in (a,b), key notin (a,b), key, !key, key>n or key<n',
  );
}

function checked(requirement: Requirement, text: string): Requirement {
  const problem =
    labelKeyProblem(requirement.key) ??
    requirement.values.map((value) => labelValueProblem(value)).find((found) => found !== undefined);
  if (problem !== undefined) throw badSelector(text, problem);
  return requirement;
}

function badSelector(text: string, problem: string): ApiError {
  return new ApiError('BadRequest', `unable to parse label selector term "${text}": ${problem}`);
}

function isMet(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, requirement.key) ? labels[requirement.key] : undefined;
  switch (requirement.operator) {
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case 'in':
      return value !== undefined && requirement.values.includes(value);
    case 'notin':
      return value === undefined || !requirement.values.includes(value);
    case 'greater':
    case 'less': {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      const wanted = BigInt(requirement.values[0] ?? '0');
      return requirement.operator === 'greater' ? BigInt(value) > wanted : BigInt(value) < wanted;
    }
  }
}
