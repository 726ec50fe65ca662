/**
 * Deletion of everything that selectors select: one object after another in key order, each with its own checks, its
 * own commit and its own finalizers. It is no transaction: what was deleted before an error stays deleted.
 * Source: Kubernetes API concepts, "deletecollection".
 */
import type { DeleteOptions } from '../../machinery/client.ts';
import { ApiError, isApiError } from '../../machinery/errors.ts';
import { keyOf } from '../../machinery/meta.ts';
import type { Noted } from './authors.ts';
import type { Judge } from './commits.ts';
import type { Deletes } from './deletes.ts';
import type { ServedEntry } from './kinds/kinds.ts';
import type { Reads } from './reads.ts';
import type { DeleteCollectionOptions, StoredObject } from './types.ts';

export interface CollectionParts {
  readonly reads: Reads;
  readonly deletes: Deletes;
}

/** Answers with the objects as they were last seen. Rejects with what refused one of them. */
export async function deleteSelected(
  { reads, deletes }: CollectionParts,
  served: ServedEntry,
  options: DeleteCollectionOptions & Noted,
  judge: Judge,
): Promise<readonly StoredObject[]> {
  const { namespace: _in, labelSelector: _labels, fieldSelector: _fields, limit = 0, ...rest } = options;
  const deletion: DeleteOptions & Noted = rest;
  const selected = reads.select(served, options);
  const found = limit > 0 ? selected.slice(0, limit) : selected;
  deletes.refuseAny(served.entry, found);
  const items: StoredObject[] = [];
  for (const { object } of found) {
    if (options.signal?.aborted === true) {
      throw new ApiError(
        'Timeout',
        `the request was cancelled by its caller after ${items.length} of ${found.length}`,
      );
    }
    try {
      items.push((await deletes.delete(served.entry, keyOf(object), deletion, judge)).stored);
    } catch (error) {
      // Somebody else was faster: it is gone, which is what was asked for.
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  return items;
}
