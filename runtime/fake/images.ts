/** The images of a fake engine and of the registry it pulls from. */
import type { Clock } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { jsonHash } from '../../machinery/json.ts';
import type { ImageInfo, ImageSummary } from '../../machinery/runtime.ts';
import type { FakeProgram } from './program.ts';

interface FakeImage {
  readonly id: string;
  readonly program: FakeProgram;
  readonly createdAtMs: number;
}

/** What each image says it takes. */
const IMAGE_BYTES = 1024 * 1024;

export class FakeImages {
  readonly #clock: Clock;
  /** By reference. */
  readonly #images = new Map<string, FakeImage>();
  readonly #registry: Map<string, FakeProgram>;

  constructor(clock: Clock, registry: Readonly<Record<string, FakeProgram>>) {
    this.#clock = clock;
    this.#registry = new Map(Object.entries(registry));
  }

  add(reference: string, program: FakeProgram): ImageInfo {
    const id = `sha256:${jsonHash({ reference, program })}`;
    this.#images.set(reference, { id, program, createdAtMs: this.#clock.now() });
    return infoOf(reference, id);
  }

  /** By hand: only the name goes. */
  untag(reference: string): void {
    this.#images.delete(reference);
  }

  find(reference: string): FakeImage | undefined {
    return this.#images.get(reference);
  }

  info(reference: string): ImageInfo | undefined {
    const found = this.#images.get(reference);
    return found === undefined ? undefined : infoOf(reference, found.id);
  }

  pull(reference: string): ImageInfo {
    const program = this.#registry.get(reference);
    if (program === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${reference}" is not in the registry`);
    }
    return this.add(reference, program);
  }

  publish(reference: string, program: FakeProgram): void {
    this.#registry.set(reference, program);
  }

  list(): ImageSummary[] {
    const byId = new Map<string, ImageSummary>();
    for (const [reference, { id, createdAtMs }] of this.#images) {
      const references = [...(byId.get(id)?.references ?? []), reference];
      byId.set(id, { id, references, bytes: IMAGE_BYTES, createdAtMs });
    }
    return [...byId.values()];
  }

  /** @param isUsed whether a container was made from it. */
  remove(id: string, isUsed: (id: string) => boolean): void {
    if (isUsed(id)) throw new RuntimeError('Conflict', `image "${id}" is used by a container`);
    for (const [reference, image] of this.#images) if (image.id === id) this.#images.delete(reference);
  }
}

function infoOf(reference: string, id: string): ImageInfo {
  return { id, os: 'linux', architecture: 'amd64', digests: [`${repositoryOf(reference)}@${id}`], user: '' };
}

/** Without tag and digest. */
function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}
