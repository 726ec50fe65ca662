/**
 * Which names a definition may have, and what its status says of it. Pure: definitions in, the next status out.
 *
 * Names are taken within a group, first come, first served; a definition whose name is taken keeps what it had. Source:
 * apiextensions-apiserver's naming and establishing controllers, whose reasons and messages these are.
 */
import {
  type Condition,
  type ConditionInput,
  findCondition,
  setCondition,
} from '../../../machinery/conditions.ts';
import type { KindNames, KindStatus } from '../../../schemas/crd.ts';
import type { Definition } from './definition.ts';

/** Names in use within one group. */
interface Taken {
  readonly resources: ReadonlySet<string>;
  readonly kinds: ReadonlySet<string>;
}

/** Names that somebody has, whoever it is. */
export interface NamedKind {
  readonly group: string;
  readonly names: Partial<KindNames>;
}

/** The status the definition ought to have; the very same one when nothing is to be changed. */
/** @param isReady whether the kind can be served in the moment in which it is told to be established. */
export function planStatus(
  definition: Definition,
  others: readonly NamedKind[],
  isReady: boolean,
  nowMs: number,
): KindStatus {
  const { spec, status = {}, metadata } = definition;
  const { names, problem } = acceptNames(spec.names, status.acceptedNames ?? {}, takenIn(spec.group, others));
  const wasEstablished = findCondition(status.conditions, 'Established')?.status === 'True';
  let conditions: readonly Condition[] | undefined = status.conditions;
  const set = (condition: ConditionInput): void => {
    conditions = setCondition(conditions, condition, nowMs);
  };
  set(
    problem === undefined
      ? {
          type: 'NamesAccepted',
          status: 'True',
          reason: 'NoConflicts',
          message: 'no conflicts found',
        }
      : { type: 'NamesAccepted', status: 'False', ...problem },
  );
  if (!wasEstablished) set(establishedOf(problem === undefined, isReady));
  if (metadata.deletionTimestamp !== undefined) {
    set({
      type: 'Terminating',
      status: 'True',
      reason: 'InstanceDeletionInProgress',
      message: 'CustomResource deletion is in progress',
    });
  }
  const isSame =
    conditions === status.conditions && JSON.stringify(names) === JSON.stringify(status.acceptedNames ?? {});
  return isSame ? status : { ...status, conditions: conditions ?? [], acceptedNames: names };
}

function establishedOf(areAccepted: boolean, isReady: boolean): ConditionInput {
  if (!areAccepted) {
    const message = 'not all names are accepted';
    return { type: 'Established', status: 'False', reason: 'NotAccepted', message };
  }
  const message = 'the initial names have been accepted';
  return isReady
    ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message }
    : { type: 'Established', status: 'False', reason: 'Installing', message };
}

function takenIn(group: string, others: readonly NamedKind[]): Taken {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { names } of others.filter((other) => other.group === group)) {
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) {
      if (name !== undefined) resources.add(name);
    }
    for (const name of [names.kind, names.listKind]) if (name !== undefined) kinds.add(name);
  }
  return { resources, kinds };
}

interface Accepted {
  readonly names: Partial<KindNames>;
  readonly problem: { readonly reason: string; readonly message: string } | undefined;
}

/** Each name by itself: taken from the wish where it is free, kept as it was where it is not. */
function acceptNames(wanted: KindNames, had: Partial<KindNames>, taken: Taken): Accepted {
  const names: { -readonly [K in keyof KindNames]?: KindNames[K] } = {};
  let problem: Accepted['problem'];
  const refuse = (reason: string, found: readonly string[]): void => {
    problem = { reason, message: found.map((name) => `"${name}" is already in use`).join(', ') };
  };
  for (const [field, list, reason] of [
    ['plural', taken.resources, 'PluralConflict'],
    ['singular', taken.resources, 'SingularConflict'],
    ['kind', taken.kinds, 'KindConflict'],
    ['listKind', taken.kinds, 'ListKindConflict'],
  ] as const) {
    const isFree = !list.has(wanted[field]);
    if (!isFree) refuse(reason, [wanted[field]]);
    const name = isFree ? wanted[field] : had[field];
    if (name !== undefined) names[field] = name;
  }
  const clashes = (wanted.shortNames ?? []).filter((name) => taken.resources.has(name));
  if (clashes.length > 0) refuse('ShortNamesConflict', clashes);
  const shortNames = clashes.length === 0 ? wanted.shortNames : had.shortNames;
  if (shortNames !== undefined) names.shortNames = shortNames;
  if (wanted.categories !== undefined) names.categories = wanted.categories;
  return { names, problem };
}
