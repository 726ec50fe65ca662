/** Where the authorizer finds the RBAC objects: in the caches; where these kinds are not kept, the bootstrap ones hold. */
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from '../../../schemas/kinds.ts';
import type { StoredObject } from '../types.ts';
import { bootstrapOnly } from './bootstrap/objects.ts';
import type { RbacObjects, RbacSource } from './rbacindex.ts';

/** The part of a cache that is read. */
interface Listed {
  /** The very same list as long as nothing changed. */
  list(): readonly StoredObject[];
}

export type ListedOf = (kind: { readonly group: string; readonly plural: string }) => Listed | undefined;

export function rbacSource(cacheOf: ListedOf): RbacSource {
  return (): RbacObjects => {
    const found = [roles, clusterRoles, roleBindings, clusterRoleBindings].map(cacheOf);
    const [ofRoles, ofClusterRoles, ofRoleBindings, ofClusterRoleBindings] = found;
    if (
      ofRoles === undefined ||
      ofClusterRoles === undefined ||
      ofRoleBindings === undefined ||
      ofClusterRoleBindings === undefined
    ) {
      return bootstrapOnly;
    }
    return {
      roles: ofRoles.list(),
      clusterRoles: ofClusterRoles.list(),
      roleBindings: ofRoleBindings.list(),
      clusterRoleBindings: ofClusterRoleBindings.list(),
    };
  };
}
