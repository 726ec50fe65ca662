/**
 * What is held of every worker, as far as the scheduler knows: seen bindings, and its own that it has not seen yet.
 *
 * A binding is assumed the moment it is decided, so that the next decision counts it, whatever the watch has shown by
 * then. An assumption ends when the binding is seen, when it failed, or after a while; being wrong is safe either way,
 * since the registry checks every binding against the true allocation record.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import { type Demand, demandOf, holdsShare } from './demand.ts';
import type { Candidate, HeldPort } from './filters.ts';

interface Share {
  readonly key: string;
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
  /** Called when room may have become free: a share went away or became smaller. */
  readonly onFreed: () => void;
  /** Called when a share was seen to come or to grow: what waiting tasks were told of free room is not true any more. */
  readonly onTaken: () => void;
}

export class Ledger {
  readonly #options: LedgerOptions;
  /** By task uid. */
  readonly #seen = new Map<string, Share>();
  readonly #assumed = new Map<string, Assumption>();
  /** Worker -> uids of the tasks that hold a share of it. */
  readonly #byWorker = new Map<string, Set<string>>();

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** For the tasks informer. */
  observe(key: string, task: Task | undefined, old: Task | undefined): void {
    const uid = (task ?? old)?.metadata.uid;
    if (uid === undefined) return;
    const assumption = this.#assumed.get(uid);
    const isOutdated = task === undefined || (task.spec.bindingEpoch ?? 0) >= (assumption?.epoch ?? 0);
    if (assumption !== undefined && isOutdated) this.#dropAssumption(uid, assumption);
    const before = this.#seen.get(uid);
    const { workerName } = task?.spec ?? {};
    if (task !== undefined && workerName !== undefined && holdsShare(task)) {
      const share = { key, worker: workerName, demand: demandOf(task) };
      if (before !== undefined && before.worker !== workerName) this.#unlink(uid, before.worker);
      this.#seen.set(uid, share);
      this.#link(uid, workerName);
      if (before !== undefined && isSmaller(share, before)) this.#options.onFreed();
      else if (before === undefined || isSmaller(before, share)) this.#options.onTaken();
    } else if (before !== undefined) {
      this.#seen.delete(uid);
      this.#unlink(uid, before.worker);
      this.#options.onFreed();
    }
  }

  assume(key: string, task: Task, worker: string, epoch: number): void {
    const { uid } = task.metadata;
    if (uid === undefined) return;
    this.forget(uid);
    const timer = this.#options.clock.after(this.#options.assumeForMs, () => this.forget(uid));
    this.#assumed.set(uid, { key, worker, epoch, demand: demandOf(task), timer });
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
    this.#options.onFreed();
  }

  /** Ends its timers: nothing is decided on it any more. */
  close(): void {
    for (const { timer } of this.#assumed.values()) timer.cancel();
  }

  candidate(worker: Worker): Candidate {
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
    if (this.#seen.get(uid)?.worker !== assumption.worker) this.#unlink(uid, assumption.worker);
  }

  #link(uid: string, worker: string): void {
    const uids = this.#byWorker.get(worker);
    if (uids === undefined) this.#byWorker.set(worker, new Set([uid]));
    else uids.add(uid);
  }

  #unlink(uid: string, worker: string): void {
    const uids = this.#byWorker.get(worker);
    uids?.delete(uid);
    if (uids?.size === 0) this.#byWorker.delete(worker);
  }
}

function isSmaller(now: Share, before: Share): boolean {
  return (
    now.worker !== before.worker ||
    now.demand.milliCpu < before.demand.milliCpu ||
    now.demand.memoryBytes < before.demand.memoryBytes ||
    now.demand.diskBytes < before.demand.diskBytes ||
    now.demand.hostPorts.length < before.demand.hostPorts.length
  );
}
