/**
 * Nobody may grant what they do not have: whether the rules of one cover the rules of a role they want to write, and
 * what is missing, in Kubernetes' words.
 * Source: Kubernetes documentation, "Using RBAC Authorization", "Privilege escalation prevention and bootstrapping".
 */
import type { Identity } from '../../../machinery/identity.ts';
import { ALL, coversPath, type PolicyRule } from './policy.ts';

/** What only somebody has who may do everything: needed to say which other roles a role gathers. */
export const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: [ALL], apiGroups: [ALL], resources: [ALL] },
  { verbs: [ALL], nonResourceURLs: [ALL] },
];

/** Undefined when every single right in `wanted` is in one of the `held` rules, else the message that says what is missing. */
export function escalationProblem(
  identity: Identity,
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
  resolutionErrors: readonly string[] = [],
): string | undefined {
  // What one held rule covers as it is needs not be taken apart.
  const open = wanted.filter((whole) => !held.some((rule) => coversRule(rule, whole))).map(withoutRepeats);
  const who = `user ${JSON.stringify(identity.name)} (groups=${quoted(identity.groups)})`;
  const singles = open.reduce((sum, rule) => sum + countSingles(rule), 0);
  if (singles > MAX_SINGLES) {
    return `${who} is attempting to grant ${singles} single permissions at once, at most ${MAX_SINGLES} are judged: grant fewer, or use "${ALL}"`;
  }
  const missing = open.flatMap(breakDown).filter((single) => !held.some((rule) => coversRule(rule, single)));
  if (missing.length === 0) return undefined;
  const shown = [...new Set(compact(missing).map(describeRule))].sort();
  const errors = resolutionErrors.length === 0 ? '' : `; resolution errors: [${resolutionErrors.join(' ')}]`;
  return `${who} is attempting to grant RBAC permissions not currently held:\n${shown.join('\n')}${errors}`;
}

/** A rule is a product of its lists: a few kilobytes of it can stand for billions of permissions. */
const MAX_SINGLES = 20_000;

function countSingles(rule: PolicyRule): number {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = Math.max(1, resourceNames.length);
  return verbs.length * (apiGroups.length * resources.length * names + nonResourceURLs.length);
}

function withoutRepeats(rule: PolicyRule): PolicyRule {
  const { verbs, ...lists } = rule;
  const once = Object.entries(lists).map(([field, list]) => [field, [...new Set(list)]] as const);
  return { ...Object.fromEntries(once), verbs: [...new Set(verbs)] };
}

/** Rules of one verb on one resource of one group (and one name), or of one verb on one path. */
function breakDown(rule: PolicyRule): PolicyRule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const single: PolicyRule[] = [];
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs) {
        const base = { verbs: [verb], apiGroups: [group], resources: [resource] };
        if (resourceNames.length === 0) single.push(base);
        else single.push(...resourceNames.map((name) => ({ ...base, resourceNames: [name] })));
      }
    }
  }
  for (const url of nonResourceURLs) {
    single.push(...verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] })));
  }
  return single;
}

function coversRule(held: PolicyRule, single: PolicyRule): boolean {
  return (
    coversAll(held.verbs, single.verbs) &&
    coversAll(held.apiGroups ?? [], single.apiGroups ?? []) &&
    coversResources(held.resources ?? [], single.resources ?? []) &&
    coversNames(held.resourceNames ?? [], single.resourceNames ?? []) &&
    (single.nonResourceURLs ?? []).every((path) =>
      (held.nonResourceURLs ?? []).some((url) => coversPath(url, path)),
    )
  );
}

function coversAll(held: readonly string[], wanted: readonly string[]): boolean {
  return held.includes(ALL) || wanted.every((item) => held.includes(item));
}

function coversResources(held: readonly string[], wanted: readonly string[]): boolean {
  if (held.includes(ALL)) return true;
  return wanted.every((resource) => {
    if (held.includes(resource)) return true;
    const slash = resource.indexOf('/');
    return slash >= 0 && held.includes(`*${resource.slice(slash)}`);
  });
}

function coversNames(held: readonly string[], wanted: readonly string[]): boolean {
  if (held.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => held.includes(name));
}

/** Joins what differs by the verb alone, as people would write it. */
function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const others: PolicyRule[] = [];
  const joined = new Map<string, { rule: PolicyRule; verbs: string[] }>();
  for (const rule of rules) {
    if (rule.resources === undefined || rule.resourceNames !== undefined) {
      others.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups, rule.resources]);
    const known = joined.get(key);
    if (known === undefined) joined.set(key, { rule, verbs: [...rule.verbs] });
    else known.verbs.push(...rule.verbs);
  }
  return [...others, ...[...joined.values()].map(({ rule, verbs }) => ({ ...rule, verbs }))];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
function describeRule(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const shown = parts.flatMap(([label, values = []]) =>
    values.length === 0 ? [] : [`${label}:${quoted(values)}`],
  );
  return `{${shown.join(', ')}}`;
}

/** Go's `%q` of a list. */
function quoted(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
}
