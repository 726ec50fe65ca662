/**
 * `x-kubernetes-validations`: the CEL rules of a schema, compiled once and run on every write.
 *
 * A rule that does not parse, names a field the schema lacks or is not a yes-or-no question fails the compilation,
 * never a user's request. Rules that speak of `oldSelf` are transition rules: they run only where there is an old
 * value to compare with. Source: Kubernetes documentation, "Validation rules" of CustomResourceDefinitions.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { isRecord } from '../../../machinery/json.ts';
import { parseQuantity } from '../../../machinery/quantity.ts';
import type { Schema, ValidationRule } from '../../../schemas/crd.ts';
import { type FieldProblem, forbidden, invalid, required } from './fielderrors.ts';
import { joinPath } from './structural.ts';

/** What the rules find wrong; `old` is undefined on create. */
export type RuleCheck = (object: object, old: object | undefined) => readonly FieldProblem[];

interface CompiledRule {
  readonly rule: ValidationRule;
  readonly isTransition: boolean;
  readonly evaluate: (context: { self: unknown; oldSelf?: unknown }) => unknown;
}

/** A place in the schema with rules on it or somewhere below it. */
interface RuleNode {
  readonly schema: Schema;
  readonly rules: readonly CompiledRule[];
  readonly properties: readonly (readonly [field: string, node: RuleNode])[];
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
}

/** Throws when a rule is wrong, naming the kind, the place and the rule. */
export function compileRules(schema: Schema, kindName: string): RuleCheck {
  const root = compileNode(schema, '', kindName);
  if (root === undefined) return () => [];
  return (object, old) => {
    const problems: FieldProblem[] = [];
    visit(root, object, old, '', problems);
    return problems;
  };
}

/** A Kubernetes quantity inside CEL: nanounits. */
class Quantity {
  readonly nano: bigint;

  constructor(nano: bigint) {
    this.nano = nano;
  }
}

const MAX_PATTERNS = 256;
const patterns = new Map<string, RE2JS>();

function baseEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
  const compare = (a: Quantity, b: Quantity): bigint => (a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n);
  return environment
    .registerType('Quantity', { ctor: Quantity, fields: {} })
    .registerFunction('quantity(string): Quantity', (text: string) => {
      const nano = parseQuantity(text);
      if (nano === undefined) throw new Error(`"${text}" is not a quantity`);
      return new Quantity(nano);
    })
    .registerFunction('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined)
    .registerFunction('Quantity.compareTo(Quantity): int', compare)
    .registerFunction('Quantity.isLessThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nano < b.nano)
    .registerFunction('Quantity.isGreaterThan(Quantity): bool', (a: Quantity, b: Quantity) => a.nano > b.nano)
    .registerFunction('Quantity.sign(): int', (a: Quantity) => compare(a, new Quantity(0n)))
    .registerFunction(
      'Quantity.add(Quantity): Quantity',
      (a: Quantity, b: Quantity) => new Quantity(a.nano + b.nano),
    )
    .registerFunction(
      'Quantity.sub(Quantity): Quantity',
      (a: Quantity, b: Quantity) => new Quantity(a.nano - b.nano),
    )
    .registerFunction('string.linearMatches(string): bool', (text: string, pattern: string) =>
      compiledPattern(pattern).matcher(text).find(),
    );
}

function compiledPattern(pattern: string): RE2JS {
  const known = patterns.get(pattern);
  if (known !== undefined) return known;
  if (patterns.size >= MAX_PATTERNS) patterns.clear();
  const compiled = RE2JS.compile(pattern);
  patterns.set(pattern, compiled);
  return compiled;
}

const base = baseEnvironment();
/** Evaluates: values come as they are. */
const dynamic = base.clone().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');

function compileNode(schema: Schema, path: string, kindName: string): RuleNode | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule) =>
    compileRule(rule, schema, path, kindName),
  );
  const properties: [string, RuleNode][] = [];
  for (const [field, part] of Object.entries(schema.properties ?? {})) {
    const node = compileNode(part, joinPath(path, field), kindName);
    if (node !== undefined) properties.push([field, node]);
  }
  const items = schema.items === undefined ? undefined : compileNode(schema.items, `${path}[]`, kindName);
  const { additionalProperties } = schema;
  const values =
    typeof additionalProperties === 'object'
      ? compileNode(additionalProperties, `${path}[*]`, kindName)
      : undefined;
  const isEmpty = rules.length + properties.length === 0 && items === undefined && values === undefined;
  return isEmpty ? undefined : { schema, rules, properties, items, values };
}

function compileRule(rule: ValidationRule, schema: Schema, path: string, kindName: string): CompiledRule {
  const where = `${kindName}: the rule ${JSON.stringify(rule.rule)} at ${path === '' ? 'the root' : path}`;
  const checked = typedEnvironment(schema).check(rule.rule);
  if (!checked.valid) {
    throw new Error(`${where} is wrong: ${checked.error?.message ?? 'it does not check'}`, {
      cause: checked.error,
    });
  }
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    throw new Error(`${where} must be a yes-or-no question, it gives ${String(checked.type)}`);
  }
  const parsed = dynamic.parse(withLinearMatches(rule.rule));
  return {
    rule,
    isTransition: someNode(parsed.ast, (node) => node.op === 'id' && node.args === 'oldSelf'),
    evaluate: (context): unknown => parsed(context),
  };
}

