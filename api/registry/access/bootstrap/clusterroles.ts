/**
 * The cluster roles every cluster starts with, and who has them. Names and meaning are Kubernetes' where Kubernetes
 * has the role; Gantry's kinds are in `view`, `edit` and `admin` as Kubernetes' own are.
 * Source: Kubernetes documentation, "Using RBAC Authorization", "Default roles and role bindings".
 */
import {
  doorIdentity,
  GROUP_AUTHENTICATED,
  GROUP_MASTERS,
  GROUP_UNAUTHENTICATED,
  GROUP_WORKERS,
} from '../../../../machinery/identity.ts';
import { GROUP_DEV } from '../devaccess.ts';
import type { PolicyRule, Subject } from '../policy.ts';

export interface BootstrapRole {
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** Labels beside the one all of them have. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The label whose bearers' rules make this role's. */
  readonly aggregates?: string;
  /** Who has it in the whole cluster. */
  readonly subjects?: readonly Subject[];
}

export const RBAC_GROUP = 'rbac.authorization.k8s.io';
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'update', 'patch', 'delete', 'deletecollection'];
const ALL = ['*'];
const CORE = [''];
const GANTRY = ['gantry.dev'];
/** The group of the job runner's rights, and its calls: `jobs` are all jobs, `jobs/own` those that the caller started. */
const JOB_RUNNER = 'jobs.gantry.dev';
const JOB_CALLS = ['start', 'stop', 'status', 'tail'];
const HEALTH = ['/livez', '/readyz', '/healthz'];
const HEALTH_CHECKS = ['/livez/*', '/readyz/*', '/healthz/*'];
const VERSION = ['/version', '/version/'];
const DISCOVERY = ['/openapi', '/openapi/*', '/api', '/api/*', '/apis', '/apis/*'];

const TO_ADMIN = 'rbac.authorization.k8s.io/aggregate-to-admin';
const TO_EDIT = 'rbac.authorization.k8s.io/aggregate-to-edit';
const TO_VIEW = 'rbac.authorization.k8s.io/aggregate-to-view';

/** What users of a namespace work with, in Gantry's group. */
const WORKLOADS = ['tasks', 'tasksets', 'jobs', 'runs', 'tasktemplates'];

export const group = (name: string): Subject => ({ kind: 'Group', apiGroup: RBAC_GROUP, name });
export const user = (name: string): Subject => ({ kind: 'User', apiGroup: RBAC_GROUP, name });

