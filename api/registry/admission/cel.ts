/**
 * `x-kubernetes-validations`: the CEL rules of a schema, compiled once and run on every write.
 *
 * A rule that does not parse, names a field the schema lacks or is not a yes-or-no question fails the compilation,
 * never a user's request. Rules that speak of `oldSelf` are transition rules: they run only where there is an old
 * value to compare with, or always with an optional one where they ask for that. A rule about a value that a change
 * leaves alone does not refuse the change. Source: Kubernetes documentation, "Validation rules" of
 * CustomResourceDefinitions.
 */
import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { isRecord, isSameJson } from '../../../machinery/json.ts';
import type { Schema, ValidationRule } from '../../../schemas/crd.ts';
import { Budget, meter, OutOfBudget, withBudget } from './cel/budget.ts';
import { estimateCost, maxCount } from './cel/cost.ts';
import { baseEnvironment, depthOf, fieldsOfSelf, nodesOf, useLinearMatches } from './cel/environment.ts';
import { declareVariables, toCel } from './cel/types.ts';
import { correlatedItem } from './correlation.ts';
import { type FieldProblem, forbidden, invalid, required } from './fielderrors.ts';
import { joinPath } from './structural.ts';

/** What the rules find wrong; `old` is undefined on create. */
export type RuleCheck = (object: object, old: object | undefined) => readonly FieldProblem[];

export interface CompiledRule {
  readonly rule: ValidationRule;
  readonly isTransition: boolean;
  readonly isOptionalOld: boolean;
  /** The most one evaluation costs. */
  readonly cost: number;
  /** The fields of `self` that it and its message look at; undefined: perhaps all. */
  readonly fields: ReadonlySet<string> | undefined;
  readonly evaluate: (context: RuleContext) => unknown;
  readonly message: ((context: RuleContext) => unknown) | undefined;
}

interface RuleContext {
  self: unknown;
  oldSelf?: unknown;
}

/** A place in the schema with rules on it or somewhere below it. */
interface RuleNode {
  readonly schema: Schema;
  readonly rules: readonly CompiledRule[];
  readonly properties: readonly (readonly [field: string, node: RuleNode])[];
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
}

/** What is wrong with one rule of a schema. */
export class RuleError extends Error {
  /** `rule`, `messageExpression`: which part of it. */
  readonly part: 'rule' | 'messageExpression';

  constructor(part: RuleError['part'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RuleError';
    this.part = part;
  }
}

const MAX_MESSAGE = 5_120;

/** Throws when a rule is wrong, naming the kind, the place and the rule. */
export function compileRules(schema: Schema, kindName: string): RuleCheck {
  const root = compileNode(schema, '', kindName);
  if (root === undefined) return () => [];
  return (object, old) => {
    const run: Run = { problems: [], budget: new Budget(), isOver: false };
    visit(root, object, old, '', run);
    return run.problems;
  };
}

interface Run {
  readonly problems: FieldProblem[];
  readonly budget: Budget;
  /** Nothing more is run once the budget is spent. */
  isOver: boolean;
}

function compileNode(schema: Schema, path: string, kindName: string): RuleNode | undefined {
  const rules = (schema['x-kubernetes-validations'] ?? []).map((rule) => {
    try {
      return compileRule(rule, schema, path === '');
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      const where = path === '' ? 'the root' : path;
      throw new Error(
        `${kindName}: the rule ${JSON.stringify(rule.rule)} at ${where} is wrong: ${error.message}`,
        { cause: error },
      );
    }
  });
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

/** Compiles one rule on a value of the schema. Throws `RuleError`. */
export function compileRule(rule: ValidationRule, schema: Schema, isRoot: boolean): CompiledRule {
  const isOptionalOld = rule.optionalOldSelf === true;
  const checked = compileExpression(rule.rule, schema, isRoot, isOptionalOld, 'rule', 'bool');
  const isTransition = [...nodesOf(checked.ast)].some((node) => node.op === 'id' && node.args === 'oldSelf');
  if (isOptionalOld && !isTransition) {
    throw new RuleError('rule', 'optionalOldSelf may be used only by rules that use oldSelf');
  }
  const text = (rule.messageExpression ?? '').trim();
  const message =
    text === ''
      ? undefined
      : compileExpression(text, schema, isRoot, isOptionalOld, 'messageExpression', 'string');
  return {
    rule,
    isTransition,
    isOptionalOld,
    cost:
      estimateCost(checked.ast, schema, isRoot) +
      (message === undefined ? 0 : estimateCost(message.ast, schema, isRoot)),
    fields: unionOf(
      [checked, ...(message === undefined ? [] : [message])].map(({ ast }) => fieldsOfSelf(ast)),
    ),
    evaluate: checked.run,
    message: message?.run,
  };
}

/** Undefined where one of them is. */
function unionOf(sets: readonly (ReadonlySet<string> | undefined)[]): ReadonlySet<string> | undefined {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const field of set) all.add(field);
  }
  return all;
}

