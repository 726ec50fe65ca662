/**
 * Judges a whole history, and says of a bad one what a person needs: the smallest part that no order explains, the
 * laws that are broken, where the whole history is kept, and the command that plays the same schedule again.
 */
import { checkRegister, type SearchOptions } from './checker.ts';
import {
  describeOperation,
  type History,
  keepHistory,
  type Operation,
  type Recorder,
  type WatchLog,
} from './history.ts';
import { brokenLaws } from './laws.ts';
import { ANY_REGISTER, describeState, NEW_REGISTER, type RegisterState, revisionsSeen } from './register.ts';

const SHOWN_LAWS = 10;

type SearchLimits = Pick<SearchOptions, 'maxPoints'>;

export interface Judgement {
  /** Keys no order explains, each with its report. */
  readonly impossible: readonly string[];
  readonly undecided: readonly string[];
  readonly laws: readonly string[];
}

export function judge(history: History, limits: SearchLimits = {}): Judgement {
  const impossible: string[] = [];
  const undecided: string[] = [];
  for (const [key, operations] of Map.groupBy(history.operations, ({ key }) => key)) {
    const verdict = checkRegister(operations, limits);
    if (verdict.kind === 'undecided') undecided.push(`${key}: could not decide: ${verdict.why}`);
    if (verdict.kind === 'impossible') impossible.push(reportOf(key, operations, limits));
  }
  return { impossible, undecided, laws: brokenLaws(history) };
}

/** So little says nothing about anything. */
const LEAST = { reads: 30, done: 30 };

/** Throws with the report when anything is wrong, and when there is too little to judge. */
export function mustHold(
  recorder: Recorder,
  watches: readonly WatchLog[],
  what: string,
  replay: string,
): void {
  const history: History = { operations: recorder.operations, watches };
  const heading = `${what}: ${recorder.summary()}`;
  if (process.env['GANTRY_LINEAR_SHOW'] === '1') console.log(`      ${heading}`);
  const { reads, done } = recorder.counts();
  if (reads < LEAST.reads || done < LEAST.done) {
    throw new Error(
      `${heading}: too little to judge; wanted ${LEAST.reads} reads and ${LEAST.done} writes done`,
    );
  }
  const { impossible, undecided, laws } = judge(history);
  if (impossible.length + undecided.length + laws.length === 0) return;
  const left = laws.length - SHOWN_LAWS;
  const lines = [
    heading,
    ...impossible,
    ...undecided,
    ...laws.slice(0, SHOWN_LAWS),
    ...(left > 0 ? [`… and ${left} broken laws more`] : []),
    `the whole history: ${keepHistory(history, `${heading}; ${replay}`)}`,
    `play the same schedule again: ${replay}`,
  ];
  throw new Error(lines.join('\n'));
}

/** The smallest part of one key's operations that no order explains. */
interface Part {
  readonly operations: readonly Operation[];
  readonly start: RegisterState;
}

/**
 * Each step keeps the part impossible and its impossibility evidence about the whole: leaving out what came later, or
 * beginning with an unknown register after what came earlier, or leaving out a read or a refusal, only ever allows more.
 */
export function smallestPart(operations: readonly Operation[], limits: SearchLimits): Part {
  const revisions = revisionsSeen(operations);
  const isImpossible = (part: readonly Operation[], start: RegisterState): boolean =>
    checkRegister(part, { ...limits, start, revisions }).kind === 'impossible';
  const ends = operations.map(({ returned }) => returned).filter(Number.isFinite);
  ends.sort((a, b) => a - b);
  const firstEnd = firstTrue(ends.length - 1, (index) =>
    isImpossible(until(operations, ends[index] ?? 0), NEW_REGISTER),
  );
  const early = until(operations, ends[firstEnd] ?? Number.POSITIVE_INFINITY);
  const begins = [0, ...early.map(({ called }) => called)].sort((a, b) => b - a);
  const lastBegin = firstTrue(begins.length - 1, (index) =>
    isImpossible(since(early, begins[index] ?? 0), ANY_REGISTER),
  );
  const late = since(early, begins[lastBegin] ?? 0);
  // Beginning with an unknown register allows more than beginning with an empty one: it may allow too much.
  const start = isImpossible(late, ANY_REGISTER) ? ANY_REGISTER : NEW_REGISTER;
  let part = start === ANY_REGISTER ? late : early;
  for (const operation of part) {
    if (!isPlain(operation)) continue;
    const rest = part.filter((other) => other !== operation);
    if (isImpossible(rest, start)) part = rest;
  }
  return { operations: part, start };
}

/** What had been called by then; what had not been answered yet is open. */
function until(operations: readonly Operation[], place: number): Operation[] {
  return operations.flatMap((operation) => {
    if (operation.called > place) return [];
    if (operation.returned <= place) return [operation];
    if (operation.action.kind === 'read') return [];
    const outcome = { kind: 'unknown' as const, why: 'not answered yet' };
    const open = {
      ...operation,
      returned: Number.POSITIVE_INFINITY,
      action: { ...operation.action, outcome },
    };
    return [operation.returned === Number.POSITIVE_INFINITY ? operation : open];
  });
}

/** What was not answered before. */
function since(operations: readonly Operation[], place: number): Operation[] {
  return operations.filter(({ returned }) => returned >= place);
}

/** An operation that changes nothing. */
function isPlain({ action }: Operation): boolean {
  return action.kind === 'read' || action.outcome.kind === 'conflict';
}

/** The least index for which it holds, when it holds for all after it; the last one when for none. */
function firstTrue(last: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = last;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return Math.max(low, 0);
}

function reportOf(key: string, all: readonly Operation[], limits: SearchLimits): string {
  const { operations, start } = smallestPart(all, limits);
  const verdict = checkRegister(operations, { ...limits, start, revisions: revisionsSeen(all) });
  const { shown, hidden } = worthShowing(operations);
  const lines = [
    `${key}: no order of its operations explains all answers. The smallest part that none explains, of ${all.length}, begins with ${describeState(start)}:`,
    ...shown.map((operation) => `  ${describeOperation(operation)}`),
    ...(hidden > 0
      ? [`  besides ${hidden} writes of unknown outcome whose values nobody saw, which do not help`]
      : []),
  ];
  if (verdict.kind === 'impossible') {
    const { order, state } = verdict.furthest;
    lines.push(
      `  the furthest that can be explained, in this order: ${order.map(({ called }) => called).join(', ') || 'none'}; then it holds ${describeState(state)}, and no other answer fits`,
    );
  }
  return lines.join('\n');
}

function worthShowing(operations: readonly Operation[]): { shown: readonly Operation[]; hidden: number } {
  const seen = new Set(
    operations.flatMap(({ action }) => {
      if (action.kind === 'read') return action.seen?.value ?? [];
      if (action.outcome.kind !== 'conflict') return [];
      return action.outcome.evidence.kind === 'seen' ? action.outcome.evidence.seen.value : [];
    }),
  );
  const shown = operations.filter(({ action, returned }) => {
    if (Number.isFinite(returned) || action.kind === 'read') return true;
    return action.intent.value === undefined || seen.has(action.intent.value);
  });
  return { shown, hidden: operations.length - shown.length };
}
