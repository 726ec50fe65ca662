/** Faults planted on purpose: a simulator that finds none of them could not be trusted to find real ones. */
import type { Client } from '../../machinery/client.ts';
import { isApiError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { LABEL_TASK } from '../../machinery/labels.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { tasks } from '../../schemas/kinds.ts';
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

/** Faults in what TaskSets, Jobs and Runs are made with. */
export const workloadPlants: readonly Plant[] = [
  {
    // Who reads endpoints still finds what is about to go.
    name: 'keeps-endpoints',
    client: (client) => ({
      ...client,
      update: (resource, object, options) => {
        const status = statusOf(object);
        const leaving = Array.isArray(status['leaving']) ? status['leaving'].filter(isRecord) : [];
        if (object.kind !== 'TaskSet' || leaving.length === 0)
          return client.update(resource, object, options);
        const endpoints = leaving.map(({ task }) => ({ task }));
        return client.update(resource, { ...object, status: { ...status, endpoints } }, options);
      },
    }),
  },
  {
    // Tasks go at the moment in which it is said that they will.
    name: 'goes-at-once',
    client: (client, _process, everything) => ({
      ...client,
      update: async (resource, object, options) => {
        const stored = await client.update(resource, object, options);
        const leaving = statusOf(object)['leaving'];
        for (const entry of object.kind === 'TaskSet' && Array.isArray(leaving)
          ? leaving.filter(isRecord)
          : []) {
          const key = { namespace: 'default', name: String(entry['task']) };
          await everything.delete(tasks, key).catch((error: unknown) => {
            if (!isApiError(error)) throw error;
          });
        }
        return stored;
      },
    }),
  },
  {
    // A time of a schedule is taken for two.
    name: 'fires-twice',
    client: (client, _process, everything) => ({
      ...client,
      create: async (resource, object, options) => {
        const spec: unknown = Reflect.get(object, 'spec');
        if (object.kind === 'Run' && isRecord(spec) && spec['scheduledTime'] !== undefined) {
          const twin = { ...object, metadata: { ...object.metadata, name: `${object.metadata.name}-b` } };
          await everything.create(resource, twin).catch((error: unknown) => {
            if (!isApiError(error)) throw error;
          });
        }
        return client.create(resource, object, options);
      },
    }),
  },
  {
    // No step waits for another.
    name: 'begins-early',
    client: (client) =>
      reading(client, (object) => {
        const data: unknown = Reflect.get(object, 'data');
        if (object.kind !== 'ControllerRevision' || !isRecord(data) || !Array.isArray(data['tasks']))
          return object;
        const steps = data['tasks'].filter(isRecord).map((step) => ({ ...step, dependsOn: [] }));
        return { ...object, data: { ...data, tasks: steps } };
      }),
  },
  {
    // Runs under way are not counted.
    name: 'counts-nothing',
    client: (client) => ({
      ...client,
      update: (resource, object, options) => {
        if (object.kind !== 'Job' || statusOf(object)['active'] === undefined)
          return client.update(resource, object, options);
        const { active: _active, ...status } = statusOf(object);
        return client.update(resource, { ...object, status }, options);
      },
    }),
  },
];

function statusOf(object: KubeObject): Record<string, unknown> {
  const status: unknown = Reflect.get(object, 'status');
  return isRecord(status) ? status : {};
}

/** Reads Tasks as if they were all bound to the worker. */
function claiming(client: Client, worker: string): Client {
  return reading(client, (object) => {
    const spec: unknown = Reflect.get(object, 'spec');
    if (object.kind !== 'Task' || !isRecord(spec) || spec['workerName'] === undefined) return object;
    return { ...object, spec: { ...spec, workerName: worker } };
  });
}

/** A client to which objects look otherwise than they are. */
function reading(client: Client, seen: <T extends KubeObject>(object: T) => T): Client {
  return {
    ...client,
    get: async (resource, key, options) => seen(await client.get(resource, key, options)),
    list: async (resource, options) => {
      const page = await client.list(resource, options);
      return { ...page, items: page.items.map(seen) };
    },
    async *watch(resource, options) {
      for await (const event of client.watch(resource, options)) {
        yield event.type === 'BOOKMARK' ? event : { ...event, object: seen(event.object) };
      }
    },
  };
}
