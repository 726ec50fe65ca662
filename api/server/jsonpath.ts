/**
 * Kubernetes' JSONPath subset for printer columns: `.spec.x`, `['a.b']`, `.a[0].b`, `.a[-1]`, `.a[*].b`,
 * `.a[?(@.type=="Ready")].status`. A path is parsed once and applied many times; a path that cannot be parsed throws
 * when it is compiled, not when a user lists objects.
 * Source: Kubernetes documentation, "JSONPath Support"; CustomResourceDefinition `additionalPrinterColumns`.
 */
import { isRecord } from '../../machinery/json.ts';

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | {
      readonly kind: 'filter';
      readonly path: readonly Step[];
      readonly operator: Operator;
      readonly value: unknown;
    };

const OPERATORS = ['==', '!=', '<=', '>=', '<', '>'] as const;
type Operator = (typeof OPERATORS)[number] | 'exists';

export type JsonPath = (value: unknown) => readonly unknown[];

/** Throws with the path and the place when it is not of the subset. */
export function compileJsonPath(path: string): JsonPath {
  const steps = parseSteps(path, path);
  return (value) => walk([value], steps);
}

const TOKEN =
  /^(?:\.?\[\s*(?:(?<all>\*)|(?<index>-?\d+)|'(?<single>[^']*)'|"(?<double>[^"]*)"|\?\((?<filter>(?:[^()"']|"[^"]*"|'[^']*')*)\))\s*\]|\.(?<star>\*)|\.(?<field>(?:[^.[\]\\'"()\s]|\\.)+))/;

function parseSteps(text: string, whole: string): readonly Step[] {
  const steps: Step[] = [];
  let rest = text.trim().replace(/^\$/, '');
  while (rest !== '' && rest !== '.') {
    const match = TOKEN.exec(rest);
    if (match?.groups === undefined) throw new Error(`JSONPath "${whole}": cannot read "${rest}"`);
    const { all, star, index, single, double, filter, field } = match.groups;
    if (all !== undefined || star !== undefined) steps.push({ kind: 'all' });
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) });
    else if (filter !== undefined) steps.push(parseFilter(filter, whole));
    else steps.push({ kind: 'field', name: single ?? double ?? (field ?? '').replace(/\\(.)/g, '$1') });
    rest = rest.slice(match[0].length);
  }
  return steps;
}

function parseFilter(text: string, whole: string): Step {
  const match =
    /^\s*@(?<path>(?:[^=!<>"']|\['[^']*'\])*?)\s*(?:(?<operator>==|!=|<=|>=|<|>)\s*(?<value>.+?))?\s*$/.exec(
      text,
    );
  if (match?.groups === undefined) throw new Error(`JSONPath "${whole}": cannot read the filter "${text}"`);
  const { path = '', operator, value } = match.groups;
  const found = OPERATORS.find((candidate) => candidate === operator) ?? 'exists';
  return { kind: 'filter', path: parseSteps(path, whole), operator: found, value: literal(value, whole) };
}

function literal(text: string | undefined, whole: string): unknown {
  if (text === undefined) return undefined;
  const quoted = /^"([^"]*)"$|^'([^']*)'$/.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2];
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error(`JSONPath "${whole}": cannot read the value "${text}"`);
}

function walk(values: readonly unknown[], steps: readonly Step[]): readonly unknown[] {
  return steps.reduce<readonly unknown[]>(
    (found, step) => found.flatMap((value) => take(value, step)),
    values,
  );
}

function take(value: unknown, step: Step): readonly unknown[] {
  switch (step.kind) {
    case 'field':
      return isRecord(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'index': {
      const item: unknown = Array.isArray(value) ? value.at(step.index) : undefined;
      return item === undefined ? [] : [item];
    }
    case 'all':
      return items(value);
    case 'filter':
      return items(value).filter((item) => isMatch(walk([item], step.path), step.operator, step.value));
  }
}

function items(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value) ? Object.values(value) : [];
}

function isMatch(found: readonly unknown[], operator: Operator, wanted: unknown): boolean {
  if (operator === 'exists') return found.length > 0;
  return found.some((value) => compare(value, operator, wanted));
}

function compare(value: unknown, operator: Exclude<Operator, 'exists'>, wanted: unknown): boolean {
  if (operator === '==') return value === wanted;
  if (operator === '!=') return value !== wanted;
  const isOrdered =
    (typeof value === 'number' && typeof wanted === 'number') ||
    (typeof value === 'string' && typeof wanted === 'string');
  if (!isOrdered) return false;
  switch (operator) {
    case '<':
      return value < wanted;
    case '<=':
      return value <= wanted;
    case '>':
      return value > wanted;
    case '>=':
      return value >= wanted;
  }
}
