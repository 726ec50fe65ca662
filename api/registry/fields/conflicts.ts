/**
 * What an apply that would take fields from others is answered with, in Kubernetes' words: people search for them, and
 * kubectl adds its advice when it sees the causes.
 * Source: apimachinery `managedfields` (conflict.go).
 */
import { ApiError, type StatusCause } from '../../../machinery/errors.ts';
import type { Manager } from './entries.ts';
import { printPath } from './fieldset.ts';
import type { Conflict } from './ownership.ts';

/** Conflicts beyond this are counted and not listed. */
const MAX_LISTED = 100;

/** 409. @param managers who they are, by the owner's id. */
export function conflictError(
  conflicts: readonly Conflict[],
  managers: ReadonlyMap<string, Manager>,
): ApiError {
  const listed = conflicts.slice(0, MAX_LISTED).map(({ owner, path }) => ({
    who: printManager(managers.get(owner), owner),
    field: printPath(path),
  }));
  const causes: StatusCause[] = listed.map(({ who, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${who}`,
    field,
  }));
  return new ApiError('Conflict', conflictMessage(conflicts.length, listed), { causes });
}

function conflictMessage(
  count: number,
  listed: readonly { readonly who: string; readonly field: string }[],
): string {
  const [first] = listed;
  if (count === 1 && first !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${first.who}: ${first.field}`;
  }
  const lines = Object.entries(Object.groupBy(listed, ({ who }) => who))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([who, fields = []]) => [`conflicts with ${who}:`, ...fields.map(({ field }) => `- ${field}`)]);
  const left = count - listed.length;
  if (left > 0) lines.push(`and ${left} more`);
  return `Apply failed with ${count} conflicts: ${lines.join('\n')}`;
}

function printManager(manager: Manager | undefined, id: string): string {
  if (manager === undefined) return JSON.stringify(id);
  const { manager: name, operation, apiVersion, subresource } = manager;
  const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  const version = operation === 'Update' ? ` using ${apiVersion}` : '';
  return `${JSON.stringify(name)}${through}${version}`;
}
