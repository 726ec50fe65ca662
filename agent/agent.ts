/**
 * The agent: what runs beside one container engine. It enrols its Worker, beats, reconciles the Tasks bound to it and
 * answers the API's questions about them. The same agent runs inside `gantry up` and on a machine of its own: all it
 * knows of the control plane is a `Client`.
 */
import { availableParallelism } from 'node:os';
import { Informer } from '../client/informer.ts';
import { Recorder } from '../controllers/engine/recorder.ts';
import { holdsShare } from '../controllers/scheduler/demand.ts';
import type { PullSettings } from '../controllers/task/acting/pulls.ts';
import { TaskController } from '../controllers/task/controller.ts';
import { responsibleWorker } from '../controllers/task/plan.ts';
import type { TaskServices } from '../controllers/task/services.ts';
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import type { Log } from '../machinery/log.ts';
import { keyString } from '../machinery/meta.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Random } from '../machinery/random.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { TaskRef, WorkerLink } from '../machinery/workerlink.ts';
import type { ReadWorkerStats } from '../machinery/workerstats.ts';
import { tasks } from '../schemas/kinds.ts';
import type { Task } from '../schemas/types.gen.ts';
import { ContainerMetrics } from './containermetrics/containermetrics.ts';
import { PressureGauge, type ReadFileSystem, readStatfs } from './disk/pressure.ts';
import { Enrolment } from './enrol.ts';
import { Heartbeat } from './heartbeat.ts';
import { ImageCollector, type ImageSettings } from './images/collector.ts';
import { newWorkerLink } from './link.ts';
import { type ArchiveOptions, DiskArchive } from './logs/archive.ts';
import { TaskLogs } from './logs/tasklogs.ts';
import { type ReadMachine, readProcMachine } from './machine.ts';
import { openServices, type ServiceDeps } from './services.ts';
import { newStatsReader, type ReadProc, readSystemProc } from './stats.ts';
import { UsageSampler } from './usage.ts';
import type { VolumePlaces } from './volumes/diskvolumes.ts';
import type { Reserve } from './workerstatus.ts';

export interface AgentOptions {
  /** With the worker's own identity. */
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly workerName: string;
  /** Only containers labelled with this cluster and this worker are ever seen. */
  readonly clusterId: string;
  readonly agentVersion: string;
  /** Where ports without a hostIP are published; default 127.0.0.1. */
  readonly publishAddress?: string;
  /** Where the networks of Tasks get their addresses from; default blocks of /22 out of 10.200.0.0/14. */
  readonly networks?: ServiceDeps['networks'];
  /** Kept back from what tasks may ask for; default nothing. */
  readonly reserve?: Reserve;
  /** How much of the engine's disk is to stay free; below it the worker takes no new Tasks. 0: never; default 15. */
  readonly diskReservedPercent?: number;
  /** Containers created and started at once; default two for each core, at most 8. */
  readonly startsAtOnce?: number;
  /** Time between two full lists of containers, milliseconds; default 10 s. */
  readonly relistMs?: number;
  /** Time between two renewals of the lease, milliseconds; default 3 s. */
  readonly renewMs?: number;
  /** How long the lease is good, seconds; default 12. */
  readonly leaseSeconds?: number;
  /** What the machine uses; default from /proc. */
  readonly readMachine?: ReadMachine;
  /** What the kernel tells of itself; default from /proc. */
  readonly readProc?: ReadProc;
  /** How full the engine's disk is; default from the kernel. */
  readonly readFileSystem?: ReadFileSystem;
  /** Where volumes of Tasks are; default nowhere but in volumes of the engine. */
  readonly volumes?: VolumePlaces;
  /** How images are pulled, and when they are removed. */
  readonly images?: ImageSettings & Omit<PullSettings, 'onPulled'>;
  /** The folder of seccomp profiles that Tasks may name; default none. */
  readonly seccompProfiles?: string;
  /** Where logs of removed containers are kept, and for how long; default nowhere. */
  readonly logArchive?: ArchiveOptions;
  /** What the task controller has done for it; default the real things. */
  readonly openServices?: (deps: ServiceDeps) => TaskServices;
}

export interface Agent {
  readonly link: WorkerLink;
  /** What the machine has and uses. */
  readonly readStats: ReadWorkerStats;
  /** The Tasks it reconciles; for tests and diagnosis. */
  readonly controller: TaskController;
  /** Ends its loops within seconds and leaves the containers running. */
  stop(): Promise<void>;
}

const MAX_STARTS_AT_ONCE = 8;
/** Events still unwritten at a stop get this long. */
const FLUSH_MS = 1_000;

