/**
 * `Restriction`: what the members of a group may not, whatever their roles say, because no role can say it ("only your
 * own Tasks"). Applied on top of RBAC, as Kubernetes' NodeRestriction is. The list of them is `authorize.ts`'s.
 */
import type { Identity } from '../../../machinery/identity.ts';
import type { DynamicObject, ObjectKey } from '../../../machinery/meta.ts';
import type { InputKind } from '../../../schemas/taskreferences.ts';
import type { AccessRequest } from '../types.ts';
import type { WriteToJudge } from './policy.ts';

/** What a restriction may look at besides the request: the caches. */
export interface Surroundings {
  find(kind: { readonly group: string; readonly plural: string }, key: ObjectKey): DynamicObject | undefined;
  /** Whether a Task that concerns the worker refers to this ConfigMap or Secret. */
  isUsedBy(worker: string, kind: InputKind, key: ObjectKey): boolean;
}

export interface Restriction {
  readonly group: string;
  /** What is out of reach although a rule allows it, before any object is known: says why, or undefined. */
  readonly outOfReach?: (
    identity: Identity,
    request: AccessRequest,
    surroundings: Surroundings,
  ) => string | undefined;
  /** Whether an answer to the request is made from other objects, which must then be as they are now. */
  readonly needsPresent?: (request: AccessRequest) => boolean;
  /** What speaks against a write: says why, or undefined. */
  readonly refusal?: (write: WriteToJudge, surroundings: Surroundings) => string | undefined;
  /**
   * Which objects of a read are there for its reader; undefined is all of them. Asked of each object as it is handed
   * out; one that throws `Forbidden` ends the read, or the watch, with it.
   */
  readonly visible?: (
    identity: Identity,
    request: AccessRequest,
    surroundings: Surroundings,
  ) => ((object: DynamicObject) => boolean) | undefined;
}
