/**
 * `FakeRuntime`: a `Runtime` on an engine in memory, for tests and the simulator.
 *
 * Promises to be deterministic (microtasks and the clock it is given, nothing else), to behave like Docker where the
 * conformance suite looks, and to fail on request:
 * - `hooks.before` and `hooks.after` run around every act and may throw or wait (on the same clock). What throws in
 *   `after` has happened and its answer is lost.
 * - `stopEngine` and `startEngine` are a daemon going away and coming back.
 * - `engine` is what people do by hand, behind the product's back.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../machinery/clock.ts';
import type { ContainerFigures } from '../../machinery/containerfigures.ts';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
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
import { withinBounds } from '../bounded.ts';
import { FakeEngine, type FakeEngineOptions } from './engine.ts';
import { FakeFeed } from './feed.ts';
import type { FakeProcess } from './process.ts';

export type RuntimeOperation = keyof Runtime;

export interface FakeCall {
  readonly operation: RuntimeOperation;
  /** The caller's own arguments, without the signal. */
  readonly args: readonly unknown[];
  readonly signal: AbortSignal;
}

/** One change the product asked for, whether it went well or not. */
export interface FakeMutation {
  readonly operation: RuntimeOperation;
  readonly args: readonly unknown[];
  readonly atMs: number;
  /** `done`, or the message of what the engine refused it with; a fault of a hook does not appear here. */
  readonly outcome: string;
}

export interface FakeHooks {
  before?: (call: FakeCall) => void | Promise<void>;
  after?: (call: FakeCall) => void | Promise<void>;
  /** False loses the event on its way to every listener. */
  deliverEvent?: (event: RuntimeEvent) => boolean;
}

export interface FakeRuntimeOptions extends FakeEngineOptions {
  readonly hooks?: FakeHooks;
  readonly info?: Partial<RuntimeInfo>;
}

const MUTATIONS: ReadonlySet<RuntimeOperation> = new Set([
  'create',
  'start',
  'stop',
  'unpause',
  'rename',
  'update',
  'remove',
  'pull',
  'removeImage',
  'createVolume',
  'removeVolume',
  'createNetwork',
  'removeNetwork',
]);
const MAX_MUTATIONS = 100_000;
/** Docker keeps 256 for a reader that comes late; one that is connected and does not read is cut off. */
const MAX_QUEUED_EVENTS = 256;

export class FakeRuntime implements Runtime {
  /** What is done by hand, and what is there to be seen. */
  readonly engine: FakeEngine;
  /** May be replaced at any time. */
  hooks: FakeHooks;
  readonly #clock: Clock;
  readonly #info: RuntimeInfo;
  readonly #feeds = new Set<FakeFeed<RuntimeEvent>>();
  #mutations: FakeMutation[] = [];
  #isUp = true;

