/**
 * The volumes of one worker's machine: files by Task and volume, as they would lie on its disk. They outlive the agent;
 * what it asks of them goes wrong like anything it asks of its engine.
 */
import type { TaskVolumes, VolumeFiles } from '../../controllers/task/services.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { Life, RuntimeHooks } from './mortal.ts';

export class Shelf {
  /** Task uid -> volume -> path -> content. */
  readonly #files = new Map<string, Record<string, Record<string, string>>>();

  uids(): readonly string[] {
    return [...this.#files.keys()];
  }

  filesOf(uid: string, volume: string): Readonly<Record<string, string>> | undefined {
    return this.#files.get(uid)?.[volume];
  }

  /** As one process sees them. */
  openFor(life: Life, hooks: RuntimeHooks): TaskVolumes {
    const act = <T>(operation: 'createVolume' | 'removeVolume', work: () => T): Promise<T> => {
      const call = { operation, resource: 'engine' } as const;
      const whole = async (): Promise<T> => {
        await hooks.before(call);
        const answer = work();
        await hooks.after(call);
        return answer;
      };
      return life.see(whole());
    };
    return {
      prepare: (task, files) =>
        act('createVolume', () => {
          this.#put(task, files);
          return [];
        }),
      refresh: (task, files) => act('createVolume', () => this.#put(task, files)),
      release: (uid) => act('removeVolume', () => void this.#files.delete(uid)),
      sweep: (keep) =>
        act('removeVolume', () => {
          for (const uid of this.#files.keys()) if (!keep.has(uid)) this.#files.delete(uid);
        }),
    };
  }

  #put(task: Task, files: ReadonlyMap<string, VolumeFiles>): void {
    if (files.size === 0) return;
    const volumes = [...files].map(([name, volume]) => {
      const contents = volume.files.map(({ path, data }) => [path, Buffer.from(data).toString()] as const);
      return [name, Object.fromEntries(contents)] as const;
    });
    this.#files.set(task.metadata.uid ?? '', Object.fromEntries(volumes));
  }
}
