/** One container on the fake engine: its states and what it shows of itself. Changes are made by the engine alone. */
import { type Duplex, duplexPair } from 'node:stream';
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { ContainerFigures } from '../../machinery/containerfigures.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import type {
  ContainerDetail,
  ContainerSpec,
  ContainerState,
  ContainerStats,
  ContainerSummary,
  FoundFile,
  LogChunk,
  ProcessOptions,
  PublishedPort,
  Resources,
} from '../../machinery/runtime.ts';
import { FakeFeed } from './feed.ts';
import { FakeLog } from './log.ts';
import { type FakeCommand, FakeProcess } from './process.ts';
import { type FakeProgram, FakeRun } from './program.ts';

const EXIT_TERMINATED = 143;
const EXIT_KILLED = 137;
/** What an attached reader may leave unread before it is cut off. */
const MAX_UNREAD_CHUNKS = 4_096;

export class FakeContainer {
  readonly id: string;
  readonly spec: ContainerSpec;
  readonly imageId: string;
  readonly log: FakeLog;
  readonly #clock: Clock;
  readonly #program: FakeProgram;
  readonly #createdAtMs: number;
  readonly #onEnd: (container: FakeContainer) => void;
  readonly #waiters = new Set<() => void>();
  /** Started by exec, and attached to: end with the container. */
  readonly #processes = new Set<FakeProcess>();
  readonly #connections = new Set<Duplex>();
  readonly #attached = new Set<FakeFeed<LogChunk>>();
  name: string;
  resources: Resources;
  state: ContainerState = 'created';
  ports: readonly PublishedPort[] = [];
  ip: string | undefined;
  error: string | undefined;
  exitCode: number | undefined;
  #startedAtMs: number | undefined;
  #finishedAtMs: number | undefined;
  #isOomKilled = false;
  #run: FakeRun | undefined;
  #killTimer: Timer | undefined;

  constructor(
    made: {
      readonly id: string;
      readonly spec: ContainerSpec;
      readonly imageId: string;
      readonly program: FakeProgram;
    },
    clock: Clock,
    onEnd: (container: FakeContainer) => void,
  ) {
    this.id = made.id;
    this.spec = made.spec;
    this.imageId = made.imageId;
    this.name = made.spec.name;
    this.resources = made.spec.resources;
    this.log = new FakeLog(clock, made.spec.log);
    this.#program = made.program;
    this.#clock = clock;
    this.#createdAtMs = clock.now();
    this.#onEnd = onEnd;
  }

  isRunning(): boolean {
    return this.state === 'running' || this.state === 'paused';
  }

  get startError(): string | undefined {
    return this.#program.startError;
  }

  get writableBytes(): number {
    return this.#program.writableBytes ?? 0;
  }

  readFile(path: string, maxBytes: number): FoundFile {
    const text = this.#finishedAtMs === undefined ? undefined : this.#program.files?.[path];
    if (text === undefined) return { kind: 'none' };
    const bytes = Buffer.from(text);
    return { kind: 'file', bytes: bytes.subarray(0, maxBytes), isCut: bytes.length > maxBytes };
  }

