/**
 * `Restriction`: what the members of a group may not, whatever their roles say, because no role can say it ("only your
 * own Tasks"). Applied on top of RBAC, as Kubernetes' NodeRestriction is. The list of them is `authorize.ts`'s.
 */
import type { Identity } from '../../../machinery/identity.ts';
import type { DynamicObject, ObjectKey } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';
import type { WriteToJudge } from './policy.ts';

/** What a restriction may look at besides the request: the caches. */
export interface Surroundings {
  find(kind: { readonly group: string; readonly plural: string }, key: ObjectKey): DynamicObject | undefined;
}

export interface Restriction {
  readonly group: string;
  /** What is out of reach although a rule allows it, before any object is known: says why, or undefined. */
  readonly outOfReach?: (identity: Identity, request: AccessRequest) => string | undefined;
  /** What speaks against a write: says why, or undefined. */
  readonly refusal?: (write: WriteToJudge, surroundings: Surroundings) => string | undefined;
  /** Which objects of a read are there for its reader; undefined is all of them. */
  readonly visible?: (
    identity: Identity,
    request: AccessRequest,
    surroundings: Surroundings,
  ) => ((object: DynamicObject) => boolean) | undefined;
}
