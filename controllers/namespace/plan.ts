/**
 * How far a deleted namespace is: what is deleted now, what is said of the rest, and whether it may go. Pure.
 *
 * Tasks go first, and everything else once the last of them has ended: a container that is stopping may still need its
 * ConfigMaps and Secrets. What is protected stays, and the namespace with it.
 * Source of conditions, reasons and wording: Kubernetes' namespace controller (`namespaced_resources_deleter`,
 * `status_condition_utils`); of the order: its "ordered namespace deletion", where Pods go first.
 */
import { timestamp } from '../../machinery/clock.ts';
import { ANNOTATION_PROTECT } from '../../machinery/labels.ts';
import { type KubeObject, keyOf, type ObjectKey } from '../../machinery/meta.ts';
import type { Namespace } from '../../schemas/types.gen.ts';

/** What was found of one kind in the namespace. */
export interface Content {
  /** `tasks.gantry.dev`, or `configmaps` for the core group. */
  readonly kind: string;
  readonly objects: readonly KubeObject[];
}

export interface Emptying {
  readonly namespace: Namespace;
  readonly contents: readonly Content[];
  /** Kinds that could not be read, each with why. */
  readonly unreadable: readonly string[];
  /** Deletions that were refused or failed in the last round, each with why. */
  readonly failures: readonly string[];
  readonly nowMs: number;
}

export interface Removal {
  readonly kind: string;
  readonly key: ObjectKey;
  readonly uid: string | undefined;
}

export interface EmptyingPlan {
  readonly remove: readonly Removal[];
  /** Nothing is left, and everything could be looked at: once that has been said, the namespace may go. */
  readonly isEmpty: boolean;
  /** To be written; absent when it says so already. */
  readonly status?: NonNullable<Namespace['status']>;
}

type NamespaceCondition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number];

/** Containers stop before what they use is taken away. */
const FIRST = 'tasks.gantry.dev';
const SHOWN = 10;

export function planEmptying(input: Emptying): EmptyingPlan {
  const { namespace, contents, unreadable, nowMs } = input;
  const left = contents.filter(({ objects }) => objects.length > 0);
  const areTasksLeft = left.some(({ kind }) => kind === FIRST);
  const turn = areTasksLeft ? left.filter(({ kind }) => kind === FIRST) : left;
  const remove = turn.flatMap(({ kind, objects }) =>
    objects
      .filter((object) => object.metadata.deletionTimestamp === undefined && !isProtected(object))
      .map((object) => ({ kind, key: keyOf(object), uid: object.metadata.uid })),
  );
  const before = namespace.status?.conditions ?? [];
  const conditions = conditionsOf(input, left).map((next) => withTime(next, before, nowMs));
  const types = new Set(conditions.map(({ type }) => type));
  const all = [...before.filter(({ type }) => !types.has(type)), ...conditions];
  const isSaid = conditions.every((condition) => before.includes(condition));
  return {
    remove,
    isEmpty: left.length === 0 && unreadable.length === 0,
    ...(isSaid ? {} : { status: { ...namespace.status, phase: 'Terminating', conditions: all } }),
  };
}

function conditionsOf(
  { unreadable, failures }: Emptying,
  left: readonly Content[],
): Omit<NamespaceCondition, 'lastTransitionTime'>[] {
  const shielded = left.flatMap(({ kind, objects }) =>
    objects.filter(isProtected).map((object) => `${kind} "${object.metadata.name}"`),
  );
  const finalizers = new Map<string, number>();
  for (const object of left.flatMap(({ objects }) => objects)) {
    for (const finalizer of object.metadata.finalizers ?? []) {
      finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
    }
  }
  const counts = left.map(({ kind, objects }) => `${dotted(kind)} has ${objects.length} resource instances`);
  const holders = [...finalizers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} in ${count} resource instances`);
  return [
    unreadable.length === 0
      ? said(
          'NamespaceDeletionDiscoveryFailure',
          'ResourcesDiscovered',
          'All resources successfully discovered',
        )
      : found(
          'NamespaceDeletionDiscoveryFailure',
          'DiscoveryFailed',
          `Discovery failed for some groups, ${unreadable.length} failing: ${listed(unreadable)}`,
        ),
    said(
      'NamespaceDeletionGroupVersionParsingFailure',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    contentCondition(failures, shielded),
    counts.length === 0
      ? said('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed')
      : found(
          'NamespaceContentRemaining',
          'SomeResourcesRemain',
          `Some resources are remaining: ${counts.sort().join(', ')}`,
        ),
    holders.length === 0
      ? said(
          'NamespaceFinalizersRemaining',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : found(
          'NamespaceFinalizersRemaining',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${holders.join(', ')}`,
        ),
  ];
}

function contentCondition(
  failures: readonly string[],
  shielded: readonly string[],
): Omit<NamespaceCondition, 'lastTransitionTime'> {
  const type = 'NamespaceDeletionContentFailure';
  if (shielded.length > 0) {
    return found(
      type,
      'ContentProtected',
      `Protected by the annotation ${ANNOTATION_PROTECT}, ${shielded.length} remaining: ${listed(shielded)}; remove the annotation and they are deleted`,
    );
  }
  if (failures.length > 0) {
    return found(
      type,
      'ContentDeletionFailed',
      `Failed to delete all resource types, ${failures.length} remaining: ${listed(failures)}`,
    );
  }
  return said(type, 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization');
}

function said(type: string, reason: string, message: string): Omit<NamespaceCondition, 'lastTransitionTime'> {
  return { type, status: 'False', reason, message };
}

function found(
  type: string,
  reason: string,
  message: string,
): Omit<NamespaceCondition, 'lastTransitionTime'> {
  return { type, status: 'True', reason, message };
}

/** The very condition that is there when it says the same; its time moves only with its status. */
function withTime(
  next: Omit<NamespaceCondition, 'lastTransitionTime'>,
  before: readonly NamespaceCondition[],
  nowMs: number,
): NamespaceCondition {
  const old = before.find(({ type }) => type === next.type);
  if (old !== undefined && old.status === next.status) {
    if (old.reason === next.reason && old.message === next.message) return old;
    return { ...next, lastTransitionTime: old.lastTransitionTime ?? timestamp(nowMs) };
  }
  return { ...next, lastTransitionTime: timestamp(nowMs) };
}

function isProtected({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ANNOTATION_PROTECT] === 'true';
}

/** Kubernetes writes the core group's resources with the dot as well: `configmaps.`. */
function dotted(kind: string): string {
  return kind.includes('.') ? kind : `${kind}.`;
}

function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN).join(', ');
  return items.length > SHOWN ? `${shown} and ${items.length - SHOWN} more` : shown;
}
