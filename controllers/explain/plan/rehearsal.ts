/**
 * What would happen, played through beforehand: the very planners that decide later decide now, on an imagined cluster
 * where everything that is begun works at once. Pure: the same facts give the same acts.
 *
 * It promises to end: it stops when nothing is left to do, when only a person could go on, or at its bound, and says so.
 */
import { keyOf, keyString } from '../../../machinery/meta.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { planDependencies } from '../../dependencies/plan.ts';
import { priorityOf } from '../../scheduler/demand.ts';
import { planSchedule, restReason } from '../../scheduler/plan.ts';
import { describeVictims, planPreemption } from '../../scheduler/preemption.ts';
import { DEFAULT_PROFILE } from '../../scheduler/profiles.ts';
import { responsibleWorker } from '../../task/plan.ts';
import { isSettledWorker } from './affected.ts';
import type { ImaginedCluster } from './cluster.ts';
import { coresOf, ImaginedContainers } from './engine.ts';
import { missingInput } from './inputs.ts';
import { SetRehearsal } from './sets.ts';
import type { PlanFacts } from './types.ts';

export interface Act {
  readonly kind: 'create' | 'stop' | 'update';
  readonly task: string;
  readonly step: number;
  readonly reason: string;
  readonly message: string;
  /** Of a stop. */
  readonly gracePeriodMs?: number;
}

export interface Rehearsed {
  readonly acts: readonly Act[];
  /** Task -> why, in the words of whoever decided about it. */
  readonly because: ReadonlyMap<string, { readonly reason: string; readonly message: string }>;
  /** Task -> what the scheduler said of the place it chose, or why there is none. */
  readonly placements: ReadonlyMap<string, string>;
  readonly containers: ReadonlyMap<string, ImaginedContainers>;
  /** Task -> the container it had running in the beginning, and where. */
  readonly began: ReadonlyMap<string, { readonly id: string; readonly worker: string | undefined }>;
  /** Tasks whose image is pulled, because its policy says so. */
  readonly pulls: ReadonlySet<string>;
  /** Tasks that something is to be done for, on a worker where nobody acts now. */
  readonly blocked: ReadonlySet<string>;
  readonly notes: readonly string[];
}

interface Unfit {
  /** Of what is held of the workers. */
  readonly version: number;
  readonly spec: Task['spec'];
  readonly lastWorker: string | undefined;
}

/** Where Tasks go of which nobody may know where they go. */
export const UNKNOWN_WORKER = '';
const MAX_ROUNDS = 5_000;
const MAX_ACTS = 20_000;
/** Containers take a while to start and to end: who waits for a moment to pass waits no longer for them. */
const STEP_TAKES_MS = 1_000;
/** Rounds in which nothing happened, one after another. */
const MAX_IDLE = 50;
/** What looks again later than this does so in case that something goes wrong. */
const FAR_MS = 24 * 3_600_000;

/** @param active the Tasks that something is done about; others stay as they are. */
export function rehearse(
  facts: PlanFacts,
  cluster: ImaginedCluster,
  active: ReadonlySet<string>,
  sets: ReadonlySet<string>,
): Rehearsed {
  return new Rehearsal(facts, cluster, active, sets).play();
}

class Rehearsal {
  readonly #facts: PlanFacts;
  readonly #cluster: ImaginedCluster;
  readonly #active = new Set<string>();
  readonly #sets: readonly SetRehearsal[];
  readonly #acts: Act[] = [];
  readonly #because = new Map<string, { reason: string; message: string }>();
  readonly #placements = new Map<string, string>();
  readonly #containers = new Map<string, ImaginedContainers>();
  readonly #began = new Map<string, { id: string; worker: string | undefined }>();
  /** Who makes room for itself -> the Tasks that leave for it. */
  readonly #roomMakers = new Map<string, readonly string[]>();
  /** Who found no place -> what that hung on. */
  readonly #unfit = new Map<string, Unfit>();
  readonly #pulls = new Set<string>();
  readonly #blocked = new Set<string>();
  readonly #notes: string[] = [];
  readonly #stored: ReadonlyMap<string, Task>;
  #step = 0;
  #nextLookMs = Number.POSITIVE_INFINITY;

