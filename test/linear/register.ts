/**
 * What one register may answer, as a machine that does one operation after another: the meaning the checker holds
 * concurrent answers against. Pure.
 *
 * Revisions are part of it: a value is found at the revision its write was answered with, and revisions of one key
 * only grow.
 */
import type { Evidence, Operation, Seen } from './history.ts';

export interface RegisterState {
  /**
   * `any` is a register about which nothing is known yet: what a part of a history begins with. A value written by a
   * write of unknown outcome, and seen by nobody, has no known revision.
   */
  readonly content:
    | { readonly kind: 'absent' }
    | { readonly kind: 'any' }
    | { readonly kind: 'value'; readonly value: string; readonly revision: number | undefined };
  /** The greatest revision known to be written: later ones are greater. */
  readonly floor: number;
}

export const NEW_REGISTER: RegisterState = { content: { kind: 'absent' }, floor: 0 };
export const ANY_REGISTER: RegisterState = { content: { kind: 'any' }, floor: 0 };

/** Which revision a value was seen at: what is known of writes whose answer never came. */
export type Revisions = ReadonlyMap<string, number>;

export function revisionsSeen(operations: readonly Operation[]): Revisions {
  const revisions = new Map<string, number>();
  const note = (seen: Seen | undefined): void => {
    if (seen !== undefined && !revisions.has(seen.value)) revisions.set(seen.value, seen.revision);
  };
  for (const { action } of operations) {
    if (action.kind === 'read') {
      note(action.seen);
      continue;
    }
    const { intent, outcome } = action;
    if (outcome.kind === 'conflict' && outcome.evidence.kind === 'seen') note(outcome.evidence.seen);
    if (outcome.kind === 'done' && outcome.revision !== undefined && intent.value !== undefined)
      note({ value: intent.value, revision: outcome.revision });
  }
  return revisions;
}

/** The register after the operation; undefined when the operation cannot have been answered so at this point. */
export function step(
  state: RegisterState,
  { action }: Operation,
  revisions: Revisions,
): RegisterState | undefined {
  if (action.kind === 'read') return seenAs(state, action.seen);
  const { intent, outcome } = action;
  if (outcome.kind === 'conflict') {
    const { wants } = intent;
    const { evidence } = outcome;
    if (wants.kind === 'none') return undefined;
    if (evidence.kind === 'absent' && wants.kind === 'absent') return undefined;
    if (evidence.kind !== 'absent' && wants.kind === 'present') return undefined;
    if (evidence.kind === 'seen' && wants.kind === 'revision' && evidence.seen.revision === wants.revision)
      return undefined;
    return told(state, evidence, wants.kind === 'revision' ? wants.revision : undefined);
  }
  const was = outcome.kind === 'done' ? outcome.was : undefined;
  if (!holds(state, intent.wants) || (was !== undefined && !isAt(state, was))) return undefined;
  const revision =
    (outcome.kind === 'done' ? outcome.revision : undefined) ??
    (intent.value === undefined ? undefined : revisions.get(intent.value));
  if (revision !== undefined && revision <= state.floor) return undefined;
  return {
    content:
      intent.value === undefined ? { kind: 'absent' } : { kind: 'value', value: intent.value, revision },
    floor: Math.max(state.floor, revision ?? 0),
  };
}

function holds({ content }: RegisterState, wants: Intent['wants']): boolean {
  if (wants.kind === 'none' || content.kind === 'any') return true;
  if (wants.kind === 'absent') return content.kind === 'absent';
  if (wants.kind === 'present') return content.kind === 'value';
  // Nobody can have asked for a revision that nobody has seen.
  return content.kind === 'value' && content.revision === wants.revision;
}

type Intent = Extract<Operation['action'], { kind: 'write' }>['intent'];

function isAt({ content }: RegisterState, revision: number): boolean {
  return content.kind === 'any' || (content.kind === 'value' && content.revision === revision);
}

function seenAs(state: RegisterState, seen: Seen | undefined): RegisterState | undefined {
  const { content } = state;
  if (content.kind === 'any') {
    if (seen === undefined) return { ...state, content: { kind: 'absent' } };
    const floor = Math.max(state.floor, seen.revision);
    return { content: { kind: 'value', ...seen }, floor };
  }
  if (seen === undefined) return content.kind === 'absent' ? state : undefined;
  const isSame =
    content.kind === 'value' && content.value === seen.value && content.revision === seen.revision;
  return isSame ? state : undefined;
}

/** @param asked the revision that a refused write had wanted, and that was not there. */
function told(
  state: RegisterState,
  evidence: Evidence,
  asked: number | undefined,
): RegisterState | undefined {
  if (evidence.kind === 'absent') return seenAs(state, undefined);
  if (evidence.kind === 'seen') return seenAs(state, evidence.seen);
  const { content } = state;
  if (content.kind === 'any') return state;
  return content.kind === 'value' && (asked === undefined || content.revision !== asked) ? state : undefined;
}

export function describeState({ content }: RegisterState): string {
  if (content.kind === 'any') return 'anything';
  if (content.kind === 'absent') return 'nothing';
  return `"${content.value}" at ${content.revision ?? 'a revision nobody saw'}`;
}
