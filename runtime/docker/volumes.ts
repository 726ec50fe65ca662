/** Named volumes of a Docker Engine. */
import type Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import type { VolumeInfo } from '../../machinery/runtime.ts';
import type { DockerCalls } from './calls.ts';
import { statusOf, textOf } from './errors.ts';
import { labelFilter, stringsOf } from './labels.ts';

export class DockerVolumes {
  readonly #docker: Docker;
  readonly #calls: DockerCalls;

  constructor(docker: Docker, calls: DockerCalls) {
    this.#docker = docker;
    this.#calls = calls;
  }

  list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly VolumeInfo[]> {
    return this.#calls.call('list of volumes', signal, async (abortSignal) => {
      const { Volumes: found } = await this.#docker.listVolumes({
        filters: { label: labelFilter(labels) },
        abortSignal,
      });
      // An engine without volumes may say null.
      return (Array.isArray(found) ? found : []).map(volumeOf);
    });
  }

  create(name: string, labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<VolumeInfo> {
    return this.#calls.call(`creation of volume "${name}"`, signal, async (abortSignal) => {
      // Making one that is there is finding it. dockerode keeps only the name of the answer.
      const options: object = { _query: {}, _body: { Name: name, Labels: { ...labels } }, abortSignal };
      const made = await this.#docker.createVolume(options);
      const inspect: (options: object) => Promise<unknown> = made.inspect.bind(made);
      return volumeOf(await inspect({ abortSignal }));
    });
  }

  remove(name: string, signal: AbortSignal): Promise<void> {
    const what = `removal of volume "${name}"`;
    return this.#calls.call(what, signal, async (abortSignal) => {
      // The name goes into the path of the request.
      if (!/^[a-zA-Z0-9][\w.-]*$/.test(name)) return;
      try {
        await this.#docker.getVolume(name).remove({ abortSignal });
      } catch (error) {
        if (statusOf(error) === 404) return;
        if (statusOf(error) !== 409) throw error;
        throw new RuntimeError('Conflict', `${what}: ${textOf(error)}`, { cause: error });
      }
    });
  }
}

function volumeOf(volume: unknown): VolumeInfo {
  const { Name: name, Mountpoint: mountpoint, Labels: labels } = isRecord(volume) ? volume : {};
  if (typeof name !== 'string' || typeof mountpoint !== 'string') {
    throw new RuntimeError('Failed', 'the engine told of a volume without its name or its place');
  }
  return { name, labels: stringsOf(labels), mountpoint };
}
