/**
 * The list of built-in kinds: one line each. Documents and types are generated from the YAML beside this file by
 * `npm run gen`; everything else about a kind (routes, discovery, tables, validation) follows from its document.
 */
import type { Resource } from '../machinery/meta.ts';
import type { KindDocument } from './crd.ts';
// As data: half a megabyte of source text would cost every start its time, and the process its memory.
import documents from './documents.gen.json' with { type: 'json' };
import type {
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  ControllerRevision,
  Event,
  IdempotencyKey,
  Job,
  Lease,
  Namespace,
  ResourceQuota,
  Role,
  RoleBinding,
  Run,
  SchedulerSettings,
  Secret,
  ServiceAccount,
  Task,
  TaskSet,
  TaskTemplate,
  Worker,
} from './types.gen.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the inferred type of half a megabyte says less than its name
export const builtinKinds = documents as unknown as readonly KindDocument[];

export const tasks: Resource<Task> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'tasks',
  kind: 'Task',
  namespaced: true,
};
export const taskSets: Resource<TaskSet> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'tasksets',
  kind: 'TaskSet',
  namespaced: true,
};
export const jobs: Resource<Job> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'jobs',
  kind: 'Job',
  namespaced: true,
};
export const runs: Resource<Run> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'runs',
  kind: 'Run',
  namespaced: true,
};
export const taskTemplates: Resource<TaskTemplate> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'tasktemplates',
  kind: 'TaskTemplate',
  namespaced: true,
};
export const schedulerSettings: Resource<SchedulerSettings> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'schedulersettings',
  kind: 'SchedulerSettings',
  namespaced: false,
};
export const idempotencyKeys: Resource<IdempotencyKey> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'idempotencykeys',
  kind: 'IdempotencyKey',
  namespaced: true,
};
export const workers: Resource<Worker> = {
  group: 'gantry.dev',
  version: 'v1',
  plural: 'workers',
  kind: 'Worker',
  namespaced: false,
};
export const namespaces: Resource<Namespace> = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};
export const events: Resource<Event> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
};
export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
};
export const configMaps: Resource<ConfigMap> = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
export const secrets: Resource<Secret> = {
  group: '',
  version: 'v1',
  plural: 'secrets',
  kind: 'Secret',
  namespaced: true,
};
export const serviceAccounts: Resource<ServiceAccount> = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
};
export const resourceQuotas: Resource<ResourceQuota> = {
  group: '',
  version: 'v1',
  plural: 'resourcequotas',
  kind: 'ResourceQuota',
  namespaced: true,
};
export const controllerRevisions: Resource<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  plural: 'controllerrevisions',
  kind: 'ControllerRevision',
  namespaced: true,
};
export const roles: Resource<Role> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'roles',
  kind: 'Role',
  namespaced: true,
};
export const clusterRoles: Resource<ClusterRole> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
};
export const roleBindings: Resource<RoleBinding> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'rolebindings',
  kind: 'RoleBinding',
  namespaced: true,
};
export const clusterRoleBindings: Resource<ClusterRoleBinding> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
};
