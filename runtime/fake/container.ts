/** One container on the fake engine: its states and what it shows of itself. Changes are made by the engine alone. */
import type { Clock, Timer } from '../../machinery/clock.ts';
import type {
  ContainerDetail,
  ContainerSpec,
  ContainerState,
  ContainerSummary,
  PublishedPort,
  Resources,
} from '../../machinery/runtime.ts';
import { FakeLog } from './log.ts';
import { type FakeProgram, FakeRun } from './program.ts';

const EXIT_TERMINATED = 143;

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
    this.log = new FakeLog(clock);
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
      output: (output) => this.log.write(output.stream, output.data),
      exit: (exitCode) => this.end(exitCode),
    });
    this.#run.resume();
  }

  /** The engine could not start it. */
  refuse(error: string, exitCode: number): void {
    this.error = error;
    this.exitCode = exitCode;
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
    this.end(137);
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
