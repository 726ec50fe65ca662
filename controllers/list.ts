/**
 * The one list of control-plane controllers, and how they are run together.
 *
 * To add a controller: a folder with `plan.ts` and `controller.ts`, and one line in `entries`. Each runs under an
 * identity of its own (`system:controller:<name>`), so that authorization and audit tell them apart.
 */
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Random } from '../machinery/random.ts';
import {
  builtinKinds,
  clusterRoles,
  controllerRevisions,
  events,
  jobs,
  runs,
  schedulerSettings,
  taskSets,
  tasks,
  taskTemplates,
  workers,
} from '../schemas/kinds.ts';
import { openClusterRoleAggregation } from './clusterrole-aggregation/controller.ts';
import { openDependencies } from './dependencies/controller.ts';
import type { ControllerContext } from './engine/context.ts';
import type { ControllerLoop } from './engine/controller.ts';
import { Recorder } from './engine/recorder.ts';
import { openGarbageCollector } from './garbage-collector/controller.ts';
import { type Informers, newInformers } from './informers.ts';
import { openJobs } from './job/controller.ts';
import { Kinds } from './kinds/kinds.ts';
import { openNamespaceController } from './namespace/controller.ts';
import { openRuns } from './run/controller.ts';
import { listenForRunStats } from './runstats/listener.ts';
import { openScheduler } from './scheduler/controller.ts';
import { openTaskSets } from './taskset/controller.ts';
import { listenForTaskStats } from './taskstats/listener.ts';
import { openEventTtl, openTtl } from './ttl/controller.ts';
import { openWorkerLifecycle } from './worker-lifecycle/controller.ts';

export interface ControlPlaneOptions {
  /** The client of the controller with this name; see `controllerIdentity`. */
  readonly clientOf: (controller: string) => Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A worker whose lease did not change for this long is lost; default 12 s. */
  readonly lostAfterMs?: number;
}

interface Opened {
  readonly loop: ControllerLoop;
  readonly close?: () => void;
}

/** What controllers read. */
interface Sources {
  readonly informers: Informers;
  /** Everything, of which little is kept. */
  readonly kinds: Kinds;
  readonly options: ControlPlaneOptions;
}

interface Entry {
  readonly name: string;
  open(context: ControllerContext, sources: Sources): Opened;
}

const entries: readonly Entry[] = [
  { name: 'scheduler', open: (context, { informers }) => ({ loop: openScheduler(context, informers) }) },
  {
    name: 'worker-lifecycle',
    open: (context, { informers, options }) => openWorkerLifecycle(context, informers, options.lostAfterMs),
  },
  {
    name: 'dependencies',
    open: (context, { informers }) => ({ loop: openDependencies(context, informers.tasks) }),
  },
  { name: 'taskset', open: (context, { informers, kinds }) => openTaskSets(context, informers, kinds) },
  { name: 'job', open: (context, { informers }) => openJobs(context, informers) },
  { name: 'run', open: (context, { informers }) => openRuns(context, informers) },
  {
    name: 'garbage-collector',
    open: (context, { kinds }) => ({ loop: openGarbageCollector(context, kinds) }),
  },
  { name: 'namespace', open: (context, { kinds }) => ({ loop: openNamespaceController(context, kinds) }) },
  {
    name: 'clusterrole-aggregation',
    open: (context, { informers }) => ({
      loop: openClusterRoleAggregation(context, informers.clusterRoles),
    }),
  },
  {
    name: 'ttl',
    open: (context, { informers, kinds }) => ({
      loop: openTtl(context, kinds, informers.tasks, informers.runs),
    }),
  },
  {
    name: 'event-ttl',
    open: (context, { informers }) => ({ loop: openEventTtl(context, informers.events) }),
  },
];

/** Names under which clients are asked for, beside `informers`. */
export const controllerNames: readonly string[] = entries.map((entry) => entry.name);

/** Events still unwritten at a stop get this long. */
const FLUSH_MS = 2_000;

export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  #isReady = false;

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
  }

  /** True once every copy is complete and the loops are working. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /**
   * Runs every controller until the signal aborts; resolves when all have stopped and Events are written. May be run
   * again after that, as often as this process leads: each time with new clients and new copies.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const sources = this.#newSources();
    const informers = Object.values(sources.informers);
    const recorders: Recorder[] = [];
    const stopStats = [
      listenForTaskStats(sources.informers.tasks, this.#options),
      listenForRunStats(sources.informers.runs, this.#options),
    ];
    const opened = entries.map((entry) => {
      const client = this.#options.clientOf(entry.name);
      const recorder = new Recorder({ ...this.#options, client, component: entry.name });
      recorders.push(recorder);
      return entry.open({ ...this.#options, client, recorder }, sources);
    });
    const copying = Promise.all([
      ...informers.map((informer) => informer.start(signal)),
      sources.kinds.run(signal),
    ]);
    await Promise.all([
      ...informers.map((informer) => informer.synced(signal)),
      sources.kinds.synced(signal),
    ]);
    if (!signal.aborted) {
      this.#isReady = true;
      log.info({ controllers: entries.map((entry) => entry.name) }, 'controllers are working');
    }
    await Promise.all(opened.map(({ loop }) => loop.run(signal)));
    this.#isReady = false;
    for (const stop of stopStats) stop();
    for (const { close } of opened) close?.();
    const flush = new AbortController();
    const timer = clock.after(FLUSH_MS, () => flush.abort());
    await Promise.all([copying, ...recorders.map((recorder) => recorder.stop(flush.signal))]);
    timer.cancel();
  }

  #newSources(): Sources {
    const options = this.#options;
    const context = { ...options, client: options.clientOf('informers') };
    const informers = newInformers(context);
    const shared = [
      { resource: tasks, store: informers.tasks },
      { resource: workers, store: informers.workers },
      { resource: events, store: informers.events },
      { resource: clusterRoles, store: informers.clusterRoles },
      { resource: taskSets, store: informers.taskSets },
      { resource: jobs, store: informers.jobs },
      { resource: runs, store: informers.runs },
      { resource: taskTemplates, store: informers.taskTemplates },
      { resource: controllerRevisions, store: informers.controllerRevisions },
      { resource: schedulerSettings, store: informers.schedulerSettings },
    ];
    return { informers, kinds: new Kinds({ ...context, builtin: builtinKinds, shared }), options };
  }
}
