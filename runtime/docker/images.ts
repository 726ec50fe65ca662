/** Images of a Docker Engine: looked up, pulled with progress, listed, removed. */
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import type { ImageInfo, ImageSummary, PullOptions } from '../../machinery/runtime.ts';
import { asReadable, type DockerCalls, orAbsent, type Work } from './calls.ts';
import { pullError, statusOf } from './errors.ts';
import { readJsonLines } from './lines.ts';

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
  pull(reference: string, _options: PullOptions, signal: AbortSignal): Promise<ImageInfo> {
    const what = `pull of image "${reference}"`;
    const pull: Work<ImageInfo> = async (abortSignal) => {
      assertReference(reference);
      const stream = await this.#docker.pull(reference, { abortSignal });
      for await (const line of readJsonLines(asReadable(stream))) {
        // The status code was sent before the download began: a failure is a line like any other.
        if (typeof line['error'] === 'string') throw pullError(line['error'], what);
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
        // An image without a name is listed as `<none>:<none>`.
        references: [...(image.RepoTags ?? []), ...(image.RepoDigests ?? [])].filter(
          (reference) => !reference.includes('<none>'),
        ),
        bytes: image.Size,
        createdAtMs: image.Created * 1000,
      }));
    });
  }

  removeImage(id: string, signal: AbortSignal): Promise<void> {
    return this.#calls.call(`removal of image "${id}"`, signal, async (abortSignal) => {
      assertReference(id);
      try {
        await this.#docker.getImage(id).remove({ abortSignal });
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
      }
    });
  }

  async #image(reference: string, abortSignal: AbortSignal): Promise<ImageInfo | undefined> {
    assertReference(reference);
    const image = this.#docker.getImage(reference);
    const inspect: (options: object) => Promise<Docker.ImageInspectInfo> = image.inspect.bind(image);
    return orAbsent(async () => {
      const { Id, Os, Architecture, RepoDigests, Config } = await inspect({ abortSignal });
      return {
        id: Id,
        os: Os,
        architecture: Architecture,
        digests: RepoDigests ?? [],
        user: Config.User ?? '',
      };
    });
  }
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
