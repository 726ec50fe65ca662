/**
 * What a namespace says to a new object in it: it must be there, and not be going away.
 * Source of the wording: Kubernetes' NamespaceLifecycle admission.
 */
import { forbiddenObject, notFound } from '../../machinery/errors.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { namespaces } from '../../schemas/kinds.ts';
import { isTerminating } from './admission/rules/namespace.ts';
import type { CacheOf } from './cache/cacheof.ts';
import type { KindEntry } from './kindtable.ts';

/** Throws `NotFound` or `Forbidden`. */
export function requireOpenNamespace(
  { kind }: KindEntry,
  { metadata }: DynamicObject,
  cacheOf: CacheOf,
): void {
  const { name, namespace } = metadata;
  const cache = cacheOf(namespaces);
  if (!kind.namespaced || namespace === undefined || cache === undefined) return;
  const found = cache.get(namespace);
  if (found === undefined) throw notFound(namespaces, namespace);
  if (!isTerminating(found.object)) return;
  throw forbiddenObject(
    kind,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}