  constructor(options: FakeRuntimeOptions) {
    this.engine = new FakeEngine(options);
    this.hooks = options.hooks ?? {};
    this.#clock = options.clock;
    this.#info = {
      engineVersion: 'fake',
      os: 'linux',
      arch: 'amd64',
      kernel: 'fake',
      hostname: 'fake',
      cpus: 4,
      memoryBytes: 8 * 1024 ** 3,
      dataRoot: '/var/lib/fake',
      isLocal: true,
      isDialOnly: true,
      userNamespaceBase: 0,
      hasSeccomp: true,
      ...options.info,
    };
  }

  /** Every mutation so far, oldest first; only the newest 100,000 are kept. */
  get mutations(): readonly FakeMutation[] {
    return this.#mutations;
  }

  forgetMutations(): void {
    this.#mutations = [];
  }

  /** The daemon goes away: calls and streams fail with Unavailable; without live-restore all containers die too. */
  stopEngine(options: { readonly containersDie: boolean }): void {
    this.#isUp = false;
    this.cutEventStreams();
    this.cutConnections();
    for (const container of this.engine.containers()) {
      if (options.containersDie) container.kill();
      container.wake();
    }
  }

  startEngine(): void {
    this.#isUp = true;
  }

  /** Breaks the event streams that are open, and nothing else. */
  cutEventStreams(): void {
    for (const feed of this.#feeds) feed.fail(gone('the event stream'));
  }

  /** Breaks every exec, attach and dialled connection that is open; processes and containers go on. */
  cutConnections(): void {
    for (const container of this.engine.containers()) container.loseConnections();
  }

  info(signal: AbortSignal): Promise<RuntimeInfo> {
    return this.#call('info', [], signal, () => this.#info);
  }

  list(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<ContainerSummary[]> {
    return this.#call('list', [labels], signal, () =>
      this.engine
        .containers()
        .map((container) => container.summary())
        .filter((summary) => hasLabels(summary.labels, labels)),
    );
  }

  inspect(id: string, signal: AbortSignal): Promise<ContainerDetail | undefined> {
    return this.#call('inspect', [id], signal, () => this.engine.find(id)?.detail());
  }

  create(spec: ContainerSpec, signal: AbortSignal): Promise<{ readonly id: string }> {
    return this.#call('create', [spec], signal, () => ({ id: this.engine.create(spec).id }));
  }

  start(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('start', [id], signal, () => this.engine.start(id));
  }

  stop(
    id: string,
    options: { readonly gracePeriodMs: number; readonly stopSignal?: string },
    signal: AbortSignal,
  ): Promise<void> {
    return this.#call('stop', [id, options], signal, async (inner) => {
      const container = this.engine.beginStop(id, options.gracePeriodMs);
      while (container.isRunning() && !inner.aborted) {
        await container.changed(inner);
        this.#assertUp('stop');
      }
      if (inner.aborted) throw gone('stop');
    });
  }

  unpause(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('unpause', [id], signal, () => this.engine.unpause(id));
  }

  rename(id: string, name: string, signal: AbortSignal): Promise<void> {
    return this.#call('rename', [id, name], signal, () => this.engine.rename(id, name));
  }

  update(id: string, resources: Resources, signal: AbortSignal): Promise<void> {
    return this.#call('update', [id, resources], signal, () => this.engine.update(id, resources));
  }

  remove(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('remove', [id], signal, () => this.engine.remove(id));
  }

  writableBytes(id: string, signal: AbortSignal): Promise<number | undefined> {
    return this.#call('writableBytes', [id], signal, () => this.engine.find(id)?.writableBytes);
  }

  readFile(id: string, path: string, maxBytes: number, signal: AbortSignal): Promise<FoundFile> {
    return this.#call('readFile', [id, path, maxBytes], signal, () =>
      this.engine.readFile(id, path, maxBytes),
    );
  }

  image(reference: string, signal: AbortSignal): Promise<ImageInfo | undefined> {
    return this.#call('image', [reference], signal, () => this.engine.images.info(reference));
  }

  pull(reference: string, options: PullOptions, signal: AbortSignal): Promise<ImageInfo> {
    return this.#call('pull', [reference, options], signal, (inner) =>
      this.engine.pull(reference, options, inner),
    );
  }

  images(signal: AbortSignal): Promise<readonly ImageSummary[]> {
    return this.#call('images', [], signal, () => this.engine.images.list());
  }

  removeImage(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('removeImage', [id], signal, () =>
      this.engine.images.remove(id, (used) => this.engine.isImageUsed(used)),
    );
  }

  volumes(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly VolumeInfo[]> {
    return this.#call('volumes', [labels], signal, () =>
      this.engine.volumes.list().filter((volume) => hasLabels(volume.labels, labels)),
    );
  }

  createVolume(
    name: string,
    labels: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<VolumeInfo> {
    return this.#call('createVolume', [name, labels], signal, () => this.engine.volumes.create(name, labels));
  }

  removeVolume(name: string, signal: AbortSignal): Promise<void> {
    return this.#call('removeVolume', [name], signal, () => this.engine.removeVolume(name));
  }

  networks(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly NetworkInfo[]> {
    return this.#call('networks', [labels], signal, () =>
      this.engine.networks.list().filter((network) => hasLabels(network.labels, labels)),
    );
  }

  createNetwork(spec: NetworkSpec, signal: AbortSignal): Promise<{ readonly id: string }> {
    return this.#call('createNetwork', [spec], signal, () => ({ id: this.engine.networks.create(spec).id }));
  }

  removeNetwork(id: string, signal: AbortSignal): Promise<void> {
    return this.#call('removeNetwork', [id], signal, () => this.engine.removeNetwork(id));
  }

  /** Listening begins with the call, not with the first read: a slow start of the stream loses nothing. */
  events(labels: Readonly<Record<string, string>>, signal: AbortSignal): AsyncIterable<RuntimeEvent> {
    const feed = new FakeFeed<RuntimeEvent>({
      limit: MAX_QUEUED_EVENTS,
      onOverflow: () => gone('the event stream, which fell behind,'),
    });
    const stopListening = this.engine.onEvent((event) => {
      if (hasLabels(event.labels, labels) && this.hooks.deliverEvent?.(event) !== false) feed.push(event);
    });
    const close = (): void => {
      feed.end();
      stopListening();
      this.#feeds.delete(feed);
      signal.removeEventListener('abort', close);
    };
    this.#feeds.add(feed);
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    return this.#readEvents(labels, feed, signal, close);
  }

  async *#readEvents(
    labels: Readonly<Record<string, string>>,
    feed: FakeFeed<RuntimeEvent>,
    signal: AbortSignal,
    close: () => void,
  ): AsyncGenerator<RuntimeEvent, void, undefined> {
    try {
      if (signal.aborted) return;
      await this.#run({ operation: 'events', args: [labels], signal }, this.hooks.before);
      this.#assertUp('events');
      yield* feed;
    } finally {
      close();
    }
  }

  async *logs(
    id: string,
    options: LogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<LogChunk, void, undefined> {
    if (signal.aborted) return;
    await this.#run({ operation: 'logs', args: [id, options], signal }, this.hooks.before);
    this.#assertUp('logs');
    const container = this.engine.find(id);
    if (container === undefined) throw new RuntimeError('NotFound', `there is no container "${id}"`);
    yield* container.log.read(options, signal, () => this.#assertUp('logs'));
  }

  exec(
    id: string,
    command: readonly string[],
    options: ProcessOptions,
    signal: AbortSignal,
  ): Promise<ProcessSession> {
    return this.#call('exec', [id, command, options], signal, () =>
      heldBy(signal, this.engine.exec(id, command, options)),
    );
  }

  attach(id: string, options: ProcessOptions, signal: AbortSignal): Promise<ProcessSession> {
    return this.#call('attach', [id, options], signal, () => heldBy(signal, this.engine.attach(id, options)));
  }

  stats(id: string, signal: AbortSignal): Promise<ContainerStats | undefined> {
    return this.#call('stats', [id], signal, () => this.engine.find(id)?.stats());
  }

  figures(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ContainerFigures>> {
    return this.#call('figures', [ids], signal, () => {
      const all = new Map<string, ContainerFigures>();
      for (const id of ids) {
        const found = this.engine.find(id)?.figures();
        if (found !== undefined) all.set(id, found);
      }
      return all;
    });
  }

  dial(id: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return this.#call('dial', [id, port], signal, () => this.engine.dial(id, port));
  }

  async #call<T>(
    operation: RuntimeOperation,
    args: readonly unknown[],
    signal: AbortSignal,
    act: (signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return withinBounds(this.#clock, { what: operation, signal }, async (inner) => {
      const call: FakeCall = { operation, args, signal: inner };
      await this.#run(call, this.hooks.before);
      // A caller that gave up while the call was on its way: the engine never hears of it.
      if (inner.aborted) throw gone(operation);
      this.#assertUp(operation);
      let result: T;
      try {
        result = await act(inner);
      } catch (error) {
        this.#record(operation, args, messageOf(error));
        throw error;
      }
      this.#record(operation, args, 'done');
      await this.#run(call, this.hooks.after);
      return result;
    });
  }

  async #run(call: FakeCall, hook: ((call: FakeCall) => void | Promise<void>) | undefined): Promise<void> {
    // Always one turn of the microtask queue: nothing a runtime does has happened before its call returns.
    await hook?.(call);
  }

  #record(operation: RuntimeOperation, args: readonly unknown[], outcome: string): void {
    if (!MUTATIONS.has(operation)) return;
    this.#mutations.push({ operation, args, atMs: this.#clock.monotonicMs(), outcome });
    if (this.#mutations.length > MAX_MUTATIONS) this.#mutations.shift();
  }

  #assertUp(operation: RuntimeOperation): void {
    if (!this.#isUp) throw gone(operation);
  }
}

function gone(what: string): RuntimeError {
  return new RuntimeError('Unavailable', `${what}: the engine does not answer`);
}

/** The session lasts no longer than the signal lets it, and with it what was started for it. */
function heldBy(signal: AbortSignal, process: FakeProcess): FakeProcess {
  const close = (): void => {
    process.close();
    void process.kill();
  };
  if (signal.aborted) close();
  signal.addEventListener('abort', close, { once: true });
  const release = (): void => signal.removeEventListener('abort', close);
  process.ended.then(release, release);
  return process;
}

function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
