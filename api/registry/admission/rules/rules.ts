/**
 * `KindRules`: what holds for one kind and neither schema nor CEL can say. A kind without rules of its own has none of
 * these hooks; the list is `list.ts`. Hooks are pure and see objects that were pruned and defaulted by their schema.
 */
import type { DynamicObject, ObjectKey } from '../../../../machinery/meta.ts';
import type { FieldProblem } from '../fielderrors.ts';

/** Looks at another object of this moment; a Resource names its kind. */
export type FindObject = (
  kind: { readonly group: string; readonly plural: string },
  key: ObjectKey,
) => DynamicObject | undefined;

export interface Findings {
  readonly problems: readonly FieldProblem[];
  /** For `Warning` headers: what is let pass. */
  readonly warnings: readonly string[];
}

export const NOTHING_FOUND: Findings = { problems: [], warnings: [] };

export interface KindRules {
  /** A new object before validation: may be changed in place. Says what speaks against it. */
  onCreate?(object: DynamicObject): readonly FieldProblem[];
  /**
   * An object as a change would leave it, before validation: may be changed in place. `before` is what is stored
   * (frozen), `subresource` what was written through (`status`, `scale`, `finalize`), undefined for the object itself.
   */
  onUpdate?(
    object: DynamicObject,
    before: DynamicObject,
    subresource: string | undefined,
  ): readonly FieldProblem[];
  /**
   * What other objects say to one that is made (`before` undefined) or changed itself rather than through a subresource.
   * Comes after the hooks above; the object may be changed in place.
   */
  amongOthers?(object: DynamicObject, before: DynamicObject | undefined, find: FindObject): Findings;
  /** What is wrong with a name; without this hook names are DNS subdomains. */
  nameProblem?(name: string): string | undefined;
  /** Seconds a deletion gives the object when the caller does not say; default 0. */
  graceSeconds?(object: DynamicObject): number;
  /** A copy of an object that a deletion marks instead of removing, already with its deletionTimestamp: may be changed in place. */
  onMarkDeleted?(object: DynamicObject): void;
  /** Why the object may not be deleted at all: a message, told as Forbidden. */
  deletionRefusal?(object: DynamicObject): string | undefined;
}
