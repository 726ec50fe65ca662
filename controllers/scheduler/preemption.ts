/**
 * Whose room a task takes that may take some: `preemptionPolicy: PreemptLowerPriority`. Pure.
 *
 * It promises to name only tasks of strictly lower priority, never one that is leaving anyhow, only as many as are
 * needed, and none at all where the room they leave would not be enough. Of all ways it takes the least costly: the
 * lowest highest priority among the victims, then the fewest, then the least priority in total, then the youngest.
 * Source of the order's beginning: Kubernetes documentation, "Pod Priority and Preemption".
 */
import type { Task } from '../../schemas/types.gen.ts';
import { type Demand, demandOf, priorityOf } from './demand.ts';
import {
  type Ask,
  type Candidate,
  filters,
  obstacle,
  portHolders,
  shortfall,
  withShares,
} from './filters.ts';

/** A task that holds room of a worker. */
export interface Holder {
  readonly uid: string;
  /** `namespace/name`. */
  readonly task: string;
  /** What is said here is said of this version of it. */
  readonly resourceVersion?: string;
  readonly demand: Demand;
  readonly priority: number;
  /** When it began to run, or else was created; milliseconds since the epoch. */
  readonly sinceMs: number;
  /** How long it may take to end. */
  readonly graceSeconds: number;
  /** Set where its room comes free by itself: when it should have, milliseconds since the epoch. */
  readonly leavesByMs?: number;
}

export interface Contested extends Candidate {
  readonly holders: readonly Holder[];
}

export type PreemptionPlan =
  | {
      readonly kind: 'preempt';
      readonly worker: string;
      readonly victims: readonly Holder[];
      /** One sentence a worker: who would have to leave it, or why that would not help. */
      readonly verdicts: readonly string[];
    }
  /** Room comes free by itself: nobody has to move. */
  | { readonly kind: 'wait'; readonly worker: string; readonly leaving: readonly string[] }
  | { readonly kind: 'none'; readonly message: string };

interface Choice {
  readonly worker: string;
  readonly victims: readonly Holder[];
}

type Finding =
  | { readonly kind: 'choice'; readonly level: number; readonly find: () => Choice }
  | { readonly kind: 'wait'; readonly leaving: readonly Holder[] }
  /** `isOfRoom`: moving tasks was thought of, and does not help. */
  | { readonly kind: 'none'; readonly why: () => string; readonly isOfRoom: boolean };

/** Workers whose cheapest victims are worked out; of more that are equal so far, the first by name. */
const WORKED_OUT = 32;
const TOLD_WORKERS = 3;
const TOLD_VERDICTS = 20;

export function planPreemption(task: Task, candidates: readonly Contested[], nowMs: number): PreemptionPlan {
  const ask: Ask = { task, demand: demandOf(task) };
  const priority = priorityOf(task);
  const findings = [...candidates]
    .sort((a, b) => (a.worker.metadata.name < b.worker.metadata.name ? -1 : 1))
    .map((contested) => ({
      worker: contested.worker.metadata.name,
      ...findOn(ask, contested, priority, nowMs),
    }));
  const waiting = findings.find((finding) => finding.kind === 'wait');
  if (waiting !== undefined) {
    return { kind: 'wait', worker: waiting.worker, leaving: waiting.leaving.map((holder) => holder.task) };
  }
  const choices = findings.filter((finding) => finding.kind === 'choice');
  const level = Math.min(...choices.map((choice) => choice.level));
  const found = choices
    .filter((choice) => choice.level === level)
    .slice(0, WORKED_OUT)
    .map((choice) => choice.find());
  const [best] = found.sort((a, b) => compareCost(a.victims, b.victims));
  if (best === undefined) {
    const thought = findings.filter((finding) => finding.kind === 'none');
    return { kind: 'none', message: explainNone(thought.filter(({ isOfRoom }) => isOfRoom)) };
  }
  const verdicts = findings.slice(0, TOLD_VERDICTS).map((finding) => {
    const { worker } = finding;
    if (finding.kind === 'none') return `${worker}: ${finding.why()}`;
    const other = found.find((choice) => choice.worker === worker);
    if (other === undefined) return `${worker}: costs a task of higher priority than ${level}`;
    return `${worker}: ${describeVictims(other.victims)}${other === best ? ' leave, the least costly' : ' would have to leave'}`;
  });
  return { kind: 'preempt', worker: best.worker, victims: best.victims, verdicts };
}

/** `default/a (priority 0), default/b (priority 5)`, a few of them. */
export function describeVictims(victims: readonly Pick<Holder, 'task' | 'priority'>[]): string {
  const told = victims.slice(0, 5).map(({ task, priority }) => `${task} (priority ${priority})`);
  if (victims.length > told.length) told.push(`and ${victims.length - told.length} more`);
  return told.join(', ');
}

/** Its room comes free by itself, and not later than it should have. */
export function isLeavingInTime({ leavesByMs }: Holder, nowMs: number): boolean {
  return leavesByMs !== undefined && nowMs <= leavesByMs;
}

