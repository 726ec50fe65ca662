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
  const { from, count, reason, because } = choice;
  const left = new Set(choice.members);
  const candidates = new Set(from);
  const victims: Victim[] = [];
  let budget = choice.availableBudget;
  while (victims.length < count && candidates.size > 0) {
    const allowed = [...candidates].filter(({ isAvailable }) => !isAvailable || budget > 0);
    const [first, ...others] = allowed;
    if (first === undefined) break;
    const ranks = ranksOf(left, choice.preferred);
    const member = others.reduce((worst, other) => (compare(other, worst, ranks) < 0 ? other : worst), first);
    const why = candidates.size === 1 ? undefined : whyFirst(member, [...candidates], ranks);
    victims.push({ member, reason, message: why === undefined ? because : `${because}; this one: ${why}` });
    if (member.isAvailable) budget--;
    candidates.delete(member);
    left.delete(member);
  }
  return victims;
}

function ranksOf(left: ReadonlySet<Member>, preferred: string | undefined): readonly Rank[] {
  const perWorker = new Map<string, number>();
  for (const { worker } of left) {
    if (worker !== undefined) perWorker.set(worker, (perWorker.get(worker) ?? 0) + 1);
  }
  const crowd = ({ worker }: Member): number => (worker === undefined ? 0 : (perWorker.get(worker) ?? 0));
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
    {
      isWorse: (a, b) => crowd(b) - crowd(a),
      why: (member) => `${crowd(member)} of the set are on worker ${member.worker ?? ''}`,
    },
    { isWorse: (a, b) => compareNames(b.name, a.name), why: () => 'it is the last by name' },
  ];
}

function compare(a: Member, b: Member, ranks: readonly Rank[]): number {
  for (const { isWorse } of ranks) {
    const order = isWorse(a, b);
    if (order !== 0) return order;
  }
  return 0;
}

/** The first thing that sets it apart from any of the others. */
function whyFirst(member: Member, others: readonly Member[], ranks: readonly Rank[]): string | undefined {
  const rank = ranks.find(({ isWorse }) => others.some((other) => isWorse(member, other) < 0));
  return rank?.why(member);
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
