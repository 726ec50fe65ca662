/**
 * Who has which rules, found by subject: made from the RBAC objects when one of them changed and somebody asks, so that
 * a check costs a few look-ups and comparisons, whatever the number of bindings.
 *
 * Level-triggered: the caches hand out the very same list as long as nothing of a kind changed; another list means
 * another index. Each role and each binding is read once for as long as it stays the same object.
 * Source of the semantics: Kubernetes documentation, "Using RBAC Authorization"; wording of reasons as the apiserver's.
 */
import { type Identity, serviceAccountName } from '../../../machinery/identity.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';
import {
  allowsPath,
  allowsResource,
  type PolicyRule,
  type RoleRef,
  roleRefOf,
  rulesIn,
  type Subject,
  subjectsIn,
} from './policy.ts';

/** An object with its version, or anything else that holds one. */
interface Held {
  readonly object: DynamicObject;
}

/** The RBAC objects as they are now: the very same lists while nothing changed. */
export interface RbacObjects {
  readonly roles: readonly Held[];
  readonly clusterRoles: readonly Held[];
  readonly roleBindings: readonly Held[];
  readonly clusterRoleBindings: readonly Held[];
}

export type RbacSource = () => RbacObjects;

/** What is needed of a binding; the object itself is not kept. */
interface Binding {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
}

/** A binding as one of its subjects has it. */
interface Grant {
  readonly binding: Binding;
  readonly subject: Subject;
  /** Undefined when the role is not there. */
  readonly rules: readonly PolicyRule[] | undefined;
}

/** Grants by what a subject is found by. */
interface Grants {
  readonly users: Map<string, Grant[]>;
  readonly groups: Map<string, Grant[]>;
}

export interface RbacVerdict {
  readonly isAllowed: boolean;
  /** Kubernetes' reason, made only when somebody wants to read it. */
  readonly reason: () => string;
}

/** All rules somebody has, and what could not be found out. */
export interface HeldRules {
  readonly rules: readonly PolicyRule[];
  readonly errors: readonly string[];
}

export class RbacIndex {
  readonly #source: RbacSource;
  #seen: RbacObjects | undefined;
  #cluster: Grants = newGrants();
  #byNamespace = new Map<string, Grants>();
  /** Rules by `<namespace>/<name>`, of cluster roles by `/<name>`. */
  #roles = new Map<string, readonly PolicyRule[]>();
  readonly #rules = new WeakMap<Held, readonly [key: string, rules: readonly PolicyRule[]]>();
  readonly #bindings = new WeakMap<Held, Binding>();

  constructor(source: RbacSource) {
    this.#source = source;
  }

  resource(identity: Identity, request: AccessRequest): RbacVerdict {
    return this.#judge(identity, request.namespace, (rule) => allowsResource(rule, request));
  }

  path(identity: Identity, verb: string, path: string): RbacVerdict {
    return this.#judge(identity, undefined, (rule) => allowsPath(rule, verb, path));
  }