/** An environment that knows the schema's fields, to find rules that name others. */
function typedEnvironment(schema: Schema): Environment {
  const environment = base.clone();
  const type = celType(schema);
  for (const name of ['self', 'oldSelf']) {
    if (typeof type === 'string') environment.registerVariable(name, type);
    else environment.registerVariable({ name, schema: type });
  }
  return environment;
}

interface CelFields {
  [field: string]: string | CelFields;
}

function celType(schema: Schema): string | CelFields {
  if (schema['x-kubernetes-int-or-string'] === true) return 'dyn';
  switch (schema.type) {
    case 'object': {
      if (schema['x-kubernetes-preserve-unknown-fields'] === true) return 'dyn';
      const fields = Object.entries(schema.properties ?? {});
      if (fields.length === 0) return 'map';
      return Object.fromEntries(fields.map(([field, part]) => [field, celType(part)]));
    }
    case 'array':
      return 'list';
    case 'integer':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'string';
    case undefined:
      return 'dyn';
    default:
      throw new Error(`no schema type is called ${JSON.stringify(schema.type satisfies never)}`);
  }
}

/** CEL's own `matches` runs on RegExp, which a pattern can hang: calls go to the linear one instead. */
function withLinearMatches(text: string): string {
  const places: { readonly from: number; readonly to: number }[] = [];
  someNode(dynamic.parse(text).ast, (node) => {
    if (node.op === 'rcall' && node.args[0] === 'matches') {
      const [, receiver, [pattern]] = node.args;
      places.push({ from: receiver.range.end, to: pattern?.range.start ?? receiver.range.end });
    }
    return false;
  });
  let result = text;
  for (const { from, to } of places.sort((a, b) => b.from - a.from)) {
    result =
      result.slice(0, from) + result.slice(from, to).replace('matches', 'linearMatches') + result.slice(to);
  }
  return result;
}

function someNode(node: ASTNode, test: (node: ASTNode) => boolean): boolean {
  return test(node) || childrenOf(node.args).some((child) => someNode(child, test));
}

function childrenOf(args: unknown): ASTNode[] {
  if (isNode(args)) return [args];
  return Array.isArray(args) ? args.flatMap(childrenOf) : [];
}

function isNode(value: unknown): value is ASTNode {
  return isRecord(value) && typeof value['op'] === 'string' && 'args' in value;
}

function visit(node: RuleNode, value: unknown, old: unknown, path: string, problems: FieldProblem[]): void {
  if (value === undefined || value === null) return;
  if (node.rules.length > 0) checkRules(node, value, old, path, problems);
  if (Array.isArray(value)) {
    if (node.items === undefined) return;
    for (const [index, item] of value.entries()) {
      visit(node.items, item, oldItem(node.schema, item, old), `${path}[${index}]`, problems);
    }
    return;
  }
  if (!isRecord(value)) return;
  const before = isRecord(old) ? old : undefined;
  for (const [field, child] of node.properties) {
    visit(child, value[field], before?.[field], joinPath(path, field), problems);
  }
  if (node.values === undefined) return;
  for (const [key, item] of Object.entries(value)) {
    visit(node.values, item, before?.[key], `${path}[${key}]`, problems);
  }
}

/** The item of the old list with the same keys; items of other lists have no past of their own. */
function oldItem(schema: Schema, item: unknown, old: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old))
    return undefined;
  return old.find(
    (candidate: unknown) =>
      isRecord(candidate) && isRecord(item) && keys.every((key) => candidate[key] === item[key]),
  );
}

function checkRules(
  { rules, schema }: RuleNode,
  value: unknown,
  old: unknown,
  path: string,
  problems: FieldProblem[],
): void {
  const hasPast = old !== undefined && old !== null;
  const self = toCel(schema, value);
  const context = hasPast ? { self, oldSelf: toCel(schema, old) } : { self };
  for (const { rule, isTransition, evaluate } of rules) {
    if (isTransition && !hasPast) continue;
    const field = rule.fieldPath === undefined ? path : joinPath(path, rule.fieldPath.replace(/^\./, ''));
    try {
      if (evaluate(context) !== true) problems.push(problemOf(rule, field, value));
    } catch (error) {
      const detail = error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
      const text = `rule ${JSON.stringify(rule.rule)} could not be evaluated: ${detail}`;
      problems.push(invalid(field, value, text));
    }
  }
}

function problemOf(rule: ValidationRule, field: string, value: unknown): FieldProblem {
  const message = rule.message ?? `failed rule: ${rule.rule}`;
  if (rule.reason === 'FieldValueRequired') return required(field, message);
  if (rule.reason === 'FieldValueForbidden') return forbidden(field, message);
  return invalid(field, value, message);
}

/** JSON as CEL sees it: whole numbers of integer fields become CEL's int. */
function toCel(schema: Schema | undefined, value: unknown): unknown {
  if (typeof value === 'number') {
    const isInteger = schema?.type === 'integer' || schema?.['x-kubernetes-int-or-string'] === true;
    return isInteger && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map((item: unknown) => toCel(schema?.items, item));
  if (!isRecord(value)) return value;
  const { properties, additionalProperties } = schema ?? {};
  const rest = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) result[key] = toCel(properties?.[key] ?? rest, item);
  return result;
}
