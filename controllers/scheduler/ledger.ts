/**
 * What is held of every worker, as far as the scheduler knows: seen bindings, and its own that it has not seen yet.
 *
 * A binding is assumed the moment it is decided, so that the next decision counts it, whatever the watch has shown by
 * then. An assumption ends when the binding is seen, when it failed, or after a while; being wrong is safe either way,
 * since the registry checks every binding against the true allocation record.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import { type Demand, demandOf, holdsShare, priorityOf } from './demand.ts';
import { type Candidate, type HeldPort, withShares } from './filters.ts';
import { LatestBinding } from './latestbinding.ts';
import { Nominations } from './nominations.ts';
import type { Contested, Holder } from './preemption.ts';

const DEFAULT_GRACE_SECONDS = 30;
/** A deletion that takes this long beyond its grace period is not waited for. */
const STUCK_MS = 30_000;

export interface Share {
  readonly key: string;
  readonly task: Task;
  readonly worker: string;
  readonly demand: Demand;
}

interface Assumption extends Share {
  readonly epoch: number;
  readonly timer: Timer;
}

export interface LedgerOptions {
  readonly clock: Clock;
  /** An assumed binding that was never seen is forgotten after this long. */
  readonly assumeForMs: number;
  /** Called when room may have become free there: a share went away or became smaller, or is less worth. */
  readonly onFreed: (worker: string) => void;
  /** Called when a share was seen to come or to grow: what waiting tasks were told of free room is not true any more. */
  readonly onTaken: () => void;
  /** Called when nobody has seen the binding of this task (`namespace/name`) in time. */
  readonly onForgotten: (key: string) => void;
}

