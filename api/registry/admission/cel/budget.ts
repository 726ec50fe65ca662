/**
 * What a rule may cost while it runs. Every step costs one, text and lists that are compared or handed to functions
 * cost by their size; a rule that costs too much ends, so that no document can make a request hang.
 * Source of the limits: apiserver `apis/cel` (PerCallLimit, RuntimeCELCostBudget); of the weights, its cost estimator.
 */
import type { ASTNode } from '@marcbachmann/cel-js';
import { isRecord } from '../../../../machinery/json.ts';
import { nodesOf } from './environment.ts';

/** One evaluation of one rule. */
export const CALL_LIMIT = 1_000_000;
/** All rules of one write together. */
export const OBJECT_LIMIT = 10_000_000;
/** A tenth of a step for each character or item. */
const TRAVERSAL_COST = 0.1;

export class OutOfBudget extends Error {
  readonly isWhole: boolean;

  /** @param isWhole whether it was the whole write's budget rather than one rule's. */
  constructor(isWhole: boolean) {
    super(isWhole ? 'the budget of the whole write is spent' : 'the budget of the rule is spent');
    this.name = 'OutOfBudget';
    this.isWhole = isWhole;
  }
}

/** The budget of one write. */
export class Budget {
  #left = OBJECT_LIMIT;
  #call = CALL_LIMIT;

  /** A new rule begins. */
  begin(): void {
    this.#call = CALL_LIMIT;
  }

  /** Throws `OutOfBudget`. */
  spend(cost: number): void {
    this.#left -= cost;
    this.#call -= cost;
    if (this.#left < 0) throw new OutOfBudget(true);
    if (this.#call < 0) throw new OutOfBudget(false);
  }
}

/** Evaluation is synchronous, so there is one rule that runs at a time. */
let current: Budget | undefined;

/** Runs a rule that was metered on the budget. Throws `OutOfBudget`. */
export function withBudget<T>(budget: Budget, work: () => T): T {
  const before = current;
  current = budget;
  budget.begin();
  try {
    return work();
  } finally {
    current = before;
  }
}

type Evaluate = (evaluator: unknown, node: unknown, context: unknown) => unknown;

interface Metered {
  readonly meta: { readonly evaluate: Evaluate };
  setMeta(name: 'evaluate', evaluate: Evaluate): unknown;
}

/** Operators and calls that walk through what they are given. */
const WALKING: ReadonlySet<string> = new Set(['==', '!=', 'in', '+', 'call', 'rcall', '<', '<=', '>', '>=']);

/** Makes every step of a checked expression cost something. Do it once. */
export function meter(root: ASTNode): void {
  const nodes = [...nodesOf(root)];
  const walked = new Set<unknown>();
  for (const node of nodes) {
    if (!WALKING.has(node.op)) continue;
    for (const child of [node.args].flat(3)) walked.add(child);
  }
  for (const node of nodes) {
    if (!isMetered(node))
      throw new Error('the CEL library keeps its steps elsewhere than this was written for');
    const { evaluate } = node.meta;
    const hasSize = walked.has(node);
    node.setMeta('evaluate', (evaluator, self, context) => {
      current?.spend(1);
      const value = evaluate(evaluator, self, context);
      if (hasSize) current?.spend(sizeOf(value) * TRAVERSAL_COST);
      return value;
    });
  }
}

function isMetered(node: object): node is object & Metered {
  return (
    'meta' in node &&
    isRecord(node.meta) &&
    typeof node.meta['evaluate'] === 'function' &&
    'setMeta' in node &&
    typeof node.setMeta === 'function'
  );
}

const sizes = new WeakMap<object, number>();

/** Characters and items in a value, all levels; counted once for each value. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  const known = sizes.get(value);
  if (known !== undefined) return known;
  let size = 1;
  if (value instanceof Uint8Array) size = value.length;
  else for (const item of Object.values(value)) size += sizeOf(item);
  sizes.set(value, size);
  return size;
}
