/**
 * The scheduler: gives every task that wants to run a worker, the most urgent first, and says why or why not.
 *
 * It writes the Scheduled condition (and phase Pending, reason Unschedulable, while nothing fits), binds through
 * `tasks/binding`, and takes tasks of lower priority off a worker through `tasks/eviction` where one that may do so has
 * no other place. What goes where is decided in rounds (`rounds.ts`); here it is performed. It remembers nothing that
 * it could not find out again.
 */
import type { ObjectStore } from '../../client/informer.ts';
import type { Timer } from '../../machinery/clock.ts';
import { findCondition, setCondition } from '../../machinery/conditions.ts';
import { isApiError } from '../../machinery/errors.ts';
import { apiVersionOf, parseKey } from '../../machinery/meta.ts';
import { type ObjectTrace, traceOfObject } from '../../machinery/trace.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { SchedulerSettings, Task, Worker } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import {
  type Controller,
  ControllerLoop,
  done,
  postponed,
  type Result,
  requeueAfter,
} from '../engine/controller.ts';
import { UNBOUND } from '../informers.ts';
import { Ledger } from './ledger.ts';
import {
  type AttemptResult,
  type SchedulerMetrics,
  schedulerMetrics,
  type UnschedulableReason,
} from './metrics.ts';
import { restReason, type Verdict } from './plan.ts';
import { performPreemption } from './preempt.ts';
import { DEFAULT_PROFILE } from './profiles.ts';
import { type Binding, type Explanation, type Preemption, Rounds } from './rounds.ts';

export interface SchedulerSources {
  readonly tasks: ObjectStore<Task>;
  readonly workers: ObjectStore<Worker>;
  readonly schedulerSettings: ObjectStore<SchedulerSettings>;
}

/** The one object of its kind. */
const SETTINGS = 'default';
/** Changes of workers and freed room within this time lead to one round. */
const WAKE_DELAY_MS = 20;
/** With more waiting tasks than this, room that has become free waits for that round. */
const AT_ONCE = 200;
/** Nobody is told why it waits while others wait to be bound. */
const EXPLAIN_LATER_MS = 50;
/** A message of which only the figures moved is rewritten at most this often, and no more than that behind; */
const EXPLAIN_EVERY_MS = 10_000;
/** where more tasks than this wait, the time grows with them. */
const EXPLAIN_AT_ONCE = 500;
/** Whatever was missed: a waiting task is looked at again after this long. */
const RECHECK_MS = 60_000;
const ASSUME_FOR_MS = 30_000;
const TOLD_CANDIDATES = 20;

/** Bindings wait for the store; decisions do not, so several may be under way at once. */
const CONCURRENCY = 4;
/** The longest is short: a store that takes no writes may take them again at any time. */
const BACKOFF = { baseMs: 5, maxMs: 10_000 };

export function openScheduler(context: ControllerContext, sources: SchedulerSources): ControllerLoop {
  const scheduler = new Scheduler(context, sources);
  const loop = new ControllerLoop(scheduler, { ...context, concurrency: CONCURRENCY, backoff: BACKOFF });
  scheduler.attach(loop);
  return loop;
}

class Scheduler implements Controller {
  readonly name = 'scheduler';
  readonly resource = tasks;
  readonly #context: ControllerContext;
  readonly #sources: SchedulerSources;
  readonly #metrics: SchedulerMetrics;
  readonly #ledger: Ledger;
  readonly #rounds: Rounds;
  /** Waiting task -> when its condition was last written, monotonic. */
  readonly #explainedAtMs = new Map<string, number>();
  /** Waiting task -> what workers said against it when it was last told why it waits. */
  readonly #unfit = new Map<string, readonly UnschedulableReason[]>();
  readonly #wakeTimers = new Map<'soon' | 'later', Timer>();
  #isStopped = false;
  #enqueue: (key: string) => void = () => undefined;
  #isBackingOff: (key: string) => boolean = () => false;

