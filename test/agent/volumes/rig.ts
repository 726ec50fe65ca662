/** What tests of volumes are made of: directories of their own, volumes on a fake engine, Tasks that mount them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskVolumes, type DiskVolumesOptions } from '../../../agent/volumes/diskvolumes.ts';
import { mountsAt, unmount } from '../../../agent/volumes/mounts.ts';
import type { VolumeFile, VolumeFiles } from '../../../controllers/task/services.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { systemRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

export const signal = new AbortController().signal;
export const isRoot = process.getuid?.() === 0;

type Volumes = NonNullable<Task['spec']['volumes']>;
type Volume = Volumes[number];

/** A directory that is gone after the test, with whatever was mounted below it. */
export class Sandbox {
  readonly path = mkdtempSync(join(tmpdir(), 'gantry-volumes-'));

  async dispose(): Promise<void> {
    const mounts = await mountsAt(this.path);
    await unmount(mounts.map(({ path }) => path).toReversed(), signal);
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function openVolumes(path: string, overrides: Partial<DiskVolumesOptions> = {}): DiskVolumes {
  return new DiskVolumes({
    runtime: new FakeRuntime({ clock: systemClock, random: systemRandom, images: {} }),
    clock: systemClock,
    log: silentLog,
    worker: 'w1',
    clusterId: 'cluster',
    directory: join(path, 'volumes'),
    runDirectory: join(path, 'run'),
    memoryCandidates: [],
    userId: 0,
    hostPathAllowed: [],
    ...overrides,
  });
}

export const memoryOf = (path: string, uid: string): string => join(path, 'run', 'cluster', 'w1', uid);
export const diskOf = (path: string, uid: string): string => join(path, 'volumes', uid);

export function file(path: string, text: string, mode = 0o644): VolumeFile {
  return { path, data: Buffer.from(text), mode };
}

export function filesOf(volumes: Readonly<Record<string, readonly VolumeFile[]>>): Map<string, VolumeFiles> {
  return new Map(Object.entries(volumes).map(([name, files]) => [name, { isSecret: false, files }]));
}

/** A Task that mounts each volume at `/<name>`, and further mounts as given. */
export function taskWith(
  volumes: Readonly<Record<string, Omit<Volume, 'name'>>>,
  mounts: NonNullable<Task['spec']['volumeMounts']> = [],
): Task {
  const names = Object.keys(volumes);
  return newTask('web', {
    volumes: names.map((name) => ({ name, ...volumes[name] })),
    volumeMounts: [...names.map((name) => ({ name, mountPath: `/${name}` })), ...mounts],
  });
}
