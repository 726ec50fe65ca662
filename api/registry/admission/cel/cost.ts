/**
 * What a rule may cost at most, estimated from the sizes its schema allows, before any object exists. A definition
 * whose rules could be too dear is refused. Source of the weights: cel-go's `checker.CostEstimator` and apiserver
 * `pkg/cel/library/cost.go`; of the sizes, apiserver `pkg/cel/common` (a list without maxItems is as long as a request
 * of 3 MiB allows). Estimates are upper bounds and not the same to the last digit.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { isRecord } from '../../../../machinery/json.ts';
import type { Schema } from '../../../../schemas/crd.ts';
import { expansionOf, isNode } from './environment.ts';
import { escapedName, fieldsOf } from './types.ts';

/** One rule, everywhere it applies in one object. */
export const RULE_COST_LIMIT = 10_000_000;
/** All rules of one version together. */
export const SCHEMA_COST_LIMIT = 100_000_000;
const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
const TRAVERSAL = 0.1;
const REGEX = 0.25;
const LIST_LITERAL = 10;
const MAP_LITERAL = 30;

/** What an expression gives: how dear it was, how big its value may be, and what is known of its form. */
interface Estimate {
  readonly cost: number;
  /** Characters, items or entries; 1 for a scalar. */
  readonly size: number;
  readonly schema: Schema | undefined;
  /** What a list's items or a map's keys may be, where no schema says it. */
  readonly element?: Estimate;
}

type Scope = ReadonlyMap<string, Estimate>;

/** The most that one evaluation of a checked rule on a value of this schema costs. */
export function estimateCost(root: ASTNode, schema: Schema, isRoot: boolean): number {
  const self: Estimate = {
    cost: 0,
    size: maxSize(schema),
    schema: isRoot ? { ...schema, properties: fieldsOf(schema, true) } : schema,
  };
  return estimate(
    root,
    new Map([
      ['self', self],
      ['oldSelf', self],
    ]),
  ).cost;
}

/** How often values of this schema can be in one parent at most: for multiplying the cost of the rules below it. */
export function maxCount(schema: Schema): number {
  if (schema.type === 'array') return schema.maxItems ?? itemsInRequest(schema.items);
  if (typeof schema.additionalProperties === 'object') {
    return schema.maxProperties ?? itemsInRequest(schema.additionalProperties);
  }
  return 1;
}

/** `exceeds budget by factor of …`, in Kubernetes' words. */
export function excessOf(cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : `${factor.toFixed(1)}x`;
  return `exceeds budget by factor of ${shown}`;
}

function maxSize(schema: Schema | undefined): number {
  if (schema === undefined) return MAX_REQUEST_BYTES;
  switch (schema.type) {
    case 'array':
      return schema.maxItems ?? itemsInRequest(schema.items);
    case 'object':
      if (typeof schema.additionalProperties === 'object') {
        return schema.maxProperties ?? itemsInRequest(schema.additionalProperties);
      }
      return Object.keys(schema.properties ?? {}).length;
    case 'string':
      return maxLength(schema);
    case 'integer':
    case 'number':
    case 'boolean':
      return 1;
    case undefined:
      break;
  }
  return MAX_REQUEST_BYTES;
}

function maxLength(schema: Schema): number {
  if (schema.enum !== undefined) return Math.max(...schema.enum.map((item) => String(item).length), 0);
  switch (schema.format ?? '') {
    case 'duration':
      return 1_000;
    case 'date':
      return 10;
    case 'date-time':
      return 30;
    default:
      return schema.maxLength ?? MAX_REQUEST_BYTES - 2;
  }
}

/** How many values of this schema fit into the largest request, each with its comma. */
function itemsInRequest(schema: Schema | undefined): number {
  return Math.floor((MAX_REQUEST_BYTES - 2) / (minBytes(schema) + 1));
}

/** The fewest bytes a value takes as JSON. */
function minBytes(schema: Schema | undefined): number {
  switch (schema?.type) {
    case 'boolean':
      return 4;
    case 'string':
      return 2 + (schema.minLength ?? 0);
    case 'object': {
      const required = (schema.required ?? []).map(
        (field) => field.length + 4 + minBytes(schema.properties?.[field]),
      );
      return 2 + required.reduce((sum, bytes) => sum + bytes, 0);
    }
    case 'array':
      return 2;
    case 'integer':
    case 'number':
    case undefined:
      return 1;
  }
}

