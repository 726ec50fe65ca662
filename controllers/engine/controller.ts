/**
 * The reconcile loop itself, the same for every controller.
 *
 * A controller says what to do with one key; the loop decides when, how often and how many at once. It promises:
 * - a key is never reconciled twice at once, and a change during a reconcile leads to another one;
 * - the retry policy lives here and nowhere else: an error comes back after a growing delay, `requeueAfter` forgets
 *   earlier failures and comes back in time, `postponed` tried nothing and leaves failures and backoff as they are,
 *   `TerminalError` waits until somebody adds the key again;
 * - whatever a reconcile throws, the loop and the process go on; and so they do where one asks to be called again at once,
 *   for ever: then it is called ever more seldom;
 * - each reconcile has a trace, a deadline and a log line; stopping lets running ones finish, within a bound.
 */
import type { Clock } from '../../machinery/clock.ts';
import { isApiError, messageOf, TerminalError } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import { objectPath } from '../../machinery/meta.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import { newTrace, type ObjectTrace, type Trace, withTrace } from '../../machinery/trace.ts';
import { type EngineMetrics, engineMetrics } from './metrics.ts';
import { type BackoffOptions, WorkQueue } from './workqueue.ts';

export type Result =
  | { readonly kind: 'done' }
  /** All is well; look again after this long even if nothing happens. */
  | { readonly kind: 'requeueAfter'; readonly delayMs: number }
  /**
   * Its turn has not come: nothing was tried, so earlier failures still count and their backoff goes on. Who has it wait
   * enqueues it; without that it is looked at when its backoff is over, and after `delayMs` at the latest.
   */
  | { readonly kind: 'postponed'; readonly delayMs?: number };

export const done: Result = { kind: 'done' };

export function requeueAfter(delayMs: number): Result {
  return { kind: 'requeueAfter', delayMs };
}

export function postponed(delayMs?: number): Result {
  return delayMs === undefined ? { kind: 'postponed' } : { kind: 'postponed', delayMs };
}

export interface Controller {
  /** Lower-case words joined by hyphens: the label of its metrics and log lines. */
  readonly name: string;
  /** What its keys are of; absent where each key says so itself, or is of no object. */
  readonly resource?: { readonly group: string; readonly plural: string };
  /**
   * One look at one key (`namespace/name`, or `name` for cluster-scoped objects): observe, plan, perform.
   * Reads the newest object itself: the key says nothing about what happened. Throws to be called again later.
   */
  reconcile(key: string, signal: AbortSignal): Promise<Result>;
  /** Of the request behind the key's object, if known: the reconcile runs in that trace, and its log lines say so. */
  traceOf?(key: string): ObjectTrace | undefined;
  /** Called once its loop has stopped: ends timers of its own. */
  stop?(): void;
}

export interface LoopOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Reconciles at once; default 1. */
  readonly concurrency?: number;
  /** A reconcile's signal aborts after this long; default 60 s. */
  readonly deadlineMs?: number;
  /** After a stop, running reconciles get this long before their signal aborts; default 5 s. */
  readonly stopGraceMs?: number;
  readonly backoff?: BackoffOptions;
}

/** After its signal has aborted at a stop, a reconcile is waited for this long and no longer. */
const ABANDON_MS = 1_000;
/** Sooner than this is at once. */
const AT_ONCE_MS = 5;
/** So often in a row a key may come back at once; then the time in between doubles, up to the longest. */
const MOST_AT_ONCE = 16;
const LONGEST_PAUSE_MS = 1_000;

export class ControllerLoop {
  readonly #controller: Controller;
  readonly #options: LoopOptions;
  readonly #log: Log;
  readonly #metrics: EngineMetrics;
  readonly #queue: WorkQueue;
  /** By key: how often in a row it asked to be called again at once. */
  readonly #atOnce = new Map<string, number>();

