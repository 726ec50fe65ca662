/**
 * `Runtime` on a Docker Engine, through dockerode.
 *
 * Promises of its own: every call has a limit in time besides the caller's signal; errors are `RuntimeError` with the
 * engine's own words; a container is never restarted by the engine (restart policy `no`); nothing is cached.
 */
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { Clock } from '../../machinery/clock.ts';
import type { ContainerFigures } from '../../machinery/containerfigures.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type {
  ContainerDetail,
  ContainerSpec,
  ContainerStats,
  ContainerSummary,
  FoundFile,
  ImageInfo,
  ImageSummary,
  LogChunk,
  LogOptions,
  NetworkInfo,
  NetworkSpec,
  ProcessOptions,
  ProcessSession,
  PullOptions,
  Resources,
  Runtime,
  RuntimeEvent,
  RuntimeInfo,
  VolumeInfo,
} from '../../machinery/runtime.ts';
import { CALL_LIMIT_MS, DockerCalls, orAbsent, orDone, type Work } from './calls.ts';
import { connectDocker, type DockerEndpoint, describeEndpoint } from './connection.ts';
import { createContainer } from './creation.ts';
import { type DialDeps, dialContainer } from './dial.ts';
import { statusOf, textOf } from './errors.ts';
import { DockerFigures } from './figures/figures.ts';
import { readDockerFile } from './file.ts';
import { DockerImages } from './images.ts';
import { labelFilter } from './labels.ts';
import { readJsonLines } from './lines.ts';
import { DockerLogs } from './log.ts';
import { NetworkNamespaces } from './namespaces.ts';
import { DockerNetworks } from './networks.ts';
import { attachToDocker, execInDocker } from './process.ts';
import { createBody, resourceSettings } from './spec.ts';
import { DockerStats } from './stats.ts';
import { detailOf, eventOf, infoOf, summaryOf, writableBytesOf } from './view.ts';
import { DockerVolumes } from './volumes.ts';

/** What changes what a list or an inspection tells. The others (exec, attach, resize, …) would only wake the loop. */
const EVENTS = ['create', 'start', 'die', 'oom', 'pause', 'unpause', 'rename', 'update', 'destroy'];

export class DockerRuntime implements Runtime {
  readonly #docker: Docker;
  readonly #clock: Clock;
  readonly #calls: DockerCalls;
  readonly #engine: string;
  readonly #dial: DialDeps;
  readonly #stats: DockerStats;
  readonly #figures: DockerFigures;
  readonly #images: DockerImages;
  readonly #volumes: DockerVolumes;
  readonly #networks: DockerNetworks;
  readonly #isLocal: boolean;
  readonly #logs: DockerLogs;

