/** The named volumes of a fake engine. Whether one is in use its engine says. */
import { RuntimeError } from '../../machinery/errors.ts';
import type { VolumeInfo } from '../../machinery/runtime.ts';

export class FakeVolumes {
  readonly #volumes = new Map<string, VolumeInfo>();
  readonly #root: string;

  /** @param root where the engine says that their files are. */
  constructor(root: string) {
    this.#root = root;
  }

  list(): readonly VolumeInfo[] {
    return [...this.#volumes.values()];
  }

  create(name: string, labels: Readonly<Record<string, string>>): VolumeInfo {
    const found = this.#volumes.get(name);
    if (found !== undefined) return found;
    const volume = { name, labels: { ...labels }, mountpoint: `${this.#root}/${name}/_data` };
    this.#volumes.set(name, volume);
    return volume;
  }

  /** @param isUsed whether a container, running or not, has it. */
  remove(name: string, isUsed: (name: string) => boolean): void {
    if (!this.#volumes.has(name)) return;
    if (isUsed(name)) throw new RuntimeError('Conflict', `volume "${name}" is in use`);
    this.#volumes.delete(name);
  }
}
