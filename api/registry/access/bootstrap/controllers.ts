/**
 * What each of the control plane's loops may do: a cluster role `system:controller:<name>` of its own, bound to the user
 * of that name. A controller that is added gets its line here.
 */
import type { PolicyRule } from '../policy.ts';
import { type BootstrapRole, RBAC_GROUP, user } from './clusterroles.ts';

const READ = ['get', 'list', 'watch'];
const ALL = ['*'];
const CORE = [''];
const GANTRY = ['gantry.dev'];

/** Every decision is told as an Event, and the same one again is counted on it. */
const TELLS: PolicyRule = {
  verbs: ['get', 'create', 'update', 'patch'],
  apiGroups: CORE,
  resources: ['events'],
};

const rulesByController: Readonly<Record<string, readonly PolicyRule[]>> = {
  // The copies that the loops share: of all kinds, for owners and their dependents.
  informers: [{ verbs: READ, apiGroups: ALL, resources: ALL }],
  // What the WebSocket door tells its subscribers from; who of them may see what, it asks each time.
  traces: [
    { verbs: READ, apiGroups: GANTRY, resources: ['runs', 'tasks'] },
    { verbs: READ, apiGroups: CORE, resources: ['events', 'namespaces'] },
  ],
  // Of several API servers' control planes one works: the one that holds the lease.
  'leader-election': [
    {
      verbs: [...READ, 'create', 'update'],
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
    },
    TELLS,
  ],
  scheduler: [
    { verbs: READ, apiGroups: GANTRY, resources: ['tasks', 'workers', 'schedulersettings'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks/status'] },
    { verbs: ['create'], apiGroups: GANTRY, resources: ['tasks/binding', 'tasks/eviction'] },
    TELLS,
  ],
  // Says of each Task whether what it depends on is so.
  dependencies: [
    { verbs: READ, apiGroups: GANTRY, resources: ['tasks'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks/status'] },
    TELLS,
  ],
  // Snapshots of ConfigMaps and Secrets belong to revisions, so it reads and makes them, and notes to which on them.
  taskset: [
    { verbs: [...READ, 'create', 'update', 'patch', 'delete'], apiGroups: GANTRY, resources: ['tasks'] },
    { verbs: READ, apiGroups: GANTRY, resources: ['tasksets', 'workers'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasksets/status'] },
    {
      verbs: [...READ, 'create', 'update', 'patch', 'delete'],
      apiGroups: ['apps'],
      resources: ['controllerrevisions'],
    },
    { verbs: ['get', 'create', 'patch'], apiGroups: CORE, resources: ['configmaps', 'secrets'] },
    TELLS,
  ],
  job: [
    { verbs: READ, apiGroups: GANTRY, resources: ['jobs', 'schedulersettings'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['jobs/status', 'runs/status'] },
    { verbs: [...READ, 'create', 'update', 'patch', 'delete'], apiGroups: GANTRY, resources: ['runs'] },
    TELLS,
  ],
  run: [
    { verbs: READ, apiGroups: GANTRY, resources: ['jobs', 'tasktemplates'] },
    { verbs: [...READ, 'update', 'patch'], apiGroups: GANTRY, resources: ['runs'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['runs/status'] },
    { verbs: [...READ, 'create', 'update', 'patch', 'delete'], apiGroups: GANTRY, resources: ['tasks'] },
    {
      verbs: [...READ, 'create', 'update', 'patch', 'delete'],
      apiGroups: ['apps'],
      resources: ['controllerrevisions'],
    },
    TELLS,
  ],
  'worker-lifecycle': [
    { verbs: [...READ, 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks', 'workers'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks/status', 'workers/status'] },
    { verbs: ['create'], apiGroups: GANTRY, resources: ['tasks/eviction'] },
    {
      verbs: [...READ, 'create', 'update', 'patch', 'delete'],
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
    },
    TELLS,
  ],
  'event-ttl': [{ verbs: [...READ, 'delete'], apiGroups: CORE, resources: ['events'] }],
  // Whatever has an owner or dependents may have to be deleted, or freed of a finalizer.
  'garbage-collector': [
    { verbs: [...READ, 'update', 'patch', 'delete'], apiGroups: ALL, resources: ALL },
    TELLS,
  ],
  // Empties a namespace of everything, and lets it go.
  namespace: [
    { verbs: [...READ, 'delete', 'deletecollection'], apiGroups: ALL, resources: ALL },
    {
      verbs: ['get', 'list', 'update', 'patch'],
      apiGroups: CORE,
      resources: ['namespaces', 'namespaces/finalize', 'namespaces/status'],
    },
    TELLS,
  ],
  ttl: [{ verbs: [...READ, 'delete'], apiGroups: ALL, resources: ALL }, TELLS],
  // It writes down what others have: that needs the verb for it.
  'clusterrole-aggregation': [
    {
      verbs: [...READ, 'update', 'patch', 'escalate'],
      apiGroups: [RBAC_GROUP],
      resources: ['clusterroles'],
    },
    TELLS,
  ],
};

export const bootstrapControllerRoles: readonly BootstrapRole[] = Object.entries(rulesByController).map(
  ([controller, rules]) => {
    const name = `system:controller:${controller}`;
    return { name, subjects: [user(name)], rules };
  },
);