const scalar = (cost: number): Estimate => ({ cost, size: 1, schema: undefined });

function estimate(given: ASTNode, scope: Scope): Estimate {
  const { alternate, macro } = expansionOf(given);
  const node = isNode(alternate) ? alternate : given;
  if (isRecord(macro) && isNode(macro['val']) && isNode(macro['exp'])) {
    const bound = estimate(macro['val'], scope);
    const body = estimate(macro['exp'], new Map(scope).set(String(macro['var']), { ...bound, cost: 0 }));
    return { ...body, cost: bound.cost + body.cost + 1 };
  }
  const loop = comprehensionOf(node);
  if (loop !== undefined) return estimateLoop(loop, scope);
  const gathered = gatheredIn(node);
  if (gathered !== undefined) return gathered === 'nothing' ? scalar(0) : estimate(gathered, scope);
  switch (node.op) {
    case 'value':
      return { cost: 0, size: typeof node.args === 'string' ? node.args.length : 1, schema: undefined };
    case 'id':
      return { ...(scope.get(node.args) ?? scalar(0)), cost: 1 };
    case '.':
    case '.?': {
      const [from, field] = node.args;
      const left = estimate(from, scope);
      return { ...memberOf(left, field), cost: left.cost + 1 };
    }
    case '[]':
    case '[?]': {
      const [from, at] = node.args;
      const left = estimate(from, scope);
      return { ...itemOf(left), cost: left.cost + estimate(at, scope).cost + 1 };
    }
    case '?:': {
      const [condition, yes, no] = node.args.map((part) => estimate(part, scope));
      const dearer = (yes?.cost ?? 0) > (no?.cost ?? 0) ? yes : no;
      const size = Math.max(yes?.size ?? 1, no?.size ?? 1);
      return { ...(dearer ?? scalar(0)), size, cost: (condition?.cost ?? 0) + (dearer?.cost ?? 0) };
    }
    case 'list': {
      const items = node.args.map((item) => estimate(item, scope));
      const element = items.toSorted((a, b) => b.size - a.size)[0];
      return {
        cost: LIST_LITERAL + costOf(items),
        size: items.length,
        schema: undefined,
        ...(element === undefined ? {} : { element }),
      };
    }
    case 'map': {
      const parts = node.args.flat().map((part) => estimate(part, scope));
      return { cost: MAP_LITERAL + costOf(parts), size: node.args.length, schema: undefined };
    }
    case 'call':
      return estimateCall(
        node.args[0],
        node.args[1].map((part) => estimate(part, scope)),
      );
    case 'rcall': {
      const [name, receiver, args] = node.args;
      return estimateCall(name, [estimate(receiver, scope), ...args.map((part) => estimate(part, scope))]);
    }
    case '!_':
    case '-_':
      return scalar(estimate(node.args, scope).cost + 1);
    case '&&':
    case '||':
      return scalar(costOf(node.args.map((part) => estimate(part, scope))));
    case '+': {
      const [left, right] = node.args.map((part) => estimate(part, scope));
      const size = (left?.size ?? 1) + (right?.size ?? 1);
      return { ...(left ?? scalar(0)), size, cost: costOf([left, right]) + Math.max(1, size * TRAVERSAL) };
    }
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
    case 'in':
    case '-':
    case '*':
    case '/':
    case '%': {
      const parts = childrenOf(node).map((part) => estimate(part, scope));
      // Two things are compared as far as the smaller one goes.
      const walked = Math.min(...parts.map(({ size }) => size), MAX_REQUEST_BYTES);
      return scalar(costOf(parts) + Math.max(1, Math.ceil(walked * TRAVERSAL)));
    }
  }
}

function costOf(parts: readonly (Estimate | undefined)[]): number {
  return parts.reduce((sum, part) => sum + (part?.cost ?? 0), 0);
}

function childrenOf(node: ASTNode): ASTNode[] {
  return [node.args].flat(3).filter(isNode);
}

