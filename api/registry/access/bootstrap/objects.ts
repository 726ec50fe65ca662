/** The bootstrap roles as RBAC objects, and how stored ones are kept right. Pure. */
import { isSameJson } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { escalationProblem } from '../escalation.ts';
import { type PolicyRule, roleRefOf, rulesIn, type Subject, subjectsIn } from '../policy.ts';
import type { RbacObjects } from '../rbacindex.ts';
import { type BootstrapRole, bootstrapClusterRoles, RBAC_GROUP } from './clusterroles.ts';
import { bootstrapControllerRoles } from './controllers.ts';

const LABEL_BOOTSTRAPPING = 'kubernetes.io/bootstrapping';
/** `false` on a stored object leaves it as it is. */
export const ANNOTATION_AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

const roles: readonly BootstrapRole[] = [...bootstrapClusterRoles, ...bootstrapControllerRoles];

export const bootstrapRoleObjects: readonly DynamicObject[] = roles.map((role) => ({
  ...headOf('ClusterRole', role.name, role.labels),
  rules: role.aggregates === undefined ? role.rules : gathered(role.aggregates),
  ...(role.aggregates === undefined
    ? {}
    : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [role.aggregates]: 'true' } }] } }),
}));

export const bootstrapBindingObjects: readonly DynamicObject[] = roles.flatMap(({ name, subjects }) =>
  subjects === undefined
    ? []
    : [
        {
          ...headOf('ClusterRoleBinding', name),
          roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
          subjects,
        },
      ],
);

/** What holds where no RBAC objects are kept. */
export const bootstrapOnly: RbacObjects = {
  roles: [],
  clusterRoles: bootstrapRoleObjects.map((object) => ({ object })),
  roleBindings: [],
  clusterRoleBindings: bootstrapBindingObjects.map((object) => ({ object })),
};

function headOf(
  kind: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Pick<DynamicObject, 'apiVersion' | 'kind' | 'metadata'> {
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind,
    metadata: {
      name,
      labels: { [LABEL_BOOTSTRAPPING]: 'rbac-defaults', ...labels },
      annotations: { [ANNOTATION_AUTOUPDATE]: 'true' },
    },
  };
}

/** What the aggregation controller will make of a label, so that a new cluster's roles are whole before it runs. */
function gathered(label: string): readonly PolicyRule[] {
  const rules = roles
    .filter(({ labels }) => labels?.[label] === 'true')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ aggregates, rules }) => (aggregates === undefined ? rules : gathered(aggregates)));
  return rules.filter((rule, index) => rules.findIndex((other) => isSameJson(other, rule)) === index);
}

/**
 * The stored object with what it lacks of the bootstrap one, or undefined when it lacks nothing or is not to be
 * touched. What somebody added stays.
 */
export function reconciled(stored: DynamicObject, wanted: DynamicObject): DynamicObject | undefined {
  if (stored.metadata.annotations?.[ANNOTATION_AUTOUPDATE] === 'false') return undefined;
  const after: DynamicObject = {
    ...stored,
    metadata: {
      ...stored.metadata,
      labels: { ...wanted.metadata.labels, ...stored.metadata.labels },
      annotations: { ...wanted.metadata.annotations, ...stored.metadata.annotations },
    },
    ...(wanted.kind === 'ClusterRole' ? rulesOf(stored, wanted) : subjectsOf(stored, wanted)),
  };
  return isSameJson(stored, after) ? undefined : after;
}

/** A role's reference never changes: another one needs another binding. */
export function hasOtherRole(stored: DynamicObject, wanted: DynamicObject): boolean {
  return wanted.kind === 'ClusterRoleBinding' && !isSameJson(roleRefOf(stored), roleRefOf(wanted));
}

function rulesOf(stored: DynamicObject, wanted: DynamicObject): Partial<DynamicObject> {
  // The rules of a role that gathers are its controller's.
  if (wanted['aggregationRule'] !== undefined) {
    return stored['aggregationRule'] === undefined ? { aggregationRule: wanted['aggregationRule'] } : {};
  }
  const have = rulesIn(stored);
  const missing = rulesIn(wanted).filter(
    (rule) => escalationProblem({ name: '', groups: [] }, have, [rule]) !== undefined,
  );
  return missing.length === 0 ? {} : { rules: [...have, ...missing] };
}

function subjectsOf(stored: DynamicObject, wanted: DynamicObject): Partial<DynamicObject> {
  const have: readonly Subject[] = subjectsIn(stored);
  const missing = subjectsIn(wanted).filter(
    (subject) => !have.some(({ kind, name }) => kind === subject.kind && name === subject.name),
  );
  return missing.length === 0 ? {} : { subjects: [...have, ...missing] };
}
