/** The images of a fake engine and of the registry it pulls from. */
import { type Clock, sleep } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { jsonHash } from '../../machinery/json.ts';
import type { ImageInfo, ImageSummary, PullOptions, PullProgress } from '../../machinery/runtime.ts';
import type { FakeProgram } from './program.ts';

/** `linux/amd64` and the like. */
export type FakePlatform = `${string}/${string}`;

/** How an image comes over the line; everything absent is at once and complete. */
export interface FakeDelivery {
  readonly platform?: FakePlatform;
  /** Only who says this may pull it. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /** Bytes of each layer, one after the other, in pieces of a tenth. */
  readonly layers?: readonly number[];
  readonly msPerPiece?: number;
  /** After so many bytes nothing more comes. */
  readonly stallsAtBytes?: number;
  /** After so many bytes the line breaks. */
  readonly breaksAtBytes?: number;
}

interface FakeImage {
  readonly id: string;
  readonly program: FakeProgram;
  readonly platform: FakePlatform;
  readonly bytes: number;
  readonly createdAtMs: number;
}

interface Published {
  readonly program: FakeProgram;
  readonly delivery: FakeDelivery;
}

/** What an image says it takes unless its layers say otherwise. */
const IMAGE_BYTES = 1024 * 1024;
const PIECES = 10;
const PLATFORM: FakePlatform = 'linux/amd64';

export class FakeImages {
  /** The registry does not answer. */
  isRegistryDown = false;
  readonly #clock: Clock;
  /** By reference. */
  readonly #images = new Map<string, FakeImage>();
  readonly #registry: Map<string, Published>;

  constructor(clock: Clock, registry: Readonly<Record<string, FakeProgram>>) {
    this.#clock = clock;
    this.#registry = new Map(
      Object.entries(registry).map(([reference, program]) => [reference, { program, delivery: {} }]),
    );
  }

  add(reference: string, program: FakeProgram, { platform, layers }: FakeDelivery = {}): ImageInfo {
    const id = `sha256:${jsonHash({ reference, program })}`;
    const image: FakeImage = {
      id,
      program,
      platform: platform ?? PLATFORM,
      bytes: layers?.reduce((sum, bytes) => sum + bytes, 0) ?? IMAGE_BYTES,
      createdAtMs: this.#clock.now(),
    };
    this.#images.set(reference, image);
    return infoOf(reference, image);
  }

  /** By hand: only the name goes. */
  untag(reference: string): void {
    this.#images.delete(reference);
  }

  /** By hand: another name for the same image. */
  tag(reference: string, name: string): void {
    const image = this.#images.get(reference);
    if (image === undefined)
      throw new RuntimeError('ImageNotFound', `image "${reference}" is not on the engine`);
    this.#images.set(name, image);
  }

  find(reference: string): FakeImage | undefined {
    return this.#images.get(reference);
  }

  info(reference: string): ImageInfo | undefined {
    const found =
      this.#images.get(reference) ?? [...this.#images.values()].find(({ id }) => id === reference);
    return found === undefined ? undefined : infoOf(reference, found);
  }

  async pull(reference: string, { auth, onProgress }: PullOptions, signal: AbortSignal): Promise<ImageInfo> {
    if (this.isRegistryDown) throw refused('RegistryUnavailable', reference, 'connection refused');
    const published = this.#registry.get(reference);
    if (published === undefined) {
      throw new RuntimeError('ImageNotFound', `image "${reference}" is not in the registry`);
    }
    const { program, delivery } = published;
    const { credentials, platform = PLATFORM } = delivery;
    if (
      credentials !== undefined &&
      (auth?.username !== credentials.username || auth.password !== credentials.password)
    ) {
      throw refused('Unauthorized', reference, 'authentication required');
    }
    await this.#deliver(reference, delivery, onProgress ?? (() => undefined), signal);
    return this.add(reference, program, { ...delivery, platform });
  }

  publish(reference: string, program: FakeProgram, delivery: FakeDelivery = {}): void {
    this.#registry.set(reference, { program, delivery });
  }

  list(): ImageSummary[] {
    const byId = new Map<string, ImageSummary>();
    for (const [reference, { id, bytes, createdAtMs }] of this.#images) {
      const references = [...(byId.get(id)?.references ?? []), reference];
      byId.set(id, { id, references, bytes, createdAtMs });
    }
    return [...byId.values()];
  }

  /** @param isUsed whether a container was made from it. */
  remove(id: string, isUsed: (id: string) => boolean): void {
    if (isUsed(id)) throw new RuntimeError('Conflict', `image "${id}" is used by a container`);
    for (const [reference, image] of this.#images) if (image.id === id) this.#images.delete(reference);
  }

  async #deliver(
    reference: string,
    { layers = [], msPerPiece = 0, stallsAtBytes, breaksAtBytes }: FakeDelivery,
    onProgress: (progress: PullProgress) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const totalBytes = layers.reduce((sum, bytes) => sum + bytes, 0);
    let doneBytes = 0;
    for (const [index, bytes] of layers.entries()) {
      for (let piece = 1; piece <= PIECES; piece++) {
        if (breaksAtBytes !== undefined && doneBytes >= breaksAtBytes) {
          throw refused('RegistryUnavailable', reference, 'unexpected EOF');
        }
        const isStalled = stallsAtBytes !== undefined && doneBytes >= stallsAtBytes;
        if (isStalled) await aborted(signal);
        else if (msPerPiece > 0) await sleep(this.#clock, msPerPiece, signal);
        signal.throwIfAborted();
        doneBytes += bytes / PIECES;
        const doneLayers = piece === PIECES ? index + 1 : index;
        onProgress({ doneBytes, totalBytes, doneLayers, layers: layers.length });
      }
    }
  }
}

export function assertPlatform(reference: string, platform: FakePlatform): void {
  if (platform === PLATFORM) return;
  throw new RuntimeError('InvalidSpec', `image "${reference}" is ${platform}, this worker is ${PLATFORM}`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function refused(
  reason: 'Unauthorized' | 'RegistryUnavailable',
  reference: string,
  why: string,
): RuntimeError {
  return new RuntimeError(reason, `pull of image "${reference}": ${why}`);
}

function infoOf(reference: string, { id, platform, bytes }: FakeImage): ImageInfo {
  const [os = '', architecture = ''] = platform.split('/');
  return { id, os, architecture, digests: [`${repositoryOf(reference)}@${id}`], user: '', bytes };
}

/** Without tag and digest. */
function repositoryOf(reference: string): string {
  return reference.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
}
