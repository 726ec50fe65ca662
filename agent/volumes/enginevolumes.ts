/** Volumes of the engine: named ones, which stay, and the emptyDirs of workers that cannot keep them themselves. */
import { RuntimeError } from '../../machinery/errors.ts';
import {
  LABEL_CLUSTER,
  LABEL_NAMESPACE,
  LABEL_UID,
  LABEL_VOLUME,
  LABEL_WORKER,
} from '../../machinery/labels.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import type { Source } from './place.ts';

export interface EngineVolumesOptions {
  readonly runtime: Runtime;
  readonly worker: string;
  readonly clusterId: string;
}

type EngineSource = Source & { readonly kind: 'volume' };

export class EngineVolumes {
  readonly #runtime: Runtime;
  readonly #ours: Readonly<Record<string, string>>;
  readonly #clusterId: string;

  constructor({ runtime, worker, clusterId }: EngineVolumesOptions) {
    this.#runtime = runtime;
    this.#ours = { [LABEL_CLUSTER]: clusterId, [LABEL_WORKER]: worker };
    this.#clusterId = clusterId;
  }

  /** A volume that goes with the Task. */
  async makeEmptyDir(uid: string, name: string, signal: AbortSignal): Promise<EngineSource> {
    const labels = { ...this.#ours, [LABEL_UID]: uid, [LABEL_VOLUME]: name };
    const made = await this.#runtime.createVolume(`gantry.emptydir.${uid}.${name}`, labels, signal);
    return { kind: 'volume', name: made.name, mountpoint: made.mountpoint };
  }

  /** A volume that stays. One that somebody made by hand under this name is taken; one of another cluster is not. */
  async makeNamed(namespace: string, name: string, signal: AbortSignal): Promise<Source> {
    const labels = { ...this.#ours, [LABEL_NAMESPACE]: namespace, [LABEL_VOLUME]: name };
    const made = await this.#runtime.createVolume(`gantry.${namespace}.${name}`, labels, signal);
    const owner = made.labels[LABEL_CLUSTER];
    if (owner !== undefined && owner !== this.#clusterId) {
      throw new RuntimeError(
        'InvalidSpec',
        `the engine's volume ${made.name} belongs to another Gantry cluster (${owner}); use another name, or remove it with docker volume rm ${made.name}`,
      );
    }
    return { kind: 'volume', name: made.name, mountpoint: made.mountpoint };
  }

  /** The uids that have an emptyDir here. */
  async uids(signal: AbortSignal): Promise<readonly string[]> {
    const volumes = await this.#runtime.volumes(this.#ours, signal);
    return volumes.flatMap(({ labels: { [LABEL_UID]: uid } }) => uid ?? []);
  }

  /** Of the Task's emptyDirs whose name begins so all but one, unless a container, running or not, has it. */
  async removeUnused(uid: string, prefix: string, keep: string, signal: AbortSignal): Promise<void> {
    for (const { name, labels } of await this.#runtime.volumes({ ...this.#ours, [LABEL_UID]: uid }, signal)) {
      const volume = labels[LABEL_VOLUME] ?? '';
      if (!volume.startsWith(prefix) || volume === keep) continue;
      try {
        await this.#runtime.removeVolume(name, signal);
      } catch (error) {
        if (!(error instanceof RuntimeError) || error.reason !== 'Conflict') throw error;
      }
    }
  }

  async release(uid: string, signal: AbortSignal): Promise<void> {
    for (const { name } of await this.#runtime.volumes({ ...this.#ours, [LABEL_UID]: uid }, signal)) {
      await this.#runtime.removeVolume(name, signal);
    }
  }
}
