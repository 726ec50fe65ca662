/**
 * The rules of an aggregated ClusterRole: those of every other ClusterRole that one of its selectors selects. Pure.
 * Source: Kubernetes documentation, "Using RBAC Authorization", aggregated ClusterRoles; its aggregation controller.
 */
import { isSameJson, jsonHash } from '../../machinery/json.ts';
import { labelSelectorText, parseLabelSelector } from '../../machinery/selectors.ts';
import type { ClusterRole } from '../../schemas/types.gen.ts';

type Rule = NonNullable<ClusterRole['rules']>[number];

export type AggregationPlan =
  | { readonly kind: 'keep' }
  | { readonly kind: 'write'; readonly rules: readonly Rule[]; readonly from: readonly string[] };

/** Throws `ApiError` for a selector that cannot be read. Roles count in the order of their names, each rule once. */
export function planAggregation(role: ClusterRole, all: readonly ClusterRole[]): AggregationPlan {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined || role.metadata.deletionTimestamp !== undefined) return { kind: 'keep' };
  const matchers = selectors.map((selector) => parseLabelSelector(labelSelectorText(selector)));
  const chosen = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .filter(({ metadata }) => matchers.some((matches) => matches(metadata.labels)))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules = new Map<string, Rule>();
  for (const rule of chosen.flatMap(({ rules: own }) => own ?? [])) {
    const hash = jsonHash(rule);
    if (!rules.has(hash)) rules.set(hash, rule);
  }
  const wanted = [...rules.values()];
  if (isSameJson(wanted, role.rules ?? [])) return { kind: 'keep' };
  return { kind: 'write', rules: wanted, from: chosen.map(({ metadata }) => metadata.name) };
}
