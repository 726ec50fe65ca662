/**
 * Whether a Run may begin after those that it depends on. Pure.
 *
 * What was seen of them is in the status: which Run is meant by a name, and that it has completed. So a Run that completed may
 * go, and one that gets its name later changes nothing.
 */
import { WAITING_FOR_RUNS } from '../../../schemas/runlives.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import type { RunNote, Status } from '../types.ts';

type Seen = NonNullable<Status['dependsOn']>[number];

export interface DependencyWorld {
  /** With `spec.dependsOn`; neither begun nor ended. */
  readonly run: Run;
  /** Those of them that are there, by name. */
  readonly found: ReadonlyMap<string, Run>;
  /** Names of those that were read live, and are not there. */
  readonly absent: ReadonlySet<string>;
}

export type DependencyPlan =
  /** To be read live first: that one is gone decides something. */
  | { readonly kind: 'look'; readonly names: readonly string[] }
  /** One of them will never have completed. */
  | { readonly kind: 'failed'; readonly message: string; readonly seen: readonly Seen[] }
  /** `seen` is all there is to store; where nothing is awaited any more, the Run begins once it is stored. */
  | { readonly kind: 'waits' | 'met'; readonly message: string; readonly seen: readonly Seen[] };

export type DecidedDependencies = Exclude<DependencyPlan, { readonly kind: 'look' }>;

/** A sentence that names more Runs than this helps nobody. */
const MAX_NAMES = 10;

export function planDependencies({ run, found, absent }: DependencyWorld): DependencyPlan {
  const names = (run.spec.dependsOn ?? []).map(({ name }) => name);
  const before = new Map((run.status?.dependsOn ?? []).map((entry) => [entry.name, entry]));
  const isSeen = (name: string): boolean => before.get(name)?.completedAt !== undefined;
  const unknown = names.filter((name) => !isSeen(name) && !found.has(name) && !absent.has(name));
  if (unknown.length > 0) return { kind: 'look', names: unknown };
  const seen: Seen[] = [];
  const waiting: string[] = [];
  const problems: string[] = [];
  for (const name of names) {
    const entry = before.get(name) ?? { name };
    const other = found.get(name);
    if (isSeen(name)) seen.push(entry);
    else if (other === undefined || (entry.uid !== undefined && other.metadata.uid !== entry.uid)) {
      seen.push(entry);
      problems.push(`run "${name}" is gone, and was not seen to complete`);
    } else {
      const { uid } = other.metadata;
      const { state = 'pending', reason, finishedAt } = other.status ?? {};
      const known: Seen = { name, ...(uid === undefined ? {} : { uid }) };
      const hasCompleted = finishedAt !== undefined && state === 'completed';
      seen.push(hasCompleted ? { ...known, completedAt: finishedAt } : known);
      if (finishedAt === undefined) waiting.push(name);
      else if (!hasCompleted) {
        const why = reason === undefined ? '' : ` (${reason})`;
        problems.push(`run "${name}" is ${state}${why}, and must have completed`);
      }
    }
  }
  if (problems.length > 0) return { kind: 'failed', message: listed(problems, '; '), seen };
  if (waiting.length === 0) return { kind: 'met', message: '', seen };
  const told = listed(
    waiting.map((name) => `"${name}"`),
    ', ',
  );
  return {
    kind: 'waits',
    message: `waits until ${told} ${waiting.length === 1 ? 'has' : 'have'} completed`,
    seen,
  };
}

/** The status while it waits, or as it was before it did: without the words of its waiting. */
export function waitingStatus(
  { metadata, status: old = {} }: Run,
  { kind, message, seen }: DecidedDependencies,
): Status {
  const { reason: _reason, message: _message, ...rest } = old;
  const { generation } = metadata;
  return {
    ...rest,
    state: 'pending',
    ...(kind === 'waits' ? { reason: WAITING_FOR_RUNS, message } : {}),
    dependsOn: [...seen],
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

/** Told when the waiting begins; that it goes on is in the status. */
export function waitingNotes(
  { status }: Run,
  { kind, message, seen }: DecidedDependencies,
): readonly RunNote[] {
  if (kind !== 'waits' || status?.reason === WAITING_FOR_RUNS) return [];
  const inputs = { dependsOn: seen.map(({ name }) => name).slice(0, MAX_NAMES) };
  const decision = { inputs, verdict: WAITING_FOR_RUNS, action: 'it begins once they have completed' };
  return [{ type: 'Normal', reason: WAITING_FOR_RUNS, message, decision }];
}

function listed(words: readonly string[], separator: string): string {
  const more = words.length - MAX_NAMES;
  return more <= 0 ? words.join(separator) : `${words.slice(0, MAX_NAMES).join(separator)} and ${more} more`;
}
