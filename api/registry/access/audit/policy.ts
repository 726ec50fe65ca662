/**
 * What is audited, and how much of it: Kubernetes' audit policy, first match wins, no match is no event.
 * Source: Kubernetes documentation, "Auditing"; facts of the apiserver's policy checker.
 */
import { load } from 'js-yaml';
import { messageOf } from '../../../../machinery/errors.ts';
import { isRecord } from '../../../../machinery/json.ts';
import { coversPath } from '../policy.ts';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof LEVELS)[number];

export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof STAGES)[number];

interface GroupResources {
  readonly group: string;
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
}

export interface PolicyRuleOfAudit {
  readonly level: AuditLevel;
  readonly users: readonly string[];
  readonly userGroups: readonly string[];
  readonly verbs: readonly string[];
  readonly resources: readonly GroupResources[];
  readonly namespaces: readonly string[];
  readonly nonResourceURLs: readonly string[];
  readonly omitStages: readonly AuditStage[];
  readonly omitManagedFields: boolean;
}

export interface AuditPolicy {
  readonly rules: readonly PolicyRuleOfAudit[];
  /** Whether a refusal is told also where a rule says None. Never so in a policy of somebody's own. */
  readonly tellsRefusals: boolean;
}

/** One request as a policy sees it: of a resource, or of a path. */
export interface AuditedAttributes {
  readonly user: string;
  readonly groups: readonly string[];
  readonly verb: string;
  readonly target:
    | {
        readonly group: string;
        readonly resource: string;
        readonly subresource?: string;
        readonly namespace?: string;
        readonly name?: string;
      }
    | { readonly path: string };
}

/** The policy's first word on a request; undefined is None. */
export function ruleFor(policy: AuditPolicy, attributes: AuditedAttributes): PolicyRuleOfAudit | undefined {
  const rule = policy.rules.find((candidate) => matches(candidate, attributes));
  return rule === undefined || rule.level === 'None' ? undefined : rule;
}

function matches(rule: PolicyRuleOfAudit, { user, groups, verb, target }: AuditedAttributes): boolean {
  if (rule.verbs.length > 0 && !rule.verbs.includes(verb)) return false;
  if (rule.users.length > 0 && !rule.users.includes(user)) return false;
  if (rule.userGroups.length > 0 && !rule.userGroups.some((group) => groups.includes(group))) return false;
  const isOfResources = rule.namespaces.length > 0 || rule.resources.length > 0;
  if ('path' in target) {
    if (isOfResources) return false;
    return (
      rule.nonResourceURLs.length === 0 || rule.nonResourceURLs.some((url) => coversPath(url, target.path))
    );
  }
  if (!isOfResources) return rule.nonResourceURLs.length === 0;
  if (rule.namespaces.length > 0 && !rule.namespaces.includes(target.namespace ?? '')) return false;
  return (
    rule.resources.length === 0 || rule.resources.some((resources) => matchesResources(resources, target))
  );
}

function matchesResources(
  { group, resources, resourceNames }: GroupResources,
  target: {
    readonly group: string;
    readonly resource: string;
    readonly subresource?: string;
    readonly name?: string;
  },
): boolean {
  if (group !== target.group) return false;
  if (resources.length === 0) return true;
  if (resourceNames.length > 0 && !resourceNames.includes(target.name ?? '')) return false;
  const { resource, subresource } = target;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  return resources.some(
    (wanted) =>
      wanted === '*' ||
      wanted === full ||
      wanted === `${resource}/*` ||
      (subresource !== undefined && wanted === `*/${subresource}`),
  );
}

const UNLIMITED = {
  users: [],
  userGroups: [],
  verbs: [],
  resources: [],
  namespaces: [],
  nonResourceURLs: [],
  omitStages: ['RequestReceived'],
  omitManagedFields: true,
} as const;

const ofGroup = (group: string, ...resources: string[]): GroupResources => ({
  group,
  resources,
  resourceNames: [],
});

