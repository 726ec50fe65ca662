/**
 * What goes on beside the acts: which container is probed, whose inputs are watched, and what is swept away because it
 * belongs to no Task of this worker any more.
 */

import type { Clock } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import { LABEL_ATTEMPT, NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import type { Log } from '../../../machinery/log.ts';
import { keyOf, keyString } from '../../../machinery/meta.ts';
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { ProbeState, TaskServices } from '../services.ts';
import type { TaskPlan, TaskWorld } from '../types.ts';

export interface UpkeepOptions {
  readonly services: TaskServices;
  readonly clock: Clock;
  readonly log: Log;
  /** Something that a Task's plan is made from has changed. */
  readonly onChange: (taskKey: string) => void;
}

const SWEEP_LIMIT_MS = 30_000;

export class Upkeep {
  readonly #options: UpkeepOptions;
  /** By the Task's uid: the container that is probed. */
  readonly #probed = new Map<string, string>();
  /** Keys of the Tasks whose inputs are watched. */
  readonly #asked = new Set<string>();

  constructor(options: UpkeepOptions) {
    this.#options = options;
    const { inputs, prober, disk, progress } = options.services;
    for (const source of [inputs, prober, disk, progress]) source.onChange(options.onChange);
  }

  /** Probes what the plan says, and nothing else of this Task. */
  probe(taskKey: string, task: Task, { probing }: TaskPlan): void {
    const { prober } = this.#options.services;
    const uid = task.metadata.uid ?? '';
    const before = this.#probed.get(uid);
    if (before !== undefined && before !== probing?.containerId) {
      prober.drop(before);
      this.#probed.delete(uid);
    }
    if (probing === undefined) return;
    this.#probed.set(uid, probing.containerId);
    prober.keep({ ...probing, taskKey, task });
  }

  /** What a plan is made from besides the Task and its containers. Only what this worker is to run is asked about. */
  surroundingsOf(
    task: Task | undefined,
    isOurs: boolean,
    containers: readonly ContainerDetail[],
  ): Pick<TaskWorld, 'inputs' | 'probes' | 'overuse' | 'progress'> {
    const { inputs, prober, disk, progress } = this.#options.services;
    if (!isOurs || task?.spec.workerName === undefined || task.metadata.deletionTimestamp !== undefined) {
      return { inputs: { kind: 'loading' }, probes: new Map(), overuse: new Map(), progress: new Map() };
    }
    this.#asked.add(keyString(keyOf(task)));
    const running = containers.filter(({ state }) => state === 'running').map(({ id }) => id);
    const probes = new Map<string, ProbeState>();
    for (const id of running) {
      const state = prober.stateOf(id);
      if (state !== undefined) probes.set(id, state);
    }
    const heard = containers.map((container) => ({
      id: container.id,
      attempt: Number(container.labels[LABEL_ATTEMPT] ?? 0) || 0,
      isRunning: container.state === 'running',
    }));
    return {
      inputs: inputs.inputsOf(task),
      probes,
      overuse: disk.overuseOf(task, running),
      progress: progress.progressOf(task, heard),
    };
  }

  /** The Task is gone or with another worker. */
  forget(taskKey: string, uid: string | undefined): void {
    const { inputs, prober, progress } = this.#options.services;
    inputs.forget(taskKey);
    progress.forget(taskKey);
    this.#asked.delete(taskKey);
    const probed = this.#probed.get(uid ?? '');
    if (probed === undefined) return;
    prober.drop(probed);
    this.#probed.delete(uid ?? '');
  }

  /** After a full list: what belongs to none of these Tasks goes. Never rejects. */
  async sweep(ours: readonly Task[], knownUids: Iterable<string>, signal: AbortSignal): Promise<void> {
    const { volumes, networks } = this.#options.services;
    this.#forgetOthers(ours);
    const uids = new Set([...ours.map(({ metadata }) => metadata.uid ?? ''), ...knownUids]);
    await this.#try('volumes', signal, (inner) => volumes.sweep(uids, inner));
    await this.#try('networks', signal, (inner) => networks.sweep(networksOf(ours), inner));
  }

  /** A look that began before its Task was gone, and ended after it was forgotten, has asked once more. */
  #forgetOthers(ours: readonly Task[]): void {
    const uids = new Set(ours.map(({ metadata }) => metadata.uid ?? ''));
    const keys = new Set(ours.map((task) => keyString(keyOf(task))));
    for (const key of this.#asked) if (!keys.has(key)) this.forget(key, undefined);
    for (const [uid, containerId] of this.#probed) {
      if (uids.has(uid)) continue;
      this.#options.services.prober.drop(containerId);
      this.#probed.delete(uid);
    }
  }

  async #try(what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    try {
      await withinBounds(clock, { what: `sweep of ${what}`, signal, limitMs: SWEEP_LIMIT_MS }, work);
    } catch (error) {
      if (!signal.aborted)
        log.warn({ err: error }, `cannot sweep away ${what} of no Task: ${messageOf(error)}`);
    }
  }
}

/** The networks that Tasks ask for: modes by namespace. */
function networksOf(tasks: readonly Task[]): ReadonlyMap<string, ReadonlySet<string>> {
  const modes = new Map<string, Set<string>>();
  for (const { metadata, spec } of tasks) {
    const { namespace = NAMESPACE_DEFAULT } = metadata;
    const { mode = 'bridge' } = spec.network ?? {};
    modes.set(namespace, (modes.get(namespace) ?? new Set()).add(mode));
  }
  return modes;
}
