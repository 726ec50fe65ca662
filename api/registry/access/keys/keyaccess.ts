/**
 * The Secrets that are the cluster's own keys (`keysecrets.ts`) are there for members of system:masters alone, whoever
 * may read or write Secrets otherwise: with them anybody could be anybody, which no role is meant to give.
 */
import { NAMESPACE_SYSTEM } from '../../../../machinery/labels.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import type { AccessRequest } from '../../types.ts';
import type { Restriction } from '../restrictions.ts';

export const KEY_TYPES = {
  authority: 'gantry.dev/authority',
  tokenKey: 'gantry.dev/token-key',
  revocation: 'gantry.dev/token-revocation',
} as const;

const TYPES: ReadonlySet<unknown> = new Set(Object.values(KEY_TYPES));
const REFUSAL = "the cluster's own keys are for members of system:masters";

export const keyRestriction: Pick<Required<Restriction>, 'refusal' | 'visible'> = {
  refusal: ({ request, before, after }) =>
    isOfSecrets(request) && [before, after].some((object) => object !== undefined && isKey(object))
      ? REFUSAL
      : undefined,
  visible(_identity, request) {
    const isElsewhere = request.namespace !== undefined && request.namespace !== NAMESPACE_SYSTEM;
    return !isOfSecrets(request) || isElsewhere ? undefined : (object) => !isKey(object);
  },
};

function isOfSecrets({ group, resource }: AccessRequest): boolean {
  return group === '' && resource === 'secrets';
}

function isKey(object: DynamicObject): boolean {
  return object.metadata.namespace === NAMESPACE_SYSTEM && TYPES.has(object['type']);
}
