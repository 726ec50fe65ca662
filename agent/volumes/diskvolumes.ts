/**
 * The volumes of Tasks on this worker: where they are, what is in them, what to mount.
 *
 * Below the worker's own directory a Task has one directory, with one for each emptyDir and each ConfigMap; what must stay in
 * memory (Secrets, emptyDirs of medium Memory) is in `memory.ts`. Named volumes are the engine's. What a Task may do
 * depends on the place: an engine elsewhere sees no directory of this machine, and without root nothing can be mounted,
 * nor can files of containers be removed; there an emptyDir is a volume of the engine, and what cannot be is refused.
 *
 * Promises: a Secret is never written to a disk that lasts; what containers write never leads an act of this file out of
 * its directory; twice is once; a crash anywhere leaves nothing that the next call, or `sweep`, does not put right.
 */
import { mkdir, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskVolumes, VolumeFiles } from '../../controllers/task/services.ts';
import type { Clock } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import { wholeUnits } from '../../machinery/quantity.ts';
import type { Mount, Runtime, RuntimeInfo } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { hasCode, pathOfHandle } from './beneath.ts';
import { makeDirectory, makeInMemory } from './directories.ts';
import { EngineVolumes } from './enginevolumes.ts';
import { findHostPath } from './hostpath.ts';
import { MemoryDirectory } from './memory.ts';
import { OUTPUT_LIMIT_BYTES, OutputDirectories, outputDirectories } from './outputs.ts';
import { VolumeParts } from './parts.ts';
import { failure, type Place, type Source, unsupported } from './place.ts';
import { project, projectionProblem } from './projection.ts';
import { removeTree } from './removal.ts';
import { Turns } from './turns.ts';

type Volume = NonNullable<Task['spec']['volumes']>[number];
type VolumeMount = NonNullable<Task['spec']['volumeMounts']>[number];

/** What of the machine volumes may use. */
export interface VolumePlaces {
  /** Where directories of Tasks are, absolute; absent: nowhere, as with an engine elsewhere. */
  readonly directory?: string;
  /** Where file systems in memory are mounted, as root. */
  readonly runDirectory: string;
  /** Where one is looked for without root, in order. */
  readonly memoryCandidates: readonly string[];
  /** Who Gantry is; 0 is root. */
  readonly userId: number;
  /** Paths that all Tasks may mount, with what is below them: nothing there may lead out by a link. */
  readonly hostPathAllowed: readonly string[];
}

export interface DiskVolumesOptions extends VolumePlaces {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly worker: string;
  readonly clusterId: string;
}

/** One emptyDir on this worker's disk. */
export interface DiskDirectory {
  readonly volume: string;
  readonly path: string;
  /** Bytes; absent: no limit of its own. */
  readonly sizeLimit?: number;
}

const UID = /^[A-Za-z0-9][-A-Za-z0-9]{0,127}$/;
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** What the engine says of itself is asked anew after this long. */
const PLACE_FOR_MS = 30_000;

export class DiskVolumes implements TaskVolumes {
  readonly #options: DiskVolumesOptions;
  readonly #memory: MemoryDirectory;
  readonly #parts: VolumeParts;
  readonly #engine: EngineVolumes;
  readonly outputs: OutputDirectories;
  readonly #turns = new Turns();
  /** Uids that the sweep before found to be nobody's. Only the second in a row removes: the first may be behind. */
  #strays: ReadonlySet<string> = new Set();
  /** Prepared since the last sweep began. */
  readonly #prepared = new Set<string>();
  /** Uids whose emptyDirs on disk are emptied before the next container. */
  readonly #toEmpty = new Set<string>();
  #place: { readonly value: Place; readonly untilMs: number } | undefined;

