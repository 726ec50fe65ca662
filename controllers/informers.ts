/** The copies of the control plane's kinds that its controllers share: one watch a kind, however many read it. */
import { Informer, type InformerOptions } from '../client/informer.ts';
import { NAMESPACE_SYSTEM } from '../machinery/labels.ts';
import { type KubeObject, keyOf, keyString } from '../machinery/meta.ts';
import {
  clusterRoles,
  controllerRevisions,
  events,
  jobs,
  leases,
  runs,
  schedulerSettings,
  taskSets,
  tasks,
  taskTemplates,
  workers,
} from '../schemas/kinds.ts';
import { awaitedRuns } from '../schemas/runlives.ts';
import type {
  ClusterRole,
  ControllerRevision,
  Event,
  Job,
  Lease,
  Run,
  SchedulerSettings,
  Task,
  TaskSet,
  TaskTemplate,
  Worker,
} from '../schemas/types.gen.ts';
import { needsWorker } from './scheduler/demand.ts';

/** Tasks by the worker they are bound to. */
export const BY_WORKER = 'worker';
/** Tasks that wait for a worker, under the value `true`. */
export const UNBOUND = 'unbound';
/** Tasks by the Tasks they depend on, as `namespace/name`. */
export const BY_DEPENDENCY = 'dependency';
/** Tasks, Runs and ControllerRevisions by the uid of the owner that controls them. */
export const BY_CONTROLLER = 'controller';
/** Tasks that nobody controls, and TaskSets, by their namespace. */
export const BY_NAMESPACE = 'namespace';
/** Runs by the Job they are of, as `namespace/name`. */
export const BY_JOB = 'job';
/** Runs by the ControllerRevision they run, as `namespace/name`. */
export const BY_REVISION = 'revision';
/** Runs that wait for others, by each of these, as `namespace/name`. */
export const BY_AWAITED = 'awaited';
/** Jobs by the Jobs they depend on, as `namespace/name`. */
export const BY_UPSTREAM = 'upstream';
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
  readonly taskSets: Informer<TaskSet>;
  readonly jobs: Informer<Job>;
  readonly runs: Informer<Run>;
  readonly taskTemplates: Informer<TaskTemplate>;
  readonly controllerRevisions: Informer<ControllerRevision>;
  readonly schedulerSettings: Informer<SchedulerSettings>;
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
        [BY_CONTROLLER]: controllerUids,
        [BY_NAMESPACE]: (task) => (controllerUids(task).length > 0 ? [] : [task.metadata.namespace ?? '']),
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
    taskSets: new Informer({
      ...context,
      resource: taskSets,
      indexes: { [BY_NAMESPACE]: ({ metadata }) => [metadata.namespace ?? ''] },
    }),
    jobs: new Informer({
      ...context,
      resource: jobs,
      indexes: {
        [BY_UPSTREAM]: (job) =>
          (job.spec.dependsOn ?? []).map((upstream) => keyString({ ...keyOf(job), name: upstream.job })),
      },
    }),
    runs: new Informer({
      ...context,
      resource: runs,
      indexes: {
        [BY_CONTROLLER]: controllerUids,
        [BY_JOB]: (run) =>
          run.spec.jobRef === undefined ? [] : [keyString({ ...keyOf(run), name: run.spec.jobRef.name })],
        [BY_AWAITED]: (run) => awaitedRuns(run).map((name) => keyString({ ...keyOf(run), name })),
        [BY_REVISION]: (run) =>
          run.spec.revision === undefined ? [] : [keyString({ ...keyOf(run), name: run.spec.revision })],
      },
    }),
    taskTemplates: new Informer({ ...context, resource: taskTemplates }),
    controllerRevisions: new Informer({
      ...context,
      resource: controllerRevisions,
      indexes: {
        [BY_CONTROLLER]: controllerUids,
        [BY_NAMESPACE]: (revision) =>
          controllerUids(revision).length > 0 ? [] : [revision.metadata.namespace ?? ''],
      },
    }),
    schedulerSettings: new Informer({ ...context, resource: schedulerSettings }),
  };
}

/** The uid of the one owner that controls it, if any does. */
function controllerUids({ metadata }: KubeObject): readonly string[] {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner === undefined ? [] : [owner.uid];
}

/** What an Event is about, as one key: the object's uid, or its kind and name where it has none. */
export function subjectOf(event: Event): string {
  const { uid, kind, namespace, name } = event.involvedObject;
  return uid ?? `${kind ?? ''}/${namespace ?? ''}/${name ?? ''}`;
}

/** Keys of the Runs that a Run has ceased to wait for. */
export function noLongerAwaited(run: Run | undefined, old: Run | undefined): readonly string[] {
  if (old?.spec.dependsOn === undefined) return [];
  const still = new Set(run === undefined ? [] : awaitedRuns(run));
  return awaitedRuns(old).flatMap((name) => (still.has(name) ? [] : [keyString({ ...keyOf(old), name })]));
}
