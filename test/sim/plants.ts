/** Faults planted on purpose: a simulator that finds none of them could not be trusted to find real ones. */
import type { Client } from '../../machinery/client.ts';
import { isRecord } from '../../machinery/json.ts';
import { LABEL_TASK } from '../../machinery/labels.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { CONTROL_PLANE, type Plant } from './cluster.ts';

/** Makes names that no other container has. */
let made = 0;

export const plants: readonly Plant[] = [
  {
    // The controller forgets to look at what is running already, and does not adopt what it finds by its name either.
    name: 'forgets-running',
    runtime: (runtime) => ({
      ...runtime,
      list: async (labels, signal) =>
        (await runtime.list(labels, signal)).filter(({ state }) => state !== 'running'),
      create: (spec, signal) => runtime.create({ ...spec, name: `${spec.name}.${made++}` }, signal),
    }),
  },
  {
    // A stop that is acknowledged and never done.
    name: 'stop-does-nothing',
    runtime: (runtime) => ({ ...runtime, stop: () => Promise.resolve() }),
  },
  {
    // The labels of cluster and worker are not asked for: everything that looks like a Task's container is taken for ours.
    name: 'sees-foreign',
    runtime: (runtime) => ({
      ...runtime,
      list: async (labels, signal) => {
        const all = await runtime.list({}, signal);
        return all
          .filter((container) => container.labels[LABEL_TASK] !== undefined)
          .map((container) => ({ ...container, labels: { ...container.labels, ...labels } }));
      },
    }),
  },
  {
    // Only what this very process made is there for it: nothing is adopted after a crash.
    name: 'adopts-nothing',
    runtime: (runtime) => {
      const own = new Set<string>();
      return {
        ...runtime,
        list: async (labels, signal) => (await runtime.list(labels, signal)).filter(({ id }) => own.has(id)),
        inspect: async (id, signal) => (own.has(id) ? runtime.inspect(id, signal) : undefined),
        create: async (spec, signal) => {
          const created = await runtime.create({ ...spec, name: `${spec.name}.${made++}` }, signal);
          own.add(created.id);
          return created;
        },
      };
    },
  },
  {
    // Whoever uses a ConfigMap that is missing is started without it.
    name: 'ignores-missing-inputs',
    services: (services) => ({
      ...services,
      inputs: {
        inputsOf: (task) => {
          const inputs = services.inputs.inputsOf(task);
          if (inputs.kind !== 'missing') return inputs;
          return { kind: 'ready', env: [], files: new Map(), filesVersion: '', registryAuths: [] };
        },
        forget: (key) => services.inputs.forget(key),
        onChange: (listener) => services.inputs.onChange(listener),
      },
    }),
  },
  {
    // Files stay as they were when the container was made.
    name: 'never-refreshes',
    services: (services) => ({
      ...services,
      volumes: { ...services.volumes, refresh: () => Promise.resolve() },
    }),
  },
  {
    // What belonged to a Task stays on the disk.
    name: 'leaves-volumes',
    services: (services) => ({
      ...services,
      volumes: {
        ...services.volumes,
        release: () => Promise.resolve(),
        sweep: () => Promise.resolve(),
      },
    }),
  },
  {
    // Each worker takes every bound Task for its own, and the API lets it.
    name: 'ignores-binding',
    client: (client, process, everything) =>
      process === CONTROL_PLANE ? client : claiming(everything, process),
  },
];

/** Reads Tasks as if they were all bound to the worker. */
function claiming(client: Client, worker: string): Client {
  const claim = <T extends KubeObject>(object: T): T => {
    const spec: unknown = Reflect.get(object, 'spec');
    if (object.kind !== 'Task' || !isRecord(spec) || spec['workerName'] === undefined) return object;
    return { ...object, spec: { ...spec, workerName: worker } };
  };
  return {
    ...client,
    get: async (resource, key, options) => claim(await client.get(resource, key, options)),
    list: async (resource, options) => {
      const page = await client.list(resource, options);
      return { ...page, items: page.items.map(claim) };
    },
    async *watch(resource, options) {
      for await (const event of client.watch(resource, options)) {
        yield event.type === 'BOOKMARK' ? event : { ...event, object: claim(event.object) };
      }
    },
  };
}
