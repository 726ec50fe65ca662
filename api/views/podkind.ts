/** How the Pod view is served: its names, verbs and schema. In no category, so that `all` shows Tasks once. */
import type { Schema } from '../../schemas/crd.ts';
import { builtinKinds, tasks } from '../../schemas/kinds.ts';
import type { ServedKind } from '../registry/types.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const time = (description: string): Schema => ({
  type: 'string',
  format: 'date-time',
  nullable: true,
  description,
});
const integer = (description: string): Schema => ({ type: 'integer', format: 'int32', description });
const list = (description: string, items: Schema): Schema => ({ type: 'array', description, items });
const byName = (description: string, items: Schema): Schema => ({
  ...list(description, items),
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
});
const part = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description,
  properties,
});
const map = (description: string, values: Schema): Schema => ({
  type: 'object',
  description,
  additionalProperties: values,
});

/** What a Task has under the same name is described in the same words; its rules are the Task's to check. */
function ofTask(field: string): Schema {
  const document = builtinKinds.find(({ spec }) => spec.names.plural === tasks.plural);
  const root = document?.spec.versions.find(({ storage }) => storage)?.schema.openAPIV3Schema;
  const found = root?.properties?.['spec']?.properties?.[field];
  if (found === undefined) throw new Error(`the schema of Task has no spec.${field}`);
  return withoutRules(found);
}

function withoutRules({ 'x-kubernetes-validations': _rules, ...schema }: Schema): Schema {
  const { properties, items } = schema;
  return {
    ...schema,
    ...(items === undefined ? {} : { items: withoutRules(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [name, withoutRules(part)]),
          ),
        }),
  };
}

/** A Task's volumes, with a claim where it has a named volume. */
function volumes(): Schema {
  const { items, ...rest } = ofTask('volumes');
  const { volume: _volume, ...sources } = items?.properties ?? {};
  const claim = part("A named volume of the worker's engine.", { claimName: text("The volume's name.") });
  return { ...rest, items: { ...items, properties: { ...sources, persistentVolumeClaim: claim } } };
}

function lifecycle(): Schema {
  const hooks = ofTask('lifecycle');
  return { ...hooks, properties: { ...hooks.properties, stopSignal: ofTask('stopSignal') } };
}

const quantity: Schema = { 'x-kubernetes-int-or-string': true };

const container = part('The one container of the task.', {
  name: text("The task's name."),
  image: text('The image reference.'),
  imagePullPolicy: text('When the image is pulled.'),
  command: list("Replaces the image's entry point.", { type: 'string' }),
  args: list("Replaces the image's command.", { type: 'string' }),
  workingDir: text('The working directory inside the container.'),
  env: ofTask('env'),
  envFrom: ofTask('envFrom'),
  ports: list(
    'Ports the container listens on.',
    part('One port.', {
      name: text('Its name.'),
      containerPort: integer('The port inside the container.'),
      hostPort: integer('The port on the worker.'),
      hostIP: text("The worker's address."),
      protocol: text('TCP or UDP.'),
    }),
  ),
  resources: part('What the task needs and may use.', {
    requests: map('What is set aside for it.', quantity),
    limits: map('What it may use at most.', quantity),
  }),
  volumeMounts: ofTask('volumeMounts'),
  livenessProbe: ofTask('livenessProbe'),
  readinessProbe: ofTask('readinessProbe'),
  startupProbe: ofTask('startupProbe'),
  lifecycle: lifecycle(),
  securityContext: ofTask('securityContext'),
});

const containerState = part('Exactly one of waiting, running and terminated.', {
  waiting: part('Not running yet, or waiting for its next start.', {
    reason: text('One word that says why.'),
    message: text('A sentence for people.'),
  }),
  running: part('Running.', { startedAt: time('Since when.') }),
  terminated: part('Ended.', {
    exitCode: integer('How it ended.'),
    signal: integer('The signal that ended it.'),
    reason: text('One word that says why.'),
    message: text('A sentence for people.'),
    startedAt: time('When it was started.'),
    finishedAt: time('When it ended.'),
    containerID: text("The engine's id, after docker://."),
  }),
});