/** A chain of operators is as deep as it is long. */
const MAX_EXPRESSION_DEPTH = 500;

interface Expression {
  readonly ast: ASTNode;
  readonly run: (context: RuleContext) => unknown;
}

function compileExpression(
  text: string,
  schema: Schema,
  isRoot: boolean,
  isOptionalOld: boolean,
  part: RuleError['part'],
  wanted: 'bool' | 'string',
): Expression {
  const typed = baseEnvironment.clone();
  declareVariables(typed, schema, isRoot, isOptionalOld);
  let parsed: ParseResult;
  try {
    parsed = dynamic.parse(text);
  } catch (error) {
    throw new RuleError(part, `compilation failed: ${firstLine(error)}`, { cause: error });
  }
  const depth = depthOf(parsed.ast);
  if (depth > MAX_EXPRESSION_DEPTH) {
    throw new RuleError(
      part,
      `compilation failed: the expression nests ${depth} levels, at most ${MAX_EXPRESSION_DEPTH} are allowed`,
    );
  }
  const checked = typed.check(text);
  if (!checked.valid) {
    throw new RuleError(part, `compilation failed: ${firstLine(checked.error)}`, { cause: checked.error });
  }
  if (checked.type !== wanted && checked.type !== 'dyn') {
    throw new RuleError(
      part,
      wanted === 'bool'
        ? `must evaluate to a bool: it gives ${String(checked.type)}`
        : `must evaluate to a string: it gives ${String(checked.type)}`,
    );
  }
  const { ast } = parsed;
  useLinearMatches(ast);
  parsed.check();
  meter(ast);
  return { ast, run: (context): unknown => parsed(context) };
}

/** Evaluates: values come as they are. */
const dynamic = baseEnvironment.clone().registerVariable('self', 'dyn').registerVariable('oldSelf', 'dyn');
const someValue = baseEnvironment.clone().registerVariable('value', 'dyn').parse('optional.of(value)');
const noValue = baseEnvironment.clone().parse('optional.none()');

