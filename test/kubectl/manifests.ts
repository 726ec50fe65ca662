/** What the rows of the table are about. Two kinds: Gantry's Task, and a kind of the user's own with a scale. */

export const task = (name: string, spec: Record<string, unknown> = {}, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, labels: { app: name }, ...metadata },
    spec: {
      image: 'gantry/hello:1',
      ports: [{ containerPort: 8080, protocol: 'TCP' }],
      terminationGracePeriodSeconds: 2,
      ...spec,
    },
  });

/** One that never gets a worker: for rows about objects and not about containers. */
export const idleTask = (name: string, spec: Record<string, unknown> = {}, metadata: object = {}): string =>
  task(name, { desiredState: 'Stopped', ...spec }, metadata);

/** Any other of Gantry's kinds. */
export const gantry = (
  kind: string,
  name: string,
  spec: Record<string, unknown>,
  metadata: object = {},
): string => JSON.stringify({ apiVersion: 'gantry.dev/v1', kind, metadata: { name, ...metadata }, spec });

export const configMap = (name: string, data: Record<string, string>, metadata: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });

/** Several manifests as one. */
export const list = (...manifests: readonly string[]): string =>
  `{"apiVersion":"v1","kind":"List","items":[${manifests.join(',')}]}`;

/** A kind of its own for each session, so that two kubectls do not meet. */
export const widgetCrd = (group: string): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `widgets.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        plural: 'widgets',
        singular: 'widget',
        kind: 'Widget',
        listKind: 'WidgetList',
        shortNames: ['wdg'],
        categories: ['gadgets'],
      },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
          },
          additionalPrinterColumns: [{ name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' }],
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: {
                  type: 'object',
                  description: 'What a widget is to be.',
                  properties: {
                    replicas: { type: 'integer', default: 1 },
                    colour: { type: 'string', enum: ['red', 'blue'] },
                  },
                  'x-kubernetes-validations': [
                    {
                      rule: '!has(self.replicas) || self.replicas >= 0',
                      message: 'replicas must not be negative',
                    },
                  ],
                },
                status: { type: 'object', properties: { replicas: { type: 'integer' } } },
              },
            },
          },
        },
      ],
    },
  });

export const widget = (group: string, name: string, spec: Record<string, unknown> = {}): string =>
  JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name }, spec });