  /** @param options.readsLogFiles false: logs are always read through the engine. */
  constructor(endpoint: DockerEndpoint, clock: Clock, options: { readonly readsLogFiles?: boolean } = {}) {
    this.#docker = connectDocker(endpoint);
    this.#clock = clock;
    this.#engine = `Docker Engine at ${describeEndpoint(endpoint)}`;
    this.#calls = new DockerCalls(clock, this.#engine);
    this.#dial = { clock, endpoint, namespaces: new NetworkNamespaces(clock) };
    this.#isLocal = endpoint.kind === 'unix';
    this.#logs = new DockerLogs({
      docker: this.#docker,
      calls: this.#calls,
      clock,
      container: (id) => this.#container(id),
      readsFiles: this.#isLocal && options.readsLogFiles !== false,
    });
    this.#stats = new DockerStats({ clock, isSameMachine: this.#isLocal });
    this.#figures = new DockerFigures({
      container: (id) => this.#container(id),
      calls: this.#calls,
      clock,
      isSameMachine: this.#isLocal,
    });
    this.#images = new DockerImages(this.#docker, this.#calls);
    this.#volumes = new DockerVolumes(this.#docker, this.#calls);
    this.#networks = new DockerNetworks(this.#docker, this.#calls);
  }

  info(signal: AbortSignal): Promise<RuntimeInfo> {
    // The published types forget that these take options.
    const info: (options: object) => Promise<unknown> = this.#docker.info.bind(this.#docker);
    return this.#calls.call('info', signal, async (abortSignal) =>
      infoOf(await info({ abortSignal }), this.#isLocal),
    );
  }

  list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ContainerSummary[]> {
    return this.#calls.call('list of containers', signal, async (abortSignal) => {
      const found = await this.#docker.listContainers({
        all: true,
        filters: { label: labelFilter(labels) },
        abortSignal,
      });
      return found.map(summaryOf);
    });
  }

  inspect(id: string, signal: AbortSignal): Promise<ContainerDetail | undefined> {
    return this.#calls.call(`inspection of container "${id}"`, signal, (abortSignal) =>
      orAbsent(async () => detailOf(await this.#container(id).inspect({ abortSignal }))),
    );
  }

  create(spec: ContainerSpec, signal: AbortSignal): Promise<{ readonly id: string }> {
    return this.#calls.call(`creation of container "${spec.name}"`, signal, async (abortSignal) => {
      const { name, image } = spec;
      return createContainer(this.#docker, { name, image, body: createBody(spec) }, abortSignal);
    });
  }

  start(id: string, signal: AbortSignal): Promise<void> {
    return this.#calls.call(`start of container "${id}"`, signal, (abortSignal) =>
      orDone(() => this.#container(id).start({ abortSignal }), isNotModified),
    );
  }

  stop(
    id: string,
    options: { readonly gracePeriodMs: number; readonly stopSignal?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { gracePeriodMs, stopSignal } = options;
    const stop: Work<void> = async (abortSignal) => {
      if (
        stopSignal !== undefined &&
        (await this.#stopSignalOf(id, abortSignal)) !== signalName(stopSignal)
      ) {
        return this.#stopWith(stopSignal, id, gracePeriodMs, abortSignal);
      }
      // The engine sends the signal, wakes a paused container up to get it, waits (whole seconds) and kills.
      const seconds = Math.ceil(Math.max(0, gracePeriodMs) / 1000);
      await orDone(() => this.#container(id).stop({ t: seconds, abortSignal }), isNotModified);
    };
    return this.#calls.call(
      `stop of container "${id}"`,
      signal,
      stop,
      Math.max(0, gracePeriodMs) + CALL_LIMIT_MS,
    );
  }

  unpause(id: string, signal: AbortSignal): Promise<void> {
    return this.#calls.call(`unpausing of container "${id}"`, signal, (abortSignal) =>
      orDone(
        () => this.#container(id).unpause({ abortSignal }),
        // The second where it was thawed between the engine's look and its act: by the engine itself, to end it.
        (error) => /is not paused|cannot resume a running process/.test(textOf(error)),
      ),
    );
  }

  rename(id: string, name: string, signal: AbortSignal): Promise<void> {
    return this.#calls.call(`renaming of container "${id}" to "${name}"`, signal, (abortSignal) =>
      orDone(
        () => this.#container(id).rename({ name, abortSignal }),
        (error) => /same name as its current name/.test(textOf(error)),
      ),
    );
  }

  update(id: string, resources: Resources, signal: AbortSignal): Promise<void> {
    const settings = resourceSettings(resources);
    return this.#calls.call(`update of container "${id}"`, signal, async (abortSignal) => {
      await this.#assertRoom(id, resources, abortSignal);
      // An update of nothing is an error to the engine; a container that is gone is one to us.
      if (Object.keys(settings).length === 0) await this.#container(id).inspect({ abortSignal });
      else await this.#container(id).update({ ...settings, abortSignal });
    });
  }

  remove(id: string, signal: AbortSignal): Promise<void> {
    return this.#calls.call(`removal of container "${id}"`, signal, async (abortSignal) => {
      try {
        // Anonymous volumes go with it; named ones stay.
        await this.#container(id).remove({ force: true, v: true, abortSignal });
      } catch (error) {
        if (statusOf(error) === 404) return;
        if (!/removal of container .* is already in progress/.test(textOf(error))) throw error;
        await this.#calls.until(abortSignal, async () => (await this.#state(id, abortSignal)) === undefined);
      }
    });
  }

  writableBytes(id: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#calls.call(`size of container "${id}"`, signal, (abortSignal) =>
      orAbsent(async () => {
        const options: object = { size: true, abortSignal };
        return writableBytesOf(await this.#container(id).inspect(options));
      }),
    );
  }

  readFile(id: string, path: string, maxBytes: number, signal: AbortSignal): Promise<FoundFile> {
    const what = `file ${path} of container "${id}"`;
    return this.#calls.call(what, signal, (abortSignal) =>
      readDockerFile(this.#container(id), path, maxBytes, abortSignal),
    );
  }

  image(reference: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    return this.#images.image(reference, signal);
  }

  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<ImageInfo> {
    return this.#images.pull(reference, options, signal);
  }

  images(signal: AbortSignal): Promise<readonly ImageSummary[]> {
    return this.#images.images(signal);
  }

  removeImage(id: string, signal: AbortSignal): Promise<void> {
    return this.#images.removeImage(id, signal);
  }

  volumes(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly VolumeInfo[]> {
    return this.#volumes.list(labels, signal);
  }

  createVolume(
    name: string,
    labels: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<VolumeInfo> {
    return this.#volumes.create(name, labels, signal);
  }

  removeVolume(name: string, signal: AbortSignal): Promise<void> {
    return this.#volumes.remove(name, signal);
  }

  networks(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly NetworkInfo[]> {
    return this.#networks.list(labels, signal);
  }

  createNetwork(spec: NetworkSpec, signal: AbortSignal): Promise<{ readonly id: string }> {
    return this.#networks.create(spec, signal);
  }

  removeNetwork(id: string, signal: AbortSignal): Promise<void> {
    return this.#networks.remove(id, signal);
  }

  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    // From the moment of the call: what happens while the connection is made is replayed.
    return this.#events(labels, this.#clock.now() / 1000, signal);
  }

  async *#events(
    labels: Readonly<Record<string, string>>,
    since: number,
    signal: AbortSignal,
  ): AsyncGenerator<RuntimeEvent, void, undefined> {
    const what = 'event stream';
    const filters: object = { type: ['container'], event: EVENTS, label: labelFilter(labels) };
    const query: object = { since, filters };
    const open: Work<unknown> = (abortSignal) => this.#docker.getEvents({ ...query, abortSignal });
    for await (const event of this.#calls.stream(what, signal, open, readJsonLines)) {
      const hint = eventOf(event);
      if (hint !== undefined) yield hint;
    }
    if (!signal.aborted)
      throw new RuntimeError('Unavailable', `${what} of the ${this.#engine} was closed by the engine`);
  }

  logs(id: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogChunk> {
    return this.#logs.read(id, options, signal);
  }

  exec(
    id: string,
    command: readonly string[],
    options: ProcessOptions,
    signal: AbortSignal,
  ): Promise<ProcessSession> {
    const target = { id, command, options, isLocal: this.#isLocal };
    return execInDocker(this.#calls, (of) => this.#container(of), target, signal);
  }

  attach(id: string, options: ProcessOptions, signal: AbortSignal): Promise<ProcessSession> {
    return attachToDocker(this.#calls, (of) => this.#container(of), { id, options }, signal);
  }

  stats(id: string, signal: AbortSignal): Promise<ContainerStats | undefined> {
    return this.#calls.call(`stats of container "${id}"`, signal, (abortSignal) =>
      orAbsent(() => this.#stats.read(this.#container(id), abortSignal)),
    );
  }

  figures(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ContainerFigures>> {
    return this.#figures.read(ids, signal);
  }

  dial(id: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return this.#calls.call(
      `connection to port ${port} of container "${id}"`,
      signal,
      async (abortSignal) => {
        const container = await this.#container(id).inspect({ abortSignal });
        const connection = await dialContainer(this.#dial, container, port, abortSignal);
        // Given up meanwhile: nobody would ever close it.
        if (abortSignal.aborted) connection.destroy();
        return connection;
      },
    );
  }

  #container(id: string): Docker.Container {
    // Ids and names go into the path of the request.
    if (!/^[a-zA-Z0-9][\w.-]*$/.test(id)) {
      throw new RuntimeError('NotFound', `there is no container "${id}": no container can be called that`);
    }
    return this.#docker.getContainer(id);
  }

  /**
   * A limit below what is in use: with control groups v1 the kernel refuses it, after the other limits were set; with v2 it
   * kills. Neither is a resize.
   */
  async #assertRoom(id: string, { memoryBytes }: Resources, abortSignal: AbortSignal): Promise<void> {
    if (memoryBytes === undefined) return;
    const used = await this.#stats.read(this.#container(id), abortSignal);
    if (used === undefined || used.memoryBytes <= memoryBytes) return;
    throw new RuntimeError(
      'Conflict',
      `update of container "${id}": found ${used.memoryBytes} bytes of memory in use, wanted a limit of ${memoryBytes}; its limits stay as they are until it uses less or is replaced`,
    );
  }

  async #state(id: string, abortSignal: AbortSignal): Promise<ContainerDetail['state'] | undefined> {
    return orAbsent(async () => detailOf(await this.#container(id).inspect({ abortSignal })).state);
  }

  async #stopSignalOf(id: string, abortSignal: AbortSignal): Promise<string> {
    const { Config: config } = await this.#container(id).inspect({ abortSignal });
    const own: unknown = Reflect.get(config, 'StopSignal');
    return signalName(typeof own === 'string' && own !== '' ? own : 'TERM');
  }

  /** Engines before API 1.42 cannot be asked to stop with another signal than the container's own. */
  async #stopWith(stopSignal: string, id: string, graceMs: number, abortSignal: AbortSignal): Promise<void> {
    const hasEnded = async (): Promise<boolean> => {
      const state = await this.#state(id, abortSignal);
      return state !== 'running' && state !== 'paused' && state !== 'restarting';
    };
    const send = (signal: string): Promise<void> =>
      orDone(
        () => this.#container(id).kill({ signal, abortSignal }),
        (error) => /is not running/.test(textOf(error)),
      );
    if (await hasEnded()) return;
    await send(stopSignal);
    if ((await this.#state(id, abortSignal)) === 'paused') await this.unpause(id, abortSignal);
    if (await this.#calls.until(abortSignal, hasEnded, graceMs)) return;
    await send('SIGKILL');
    await this.#calls.until(abortSignal, hasEnded);
  }
}

function isNotModified(error: unknown): boolean {
  return statusOf(error) === 304;
}

/** `SIGTERM`, `term` and `TERM` are one signal. */
function signalName(signal: string): string {
  const name = signal.toUpperCase().replace(/^SIG/, '');
  return name === '15' ? 'TERM' : name;
}