/** All rules of a schema with the most they cost in one object, by their place in the document. */
export function* costsOf(
  schema: Schema,
  place: string,
  count = 1,
  isRoot = true,
): Generator<{
  readonly place: string;
  readonly rule: ValidationRule;
  readonly outcome: CompiledRule | RuleError;
  readonly cost: number;
}> {
  for (const [index, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const outcome = tryCompile(rule, schema, isRoot);
    const cost = outcome instanceof RuleError ? 0 : outcome.cost * count;
    yield { place: `${place}.x-kubernetes-validations[${index}]`, rule, outcome, cost };
  }
  for (const [field, part] of Object.entries(schema.properties ?? {})) {
    yield* costsOf(part, `${place}.properties[${field}]`, count, false);
  }
  const { items, additionalProperties } = schema;
  if (items !== undefined) yield* costsOf(items, `${place}.items`, count * maxCount(schema), false);
  if (typeof additionalProperties === 'object') {
    yield* costsOf(additionalProperties, `${place}.additionalProperties`, count * maxCount(schema), false);
  }
}

function tryCompile(rule: ValidationRule, schema: Schema, isRoot: boolean): CompiledRule | RuleError {
  try {
    return compileRule(rule, schema, isRoot);
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
}

function visit(node: RuleNode, value: unknown, old: unknown, path: string, run: Run): void {
  if (value === undefined || value === null || run.isOver) return;
  if (node.rules.length > 0) checkRules(node, value, old, path, run);
  if (Array.isArray(value)) {
    if (node.items === undefined) return;
    for (const [index, item] of value.entries()) {
      visit(node.items, item, correlatedItem(node.schema, item, old), `${path}[${index}]`, run);
    }
    return;
  }
  if (!isRecord(value)) return;
  const before = isRecord(old) ? old : undefined;
  for (const [field, child] of node.properties) {
    visit(child, value[field], before?.[field], joinPath(path, field), run);
  }
  if (node.values === undefined) return;
  for (const [key, item] of Object.entries(value)) {
    visit(node.values, item, before?.[key], `${path}[${key}]`, run);
  }
}

function checkRules({ rules, schema }: RuleNode, value: unknown, old: unknown, path: string, run: Run): void {
  const hasPast = old !== undefined && old !== null;
  const isUntouched = hasPast && isSameJson(value, old);
  const due = rules.filter(({ isTransition, isOptionalOld }) =>
    isTransition ? hasPast || isOptionalOld : !isUntouched,
  );
  // Both take time with the size of the value: a change of status leaves large templates as they were.
  if (due.length === 0) return;
  const shown = path === '' ? nameable : (whole: unknown) => whole;
  const self = toCel(schema, shown(value), unionOf(due.map(({ fields }) => fields)));
  const before =
    hasPast && due.some(({ isTransition, message }) => isTransition || message !== undefined)
      ? toCel(schema, shown(old))
      : undefined;
  for (const compiled of due) {
    const { rule, isOptionalOld, evaluate } = compiled;
    if (run.isOver) return;
    const context: RuleContext = { self };
    if (isOptionalOld) context.oldSelf = hasPast ? someValue({ value: before }) : noValue();
    else if (before !== undefined) context.oldSelf = before;
    const field = rule.fieldPath === undefined ? path : joinPath(path, rule.fieldPath.replace(/^\./, ''));
    try {
      const isMet = withBudget(run.budget, () => evaluate(context)) === true;
      if (!isMet) run.problems.push(problemOf(compiled, context, field, value, run));
    } catch (error) {
      run.problems.push(failureOf(error, rule, field, value));
      run.isOver ||= error instanceof OutOfBudget;
    }
  }
}

/** An object as rules see it: of its metadata they can name no more, and what a server keeps there is long. */
function nameable(object: unknown): unknown {
  if (!isRecord(object) || !isRecord(object['metadata'])) return object;
  const { name, generateName } = object['metadata'];
  return {
    ...object,
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(generateName === undefined ? {} : { generateName }),
    },
  };
}

function failureOf(error: unknown, rule: ValidationRule, field: string, value: unknown): FieldProblem {
  if (error instanceof OutOfBudget) {
    return invalid(
      field,
      typeof value,
      error.isWhole
        ? 'validation failed due to running out of cost budget, no further validation rules will be run'
        : `no further validation rules will be run due to call cost exceeds limit for rule: ${rule.rule}`,
    );
  }
  return invalid(
    field,
    value,
    `rule ${JSON.stringify(rule.rule)} could not be evaluated: ${firstLine(error)}`,
  );
}

function problemOf(
  compiled: CompiledRule,
  context: RuleContext,
  field: string,
  value: unknown,
  run: Run,
): FieldProblem {
  const { rule } = compiled;
  const told = messageOf(compiled, context, run) ?? rule.message ?? `failed rule: ${rule.rule}`;
  if (rule.reason === 'FieldValueRequired') return required(field, told);
  if (rule.reason === 'FieldValueForbidden') return forbidden(field, told);
  if (rule.reason === 'FieldValueDuplicate') {
    const { message, ...problem } = invalid(field, value, told);
    return {
      ...problem,
      reason: 'FieldValueDuplicate',
      message: message.replace('Invalid value', 'Duplicate value'),
    };
  }
  return invalid(field, value, told);
}

/** What the message expression says; undefined where it fails or says nothing that could be shown. */
function messageOf({ message }: CompiledRule, context: RuleContext, run: Run): string | undefined {
  if (message === undefined) return undefined;
  let told: unknown;
  try {
    told = withBudget(run.budget, () => message(context));
  } catch (error) {
    // The rule is broken all the same, and `message` says so; only the better words are lost.
    run.isOver ||= error instanceof OutOfBudget;
    return undefined;
  }
  if (typeof told !== 'string' || told.trim() === '' || told.includes('\n') || told.length > MAX_MESSAGE) {
    return undefined;
  }
  return told.trim();
}

function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error);
}
