/** Faults planted on purpose: a simulator that finds none of them could not be trusted to find real ones. */
import { LABEL_TASK } from '../../machinery/labels.ts';
import type { Plant } from './cluster.ts';

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
    // Statuses are written whatever was written in between.
    name: 'overwrites-status',
    client: (client) => ({
      ...client,
      update: (resource, object, options) => {
        const { resourceVersion: _read, ...metadata } = object.metadata;
        return client.update(resource, { ...object, metadata }, options);
      },
    }),
  },
];
