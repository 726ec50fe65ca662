/** What a PromQL expression speaks of, read offline with Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql';

export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
  /** The functions and aggregations around it, innermost first. */
  readonly within: readonly string[];
}

export interface Parsed {
  /** Places that are no PromQL, with what stands there. */
  readonly errors: readonly string[];
  readonly selectors: readonly Selector[];
  /** Labels named by `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`. */
  readonly grouping: readonly string[];
}

const CALLS = new Set(['AggregateExpr', 'FunctionCall']);

export function parsePromql(expression: string): Parsed {
  const errors: string[] = [];
  const grouping: string[] = [];
  const selectors: { metric: string; labels: string[]; within: string[] }[] = [];
  const calls: string[] = [];
  const parents: string[] = [];
  parser.parse(expression).iterate({
    enter(node) {
      const text = expression.slice(node.from, node.to);
      if (node.type.isError)
        errors.push(`at ${node.from}: ${expression.slice(Math.max(0, node.from - 20), node.to + 20)}`);
      const parent = parents.at(-1);
      if (CALLS.has(node.name)) calls.push(/^\w+/.exec(text)?.[0] ?? '');
      if (node.name === 'VectorSelector')
        selectors.push({ metric: '', labels: [], within: calls.toReversed() });
      const selector = selectors.at(-1);
      if (node.name === 'Identifier' && parent === 'VectorSelector' && selector !== undefined)
        selector.metric = text;
      if (node.name === 'LabelName') {
        if (parent === 'GroupingLabels') grouping.push(text);
        else selector?.labels.push(text);
      }
      parents.push(node.name);
    },
    leave(node) {
      parents.pop();
      if (CALLS.has(node.name)) calls.pop();
    },
  });
  return { errors, selectors, grouping };
}