function findOn(ask: Ask, contested: Contested, priority: number, nowMs: number): Finding {
  const barrier = filters.find((filter) => filter.isOfRoom !== true && !filter.check(ask, contested));
  if (barrier !== undefined) {
    return {
      kind: 'none',
      why: () => `${barrier.reason} (${barrier.explain(ask, contested)})`,
      isOfRoom: false,
    };
  }
  const leaving = contested.holders.filter((holder) => isLeavingInTime(holder, nowMs));
  const base = withShares(contested, leaving, -1);
  if (obstacle(ask, base) === undefined) return { kind: 'wait', leaving };
  const movable = contested.holders.filter(
    (holder) => holder.leavesByMs === undefined && holder.priority < priority,
  );
  const emptied = withShares(base, movable, -1);
  const against = obstacle(ask, emptied);
  if (against !== undefined) {
    const why = (): string => {
      const found = `${against.reason} (${against.explain(ask, emptied)})`;
      return `${found} even without its ${movable.length} tasks of lower priority`;
    };
    return { kind: 'none', why, isOfRoom: movable.length > 0 };
  }
  const level = lowestLevel(ask, base, movable);
  const pool = movable.filter((holder) => holder.priority <= level);
  const worker = contested.worker.metadata.name;
  return { kind: 'choice', level, find: () => ({ worker, victims: fewest(ask, base, pool) }) };
}

/** The lowest priority such that there is room without the tasks up to it. */
function lowestLevel(ask: Ask, base: Candidate, movable: readonly Holder[]): number {
  const levels = [...new Set(movable.map((holder) => holder.priority))].sort((a, b) => a - b);
  let low = 0;
  let high = levels.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const gone = movable.filter((holder) => holder.priority <= (levels[middle] ?? 0));
    if (obstacle(ask, withShares(base, gone, -1)) === undefined) high = middle;
    else low = middle + 1;
  }
  return levels[low] ?? 0;
}

/** Sets of more than this many are not looked through one by one, nor when there are too many to choose from. */
const EXACT_SIZE = 3;
const EXACT_SETS = 10_000;

/** The least costly of the pool whose leaving is enough: exactly for small sets, else what giving back one by one leaves. */
function fewest(ask: Ask, base: Candidate, pool: readonly Holder[]): readonly Holder[] {
  const holders = portHolders(ask, base);
  const forced = pool.filter((holder) => holders.has(holder.task));
  const lack = shortfall(ask, withShares(base, forced, -1));
  if (isEnough([], lack)) return forced;
  const useful = pool.filter(
    ({ task, demand }) =>
      !holders.has(task) &&
      ((lack.milliCpu > 0 && demand.milliCpu > 0) ||
        (lack.memoryBytes > 0 && demand.memoryBytes > 0) ||
        (lack.diskBytes > 0 && demand.diskBytes > 0)),
  );
  let sets = 1;
  for (let size = 1; size <= EXACT_SIZE; size++) {
    sets = (sets * (useful.length - size + 1)) / size;
    if (sets > EXACT_SETS) break;
    const best = cheapestOf(useful, size, lack);
    if (best !== undefined) return [...forced, ...best];
  }
  const byWorth = [...useful].sort((a, b) => b.priority - a.priority || a.sinceMs - b.sinceMs);
  const bySize = [...byWorth].sort((a, b) => a.demand.milliCpu - b.demand.milliCpu);
  const byMemory = [...byWorth].sort((a, b) => a.demand.memoryBytes - b.demand.memoryBytes);
  const tries = [byWorth, bySize, byMemory].map((order) => givenBack(order, lack));
  const [best = useful] = tries.sort(compareCost);
  return [...forced, ...best];
}

function cheapestOf(
  pool: readonly Holder[],
  size: number,
  lack: Omit<Demand, 'hostPorts'>,
): readonly Holder[] | undefined {
  let best: readonly Holder[] | undefined;
  const extend = (set: readonly Holder[], from: number): void => {
    if (set.length === size) {
      if (isEnough(set, lack) && (best === undefined || compareCost(set, best) < 0)) best = set;
      return;
    }
    for (const [offset, holder] of pool.slice(from).entries()) extend([...set, holder], from + offset + 1);
  };
  extend([], 0);
  return best;
}

/** All leave; then one after the other stays after all, where there is room enough without it leaving. */
function givenBack(order: readonly Holder[], lack: Omit<Demand, 'hostPorts'>): readonly Holder[] {
  let leaving = order;
  for (const holder of order) {
    const others = leaving.filter((other) => other !== holder);
    if (isEnough(others, lack)) leaving = others;
  }
  return leaving;
}

function isEnough(set: readonly Holder[], lack: Omit<Demand, 'hostPorts'>): boolean {
  let { milliCpu, memoryBytes, diskBytes } = lack;
  for (const { demand } of set) {
    milliCpu -= demand.milliCpu;
    memoryBytes -= demand.memoryBytes;
    diskBytes -= demand.diskBytes;
  }
  return milliCpu <= 0 && memoryBytes <= 0 && diskBytes <= 0;
}

/** Below 0: the first is less costly. Both have the same highest priority, or are compared by it first. */
function compareCost(a: readonly Holder[], b: readonly Holder[]): number {
  const highest = (set: readonly Holder[]): number => Math.max(...set.map(({ priority }) => priority));
  const total = (set: readonly Holder[]): number => set.reduce((sum, { priority }) => sum + priority, 0);
  const oldest = (set: readonly Holder[]): number => Math.min(...set.map(({ sinceMs }) => sinceMs));
  return highest(a) - highest(b) || a.length - b.length || total(a) - total(b) || oldest(b) - oldest(a) || 0;
}

function explainNone(thought: readonly { readonly worker: string; readonly why: () => string }[]): string {
  if (thought.length === 0) return 'no task of lower priority holds room that would help';
  const told = thought.slice(0, TOLD_WORKERS).map(({ worker, why }) => `${worker} ${why()}`);
  if (thought.length > told.length) told.push(`and ${thought.length - told.length} more`);
  return `moving tasks of lower priority would not help: ${told.join('; ')}`;
}