/** Starts everything and returns: an engine or an API that does not answer yet is waited for in the background. */
export function startAgent(options: AgentOptions): Promise<Agent> {
  const { client, runtime, clock, random, metrics, workerName, clusterId } = options;
  const log = options.log.child({ worker: workerName });
  const publishAddress = options.publishAddress ?? '127.0.0.1';
  const stopped = new AbortController();
  const { signal } = stopped;
  const taskInformer = new Informer({ client, resource: tasks, clock, random, log });
  const recorder = new Recorder({ client, component: 'agent', host: workerName, clock, log, metrics });
  const archive =
    options.logArchive === undefined
      ? undefined
      : new DiskArchive({ ...options.logArchive, runtime, clock, log, metrics, signal });
  const services = (options.openServices ?? openServices)({
    client,
    runtime,
    clock,
    random,
    log,
    metrics,
    events: recorder,
    worker: workerName,
    clusterId,
    publishAddress,
    allocatable: () => enrolment.allocatable,
    networks: options.networks ?? { range: '10.200.0.0/14', prefix: 22 },
    ...(options.seccompProfiles === undefined ? {} : { seccompProfiles: options.seccompProfiles }),
    version: options.agentVersion,
    ...(options.volumes === undefined ? {} : { volumes: options.volumes }),
    ...(archive === undefined ? {} : { archive }),
    signal,
  });
  const collector = new ImageCollector({
    runtime,
    clock,
    log,
    metrics,
    events: recorder,
    worker: workerName,
    workerObject: () => enrolment.object,
    settings: options.images ?? {},
    readFileSystem: options.readFileSystem ?? readStatfs,
    namedImages: () => (taskInformer.hasSynced ? imagesOf(taskInformer.list(), workerName) : undefined),
  });
  const controller = new TaskController({
    services,
    client,
    runtime,
    taskStore: taskInformer,
    events: recorder,
    clock,
    random,
    log,
    metrics,
    worker: workerName,
    clusterId,
    publishAddress,
    cores: () => enrolment.cores,
    startsAtOnce: options.startsAtOnce ?? Math.min(MAX_STARTS_AT_ONCE, 2 * availableParallelism()),
    ...(options.relistMs === undefined ? {} : { relistMs: options.relistMs }),
    pulls: { ...options.images, onPulled: (pulled) => collector.onPulled(pulled) },
  });
  const { directory } = options.volumes ?? {};
  const enrolment = new Enrolment({
    client,
    runtime,
    clock,
    random,
    log,
    worker: workerName,
    publishAddress,
    reserve: options.reserve ?? { milliCpu: 0, memoryBytes: 0 },
    agentVersion: options.agentVersion,
    pressure: new PressureGauge({
      clock,
      readFileSystem: options.readFileSystem ?? readStatfs,
      readMachine: options.readMachine ?? readProcMachine,
      ...(directory === undefined ? {} : { volumesDirectory: directory }),
      ...(options.diskReservedPercent === undefined
        ? {}
        : { reservedShare: options.diskReservedPercent / 100 }),
    }),
    onEngineUp: () => controller.relistSoon(),
  });
  const heartbeat = new Heartbeat({
    client,
    clock,
    log,
    worker: workerName,
    renewMs: options.renewMs ?? 3_000,
    leaseSeconds: options.leaseSeconds ?? 12,
    metrics: options.metrics,
  });
  const taskOf = (meant: TaskRef): Task | undefined => {
    const task = taskInformer.get(keyString(meant));
    return task?.metadata.uid === meant.uid ? task : undefined;
  };
  const sampler = new UsageSampler(
    {
      runtime,
      clusterId,
      worker: workerName,
      clock,
      readMachine: options.readMachine ?? readProcMachine,
      labelsOf: (task) => taskOf(task)?.metadata.labels,
    },
    signal,
  );
  const loops = Promise.all([
    taskInformer.start(signal),
    controller.run(signal),
    enrolment.run(signal),
    heartbeat.run(signal),
    collector.run(signal),
  ]);
  return Promise.resolve({
    link: newWorkerLink(
      {
        runtime,
        clusterId,
        worker: workerName,
        sampler,
        containerMetrics: new ContainerMetrics(
          { runtime, clusterId, worker: workerName, workerObject: () => enrolment.object },
          signal,
        ),
        taskLogs: new TaskLogs({
          runtime,
          clusterId,
          worker: workerName,
          clock,
          archive,
          taskOf,
          stopped: signal,
        }),
      },
      signal,
    ),
    readStats: newStatsReader({
      readProc: options.readProc ?? readSystemProc,
      readFileSystem: options.readFileSystem ?? readStatfs,
      dataRoot: () => enrolment.dataRoot,
      countTasks: () =>
        taskInformer.list().filter((task) => task.spec.workerName === workerName && holdsShare(task)).length,
    }),
    controller,
    async stop() {
      stopped.abort(new Error(`worker ${workerName} is stopping`));
      await loops;
      const overdue = new AbortController();
      const timer = clock.after(FLUSH_MS, () => overdue.abort());
      await recorder.stop(overdue.signal);
      timer.cancel();
    },
  });
}

/** Of the Tasks that this worker has to do with. */
function imagesOf(all: readonly Task[], worker: string): readonly string[] {
  return all.filter((task) => responsibleWorker(task) === worker).map(({ spec }) => spec.image);
}
