/** The words authorization is written in: rules, roles, and a write that is to be judged. */
import type { Identity } from '../../../machinery/identity.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { AccessRequest } from '../types.ts';

/** Kubernetes' PolicyRule. */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  /** `tasks`, `tasks/status`, `*`, or one subresource of everything: a star, a slash and its name. */
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  /** Exact paths, or a beginning followed by a star. */
  readonly nonResourceURLs?: readonly string[];
}

/** One write, with the object as it is and as it would become (undefined: removed). */
export interface WriteToJudge {
  readonly identity: Identity;
  readonly request: AccessRequest;
  readonly before: DynamicObject | undefined;
  readonly after: DynamicObject | undefined;
}

export interface Role {
  readonly name: string;
  /** Who has the role: members of any of these groups. */
  readonly groups: readonly string[];
  readonly rules: readonly PolicyRule[];
  /** What the role does not reach although a rule matches: says why, or undefined. */
  readonly outOfReach?: (identity: Identity, request: AccessRequest) => string | undefined;
  /** What speaks against a write: says why, or undefined. */
  readonly refusal?: (write: WriteToJudge) => string | undefined;
}
