/**
 * A container engine in memory: the tables and rules of one, without any waiting.
 *
 * `FakeRuntime` is the way in that the product uses; what people do behind its back (kill, pause, rename, remove by
 * hand) is done to the engine directly. Containers are named by id or by name. Deterministic: time comes from the clock, ids
 * from the random source, and nothing else decides.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type { Random } from '../../machinery/random.ts';
import type {
  ContainerSpec,
  FoundFile,
  ImageInfo,
  LogChunk,
  ProcessOptions,
  PublishedPort,
  PullOptions,
  Resources,
  RuntimeEvent,
} from '../../machinery/runtime.ts';
import { FAKE_COMMANDS, noSuchCommand } from './commands.ts';
import { FakeContainer } from './container.ts';
import { assertPlatform, type FakeDelivery, FakeImages } from './images.ts';
import { FakeNetworks } from './networks.ts';
import type { FakeCommand, FakeProcess } from './process.ts';
import type { FakeProgram } from './program.ts';
import { FakeVolumes } from './volumes.ts';

export interface FakeEngineOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Images on the engine, and what a container made from one does. */
  readonly images?: Readonly<Record<string, FakeProgram>>;
  /** Images that a pull finds. */
  readonly registry?: Readonly<Record<string, FakeProgram>>;
  /** Overrides the image's program for some specs; undefined leaves it. */
  readonly program?: (spec: ContainerSpec) => FakeProgram | undefined;
  /** Commands of every container besides `FAKE_COMMANDS`, by name. */
  readonly commands?: Readonly<Record<string, FakeCommand>>;
  /** Who takes connections to a port of a container; undefined leaves it to its program. */
  readonly serve?: (spec: ContainerSpec, port: number) => ((connection: Duplex) => void) | undefined;
}

/** Docker's own: "Minimum memory limit allowed is 6MB". */
const MIN_MEMORY_BYTES = 6 * 1024 * 1024;
/** Are there without having been made. */
const OWN_NETWORKS: ReadonlySet<string> = new Set(['bridge', 'default']);
const FIRST_FREE_PORT = 32_768;
const LAST_PORT = 65_535;

export class FakeEngine {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: FakeEngineOptions;
  readonly images: FakeImages;
  readonly networks: FakeNetworks;
  readonly volumes = new FakeVolumes('/var/lib/fake/volumes');
  readonly #containers = new Map<string, FakeContainer>();
  /** `ip:port/protocol` of what else on the machine listens. */
  readonly #occupied = new Set<string>();
  readonly #listeners = new Set<(event: RuntimeEvent) => void>();
  #nextPort = FIRST_FREE_PORT;
  #nextAddress = 2;

