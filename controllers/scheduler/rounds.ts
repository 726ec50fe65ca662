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
import { needsWorker } from './demand.ts';
import { withShares } from './filters.ts';
import type { Ledger } from './ledger.ts';
import type { Nomination } from './nominations.ts';
import { type Plan, planSchedule, restReason, type Verdict } from './plan.ts';
import { describeVictims, isFitting, type PreemptionPlan, planPreemption } from './preemption.ts';
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
}

/** Beyond what the victims may take to end themselves: until that is reported and seen. */
const NOMINATE_MARGIN_MS = 15_000;
const NOMINATE_LIMIT_MS = 10 * 60_000;

export class Rounds {
  readonly #options: RoundsOptions;
  readonly #waiting = new WaitingList();
  /** Keys that no round has looked at yet, or that are to be looked at in full. */
  readonly #open = new Set<string>();
  /** Workers where room may have become free since the last round. */
  readonly #changed = new Set<string>();
  /** Classes that fitted nowhere, apart from what has changed since. */
  #unfit: Set<string> = new Set();
  readonly #decisions = new Map<string, Decision>();
  readonly #judgedAtMs = new Map<string, number>();
  /** Class -> what is said of it, as long as nothing has changed. */
  readonly #explained = new Map<string, Explanation | undefined>();
  #explainedVersion = '';
  #workersVersion = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** True while a round would have something to do. */
  get isDue(): boolean {
    return this.#changed.size > 0 || this.#open.size > 0;
  }

  /** True while room may have become free that no round has given away yet. */
  get hasFreed(): boolean {
    return this.#changed.size > 0;
  }

  /** Decisions that nobody has taken yet. */
  get undone(): number {
    return this.#decisions.size;
  }

  /** The task as it is now; undefined when there is none. */
  observe(key: string, task: Task | undefined): void {
    if (task === undefined) this.#decisions.delete(key);
    const isWaiting = task !== undefined && needsWorker(task) && restReason(task) === undefined;
    if (isWaiting && !this.#options.ledger.isAssumed(task)) {
      const known = this.#waiting.get(key);
      const waiting = this.#waiting.set(key, task);
      if (known?.class !== waiting.class) this.#open.add(key);
    } else {
      this.#remove(key);
    }
  }

  /** Looked at in full by the next round, if the last look was that long ago: for whatever was missed. */
  reopenAfter(key: string, ms: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    if (this.#options.clock.monotonicMs() - (this.#judgedAtMs.get(key) ?? 0) < ms) return;
    this.#unfit.delete(waiting.class);
    this.#open.add(key);
  }

  /** Room may have become free there. */
  workerChanged(name: string): void {
    this.#changed.add(name);
    this.#workersVersion++;
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

  /** One round. Returns the keys that were decided, in order, then those that were looked at for the first time. */
  decide(): readonly string[] {
    const changed = [...this.#changed];
    const open = new Set(this.#open);
    this.#changed.clear();
    this.#open.clear();
    const nowMs = this.#options.clock.monotonicMs();
    const found = new Set<string>();
    const decided: string[] = [];
    for (const waiting of changed.length > 0 ? this.#waiting.all() : this.#sorted(open)) {
      this.#judgedAtMs.set(waiting.key, nowMs);
      const isNominated = this.#options.ledger.nominations.of(waiting.task.metadata.uid ?? '') !== undefined;
      if (!isNominated && (found.has(waiting.class) || this.#isStillUnfit(waiting, changed))) {
        found.add(waiting.class);
        continue;
      }
      const decision = this.#judge(waiting);
      if (decision === undefined) {
        if (!isNominated) found.add(waiting.class);
        continue;
      }
      this.#decisions.set(waiting.key, decision);
      open.delete(waiting.key);
      decided.push(waiting.key);
    }
    // After a round over everybody this is all there is to know, and no more than there are tasks.
    this.#unfit = changed.length > 0 ? found : new Set([...this.#unfit, ...found]);
    return [...decided, ...open];
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

  /** It fitted nowhere, and where something has changed it does not fit either. */
  #isStillUnfit({ task, class: name }: Waiting, changed: readonly string[]): boolean {
    if (!this.#unfit.has(name)) return false;
    const workers = changed.flatMap((worker) => this.#options.workers.get(worker) ?? []);
    if (workers.length === 0) return true;
    if (planSchedule(task, this.#candidates(task, workers)).kind === 'bind') return false;
    return !isPreempting(task) || this.#planPreemption(task, workers).kind !== 'preempt';
  }

  #judge(waiting: Waiting): Decision | undefined {
    const { key, task } = waiting;
    const { ledger, workers } = this.#options;
    const all = workers.list();
    const plan = planSchedule(task, this.#candidates(task, all));
    switch (plan.kind) {
      case 'nothing':
        this.#remove(key);
        return undefined;
      case 'bind':
        ledger.assume(key, task, plan.worker, plan.epoch);
        this.#remove(key);
        return plan;
      case 'unschedulable':
        break;
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
    const gone = new Map(
      holders.filter((holder) => holder.stay === 'leaving').map((holder) => [holder.uid, holder]),
    );
    for (const [uid, victim] of nomination.victims) gone.set(uid, victim);
    return isFitting(task, withShares(candidate, [...gone.values()], -1));
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

  #planPreemption(task: Task, workers: readonly Worker[]): PreemptionPlan {
    const asker = askerOf(task);
    return planPreemption(
      task,
      workers.map((worker) => this.#options.ledger.contestedFor(worker, asker)),
    );
  }
}

function nominateForMs(victims: Preemption['victims']): number {
  const graceMs = Math.max(...victims.map(({ graceSeconds }) => graceSeconds * 1000));
  return Math.min(graceMs + NOMINATE_MARGIN_MS, NOMINATE_LIMIT_MS);
}

function askerOf(task: Task): { readonly uid: string; readonly priority: number } {
  return { uid: task.metadata.uid ?? '', priority: task.spec.priority ?? 0 };
}

function isPreempting({ spec }: Task): boolean {
  return spec.preemptionPolicy === 'PreemptLowerPriority';
}
