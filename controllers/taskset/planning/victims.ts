/** Who goes first, and why this one: the least useful. Pure. */
import { findCondition } from '../../../machinery/conditions.ts';
import type { Leaving } from '../types.ts';
import type { Member } from './view.ts';

export type LeavingReason = 'Superseded' | 'ScaledDown' | 'Failed' | 'WorkerNotMatching' | 'Recreate';

export interface Victim {
  readonly member: Member;
  readonly reason: LeavingReason;
  readonly message: string;
}

export interface Choice {
  readonly from: readonly Member[];
  /** Nobody else makes a worker doubled. */
  readonly members: readonly Member[];
  readonly count: number;
  readonly reason: LeavingReason;
  /** Those of it stay longest. */
  readonly preferred?: string | undefined;
  /** What is going on, for the message: `web-x takes its place`. */
  readonly because: string;
  /** So many available ones may go at most. */
  readonly availableBudget: number;
}

interface Rank {
  readonly isWorse: (a: Member, b: Member) => number;
  readonly why: (member: Member) => string;
}

/** Not placed, not ready, not ready for long enough, of another revision, newest, doubled on its worker. */
export function chooseVictims(choice: Choice): readonly Victim[] {
  const { from, count, reason, because, preferred } = choice;
  if (count <= 0) return [];
  const ranks = ranksOf(preferred);
  const order = from.toSorted((a, b) => compare(a, b, ranks) || compareNames(b.name, a.name));
  const best = order.at(-1);
  const crowd = new Crowd(choice.members);
  const victims: Victim[] = [];
  let budget = choice.availableBudget;
  for (let start = 0; start < order.length && victims.length < count; ) {
    const first = order[start];
    if (first === undefined) break;
    const end = order.findIndex((other, at) => at > start && compare(first, other, ranks) !== 0);
    const equals = order.slice(start, end < 0 ? undefined : end);
    start += equals.length;
    while (equals.length > 0 && victims.length < count) {
      const at = crowd.worstOf(equals);
      const [member] = equals.splice(at, 1);
      if (member === undefined || (member.isAvailable && budget <= 0)) break;
      const rank = ranks.find(({ isWorse }) => best !== undefined && isWorse(member, best) < 0);
      const others = crowd.of(member);
      const isDoubled = others > 1 && equals.some((other) => crowd.of(other) < others);
      const why =
        rank?.why(member) ??
        (isDoubled ? `${others} of the set are on worker ${member.worker ?? ''}` : 'it is the last by name');
      const isAlone = order.length - victims.length === 1;
      victims.push({ member, reason, message: isAlone ? because : `${because}; this one: ${why}` });
      if (member.isAvailable) budget--;
      crowd.remove(member);
    }
  }
  return victims;
}

/** How many of the set are on each worker. */
class Crowd {
  readonly #counts = new Map<string, number>();

  constructor(members: readonly Member[]) {
    for (const { worker } of members) this.#add(worker, 1);
  }

  of({ worker }: Member): number {
    return worker === undefined ? 0 : (this.#counts.get(worker) ?? 0);
  }

  /** The place of the first of those that have most beside them. */
  worstOf(members: readonly Member[]): number {
    let worst = 0;
    let most = -1;
    for (const [at, member] of members.entries()) {
      const count = this.of(member);
      if (count > most) [worst, most] = [at, count];
    }
    return worst;
  }

  remove({ worker }: Member): void {
    this.#add(worker, -1);
  }

  #add(worker: string | undefined, change: number): void {
    if (worker !== undefined) this.#counts.set(worker, (this.#counts.get(worker) ?? 0) + change);
  }
}

function ranksOf(preferred: string | undefined): readonly Rank[] {
  const flag = (is: (member: Member) => boolean) => (a: Member, b: Member) => Number(is(b)) - Number(is(a));
  return [
    { isWorse: flag(({ worker }) => worker === undefined), why: () => 'it has no worker yet' },
    { isWorse: flag(({ isReady }) => !isReady), why: (member) => `it is not ready (${readyWords(member)})` },
    {
      isWorse: flag(({ isAvailable }) => !isAvailable),
      why: () => 'it has not been ready for minReadySeconds',
    },
    {
      isWorse: flag(({ revision }) => preferred !== undefined && revision !== preferred),
      why: ({ revision }) => `it is of ${revision ?? 'no revision of the set'}`,
    },
    { isWorse: (a, b) => b.createdMs - a.createdMs, why: () => 'it is the newest' },
  ];
}

function compare(a: Member, b: Member, ranks: readonly Rank[]): number {
  for (const { isWorse } of ranks) {
    const order = isWorse(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

export function readyWords({ task }: Member): string {
  const ready = findCondition(task.status?.conditions, 'Ready');
  return task.status?.reason ?? ready?.reason ?? 'nothing has been reported';
}

/** `web-9` before `web-10`. */
function compareNames(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

export function leavingEntry({ member, reason, message }: Victim, nowMs: number): Leaving {
  const { name, uid } = member;
  return { task: name, uid, since: new Date(nowMs).toISOString(), reason, message };
}
