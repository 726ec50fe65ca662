/**
 * Who may do what. Rules have the form and the meaning of Kubernetes' PolicyRule; the roles are built in.
 *
 * A role may also put limits on the writes its rules allow, where a rule cannot say it ("only your own Tasks"). A
 * write goes through when one of the roles that allow it finds nothing against it.
 * Source: Kubernetes documentation, "Using RBAC Authorization"; wording of the refusals as the apiserver's.
 */
import { ApiError } from '../../../machinery/errors.ts';
import {
  GROUP_CONTROLLERS,
  GROUP_MASTERS,
  GROUP_WORKERS,
  type Identity,
} from '../../../machinery/identity.ts';
import type { AccessRequest } from '../types.ts';
import { devRefusal, GROUP_DEV } from './devaccess.ts';
import type { PolicyRule, Role, WriteToJudge } from './policy.ts';
import { workerReach, workerRefusal } from './workeraccess.ts';

const ALL = ['*'];
const READ = ['get', 'list', 'watch'];
const GANTRY = ['gantry.dev'];
const DISCOVERY = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', '/version', '/version/'];
const HEALTH = ['/healthz', '/healthz/*', '/livez', '/livez/*', '/readyz', '/readyz/*'];

export const builtinRoles: readonly Role[] = [
  {
    name: 'cluster-admin',
    groups: [GROUP_MASTERS],
    rules: [
      { verbs: ALL, apiGroups: ALL, resources: ALL },
      { verbs: ALL, nonResourceURLs: ALL },
    ],
  },
  {
    name: 'system:controllers',
    groups: [GROUP_CONTROLLERS],
    rules: [
      { verbs: [...READ, 'update', 'patch', 'delete'], apiGroups: GANTRY, resources: ['tasks'] },
      { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks/status', 'workers/status'] },
      { verbs: ['create'], apiGroups: GANTRY, resources: ['tasks/binding'] },
      { verbs: [...READ, 'update', 'patch'], apiGroups: GANTRY, resources: ['workers'] },
      { verbs: READ, apiGroups: [''], resources: ['namespaces'] },
      { verbs: [...READ, 'create', 'update', 'patch', 'delete'], apiGroups: [''], resources: ['events'] },
      {
        verbs: [...READ, 'create', 'update', 'patch', 'delete'],
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
      },
    ],
  },
  {
    name: 'system:worker',
    groups: [GROUP_WORKERS],
    rules: [
      { verbs: [...READ, 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks'] },
      { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks/status', 'workers/status'] },
      { verbs: [...READ, 'create', 'update', 'patch'], apiGroups: GANTRY, resources: ['workers'] },
      {
        verbs: ['get', 'create', 'update', 'patch'],
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
      },
      // It reads an event back to count on one that it, or the agent before it, has written already.
      { verbs: ['get', 'create', 'update', 'patch'], apiGroups: [''], resources: ['events'] },
    ],
    outOfReach: workerReach,
    refusal: workerRefusal,
  },
  {
    name: 'system:dev',
    groups: [GROUP_DEV],
    rules: [
      { verbs: [...READ, 'create', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks'] },
      { verbs: ['get'], nonResourceURLs: [...DISCOVERY, ...HEALTH] },
    ],
    refusal: devRefusal,
  },
  {
    name: 'system:discovery',
    groups: ['system:authenticated'],
    rules: [{ verbs: ['get'], nonResourceURLs: [...DISCOVERY, ...HEALTH] }],
  },
  {
    name: 'system:public-info-viewer',
    groups: ['system:unauthenticated'],
    rules: [{ verbs: ['get'], nonResourceURLs: [...HEALTH, '/version', '/version/'] }],
  },
];

export class Authorizer {
  readonly #roles: readonly Role[];

  constructor(roles: readonly Role[] = builtinRoles) {
    this.#roles = roles;
  }

  /** The roles that allow the request. Throws `Forbidden` when none does. */
  check(identity: Identity, request: AccessRequest): readonly Role[] {
    const reasons: string[] = [];
    const allowing = this.#rolesOf(identity).filter((role) => {
      if (!role.rules.some((rule) => allowsResource(rule, request))) return false;
      const reason = role.outOfReach?.(identity, request);
      if (reason !== undefined) reasons.push(reason);
      return reason === undefined;
    });
    if (allowing.length === 0) throw forbiddenRequest(identity, request, reasons[0]);
    return allowing;
  }

  /** Throws `Forbidden` when every role that allows the request has something against this very write. */
  judge(roles: readonly Role[], write: WriteToJudge): void {
    const reasons = roles.map((role) => role.refusal?.(write));
    if (reasons.includes(undefined)) return;
    throw forbiddenRequest(write.identity, write.request, reasons[0]);
  }

  checkPath(identity: Identity, verb: string, path: string): void {
    const isAllowed = this.#rolesOf(identity).some((role) =>
      role.rules.some(
        (rule) => includes(rule.verbs, verb) && (rule.nonResourceURLs ?? []).some(covers(path)),
      ),
    );
    if (isAllowed) return;
    throw new ApiError('Forbidden', `forbidden: User "${identity.name}" cannot ${verb} path "${path}"`);
  }

  #rolesOf(identity: Identity): readonly Role[] {
    return this.#roles.filter((role) => role.groups.some((group) => identity.groups.includes(group)));
  }
}

function allowsResource(rule: PolicyRule, request: AccessRequest): boolean {
  return (
    includes(rule.verbs, request.verb) &&
    includes(rule.apiGroups ?? [], request.group) &&
    (rule.resources ?? []).some((resource) => matchesResource(resource, request)) &&
    (rule.resourceNames === undefined ||
      rule.resourceNames.length === 0 ||
      (request.name !== undefined && rule.resourceNames.includes(request.name)))
  );
}

function matchesResource(resource: string, { resource: plural, subresource }: AccessRequest): boolean {
  if (resource === '*') return true;
  if (subresource === undefined) return resource === plural;
  return resource === `${plural}/${subresource}` || resource === `*/${subresource}`;
}

function includes(allowed: readonly string[], wanted: string): boolean {
  return allowed.includes('*') || allowed.includes(wanted);
}

function covers(path: string): (allowed: string) => boolean {
  return (allowed) =>
    allowed === '*' || allowed === path || (allowed.endsWith('*') && path.startsWith(allowed.slice(0, -1)));
}

/** `tasks.gantry.dev "hello" is forbidden: User "dev" cannot delete resource "tasks" in API group "gantry.dev" in the namespace "default"`. */
function forbiddenRequest(identity: Identity, request: AccessRequest, reason: string | undefined): ApiError {
  const { verb, group, resource, subresource, namespace, name } = request;
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return new ApiError(
    'Forbidden',
    `${qualified}${name === undefined ? '' : ` "${name}"`} is forbidden: User "${identity.name}" cannot ${verb} resource "${full}" in API group "${group}" ${where}${reason === undefined ? '' : `: ${reason}`}`,
    { ...(name === undefined ? {} : { name }), ...(group === '' ? {} : { group }), kind: resource },
  );
}
