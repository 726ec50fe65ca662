/**
 * The scheduler: gives every task that wants to run a worker, and says why or why not.
 *
 * It writes the Scheduled condition (and phase Pending, reason Unschedulable, while nothing fits) and binds through
 * `tasks/binding`. It remembers nothing that it could not find out again.
 */
import type { ObjectStore } from '../../client/informer.ts';
import type { Timer } from '../../machinery/clock.ts';
import { findCondition, setCondition } from '../../machinery/conditions.ts';
import { isApiError } from '../../machinery/errors.ts';
import { ANNOTATION_TRACE } from '../../machinery/labels.ts';
import { apiVersionOf, keyOf, keyString, parseKey } from '../../machinery/meta.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { UNBOUND } from '../informers.ts';
import { Ledger } from './ledger.ts';
import { type AttemptResult, type SchedulerMetrics, schedulerMetrics } from './metrics.ts';
import { type Plan, planSchedule, type Verdict } from './plan.ts';

export interface SchedulerSources {
  readonly tasks: ObjectStore<Task>;
  readonly workers: ObjectStore<Worker>;
}

/** Changes of workers and freed room within this time wake the waiting tasks once. */
const WAKE_DELAY_MS = 20;
/** A message of which only the figures moved is rewritten at most this often, and no more than that behind. */
const EXPLAIN_EVERY_MS = 10_000;
/** Whatever was missed: a waiting task is looked at again after this long. */
const RECHECK_MS = 60_000;
const ASSUME_FOR_MS = 30_000;
const TOLD_CANDIDATES = 20;

/** Bindings wait for the store; decisions do not, so several may be under way at once. */
const CONCURRENCY = 4;

export function openScheduler(context: ControllerContext, sources: SchedulerSources): ControllerLoop {
  const scheduler = new Scheduler(context, sources);
  const loop = new ControllerLoop(scheduler, { ...context, concurrency: CONCURRENCY });
  scheduler.attach(loop);
  return loop;
}

class Scheduler implements Controller {
  readonly name = 'scheduler';
  readonly #context: ControllerContext;
  readonly #sources: SchedulerSources;
  readonly #metrics: SchedulerMetrics;
  readonly #ledger: Ledger;
  /** Waiting task -> when its condition was last written, monotonic. */
  readonly #explainedAtMs = new Map<string, number>();
  readonly #wakeTimers = new Map<'soon' | 'later', Timer>();
  #isStopped = false;
  #wake: (when: 'soon' | 'later') => void = () => undefined;

  constructor(context: ControllerContext, sources: SchedulerSources) {
    this.#context = context;
    this.#sources = sources;
    // Of a scheduler that has stopped nothing waits here: whoever leads then says how much does.
    this.#metrics = schedulerMetrics(context.metrics, () =>
      this.#isStopped ? 0 : sources.tasks.byIndex(UNBOUND, 'true').length,
    );
    this.#ledger = new Ledger({
      clock: context.clock,
      assumeForMs: ASSUME_FOR_MS,
      onFreed: () => this.#wake('soon'),
      onTaken: () => this.#wake('later'),
    });
  }

  attach(loop: ControllerLoop): void {
    const { clock } = this.#context;
    this.#wake = (when) => {
      if (this.#isStopped || this.#wakeTimers.has(when)) return;
      const timer = clock.after(when === 'soon' ? WAKE_DELAY_MS : EXPLAIN_EVERY_MS, () => {
        this.#wakeTimers.delete(when);
        for (const task of this.#sources.tasks.byIndex(UNBOUND, 'true')) loop.enqueue(keyString(keyOf(task)));
      });
      this.#wakeTimers.set(when, timer);
    };
    this.#sources.tasks.onChange((key, task, old) => {
      this.#ledger.observe(key, task, old);
      if (task === undefined) this.#explainedAtMs.delete(key);
      else loop.enqueue(key);
    });
    this.#sources.workers.onChange(() => this.#wake('soon'));
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#wakeTimers.values()) timer.cancel();
    this.#wakeTimers.clear();
    this.#ledger.close();
  }

  traceOf(key: string): string | undefined {
    return this.#sources.tasks.get(key)?.metadata.annotations?.[ANNOTATION_TRACE];
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const task = this.#sources.tasks.get(key);
    if (task === undefined) return done;
    // Our own binding is on its way to this copy: deciding again now would decide from the past.
    if (this.#ledger.isAssumed(task)) return done;
    const candidates = this.#sources.workers.list().map((worker) => this.#ledger.candidate(worker));
    const plan = planSchedule(task, candidates);
    switch (plan.kind) {
      case 'nothing':
        this.#explainedAtMs.delete(key);
        if (plan.reason === 'Bound') await this.#confirm(task, signal);
        if (plan.reason === 'Stopped') await this.#rest(task, signal);
        return done;
      case 'bind':
        await this.#measured('scheduled', () => this.#bind(key, task, plan, signal));
        return done;
      case 'unschedulable':
        return this.#measured('unschedulable', () => this.#explain(key, task, plan, signal));
    }
  }

  async #bind(
    key: string,
    task: Task,
    plan: Extract<Plan, { kind: 'bind' }>,
    signal: AbortSignal,
  ): Promise<void> {
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
    const isStale = task.status?.reason === 'Unschedulable';
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

  async #explain(
    key: string,
    task: Task,
    plan: Extract<Plan, { kind: 'unschedulable' }>,
    signal: AbortSignal,
  ): Promise<Result> {
    const { clock, recorder } = this.#context;
    const before = findCondition(task.status?.conditions, 'Scheduled');
    const isToldAlready = before?.reason === 'Unschedulable' && task.status?.reason === 'Unschedulable';
    if (isToldAlready && before.message === plan.message) return requeueAfter(RECHECK_MS);
    const explainedAtMs = this.#explainedAtMs.get(key);
    const waitMs = explainedAtMs === undefined ? 0 : explainedAtMs + EXPLAIN_EVERY_MS - clock.monotonicMs();
    if (isToldAlready && waitMs > 0) return requeueAfter(waitMs);
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
    this.#explainedAtMs.set(key, clock.monotonicMs());
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

  async #writeStatus(task: Task, status: NonNullable<Task['status']>, signal: AbortSignal): Promise<void> {
    try {
      await this.#context.client.update(tasks, { ...task, status }, { subresource: 'status', signal });
    } catch (error) {
      // Deleted in the meantime: there is nobody left to tell.
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  async #measured<T>(result: AttemptResult, attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.#context;
    const startMs = clock.monotonicMs();
    let outcome: AttemptResult = 'error';
    try {
      const answer = await attempt();
      outcome = result;
      return answer;
    } finally {
      this.#metrics.attempts.inc({ result: outcome });
      this.#metrics.attemptSeconds.observe({ result: outcome }, (clock.monotonicMs() - startMs) / 1000);
    }
  }
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
    ? `${verdict.worker} fits, load ${verdict.load}${verdict.isPrevious ? ', ran there before' : ''}`
    : `${verdict.worker} ${verdict.reason} (${verdict.detail})`;
}
