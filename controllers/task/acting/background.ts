/**
 * Acts that take as long as they take: a stop waits for a grace period, a pull for a network. They go on beside the
 * reconciles, at most one of a kind for each container or image, and tell when they are done.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import type { Log } from '../../../machinery/log.ts';
import type { Runtime } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import { Limiter } from './limiter.ts';

export interface BackgroundOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything under way; what the engine has begun it may finish. */
  readonly signal: AbortSignal;
}

/** Called once, with the error if there was one. */
export type Settled = (error: RuntimeError | undefined) => void;

/** Beyond the grace period: what an engine may take to kill. */
const STOP_SLACK_MS = 60_000;
const PULL_LIMIT_MS = 15 * 60_000;
const PULLS_AT_ONCE = 3;

export class Background {
  readonly #options: BackgroundOptions;
  readonly #pulls = new Map<string, Settled[]>();
  readonly #pullLimiter = new Limiter(PULLS_AT_ONCE);
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  stop(id: string, gracePeriodMs: number, settled: Settled): void {
    const { runtime, clock, signal } = this.#options;
    const bounds = { what: `stop of container ${id}`, signal, limitMs: gracePeriodMs + STOP_SLACK_MS };
    this.#run(
      withinBounds(clock, bounds, (inner) => runtime.stop(id, { gracePeriodMs }, inner)),
      settled,
    );
  }

  /** Several Tasks that want the same image wait for the same pull. */
  pull(image: string, settled: Settled): void {
    const waiting = this.#pulls.get(image);
    if (waiting !== undefined) return void waiting.push(settled);
    const all: Settled[] = [settled];
    this.#pulls.set(image, all);
    const { runtime, clock, signal } = this.#options;
    const bounds = { what: `pull of image "${image}"`, signal, limitMs: PULL_LIMIT_MS };
    const work = this.#pullLimiter.run(signal, async () => {
      await withinBounds(clock, bounds, (inner) => runtime.pull(image, inner));
    });
    this.#run(work, (error) => {
      this.#pulls.delete(image);
      for (const tell of all) tell(error);
    });
  }

  /** Resolves when nothing is under way; call it after the signal has aborted. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #run(work: Promise<void>, settled: Settled): void {
    const { signal, log } = this.#options;
    const tracked = work
      .then(
        () => settled(undefined),
        (error: unknown) => {
          if (signal.aborted) return;
          settled(toRuntimeError(error));
        },
      )
      .catch((error: unknown) => log.error({ err: error }, 'could not take note of an act that has ended'))
      .finally(() => this.#underWay.delete(tracked));
    this.#underWay.add(tracked);
  }
}

/** A `Runtime` rejects with nothing else; a bug in one must not pass for an answer of the engine. */
export function toRuntimeError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  return new RuntimeError('Failed', error instanceof Error ? error.message : String(error), { cause: error });
}
