/**
 * Which worker was given a task last, for a round that goes on where it was.
 *
 * It is found in the tasks themselves (when their condition Scheduled became True), also in those that have ended; so a
 * scheduler that starts anew goes on with the next worker. Of bindings within the same second, which those conditions do not
 * tell apart, it may then take another for the last.
 */
import { findCondition } from '../../machinery/conditions.ts';
import type { Task } from '../../schemas/types.gen.ts';

export class LatestBinding {
  #worker: string | undefined;
  #atMs = Number.NEGATIVE_INFINITY;

  get worker(): string | undefined {
    return this.#worker;
  }

  observe({ spec, status }: Task): void {
    if (spec.workerName === undefined) return;
    const scheduled = findCondition(status?.conditions, 'Scheduled');
    if (scheduled?.status !== 'True') return;
    const atMs = Date.parse(scheduled.lastTransitionTime);
    if (atMs > this.#atMs) this.#set(spec.workerName, atMs);
  }

  /** Decided now: the newest there is, also where a clock was set back since the others. */
  assume(worker: string, nowMs: number): void {
    this.#set(worker, Math.max(nowMs, this.#atMs));
  }

  #set(worker: string, atMs: number): void {
    this.#worker = worker;
    this.#atMs = atMs;
  }
}
