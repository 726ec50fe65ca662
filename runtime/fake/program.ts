/** What a fake container does once it is started, and the running of it on a clock that can be paused. */
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { LogChunk } from '../../machinery/runtime.ts';

export interface FakeOutput {
  /** Milliseconds after the start. */
  readonly atMs: number;
  readonly stream: LogChunk['stream'];
  readonly data: Uint8Array | string;
}

/** The default, `{}`, runs for ever, says nothing and ends at once with 143 when asked to stop. */
export interface FakeProgram {
  /** Milliseconds after the start; absent runs until it is told to end. */
  readonly exitAfterMs?: number;
  /** For an end of its own accord; default 0. */
  readonly exitCode?: number;
  /** Only KILL ends it. */
  readonly ignoresStopSignal?: boolean;
  /** How long it takes to end after the stop signal; default 0. */
  readonly stopTakesMs?: number;
  /** For an end after the stop signal; default 143 (128 + TERM). */
  readonly stopExitCode?: number;
  readonly output?: readonly FakeOutput[];
  /** The engine refuses to start it, with these words (a command that does not exist). */
  readonly startError?: string;
  /** Cores it keeps busy while it runs; default none. */
  readonly cpuCores?: number;
  /** Memory it uses while it runs; default none. */
  readonly memoryBytes?: number;
  /** Its end of its own accord comes of memory that ran out, for itself or for a child of its. */
  readonly oomKilled?: boolean;
  /** What it has in its own layer; default nothing. */
  readonly writableBytes?: number;
  /** Files that it has written by its end: text by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** TCP ports it listens on: it sends back what it gets, and closes when the other side does. */
  readonly echoPorts?: readonly number[];
}

interface Step {
  readonly atMs: number;
  readonly act: () => void;
}

/** One run of a program: its output and its end fall due in running time, which stands still while it is paused. */
export class FakeRun {
  readonly #clock: Clock;
  readonly #steps: Step[];
  #ranMs = 0;
  #resumedAtMs: number | undefined;
  #timer: Timer | undefined;

  constructor(
    clock: Clock,
    program: FakeProgram,
    on: { readonly output: (output: FakeOutput) => void; readonly exit: (exitCode: number) => void },
  ) {
    this.#clock = clock;
    this.#steps = (program.output ?? []).map((output) => ({
      atMs: output.atMs,
      act: () => on.output(output),
    }));
    if (program.exitAfterMs !== undefined) {
      this.#steps.push({ atMs: program.exitAfterMs, act: () => on.exit(program.exitCode ?? 0) });
    }
    // Stable: output that falls on the moment of the end still comes before it.
    this.#steps.sort((a, b) => a.atMs - b.atMs);
  }

  /** Does one more thing after this much more running time. */
  schedule(delayMs: number, act: () => void): void {
    const wasRunning = this.#resumedAtMs !== undefined;
    this.pause();
    this.#steps.push({ atMs: this.#ranMs + delayMs, act });
    this.#steps.sort((a, b) => a.atMs - b.atMs);
    if (wasRunning) this.resume();
  }

  resume(): void {
    this.#resumedAtMs = this.#clock.monotonicMs();
    this.#arm();
  }

  pause(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#resumedAtMs !== undefined) this.#ranMs += this.#clock.monotonicMs() - this.#resumedAtMs;
    this.#resumedAtMs = undefined;
  }

  /** Milliseconds it has run, without its pauses. */
  ranMs(): number {
    const sinceMs = this.#resumedAtMs === undefined ? 0 : this.#clock.monotonicMs() - this.#resumedAtMs;
    return this.#ranMs + sinceMs;
  }

  cancel(): void {
    this.pause();
    this.#steps.length = 0;
  }

  #arm(): void {
    const next = this.#steps[0];
    if (next === undefined || this.#resumedAtMs === undefined) return;
    const elapsedMs = this.#ranMs + this.#clock.monotonicMs() - this.#resumedAtMs;
    this.#timer = this.#clock.after(Math.max(0, next.atMs - elapsedMs), () => {
      this.#timer = undefined;
      this.#steps.shift();
      next.act();
      if (this.#timer === undefined) this.#arm();
    });
  }
}
