/**
 * One server-side apply of one object: from a manager's wish and what is there to the object that admission gets to see,
 * and who owns what of it afterwards. Pure: conflicts, refusals and the new owners are decided here, time and storage are
 * the caller's.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord, isSameJson } from '../../../machinery/json.ts';
import { apiVersionOf, type DynamicObject } from '../../../machinery/meta.ts';
import type { KindEntry } from '../kindtable.ts';
import { conflictError } from './conflicts.ts';
import { capped, type Managed, managerId, readEntries, writeEntries } from './entries.ts';
import { KUBECTL, unexplained, withLastApplied } from './lastapplied.ts';
import { applyWish } from './ownership.ts';
import { objectShape } from './shape.ts';
import { type Entries, managerOf, shapesOf, updated, type Writer, withEntries } from './tracking.ts';

/** Owns everything that was there when nobody was tracked and somebody began to apply. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

export interface PlannedApply {
  /** What would be stored, before admission. */
  readonly body: Record<string, unknown>;
  /** The entries of the object that admission made of the body. */
  readonly entries: (after: DynamicObject) => Entries;
}

/** What a wish must be, whatever it says. Throws `BadRequest`. */
export function readWish({ kind }: KindEntry, body: unknown): Record<string, unknown> {
  if (!isRecord(body)) {
    throw new ApiError('BadRequest', `an apply patch must be an object, found ${JSON.stringify(body)}`);
  }
  const expected = apiVersionOf(kind);
  const { apiVersion = '', kind: name = '' } = body;
  if (apiVersion !== expected) {
    throw new ApiError(
      'BadRequest',
      `Incorrect version specified in apply patch. Specified patch version: ${String(apiVersion)}, expected: ${expected}`,
    );
  }
  if (name !== kind.kind) {
    throw new ApiError(
      'BadRequest',
      `Incorrect kind specified in apply patch. Specified patch kind: ${String(name)}, expected: ${kind.kind}`,
    );
  }
  const metadata = isRecord(body['metadata']) ? body['metadata'] : {};
  if (metadata['managedFields'] !== undefined && metadata['managedFields'] !== null) {
    throw new ApiError('BadRequest', 'metadata.managedFields must be nil');
  }
  return body;
}

/**
 * @param wish pruned, and without what this way of writing does not write (status, or everything else).
 * Throws `Conflict` naming every field and its owner, unless forced.
 */
export function planApply(
  entry: KindEntry,
  live: DynamicObject | undefined,
  wish: Record<string, unknown>,
  writer: Writer,
  isForced: boolean,
  time: string,
): PlannedApply {
  const manager = managerOf(entry, 'Apply', writer);
  const id = managerId(manager);
  const stored = readEntries(live?.metadata.managedFields);
  const managed = live === undefined || stored.owners.size > 0 ? stored : begun(entry, live, time);
  const of = { id, version: manager.apiVersion };
  const applied = applyWish(shapesOf(entry), live ?? {}, wish, managed.owners, of);
  if (!isForced && applied.conflicts.length > 0) {
    const left =
      writer.name === KUBECTL && live !== undefined
        ? unexplained(objectShape(entry.schema), live, applied.conflicts)
        : applied.conflicts;
    if (left.length > 0) throw conflictError(left, managed.managers);
  }
  const value = isRecord(applied.value) ? applied.value : {};
  return {
    body: writer.name === KUBECTL ? withLastApplied(value, wish) : value,
    entries(after) {
      const old = managed.managers.get(id);
      const draft: Managed = {
        owners: applied.owners,
        managers: old === undefined ? new Map(managed.managers).set(id, manager) : managed.managers,
      };
      const entries = writeEntries(capped(draft), managed.owners);
      // Only when nothing else changed is the time of the last change still that.
      if (live !== undefined && old !== undefined && isSame(live, withEntries(after, entries))) {
        return live.metadata.managedFields;
      }
      const managers = new Map(draft.managers).set(id, { ...manager, time });
      return writeEntries(capped({ owners: applied.owners, managers }), managed.owners);
    },
  };
}

function begun(entry: KindEntry, live: DynamicObject, time: string): Managed {
  const nobody: Managed = { owners: new Map(), managers: new Map() };
  const manager = managerOf(entry, 'Update', { name: BEFORE_FIRST_APPLY });
  return updated(entry, nobody, undefined, live, manager, time);
}

function isSame(before: DynamicObject, after: DynamicObject): boolean {
  const { resourceVersion: _a, ...old } = before.metadata;
  const { resourceVersion: _b, ...now } = after.metadata;
  return isSameJson({ ...before, metadata: old }, { ...after, metadata: now });
}