/** Who asks: what is kept for tasks of a lower priority is no hindrance. */
export interface Asker {
  readonly uid: string;
  readonly priority: number;
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly nominations: Nominations;
  /** By task uid. */
  readonly #seen = new Map<string, Share>();
  readonly #assumed = new Map<string, Assumption>();
  /** Worker -> uids of the tasks that hold a share of it. */
  readonly #byWorker = new Map<string, Set<string>>();
  /** What was worked out of a worker, until something of it changes. */
  readonly #candidates = new Map<string, Candidate>();
  readonly #holders = new Map<string, readonly Holder[]>();
  readonly #latest = new LatestBinding();
  #version = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.nominations = new Nominations({
      clock: options.clock,
      onKept: (worker) => this.#touch(worker),
      onChange: (worker) => {
        this.#touch(worker);
        options.onFreed(worker);
      },
    });
  }

  /** Another one after every change of what is held or kept. */
  get version(): number {
    return this.#version;
  }

  /** The worker of the newest binding there is to know of, seen or assumed. */
  get lastWorker(): string | undefined {
    return this.#latest.worker;
  }

  /** For the tasks informer. */
  observe(key: string, task: Task | undefined, old: Task | undefined): void {
    const uid = (task ?? old)?.metadata.uid;
    if (uid === undefined) return;
    this.nominations.observe(task, old);
    if (task !== undefined) this.#latest.observe(task);
    const assumption = this.#assumed.get(uid);
    const isOutdated = task === undefined || (task.spec.bindingEpoch ?? 0) >= (assumption?.epoch ?? 0);
    if (assumption !== undefined && isOutdated) this.#dropAssumption(uid, assumption);
    const before = this.#seen.get(uid);
    const { workerName } = task?.spec ?? {};
    if (task !== undefined && workerName !== undefined && holdsShare(task)) {
      const share = { key, task, worker: workerName, demand: demandOf(task) };
      if (before !== undefined && before.worker !== workerName) this.#unlink(uid, before.worker);
      this.#seen.set(uid, share);
      this.#link(uid, workerName);
      if (before !== undefined && isSmaller(share, before)) this.#options.onFreed(before.worker);
      else if (before === undefined || isSmaller(before, share)) this.#options.onTaken();
    } else if (before !== undefined) {
      this.#seen.delete(uid);
      this.#unlink(uid, before.worker);
      this.#options.onFreed(before.worker);
    }
  }

  assume(key: string, task: Task, worker: string, epoch: number): void {
    const { uid } = task.metadata;
    if (uid === undefined) return;
    this.forget(uid);
    this.nominations.drop(uid);
    const timer = this.#options.clock.after(this.#options.assumeForMs, () => {
      this.forget(uid);
      this.#options.onForgotten(key);
    });
    this.#assumed.set(uid, { key, task, worker, epoch, demand: demandOf(task), timer });
    this.#latest.assume(worker, this.#options.clock.now());
    this.#link(uid, worker);
  }

  /** True while a binding of this epoch is decided and not yet seen. */
  isAssumed(task: Task): boolean {
    const assumption = this.#assumed.get(task.metadata.uid ?? '');
    return assumption !== undefined && assumption.epoch > (task.spec.bindingEpoch ?? 0);
  }

  /** The binding failed, or nobody has seen it. */
  forget(uid: string): void {
    const assumption = this.#assumed.get(uid);
    if (assumption === undefined) return;
    this.#dropAssumption(uid, assumption);
    this.#options.onFreed(assumption.worker);
  }

  /** Ends its timers: nothing is decided on it any more. */
  close(): void {
    for (const { timer } of this.#assumed.values()) timer.cancel();
    this.nominations.close();
  }

  /** The worker as this task may see it. */
  candidateFor(worker: Worker, asker: Asker): Candidate {
    const all = this.#candidate(worker);
    if (this.nominations.size === 0) return all;
    const { name } = worker.metadata;
    const kept = this.nominations.keptFrom(name, asker.uid, asker.priority);
    const own = this.nominations.of(asker.uid);
    // Their shares are gone from the record, their containers are not: the task waits for that.
    const leaving =
      own?.worker === name
        ? [...own.victims.values()].filter(({ uid }) => this.#seen.get(uid)?.worker !== name)
        : [];
    return withShares(all, [...kept, ...leaving], 1);
  }

  /** The same, and who holds it. */
  contestedFor(worker: Worker, asker: Asker): Contested {
    const { name } = worker.metadata;
    return { ...this.candidateFor(worker, asker), holders: this.#holdersOf(name) };
  }

  #holdersOf(worker: string): readonly Holder[] {
    const known = this.#holders.get(worker);
    if (known !== undefined) return known;
    const holders: Holder[] = [];
    for (const uid of this.#byWorker.get(worker) ?? []) {
      const share = this.#seen.get(uid);
      // A binding of our own that nobody has seen yet is not taken back.
      if (share?.worker !== worker || this.#assumed.has(uid)) continue;
      const isVictim = this.nominations.isVictim(uid);
      holders.push(holderOf(uid, share, isVictim ? Number.POSITIVE_INFINITY : leavesByMs(share.task)));
    }
    this.#holders.set(worker, holders);
    return holders;
  }

  #candidate(worker: Worker): Candidate {
    const { name } = worker.metadata;
    const known = this.#candidates.get(name);
    if (known?.worker === worker) return known;
    const candidate = this.#sum(worker);
    this.#candidates.set(name, candidate);
    return candidate;
  }

  #sum(worker: Worker): Candidate {
    let milliCpu = 0;
    let memoryBytes = 0;
    let diskBytes = 0;
    const ports: HeldPort[] = [];
    const uids = this.#byWorker.get(worker.metadata.name) ?? [];
    let taskCount = 0;
    for (const uid of uids) {
      const share = this.#assumed.get(uid) ?? this.#seen.get(uid);
      if (share === undefined || share.worker !== worker.metadata.name) continue;
      taskCount++;
      milliCpu += share.demand.milliCpu;
      memoryBytes += share.demand.memoryBytes;
      diskBytes += share.demand.diskBytes;
      for (const port of share.demand.hostPorts) ports.push({ ...port, task: share.key });
    }
    return { worker, milliCpu, memoryBytes, diskBytes, ports, taskCount };
  }

  #dropAssumption(uid: string, assumption: Assumption): void {
    assumption.timer.cancel();
    this.#assumed.delete(uid);
    this.#touch(assumption.worker);
    if (this.#seen.get(uid)?.worker !== assumption.worker) this.#unlink(uid, assumption.worker);
  }

  #touch(worker: string): void {
    this.#version++;
    this.#candidates.delete(worker);
    this.#holders.delete(worker);
  }

  #link(uid: string, worker: string): void {
    this.#touch(worker);
    const uids = this.#byWorker.get(worker);
    if (uids === undefined) this.#byWorker.set(worker, new Set([uid]));
    else uids.add(uid);
  }

  #unlink(uid: string, worker: string): void {
    this.#touch(worker);
    const uids = this.#byWorker.get(worker);
    uids?.delete(uid);
    if (uids?.size === 0) this.#byWorker.delete(worker);
  }
}

function isSmaller(now: Share, before: Share): boolean {
  return (
    now.worker !== before.worker ||
    priorityOf(now.task) < priorityOf(before.task) ||
    now.demand.milliCpu < before.demand.milliCpu ||
    now.demand.memoryBytes < before.demand.memoryBytes ||
    now.demand.diskBytes < before.demand.diskBytes ||
    now.demand.hostPorts.length < before.demand.hostPorts.length
  );
}

export function holderOf(uid: string, { key, task, demand }: Share, leaves: number | undefined): Holder {
  const { creationTimestamp, resourceVersion } = task.metadata;
  const since = task.status?.startedAt ?? creationTimestamp ?? '';
  return {
    uid,
    task: key,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    demand,
    priority: priorityOf(task),
    sinceMs: Date.parse(since) || 0,
    graceSeconds: graceSecondsOf(task.spec),
    ...(leaves === undefined ? {} : { leavesByMs: leaves }),
  };
}

/** When a task that is being deleted or stopped should be gone; undefined for one that stays. */
export function leavesByMs({ metadata, spec }: Task): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined) {
    return spec.desiredState === 'Stopped' ? Number.POSITIVE_INFINITY : undefined;
  }
  const graceMs = (deletionGracePeriodSeconds ?? graceSecondsOf(spec)) * 1000;
  return Date.parse(deletionTimestamp) + graceMs + STUCK_MS;
}

function graceSecondsOf({ terminationGracePeriodSeconds = DEFAULT_GRACE_SECONDS }: Task['spec']): number {
  return terminationGracePeriodSeconds;
}
