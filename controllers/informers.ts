/** The copies of the control plane's kinds that its controllers share: one watch a kind, however many read it. */
import { Informer, type InformerOptions } from '../client/informer.ts';
import { NAMESPACE_SYSTEM } from '../machinery/labels.ts';
import { type KubeObject, keyOf, keyString } from '../machinery/meta.ts';
import { clusterRoles, events, leases, tasks, workers } from '../schemas/kinds.ts';
import type { ClusterRole, Event, Lease, Task, Worker } from '../schemas/types.gen.ts';
import { needsWorker } from './scheduler/demand.ts';

/** Tasks by the worker they are bound to. */
export const BY_WORKER = 'worker';
/** Tasks that wait for a worker, under the value `true`. */
export const UNBOUND = 'unbound';
/** Tasks by the Tasks they depend on, as `namespace/name`. */
export const BY_DEPENDENCY = 'dependency';
/** Events by the object they are about. */
export const BY_SUBJECT = 'subject';

/** ClusterRoles that are put together from others, under the value `true`. */
export const AGGREGATED = 'aggregated';

export interface Informers {
  readonly tasks: Informer<Task>;
  readonly workers: Informer<Worker>;
  /** Leases of workers: those in the system namespace. */
  readonly leases: Informer<Lease>;
  readonly events: Informer<Event>;
  readonly clusterRoles: Informer<ClusterRole>;
}

export type InformerContext = Omit<
  InformerOptions<KubeObject>,
  'resource' | 'indexes' | 'namespace' | 'keep'
>;

export function newInformers(context: InformerContext): Informers {
  return {
    tasks: new Informer({
      ...context,
      resource: tasks,
      indexes: {
        [BY_WORKER]: (task) => (task.spec.workerName === undefined ? [] : [task.spec.workerName]),
        [UNBOUND]: (task) => (needsWorker(task) ? ['true'] : []),
        [BY_DEPENDENCY]: (task) =>
          (task.spec.dependsOn ?? []).map(({ name }) => keyString({ ...keyOf(task), name })),
      },
    }),
    workers: new Informer({ ...context, resource: workers }),
    leases: new Informer({ ...context, resource: leases, namespace: NAMESPACE_SYSTEM }),
    events: new Informer({
      ...context,
      resource: events,
      indexes: { [BY_SUBJECT]: (event) => [subjectOf(event)] },
    }),
    clusterRoles: new Informer({
      ...context,
      resource: clusterRoles,
      indexes: { [AGGREGATED]: (role) => (role.aggregationRule === undefined ? [] : ['true']) },
    }),
  };
}

/** What an Event is about, as one key: the object's uid, or its kind and name where it has none. */
export function subjectOf(event: Event): string {
  const { uid, kind, namespace, name } = event.involvedObject;
  return uid ?? `${kind ?? ''}/${namespace ?? ''}/${name ?? ''}`;
}
