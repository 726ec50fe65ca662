/**
 * Watches the workers' leases and says Unknown of a worker, and of the tasks bound to it, that is silent for too long.
 * Before it says so it reads the lease itself: a watch that lags is no reason to declare anybody lost.
 */
import type { ObjectStore } from '../../client/informer.ts';
import type { Timer } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { NAMESPACE_SYSTEM } from '../../machinery/labels.ts';
import { leases, tasks, workers } from '../../schemas/kinds.ts';
import type { Lease, Task, Worker } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { BY_WORKER } from '../informers.ts';
import { LeaseAges } from './leases.ts';
import { type LifecyclePlan, planLifecycle } from './plan.ts';

export interface LifecycleSources {
  readonly tasks: ObjectStore<Task>;
  readonly workers: ObjectStore<Worker>;
  readonly leases: ObjectStore<Lease>;
}

/** Preset `small`: agents renew every 3 s. */
export const DEFAULT_LOST_AFTER_MS = 12_000;

export interface LifecycleLoop {
  readonly loop: ControllerLoop;
  /** Ends the observer's own heartbeat. */
  close(): void;
}

export function openWorkerLifecycle(
  context: ControllerContext,
  sources: LifecycleSources,
  lostAfterMs: number = DEFAULT_LOST_AFTER_MS,
): LifecycleLoop {
  const controller = new WorkerLifecycle(context, sources, lostAfterMs);
  const loop = new ControllerLoop(controller, context);
  controller.attach(loop);
  return { loop, close: () => controller.close() };
}

class WorkerLifecycle implements Controller {
  readonly name = 'worker-lifecycle';
  readonly resource = workers;
  readonly #context: ControllerContext;
  readonly #sources: LifecycleSources;
  readonly #lostAfterMs: number;
  readonly #ages: LeaseAges;
  readonly #lost = new Set<string>();
  #heartbeat: Timer | undefined;

  constructor(context: ControllerContext, sources: LifecycleSources, lostAfterMs: number) {
    this.#context = context;
    this.#sources = sources;
    this.#lostAfterMs = lostAfterMs;
    this.#ages = new LeaseAges(context.clock, lostAfterMs / 2);
  }

  attach(loop: ControllerLoop): void {
    this.#sources.workers.onChange((key, worker, old) => {
      if (worker === undefined) {
        this.#ages.forget(key);
        this.#lost.delete(key);
        return;
      }
      this.#ages.expect(key);
      // Status writes of the worker itself are no reason to look: only leases and time are.
      if (old === undefined || this.#lost.has(key)) loop.enqueue(key);
    });
    this.#sources.leases.onChange((_, lease) => {
      if (lease === undefined) return;
      const { name } = lease.metadata;
      this.#ages.see(name, lease);
      if (this.#lost.has(name)) loop.enqueue(name);
    });
    this.#sources.tasks.onChange((_, task) => {
      const worker = task?.spec.workerName;
      if (worker !== undefined && this.#lost.has(worker)) loop.enqueue(worker);
    });
    this.#beat();
  }

  close(): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = undefined;
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    this.#stayAwake();
    if (this.#sources.workers.get(key) === undefined) return done;
    if ((this.#ages.ageMs(key) ?? 0) >= this.#lostAfterMs) await this.#readLease(key, signal);
    const worker = this.#sources.workers.get(key);
    if (worker === undefined) return done;
    const leaseAgeMs = this.#ages.ageMs(key) ?? 0;
    const plan = planLifecycle({
      worker,
      leaseAgeMs,
      lostAfterMs: this.#lostAfterMs,
      tasks: this.#sources.tasks.byIndex(BY_WORKER, key),
      nowMs: this.#context.clock.now(),
    });
    if (plan.isLost) this.#lost.add(key);
    else this.#lost.delete(key);
    await this.#perform(worker, plan, leaseAgeMs, signal);
    return requeueAfter(plan.lookAgainMs);
  }

  async #readLease(worker: string, signal: AbortSignal): Promise<void> {
    try {
      const lease = await this.#context.client.get(
        leases,
        { namespace: NAMESPACE_SYSTEM, name: worker },
        { signal },
      );
      if (this.#ages.see(worker, lease)) {
        this.#context.log.info({ worker }, 'the lease was renewed although the watch has not shown it');
      }
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  async #perform(
    worker: Worker,
    plan: LifecyclePlan,
    leaseAgeMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, recorder } = this.#context;
    const inputs = { leaseUnchangedForMs: Math.round(leaseAgeMs), lostAfterMs: this.#lostAfterMs };
    if (plan.workerStatus !== undefined) {
      const { workerStatus: status } = plan;
      await client.update(workers, { ...worker, status }, { subresource: 'status', signal });
      recorder.record({
        object: worker,
        type: 'Warning',
        reason: 'LeaseExpired',
        message: `the lease was not renewed for ${this.#lostAfterMs / 1000} s`,
        decision: { inputs, verdict: 'LeaseExpired', action: 'Ready becomes Unknown; no new tasks go there' },
      });
    }
    for (const { task, status } of plan.tasks) {
      try {
        await client.update(tasks, { ...task, status }, { subresource: 'status', signal });
      } catch (error) {
        if (isApiError(error, 'NotFound')) continue;
        throw error;
      }
      recorder.record({
        object: task,
        type: 'Warning',
        reason: 'WorkerLost',
        message: `worker ${worker.metadata.name} is lost; whether the task runs is not known`,
        decision: {
          inputs: { ...inputs, worker: worker.metadata.name, phaseBefore: task.status?.phase },
          verdict: 'WorkerLost',
          action: 'phase becomes Unknown until the worker reports again',
        },
      });
    }
  }

  /** Fires while this process runs; that it fires late is how a sleep is noticed. */
  #beat(): void {
    this.#heartbeat = this.#context.clock.after(this.#lostAfterMs / 8, () => {
      this.#stayAwake();
      this.#beat();
    });
  }

  #stayAwake(): void {
    if (!this.#ages.stayAwake()) return;
    this.#context.log.warn('this process was asleep; every worker gets a full period to renew its lease');
  }
}
