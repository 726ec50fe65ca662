/**
 * Acts that take as long as they take: a stop waits for a grace period, a pull for a network, a hook for a container.
 * They go on beside the reconciles, at most one of a kind for each container or image, and tell when they are done.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { messageOf, RuntimeError } from '../../../machinery/errors.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import type { Log } from '../../../machinery/log.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import type { RegistryAuth, Runtime } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { Hook, HookRunner } from '../services.ts';
import { type OnPullProgress, type PullSettings, Pulls } from './pulls.ts';

export interface BackgroundOptions {
  readonly runtime: Runtime;
  readonly hooks: HookRunner;
  readonly clock: Clock;
  readonly log: Log;
  readonly pulls: PullSettings;
  readonly metrics: Metrics;
  /** Ends everything under way; what the engine has begun it may finish. */
  readonly signal: AbortSignal;
}

/** Called once, with the error if there was one. */
export type Settled = (error: RuntimeError | undefined) => void;

/** What is done before the stop signal. */
export interface PreStop {
  readonly task: Task;
  readonly hook: Hook;
  /** Told at once: the stop goes on all the same. */
  readonly onFailed: (why: string) => void;
}

/** Beyond the grace period: what an engine may take to kill. */
const STOP_SLACK_MS = 60_000;
/** Whatever preStop took of the grace period, the stop signal is given this long: the kubelet's rule. */
const LEAST_GRACE_MS = 2_000;
/** Each reads a log and writes it: more at once would only make each of them slower. */
const REMOVALS_AT_ONCE = 2;
/** Kubernetes bounds no postStart hook; here it ends with this, beyond what it says itself that it waits. */
const POST_START_LIMIT_MS = 15 * 60_000;

export class Background {
  readonly #options: BackgroundOptions;
  readonly #pulls: Pulls;
  /** By container: the hook under way. */
  readonly #hooks = new Map<string, AbortController>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #removals = new Limiter(REMOVALS_AT_ONCE);

  constructor(options: BackgroundOptions) {
    this.#options = options;
    const { runtime, clock, pulls, metrics, signal } = options;
    this.#pulls = new Pulls({ runtime, clock, settings: pulls, metrics, signal });
  }

  /** The preStop hook first, then the stop signal with what is left of the grace period. */
  stop(id: string, gracePeriodMs: number, preStop: PreStop | undefined, settled: Settled): void {
    const { runtime, clock, signal } = this.#options;
    // Another stop of the container comes because it is to end sooner: no hook holds that up.
    this.#hooks.get(id)?.abort(new Error('the container is being stopped'));
    const limitMs = gracePeriodMs + STOP_SLACK_MS;
    const stopIt = (graceMs: number): Promise<void> =>
      withinBounds(clock, { what: `stop of container ${id}`, signal, limitMs }, (inner) =>
        runtime.stop(id, { gracePeriodMs: graceMs }, inner),
      );
    const work = async (): Promise<void> => {
      if (preStop === undefined) return stopIt(gracePeriodMs);
      const begunMs = clock.monotonicMs();
      await this.#preStop(id, preStop, gracePeriodMs);
      signal.throwIfAborted();
      return stopIt(Math.max(LEAST_GRACE_MS, gracePeriodMs - (clock.monotonicMs() - begunMs)));
    };
    this.#run(work(), settled);
  }

  /** Not settled when the container is stopped in the meantime: then nobody waits for it. */
  postStart(id: string, task: Task, hook: Hook, settled: Settled): void {
    const limitMs = POST_START_LIMIT_MS + (hook.sleep?.seconds ?? 0) * 1000;
    const ended = new AbortController();
    const work = this.#hook(id, ended, 'postStart', limitMs, task, hook);
    this.#run(work, (error) => {
      if (!ended.signal.aborted) settled(error);
    });
  }

  /** First come, first served: many that go at once wait here, and hold up no reconcile. */
  remove(work: (signal: AbortSignal) => Promise<void>, settled: Settled): void {
    const { signal } = this.#options;
    this.#run(
      this.#removals.run(signal, () => work(signal)),
      settled,
    );
  }

  /** @param settled with what to say of a pull that went well. */
  pull(
    image: string,
    auths: readonly RegistryAuth[],
    onProgress: OnPullProgress,
    settled: (error: RuntimeError | undefined, words?: string) => void,
  ): void {
    let words: string | undefined;
    const work = async (): Promise<void> => {
      words = await this.#pulls.pull(image, auths, onProgress);
    };
    this.#run(work(), (error) => settled(error, words));
  }

  /** Resolves when nothing is under way; call it after the signal has aborted. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  async #preStop(id: string, { task, hook, onFailed }: PreStop, limitMs: number): Promise<void> {
    const ended = new AbortController();
    try {
      await this.#hook(id, ended, 'preStop', limitMs, task, hook);
    } catch (error) {
      if (!this.#options.signal.aborted && !ended.signal.aborted) onFailed(messageOf(error));
    }
  }

  async #hook(
    id: string,
    ended: AbortController,
    what: string,
    limitMs: number,
    task: Task,
    hook: Hook,
  ): Promise<void> {
    const { hooks, clock } = this.#options;
    const signal = AbortSignal.any([this.#options.signal, ended.signal]);
    this.#hooks.set(id, ended);
    try {
      const bounds = { what: `${what} hook of container ${id}`, signal, limitMs };
      await withinBounds(clock, bounds, (inner) => hooks.run(task, id, hook, inner));
    } finally {
      if (this.#hooks.get(id) === ended) this.#hooks.delete(id);
    }
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
