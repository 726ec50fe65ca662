/**
 * Who goes where, when several wait: room goes to the most urgent task that it is enough for, whatever order they are
 * looked at in. Decides and remembers; what it decided is performed by the scheduler.
 *
 * A round goes through the waiting tasks in order of urgency, and tells each one of three things: it has a worker, it
 * makes room for itself, or it waits. Between two rounds room only shrinks unless a worker is reported as changed; so
 * who came to wait is only looked at again on such workers, and of tasks that ask for the same only one. A round over
 * thousands of waiting tasks costs as many lookups and, for each kind of demand, one look at the workers that changed.
 */
import type { ObjectStore } from '../../client/informer.ts';
import type { Clock } from '../../machinery/clock.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import { demandOf, needsWorker, priorityOf } from './demand.ts';
import { type Ask, isFitting, withShares } from './filters.ts';
import type { Ledger } from './ledger.ts';
import type { Nomination } from './nominations.ts';
import { type Plan, planSchedule, restReason, type Verdict } from './plan.ts';
import { describeVictims, isLeavingInTime, type PreemptionPlan, planPreemption } from './preemption.ts';
import { DEFAULT_PROFILE, type ProfileName } from './profiles.ts';
import { compareUrgency, type Waiting, WaitingList } from './waitinglist.ts';

export type Binding = Extract<Plan, { kind: 'bind' }>;
export type Preemption = Extract<PreemptionPlan, { kind: 'preempt' }> & { readonly candidates: number };
export type Decision = Binding | Preemption;

/** Why a task waits: the planner's words, and what is done about it. */
export interface Explanation {
  readonly message: string;
  readonly verdicts: readonly Verdict[];
}

export interface RoundsOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly workers: ObjectStore<Worker>;
  /** How workers that fit are compared, as it is asked for now; default Spread. */
  readonly profile?: () => ProfileName;
  /** How many looks of a task at a worker there are in a round; default: some ten milliseconds. */
  readonly looks?: number;
}

/** Beyond what the victims may take to end themselves: until that is reported and seen. */
const NOMINATE_MARGIN_MS = 15_000;
const NOMINATE_LIMIT_MS = 10 * 60_000;
const DEFAULT_LOOKS = 20_000;
/** What planning a preemption costs, beside looking whether a task fits. */
const LOOKS_OF_PREEMPTION = 20;

export class Rounds {
  readonly #options: RoundsOptions;
  readonly #waiting = new WaitingList();
  /** Keys that no round has looked at yet, or that are to be looked at in full. */
  readonly #open = new Set<string>();
  /** Keys that no round looks at until they are released. */
  readonly #held = new Set<string>();
  /** Counts the reports of room that may have become free. */
  #sequence = 0;
  /** Worker -> its last such report. */
  readonly #changedAt = new Map<string, number>();
  /** Class -> the last report that was known when it fitted nowhere. */
  #unfitAt = new Map<string, number>();
  /** Up to this report everybody has been looked at. */
  #finishedAt = 0;
  readonly #decisions = new Map<string, Decision>();
  readonly #judgedAtMs = new Map<string, number>();
  /** Class -> what is said of it, as long as nothing has changed. */
  readonly #explained = new Map<string, Explanation | undefined>();
  #explainedVersion = '';
  /** What is left of the bound of this round. */
  #looks = 0;
  #workersVersion = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** True while a round would have something to do. */
  get isDue(): boolean {
    return this.hasFreed || this.#open.size > 0;
  }

  /** True while room may have become free that no round has given away yet. */
  get hasFreed(): boolean {
    return this.#sequence > this.#finishedAt;
  }

  /** Decisions that nobody has taken yet. */
  get undone(): number {
    return this.#decisions.size;
  }

  /** The task as it is now; undefined when there is none. */
  observe(key: string, task: Task | undefined): void {
    if (task === undefined) {
      this.#decisions.delete(key);
      this.release(key);
    }
    const isWaiting = task !== undefined && needsWorker(task) && restReason(task) === undefined;
    if (isWaiting && !this.#held.has(key) && !this.#options.ledger.isAssumed(task)) {
      const known = this.#waiting.get(key);
      const waiting = this.#waiting.set(key, task);
      if (known?.class !== waiting.class) this.#open.add(key);
    } else {
      this.#remove(key);
    }
  }

  /** What was decided for it failed: it gets nothing until it is released, and what it would get is for the others. */
  hold(key: string): void {
    this.#held.add(key);
    this.#decisions.delete(key);
    this.#remove(key);
  }

  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  release(key: string): void {
    this.#held.delete(key);
  }