  constructor(
    facts: PlanFacts,
    cluster: ImaginedCluster,
    active: ReadonlySet<string>,
    sets: ReadonlySet<string>,
  ) {
    this.#facts = facts;
    this.#cluster = cluster;
    this.#stored = new Map(facts.tasks.map((task) => [keyString(keyOf(task)), task]));
    this.#sets = [...sets].map((key) => new SetRehearsal(key, facts, cluster));
    for (const key of active) this.#activate(key);
  }

  play(): Rehearsed {
    let idle = 0;
    let rounds = 0;
    for (; rounds < MAX_ROUNDS && this.#acts.length < MAX_ACTS; rounds++) {
      this.#nextLookMs = Number.POSITIVE_INFINITY;
      this.#step++;
      const before = this.#acts.length;
      const hasMoved = this.#round();
      if (this.#acts.length === before) this.#step--;
      else this.#cluster.nowMs += STEP_TAKES_MS;
      if (hasMoved) {
        idle = 0;
        continue;
      }
      if (this.#nextLookMs > FAR_MS || ++idle > MAX_IDLE) break;
      this.#cluster.nowMs += this.#nextLookMs;
    }
    if (rounds >= MAX_ROUNDS || this.#acts.length >= MAX_ACTS) {
      this.#notes.push(`what comes after ${this.#acts.length} acts is not told`);
    }
    for (const set of this.#sets) this.#notes.push(...set.outlook());
    return {
      acts: this.#acts,
      because: this.#because,
      placements: this.#placements,
      containers: this.#containers,
      began: this.#began,
      pulls: this.#pulls,
      blocked: this.#blocked,
      notes: this.#notes,
    };
  }

  /** Everybody once, in the order in which it goes through a cluster. */
  #round(): boolean {
    let hasMoved = false;
    for (const set of this.#sets) {
      const moves = set.step();
      hasMoved ||= moves.hasMoved;
      this.#look(moves.lookAgainMs);
      for (const { task, reason, message } of [...moves.made, ...moves.deleted]) {
        this.#because.set(task, { reason, message });
        this.#activate(task);
      }
      for (const { task } of moves.deleted) {
        this.#cluster.delete(task);
        hasMoved = true;
      }
    }
    for (const key of this.#active) if (this.#depend(key)) hasMoved = true;
    for (const key of this.#urgency()) if (this.#schedule(key)) hasMoved = true;
    for (const key of this.#active) if (this.#work(key)) hasMoved = true;
    return hasMoved;
  }

  #activate(key: string): void {
    if (this.#active.has(key)) return;
    this.#active.add(key);
    const stored = this.#stored.get(key);
    const worker = stored === undefined ? undefined : responsibleWorker(stored);
    const containers = new ImaginedContainers(stored, coresOf(this.#cluster.workers?.get(worker ?? '')));
    this.#containers.set(key, containers);
    if (containers.alive !== undefined) this.#began.set(key, { id: containers.alive, worker });
  }

  #depend(key: string): boolean {
    const { tasks, nowMs } = this.#cluster;
    const task = tasks.get(key);
    if (task === undefined || (task.spec.dependsOn ?? []).length === 0) return false;
    const { namespace = '' } = task.metadata;
    const find = (name: string): Task | undefined => tasks.get(keyString({ namespace, name }));
    const plan = planDependencies({ task, find, nowMs });
    if (plan.kind === 'keep') return false;
    tasks.set(key, { ...task, status: plan.status });
    return true;
  }

  #urgency(): readonly string[] {
    const { tasks } = this.#cluster;
    const waiting = [...this.#active].flatMap((key) => {
      const task = tasks.get(key);
      return task === undefined || restReason(task) !== undefined ? [] : [{ key, task }];
    });
    return waiting.sort((a, b) => priorityOf(b.task) - priorityOf(a.task)).map(({ key }) => key);
  }

  #schedule(key: string): boolean {
    const cluster = this.#cluster;
    const task = cluster.tasks.get(key);
    if (task === undefined) return false;
    if (cluster.workers === undefined) {
      cluster.bind(key, task, UNKNOWN_WORKER);
      return true;
    }
    const leaving = this.#roomMakers.get(key) ?? [];
    // Room that was made is there once its containers have ended.
    if (leaving.some((victim) => this.#containers.get(victim)?.alive !== undefined)) return false;
    const { spec } = task;
    const unfit = { version: cluster.tasks.version, spec, lastWorker: task.status?.workerName };
    if (isSameUnfit(this.#unfit.get(key), unfit)) return false;
    const contested = cluster.contested();
    const profile = this.#facts.settings?.spec?.profile ?? DEFAULT_PROFILE;
    const plan = planSchedule(task, contested, { profile, lastWorker: cluster.latest.worker });
    if (plan.kind === 'bind') {
      this.#placements.set(key, plan.reason);
      cluster.bind(key, task, plan.worker);
      return true;
    }
    if (plan.kind === 'nothing') return false;
    this.#placements.set(key, plan.message);
    if (spec.preemptionPolicy !== 'PreemptLowerPriority' || this.#roomMakers.has(key)) {
      this.#unfit.set(key, unfit);
      return false;
    }
    const preemption = planPreemption(task, contested, cluster.nowMs);
    if (preemption.kind !== 'preempt') {
      // Whoever is about to leave is waited for up to a time.
      const isOfTime = contested.some(({ holders }) =>
        holders.some(({ leavesByMs }) => leavesByMs !== undefined),
      );
      if (!isOfTime) this.#unfit.set(key, unfit);
      return false;
    }
    const message = `${key} of priority ${priorityOf(task)} takes its room on ${preemption.worker}`;
    for (const victim of preemption.victims) {
      this.#activate(victim.task);
      this.#because.set(victim.task, { reason: 'Preempted', message });
      cluster.preempt(victim.task, message);
    }
    this.#roomMakers.set(
      key,
      preemption.victims.map((victim) => victim.task),
    );
    this.#because.set(key, {
      reason: 'Preempting',
      message: `makes room for itself: ${describeVictims(preemption.victims)} leave`,
    });
    return true;
  }

  /** What the worker of a Task does for it. */
  #work(key: string): boolean {
    const { tasks, workers, nowMs } = this.#cluster;
    const task = tasks.get(key);
    const containers = this.#containers.get(key);
    const worker = task === undefined ? undefined : responsibleWorker(task);
    if (task === undefined || containers === undefined || worker === undefined) return false;
    const missing = missingInput(task, this.#facts);
    const plan = containers.plan(task, worker, coresOf(workers?.get(worker)), nowMs, missing);
    if (!isSettledWorker(workers, worker)) {
      if (plan.actions.length > 0) this.#blocked.add(key);
      return false;
    }
    this.#look(plan.requeueAfterMs);
    for (const action of plan.actions) {
      containers.perform(action, nowMs);
      if (action.kind === 'liftFinalizer') tasks.delete(key);
      const step = this.#step;
      const { reason, message } = action;
      if (action.kind === 'create' || action.kind === 'update') {
        this.#acts.push({ kind: action.kind, task: key, step, reason, message });
      } else if (action.kind === 'stop') {
        const { gracePeriodMs } = action;
        this.#acts.push({ kind: 'stop', task: key, step, reason, message, gracePeriodMs });
      } else if (action.kind === 'pull') this.#pulls.add(key);
    }
    const isNews = plan.status !== undefined && plan.status !== task.status;
    const isThere = tasks.has(key);
    if (isNews && isThere) tasks.set(key, { ...task, status: plan.status });
    return plan.actions.length > 0 || (isNews && isThere);
  }

  #look(delayMs: number | undefined): void {
    if (delayMs !== undefined) this.#nextLookMs = Math.min(this.#nextLookMs, Math.max(1, delayMs));
  }
}

function isSameUnfit(before: Unfit | undefined, now: Unfit): boolean {
  return (
    before !== undefined &&
    before.version === now.version &&
    before.spec === now.spec &&
    before.lastWorker === now.lastWorker
  );
}