  constructor(context: ControllerContext, sources: SchedulerSources) {
    this.#context = context;
    this.#sources = sources;
    // Of a scheduler that has stopped nothing waits here: whoever leads then says how much does.
    this.#metrics = schedulerMetrics(context.metrics, {
      pending: () => (this.#isStopped ? 0 : sources.tasks.byIndex(UNBOUND, 'true').length),
      unschedulable: () => (this.#isStopped ? [] : this.#unfit.values()),
    });
    this.#ledger = new Ledger({
      clock: context.clock,
      assumeForMs: ASSUME_FOR_MS,
      onFreed: (worker) => this.#freed(worker),
      onTaken: () => this.#wake('later'),
      onForgotten: (key) => this.#enqueue(key),
    });
    this.#rounds = new Rounds({
      clock: context.clock,
      ledger: this.#ledger,
      workers: sources.workers,
      profile: () => sources.schedulerSettings.get(SETTINGS)?.spec?.profile ?? DEFAULT_PROFILE,
    });
  }

  attach(loop: ControllerLoop): void {
    this.#enqueue = (key) => loop.enqueue(key);
    this.#isBackingOff = (key) => loop.isBackingOff(key);
    this.#sources.tasks.onChange((key, task, old) => {
      this.#ledger.observe(key, task, old);
      this.#rounds.observe(key, task);
      if (task === undefined) this.#forget(key);
      else loop.enqueue(key);
    });
    this.#sources.workers.onChange((name) => this.#freed(name));
  }

  #freed(worker: string): void {
    this.#rounds.workerChanged(worker);
    this.#wake('soon');
    this.#wake('later');
  }

  /** `soon`: a round, for room that has become free. `later`: everybody hears how things are now. */
  #wake(when: 'soon' | 'later'): void {
    if (this.#isStopped || this.#wakeTimers.has(when)) return;
    const timer = this.#context.clock.after(when === 'soon' ? WAKE_DELAY_MS : EXPLAIN_EVERY_MS, () => {
      this.#wakeTimers.delete(when);
      if (when === 'soon') this.#round();
      else for (const key of this.#rounds.keys()) this.#enqueue(key);
    });
    this.#wakeTimers.set(when, timer);
  }

  #round(): void {
    // Not before it is known how workers are to be compared.
    if (!this.#sources.schedulerSettings.hasSynced) return this.#wake('soon');
    for (const key of this.#rounds.decide()) this.#enqueue(key);
    if (this.#rounds.isDue) this.#wake('soon');
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#wakeTimers.values()) timer.cancel();
    this.#wakeTimers.clear();
    this.#ledger.close();
  }

  traceOf(key: string): ObjectTrace | undefined {
    return traceOfObject(this.#sources.tasks.get(key)?.metadata);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const task = this.#sources.tasks.get(key);
    if (task === undefined) {
      this.#rounds.release(key);
      return done;
    }
    const rest = restReason(task);
    if (rest !== undefined) {
      this.#rounds.release(key);
      this.#forget(key);
      if (this.#rounds.take(key)?.kind === 'bind') this.#ledger.forget(task.metadata.uid ?? '');
      if (rest === 'Bound') await this.#confirm(task, signal);
      if (rest === 'Stopped') await this.#rest(task, signal);
      return done;
    }
    // Its last binding or preemption failed: until its backoff is over no round of the others decides on it again.
    if (this.#rounds.isHeld(key) && this.#isBackingOff(key)) return postponed();
    this.#rounds.release(key);
    // Also one whose binding has failed, or was never seen: it waits again.
    this.#rounds.observe(key, task);
    this.#rounds.reopenAfter(key, RECHECK_MS);
    if (this.#rounds.isDue && (this.#rounds.size <= AT_ONCE || !this.#rounds.hasFreed)) this.#round();
    const decision = this.#rounds.take(key);
    switch (decision?.kind) {
      case 'bind':
        // An assumption that has run out in the queue: the task is decided anew, with the others.
        if (!this.#ledger.isAssumed(task)) return requeueAfter(0);
        await this.#measured(key, 'scheduled', () => this.#bind(key, task, decision, signal));
        this.#unfit.delete(key);
        return done;
      case 'preempt':
        await this.#preempt(key, task, decision, signal);
        break;
      case undefined:
        // Our own binding is on its way to this copy, or the next round looks at it.
        if (this.#ledger.isAssumed(task)) return done;
        if (this.#rounds.isOpen(key)) return postponed();
        if (this.#rounds.undone > 0) return requeueAfter(EXPLAIN_LATER_MS);
    }
    const waitMs = this.#untilExplained(key, task);
    if (waitMs > 0) return requeueAfter(waitMs);
    this.#explainedAtMs.set(key, this.#context.clock.monotonicMs());
    const explanation = this.#rounds.explain(key);
    if (explanation === undefined) {
      this.#unfit.delete(key);
      return done;
    }
    this.#unfit.set(key, unfitReasons(explanation.verdicts));
    return this.#measured(key, 'unschedulable', () => this.#explain(task, explanation, signal));
  }

  async #preempt(key: string, task: Task, decision: Preemption, signal: AbortSignal): Promise<void> {
    const { uid = '' } = task.metadata;
    try {
      await performPreemption(this.#context, this.#sources.tasks, { key, task, decision }, signal);
      this.#metrics.victims.inc(decision.victims.length);
      // That is news, however short ago something else was said.
      this.#explainedAtMs.delete(key);
    } catch (error) {
      // Who is not as it was planned on is left alone; what is left to do is planned anew.
      this.#rounds.hold(key);
      this.#ledger.nominations.break(uid);
      throw error;
    }
  }

  async #bind(key: string, task: Task, plan: Binding, signal: AbortSignal): Promise<void> {
    const { name, namespace, uid = '' } = task.metadata;
    this.#ledger.assume(key, task, plan.worker, plan.epoch);
    try {
      await this.#context.client.post(
        tasks,
        parseKey(key),
        'binding',
        {
          apiVersion: apiVersionOf(tasks),
          kind: 'Binding',
          metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
          target: { name: plan.worker },
          epoch: plan.epoch,
        },
        { signal },
      );
    } catch (error) {
      this.#ledger.forget(uid);
      if (isApiError(error, 'NotFound') && this.#sources.tasks.get(key) === undefined) return;
      this.#rounds.hold(key);
      this.#metrics.bindErrors.inc({ reason: isApiError(error) ? error.reason : 'Unknown' });
      throw error;
    }
    this.#context.recorder.record({
      object: task,
      type: 'Normal',
      reason: 'Scheduled',
      message: `bound to worker ${plan.worker}: ${plan.reason}`,
      decision: {
        inputs: {
          asks: asksOf(task),
          workers: plan.verdicts.length,
          profile: plan.profile,
          previousWorker: task.status?.workerName,
        },
        verdict: plan.verdicts.slice(0, TOLD_CANDIDATES).map(verdictText),
        action: `bind to ${plan.worker} in epoch ${plan.epoch}`,
      },
    });
  }

  /** The condition of a bound task, also of one bound by somebody else or before a crash. */
  async #confirm(task: Task, signal: AbortSignal): Promise<void> {
    if (task.metadata.deletionTimestamp !== undefined) return;
    const isStale = ['Unschedulable', 'Preempted'].includes(task.status?.reason ?? '');
    const conditions = setCondition(
      task.status?.conditions,
      {
        type: 'Scheduled',
        status: 'True',
        reason: 'Bound',
        message: `bound to worker ${task.spec.workerName ?? ''}`,
      },
      this.#context.clock.now(),
    );
    if (conditions === task.status?.conditions && !isStale) return;
    const { reason: _reason, message: _message, ...rest } = task.status ?? {};
    const kept = isStale ? rest : task.status;
    await this.#writeStatus(task, { phase: 'Pending', ...kept, conditions: [...conditions] }, signal);
  }

  /** A task that was never to run has no worker that could say so. */
  async #rest(task: Task, signal: AbortSignal): Promise<void> {
    const { metadata, status } = task;
    if (status?.workerName !== undefined) return;
    if (status?.phase === 'Stopped' && status.observedGeneration === metadata.generation) return;
    const words = { reason: 'Stopped', message: 'desiredState is Stopped' };
    const ready = { type: 'Ready', status: 'False', ...words } as const;
    const conditions = [...setCondition(status?.conditions, ready, this.#context.clock.now())];
    const observedGeneration = metadata.generation ?? 1;
    const resting = { ...status, ...words, phase: 'Stopped', observedGeneration, conditions } as const;
    await this.#writeStatus(task, resting, signal);
  }

  async #explain(task: Task, plan: Explanation, signal: AbortSignal): Promise<Result> {
    const { clock, recorder } = this.#context;
    const before = findCondition(task.status?.conditions, 'Scheduled');
    if (isTold(task) && before?.message === plan.message) return requeueAfter(RECHECK_MS);
    const conditions = setCondition(
      task.status?.conditions,
      { type: 'Scheduled', status: 'False', reason: 'Unschedulable', message: plan.message },
      clock.now(),
    );
    await this.#writeStatus(
      task,
      {
        ...task.status,
        phase: 'Pending',
        reason: 'Unschedulable',
        message: plan.message,
        conditions: [...conditions],
      },
      signal,
    );
    recorder.record({
      object: task,
      type: 'Warning',
      reason: 'FailedScheduling',
      message: plan.message,
      decision: {
        inputs: { asks: asksOf(task), workers: plan.verdicts.length },
        verdict: plan.verdicts.slice(0, TOLD_CANDIDATES).map(verdictText),
        action: 'wait until a worker changes or room becomes free',
      },
    });
    return requeueAfter(RECHECK_MS);
  }

  /** Above 0: it was told a short while ago why it waits. */
  #untilExplained(key: string, task: Task): number {
    const explainedAtMs = this.#explainedAtMs.get(key);
    if (explainedAtMs === undefined || !isTold(task)) return 0;
    const everyMs = EXPLAIN_EVERY_MS * Math.max(1, this.#rounds.size / EXPLAIN_AT_ONCE);
    return explainedAtMs + everyMs - this.#context.clock.monotonicMs();
  }

  async #writeStatus(task: Task, status: NonNullable<Task['status']>, signal: AbortSignal): Promise<void> {
    try {
      await this.#context.client.update(tasks, { ...task, status }, { subresource: 'status', signal });
    } catch (error) {
      // Deleted in the meantime: there is nobody left to tell.
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  #forget(key: string): void {
    this.#explainedAtMs.delete(key);
    this.#unfit.delete(key);
  }

  async #measured<T>(key: string, result: AttemptResult, attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    let outcome: AttemptResult = 'error';
    try {
      const answer = await attempt();
      outcome = result;
      return answer;
    } finally {
      this.#metrics.attempts.inc({ result: outcome });
      const seconds = (clock.monotonicMs() - startMs) / 1000;
      this.#metrics.attemptSeconds.observe({ result: outcome }, seconds);
      const { traceId } = this.traceOf(key) ?? {};
      if (traceId !== undefined)
        this.#metrics.exemplars.series({ result: outcome }).observe(seconds, traceId, clock.now());
    }
  }
}

function isTold({ status }: Task): boolean {
  const before = findCondition(status?.conditions, 'Scheduled');
  return before?.reason === 'Unschedulable' && status?.reason === 'Unschedulable';
}

/** Each once, however many workers gave it. */
function unfitReasons(verdicts: readonly Verdict[]): readonly UnschedulableReason[] {
  if (verdicts.length === 0) return ['NoWorkers'];
  return [...new Set(verdicts.flatMap((verdict) => (verdict.fits ? [] : [verdict.reason])))];
}

function asksOf(task: Task): Record<string, unknown> {
  return {
    resources: task.spec.resources,
    hostPorts: task.spec.ports?.flatMap((port) => (port.hostPort === undefined ? [] : [port.hostPort])),
    workerSelector: task.spec.workerSelector,
  };
}

function verdictText(verdict: Verdict): string {
  return verdict.fits
    ? `${verdict.worker} fits, ${verdict.words}${verdict.isPrevious ? ', ran there before' : ''}`
    : `${verdict.worker} ${verdict.reason} (${verdict.detail})`;
}
