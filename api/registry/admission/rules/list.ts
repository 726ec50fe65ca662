/** The one list of kinds with rules of their own, by `<group>/<plural>`. */
import type { Resource } from '../../../../machinery/meta.ts';
import { configMapRules } from './configmap.ts';
import { controllerRevisionRules } from './controllerrevision.ts';
import { crdRules } from './crd.ts';
import { jobRules } from './job.ts';
import { namespaceRules } from './namespace.ts';
import { clusterRoleBindingRules, clusterRoleRules, namespacedRoleRules, roleBindingRules } from './rbac.ts';
import { resourceQuotaRules } from './resourcequota.ts';
import type { KindRules } from './rules.ts';
import { runRules } from './run.ts';
import { secretRules } from './secret.ts';
import { taskRules } from './task.ts';
import { taskSetRules } from './taskset.ts';
import { taskTemplateRules } from './tasktemplate.ts';

const list: Readonly<Record<string, KindRules>> = {
  '/configmaps': configMapRules,
  '/namespaces': namespaceRules,
  '/resourcequotas': resourceQuotaRules,
  '/secrets': secretRules,
  'apps/controllerrevisions': controllerRevisionRules,
  'apiextensions.k8s.io/customresourcedefinitions': crdRules,
  'gantry.dev/jobs': jobRules,
  'gantry.dev/runs': runRules,
  'gantry.dev/tasks': taskRules,
  'gantry.dev/tasksets': taskSetRules,
  'gantry.dev/tasktemplates': taskTemplateRules,
  'rbac.authorization.k8s.io/clusterrolebindings': clusterRoleBindingRules,
  'rbac.authorization.k8s.io/clusterroles': clusterRoleRules,
  'rbac.authorization.k8s.io/rolebindings': roleBindingRules,
  'rbac.authorization.k8s.io/roles': namespacedRoleRules,
};

const NONE: KindRules = {};

export function rulesOf(kind: Pick<Resource, 'group' | 'plural'>): KindRules {
  return list[`${kind.group}/${kind.plural}`] ?? NONE;
}