const schema: Schema = {
  type: 'object',
  description:
    'Pod is how a Task looks to tools that know pods. Its labels, annotations and image may be changed here; change the Task of the same name for everything else.',
  properties: {
    apiVersion: text('The version of this representation: v1.'),
    kind: text('The kind of this object: Pod.'),
    metadata: { type: 'object', description: 'Standard object metadata.' },
    spec: part('What is asked for.', {
      nodeName: text('The worker the task is bound to.'),
      nodeSelector: map('Labels that a worker must carry.', { type: 'string' }),
      containers: byName("The task's container.", container),
      restartPolicy: text('Whether an ended container is started again.'),
      terminationGracePeriodSeconds: integer('Seconds between the stop signal and the kill.'),
      hostNetwork: { type: 'boolean', description: "Whether it uses the worker's own network." },
      hostPID: ofTask('hostPID'),
      hostname: text("The container's host name."),
      volumes: volumes(),
      imagePullSecrets: ofTask('imagePullSecrets'),
      tolerations: ofTask('tolerations'),
      activeDeadlineSeconds: ofTask('activeDeadlineSeconds'),
      dnsPolicy: text('None with dnsConfig, else absent.'),
      dnsConfig: part('Who is asked for names.', {
        nameservers: list('Addresses of name servers.', { type: 'string' }),
      }),
      securityContext: part('Always empty: the container carries its own.', {}),
    }),
    status: part('What was seen.', {
      phase: text('Pending, Running, Succeeded (also for a stopped task), Failed or Unknown.'),
      reason: text('DeadlineExceeded or Evicted, where that ended it.'),
      message: text('A sentence for people.'),
      conditions: list(
        'PodReadyToStartContainers, Initialized (whether what the task depends on is so), Ready, ContainersReady and PodScheduled.',
        part('One condition.', {
          type: text("The condition's name."),
          status: text('True, False or Unknown.'),
          reason: text('One word that says why.'),
          message: text('A sentence for people.'),
          lastProbeTime: time('Never set.'),
          lastTransitionTime: time('When status last changed.'),
        }),
      ),
      startTime: time('When the first container was started.'),
      hostIP: text("The worker's address on which ports are published."),
      hostIPs: list('The same, as a list.', part('One address.', { ip: text('The address.') })),
      podIP: text("The container's address on its network."),
      podIPs: list('The same, as a list.', part('One address.', { ip: text('The address.') })),
      containerStatuses: list(
        'What was seen of the container.',
        part('The container.', {
          name: text("The task's name."),
          image: text('The image it was made from.'),
          imageID: text("The image's id."),
          containerID: text("The engine's id, after docker://."),
          restartCount: integer('Containers started again after one ended.'),
          ready: { type: 'boolean', description: 'Whether it does its work.' },
          started: {
            type: 'boolean',
            description: 'Whether it runs, and got through postStart and its startup probe.',
          },
          state: containerState,
          lastState: containerState,
        }),
      ),
    }),
  },
};

/** Opened with GET by WebSocket clients, with POST by SPDY clients. Tasks have them too. */
export const SESSIONS: ServedKind['subresources'] = [
  { name: 'attach', verbs: ['create', 'get'], kind: 'PodAttachOptions' },
  { name: 'exec', verbs: ['create', 'get'], kind: 'PodExecOptions' },
  { name: 'portforward', verbs: ['create', 'get'], kind: 'PodPortForwardOptions' },
];

export const podKind: ServedKind = {
  group: '',
  version: 'v1',
  plural: 'pods',
  kind: 'Pod',
  namespaced: true,
  singular: 'pod',
  listKind: 'PodList',
  shortNames: ['po'],
  categories: [],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  columns: [],
  definition: {
    name: 'v1',
    served: true,
    storage: false,
    selectableFields: [
      { jsonPath: '.spec.nodeName' },
      { jsonPath: '.spec.restartPolicy' },
      { jsonPath: '.status.phase' },
      { jsonPath: '.status.podIP' },
    ],
    schema: { openAPIV3Schema: schema },
  },
  subresources: [
    { name: 'log', verbs: ['get'] },
    ...SESSIONS,
    { name: 'eviction', verbs: ['create'], kind: 'Eviction' },
  ],
};
