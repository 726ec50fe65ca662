/**
 * The words authorization is written in, and when a rule speaks of a request.
 * Source: Kubernetes documentation, "Using RBAC Authorization"; facts of the apiserver's rule matching.
 */
import type { Identity } from '../../../machinery/identity.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';

/** Kubernetes' PolicyRule. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  /** `tasks`, `tasks/status`, `*`, or one subresource of everything: a star, a slash and its name. */
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  /** Exact paths, or a beginning followed by a star. */
  readonly nonResourceURLs?: readonly string[];
}

/** Kubernetes' Subject: who a binding speaks of. */
export interface Subject {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface RoleRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

/** One write, with the object as it is and as it would become (undefined: removed). */
export interface WriteToJudge {
  readonly identity: Identity;
  readonly request: AccessRequest;
  readonly before: DynamicObject | undefined;
  readonly after: DynamicObject | undefined;
}

export const ALL = '*';
const NONE: readonly string[] = [];

export function allowsResource(rule: PolicyRule, request: AccessRequest): boolean {
  return (
    includes(rule.verbs, request.verb) &&
    includes(rule.apiGroups ?? NONE, request.group) &&
    matchesAnyResource(rule.resources ?? NONE, request.resource, request.subresource) &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      rule.resourceNames.includes(request.name ?? ''))
  );
}

export function allowsPath(rule: PolicyRule, verb: string, path: string): boolean {
  return includes(rule.verbs, verb) && (rule.nonResourceURLs ?? NONE).some((url) => coversPath(url, path));
}

/** `*`, the very path, or a beginning followed by stars. */
export function coversPath(url: string, path: string): boolean {
  if (url === ALL || url === path) return true;
  return url.endsWith(ALL) && path.startsWith(url.replace(/\*+$/, ''));
}

function matchesAnyResource(
  allowed: readonly string[],
  resource: string,
  subresource: string | undefined,
): boolean {
  for (const candidate of allowed) {
    if (candidate === ALL) return true;
    if (subresource === undefined || subresource === '') {
      if (candidate === resource) return true;
    } else if (isSubresource(candidate, resource, subresource)) {
      return true;
    }
  }
  return false;
}

/** Compared in place: this runs for every rule of every request. */
function isSubresource(candidate: string, resource: string, subresource: string): boolean {
  if (!candidate.endsWith(subresource)) return false;
  const slash = candidate.length - subresource.length - 1;
  if (candidate[slash] !== '/') return false;
  return slash === 1 && candidate[0] === ALL
    ? true
    : slash === resource.length && candidate.startsWith(resource);
}

function includes(allowed: readonly string[], wanted: string): boolean {
  return allowed.includes(wanted) || allowed.includes(ALL);
}

/** The rules of a role. What is stored was validated; what is not there allows nothing. */
export function rulesIn(role: DynamicObject): readonly PolicyRule[] {
  const rules = role['rules'];
  return Array.isArray(rules) ? rules.filter(isRecord).map(readRule) : [];
}

function readRule(rule: Record<string, unknown>): PolicyRule {
  const { apiGroups, resources, resourceNames, nonResourceURLs } = rule;
  return {
    verbs: strings(rule['verbs']),
    ...(apiGroups === undefined ? {} : { apiGroups: strings(apiGroups) }),
    ...(resources === undefined ? {} : { resources: strings(resources) }),
    ...(resourceNames === undefined ? {} : { resourceNames: strings(resourceNames) }),
    ...(nonResourceURLs === undefined ? {} : { nonResourceURLs: strings(nonResourceURLs) }),
  };
}

export function subjectsIn(binding: DynamicObject): readonly Subject[] {
  const subjects = binding['subjects'];
  return Array.isArray(subjects) ? subjects.filter(isSubject) : [];
}

function isSubject(value: unknown): value is Subject {
  return (
    isRecord(value) &&
    typeof value['kind'] === 'string' &&
    typeof value['name'] === 'string' &&
    ['string', 'undefined'].includes(typeof value['apiGroup']) &&
    ['string', 'undefined'].includes(typeof value['namespace'])
  );
}

export function roleRefOf(binding: DynamicObject): RoleRef {
  const ref = isRecord(binding['roleRef']) ? binding['roleRef'] : {};
  const text = (field: string): string => (typeof ref[field] === 'string' ? ref[field] : '');
  return { apiGroup: text('apiGroup'), kind: text('kind'), name: text('name') };
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : NONE;
}
