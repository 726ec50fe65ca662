/**
 * What the task controller has done for it, each by one thing that knows how: the seams between deciding (`plan.ts`) and
 * the rest of the worker. The agent makes the real ones; the simulator and the tests bring lighter ones.
 *
 * Common to all: nothing here decides; everything is bounded, takes a signal, and can be asked again after any failure.
 */
import type { FoundFile, Mount, NetworkInfo, RegistryAuth } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';

type Spec = Task['spec'];
type HistoryEntry = NonNullable<NonNullable<Task['status']>['history']>[number];
export type Probe = NonNullable<Spec['livenessProbe']>;
export type Hook = NonNullable<NonNullable<Spec['lifecycle']>['preStop']>;

/** One file of a ConfigMap or Secret volume. */
export interface VolumeFile {
  /** Relative, without `..`. */
  readonly path: string;
  readonly data: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** The files of one volume that comes from a ConfigMap or a Secret. */
export interface VolumeFiles {
  /** Secrets are never written to a disk that lasts. */
  readonly isSecret: boolean;
  readonly files: readonly VolumeFile[];
}

/** What a Task takes from ConfigMaps, Secrets, itself and its worker, as they are now. */
export type TaskInputs =
  | {
      readonly kind: 'ready';
      /** `NAME=value`, references expanded, in the order in which they are given to the container. */
      readonly env: readonly string[];
      /** By volume name: the volumes that are made of ConfigMaps and Secrets. */
      readonly files: ReadonlyMap<string, VolumeFiles>;
      /** Changes whenever `files` does. */
      readonly filesVersion: string;
      /** What the imagePullSecrets hold, in their order. Missing Secrets are skipped, as in Kubernetes. */
      readonly registryAuths: readonly RegistryAuth[];
    }
  /** Something that the Task cannot start without is not there, or cannot be used: the message names it and its key. */
  | { readonly kind: 'missing'; readonly message: string }
  /** Not all of it has been read yet: `onChange` tells when it has. */
  | { readonly kind: 'loading' };

/** ConfigMaps and Secrets that Tasks of this worker use, watched one by one. */
export interface InputSource {
  /**
   * The Task's inputs now, from local copies, without waiting. Asking is also how the objects begin to be watched;
   * changes of any of them are told through `onChange`, with the Task's key.
   */
  inputsOf(task: Task): TaskInputs;
  /** The Task is gone or with another worker: what only it used is watched no more. */
  forget(taskKey: string): void;
  /** One listener: the controller. */
  onChange(listener: (taskKey: string) => void): void;
}

/** The directories and engine volumes behind a Task's volumes. */
export interface TaskVolumes {
  /**
   * Makes what is missing and answers what to mount for `spec.volumeMounts`. Done before each container.
   * Rejects `InvalidSpec` for what the worker has not or not of the wanted type (CreateContainerConfigError), `Failed` for
   * anything else (a full disk).
   */
  prepare(
    task: Task,
    files: ReadonlyMap<string, VolumeFiles>,
    signal: AbortSignal,
  ): Promise<readonly Mount[]>;
  /** Brings the files of ConfigMap and Secret volumes up to date under running containers, each volume at once. */
  refresh(task: Task, files: ReadonlyMap<string, VolumeFiles>, signal: AbortSignal): Promise<void>;
  /** Takes away all directories of the Task on this worker. Named volumes stay. Done when there are none. */
  release(taskUid: string, signal: AbortSignal): Promise<void>;
  /** Takes away what belongs to none of these Tasks. Called after every full list of containers. */
  sweep(keepUids: ReadonlySet<string>, signal: AbortSignal): Promise<void>;
}

/** The files in which containers leave their outputs (`spec.outputs`). */
export interface TaskOutputs {
  /** Makes an empty one for this attempt and answers what to mount. Twice is once. Rejects as `TaskVolumes.prepare` does. */
  prepare(task: Task, attempt: number, signal: AbortSignal): Promise<Mount>;
  /**
   * What an ended container left, whatever it made of the file. Rejects with `RuntimeError`: `Unavailable` where the engine
   * must be asked and does not answer.
   */
  read(
    task: Task,
    container: { readonly id: string; readonly attempt: number },
    signal: AbortSignal,
  ): Promise<FoundFile>;
}

/** Networks that Tasks of one namespace share. */
export interface TaskNetworks {
  /** The engine's name of the network for `spec.network.mode`, made if it is missing: `bridge` is the namespace's own. */
  ensure(namespace: string, mode: string, signal: AbortSignal): Promise<string>;
  /**
   * Takes away networks of this worker that no Task here asks for, unless a container is on them.
   * @param keep the modes that are asked for, by namespace.
   */
  sweep(keep: ReadonlyMap<string, ReadonlySet<string>>, signal: AbortSignal): Promise<void>;
  known(signal: AbortSignal): Promise<readonly NetworkInfo[]>;
}

export interface ProbeState {
  /** `none`: no startup probe. The other probes wait for `passed` or `none`. */
  readonly startup: 'none' | 'pending' | 'passed' | 'failed';
  readonly liveness: 'ok' | 'failed';
  /** Without a readiness probe always ready (once started). */
  readonly readiness: 'ready' | 'notReady';
  /** The last answer of the probe that stands in the way, in a sentence. */
  readonly message?: string;
}

/** What to probe: one running container of a Task. */
export interface ProbeTarget {
  readonly taskKey: string;
  readonly task: Task;
  readonly containerId: string;
  /** Wall time, milliseconds: initial delays count from here. */
  readonly startedAtMs: number;
  /** Its own address, as an inspection said: asking there directly spares the engine an inspection for each question. */
  readonly ip?: string;
  /**
   * For an adopted container: what the stored status says of this very container. Who was ready stays so until its probe
   * has failed as often as it may; who was started is not asked by its startup probe again. Read at the first `keep` only.
   */
  readonly wasReady?: boolean;
  readonly wasStarted?: boolean;
}

/** Asks containers again and again. Failed answers become Events of the reason Unhealthy here. */
export interface Prober {
  /** Probes this container from now on, with the probes of this spec; again and again is once. */
  keep(target: ProbeTarget): void;
  /** Stops probing it. */
  drop(containerId: string): void;
  /** Undefined for one that is not probed. */
  stateOf(containerId: string): ProbeState | undefined;
  /** A state has changed. One listener: the controller. */
  onChange(listener: (taskKey: string) => void): void;
}

/** Does one lifecycle act. */
export interface HookRunner {
  /** Rejects with an `Error` whose message says what the hook answered; on abort with the signal's reason. */
  run(task: Task, containerId: string, hook: Hook, signal: AbortSignal): Promise<void>;
}

/** What ended containers wrote, kept after they are gone. */
export interface LogArchive {
  /**
   * Keeps the container's whole log, and the story of its end, before it is removed. Twice is once. Rejects with an
   * `Error` when it cannot be kept.
   */
  keep(
    container: {
      readonly id: string;
      readonly taskUid: string;
      readonly taskKey: string;
      readonly attempt: number;
    },
    end: HistoryEntry | undefined,
    signal: AbortSignal,
  ): Promise<void>;
}

/** Lists of system calls that the worker's operator put there. */
export interface SeccompProfiles {
  /** The profile's JSON text. Rejects `InvalidSpec` when there is none of that name, or what is there is not one. */
  read(name: string, signal: AbortSignal): Promise<string>;
}

/** Watches how much of the worker's disk containers take. */
export interface OveruseSource {
  /**
   * Of these running containers of the Task, by id: why it took more of the disk than the Task allows, for those that
   * did. Asking is also how a container begins to be watched, and how one that is not asked about any more is forgotten.
   */
  overuseOf(task: Task, containerIds: readonly string[]): ReadonlyMap<string, string>;
  /** One listener: the controller. */
  onChange(listener: (taskKey: string) => void): void;
}

/** A container whose words are listened for. */
export interface ProgressContainer {
  readonly id: string;
  readonly attempt: number;
  readonly isRunning: boolean;
}

/** Hears how far Tasks of Runs say that they are. */
export interface ProgressSource {
  /**
   * By container id, in percent: what those that said something said last. Asking is also how a container begins to be
   * listened to, once it runs, and how one that is not asked about any more is forgotten.
   */
  progressOf(task: Task, containers: readonly ProgressContainer[]): ReadonlyMap<string, number>;
  /** The Task is gone or with another worker. */
  forget(taskKey: string): void;
  /** One listener: the controller. Called at most once a second for a container. */
  onChange(listener: (taskKey: string) => void): void;
}

export interface TaskServices {
  readonly inputs: InputSource;
  readonly volumes: TaskVolumes;
  readonly outputs: TaskOutputs;
  readonly networks: TaskNetworks;
  readonly prober: Prober;
  readonly hooks: HookRunner;
  readonly archive: LogArchive;
  readonly seccompProfiles: SeccompProfiles;
  readonly disk: OveruseSource;
  readonly progress: ProgressSource;
}