  /** Looked at in full by the next round, if the last look was that long ago: for whatever was missed. */
  reopenAfter(key: string, ms: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    const judgedAtMs = this.#judgedAtMs.get(key) ?? nowMs;
    if (nowMs - judgedAtMs < ms) {
      this.#judgedAtMs.set(key, judgedAtMs);
      return;
    }
    this.#unfitAt.delete(waiting.class);
    this.#open.add(key);
  }

  /** Room may have become free there. */
  workerChanged(name: string): void {
    this.#workersVersion++;
    if (this.#options.workers.get(name) === undefined) this.#changedAt.delete(name);
    else this.#changedAt.set(name, ++this.#sequence);
  }

  isOpen(key: string): boolean {
    return this.#open.has(key);
  }

  keys(): readonly string[] {
    return this.#waiting.all().map(({ key }) => key);
  }

  /** What was decided for the task, once. */
  take(key: string): Decision | undefined {
    const decision = this.#decisions.get(key);
    this.#decisions.delete(key);
    return decision;
  }

  /**
   * One round, or as much of one as its bound allows: then `isDue` stays true, and the next goes on where this one
   * ended. Returns the keys that were decided, in order, then those that were looked at for the first time.
   */
  decide(): readonly string[] {
    const sequence = this.#sequence;
    const isFull = this.hasFreed;
    const decided: string[] = [];
    const looked: string[] = [];
    this.#looks = this.#options.looks ?? DEFAULT_LOOKS;
    for (const waiting of isFull ? this.#waiting.all() : this.#sorted(this.#open)) {
      if (this.#looks <= 0) return [...decided, ...looked];
      const { key } = waiting;
      const decision = this.#lookAt(waiting, sequence);
      const wasOpen = this.#open.delete(key);
      if (decision !== undefined) {
        this.#decisions.set(key, decision);
        decided.push(key);
      } else if (wasOpen) {
        looked.push(key);
      }
    }
    if (isFull) {
      this.#finishedAt = sequence;
      // All who wait have been looked at: what else is known is of tasks that do not wait any more.
      this.#unfitAt = new Map([...this.#unfitAt].filter(([, at]) => at >= sequence));
    }
    return [...decided, ...looked];
  }

  /** Why it waits, as things are now; undefined when it need not, or when it is not for this to say. */
  explain(key: string): Explanation | undefined {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return undefined;
    const version = `${this.#options.ledger.version}/${this.#workersVersion}`;
    if (version !== this.#explainedVersion) this.#explained.clear();
    this.#explainedVersion = version;
    const { uid = '' } = waiting.task.metadata;
    const nomination = this.#options.ledger.nominations.of(uid);
    if (nomination !== undefined) return this.#explainOne(waiting, nomination);
    if (this.#explained.has(waiting.class)) return this.#explained.get(waiting.class);
    const explanation = this.#explainOne(waiting, undefined);
    this.#explained.set(waiting.class, explanation);
    return explanation;
  }

  #sorted(keys: ReadonlySet<string>): readonly Waiting[] {
    return [...keys].flatMap((key) => this.#waiting.get(key) ?? []).sort(compareUrgency);
  }

  #remove(key: string): void {
    this.#waiting.delete(key);
    this.#open.delete(key);
    this.#judgedAtMs.delete(key);
  }

  #lookAt(waiting: Waiting, sequence: number): Decision | undefined {
    const { task, class: name } = waiting;
    // One that has room kept for it is not as others of its class.
    if (this.#options.ledger.nominations.of(task.metadata.uid ?? '') !== undefined)
      return this.#judge(waiting);
    const known = this.#unfitAt.get(name);
    if (known !== undefined && known >= sequence) return undefined;
    this.#judgedAtMs.set(waiting.key, this.#options.clock.monotonicMs());
    if (known !== undefined && this.#isStillUnfit(task, known)) {
      this.#unfitAt.set(name, sequence);
      return undefined;
    }
    const decision = this.#judge(waiting);
    if (decision === undefined) this.#unfitAt.set(name, sequence);
    return decision;
  }

  /** It fitted nowhere, and where something has changed since it does not fit either. */
  #isStillUnfit(task: Task, known: number): boolean {
    const changed: Worker[] = [];
    for (const [name, at] of this.#changedAt) {
      const worker = at > known ? this.#options.workers.get(name) : undefined;
      if (worker !== undefined) changed.push(worker);
    }
    if (this.#fitsOnOne(task, changed)) return false;
    return !isPreempting(task) || this.#planPreemption(task, changed).kind !== 'preempt';
  }

  #judge(waiting: Waiting): Decision | undefined {
    const { key, task } = waiting;
    const { ledger, workers } = this.#options;
    const all = workers.list();
    if (this.#fitsOnOne(task, all)) {
      const profile = this.#options.profile?.() ?? DEFAULT_PROFILE;
      const comparison = { profile, lastWorker: ledger.lastWorker };
      const plan = planSchedule(task, this.#candidates(task, all), comparison);
      if (plan.kind !== 'bind') return undefined;
      ledger.assume(key, task, plan.worker, plan.epoch);
      this.#waiting.delete(key);
      return plan;
    }
    if (!isPreempting(task)) return undefined;
    const { uid = '' } = task.metadata;
    const nomination = ledger.nominations.of(uid);
    if (nomination !== undefined && this.#isGood(task, nomination)) return undefined;
    ledger.nominations.drop(uid);
    const preemption = this.#planPreemption(task, all);
    if (preemption.kind !== 'preempt') return undefined;
    const { worker, victims } = preemption;
    ledger.nominations.nominate(key, task, worker, victims, nominateForMs(victims));
    return { ...preemption, candidates: all.length };
  }

  /** Once those it waits for have left, it fits there. */
  #isGood(task: Task, nomination: Nomination): boolean {
    const worker = this.#options.workers.get(nomination.worker);
    if (nomination.isBroken || worker === undefined) return false;
    const { holders, ...candidate } = this.#options.ledger.contestedFor(worker, askerOf(task));
    const leaving = holders.filter((holder) => isLeavingInTime(holder, this.#options.clock.now()));
    const gone = new Map(leaving.map((holder) => [holder.uid, holder]));
    for (const [uid, victim] of nomination.victims) gone.set(uid, victim);
    return isFitting(askOf(task), withShares(candidate, [...gone.values()], -1));
  }

  #explainOne({ task }: Waiting, nomination: Nomination | undefined): Explanation | undefined {
    const all = this.#options.workers.list();
    const plan = planSchedule(task, this.#candidates(task, all));
    if (plan.kind !== 'unschedulable') return undefined;
    const { verdicts } = plan;
    if (!isPreempting(task)) return plan;
    if (nomination !== undefined) {
      const { worker, victims } = nomination;
      const whom = describeVictims([...victims.values()]);
      return { verdicts, message: `${plan.message}; waits for room on ${worker}, which ${whom} leave` };
    }
    const preemption = this.#planPreemption(task, all);
    switch (preemption.kind) {
      case 'preempt':
        return undefined;
      case 'wait': {
        const whom = preemption.leaving.slice(0, 5).join(', ');
        return { verdicts, message: `${plan.message}; room comes free on ${preemption.worker} with ${whom}` };
      }
      case 'none':
        return { verdicts, message: `${plan.message}; ${preemption.message}` };
    }
  }

  #candidates(task: Task, workers: readonly Worker[]) {
    const asker = askerOf(task);
    return workers.map((worker) => this.#options.ledger.candidateFor(worker, asker));
  }

  /** The short way to know what `planSchedule` would say in words. */
  #fitsOnOne(task: Task, workers: readonly Worker[]): boolean {
    this.#looks -= workers.length;
    const asker = askerOf(task);
    const ask = askOf(task);
    return workers.some((worker) => isFitting(ask, this.#options.ledger.candidateFor(worker, asker)));
  }

  #planPreemption(task: Task, workers: readonly Worker[]): PreemptionPlan {
    this.#looks -= workers.length * LOOKS_OF_PREEMPTION;
    const asker = askerOf(task);
    const { ledger, clock } = this.#options;
    const contested = workers.map((worker) => ledger.contestedFor(worker, asker));
    return planPreemption(task, contested, clock.now());
  }
}

function nominateForMs(victims: Preemption['victims']): number {
  const graceMs = Math.max(...victims.map(({ graceSeconds }) => graceSeconds * 1000));
  return Math.min(graceMs + NOMINATE_MARGIN_MS, NOMINATE_LIMIT_MS);
}

function askOf(task: Task): Ask {
  return { task, demand: demandOf(task) };
}

function askerOf(task: Task): { readonly uid: string; readonly priority: number } {
  return { uid: task.metadata.uid ?? '', priority: priorityOf(task) };
}

function isPreempting({ spec }: Task): boolean {
  return spec.preemptionPolicy === 'PreemptLowerPriority';
}