  start(ports: readonly PublishedPort[], ip: string | undefined): void {
    this.state = 'running';
    this.ports = ports;
    this.ip = ip;
    this.error = undefined;
    this.exitCode = undefined;
    this.#isOomKilled = false;
    this.#startedAtMs = this.#clock.now();
    this.#finishedAtMs = undefined;
    this.log.open();
    this.#run = new FakeRun(this.#clock, this.#program, {
      output: (output) => this.write(output.stream, output.data),
      exit: (exitCode) => {
        this.#isOomKilled = this.#program.oomKilled === true;
        this.end(exitCode);
      },
    });
    this.#run.resume();
  }

  /** The engine could not start it. */
  refuse(error: string, exitCode: number): void {
    this.error = error;
    this.exitCode = exitCode;
  }

  /** Its first process writes this. */
  write(stream: LogChunk['stream'], data: Uint8Array | string): void {
    this.log.write(stream, data);
    for (const feed of this.#attached) feed.push({ stream, data: Buffer.from(data) });
  }

  /** The commands of what was started in it and runs. */
  get processes(): readonly (readonly string[])[] {
    return [...this.#processes].map(({ command }) => command);
  }

  exec(program: FakeCommand, command: readonly string[], options: ProcessOptions): FakeProcess {
    const process = new FakeProcess(program, command, options, (gone) => void this.#processes.delete(gone));
    this.#processes.add(process);
    return process;
  }

  /** Its first process, from now on: it has no input and no terminal. */
  attach(options: ProcessOptions): FakeProcess {
    const feed = new FakeFeed<LogChunk>({
      limit: MAX_UNREAD_CHUNKS,
      onOverflow: () => new RuntimeError('Unavailable', 'the reader of the attached output fell behind'),
    });
    this.#attached.add(feed);
    const follow: FakeCommand = async ({ write, killed }) => {
      killed.addEventListener('abort', () => feed.end(), { once: true });
      try {
        for await (const { stream, data } of feed) await write(stream, data);
      } finally {
        this.#attached.delete(feed);
      }
      return this.exitCode;
    };
    const settings = { ...options, stdin: false, tty: false };
    return new FakeProcess(follow, [], settings, () => feed.end(), 'joined');
  }

  /** Undefined when nobody listens there. */
  dial(port: number, serve: ((connection: Duplex) => void) | undefined): Duplex | undefined {
    const isEcho = this.#program.echoPorts?.includes(port) === true;
    if (serve === undefined && !isEcho) return undefined;
    const [outside, inside] = duplexPair();
    this.#connections.add(inside);
    inside.once('close', () => this.#connections.delete(inside));
    breakTogether(outside, inside);
    breakTogether(inside, outside);
    if (serve === undefined) inside.pipe(inside);
    else serve(inside);
    return outside;
  }

  stats(): ContainerStats | undefined {
    if (this.#run === undefined) return undefined;
    const { cpuCores = 0, memoryBytes = 0 } = this.#program;
    return {
      atMs: this.#clock.now(),
      cpuNanoseconds: BigInt(Math.round(this.#run.ranMs() * cpuCores * 1e6)),
      memoryBytes,
    };
  }

  /** Only what a program is made to use: this engine has no kernel. */
  figures(): ContainerFigures | undefined {
    const stats = this.stats();
    if (stats === undefined) return undefined;
    const { atMs, cpuNanoseconds, memoryBytes } = stats;
    return {
      atMs,
      group: `/fake/${this.id}`,
      ...(this.#startedAtMs === undefined ? {} : { startedAt: new Date(this.#startedAtMs).toISOString() }),
      cpuSeconds: Number(cpuNanoseconds) / 1e9,
      memoryUsageBytes: memoryBytes,
      memoryWorkingSetBytes: memoryBytes,
      memoryLimitBytes: 0,
      processes: 1,
      interfaces: [],
      devices: [],
    };
  }

  /** Every connection of the outside to its processes and ports breaks; they themselves go on. */
  loseConnections(): void {
    for (const process of this.#processes) process.lose();
    for (const feed of this.#attached) feed.fail(new RuntimeError('Unavailable', 'the connection was lost'));
    for (const connection of this.#connections) connection.destroy();
  }

  pause(): void {
    this.state = 'paused';
    this.#run?.pause();
  }

  unpause(): void {
    this.state = 'running';
    this.#run?.resume();
  }

  /** The stop signal now, KILL after the grace period: like Docker's, it goes on when nobody waits for it. */
  beginStop(gracePeriodMs: number): void {
    if (this.state === 'paused') this.unpause();
    this.#killTimer?.cancel();
    this.#killTimer = this.#clock.after(gracePeriodMs, () => this.kill());
    const { ignoresStopSignal, stopTakesMs, stopExitCode } = this.#program;
    if (ignoresStopSignal === true) return;
    const end = (): void => this.end(stopExitCode ?? EXIT_TERMINATED);
    if (stopTakesMs === undefined || stopTakesMs === 0) end();
    else this.#run?.schedule(stopTakesMs, end);
  }

  kill(options: { readonly oom?: boolean } = {}): void {
    if (!this.isRunning()) return;
    this.#isOomKilled = options.oom === true;
    this.end(EXIT_KILLED);
  }

  end(exitCode: number): void {
    if (!this.isRunning()) return;
    this.state = 'exited';
    this.exitCode = exitCode;
    this.#finishedAtMs = this.#clock.now();
    this.ports = [];
    this.ip = undefined;
    this.#run?.cancel();
    this.#run = undefined;
    this.#killTimer?.cancel();
    this.#killTimer = undefined;
    this.log.close();
    for (const process of this.#processes) process.end(EXIT_KILLED);
    for (const feed of this.#attached) feed.end();
    for (const connection of this.#connections) connection.destroy();
    this.wake();
    this.#onEnd(this);
  }

  /** Resolves at the container's next end, at a wake-up, or when the signal aborts: the caller looks again. */
  changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiters.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Lets everyone who waits for this container look again. */
  wake(): void {
    for (const waiter of this.#waiters) waiter();
    this.log.nudge();
  }

  summary(): ContainerSummary {
    return {
      id: this.id,
      name: this.name,
      labels: this.spec.labels,
      state: this.state,
      image: this.spec.image,
      imageId: this.imageId,
    };
  }

  /** RFC 3339; undefined before the first end. */
  get finishedAt(): string | undefined {
    return this.#finishedAtMs === undefined ? undefined : new Date(this.#finishedAtMs).toISOString();
  }

  detail(): ContainerDetail {
    return {
      ...this.summary(),
      createdAt: new Date(this.#createdAtMs).toISOString(),
      ...(this.#startedAtMs === undefined ? {} : { startedAt: new Date(this.#startedAtMs).toISOString() }),
      ...(this.finishedAt === undefined ? {} : { finishedAt: this.finishedAt }),
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      oomKilled: this.#isOomKilled,
      ...(this.error === undefined ? {} : { error: this.error }),
      resources: this.resources,
      ports: this.ports,
      ...(this.ip === undefined ? {} : { ip: this.ip }),
    };
  }
}

/** One end that goes away before it was done takes the other with it, as a reset does. */
function breakTogether(end: Duplex, other: Duplex): void {
  end.on('error', () => undefined);
  end.once('close', () => {
    if (!end.readableEnded || !end.writableFinished) other.destroy();
  });
}