  /** What somebody may do in a namespace; without one, in the whole cluster. */
  rulesOf(identity: Identity, namespace: string | undefined): HeldRules {
    const rules: PolicyRule[] = [];
    const errors = new Set<string>();
    const bindings = new Set<Binding>();
    this.#visit(identity, namespace, (grant) => {
      // A binding that names somebody twice, as a user and by a group, grants once.
      if (bindings.has(grant.binding)) return false;
      bindings.add(grant.binding);
      if (grant.rules === undefined) errors.add(missingRole(grant.binding.roleRef));
      else rules.push(...grant.rules);
      return false;
    });
    return { rules, errors: [...errors] };
  }

  /** The rules a reference stands for, in a binding of the namespace; undefined when there is no such role. */
  rulesBehind(roleRef: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    this.#refresh();
    return this.#rulesBehind(roleRef, namespace);
  }

  #judge(
    identity: Identity,
    namespace: string | undefined,
    allows: (rule: PolicyRule) => boolean,
  ): RbacVerdict {
    const missing: RoleRef[] = [];
    const granting = this.#visit(identity, namespace, (grant) => {
      if (grant.rules === undefined) missing.push(grant.binding.roleRef);
      return grant.rules?.some(allows) === true;
    });
    if (granting !== undefined) return { isAllowed: true, reason: () => describeGrant(granting) };
    return missing.length === 0 ? REFUSED : { isAllowed: false, reason: () => describeMissing(missing) };
  }

  /** Walks the grants until one is chosen: cluster-wide ones first, then the namespace's. */
  #visit(
    identity: Identity,
    namespace: string | undefined,
    isChosen: (grant: Grant) => boolean,
  ): Grant | undefined {
    this.#refresh();
    const chosen = visitGrants(this.#cluster, identity, isChosen);
    if (chosen !== undefined || namespace === undefined || namespace === '') return chosen;
    const local = this.#byNamespace.get(namespace);
    return local === undefined ? undefined : visitGrants(local, identity, isChosen);
  }

  #refresh(): void {
    const now = this.#source();
    const seen = this.#seen;
    if (
      seen !== undefined &&
      now.roles === seen.roles &&
      now.clusterRoles === seen.clusterRoles &&
      now.roleBindings === seen.roleBindings &&
      now.clusterRoleBindings === seen.clusterRoleBindings
    ) {
      return;
    }
    // Not the source's own object, which may be the same one with other lists in it next time.
    this.#seen = { ...now };
    this.#roles = new Map([...now.roles, ...now.clusterRoles].map((held) => this.#readRole(held)));
    this.#cluster = newGrants();
    this.#byNamespace = new Map();
    for (const held of now.clusterRoleBindings) this.#add(this.#cluster, this.#readBinding(held));
    for (const held of now.roleBindings) {
      const binding = this.#readBinding(held);
      const namespace = binding.namespace ?? '';
      let local = this.#byNamespace.get(namespace);
      if (local === undefined) this.#byNamespace.set(namespace, (local = newGrants()));
      this.#add(local, binding);
    }
  }

  #readRole(held: Held): readonly [key: string, rules: readonly PolicyRule[]] {
    const known = this.#rules.get(held);
    if (known !== undefined) return known;
    const { object } = held;
    const read = [roleKey(object.metadata.namespace, object.metadata.name), rulesIn(object)] as const;
    this.#rules.set(held, read);
    return read;
  }

  #readBinding(held: Held): Binding {
    const known = this.#bindings.get(held);
    if (known !== undefined) return known;
    const { object } = held;
    const { name, namespace } = object.metadata;
    const read = {
      kind: object.kind,
      name,
      namespace,
      roleRef: roleRefOf(object),
      subjects: subjectsIn(object),
    };
    this.#bindings.set(held, read);
    return read;
  }

  #add(grants: Grants, binding: Binding): void {
    const { namespace } = binding;
    const rules = this.#rulesBehind(binding.roleRef, namespace);
    for (const subject of binding.subjects) {
      const grant: Grant = { binding, subject, rules };
      switch (subject.kind) {
        case 'User':
          append(grants.users, subject.name, grant);
          break;
        case 'Group':
          append(grants.groups, subject.name, grant);
          break;
        case 'ServiceAccount': {
          // In a role binding, an account without a namespace is one of the binding's own.
          const home = (subject.namespace ?? '') === '' ? namespace : subject.namespace;
          if (home !== undefined) append(grants.users, serviceAccountName(home, subject.name), grant);
          break;
        }
      }
    }
  }

  #rulesBehind({ kind, name }: RoleRef, namespace: string | undefined): readonly PolicyRule[] | undefined {
    if (kind === 'Role' && namespace === undefined) return undefined;
    return this.#roles.get(roleKey(kind === 'Role' ? namespace : undefined, name));
  }
}

const REFUSED: RbacVerdict = { isAllowed: false, reason: () => '' };

function newGrants(): Grants {
  return { users: new Map(), groups: new Map() };
}

function append(grants: Map<string, Grant[]>, key: string, grant: Grant): void {
  const known = grants.get(key);
  if (known === undefined) grants.set(key, [grant]);
  else known.push(grant);
}

function visitGrants(
  { users, groups }: Grants,
  identity: Identity,
  isChosen: (grant: Grant) => boolean,
): Grant | undefined {
  const own = users.get(identity.name)?.find(isChosen);
  if (own !== undefined) return own;
  for (const group of identity.groups) {
    const found = groups.get(group)?.find(isChosen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Namespaces never hold a slash, so a role of a namespace and a cluster role are never taken for each other. */
function roleKey(namespace: string | undefined, name: string): string {
  return namespace === undefined ? `/${name}` : `${namespace}/${name}`;
}

function describeGrant({ binding, subject }: Grant): string {
  const { kind, name, namespace, roleRef } = binding;
  const bound = namespace === undefined ? name : `${name}/${namespace}`;
  const who =
    subject.kind === 'ServiceAccount'
      ? `${subject.name}/${(subject.namespace ?? '') === '' ? (namespace ?? '') : subject.namespace}`
      : subject.name;
  return `RBAC: allowed by ${kind} ${JSON.stringify(bound)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject.kind} ${JSON.stringify(who)}`;
}

function describeMissing(missing: readonly RoleRef[]): string {
  const texts = [...new Set(missing.map(missingRole))];
  return `RBAC: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`;
}

/** `clusterrole.rbac.authorization.k8s.io "x" not found`: of one role, hence the singular. */
export function missingRole({ kind, name }: RoleRef): string {
  return `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;
}
