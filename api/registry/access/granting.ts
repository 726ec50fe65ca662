/**
 * Who may write roles and bindings: whoever has the rights in question, or the verbs `escalate` (roles) and `bind`
 * (bindings) on what is written or referred to.
 * Source: Kubernetes documentation, "Using RBAC Authorization", "Privilege escalation prevention and bootstrapping".
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { isSameJson } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';
import { escalationProblem, FULL_AUTHORITY } from './escalation.ts';
import { type PolicyRule, roleRefOf, rulesIn } from './policy.ts';
import { missingRole, type RbacIndex } from './rbacindex.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** The part of the authorizer that is asked for the two verbs. */
interface Asked {
  evaluate(identity: Identity, request: AccessRequest): { readonly isAllowed: boolean };
}

/** Throws `Forbidden` when the write grants more than its writer has. */
export function refuseEscalation(
  authorizer: Asked,
  index: RbacIndex,
  identity: Identity,
  request: AccessRequest,
  before: DynamicObject | undefined,
  after: DynamicObject,
): void {
  if (before !== undefined && isLettingGo(before, after)) return;
  switch (request.resource) {
    case 'roles':
    case 'clusterroles':
      return refuseRole(authorizer, index, identity, request, before, after);
    case 'rolebindings':
    case 'clusterrolebindings':
      return refuseBinding(authorizer, index, identity, request, after);
  }
}

/**
 * Whether nothing is changed but what garbage collection needs: owners and finalizers. A label is no such thing: it can
 * make the role a part of others, and its rules those of whoever has them.
 * Source: the apiserver's `IsOnlyMutatingGCFields`.
 */
function isLettingGo(before: DynamicObject, after: DynamicObject): boolean {
  return isSameJson(withoutHolds(before), withoutHolds(after));
}

function withoutHolds({ metadata, ...fields }: DynamicObject): unknown {
  const {
    finalizers: _holds,
    ownerReferences: _owners,
    managedFields: _writers,
    resourceVersion: _version,
    ...kept
  } = metadata;
  return { ...fields, metadata: kept };
}

function refuseRole(
  authorizer: Asked,
  index: RbacIndex,
  identity: Identity,
  request: AccessRequest,
  before: DynamicObject | undefined,
  after: DynamicObject,
): void {
  const { subresource: _main, name, ...target } = request;
  // A new role has no name yet, as for every create.
  const named = before === undefined || name === undefined ? {} : { name };
  if (authorizer.evaluate(identity, { ...target, ...named, verb: 'escalate' }).isAllowed) return;
  refuseRules(index, identity, request, rulesIn(after));
  const gathers = after['aggregationRule'] !== undefined || before?.['aggregationRule'] !== undefined;
  const { rules, errors } = index.rulesOf(identity, request.namespace);
  if (gathers && escalationProblem(identity, rules, FULL_AUTHORITY, errors) !== undefined) {
    throw refusal(request, 'must have cluster-admin privileges to use the aggregationRule');
  }
}

function refuseBinding(
  authorizer: Asked,
  index: RbacIndex,
  identity: Identity,
  request: AccessRequest,
  after: DynamicObject,
): void {
  const roleRef = roleRefOf(after);
  const { namespace } = request;
  const binding: AccessRequest = {
    verb: 'bind',
    group: RBAC_GROUP,
    resource: roleRef.kind === 'Role' ? 'roles' : 'clusterroles',
    name: roleRef.name,
    ...(namespace === undefined ? {} : { namespace }),
  };
  if (authorizer.evaluate(identity, binding).isAllowed) return;
  const rules = index.rulesBehind(roleRef, namespace);
  if (rules === undefined) {
    const details = { name: roleRef.name, group: RBAC_GROUP, kind: roleRef.kind.toLowerCase() };
    throw new ApiError('NotFound', missingRole(roleRef), details);
  }
  refuseRules(index, identity, request, rules);
}

function refuseRules(
  index: RbacIndex,
  identity: Identity,
  request: AccessRequest,
  wanted: readonly PolicyRule[],
): void {
  const { rules, errors } = index.rulesOf(identity, request.namespace);
  const problem = escalationProblem(identity, rules, wanted, errors);
  if (problem !== undefined) throw refusal(request, problem);
}

function refusal({ resource, name = '' }: AccessRequest, problem: string): ApiError {
  return new ApiError(
    'Forbidden',
    `${resource}.${RBAC_GROUP} ${JSON.stringify(name)} is forbidden: ${problem}`,
    { name, group: RBAC_GROUP, kind: resource },
  );
}
