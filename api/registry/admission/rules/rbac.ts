/**
 * RBAC kinds: names are path segments, rules say what they are about, a binding's subjects are somebody and its role
 * never changes. Wording and order of the problems are the apiserver's.
 * Source: Kubernetes documentation, "Using RBAC Authorization"; facts of the apiserver's rbac validation and defaults.
 */
import { isRecord, isSameJson } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { subdomainProblem } from '../../../../machinery/names.ts';
import { type FieldProblem, invalid, required, unsupported } from '../fielderrors.ts';
import type { KindRules } from './rules.ts';
import { selectorProblems } from './selectors.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** A name that can be one part of a URL's path: colons are fine, so `system:worker` is a name. */
function pathSegmentProblem(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`;
  const found = ['/', '%'].find((character) => name.includes(character));
  if (found !== undefined) return `may not contain '${found}'`;
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  const isText = name.isWellFormed() && !/[\u0000-\u001f\u007f\u{10ffff}]/u.test(name);
  return isText ? undefined : 'may not contain control characters';
}

function ruleProblems(role: DynamicObject, isNamespaced: boolean): FieldProblem[] {
  return items(role['rules']).flatMap((rule, index) => {
    const at = `rules[${index}]`;
    const problems: FieldProblem[] = [];
    const count = (field: string): number => (Array.isArray(rule[field]) ? rule[field].length : 0);
    // An absent list of verbs is the schema's to tell.
    if (rule['verbs'] !== undefined && count('verbs') === 0)
      problems.push(required(`${at}.verbs`, 'verbs must contain at least one value'));
    if (count('nonResourceURLs') > 0) {
      const field = `${at}.nonResourceURLs`;
      const urls = rule['nonResourceURLs'];
      if (isNamespaced)
        problems.push(invalid(field, urls, 'namespaced rules cannot apply to non-resource URLs'));
      if (count('apiGroups') + count('resources') + count('resourceNames') > 0) {
        problems.push(
          invalid(field, urls, 'rules cannot apply to both regular resources and non-resource URLs'),
        );
      }
      return problems;
    }
    if (count('apiGroups') === 0)
      problems.push(required(`${at}.apiGroups`, 'resource rules must supply at least one api group'));
    if (count('resources') === 0)
      problems.push(required(`${at}.resources`, 'resource rules must supply at least one resource'));
    return problems;
  });
}

function aggregationProblems(role: DynamicObject): FieldProblem[] {
  const rule = role['aggregationRule'];
  if (!isRecord(rule)) return [];
  const field = 'aggregationRule.clusterRoleSelectors';
  const selectors = items(rule['clusterRoleSelectors']);
  if (selectors.length === 0) {
    return [required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return selectors.flatMap((selector, index) => selectorProblems(selector, `${field}[${index}]`));
}

/** Fills in the groups that a subject's kind implies. */
function defaultSubjects(binding: DynamicObject): void {
  if (!Array.isArray(binding['subjects'])) return;
  binding['subjects'] = binding['subjects'].map((subject: unknown) => {
    const isPerson = isRecord(subject) && (subject['kind'] === 'User' || subject['kind'] === 'Group');
    return isPerson && (subject['apiGroup'] ?? '') === '' ? { ...subject, apiGroup: GROUP } : subject;
  });
}

function bindingProblems(binding: DynamicObject, isNamespaced: boolean): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const ref = isRecord(binding['roleRef']) ? binding['roleRef'] : {};
  const kinds = isNamespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (ref['apiGroup'] !== GROUP) problems.push(unsupported('roleRef.apiGroup', ref['apiGroup'], [GROUP]));
  // What is absent is the schema's to tell.
  if (typeof ref['kind'] === 'string' && !kinds.includes(ref['kind']))
    problems.push(unsupported('roleRef.kind', ref['kind'], kinds));
  if (typeof ref['name'] === 'string') {
    const problem = pathSegmentProblem(ref['name']);
    if (ref['name'] === '') problems.push(required('roleRef.name'));
    else if (problem !== undefined) problems.push(invalid('roleRef.name', ref['name'], problem));
  }
  items(binding['subjects']).forEach((subject, index) => {
    problems.push(...subjectProblems(subject, `subjects[${index}]`, isNamespaced));
  });
  return problems;
}

function subjectProblems(
  subject: Record<string, unknown>,
  at: string,
  isNamespaced: boolean,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { kind, name, apiGroup = '', namespace = '' } = subject;
  if (name === '') problems.push(required(`${at}.name`));
  switch (kind) {
    case 'ServiceAccount': {
      const problem = typeof name === 'string' && name !== '' ? subdomainProblem(name) : undefined;
      if (problem !== undefined) problems.push(invalid(`${at}.name`, name, problem));
      if (apiGroup !== '') problems.push(unsupported(`${at}.apiGroup`, apiGroup, ['']));
      if (!isNamespaced && namespace === '') problems.push(required(`${at}.namespace`));
      break;
    }
    case 'User':
    case 'Group':
      if (apiGroup !== GROUP) problems.push(unsupported(`${at}.apiGroup`, apiGroup, [GROUP]));
      break;
    default:
      problems.push(unsupported(`${at}.kind`, kind, ['ServiceAccount', 'User', 'Group']));
  }
  return problems;
}

function items(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function roleRules(isNamespaced: boolean): KindRules {
  const check = (role: DynamicObject): FieldProblem[] => [
    ...ruleProblems(role, isNamespaced),
    ...aggregationProblems(role),
  ];
  return { nameProblem: pathSegmentProblem, onCreate: check, onUpdate: check };
}

function bindingRules(isNamespaced: boolean): KindRules {
  const check = (binding: DynamicObject): FieldProblem[] => {
    defaultSubjects(binding);
    return bindingProblems(binding, isNamespaced);
  };
  return {
    nameProblem: pathSegmentProblem,
    onCreate: check,
    onUpdate(binding, before) {
      const problems = check(binding);
      if (!isSameJson(binding['roleRef'], before['roleRef']))
        problems.push(invalid('roleRef', binding['roleRef'], 'cannot change roleRef'));
      return problems;
    },
  };
}

export const namespacedRoleRules = roleRules(true);
export const clusterRoleRules = roleRules(false);
export const roleBindingRules = bindingRules(true);
export const clusterRoleBindingRules = bindingRules(false);