  constructor(options: FakeEngineOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#options = options;
    this.images = new FakeImages(options.clock, options.registry ?? {});
    this.networks = new FakeNetworks(() => this.#newId());
    for (const [reference, program] of Object.entries(options.images ?? {}))
      this.addImage(reference, program);
  }

  /** Every container, oldest first. */
  containers(): readonly FakeContainer[] {
    return [...this.#containers.values()];
  }

  find(idOrName: string): FakeContainer | undefined {
    return (
      this.#containers.get(idOrName) ?? this.containers().find((container) => container.name === idOrName)
    );
  }

  onEvent(listener: (event: RuntimeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  // Images.

  addImage(reference: string, program: FakeProgram = {}): ImageInfo {
    return this.images.add(reference, program);
  }

  /** By hand: only the name goes. */
  removeImage(reference: string): void {
    this.images.untag(reference);
  }

  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<ImageInfo> {
    return this.images.pull(reference, options, signal);
  }

  /** Publishes an image, or another one under the same name. */
  publish(reference: string, program: FakeProgram = {}, delivery: FakeDelivery = {}): void {
    this.images.publish(reference, program, delivery);
  }

  isImageUsed(id: string): boolean {
    return this.containers().some((container) => container.imageId === id);
  }

  // Networks and volumes.

  removeNetwork(idOrName: string): void {
    this.networks.remove(idOrName, ({ name }) =>
      this.containers().some((container) => container.isRunning() && container.spec.networkMode === name),
    );
  }

  removeVolume(name: string): void {
    this.volumes.remove(name, () =>
      this.containers().some(({ spec }) =>
        spec.mounts?.some((mount) => mount.kind === 'volume' && mount.name === name),
      ),
    );
  }

  // Containers.

  create(spec: ContainerSpec): FakeContainer {
    const image = this.images.find(spec.image);
    if (image === undefined)
      throw new RuntimeError('ImageNotFound', `image "${spec.image}" is not on the engine`);
    assertPlatform(spec.image, image.platform);
    this.#assertFree(spec.name);
    assertAllowed(spec.resources);
    const container = new FakeContainer(
      {
        id: this.#newId(),
        spec: structuredClone(spec),
        imageId: image.id,
        program: this.#options.program?.(spec) ?? image.program,
      },
      this.#clock,
      () => this.#emit(container, 'die'),
    );
    this.#containers.set(container.id, container);
    this.#emit(container, 'create');
    return container;
  }

  start(idOrName: string): void {
    const container = this.#get(idOrName);
    if (container.state === 'running') return;
    if (container.state === 'paused') {
      throw new RuntimeError(
        'Failed',
        `container "${container.name}" is paused: unpause it instead of starting it`,
      );
    }
    if (container.startError !== undefined) {
      container.refuse(container.startError, 127);
      throw new RuntimeError(
        'InvalidSpec',
        `container "${container.name}" cannot start: ${container.startError}`,
      );
    }
    const ports: PublishedPort[] = [];
    const { networkMode } = container.spec;
    const isConnected = networkMode !== 'host' && networkMode !== 'none';
    if (isConnected && !OWN_NETWORKS.has(networkMode) && this.networks.find(networkMode) === undefined) {
      const message = `network ${networkMode} not found`;
      container.refuse(message, 128);
      throw new RuntimeError('Failed', `container "${container.name}" cannot start: ${message}`);
    }
    if (isConnected) {
      for (const port of container.spec.ports) {
        const hostPort = port.hostPort === 0 ? this.#freePort(port, ports) : port.hostPort;
        const bound = { ...port, hostPort };
        if (this.#isTaken(bound, ports)) {
          const message = `port ${bound.hostIP}:${hostPort}/${port.protocol} is already allocated`;
          container.refuse(message, 128);
          throw new RuntimeError('PortConflict', `container "${container.name}" cannot start: ${message}`);
        }
        ports.push(bound);
      }
    }
    container.start(ports, isConnected ? this.#address(networkMode) : undefined);
    this.#emit(container, 'start');
  }

  /** The stop signal now, KILL after the grace period; returns at once. */
  beginStop(idOrName: string, gracePeriodMs: number): FakeContainer {
    const container = this.#get(idOrName);
    if (container.isRunning()) container.beginStop(gracePeriodMs);
    return container;
  }

  kill(idOrName: string, options: { readonly oom?: boolean } = {}): void {
    this.#get(idOrName).kill(options);
  }

  /** Its process ends with this code. */
  exit(idOrName: string, exitCode: number): void {
    this.#get(idOrName).end(exitCode);
  }

  pause(idOrName: string): void {
    const container = this.#get(idOrName);
    if (container.state !== 'running') return;
    container.pause();
    this.#emit(container, 'pause');
  }

  unpause(idOrName: string): void {
    const container = this.#get(idOrName);
    if (container.state !== 'paused') return;
    container.unpause();
    this.#emit(container, 'unpause');
  }

  rename(idOrName: string, name: string): void {
    const container = this.#get(idOrName);
    if (container.name === name) return;
    this.#assertFree(name);
    container.name = name;
    this.#emit(container, 'rename');
  }

  /** Absent limits stay as they are. */
  update(idOrName: string, resources: Resources): void {
    const container = this.#get(idOrName);
    assertAllowed(resources);
    const used = container.stats()?.memoryBytes ?? 0;
    if (resources.memoryBytes !== undefined && used > resources.memoryBytes) {
      throw new RuntimeError(
        'Conflict',
        `update of container "${container.name}": found ${used} bytes of memory in use, wanted a limit of ${resources.memoryBytes}`,
      );
    }
    container.resources = { ...container.resources, ...resources };
    this.#emit(container, 'update');
  }

  remove(idOrName: string): void {
    const container = this.find(idOrName);
    if (container === undefined) return;
    container.kill();
    this.#containers.delete(container.id);
    container.wake();
    this.#emit(container, 'destroy');
  }

  write(idOrName: string, stream: LogChunk['stream'], data: Uint8Array | string): void {
    this.#get(idOrName).write(stream, data);
  }

  exec(idOrName: string, command: readonly string[], options: ProcessOptions): FakeProcess {
    const container = this.#getRunning(idOrName);
    const [name] = command;
    if (name === undefined) throw new RuntimeError('InvalidSpec', 'no exec command specified');
    const program = this.#options.commands?.[name] ?? FAKE_COMMANDS[name] ?? noSuchCommand;
    return container.exec(program, command, options);
  }

  attach(idOrName: string, options: ProcessOptions): FakeProcess {
    return this.#getRunning(idOrName).attach(options);
  }

  dial(idOrName: string, port: number): Duplex {
    const container = this.#get(idOrName);
    if (!container.isRunning()) throw notRunning(container);
    const connection = container.dial(port, this.#options.serve?.(container.spec, port));
    if (connection !== undefined) return connection;
    throw new RuntimeError('Failed', `connection to port ${port} of "${container.name}": connection refused`);
  }

  /** Something else on the machine starts listening there. */
  occupyPort(port: Omit<PublishedPort, 'containerPort'>): void {
    this.#occupied.add(endpoint(port));
  }

  releasePort(port: Omit<PublishedPort, 'containerPort'>): void {
    this.#occupied.delete(endpoint(port));
  }

  #newId(): string {
    return `${this.#random.uuid()}${this.#random.uuid()}`.replaceAll('-', '');
  }

  readFile(idOrName: string, path: string, maxBytes: number): FoundFile {
    return this.#get(idOrName).readFile(path, maxBytes);
  }

  #get(idOrName: string): FakeContainer {
    const container = this.find(idOrName);
    if (container === undefined) throw new RuntimeError('NotFound', `there is no container "${idOrName}"`);
    return container;
  }

  #getRunning(idOrName: string): FakeContainer {
    const container = this.#get(idOrName);
    if (container.state !== 'running') throw notRunning(container);
    return container;
  }

  #assertFree(name: string): void {
    const holder = this.containers().find((container) => container.name === name);
    if (holder === undefined) return;
    throw new RuntimeError('Conflict', `the name "${name}" is in use by container ${holder.id}`, {
      holderId: holder.id,
    });
  }

  #emit(container: FakeContainer, action: string): void {
    const { exitCode, finishedAt } = container;
    const hasEnded = action === 'die' && exitCode !== undefined && finishedAt !== undefined;
    const event: RuntimeEvent = {
      containerId: container.id,
      labels: container.spec.labels,
      action,
      ...(hasEnded ? { ended: { exitCode, finishedAt } } : {}),
    };
    for (const listener of this.#listeners) listener(event);
  }

  #isTaken(port: PublishedPort, alsoTaken: readonly PublishedPort[]): boolean {
    const held = this.containers().flatMap((container) => container.ports);
    if ([...held, ...alsoTaken].some((other) => isClash(other, port))) return true;
    return this.#occupied.has(endpoint(port)) || this.#occupied.has(endpoint({ ...port, hostIP: '0.0.0.0' }));
  }

  #freePort(port: PublishedPort, alsoTaken: readonly PublishedPort[]): number {
    for (let tries = FIRST_FREE_PORT; tries <= LAST_PORT; tries++) {
      const hostPort = this.#nextPort;
      this.#nextPort = hostPort === LAST_PORT ? FIRST_FREE_PORT : hostPort + 1;
      if (!this.#isTaken({ ...port, hostPort }, alsoTaken)) return hostPort;
    }
    throw new RuntimeError('Failed', `no port from ${FIRST_FREE_PORT} to ${LAST_PORT} is free`);
  }

  #address(networkMode: string): string {
    const named = this.networks.address(networkMode);
    if (named !== undefined) return named;
    const host = this.#nextAddress++ % 65_534;
    return `172.17.${host >> 8}.${host & 255}`;
  }
}

function notRunning(container: FakeContainer): RuntimeError {
  return new RuntimeError('Conflict', `container "${container.name}" is ${container.state}, wanted running`);
}

function assertAllowed(resources: Resources): void {
  const { memoryBytes } = resources;
  if (memoryBytes !== undefined && memoryBytes < MIN_MEMORY_BYTES) {
    throw new RuntimeError(
      'InvalidSpec',
      `memory limit is ${memoryBytes} bytes; the least allowed is ${MIN_MEMORY_BYTES}`,
    );
  }
}

function isClash(a: PublishedPort, b: PublishedPort): boolean {
  const isSameAddress = a.hostIP === b.hostIP || a.hostIP === '0.0.0.0' || b.hostIP === '0.0.0.0';
  return isSameAddress && a.hostPort === b.hostPort && a.protocol === b.protocol;
}

function endpoint(port: Omit<PublishedPort, 'containerPort'>): string {
  return `${port.hostIP}:${port.hostPort}/${port.protocol}`;
}
