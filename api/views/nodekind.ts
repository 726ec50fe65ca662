/** How the Node view is served: its names, verbs and schema. */
import type { Schema } from '../../schemas/crd.ts';
import type { ServedKind } from '../registry/types.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const time = (description: string): Schema => ({ ...text(description), format: 'date-time' });
const flag = (description: string): Schema => ({ type: 'boolean', description });
const part = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description,
  properties,
});
const quantities = (description: string): Schema => ({
  type: 'object',
  description,
  additionalProperties: { 'x-kubernetes-int-or-string': true },
});
const mapBy = (keys: readonly string[], description: string, items: Schema): Schema => ({
  type: 'array',
  description,
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': keys,
  items,
});

const schema: Schema = {
  type: 'object',
  description:
    'Node is how a Worker looks to tools that know nodes. Labels, annotations, spec.unschedulable and spec.taints may be changed here; everything else belongs to the Worker.',
  properties: {
    apiVersion: text('The version of this representation: v1.'),
    kind: text('The kind of this object: Node.'),
    metadata: { type: 'object', description: 'Standard object metadata.' },
    spec: part('What is asked for.', {
      unschedulable: flag('No new tasks are placed here.'),
      taints: mapBy(
        ['key', 'effect'],
        'What keeps tasks away that do not tolerate it.',
        part('One taint.', {
          key: text("The taint's name."),
          value: text('Its value.'),
          effect: text('NoSchedule or PreferNoSchedule.'),
          timeAdded: time('Not kept.'),
        }),
      ),
    }),
    status: part('What was seen.', {
      capacity: quantities('What the machine has.'),
      allocatable: quantities('What tasks may ask for together.'),
      conditions: mapBy(
        ['type'],
        'Ready and RuntimeReady.',
        part('One condition.', {
          type: text("The condition's name."),
          status: text('True, False or Unknown.'),
          reason: text('One word that says why.'),
          message: text('A sentence for people.'),
          lastHeartbeatTime: time('When it was last judged anew.'),
          lastTransitionTime: time('When status last changed.'),
        }),
      ),
      addresses: mapBy(
        ['type'],
        'Where the worker is reached.',
        part('One address.', { type: text('What kind of address.'), address: text('The address.') }),
      ),
      nodeInfo: part('What the machine and the engine say of themselves.', {
        operatingSystem: text('The operating system.'),
        architecture: text('The processor architecture.'),
        kernelVersion: text("The kernel's version."),
        osImage: text('The operating system, for people.'),
        containerRuntimeVersion: text("The engine's version, after docker://."),
        kubeletVersion: text("The agent's version."),
        kubeProxyVersion: text('Never set.'),
        machineID: text('Never set.'),
        systemUUID: text('Never set.'),
        bootID: text('Never set.'),
      }),
    }),
  },
};

export const nodeKind: ServedKind = {
  group: '',
  version: 'v1',
  plural: 'nodes',
  kind: 'Node',
  namespaced: false,
  singular: 'node',
  listKind: 'NodeList',
  shortNames: ['no'],
  categories: [],
  verbs: ['delete', 'get', 'list', 'patch', 'update', 'watch'],
  columns: [],
  definition: {
    name: 'v1',
    served: true,
    storage: false,
    selectableFields: [{ jsonPath: '.spec.unschedulable' }],
    schema: { openAPIV3Schema: schema },
  },
  subresources: [],
};