  constructor(options: DiskVolumesOptions) {
    this.#options = options;
    this.#memory = new MemoryDirectory({ ...options, candidates: options.memoryCandidates });
    this.#parts = new VolumeParts(this.#memory);
    this.#engine = new EngineVolumes(options);
    this.outputs = new OutputDirectories({
      runtime: options.runtime,
      engine: this.#engine,
      forTask: (task, signal, work) => {
        const uid = checkedUid(task.metadata.uid);
        this.#prepared.add(uid);
        const whole = async () => work(uid, await this.#findPlace(signal));
        return this.#inTurn(task, uid, signal, whole, 'reach the outputs');
      },
    });
  }

  async prepare(
    task: Task,
    files: ReadonlyMap<string, VolumeFiles>,
    signal: AbortSignal,
  ): Promise<readonly Mount[]> {
    const wanted = task.spec.volumeMounts ?? [];
    if (wanted.length === 0) return [];
    const uid = checkedUid(task.metadata.uid);
    this.#prepared.add(uid);
    return this.#inTurn(task, uid, signal, async () => {
      const place = await this.#findPlace(signal);
      if (this.#toEmpty.has(uid)) await this.#emptyDirectories(task, uid, place, signal);
      const sources = new Map<string, Source>();
      const mounts: Mount[] = [];
      for (const [index, mount] of wanted.entries()) {
        signal.throwIfAborted();
        const volume = volumeOf(task, mount);
        const source =
          sources.get(volume.name) ?? (await this.#make(task, uid, volume, files, place, signal));
        sources.set(volume.name, source);
        mounts.push(
          mount.subPath === undefined || mount.subPath === ''
            ? mountOf(source, mount)
            : await this.#parts.mount(uid, { source, mount, index }, place, signal),
        );
      }
      return mounts;
    });
  }

  async refresh(task: Task, files: ReadonlyMap<string, VolumeFiles>, signal: AbortSignal): Promise<void> {
    const uid = checkedUid(task.metadata.uid);
    const mounted = new Set((task.spec.volumeMounts ?? []).map(({ name }) => name));
    const volumes = (task.spec.volumes ?? []).filter(
      ({ name, configMap, secret }) => mounted.has(name) && (configMap !== undefined || secret !== undefined),
    );
    if (volumes.length === 0) return;
    await this.#inTurn(task, uid, signal, async () => {
      const place = await this.#findPlace(signal);
      for (const volume of volumes) await this.#makeFiles(uid, volume, files, place, signal);
    });
  }

  async release(taskUid: string, signal: AbortSignal): Promise<void> {
    const uid = checkedUid(taskUid);
    try {
      await this.#turns.take(uid, async () => {
        const { directory } = this.#options;
        // Parts of volumes first: what is bound there may be on the disk.
        await this.#memory.release(uid, signal);
        if (directory !== undefined) await removeTree(join(directory, uid), signal);
        if (!(await this.#findPlace(signal)).isRoot || this.#strays.has(uid))
          await this.#engine.release(uid, signal);
      });
      this.#toEmpty.delete(uid);
      this.#prepared.delete(uid);
    } catch (error) {
      throw failure(`cannot remove the volumes of task ${uid}`, error, signal);
    }
  }

  async sweep(keepUids: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    const found = new Set<string>();
    try {
      for (const uid of await this.#uidsOnDisk()) found.add(uid);
      for (const uid of await this.#memory.uids()) found.add(uid);
      for (const uid of await this.#engine.uids(signal)) found.add(uid);
    } catch (error) {
      throw failure('cannot look for volumes of tasks that are gone', error, signal);
    }
    const strays = [...found].filter(
      (uid) => UID.test(uid) && !keepUids.has(uid) && !this.#prepared.has(uid),
    );
    const again = strays.filter((uid) => this.#strays.has(uid));
    this.#strays = new Set(strays);
    this.#prepared.clear();
    const problems: unknown[] = [];
    for (const uid of again) {
      if (signal.aborted) return;
      // In the meantime it may have come back.
      if (this.#prepared.has(uid)) continue;
      try {
        await this.release(uid, signal);
        this.#options.log.info({ uid }, 'removed the volumes of a task that is gone');
      } catch (error) {
        problems.push(error);
      }
    }
    if (problems.length > 0) throw problems[0];
  }

  /** The Task's emptyDirs and outputs on this worker's disk, which can be measured; none where the engine keeps them. */
  async diskDirectories(task: Task, signal: AbortSignal): Promise<readonly DiskDirectory[]> {
    const { directory, isRoot } = await this.#findPlace(signal);
    const uid = checkedUid(task.metadata.uid);
    if (directory === undefined || !isRoot) return [];
    const outputs = task.spec.outputs === undefined ? [] : await outputDirectories(join(directory, uid));
    const directories = (task.spec.volumes ?? []).flatMap(({ name, emptyDir }): DiskDirectory[] => {
      if (emptyDir === undefined || emptyDir.medium === 'Memory') return [];
      const { sizeLimit } = emptyDir;
      return [
        {
          volume: name,
          path: join(directory, uid, name),
          ...(sizeLimit === undefined ? {} : { sizeLimit: wholeUnits(sizeLimit) }),
        },
      ];
    });
    return [
      ...directories,
      ...outputs.map((path) => ({ volume: 'outputs', path, sizeLimit: OUTPUT_LIMIT_BYTES })),
    ];
  }

  /**
   * The Task was evicted for what it took of the disk: its next container finds its emptyDirs on disk empty, as the Pod
   * does that Kubernetes puts in the place of an evicted one. Forgotten when Gantry restarts; it is evicted again then.
   */
  emptyBeforeNext(taskUid: string): void {
    this.#toEmpty.add(taskUid);
  }

  async #inTurn<T>(
    task: Task,
    uid: string,
    signal: AbortSignal,
    work: () => Promise<T>,
    what = 'prepare the volumes',
  ): Promise<T> {
    try {
      return await this.#turns.take(uid, work);
    } catch (error) {
      const { namespace = '', name } = task.metadata;
      throw failure(`cannot ${what} of task ${namespace}/${name}`, error, signal);
    }
  }

  async #findPlace(signal: AbortSignal): Promise<Place> {
    const { runtime, clock, directory, userId } = this.#options;
    if (this.#place !== undefined && clock.monotonicMs() < this.#place.untilMs) return this.#place.value;
    const info: RuntimeInfo = await runtime.info(signal);
    const isHere = info.isLocal && process.platform === 'linux' && directory !== undefined;
    const isRoot = isHere && userId === 0;
    const value = {
      directory: isHere ? directory : undefined,
      isRoot,
      owner: isRoot ? info.userNamespaceBase : undefined,
    };
    this.#place = { value, untilMs: clock.monotonicMs() + PLACE_FOR_MS };
    return value;
  }

  async #make(
    task: Task,
    uid: string,
    volume: Volume,
    files: ReadonlyMap<string, VolumeFiles>,
    place: Place,
    signal: AbortSignal,
  ): Promise<Source> {
    try {
      if (volume.emptyDir !== undefined) return await this.#makeEmptyDir(uid, volume, place, signal);
      if (volume.volume !== undefined)
        return await this.#engine.makeNamed(task.metadata.namespace ?? '', volume.volume.name, signal);
      if (volume.hostPath === undefined) {
        return {
          kind: 'path',
          path: await this.#makeFiles(uid, volume, files, place, signal),
          readOnly: true,
        };
      }
      return await this.#bindHostPath(uid, volume.name, volume.hostPath, place, signal);
    } catch (error) {
      throw failure(`volume "${volume.name}"`, error, signal);
    }
  }

  async #makeEmptyDir(uid: string, volume: Volume, place: Place, signal: AbortSignal): Promise<Source> {
    const { medium, sizeLimit } = volume.emptyDir ?? {};
    if (medium === 'Memory') {
      if (!place.isRoot) throw unsupported(place, 'an emptyDir of medium Memory', 'it is mounted by Gantry');
      const path = join(await this.#memory.open(uid, signal), volume.name);
      const bytes = sizeLimit === undefined ? undefined : wholeUnits(sizeLimit);
      await makeInMemory(path, bytes, place.owner ?? 0, signal);
      return { kind: 'path', path, readOnly: false };
    }
    if (place.directory === undefined || !place.isRoot)
      return this.#engine.makeEmptyDir(uid, volume.name, signal);
    const parent = await openTaskDirectory(place.directory, uid);
    const path = join(parent, volume.name);
    await makeDirectory(path, 0o777, place.owner);
    return { kind: 'path', path, readOnly: false };
  }

  /** The volume's directory, with its files as they are to be. */
  async #makeFiles(
    uid: string,
    volume: Volume,
    files: ReadonlyMap<string, VolumeFiles>,
    place: Place,
    signal: AbortSignal,
  ): Promise<string> {
    const wanted = files.get(volume.name);
    const kind = volume.secret === undefined ? 'a ConfigMap' : 'a Secret';
    if (place.directory === undefined)
      throw unsupported(place, `a volume of ${kind}`, 'its files are of this machine');
    if (wanted === undefined) {
      throw new RuntimeError('Failed', `volume "${volume.name}": its files have not been read yet`);
    }
    const problem = projectionProblem(wanted.files);
    if (problem !== undefined) throw new RuntimeError('InvalidSpec', `volume "${volume.name}": ${problem}`);
    const isSecret = wanted.isSecret || volume.secret !== undefined;
    const parent = isSecret
      ? await this.#memory.open(uid, signal)
      : await openTaskDirectory(place.directory, uid);
    const path = join(parent, volume.name);
    await makeDirectory(path, 0o755, place.owner);
    const owner = place.owner === undefined ? {} : { owner: place.owner };
    await project(path, wanted.files, { nowMs: this.#options.clock.now(), ...owner });
    return path;
  }

  async #bindHostPath(
    uid: string,
    name: string,
    hostPath: NonNullable<Volume['hostPath']>,
    place: Place,
    signal: AbortSignal,
  ): Promise<Source> {
    if (place.directory === undefined)
      throw unsupported(place, 'a hostPath', 'its path is checked on this machine');
    const { path, handle } = await findHostPath(hostPath, this.#options.hostPathAllowed);
    if (handle === undefined) return { kind: 'path', path, readOnly: false, isRecursive: true };
    try {
      const bound = place.isRoot
        ? await this.#parts.bind(uid, `${name}.host`, handle, true, signal)
        : await readlink(pathOfHandle(handle));
      return { kind: 'path', path: bound, readOnly: false, isRecursive: true };
    } finally {
      await handle.close();
    }
  }

  async #emptyDirectories(task: Task, uid: string, place: Place, signal: AbortSignal): Promise<void> {
    if (place.directory !== undefined && place.isRoot) {
      for (const { path } of await this.diskDirectories(task, signal)) await removeTree(path, signal);
    }
    this.#toEmpty.delete(uid);
  }

  async #uidsOnDisk(): Promise<readonly string[]> {
    const { directory } = this.#options;
    if (directory === undefined) return [];
    try {
      const found = await readdir(directory, { withFileTypes: true });
      return found.flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }
}

function checkedUid(uid: string | undefined): string {
  if (uid !== undefined && UID.test(uid)) return uid;
  throw new RuntimeError('InvalidSpec', `the uid "${uid ?? ''}" of a task cannot be the name of a directory`);
}

function volumeOf(task: Task, { name, mountPath }: VolumeMount): Volume {
  const volume = task.spec.volumes?.find((candidate) => candidate.name === name);
  if (volume !== undefined && NAME.test(volume.name)) return volume;
  throw new RuntimeError(
    'InvalidSpec',
    `volumeMount ${mountPath}: there is no volume "${name}" in spec.volumes`,
  );
}

function mountOf(source: Source, { mountPath: target, readOnly = false }: VolumeMount): Mount {
  return source.kind === 'path'
    ? { kind: 'bind', source: source.path, target, readOnly: readOnly || source.readOnly }
    : { kind: 'volume', name: source.name, target, readOnly };
}

/** The Task's own directory on the disk. Containers are given directories in it, never itself. */
async function openTaskDirectory(directory: string, uid: string): Promise<string> {
  const path = join(directory, uid);
  await mkdir(path, { recursive: true, mode: 0o711 });
  return path;
}