/** Every write and every refusal, without bodies; not the signs of life, reports and questions that come all the time. */
export const defaultPolicy: AuditPolicy = {
  tellsRefusals: true,
  rules: [
    // A read, and all there is.
    { ...UNLIMITED, level: 'Metadata', nonResourceURLs: ['/gantry/v1/backup'] },
    { ...UNLIMITED, level: 'None', verbs: ['get', 'list', 'watch'] },
    {
      ...UNLIMITED,
      level: 'None',
      resources: [
        ofGroup('coordination.k8s.io', 'leases'),
        ofGroup('', 'events'),
        ofGroup('events.k8s.io', 'events'),
        ofGroup('authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
        ofGroup('authentication.k8s.io', 'selfsubjectreviews'),
      ],
    },
    { ...UNLIMITED, level: 'Metadata' },
  ],
};

/** Throws an Error that says where the document is wrong. */
export function parseAuditPolicy(text: string): AuditPolicy {
  let document: unknown;
  try {
    document = load(text);
  } catch (error) {
    throw new Error(`it is not YAML: ${messageOf(error)}`, { cause: error });
  }
  if (!isRecord(document) || document['kind'] !== 'Policy' || document['apiVersion'] !== 'audit.k8s.io/v1') {
    throw new Error('wanted a document with apiVersion: audit.k8s.io/v1 and kind: Policy');
  }
  known(document, ['apiVersion', 'kind', 'metadata', 'rules', 'omitStages', 'omitManagedFields'], '');
  const { rules } = document;
  if (!Array.isArray(rules) || rules.length === 0)
    throw new Error('rules: wanted a list with at least one rule');
  const omitStages = oneOf(document['omitStages'], 'omitStages', STAGES);
  const omitManagedFields = flag(document['omitManagedFields'], 'omitManagedFields') ?? false;
  return {
    tellsRefusals: false,
    rules: rules.map((rule: unknown, index) =>
      parseRule(rule, `rules[${index}]`, omitStages, omitManagedFields),
    ),
  };
}

function parseRule(
  rule: unknown,
  at: string,
  omitStages: readonly AuditStage[],
  omitManagedFields: boolean,
): PolicyRuleOfAudit {
  if (!isRecord(rule)) throw new Error(`${at}: wanted a rule`);
  known(rule, [...Object.keys(UNLIMITED), 'level'], at);
  const [level] = oneOf([rule['level']], `${at}.level`, LEVELS);
  const resources = list(rule['resources'], `${at}.resources`).map((item, index) =>
    parseResources(item, `${at}.resources[${index}]`),
  );
  const namespaces = strings(rule['namespaces'], `${at}.namespaces`);
  const nonResourceURLs = strings(rule['nonResourceURLs'], `${at}.nonResourceURLs`);
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    throw new Error(`${at}: rules cannot apply to both regular resources and non-resource URLs`);
  }
  for (const url of nonResourceURLs) {
    if (url !== '*' && (!url.startsWith('/') || url.slice(0, -1).includes('*'))) {
      throw new Error(`${at}.nonResourceURLs: found "${url}", wanted a path, with a star at most at its end`);
    }
  }
  return {
    level: level ?? 'None',
    users: strings(rule['users'], `${at}.users`),
    userGroups: strings(rule['userGroups'], `${at}.userGroups`),
    verbs: strings(rule['verbs'], `${at}.verbs`),
    resources,
    namespaces,
    nonResourceURLs,
    omitStages: [...omitStages, ...oneOf(rule['omitStages'], `${at}.omitStages`, STAGES)],
    omitManagedFields: flag(rule['omitManagedFields'], `${at}.omitManagedFields`) ?? omitManagedFields,
  };
}

function parseResources(value: unknown, at: string): GroupResources {
  if (!isRecord(value)) throw new Error(`${at}: wanted a group and its resources`);
  known(value, ['group', 'resources', 'resourceNames'], at);
  const { group = '' } = value;
  if (typeof group !== 'string') throw new Error(`${at}.group: wanted a name, or nothing for the core group`);
  const resources = strings(value['resources'], `${at}.resources`);
  const resourceNames = strings(value['resourceNames'], `${at}.resourceNames`);
  if (resourceNames.length > 0 && resources.length === 0) {
    throw new Error(`${at}: using resourceNames requires at least one resource`);
  }
  return { group, resources, resourceNames };
}

function known(record: Record<string, unknown>, fields: readonly string[], at: string): void {
  const found = Object.keys(record).find((field) => !fields.includes(field));
  if (found === undefined) return;
  throw new Error(`${at === '' ? found : `${at}.${found}`}: unknown field; there are ${fields.join(', ')}`);
}

function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${at}: wanted a list`);
  return value;
}

function strings(value: unknown, at: string): readonly string[] {
  return list(value, at).map((item) => {
    if (typeof item !== 'string') throw new Error(`${at}: wanted a list of texts`);
    return item;
  });
}

function oneOf<T extends string>(value: unknown, at: string, allowed: readonly T[]): readonly T[] {
  return list(value, at).map((item) => {
    const found = allowed.find((candidate) => candidate === item);
    if (found === undefined) {
      throw new Error(`${at}: found ${JSON.stringify(item)}, wanted one of ${allowed.join(', ')}`);
    }
    return found;
  });
}

function flag(value: unknown, at: string): boolean | undefined {
  if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined;
  throw new Error(`${at}: wanted true or false`);
}
