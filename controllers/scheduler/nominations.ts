/**
 * Room that is kept for a task while others leave it: those it preempted. Nobody of the same or a lower priority is
 * given it meanwhile, and the task itself waits until they have left.
 *
 * Remembered for a bounded time and nowhere else: a scheduler that forgets it (a restart, a change of leader) finds the
 * room free in the workers' records, and gives it to whoever is most urgent then, which is safe.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { type Demand, demandOf, hasEnded, isLeaving, needsWorker, priorityOf } from './demand.ts';
import type { Holder } from './preemption.ts';

export interface Nomination {
  readonly task: string;
  readonly worker: string;
  readonly priority: number;
  readonly demand: Demand;
  readonly generation: number | undefined;
  /** Those that have not left yet, by uid. */
  readonly victims: ReadonlyMap<string, Holder>;
  /** Not all could be moved: it is decided anew. */
  readonly isBroken: boolean;
}

interface Held extends Nomination {
  readonly victims: Map<string, Holder>;
  isBroken: boolean;
  readonly timer: Timer;
}

export interface NominationsOptions {
  readonly clock: Clock;
  /** Called when room of it is kept from others from now on. */
  readonly onKept: (worker: string) => void;
  /** Called when its room may be given to others, or its task placed: a victim has left, or it has come to its end. */
  readonly onChange: (worker: string) => void;
}

export class Nominations {
  readonly #options: NominationsOptions;
  /** By the waiting task's uid. */
  readonly #held = new Map<string, Held>();
  /** Uid of a victim -> uid of the task that waits for its room. */
  readonly #byVictim = new Map<string, string>();
  /** Worker -> uids of the tasks that it is kept for. */
  readonly #byWorker = new Map<string, Set<string>>();

  constructor(options: NominationsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @param forMs how long the room is kept at most. */
  nominate(key: string, task: Task, worker: string, victims: readonly Holder[], forMs: number): void {
    const { uid = '', generation } = task.metadata;
    this.drop(uid);
    const timer = this.#options.clock.after(forMs, () => this.drop(uid));
    this.#held.set(uid, {
      task: key,
      worker,
      priority: priorityOf(task),
      demand: demandOf(task),
      generation,
      victims: new Map(victims.map((victim) => [victim.uid, victim])),
      isBroken: false,
      timer,
    });
    for (const victim of victims) this.#byVictim.set(victim.uid, uid);
    this.#byWorker.set(worker, (this.#byWorker.get(worker) ?? new Set()).add(uid));
    this.#options.onKept(worker);
  }

  of(uid: string): Nomination | undefined {
    return this.#held.get(uid);
  }

  /** True for a task that is on its way to make room. */
  isVictim(uid: string): boolean {
    return this.#byVictim.has(uid);
  }

  /** What is kept on this worker from a task of this priority; its own nomination is no hindrance to it. */
  keptFrom(worker: string, uid: string, priority: number): readonly Nomination[] {
    const kept: Nomination[] = [];
    for (const other of this.#byWorker.get(worker) ?? []) {
      const nomination = this.#held.get(other);
      if (nomination !== undefined && other !== uid && nomination.priority >= priority) kept.push(nomination);
    }
    return kept;
  }

  break(uid: string): void {
    const nomination = this.#held.get(uid);
    if (nomination === undefined) return;
    nomination.isBroken = true;
    this.#options.onChange(nomination.worker);
  }

  drop(uid: string): void {
    const nomination = this.#held.get(uid);
    if (nomination === undefined) return;
    nomination.timer.cancel();
    this.#held.delete(uid);
    for (const victim of nomination.victims.keys()) this.#byVictim.delete(victim);
    const others = this.#byWorker.get(nomination.worker);
    others?.delete(uid);
    if (others?.size === 0) this.#byWorker.delete(nomination.worker);
    this.#options.onChange(nomination.worker);
  }

  /** For the tasks informer. */
  observe(task: Task | undefined, old: Task | undefined): void {
    const uid = (task ?? old)?.metadata.uid ?? '';
    const nomination = this.#held.get(uid);
    if (nomination !== undefined) {
      const isSame = task !== undefined && task.metadata.generation === nomination.generation;
      if (!isSame || !needsWorker(task)) this.drop(uid);
    }
    const waiting = this.#held.get(this.#byVictim.get(uid) ?? '');
    if (waiting !== undefined && hasLeft(task, waiting.worker)) {
      waiting.victims.delete(uid);
      this.#byVictim.delete(uid);
      this.#options.onChange(waiting.worker);
    }
  }

  close(): void {
    for (const { timer } of this.#held.values()) timer.cancel();
  }
}

/** Its worker has said that no container of it runs there any more, or it has gone altogether. */
function hasLeft(task: Task | undefined, worker: string): boolean {
  if (task === undefined || hasEnded(task)) return true;
  if (task.spec.workerName === undefined) return !isLeaving(task);
  return task.spec.workerName !== worker;
}
