/** Where things are in the store. */
import type { ObjectKey } from '../../machinery/meta.ts';

export const REGISTRY_PREFIX = '/registry/';
const ALLOCATIONS_PREFIX = '/allocations/';

const QUOTAS_PREFIX = '/quotas/';

/** `/registry/<group or "core">/<plural>/`: what all keys of one kind start with. */
export function kindPrefix(resource: { readonly group: string; readonly plural: string }): string {
  return `${REGISTRY_PREFIX}${resource.group === '' ? 'core' : resource.group}/${resource.plural}/`;
}

/** The part of a key after its kind's prefix: `[<namespace>/]<name>`. */
export function relativeKey(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
}

export function allocationKey(worker: string): string {
  return ALLOCATIONS_PREFIX + worker;
}

/** Written with everything that may bring a namespace to a limit, by servers that share the store. */
export function quotaKey(namespace: string): string {
  return QUOTAS_PREFIX + namespace;
}
