/**
 * `metadata.managedFields` of an object after a write: who wrote is remembered field by field, with the time of its last
 * change. A write that changes nothing leaves the entries exactly as they were, time included.
 *
 * Objects that nobody tracks (from before there were managed fields, or reset with `[{}]`) stay untracked until the first
 * apply. Source: Kubernetes apimachinery `managedfields` (fieldmanager, skipnonapplied, managedfieldsupdater).
 */
import { isSameJson } from '../../../machinery/json.ts';
import { apiVersionOf, type DynamicObject, type ManagedFieldsEntry } from '../../../machinery/meta.ts';
import { invalidObject } from '../admission/fielderrors.ts';
import type { KindEntry } from '../kindtable.ts';
import {
  areEntries,
  capped,
  entryProblems,
  type Managed,
  type Manager,
  managerId,
  parseEntries,
  readEntries,
  writeEntries,
} from './entries.ts';
import { afterUpdate, type ShapeOf } from './ownership.ts';
import { objectShape } from './shape.ts';

export interface Writer {
  readonly name: string;
  readonly subresource?: string | undefined;
}

export type Entries = readonly ManagedFieldsEntry[] | undefined;

/** Versions of a kind differ in nothing but their schema: without a schema of its own, a version is read with this one. */
export function shapesOf(entry: KindEntry): ShapeOf {
  const { storage } = entry;
  return (version) =>
    objectShape(
      storage !== undefined && version === apiVersionOf(storage.kind) ? storage.schema : entry.schema,
    );
}

/**
 * The entries a write starts from: the stored ones, or those it sent on purpose. An empty list means the stored ones, so
 * that clients who do not know the field cannot lose it; `[{}]` forgets everybody. Throws `BadRequest` for what cannot be
 * read and `Invalid` for what may not be.
 */
export function entriesSent(
  { kind }: KindEntry,
  name: string,
  sent: unknown,
  before: Entries,
  subresource: string | undefined,
): Entries {
  if (sent === undefined || sent === null || subresource !== undefined || isSameJson(sent, before))
    return before;
  const parsed = parseEntries(sent, 'metadata.managedFields');
  if (parsed === 'reset') return undefined;
  if (!areEntries(parsed)) {
    throw invalidObject(kind, name, entryProblems(parsed, 'metadata.managedFields'));
  }
  return parsed.length === 0 ? before : parsed;
}

/** The entries after a create, update or patch. `before` is undefined for a new object. */
export function trackUpdate(
  entry: KindEntry,
  before: DynamicObject | undefined,
  after: DynamicObject,
  entries: Entries,
  writer: Writer,
  time: string,
): Entries {
  const managed = readEntries(entries);
  if (managed.owners.size === 0 && before !== undefined) return undefined;
  const tracked = updated(entry, managed, before, after, managerOf(entry, 'Update', writer), time);
  return tracked === managed ? entries : writeEntries(capped(tracked), managed.owners);
}

/** Owners after `before` became `after`; the very ones given when nothing about them changed. */
export function updated(
  entry: KindEntry,
  managed: Managed,
  before: DynamicObject | undefined,
  after: DynamicObject,
  manager: Manager,
  time: string,
): Managed {
  const id = managerId(manager);
  const writer = { id, version: manager.apiVersion };
  const { owners, isWriter } = afterUpdate(shapesOf(entry), before ?? {}, after, managed.owners, writer);
  if (!isWriter || managed.managers.get(id)?.time === time) {
    return owners === managed.owners ? managed : { owners, managers: managed.managers };
  }
  return { owners, managers: new Map(managed.managers).set(id, { ...manager, time }) };
}

export function managerOf(
  { kind }: KindEntry,
  operation: Manager['operation'],
  { name, subresource }: Writer,
): Manager {
  return {
    manager: name,
    operation,
    apiVersion: apiVersionOf(kind),
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** The object with these entries; the same object when they are its own. */
export function withEntries(object: DynamicObject, entries: Entries): DynamicObject {
  if (object.metadata.managedFields === entries) return object;
  const { managedFields: _old, ...metadata } = object.metadata;
  return {
    ...object,
    metadata: entries === undefined ? metadata : { ...metadata, managedFields: [...entries] },
  };
}
