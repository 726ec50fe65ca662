/**
 * Makes the bootstrap roles and bindings at start, and gives back what they lost: rules and subjects are added, never
 * taken away, and an object with the annotation `rbac.authorization.kubernetes.io/autoupdate: "false"` is left alone.
 * Source: Kubernetes documentation, "Using RBAC Authorization", "Auto-reconciliation".
 */
import type { Client, DeleteOptions } from '../../../../machinery/client.ts';
import { isApiError } from '../../../../machinery/errors.ts';
import type { DynamicObject, Resource } from '../../../../machinery/meta.ts';
import { clusterRoleBindings, clusterRoles } from '../../../../schemas/kinds.ts';
import { bootstrapBindingObjects, bootstrapRoleObjects, hasOtherRole, reconciled } from './objects.ts';

/** Somebody else may write the same object at the same moment, such as another API server that starts. */
const ATTEMPTS = 5;

/** Rejects with the `ApiError` of the first object that could not be made right. */
export async function reconcileBootstrapRoles(client: Client): Promise<void> {
  const { phantom: _role, ...roles } = clusterRoles;
  const { phantom: _binding, ...bindings } = clusterRoleBindings;
  await ensureAll(client, roles, bootstrapRoleObjects);
  await ensureAll(client, bindings, bootstrapBindingObjects);
}

/** Side by side, so that they share commits. */
async function ensureAll(
  client: Client,
  resource: Resource,
  wanted: readonly DynamicObject[],
): Promise<void> {
  const stored = new Map((await client.list(resource)).items.map((object) => [object.metadata.name, object]));
  await Promise.all(
    wanted.map((object) => ensure(client, resource, object, stored.get(object.metadata.name))),
  );
}

async function ensure(
  client: Client,
  resource: Resource,
  wanted: DynamicObject,
  found: DynamicObject | undefined,
): Promise<void> {
  const { name } = wanted.metadata;
  let stored = found;
  for (let attempt = 1; ; attempt++) {
    try {
      if (stored !== undefined && hasOtherRole(stored, wanted)) {
        await client.delete(resource, { name }, unchanged(stored));
        stored = undefined;
      }
      const after = stored === undefined ? wanted : reconciled(stored, wanted);
      if (stored === undefined) await client.create(resource, wanted);
      else if (after !== undefined) await client.update(resource, after);
      return;
    } catch (error) {
      if (!isApiError(error, 'Conflict', 'AlreadyExists', 'NotFound') || attempt >= ATTEMPTS) throw error;
      stored = await readAgain(client, resource, name);
    }
  }
}

/** Another server may have put the same one right meanwhile: what it made is not deleted for what was there before. */
function unchanged({ metadata: { uid, resourceVersion } }: DynamicObject): DeleteOptions {
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { preconditions };
}

async function readAgain(
  client: Client,
  resource: Resource,
  name: string,
): Promise<DynamicObject | undefined> {
  try {
    return await client.get(resource, { name });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
