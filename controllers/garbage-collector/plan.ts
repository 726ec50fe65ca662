/**
 * What ownership means for one object: does it go because its owners went, does it wait for its dependents, does it let
 * them go. Pure; the caller looks at the copies first and asks again with what it read anew before anything is done.
 *
 * Safety: an object goes only if every one of its references is to an owner that is absent, or that is itself being
 * deleted in the foreground. An owner that cannot be looked up counts as there.
 * Source of the rules: Kubernetes documentation, "Garbage Collection", "Owners and Dependents"; its garbage collector's
 * `attemptToDeleteItem`, `processDeletingDependentsItem` and `orphanDependents`.
 */
import type { DeleteOptions } from '../../machinery/client.ts';
import { ANNOTATION_PROTECT, FINALIZER_FOREGROUND, FINALIZER_ORPHAN } from '../../machinery/labels.ts';
import type { KubeObject, OwnerReference } from '../../machinery/meta.ts';

/**
 * - `present`: there, with the uid of the reference.
 * - `foreground`: the same, and it waits for its dependents to go.
 * - `absent`: nothing of that name and uid is there.
 * - `unreadable`: nobody serves a kind of that name (now, or a view): nothing can be said.
 * - `misplaced`: a namespaced kind, referred to by a cluster-scoped object: no such reference can be looked up.
 */
export type OwnerState = 'present' | 'foreground' | 'absent' | 'unreadable' | 'misplaced';

export interface Owner {
  readonly reference: OwnerReference;
  readonly state: OwnerState;
}

export interface Dependent {
  /** `itemText` of it. */
  readonly item: string;
  /** Its reference has `blockOwnerDeletion`. */
  readonly blocks: boolean;
  /** It waits, itself or through others, for the very object that is looked at: neither can wait for the other. */
  readonly isInCircle: boolean;
}

export interface Ownership {
  readonly object: KubeObject;
  readonly owners: readonly Owner[];
  readonly dependents: readonly Dependent[];
}

export type CollectPlan =
  | { readonly kind: 'nothing' }
  | {
      readonly kind: 'delete';
      readonly policy: NonNullable<DeleteOptions['propagationPolicy']>;
      readonly why: string;
    }
  /** It would have to go and may not. */
  | { readonly kind: 'protected'; readonly why: string }
  /** References to owners that are gone, or going and not the last, are taken out. */
  | { readonly kind: 'release'; readonly uids: readonly string[]; readonly why: string }
  /** Its dependents lose their references to it. */
  | { readonly kind: 'orphan'; readonly items: readonly string[] }
  | { readonly kind: 'lift'; readonly finalizer: string; readonly why: string }
  /** For these dependents to go first. */
  | { readonly kind: 'wait'; readonly items: readonly string[] };

const nothing: CollectPlan = { kind: 'nothing' };

export function planCollection({ object, owners, dependents }: Ownership): CollectPlan {
  const { metadata } = object;
  const finalizers = metadata.finalizers ?? [];
  if (metadata.deletionTimestamp !== undefined) return planGoing(finalizers, dependents);
  if (owners.length === 0) return nothing;
  const goingOrGone = owners.filter(({ state }) => state === 'absent' || state === 'foreground');
  if (goingOrGone.length < owners.length) {
    if (goingOrGone.length === 0) return nothing;
    const uids = [...new Set(goingOrGone.map(({ reference }) => reference.uid))];
    return { kind: 'release', uids, why: `${told(goingOrGone)}; other owners are still there` };
  }
  if (metadata.annotations?.[ANNOTATION_PROTECT] === 'true') {
    return {
      kind: 'protected',
      why: `${told(owners)}, but the annotation ${ANNOTATION_PROTECT} is "true": it stays until that is removed`,
    };
  }
  const isWaitedFor = owners.some(({ state }) => state === 'foreground');
  return {
    kind: 'delete',
    policy: policyOf(finalizers, isWaitedFor && dependents.length > 0),
    why: told(owners),
  };
}

function planGoing(finalizers: readonly string[], dependents: readonly Dependent[]): CollectPlan {
  if (finalizers.includes(FINALIZER_ORPHAN)) {
    return dependents.length > 0
      ? { kind: 'orphan', items: dependents.map(({ item }) => item) }
      : { kind: 'lift', finalizer: FINALIZER_ORPHAN, why: 'no dependent refers to it any more' };
  }
  if (!finalizers.includes(FINALIZER_FOREGROUND)) return nothing;
  const blocking = dependents.filter(({ blocks, isInCircle }) => blocks && !isInCircle);
  if (blocking.length > 0) return { kind: 'wait', items: blocking.map(({ item }) => item) };
  const circle = dependents.some(({ isInCircle, blocks }) => isInCircle && blocks);
  return {
    kind: 'lift',
    finalizer: FINALIZER_FOREGROUND,
    why: circle
      ? 'the dependents that are left wait for it in turn'
      : 'no dependent that blocks its deletion is left',
  };
}

/** What it was being deleted with before, or so that the owner that waits sees the whole tree go. */
function policyOf(
  finalizers: readonly string[],
  isWaitedForWithDependents: boolean,
): NonNullable<DeleteOptions['propagationPolicy']> {
  if (isWaitedForWithDependents) return 'Foreground';
  if (finalizers.includes(FINALIZER_ORPHAN)) return 'Orphan';
  return finalizers.includes(FINALIZER_FOREGROUND) ? 'Foreground' : 'Background';
}

/** `its owner TaskSet "web" is gone`. */
function told(owners: readonly Owner[]): string {
  const shown = owners.slice(0, 3).map(({ reference: { kind, name }, state }) => {
    const how = state === 'absent' ? 'is gone' : 'is being deleted and waits for it';
    return `its owner ${kind} "${name}" ${how}`;
  });
  const left = owners.length - shown.length;
  return shown.join(', ') + (left > 0 ? ` and ${left} more` : '');
}