  constructor(controller: Controller, options: LoopOptions) {
    this.#controller = controller;
    this.#options = options;
    this.#log = options.log.child({ controller: controller.name });
    this.#metrics = engineMetrics(options.metrics);
    this.#queue = new WorkQueue({
      name: controller.name,
      clock: options.clock,
      metrics: options.metrics,
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    });
  }

  get name(): string {
    return this.#controller.name;
  }

  /** Look at this key soon. */
  enqueue(key: string): void {
    this.#queue.add(key);
  }

  /** Look at this key after `delayMs` at the latest. */
  enqueueAfter(key: string, delayMs: number): void {
    this.#queue.addAfter(key, delayMs);
  }

  /** True while the key has failed and its backoff is not over, whoever has enqueued it meanwhile. */
  isBackingOff(key: string): boolean {
    return this.#queue.backoffLeftMs(key) > 0;
  }

  /** True when no key waits and none is being worked on; keys with a later time do not count. */
  get isIdle(): boolean {
    return this.#queue.depth === 0 && this.#queue.processing().length === 0;
  }

  /** Works until the signal aborts; resolves once running reconciles have ended, or their bound has passed. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, concurrency = 1, stopGraceMs = 5_000 } = this.#options;
    const name = { controller: this.name };
    this.#metrics.maxWorkers.set(name, concurrency);
    const kill = new AbortController();
    const workers = Promise.all(
      Array.from({ length: concurrency }, () => this.#work(signal, kill.signal)),
    ).then(() => true);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#queue.shutDown();
    const killTimer = clock.after(stopGraceMs, () => kill.abort(new Error('the controller is stopping')));
    let giveUp: () => void = () => undefined;
    const abandoned = new Promise<boolean>((resolve) => {
      giveUp = () => resolve(false);
    });
    const abandonTimer = clock.after(stopGraceMs + ABANDON_MS, giveUp);
    const isFinished = await Promise.race([workers, abandoned]);
    killTimer.cancel();
    abandonTimer.cancel();
    this.#controller.stop?.();
    if (!isFinished) {
      this.#log.error({ keys: this.#queue.processing() }, 'stopped without these reconciles having ended');
    }
  }

  async #work(stop: AbortSignal, kill: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.take(stop);
      if (key === undefined) return;
      try {
        await this.#reconcile(key, kill);
      } finally {
        this.#queue.done(key);
      }
    }
  }

  async #reconcile(key: string, kill: AbortSignal): Promise<void> {
    const { clock, deadlineMs = 60_000 } = this.#options;
    const name = { controller: this.name };
    const deadline = new AbortController();
    const timer = clock.after(deadlineMs, () => {
      this.#log.warn({ key, deadlineMs }, 'reconcile passed its deadline and was told to end');
      deadline.abort(new Error(`reconcile of ${key} passed its deadline of ${deadlineMs} ms`));
    });
    const startMs = clock.monotonicMs();
    this.#metrics.activeWorkers.inc(name);
    try {
      const signal = AbortSignal.any([kill, deadline.signal]);
      await withTrace(this.#traceFor(key), () => this.#attempt(key, signal, startMs));
    } finally {
      timer.cancel();
      this.#metrics.activeWorkers.dec(name);
      this.#metrics.reconcileSeconds.observe(name, (clock.monotonicMs() - startMs) / 1000);
    }
  }

  /** The retry policy. */
  async #attempt(key: string, signal: AbortSignal, startMs: number): Promise<void> {
    const { clock } = this.#options;
    const took = (): number => Math.round(clock.monotonicMs() - startMs);
    try {
      const result = await this.#controller.reconcile(key, signal);
      this.#metrics.reconciles.inc({ controller: this.name, result: this.#follow(key, result) });
      this.#log.debug({ key, ms: took(), ...result }, 'reconciled');
    } catch (error) {
      this.#metrics.reconcileErrors.inc({ controller: this.name });
      this.#atOnce.delete(key);
      if (error instanceof TerminalError) {
        this.#queue.forget(key);
        this.#metrics.terminalErrors.inc({ controller: this.name });
        this.#metrics.reconciles.inc({ controller: this.name, result: 'terminal_error' });
        this.#log.error(
          { key, ms: took(), err: error },
          `not tried again until it changes: ${error.message}`,
        );
        return;
      }
      const retryInMs = this.#queue.addRateLimited(key);
      this.#metrics.reconciles.inc({ controller: this.name, result: 'error' });
      // Somebody else wrote first: the ordinary way of optimistic concurrency, not worth a warning.
      const level = isApiError(error, 'Conflict') ? 'debug' : 'warn';
      this.#log[level]({ key, ms: took(), retryInMs, err: error }, `reconcile failed: ${messageOf(error)}`);
    }
  }

  /** @returns the word for it in the metrics. */
  #follow(key: string, result: Result): string {
    if (result.kind !== 'requeueAfter') this.#atOnce.delete(key);
    switch (result.kind) {
      case 'done':
        this.#queue.forget(key);
        return 'success';
      case 'requeueAfter':
        this.#queue.forget(key);
        this.#queue.addAfter(key, this.#patience(key, result.delayMs));
        return 'requeue_after';
      case 'postponed': {
        const leftMs = this.#queue.backoffLeftMs(key);
        if (leftMs > 0) this.#queue.addAfter(key, leftMs);
        if (result.delayMs !== undefined) this.#queue.addAfter(key, result.delayMs);
        return 'postponed';
      }
    }
  }

  /**
   * When to come back. Reconciles that wait for nothing but promises, one after the other, would leave no turn to sockets
   * and timers, and so stop everything else in the process.
   */
  #patience(key: string, delayMs: number): number {
    if (delayMs >= AT_ONCE_MS) {
      this.#atOnce.delete(key);
      return delayMs;
    }
    const times = (this.#atOnce.get(key) ?? 0) + 1;
    this.#atOnce.set(key, times);
    const surplus = times - MOST_AT_ONCE;
    if (surplus <= 0) return delayMs > 0 ? delayMs : 0;
    if (surplus === 1) {
      this.#log.warn({ key, times }, 'asks again and again to be called at once: it is called more seldom');
    }
    return Math.min(AT_ONCE_MS * 2 ** Math.min(surplus, 20), LONGEST_PAUSE_MS);
  }

  #traceFor(key: string): Trace {
    const { resource } = this.#controller;
    const object = resource === undefined ? key : objectPath(resource, key);
    const fresh = { ...newTrace(this.#options.random), object };
    try {
      const { traceId = fresh.traceId, ...work } = this.#controller.traceOf?.(key) ?? {};
      return { ...fresh, traceId, work };
    } catch (error) {
      this.#log.warn({ key, err: error }, `cannot tell the trace: ${messageOf(error)}`);
      return fresh;
    }
  }
}
