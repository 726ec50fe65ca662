/** Images of a Docker Engine: looked up, pulled with progress, listed, removed. */
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { ImageInfo, ImageSummary, PullOptions, RegistryAuth } from '../../machinery/runtime.ts';
import { asReadable, type DockerCalls, orAbsent, type Work } from './calls.ts';
import { pullError, statusOf, textOf } from './errors.ts';
import { readJsonLines } from './lines.ts';
import { PullLines } from './pull.ts';

export class DockerImages {
  readonly #docker: Docker;
  readonly #calls: DockerCalls;

  constructor(docker: Docker, calls: DockerCalls) {
    this.#docker = docker;
    this.#calls = calls;
  }

  image(reference: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    return this.#calls.call(`inspection of image "${reference}"`, signal, (abortSignal) =>
      this.#image(reference, abortSignal),
    );
  }

  /** Ends only with the signal: how long a pull takes is up to the image and the line. */
  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<ImageInfo> {
    const what = `pull of image "${reference}"`;
    const pull: Work<ImageInfo> = async (abortSignal) => {
      assertReference(reference);
      const progress = new PullLines();
      const stream = await this.#beginPull(what, reference, options.auth, abortSignal);
      for await (const line of readJsonLines(stream)) {
        // The status code was sent before the download began: a failure is a line like any other.
        if (typeof line['error'] === 'string') throw pullError(line['error'], what);
        if (progress.read(line)) options.onProgress?.(progress.progress);
      }
      const image = await this.#image(reference, abortSignal);
      if (image === undefined)
        throw new RuntimeError('Failed', `${what}: the engine says it is done, and there is no such image`);
      return image;
    };
    return this.#calls.call(what, signal, pull, null);
  }

  images(signal: AbortSignal): Promise<readonly ImageSummary[]> {
    return this.#calls.call('list of images', signal, async (abortSignal) => {
      const found = await this.#docker.listImages({ abortSignal });
      return found.map((image) => ({
        id: image.Id,
        references: namesOf(image.RepoTags ?? null, image.RepoDigests ?? null),
        bytes: image.Size,
        createdAtMs: image.Created * 1000,
      }));
    });
  }

  /**
   * One name after the other, each as the engine would let anybody: by its id an image of several names goes only by
   * force, and that takes it from under a container that does not run.
   */
  removeImage(id: string, signal: AbortSignal): Promise<void> {
    return this.#calls.call(`removal of image "${id}"`, signal, async (abortSignal) => {
      assertReference(id);
      const found = await this.#inspect(id, abortSignal);
      if (found === undefined) return;
      const users = await this.#docker.listContainers({ all: true, abortSignal });
      const user = users.find(({ ImageID }) => ImageID === found.Id);
      if (user !== undefined) {
        throw new RuntimeError('Conflict', `image "${id}" is used by container ${user.Id}`);
      }
      for (const name of namesOf(found.RepoTags, found.RepoDigests)) {
        await this.#remove(name, abortSignal);
      }
      await this.#remove(found.Id, abortSignal);
    });
  }

  async #beginPull(
    what: string,
    reference: string,
    auth: RegistryAuth | undefined,
    abortSignal: AbortSignal,
  ): Promise<Readable> {
    try {
      const authconfig = auth === undefined ? {} : { authconfig: authOf(auth) };
      return asReadable(await this.#docker.pull(reference, { ...authconfig, abortSignal }));
    } catch (error) {
      const status = statusOf(error);
      // What the registry said comes with whatever code; the engine's own refusals are for all calls the same.
      if (status === undefined || status === 400 || status === 503) throw error;
      throw pullError(textOf(error), what, error);
    }
  }

  /** A name that is gone already is as good as removed. */
  async #remove(name: string, abortSignal: AbortSignal): Promise<void> {
    try {
      await this.#docker.getImage(name).remove({ abortSignal });
    } catch (error) {
      const status = statusOf(error);
      if (status === 404) return;
      if (status !== 409) throw error;
      throw new RuntimeError('Conflict', `image "${name}" cannot be removed: ${textOf(error)}`, {
        cause: error,
      });
    }
  }

  async #image(reference: string, abortSignal: AbortSignal): Promise<ImageInfo | undefined> {
    assertReference(reference);
    const found = await this.#inspect(reference, abortSignal);
    if (found === undefined) return undefined;
    const { Id, Os, Architecture, RepoDigests, Config, Size } = found;
    return {
      id: Id,
      os: Os,
      architecture: Architecture,
      digests: RepoDigests ?? [],
      user: Config.User ?? '',
      bytes: Size,
    };
  }

  #inspect(reference: string, abortSignal: AbortSignal): Promise<Docker.ImageInspectInfo | undefined> {
    const image = this.#docker.getImage(reference);
    const inspect: (options: object) => Promise<Docker.ImageInspectInfo> = image.inspect.bind(image);
    return orAbsent(() => inspect({ abortSignal }));
  }
}

/** An image without a name is listed as `<none>:<none>`. */
function namesOf(tags: readonly string[] | null, digests: readonly string[] | null): string[] {
  return [...(tags ?? []), ...(digests ?? [])].filter((name) => !name.includes('<none>'));
}

function authOf({ username, password, identityToken }: RegistryAuth): object {
  return identityToken === undefined ? { username, password } : { username, identitytoken: identityToken };
}

/** The engine judges references; this only keeps one from being another path of its API. */
function assertReference(reference: string): void {
  const isPlain = /^[\w.\-/:@]+$/.test(reference);
  if (isPlain && !reference.split('/').some((part) => part === '' || part === '.' || part === '..')) return;
  throw new RuntimeError(
    'InvalidSpec',
    `found image "${reference}", wanted a reference such as registry/name:tag`,
  );
}