function memberOf({ schema, element }: Estimate, field: string): Estimate {
  if (schema === undefined) return element ?? { cost: 0, size: MAX_REQUEST_BYTES, schema: undefined };
  const named = Object.entries(schema.properties ?? {}).find(
    ([name]) => (escapedName(name) ?? name) === field,
  );
  const part =
    named?.[1] ?? (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  return { cost: 0, size: maxSize(part), schema: part };
}

function itemOf({ schema, element }: Estimate): Estimate {
  const part =
    schema?.items ??
    (typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  if (part !== undefined) return { cost: 0, size: maxSize(part), schema: part };
  return element ?? { cost: 0, size: MAX_REQUEST_BYTES, schema: undefined };
}

interface Loop {
  readonly iterable: ASTNode;
  readonly variable: string;
  readonly init: ASTNode;
  readonly step: ASTNode;
}

/** What `all`, `exists`, `exists_one`, `map` and `filter` became when the rule was parsed. */
function comprehensionOf(node: ASTNode): Loop | undefined {
  const op: string = node.op;
  const args: unknown = node.args;
  if (op !== 'comprehension' || !isRecord(args)) return undefined;
  const { iterable, iterVarName, init, step } = args;
  if (!isNode(iterable) || !isNode(init) || !isNode(step) || typeof iterVarName !== 'string') {
    throw new Error('the CEL library writes its loops in another form than this was written for');
  }
  return { iterable, variable: iterVarName, init, step };
}

/** What a turn of a loop adds to what the loop gathers: the library's own steps, which no rule can spell. */
function gatheredIn({ op, args }: ASTNode): ASTNode | 'nothing' | undefined {
  const step: string = op;
  if (step === 'accuPush' && isNode(args)) return args;
  return ['accuPush', 'accuValue', 'accuInc'].includes(step) ? 'nothing' : undefined;
}

function estimateLoop({ iterable, variable, init, step }: Loop, scope: Scope): Estimate {
  const range = estimate(iterable, scope);
  const isMap =
    typeof range.schema?.additionalProperties === 'object' || range.schema?.properties !== undefined;
  const element: Estimate = isMap ? { cost: 0, size: 253, schema: { type: 'string' } } : itemOf(range);
  const inner = new Map(scope).set(variable, element);
  const body = estimate(step, inner);
  return {
    cost: range.cost + estimate(init, scope).cost + range.size * (body.cost + 2) + 1,
    size: range.size,
    schema: undefined,
    element: { ...body, cost: 0 },
  };
}

function estimateCall(name: string, parts: readonly Estimate[]): Estimate {
  const before = costOf(parts);
  const [first = scalar(0), second = scalar(0)] = parts;
  switch (name) {
    case 'has':
    case 'size':
    case 'dyn':
    case 'type':
    case 'optional':
    case 'hasValue':
      return scalar(before + 1);
    case 'of':
    case 'value':
    case 'orValue':
      return { ...(name === 'of' ? second : first), cost: before + 1 };
    case 'linearMatches':
    case 'matches':
    case 'find':
    case 'findAll':
      return {
        cost: before + Math.ceil((first.size + 1) * TRAVERSAL) * Math.max(1, Math.ceil(second.size * REGEX)),
        size: first.size,
        schema: undefined,
        element: { cost: 0, size: first.size, schema: undefined },
      };
    case 'contains':
    case 'indexOf':
    case 'lastIndexOf':
      return scalar(
        before + Math.ceil(first.size * TRAVERSAL) * Math.max(1, Math.ceil(second.size * TRAVERSAL)),
      );
    case 'startsWith':
    case 'endsWith':
      return scalar(before + Math.max(1, Math.ceil(second.size * TRAVERSAL)));
    case 'split':
      return {
        cost: before + Math.ceil(first.size * TRAVERSAL),
        size: first.size,
        schema: undefined,
        element: { cost: 0, size: first.size, schema: undefined },
      };
    case 'join': {
      const size = first.size * (itemOf(first).size + second.size);
      return { cost: before + Math.ceil(size * TRAVERSAL), size, schema: undefined };
    }
    case 'replace': {
      const size = first.size * Math.max(1, parts[2]?.size ?? 1);
      return { cost: before + Math.ceil(size * TRAVERSAL), size, schema: undefined };
    }
    default: {
      const walked = parts.reduce((sum, { size }) => sum + size, 0);
      return {
        cost: before + Math.max(1, Math.ceil(walked * TRAVERSAL)),
        size: Math.max(1, first.size),
        schema: undefined,
      };
    }
  }
}