const userFacing: readonly BootstrapRole[] = [
  { name: 'admin', aggregates: TO_ADMIN, rules: [] },
  { name: 'edit', aggregates: TO_EDIT, labels: { [TO_ADMIN]: 'true' }, rules: [] },
  { name: 'view', aggregates: TO_VIEW, labels: { [TO_EDIT]: 'true' }, rules: [] },
  {
    name: 'system:aggregate-to-admin',
    labels: { [TO_ADMIN]: 'true' },
    rules: [
      { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['localsubjectaccessreviews'] },
      { verbs: [...READ, ...WRITE], apiGroups: [RBAC_GROUP], resources: ['roles', 'rolebindings'] },
    ],
  },
  {
    name: 'system:aggregate-to-edit',
    labels: { [TO_EDIT]: 'true' },
    rules: [
      {
        verbs: READ,
        apiGroups: CORE,
        resources: ['pods/attach', 'pods/exec', 'pods/portforward', 'secrets'],
      },
      { verbs: ['impersonate'], apiGroups: CORE, resources: ['serviceaccounts'] },
      {
        verbs: WRITE,
        apiGroups: CORE,
        resources: ['pods', 'pods/attach', 'pods/exec', 'pods/portforward'],
      },
      { verbs: ['create'], apiGroups: CORE, resources: ['pods/eviction', 'serviceaccounts/token'] },
      { verbs: WRITE, apiGroups: CORE, resources: ['configmaps', 'events', 'secrets', 'serviceaccounts'] },
      { verbs: WRITE, apiGroups: GANTRY, resources: [...WORKLOADS, 'tasksets/scale'] },
      {
        verbs: ['get', 'create'],
        apiGroups: GANTRY,
        resources: ['tasks/attach', 'tasks/exec', 'tasks/portforward'],
      },
      { verbs: ['create'], apiGroups: GANTRY, resources: ['tasks/eviction'] },
      { verbs: [...READ, ...WRITE], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
    ],
  },
  {
    name: 'system:aggregate-to-view',
    labels: { [TO_VIEW]: 'true' },
    rules: [
      {
        verbs: READ,
        apiGroups: CORE,
        resources: [
          'configmaps',
          'events',
          'namespaces',
          'namespaces/status',
          'pods',
          'pods/log',
          'pods/status',
          'resourcequotas',
          'resourcequotas/status',
          'serviceaccounts',
        ],
      },
      { verbs: READ, apiGroups: ['apps'], resources: ['controllerrevisions'] },
      { verbs: READ, apiGroups: ['events.k8s.io'], resources: ['events'] },
      { verbs: READ, apiGroups: ['metrics.k8s.io'], resources: ['pods'] },
      {
        verbs: READ,
        apiGroups: GANTRY,
        resources: [
          ...WORKLOADS,
          ...WORKLOADS.map((plural) => `${plural}/status`),
          'tasks/log',
          'tasksets/scale',
          // Written with a Run by the server alone.
          'idempotencykeys',
          // Of the whole cluster: read by those who may view all of it. A Job says itself when all schedules rest.
          'schedulersettings',
        ],
      },
    ],
  },
];

/** What a worker's agent asks for; `workeraccess.ts` narrows it down to what is the worker's own. */
const worker: BootstrapRole = {
  name: 'system:worker',
  subjects: [group(GROUP_WORKERS)],
  rules: [
    { verbs: [...READ, 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks'] },
    { verbs: ['get', 'update', 'patch'], apiGroups: GANTRY, resources: ['tasks/status', 'workers/status'] },
    { verbs: [...READ, 'create', 'update', 'patch'], apiGroups: GANTRY, resources: ['workers'] },
    {
      verbs: ['get', 'create', 'update', 'patch'],
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
    },
    // Those that its Tasks refer to, one at a time.
    { verbs: READ, apiGroups: CORE, resources: ['configmaps', 'secrets'] },
    // It reads an event back to count on one that it, or the agent before it, has written already.
    { verbs: ['get', 'create', 'update', 'patch'], apiGroups: CORE, resources: ['events'] },
  ],
};

/**
 * The user of the plain development listeners: what the doors' own requests need. `devaccess.ts` narrows its writes down to
 * baseline Tasks, Runs of what others have written, and the rest of all schedules.
 */
const dev: BootstrapRole = {
  name: 'system:dev',
  subjects: [group(GROUP_DEV)],
  rules: [
    {
      verbs: [...READ, 'create', 'update', 'patch'],
      apiGroups: GANTRY,
      resources: ['tasks', 'runs', 'schedulersettings'],
    },
    { verbs: READ, apiGroups: GANTRY, resources: ['jobs', 'tasktemplates', 'workers'] },
    { verbs: ['get'], apiGroups: GANTRY, resources: ['tasks/log'] },
    { verbs: READ, apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
    { verbs: READ, apiGroups: CORE, resources: ['events'] },
    { verbs: ['get'], nonResourceURLs: [...HEALTH, ...HEALTH_CHECKS, ...VERSION, ...DISCOVERY] },
  ],
};

/** What the job runner lets its callers do, by the names in their certificates; `api/doors/grpc` asks for it. */
const jobRunners: readonly BootstrapRole[] = [
  {
    name: 'gantry:job-runner',
    rules: [{ verbs: JOB_CALLS, apiGroups: [JOB_RUNNER], resources: ['jobs/own'] }],
  },
  {
    name: 'gantry:job-runner-admin',
    rules: [{ verbs: JOB_CALLS, apiGroups: [JOB_RUNNER], resources: ['jobs'] }],
  },
];

/** What the job runner itself does: makes Runs of templates, ends them, with the grace asked for, and follows them. */
const jobRunnerDoor: BootstrapRole = {
  name: 'system:door:grpc',
  subjects: [user(doorIdentity('grpc').name)],
  rules: [
    { verbs: ['get'], apiGroups: GANTRY, resources: ['tasktemplates'] },
    { verbs: ['get', 'list', 'watch', 'create', 'patch'], apiGroups: GANTRY, resources: ['runs'] },
    { verbs: ['get', 'list', 'watch', 'patch'], apiGroups: GANTRY, resources: ['tasks'] },
  ],
};

export const bootstrapClusterRoles: readonly BootstrapRole[] = [
  {
    name: 'cluster-admin',
    subjects: [group(GROUP_MASTERS)],
    rules: [
      { verbs: ALL, apiGroups: ALL, resources: ALL },
      { verbs: ALL, nonResourceURLs: ALL },
    ],
  },
  {
    name: 'system:discovery',
    subjects: [group(GROUP_AUTHENTICATED)],
    rules: [{ verbs: ['get'], nonResourceURLs: [...HEALTH, ...HEALTH_CHECKS, ...VERSION, ...DISCOVERY] }],
  },
  {
    name: 'system:basic-user',
    subjects: [group(GROUP_AUTHENTICATED)],
    rules: [
      {
        verbs: ['create'],
        apiGroups: ['authorization.k8s.io'],
        resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      },
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['selfsubjectreviews'] },
    ],
  },
  {
    name: 'system:public-info-viewer',
    subjects: [group(GROUP_AUTHENTICATED), group(GROUP_UNAUTHENTICATED)],
    rules: [{ verbs: ['get'], nonResourceURLs: [...HEALTH, ...HEALTH_CHECKS, ...VERSION] }],
  },
  {
    name: 'system:monitoring',
    subjects: [group('system:monitoring')],
    rules: [{ verbs: ['get'], nonResourceURLs: ['/metrics', ...HEALTH, ...HEALTH_CHECKS] }],
  },
  {
    // All that Prometheus asks for: the process, the objects, each worker's containers, and where to find what to scrape.
    name: 'gantry:monitoring',
    subjects: [group('gantry:monitoring')],
    rules: [
      {
        verbs: ['get'],
        nonResourceURLs: [
          '/metrics',
          '/metrics/*',
          '/discovery/prometheus',
          '/discovery/prometheus/*',
          ...HEALTH,
          ...HEALTH_CHECKS,
        ],
      },
      { verbs: ['get'], apiGroups: CORE, resources: ['nodes/proxy'] },
    ],
  },
  {
    name: 'system:auth-delegator',
    rules: [
      { verbs: ['create'], apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'] },
      { verbs: ['create'], apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'] },
    ],
  },
  ...userFacing,
  ...jobRunners,
  worker,
  dev,
  jobRunnerDoor,
];
